"""The output has the input, character for character, and the columns of the review."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import operator
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.delimited import DelimitedFile
from napari_artifact_review.core.tables.mapping import TableMapping
from tests.nightly import many

HEADER = ["image_name", "grid_x", "grid_y", "label", "preds", "remark"]
ADDED = ["error_id", "label_new", "reviewed_by", "reviewed_at"]
ADDED += ["decision", "kind", "note"]
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
#: Texts that a spreadsheet, a careless split or a Unicode normalization would change.
TRAPS = [
    *("007", "0", "1E5", "9007199254740993", "=1+1", "=A1,B2", "-1", "+1", "@x", "1/2"),
    *('"', '""', "'", "\n", "\r\n", "\r", ",", ";", "\t", "|", " ", "#", "\\", "\\n"),
    *("NA", "nan", "None", "True", "e\u0301", "\u0301", "\xe9", "\u212b", "\u200d"),
    *("\U0001f52d", "\U0001f469\u200d\U0001f52c", "\u2028", "\x85", "\xa0", "\ufeff"),
]  # fmt: skip
# Without NUL, which is not text, and surrogates, which have no encoding.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
HOSTILE = st.lists(st.sampled_from(TRAPS) | st.text(CHARACTERS, max_size=3), max_size=4)
#: Comments that look like a header.
WANTED = st.sampled_from([",".join(HEADER), " grid_x", " label;grid_y"])
NOTES = st.lists(HOSTILE.map("".join), min_size=1, max_size=5)


def rewritten(data: bytes) -> bytes:
    stream = io.BytesIO()
    DelimitedFile.from_bytes(data).write(stream, {})
    return stream.getvalue()


def unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, str]:
    """Bytes of a sound table with hostile notes, and its delimiter."""
    delimiter = draw(st.sampled_from(",;\t|"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    notes = draw(NOTES)

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
    encoding = draw(st.sampled_from(list(ENCODINGS)))
    data = ENCODINGS[encoding] + text.encode(encoding.removesuffix("-sig"))
    return (gzip.compress(data, mtime=0) if draw(st.booleans()) else data), delimiter


@settings(max_examples=many(150, 20_000, few=50))
@given(tables())
def test_any_table_comes_back_byte_for_byte(table):
    data, _ = table
    assert unpacked(rewritten(data)) == unpacked(data)
    assert rewritten(data).startswith(b"\x1f\x8b") == data.startswith(b"\x1f\x8b")


def cells(data: bytes, delimiter: str) -> list[list[str]]:
    """Return the cells that another program reads."""
    raw = unpacked(data)
    text = raw.decode("utf-16" if raw[:1] in b"\xff\xfe" else "utf-8-sig")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [row for row in rows if len(row) > 1]


def open_with_any_grid(path: Path, **options: object) -> ReviewSession:
    """Open a review; the positions of its table may be as close as they like."""
    mapping = TableMapping(stride=1)
    return ReviewSession.open(path, cutout_size=200, mapping=mapping, **options)


def reviewed(path: Path, output: Path) -> int:
    """Decide about the first error, save, and return its row."""
    with open_with_any_grid(path, output=output, reviewer="me") as session:
        session.set_label("artifact")
        session.save()
        return int(session.current.name)


@settings(max_examples=many(40, 2_000, few=15))
@given(tables())
def test_other_programs_read_the_same_cells_from_the_saved_table(table):
    data, delimiter = table
    suffix = ".csv.gz" if data.startswith(b"\x1f\x8b") else ".csv"
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, f"in{suffix}"), Path(folder, f"out{suffix}")
        path.write_bytes(data)
        row = reviewed(path, out)
        before, after = cells(data, delimiter), cells(out.read_bytes(), delimiter)
    assert [cells[: len(HEADER)] for cells in after] == before
    assert after[0] == HEADER + ADDED
    by = ["me" if i == row else "" for i in range(len(after) - 1)]
    assert [cells[-5] for cells in after[1:]] == by


@dataclass
class Written:
    """A text table in parts: text before the header, and rows with their ends.

    The first row is the header. An end holds a line ending, and what a program may put
    before it or after it without a meaning.
    """

    preamble: str
    rows: list[str]
    ends: list[str]
    delimiter: str

    @property
    def text(self) -> str:
        return self.preamble + "".join(map(operator.add, self.rows, self.ends))


@st.composite
def tables_of_programs(draw: st.DrawFn) -> Written:
    """Draw a text table as spreadsheets and programs of astronomers write them."""
    has_sep_line = draw(st.booleans())
    delimiter = draw(st.sampled_from(",;\t| ~^" if has_sep_line else ",;\t| "))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    comments = draw(st.lists(st.text(CHARACTERS, max_size=9) | WANTED, max_size=3))
    lines = [f"sep={delimiter}"] if has_sep_line else []
    lines += ["#" + re.sub(r"[\r\n]", "", comment) for comment in comments]
    preamble = "".join(line + end + draw(blank_lines(end)) for line in lines)
    if draw(st.booleans()):
        preamble += draw(st.sampled_from(["#", "# ", "##  "]))
    padding = st.sampled_from(["", "", "  ", "     "] if delimiter == " " else [""])
    rows = [
        delimiter.join(draw(padding) + cell for cell in row)
        for row in draw(table_rows(delimiter))
    ]
    if preamble[-1:] in ("#", " "):
        rows[0] = rows[0].lstrip(" ")
    extra = [delimiter, delimiter * 2, f"{delimiter} "] if delimiter != " " else ["  "]
    ends = [
        draw(st.sampled_from(["", "", *extra])) + end + draw(blank_lines(end))
        for _ in rows
    ]
    # If all rows had more delimiters, these would make columns without a name.
    ends[0] = ends[0].lstrip(delimiter + " ")
    if delimiter != " ":
        empty = st.sampled_from([delimiter * 5, delimiter, f" {delimiter}", ""])
        ends[-1] += "".join(draw(empty) + end for _ in range(draw(st.integers(0, 2))))
    return Written(preamble, rows, ends, delimiter)


def blank_lines(end: str) -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", "", end, "  " + end])


@st.composite
def table_rows(draw: st.DrawFn, delimiter: str) -> list[list[str]]:
    """Draw the cells of a header and rows with hostile notes."""
    rows = [HEADER]
    for i, note in enumerate(draw(NOTES)):
        must = not note or any(c in note for c in f'{delimiter}"\r\n')
        quoted = '"' + note.replace('"', '""') + '"'
        remark = quoted if must or draw(st.booleans()) else note
        label = draw(st.sampled_from(["0", "1", "0.0", '"1"', "tRUE"]))
        rows.append([f"im{i % 2}", str(i * 200), "0", label, "1", remark])
    return rows


@settings(max_examples=many(100, 5_000, few=20))
@given(tables_of_programs())
def test_a_table_of_any_program_keeps_every_character(table):
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "in.csv"), Path(folder, "out.csv")
        path.write_bytes(table.text.encode())
        reviewed(path, out)
        saved = out.read_bytes().decode()
        again = Path(folder, "again.csv")
        reviewed(out, again)
        resumed = again.read_bytes().decode()
    # A new label is spelled as another one, with the blanks before it.
    cell = f" *[^{re.escape(table.delimiter)}\r\n]*"
    new = f"(?:{re.escape(table.delimiter)}{cell}){{{len(ADDED)}}}"
    pairs = zip(table.rows, table.ends, strict=True)
    lines = [re.escape(row) + new + re.escape(end) for row, end in pairs]
    for text in (saved, resumed):
        assert re.fullmatch(re.escape(table.preamble) + "".join(lines), text)


def test_every_trap_is_kept_in_a_cell_and_in_a_name(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [HEADER[:5] + [f"x{trap}" for trap in TRAPS]]
    for number, trap in enumerate(TRAPS):
        rows.append(["a", str(number), "0", "0", "1", *[trap] * len(TRAPS)])
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    reviewed(path, out)
    saved = out.read_bytes()
    assert [row[: len(rows[0])] for row in cells(saved, ",")] == rows
    for line in path.read_bytes().split(b"a,")[1:]:
        assert line.removesuffix(b"\r\n") in saved
