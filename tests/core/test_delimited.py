"""Text tables: what is written back is what was read, character for character."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.delimited import DelimitedFile, unquote
from napari_artifact_review.core.errors import ReviewError, TableError
from napari_artifact_review.core.predictions import inspect_predictions
from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.core.splitting import _split_any, _split_regular

HEADER = ["image_name", "grid_x", "grid_y", "label", "preds", "note"]
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}


def encoded(text: str, encoding: str) -> bytes:
    return ENCODINGS[encoding] + text.encode(encoding.removesuffix("-sig"))


def rewritten(data: bytes) -> bytes:
    stream = io.BytesIO()
    DelimitedFile.from_bytes(data).write(stream, {})
    return stream.getvalue()


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, str]:
    """Bytes of a sound table with hostile notes, and its delimiter."""
    delimiter = draw(st.sampled_from(",;\t|"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    hostile = st.text(st.sampled_from("ab ,;\t|\"\n\r'#é漢😀\u2028\x85"), max_size=8)
    notes = draw(st.lists(hostile, min_size=1, max_size=5))

    def spelled(note: str) -> str:
        must = any(c in note for c in f'{delimiter}"\r\n')
        quoted = '"' + note.replace('"', '""') + '"'
        return quoted if must or draw(st.booleans()) else note

    rows = [HEADER]
    for i, note in enumerate(notes):
        label = draw(st.sampled_from(["0", "1", "0.0", "1.0", '"1"', " 1", "tRUE"]))
        rows.append([f"im{i % 2}", str(i * 200), "0", label, "1", spelled(note)])
    blank = st.sampled_from(["", "", "", end, "  " + end])
    text = draw(blank) + "".join(
        delimiter.join(row) + end + draw(blank) for row in rows
    )
    if draw(st.booleans()):
        text = text.rstrip("\r\n ") if notes[-1].strip() else text
    data = encoded(text, draw(st.sampled_from(list(ENCODINGS))))
    return (gzip.compress(data, mtime=0) if draw(st.booleans()) else data), delimiter


def unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@settings(max_examples=150)
@given(tables())
def test_any_table_comes_back_byte_for_byte(table):
    data, _ = table
    assert unpacked(rewritten(data)) == unpacked(data)
    assert rewritten(data).startswith(b"\x1f\x8b") == data.startswith(b"\x1f\x8b")


@settings(max_examples=60)
@given(tables(), st.sampled_from(["artifact", "no artifact"]))
def test_other_programs_read_the_same_cells_from_the_saved_table(table, verdict):
    data, delimiter = table
    suffix = ".csv.gz" if data.startswith(b"\x1f\x8b") else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, f"in{suffix}"), Path(folder, f"out{suffix}")
        path.write_bytes(data)
        session = ReviewSession.open(path, output=out, reviewer="me")
        session.set_label(verdict)
        session.save()
        raw = unpacked(data)
        encoding = "utf-16" if raw[:1] in b"\xff\xfe" else "utf-8-sig"
        before, after = (
            pd.read_csv(
                p, sep=delimiter, dtype=str, keep_default_na=False, encoding=encoding
            )
            for p in (path, out)
        )
        pd.testing.assert_frame_equal(after[before.columns], before)
        assert list(after.columns) == [
            *HEADER, "error_id", "label_new", "reviewed_by", "reviewed_at",
        ]  # fmt: skip
        row = session.current.name
        assert after["reviewed_by"].tolist() == [
            "me" if i == row else "" for i in range(len(after))
        ]


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from('ab "é'), max_size=4), min_size=2, max_size=2),
        min_size=2,
        max_size=5,
    ),
    st.sampled_from([",", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_the_fast_way_splits_as_the_careful_one(rows, delimiter, end, ended):
    text = end.join(delimiter.join(row) for row in rows) + end * ended
    fast = _split_regular(text, delimiter, 1)
    if fast is None:
        return
    slow = _split_any(text, delimiter, 1)
    assert fast.names == slow.names
    pd.testing.assert_frame_equal(fast.cells, slow.cells)
    np.testing.assert_array_equal(fast.lines, slow.lines)
    assert (fast.lead, fast.ends, fast.last_end) == ("", slow.ends, slow.last_end)
    assert fast.line_end == slow.line_end


def test_regular_text_goes_the_fast_way_quoted_or_not():
    for text in ("a,b\n1,2\n", 'a,"b"\n"x y","say ""hi"""\n', "a,b\r\n1,2"):
        assert _split_regular(text, ",", 1) is not None
    for text in ("a,b\n1,2\n\n3,4\n", 'a,b\n"1,2",3\n', "a,b\n1\n", "a,b\r\n1,2\n3,4"):
        assert _split_regular(text, ",", 1) is None


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_delimiter_and_encoding_are_found(encoding, delimiter):
    text = f"image_name{delimiter}grid_x\r\nnuit étoilée{delimiter}0"
    file = DelimitedFile.from_bytes(encoded(text, encoding))
    assert file.values.to_dict("list") == {
        "image_name": ["nuit étoilée"],
        "grid_x": ["0"],
    }
    assert rewritten(encoded(text, encoding)) == encoded(text, encoding)


