"""The output has the input, character for character, and the columns of the review."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.delimited import DelimitedFile
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


@settings(max_examples=many(150, 20_000, few=50), deadline=None)
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


def reviewed(path: Path, output: Path) -> int:
    """Decide about the first error, save, and return its row."""
    with ReviewSession.open(path, output=output, reviewer="me") as session:
        session.set_label("artifact")
        session.save()
        return int(session.current.name)


@settings(max_examples=many(40, 2_000, few=15), deadline=None)
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


@settings(max_examples=many(15, 1_000), deadline=None)
@given(NOTES)
@pytest.mark.parametrize("suffix", [".parquet", ".ecsv"])
def test_other_formats_keep_every_character_too(suffix, notes):
    frame = pd.DataFrame(
        {"image_name": "a", "grid_x": range(len(notes)), "grid_y": 0, "label": 0,
         "preds": 1, "remark": notes}
    )  # fmt: skip
    if suffix == ".ecsv":
        # astropy's own reader takes these for line ends or strips them.
        frame["remark"] = [" ".join(note.split()) for note in notes]
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, f"in{suffix}"), Path(folder, f"out{suffix}")
        if suffix == ".parquet":
            frame.to_parquet(path)
        else:
            Table.from_pandas(frame).write(path)
        reviewed(path, out)
        if suffix == ".parquet":
            before, after = (
                pq.read_table(p)["remark"].to_pylist() for p in (path, out)
            )
        else:
            before, after = (Table.read(p)["remark"].tolist() for p in (path, out))
    assert after == before


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
