"""Text tables are read as other programs write them, and written back so."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.delimited import DelimitedFile
from napari_artifact_review.core.tables.reading import (
    inspect_predictions,
    read_predictions,
)
from napari_artifact_review.core.tables.table_formats import read_table_file

HEADER = "image_name,grid_x,grid_y,label,preds"
ROWS = ["a,0,0,0,1", "b,200,0,1,1"]
TABLE = "\n".join([HEADER, *ROWS, ""])
SPACED = TABLE.replace(",", " ").splitlines()
BLANKS = TABLE.replace(",", "  ")


def put(folder: Path, text: str, name: str = "in.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def written(file: DelimitedFile, **edits: list[str]) -> str:
    stream = io.BytesIO()
    file.write(stream, {name: pd.Series(cells) for name, cells in edits.items()})
    return stream.getvalue().decode()


def read(text: str, *wanted: str) -> DelimitedFile:
    more = (wanted,) if wanted else ()
    return DelimitedFile.from_bytes(text.encode(), *more)


def reviewed(folder: Path, text: str, name: str = "out.csv") -> str:
    """Save a review of a table with one verdict, and return the saved text."""
    path, output = put(folder, text), folder / name
    with ReviewSession.open(path, output=output, reviewer="me") as session:
        session.set_label("artifact")
        session.save()
    return output.read_bytes().decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TABLE, id="ordinary"),
        pytest.param("sep=;\n" + TABLE.replace(",", ";"), id="Excel's first line"),
        pytest.param('"sep=|"\r\n' + TABLE.replace(",", "|"), id="quoted"),
        pytest.param("SEP=~\n" + TABLE.replace(",", "~"), id="unusual delimiter"),
        pytest.param(f"# night 3\n#grid_x,ours\n\n{TABLE}", id="comments"),
        pytest.param(
            f"sep=~\n# grid_x\n{TABLE}".replace(",", "~"), id="unusual, comment"
        ),
        pytest.param(f"# night 3\n# {TABLE}", id="commented header"),
        pytest.param(f"#{TABLE}", id="commented header without a blank"),
        pytest.param(f"# {TABLE}".replace("\n", "\n\n", 1), id="blank line after it"),
        pytest.param(f"# night 3\n#   {BLANKS}", id="commented header, aligned"),
        pytest.param("# a\r# b\r" + TABLE.replace("\n", "\r"), id="comments, CR"),
        pytest.param(TABLE.replace(",1\n", ",1,\n"), id="rows with one more comma"),
        pytest.param(TABLE.replace("0,1\n", "0,1,, \n"), id="one row with more"),
        pytest.param(f"{HEADER},,\n{ROWS[0]}\n{ROWS[1]},", id="header with more"),
        pytest.param(TABLE.replace("\n", ",,\n"), id="unnamed columns everywhere"),
        pytest.param(f"{TABLE},,,,\n,,,,\n", id="empty rows at the end"),
        pytest.param(f"{TABLE.rstrip()}\n,,,,", id="empty row without line end"),
        pytest.param(f"{TABLE},,,,\n\n , \n,,,,,,", id="uneven empty rows"),
        pytest.param(BLANKS, id="several blanks"),
        pytest.param(TABLE.replace(",", " "), id="single blanks"),
        pytest.param("  " + BLANKS.replace("\n", "  \n    "), id="blanks at both ends"),
        pytest.param(BLANKS.replace("a ", ' "a" '), id="blanks and quotes"),
        pytest.param(
            re.sub(r"(?m)^(\w+)(.*)$", r'"\1"\2  ', BLANKS),
            id="blanks after lines with quotes",
        ),
        *(
            pytest.param("\n".join(f"{a}{line}{b}" for line in SPACED), id=name)
            for a, b, name in ((" ", "", "a blank first"), ("", " ", "a blank last"))
        ),
    ],
)
def test_a_table_is_read_as_it_is_and_written_back(text):
    file = read(text)
    assert not file.faults
    assert written(file) == text
    columns = HEADER.split(",")
    assert list(file.values.columns)[:5] == columns
    assert len(file.values.columns) == (7 if text.endswith("1,,\n") else 5)
    assert [
        [cell.strip() for cell in row] for row in file.values[columns].to_numpy()
    ] == [row.split(",") for row in ROWS]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (TABLE, ["{}", "{}"]),
        (TABLE.replace(",1\n", ",1,\n"), ["{},", "{},"]),
        (f"{TABLE},,,,\n", ["{}", "{}", ",,,,"]),
        (f"sep=,\n# x\n# {TABLE}", ["{}", "{}"]),
    ],
)
def test_new_columns_follow_the_last_column(text, rows):
    changed = written(read(text), label_new=["0", "1"])
    head = text[: text.index(HEADER)] + f"{HEADER},label_new\n"
    new = [f"{row},{i}" for i, row in enumerate(ROWS)] + [""]
    lines = [row.format(cell) for row, cell in zip(rows, new, strict=False)]
    assert changed == head + "\n".join(lines) + "\n"


def test_a_new_column_stands_before_the_blanks_at_the_end_of_a_line():
    changed = written(read(BLANKS.replace("\n", "   \n")), new=["0", "1"])
    assert [line[-7:] for line in changed.splitlines()] == [
        " new   ",
        " 1 0   ",
        " 1 1   ",
    ]


def test_a_replaced_cell_leaves_the_others_where_they_are():
    text = "image_name  grid_x  label\n  a         0       1\n"
    changed = "image_name  grid_x  label\n  a 7       1\n"
    assert written(read(text), grid_x=["7"]) == changed


@pytest.mark.parametrize("name", ["out.csv", "out.tsv"])
@pytest.mark.parametrize(
    "text",
    [
        f"sep=;\n# night 3\n{TABLE}".replace(",", ";"),
        f"# {BLANKS}",
        f"#,{HEADER}\n1,{ROWS[0]},\n2,{ROWS[1]}\n",
        f"{TABLE},,,,\n",
        f"  {BLANKS}   \n",
    ],
)
def test_a_review_of_such_a_table_is_saved_and_resumed(tmp_path, text, name):
    saved = reviewed(tmp_path, text, name)
    again = read_predictions(tmp_path / name)
    assert again.image_names == ("a", "b")
    assert again.label_new.tolist() == [1, 1]
    assert again.grid_x.tolist() == [0, 200]
    assert list(again.file.values.columns)[-3:] == ["decision", "kind", "note"]
    if name == "out.tsv":
        assert set(",; ").isdisjoint(saved.partition("image_name")[2])
    assert saved.startswith("sep=") == (text.startswith("sep=") and name == "out.csv")


def test_the_sign_of_comments_is_the_name_of_the_first_column_if_no_other_follows():
    for delimiter in ",\t":
        text = f"#,{HEADER}\n1,{ROWS[0]}\n".replace(",", delimiter)
        assert list(read(text).values.columns) == ["#", *HEADER.split(",")]
        assert written(read(text)) == text


def test_a_comment_is_the_header_of_values_that_it_fits_only():
    text = "# img,x\na,0\nb,200\n"
    assert list(read(text).values.columns) == ["img", "x"]
    assert list(read(f"# img,x\n{TABLE}").values.columns) == HEADER.split(",")
    assert list(read("# img,x\nm,y\na,0\n").values.columns) == ["m", "y"]
    for comment in ("# img", "# 2024,7", "# img,x,y"):
        with pytest.raises(TableError, match="holds values"):
            read(text.replace("# img,x", comment))


def test_an_unusual_delimiter_is_named():
    file = read("sep=~\n" + TABLE.replace(",", "~"))
    assert file.description == "text, '~' delimited, UTF-8"


def test_rows_know_their_lines_below_a_preamble():
    file = read(f"sep=,\n# night 3\n\n# {TABLE}")
    assert [file.describe_row(row) for row in (0, 1)] == ["line 5", "line 6"]


def test_a_value_behind_the_last_column_is_a_fault_and_so_is_its_empty_cell():
    file = read(f"{HEADER}\n{ROWS[0]},,\n{ROWS[1]},x\n")
    assert [fault.where for fault in file.faults] == ["line 2", "line 3"]
    assert file.faults[0].what == "7 cells where the header has 5"
    file = read(f"{HEADER},\n{ROWS[0]}\nb,0,0\n")
    assert [fault.what for fault in file.faults] == ["3 cells where the header has 5"]


def test_a_quote_begins_a_cell_after_blanks_only_if_blanks_are_the_delimiter():
    file = read(BLANKS.replace("b ", ' "b '))
    assert [fault.where for fault in file.faults] == ["line 3"]
    assert "opened here and never closed" in file.faults[0].what
    text = TABLE.replace("0,1\n", '0, "1\n')
    assert not read(text).faults
    assert written(read(text)) == text


def test_an_empty_row_between_others_is_a_fault(tmp_path):
    path = put(tmp_path, f"{HEADER}\n{ROWS[0]}\n,,,,\n{ROWS[1]}\n")
    faults = inspect_predictions(path).faults
    assert {fault.where.partition(",")[0] for fault in faults} == {"line 3"}


def test_columns_with_one_name_and_without_a_name_are_written_back():
    text = f"{HEADER},x,x,,\n{ROWS[0]},1,2,3,4\n{ROWS[1]},5,6,7,8\n"
    file = read(text)
    assert written(file) == text
    changed = written(file, label=["8", "9"], new=["n", "m"])
    assert changed == (
        f"{HEADER},x,x,,,new\na,0,0,8,1,1,2,3,4,n\nb,200,0,9,1,5,6,7,8,m\n"
    )
    # A repeated name is no column to replace.
    repeated = written(file, x=["n", "m"])
    assert repeated.splitlines()[1:] == [f"{ROWS[0]},1,2,3,4,n", f"{ROWS[1]},5,6,7,8,m"]
    tabs = file.suited_to("out.tsv")
    assert isinstance(tabs, DelimitedFile)
    assert written(tabs) == text.replace(",", "\t")
    converted = DelimitedFile.from_values(file.values)
    assert written(converted) == text


def test_a_first_name_like_a_comment_is_quoted_in_a_new_table():
    for name in ("#a", "sep=;"):
        values = pd.DataFrame([["1", "2"]], columns=[name, "image_name"])
        text = written(DelimitedFile.from_values(values))
        assert list(read(text).values.columns) == [name, "image_name"]


# The names that are looked for


def test_the_delimiter_is_the_one_with_most_wanted_names():
    text = "image_name|x;y;z;w\na|1;2;3;4\n"
    assert list(read(text).values.columns) == ["image_name", "x;y;z;w"]
    assert list(read(text, "Y", "z").values.columns) == ["image_name|x", "y", "z", "w"]
    text = "Image-Name grid,x,y\na 1,2,3\n"
    assert list(read(text).values.columns) == ["Image-Name", "grid,x,y"]
    assert len(read(text, "other").values.columns) == 3


def test_blanks_are_the_delimiter_only_if_there_is_no_other():
    text = "name of image,x of it\na b c,0\n"
    assert list(read(text).values.columns) == ["name of image", "x of it"]
    text = "name of it;x\na b c;0\n"
    assert list(read(text).values.columns) == ["name of it", "x"]


def test_a_quote_that_is_not_closed_in_the_header_leaves_the_delimiter():
    with pytest.raises(TableError, match="opened here and never closed"):
        read('image_name;"label\na;0\n')


def test_wanted_names_that_are_numbers_make_a_header():
    text = "0,1\n5,6\n"
    with pytest.raises(TableError, match="holds values"):
        read(text)
    assert list(read(text, "0").values.columns) == ["0", "1"]


def test_names_with_a_number_are_a_header_if_the_rows_have_more_numbers():
    assert list(read("a,1\n7,8\n").values.columns) == ["a", "1"]
    assert list(read("a,1\n").values.columns) == ["a", "1"]


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("a,0,0,0.5\nb,200,0,nan\n", "line 1", "holds values", "Add a line"),
        ("# x\n\n a 0 0\n b 2 0\n", "line 3", "holds values", "Add a line"),
        (f"Night 3\n{TABLE}", "line 1", "'Night 3' looks like a title, and line 2", ""),
        (f"Night, 3\nby me\n\n{TABLE}", "line 1", "line 4 like the header", "line 4"),
        (f"# x\nNight 3\n{TABLE}", "line 2", "line 3 like the header", "with '#'"),
        ("Night\nimg;x;y\na;0;b\n", "line 1", "line 2 like the header", "Remove"),
        ("N\nby;me\nimg;x;y\na;0;b\n", "line 1", "line 3 like the header", ""),
    ],
)
def test_a_table_without_a_header_first_is_refused(tmp_path, text, where, what, remedy):
    path = put(tmp_path, text)
    with pytest.raises(TableError) as caught:
        read_table_file(path)
    assert (caught.value.path, caught.value.where) == (path, where)
    assert what in caught.value.what
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("img,x\na,0,\nb,0,\n", id="trailing commas"),
        pytest.param(f"image_name,label\n{TABLE}", id="wanted names first"),
        pytest.param("img,x\na,0,1\nb,0\nc,0\n", id="one long row"),
        pytest.param("Night 3\na\nb\n", id="one column"),
        pytest.param("img,x\na,0\nb,0,1\nc,0,1\nd,0\n", id="long rows among others"),
        pytest.param("img,x,y\nlabel,0\nb,0,1\n", id="a short row with a wanted name"),
    ],
)
def test_a_short_header_is_not_taken_for_a_title(text):
    read(text)