def test_bytes_that_are_no_utf8_are_latin1():
    data = "image_name,grid_x\nétoile,0\n".encode("latin-1")
    file = DelimitedFile.from_bytes(data)
    assert file.values["image_name"].tolist() == ["étoile"]
    assert "LATIN-1" in file.description
    assert rewritten(data) == data


def test_the_delimiter_is_the_one_that_names_the_grid():
    text = "a|b|c|d|e|image_name,grid_x\n1|2,3\n"
    file = DelimitedFile.from_bytes(text.encode())
    assert list(file.values.columns) == ["a|b|c|d|e|image_name", "grid_x"]


def test_a_line_break_in_a_quoted_cell_does_not_change_the_line_ends_of_the_file():
    data = b'image_name,note\na,"one\r\ntwo"\nb,x\n'
    assert rewritten(data) == data


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\r\n3,4\n", "\n\na,b\n\n1,2\n  \n3,4\n\n\n", "a,b\r1,2\r", "a,b\n1,2"],
)
def test_uneven_line_ends_and_blank_lines_stay(text):
    assert rewritten(text.encode()) == text.encode()


def test_rows_know_their_lines():
    file = DelimitedFile.from_bytes(b'\na,b\n"1\n1",2\n\n3,4\n5,6\n')
    assert [file.place(row) for row in range(3)] == ["line 3", "line 6", "line 7"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"a,b\n1,2\n1,2,3\n", "line 3: 3 cells where the header has 2"),
        (b'a,b\n"1",2\n\n1\n', "line 4: 1 cells where the header has 2"),
        (b'a,b\n1,"2\n3,4\n', "line 2: a quote is opened"),
        (b'a,b\n"x\ny","z\n', "line 3: a quote is opened"),
        (b"a,b\n1,\x002\n", "line 2: a NUL byte"),
        (b"\xff\xfea", "UTF-16"),
        (gzip.compress(b"a,b\n1,2\n")[:-6], "gzip stream is damaged"),
        (b"\x1f\x8b" + b"\x00" * 20, "gzip stream is damaged"),
    ],
)
def test_a_fault_is_named_with_its_line(data, what, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    _, [fault] = inspect_predictions(path)
    assert what in str(fault)
    assert fault.path == path
    assert fault.remedy


@given(st.text(st.sampled_from('ab,"\n\r'), max_size=6))
def test_what_is_spelled_means_the_same(value):
    file = DelimitedFile.from_bytes(b"a,b\n")
    assert unquote(file.spell(value)) == value
    [row] = csv.reader(io.StringIO(f"x,{file.spell(value)}", newline=""))
    assert row == ["x", value]


SOUND = b'image_name,grid_x,grid_y,label,confidence\na,0,0,"1",0.5\na,200,0,0,0.97\n'


def inspect(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_bytes(data)
        predictions, faults = inspect_predictions(path)
    assert (predictions is None) == bool(faults)
    assert all(isinstance(fault, ReviewError) for fault in faults)


@settings(max_examples=150)
@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\x1f\x8b\x08", b"# %ECSV 1.0\n"])
)
def test_any_bytes_are_a_table_or_a_fault(data, start):
    inspect(start + data)


@settings(max_examples=150)
@given(st.integers(0, len(SOUND)), st.integers(0, 6), st.binary(max_size=4))
def test_a_mutated_table_is_a_table_or_a_fault(at, length, mutation):
    inspect(SOUND[:at] + mutation + SOUND[at + length :])


def test_a_missing_file_is_a_fault(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        ReviewSession.open(tmp_path / "none.csv")
