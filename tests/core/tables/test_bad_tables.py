"""Bad predictions tables, the whole list: one clear fault each, or a correct reading.

A fault names its line and column and what to do; what is read is also written back
byte for byte.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import tracemalloc
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import (
    inspect_predictions,
    read_predictions,
)

HEADER = "image_name,grid_x,grid_y,label,preds,confidence,error_id"
ROW = "a,0,0,0,1,0.5,1"


def table(*rows: str, header: str = HEADER) -> str:
    return "".join(f"{line}\n" for line in (header, *rows))


def put(folder: Path, contents: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return path


# The file and its columns


@pytest.mark.parametrize(
    ("contents", "where", "what"),
    [
        pytest.param("", None, "the table is empty", id="empty file"),
        pytest.param(" \n\n", None, "the table is empty", id="blank lines"),
        pytest.param(codecs.BOM_UTF8, None, "the table is empty", id="BOM alone"),
        pytest.param(table(), None, "a header but no rows", id="header only"),
        pytest.param(
            table("a,0,0,1", header="image_name,grid_x,grid_y,preds"),
            None,
            "no column label; the columns are 'image_name', 'grid_x'",
            id="column missing",
        ),
        pytest.param(
            table("a,0,0,1", header="image_name,grid_x,grid_y,label"),
            None,
            "no column preds (or confidence)",
            id="neither preds nor confidence",
        ),
        pytest.param(
            table("1,2", header="x,y"),
            None,
            "no column image_name, grid_x, grid_y, label, preds (or confidence)",
            id="another table",
        ),
        pytest.param(
            table(f"{ROW},0", header=f"{HEADER},preds"),
            None,
            "more than one column is named 'preds'",
            id="column twice",
        ),
        pytest.param(
            table(f"{ROW},0", header=f'{HEADER},"label"'),
            None,
            "more than one column is named 'label'",
            id="column twice, quoted",
        ),
        pytest.param(
            table(ROW, "b,0,0,0,1,0.5,2,9"),
            "line 3",
            "8 cells where the header has 7",
            id="ragged, long",
        ),
        pytest.param(
            table(f'"a\nb",{ROW[2:]}', "", "b,0"),
            "line 5",
            "2 cells where the header has 7",
            id="ragged, short, after a quoted line break",
        ),
        pytest.param(
            table('b,0,0,0,1,0.5,"2', ROW),
            "line 2",
            "a quote is opened here and never closed",
            id="unclosed quote",
        ),
        pytest.param(
            table(f'"a\nb",{ROW[2:]}', 'b,0,0,0,1,"0.5,2'),
            "line 4",
            "a quote is opened here and never closed",
            id="unclosed quote after a quoted line break",
        ),
        pytest.param(
            table(ROW, "b,0,0,\x000,1,0.5,2"), "line 3", "a NUL byte", id="NUL byte"
        ),
        pytest.param(
            table(ROW).encode("utf-16-le"), "line 1", "a NUL byte", id="UTF-16, no BOM"
        ),
        pytest.param(
            codecs.BOM_UTF16_LE + b"a", None, "byte 0 is not UTF-16", id="UTF-16, cut"
        ),
        pytest.param(
            table("a;0;0;0;1;0,5;1", header=HEADER.replace(",", ";")),
            "line 2, column confidence",
            "'0,5' is not a probability",
            id="decimal commas",
        ),
        pytest.param(
            gzip.compress(table(ROW).encode())[:-6],
            None,
            "gzip stream is damaged",
            id="gzip, cut",
        ),
        pytest.param(
            b"\x1f\x8b" + bytes(20), None, "gzip stream is damaged", id="gzip, no"
        ),
        pytest.param(
            table("a,0,0,0,0,0.5,", ROW, "a,0.0,0,0,1,0.5,2"),
            "line 3, column image_name",
            "the cutout a (0, 0) is already in line 2 (and 1 more fault)",
            id="the same cutout twice, and again",
        ),
        pytest.param(
            table(ROW, "b,0,0,1,0,0.5,01"),
            "line 3, column error_id",
            "1 is already used in line 2",
            id="error_id twice",
        ),
        pytest.param(
            table(ROW, "b,0,0,1,0,0.5,"),
            "line 3, column error_id",
            "the error has no error_id",
            id="error_id missing",
        ),
        pytest.param(
            table(ROW, "b,0,0,1,0,0.5,0"),
            "line 3, column error_id",
            "the error has no error_id",
            id="error_id 0",
        ),
        pytest.param(
            table("a,0,0,0,", header="image_name,grid_x,grid_y,label,confidence"),
            "line 2, column confidence",
            "no confidence, and there is no column preds",
            id="neither preds nor a confidence in that row",
        ),
        pytest.param(
            table("a,0,0,0,93%", header="image_name,grid_x,grid_y,label,confidence"),
            "line 2, column confidence",
            "'93%' is not a probability",
            id="no preds and a bad confidence",
        ),
    ],
)
def test_a_bad_file_is_one_fault(tmp_path, contents, where, what):
    path = put(tmp_path, contents)
    with pytest.raises(TableError) as caught:
        read_predictions(path)
    assert (caught.value.path, caught.value.where) == (path, where)
    assert what in caught.value.what
    assert ("more fault" in caught.value.what) == ("more fault" in what)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "contents",
    [
        pytest.param(table(ROW), id="plain"),
        pytest.param(table(ROW).replace(",", ";"), id="semicolons"),
        pytest.param(table(ROW).replace(",", "\t"), id="tabs"),
        pytest.param(table(ROW).replace("\n", "\r\n"), id="CRLF"),
        pytest.param(table(ROW).replace("\n", "\r"), id="CR"),
        pytest.param(table(ROW).rstrip(), id="no line end at the end"),
        pytest.param(codecs.BOM_UTF8 + table(ROW).encode(), id="BOM"),
        pytest.param(
            codecs.BOM_UTF16_LE + table(ROW).encode("utf-16-le"), id="UTF-16-LE"
        ),
        pytest.param(
            codecs.BOM_UTF16_BE + table(ROW).encode("utf-16-be"), id="UTF-16-BE"
        ),
        pytest.param(
            table(f"{ROW},é\xa0", header=f"{HEADER},remark").encode("latin-1"),
            id="Latin-1",
        ),
        pytest.param(
            table(f'{ROW},=1+1,"=A1,B2",-', header=f"{HEADER},sum,=x,remark"),
            id="extra columns, cells that begin with =",
        ),
        pytest.param(
            table(f'{ROW},"a ""b""\n;c"', header=f"{HEADER},remark"), id="quotes"
        ),
    ],
)
def test_a_file_is_read_however_it_is_spelled_and_written_back(tmp_path, contents):
    path = put(tmp_path, contents)
    found = read_predictions(path)
    assert found.image_names == ("a",)
    assert (found.grid_x.tolist(), found.confidence.tolist()) == ([0], [0.5])
    assert (found.label.tolist(), found.preds.tolist()) == ([0], [1])
    assert rewritten(found) == path.read_bytes()


def rewritten(found) -> bytes:
    stream = io.BytesIO()
    found.file.write(stream, {})
    return stream.getvalue()


# Cells


LABEL = "is not 0 or 1"
CONFIDENCE = "is not a probability"
PIXELS = "is not a whole number of pixels"
NUMBER = "is not a whole number below 2**63"


@pytest.mark.parametrize(
    ("column", "cell", "meaning"),
    [
        *(("label", cell, 1) for cell in ("1", "1.0", "True", "tRUE", " 1 ")),
        *(("label", cell, 0) for cell in ("0", "0.0", "False", " 0 ")),
        *(
            (column, cell, meaning)
            for column in ("label", "preds", "label_new")
            for cell, meaning in (
                *((one, 1) for one in ("1.000000000000000000e+00", "1e0", "+1", "01")),
                *((zero, 0) for zero in ("0.000e+00", "-0", "00", "0E5")),
            )
        ),
        ("preds", "True", 1),
        ("label_new", "1.0", 1),
        ("label_new", "", 0),
        *(("confidence", cell, float(cell)) for cell in ("0", "1", ".5", "1E-3")),
        *(("grid_x", cell, 200) for cell in ("200", "200.0", "2E2", " 200 ", "0200")),
        ("grid_x", "-200", -200),
        ("grid_y", "-0.0", 0),
        ("error_id", "007", 7),
        ("error_id", "7E2", 700),
        ("error_id", "9007199254740993", 2**53 + 1),
        ("error_id", "9223372036854775807", 2**63 - 1),
        *(("image_name", cell, cell) for cell in ("007", "1e3", "=a", "a b", "NA")),
        *(("image_name", cell, "c") for cell in (" c", "c ", "\tc  ")),
        ("image_name", "9007199254740993", "9007199254740993"),
        ("image_name", "a" * 300, "a" * 300),
    ],
)
def test_a_cell_means_what_it_says_and_is_written_back(tmp_path, column, cell, meaning):
    path = put(tmp_path, with_cell(column, cell))
    found = read_predictions(path)
    if column == "image_name":
        assert found.image_names[1] == meaning
    else:
        assert getattr(found, column)[1] == meaning
    assert rewritten(found) == path.read_bytes()


@pytest.mark.parametrize(
    ("column", "cell", "what"),
    [
        *(("label", cell, LABEL) for cell in ("", "NA", "nan", "2", "-1", "pos")),
        *(
            ("label", cell, LABEL)
            for cell in ("1e", "1_0", "0x1", "1.0000000000000001")
        ),
        *(
            ("label", cell, LABEL)
            for cell in ("1e-400", "1e9999999999999999999", "\u0661")
        ),
        *(("preds", cell, LABEL) for cell in ("", "yes", "0.5")),
        *(("label_new", cell, LABEL) for cell in ("NA", "2")),
        *(
            ("confidence", cell, CONFIDENCE)
            for cell in (
                *("inf", "-inf", "-0.1", "1.7", "1.0000001", "93%"),
                *("0,95", "1_0", "x", "1e", "\u0661"),
            )
        ),
        *(
            ("grid_x", cell, PIXELS)
            for cell in (
                *("", "0.5", "x", "1_000", "0x10", "nan", "inf", "1e999999999999"),
                "9223372036854775808",
            )
        ),
        ("grid_y", "1.25", PIXELS),
        *(
            ("error_id", cell, NUMBER)
            for cell in ("1.5", "one", "9223372036854775808", "#1")
        ),
        ("image_name", "", "the name is empty"),
    ],
)
def test_a_bad_cell_is_one_fault_with_line_and_column(tmp_path, column, cell, what):
    path = put(tmp_path, with_cell(column, cell))
    [fault] = inspect_predictions(path).faults
    assert (fault.path, fault.where) == (path, f"line 3, column {column}")
    assert what in fault.what
    assert fault.remedy


def with_cell(column: str, cell: str) -> str:
    """Return a table with a cell in its second row."""
    columns = f"{HEADER},label_new".split(",")
    row = dict(zip(columns, ("b", 9, 9, 0, 1, 0.5, 2, 0), strict=True))
    row[column] = f'"{cell}"' if "," in cell else cell
    return table(f"{ROW},0", ",".join(map(str, row.values())), header=",".join(columns))


@pytest.mark.parametrize(
    ("cell", "opposite"),
    [
        ("0.000e+00", "1.000e+00"),
        ("1.000e+00", "0.000e+00"),
        ("0e+00", "1"),
        (" 00 ", " 1 "),
        ("+1", "+0"),
        ("01", "00"),
        ('"0E5"', '"1"'),
        ("FALSE", "TRUE"),
    ],
)
def test_a_new_label_has_the_notation_of_the_others_and_its_value(
    tmp_path, cell, opposite
):
    path = put(
        tmp_path, table(f"a,0,0,{cell},1", header=HEADER[: HEADER.index(",con")])
    )
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    with ReviewSession.open(path, cutout_size=4, reviewer="ada") as session:
        label = session.predictions.label[0]
        session.set_label("no artifact" if label else "artifact")
        output = session.save()
    columns, row = (line.split(",") for line in output.read_text().splitlines())
    assert row[columns.index("label")] == cell
    assert row[columns.index("label_new")] == opposite
    assert read_predictions(output).label_new.tolist() == [1 - label]


# All faults at once


def test_every_fault_is_told_however_many_there_are(tmp_path):
    contents = table(
        "a,0,0,2,0,0.5,1",
        "a,0,0,0,1,7,x",
        ",1,1,1,1,0.5,",
        "short,1",
        "b,x,0,0,no,0.5,",
        "c,0,0,0,1,0.5,8",
        "d,0,0,0,1,0.5,8",
        'e,0,0,0,1,0.5,"8',
    )
    faults = inspect_predictions(put(tmp_path, contents)).faults
    assert [fault.where for fault in faults] == [
        "line 5",
        "line 9",
        "line 4, column image_name",
        "line 6, column grid_x",
        "line 3, column image_name",
        "line 2, column label",
        "line 3, column confidence",
        "line 6, column preds",
        "line 3, column error_id",
        "line 8, column error_id",
    ]  # fmt: skip
    with pytest.raises(TableError, match=r"line 5.*\(and 9 more faults\)"):
        read_predictions(tmp_path / "t.csv")


def test_a_missing_column_hides_no_other_fault_and_is_told_once(tmp_path):
    contents = table("a,x,2,1", "b,0,1,1", header="image_name,grid_x,label,preds")
    faults = inspect_predictions(put(tmp_path, contents)).faults
    assert [fault.where for fault in faults] == [
        None,
        "line 2, column grid_x",
        "line 2, column label",
    ]
    assert "no column grid_y;" in faults[0].what


def test_a_label_that_cannot_be_read_makes_no_error_without_an_id(tmp_path):
    contents = table("a,0,0,pos,1,0.5,", "b,0,0,0,yes,0.5,")
    faults = inspect_predictions(put(tmp_path, contents)).faults
    assert [fault.where for fault in faults] == [
        "line 2, column label",
        "line 3, column preds",
    ]


# Files that may not be read at all


def test_a_missing_table_is_a_fault(tmp_path):
    with pytest.raises(TableError, match="cannot be read") as caught:
        read_predictions(tmp_path / "t.csv")
    assert caught.value.path == tmp_path / "t.csv"


@pytest.mark.parametrize("kind", ["device", "folder"])
def test_a_table_that_is_no_file_of_bytes_is_not_read(tmp_path, kind):
    path = tmp_path / "t.csv"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(os.devnull)
    with pytest.raises(TableError, match="this is not a regular file"):
        read_predictions(path)


@pytest.mark.parametrize("kind", ["compressed", "plain"])
def test_a_table_that_would_fill_the_memory_is_not_read(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(
        "napari_artifact_review.core.tables.table_file.MOST_BYTES", 2**20
    )
    contents = table(ROW).encode() + b"\n" * 2**25
    path = put(tmp_path, gzip.compress(contents) if kind == "compressed" else contents)
    tracemalloc.start()
    try:
        with pytest.raises(TableError, match="holds more than"):
            read_predictions(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


# Names of images


ANGSTROM = "Ångström-é"
NFC, NFD = (unicodedata.normalize(form, ANGSTROM) for form in ("NFC", "NFD"))
NO_FILE = "this is not a regular file"
NONE = "not found"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Make a folder of images beside another one, with links into that."""
    folder = tmp_path / "images"
    names = ("a.npy", "b.npy", "B.npy", "007.npy", "night/a.npy", "../other/a.npy")
    for name in (*names, f"nfc-{NFC}.npy", f"nfd-{NFD}.npy", f"{NFD}/a.npy"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, np.zeros((4, 4)))
    (folder / "link.npy").symlink_to("../other/a.npy")
    (folder / "linked").symlink_to("../other")
    (folder / "zero.npy").symlink_to("/dev/zero")
    (folder / "loop.npy").symlink_to("loop.npy")
    (folder / "gone.npy").symlink_to("nowhere.npy")
    (folder / "folder.npy").mkdir()
    os.mkfifo(folder / "pipe.npy")
    return folder


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *((name, None) for name in ("a", "a.npy", "a.NPY", "./a", "007", "night/a")),
        pytest.param("a ", None, id="a blank at the end"),
        pytest.param(" night/a  ", None, id="blanks around it"),
        pytest.param("link", None, id="a link out of the folder is the user's own"),
        pytest.param("linked/a", None, id="a linked folder, too"),
        pytest.param(f"nfc-{NFD}", None, id="NFD in the table, NFC on disk"),
        pytest.param(f"nfd-{NFC}", None, id="NFC in the table, NFD on disk"),
        pytest.param(f"{NFC}/a", None, id="the same of a folder"),
        *((name, None) for name in ("b", "B")),
        pytest.param("A", NONE, id="upper case in the table, lower case on disk"),
        ("7", NONE),
        ("aa", NONE),
        ("night/b", None),
        ("night/c", NONE),
        ("/etc/passwd", NONE),
        ("../other/c", NONE),
        pytest.param("/dev/zero", NO_FILE, id="zero.npy in the folder"),
        *((name, None) for name in ("../other/a", "x/../a", "night/../a", "/data/a")),
        *((name, "not a file name") for name in (".", "..")),
        *((name, NO_FILE) for name in ("zero", "pipe", "folder")),
        ("loop", "cannot be read"),
        ("gone", "there is no such file"),
        pytest.param("a" * 300, NONE, id="300 characters"),
        pytest.param("a" * 300 + "/c", NONE, id="a folder of 300"),
    ],
)
def test_a_name_finds_its_image_or_is_a_fault_of_its_row(archive, name, what):
    path = put(archive.parent, table(f"{name},0,0,0,1,0.5,1"))
    faults = check_review(path, archive)[1]
    if what is None:
        assert faults == []
    else:
        [fault] = faults
        assert (fault.path, fault.where) == (path, "line 2, column image_name")
        assert what in fault.what
        assert fault.remedy


def test_a_name_with_and_without_blanks_is_one_image(archive):
    rows = ["a,0,0,0,1,0.5,1", "a ,0,4,0,1,0.5,2", "  a,0,4,0,1,0.5,3"]
    path = put(archive.parent, table(*rows))
    [fault] = inspect_predictions(path).faults
    assert fault.where == "line 4, column image_name"
    assert "(0, 4) is already in line 3" in fault.what
    put(archive.parent, table(*rows[:2]))
    with ReviewSession.open(path, archive, cutout_size=4, reviewer="ada") as session:
        assert list(session.table["image_name"]) == ["a", "a"]
        session.select("a", 0, 4)
        session.set_label("artifact")
        session.save()
        written = session.output.read_text().splitlines()
    assert [line.partition(",")[0] for line in written] == ["image_name", "a", "a "]
