"""Unedited columns of a FITS table keep their bytes and their header cards."""

from __future__ import annotations

import gzip
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.tables.table_formats import read_table_file
from tests.core.tables.test_round_trip import open_with_any_grid
from tests.nightly import many

BLOCK = 2880
IMAGE = b"SIMPLE  =                    T".ljust(80)
IMAGE += b"BITPIX  =                    8".ljust(80)
IMAGE += b"NAXIS   =                    0".ljust(80)
PRIMARY = (IMAGE + b"END").ljust(BLOCK)
#: Bytes after the table, which stay even if they are not FITS.
AFTER = b"\0 what another program put behind the last HDU"
#: Bytes of an element; the hyper-integers, bits and pointers are made by hand.
SIZES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16}
TYPED_EXTRAS = {
    "B": ["", "TZERO{n}  = -128"],
    "I": ["", "TZERO{n}  = 32768", "TNULL{n}  = -99", "TSCAL{n}  = 0.5 / half"],
    "J": ["", "TZERO{n}  = 2147483648", "TNULL{n}  = 7"],
    "K": ["", "TZERO{n}  = 9223372036854775808", "TNULL{n}  = -1"],
    "E": ["", "TSCAL{n}  = 0.1D0", "TUNIT{n}  = 'pix     '"],
    "D": ["", "TDISP{n}  = 'F8.3    '"],
}


@dataclass
class Column:
    """A column as a test writes it: format, more header cards, the bytes of a row."""

    name: str
    form: str
    cells: list[bytes]
    cards: list[str]


def cards_of(header: bytes) -> list[bytes]:
    return [header[i : i + 80] for i in range(0, len(header), 80)]


def number(cards: list[bytes], keyword: str) -> int:
    found = [card for card in cards if card.startswith(keyword.ljust(8).encode())]
    return int(found[0][10:].split(b"/")[0])


def written(columns: list[Column], gap: bytes, heap: bytes, count: int) -> bytes:
    """Write a file with a table, without any reader or writer of FITS."""
    rows = b"".join(b"".join(c.cells[i] for c in columns) for i in range(count))
    cards = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        f"NAXIS1  = {sum(len(column.cells[0]) for column in columns)} / a row",
        f"NAXIS2  = {count}",
        f"PCOUNT  = {len(gap) + len(heap)}",
        "GCOUNT  =                    1",
        f"TFIELDS = {len(columns)} / columns",
    ]
    if gap:
        cards.append(f"THEAP   = {len(rows) + len(gap)}")
    for n, column in enumerate(columns, 1):
        cards.append(f"TTYPE{n}".ljust(8) + f"= '{column.name}' / column {n}")
        cards.append(f"TFORM{n}".ljust(8) + f"= '{column.form}'")
        cards += [card.format(n=n) for card in column.cards if card]
    cards += ["TWORDS  = 'a text that &'", "CONTINUE  'goes on'"]
    # A keyword in lower case is against the standard.
    cards += ["COMMENT what the survey says", "survey  = 'north'"]
    cards.append("END")
    header = "".join(card.ljust(80) for card in cards).encode()
    header = header.ljust(-(-len(header) // BLOCK) * BLOCK)
    data = rows + gap + heap
    return PRIMARY + header + data.ljust(-(-len(data) // BLOCK) * BLOCK, b"\0") + AFTER


@dataclass
class Read:
    """A table as a test reads it from its bytes."""

    cards: list[bytes]
    rows: list[bytes]
    heap: bytes
    after: bytes


def read_raw(data: bytes) -> Read:
    """Read a file of `written`, or one that was saved from it."""
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    assert data.startswith(PRIMARY)
    end = re.compile(rb"END {77}").search(data, BLOCK)
    assert end is not None
    cards = cards_of(data[BLOCK : end.start()])
    at = -(-end.end() // BLOCK) * BLOCK
    width, count, extra = (number(cards, k) for k in ("NAXIS1", "NAXIS2", "PCOUNT"))
    rows = [data[at + i * width : at + (i + 1) * width] for i in range(count)]
    has_gap = any(card.startswith(b"THEAP") for card in cards)
    heap_at = number(cards, "THEAP") if has_gap else width * count
    size = width * count + extra
    after = data[at + -(-size // BLOCK) * BLOCK :]
    return Read(cards, rows, data[at + heap_at : at + size], after)


@st.composite
def columns_of_any_type(draw: st.DrawFn, count: int, name: str) -> Column:
    code = draw(st.sampled_from([*SIZES, "X", "A"]))
    repeat = draw(st.integers(0, 9))
    if code == "A":
        texts = st.text("abc 7\xe9", max_size=repeat)
        cells = [draw(texts).encode()[:repeat] for _ in range(count)]
        cells = [cell.decode(errors="ignore").encode() for cell in cells]
        cells = [
            cell.ljust(repeat, draw(st.sampled_from([b" ", b"\0"]))) for cell in cells
        ]
        return Column(name, f"{repeat}A", cells, [])
    if code == "L":
        bits = st.lists(st.sampled_from([b"T", b"F", b"\0"]), min_size=repeat)
        cells = [b"".join(draw(bits)[:repeat]) for _ in range(count)]
        return Column(name, f"{repeat}L", cells, [])
    width = -(-repeat // 8) if code == "X" else repeat * SIZES[code]
    cells = [draw(st.binary(min_size=width, max_size=width)) for _ in range(count)]
    more = [draw(st.sampled_from(TYPED_EXTRAS.get(code, [""])))]
    if repeat == 6 and code != "X" and draw(st.booleans()):
        more.append("TDIM{n}   = '(2,3)'")
    return Column(name, f"{repeat}{code}", cells, more)


@st.composite
def pointers(draw: st.DrawFn, count: int, name: str, heap: int) -> Column:
    """Draw a column of cells of any length, which lie anywhere in the heap."""
    code = draw(st.sampled_from("PQ"))
    size = 4 if code == "P" else 8
    element = draw(st.sampled_from("BIJKED"))
    cells = []
    for _ in range(count):
        longest = heap // SIZES[element]
        length = draw(st.integers(0, longest))
        offset = draw(st.integers(0, heap - length * SIZES[element]))
        cells.append(length.to_bytes(size, "big") + offset.to_bytes(size, "big"))
    return Column(name, f"1{code}{element}({heap})", cells, [])


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, list[Column], bytes]:
    """Draw a file, its columns, and its heap."""
    count = draw(st.integers(1, 3))
    heap = draw(st.binary(max_size=40))
    gap = draw(st.binary(max_size=5)) if heap else b""
    label = [draw(st.sampled_from([b"\0\0", b"\0\1"])) for _ in range(count)]
    columns = [
        Column("image_name", "3A", [b"a\0\0"] * count, []),
        Column(
            "grid_x", "1J", [(200 * i).to_bytes(4, "big") for i in range(count)], []
        ),
        Column("grid_y", "B", [b"\0"] * count, ["TUNIT{n}  = 'pix'"]),
        Column("label", "1I", label, ["TNULL{n}  = 9"]),
        Column("preds", "L", [b"F" if cell[1] else b"T" for cell in label], []),
    ]
    for i in range(draw(st.integers(0, 4))):
        kind = columns_of_any_type(count, f"more_{i}")
        if heap and draw(st.booleans()):
            kind = pointers(count, f"more_{i}", len(heap))
        columns.insert(draw(st.integers(0, len(columns))), draw(kind))
    return written(columns, gap, heap, count), columns, heap


def reviewed(path: Path, output: Path) -> None:
    with open_with_any_grid(path, output=output, reviewer="me") as session:
        session.set_label("artifact" if session.current["label"] == 0 else "unsure")
        session.save()


def check_kept(data: bytes, columns: list[Column], heap: bytes) -> Read:
    """Check that every column that was read has its bytes and its cards."""
    read, at = read_raw(data), 0
    for column in columns:
        width = len(column.cells[0])
        assert [row[at : at + width] for row in read.rows] == column.cells, column
        at += width
    assert read.heap == heap
    assert read.after == AFTER
    return read


def kept_cards(data: bytes) -> list[bytes]:
    """Return the cards that must stay: all but those of sizes."""
    sizes = (b"NAXIS1", b"PCOUNT", b"THEAP", b"TFIELDS")
    return [card for card in read_raw(data).cards if not card.startswith(sizes)]


@settings(max_examples=many(60, 3_000, few=20))
@given(tables(), st.sampled_from([".fits", ".fits.gz"]))
def test_every_column_of_every_type_keeps_its_bytes(table, suffix):
    data, columns, heap = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"in{suffix}")
        path.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
        once, twice = Path(folder, f"once{suffix}"), Path(folder, f"twice{suffix}")
        reviewed(path, once)
        reviewed(once, twice)
        for output in (once, twice):
            check_kept(output.read_bytes(), columns, heap)
            kept = kept_cards(output.read_bytes())
            before = kept_cards(data)
            assert [card for card in kept if card in before] == before


def fixed(name: str, form: str, cells: list[bytes], *cards: str) -> Column:
    return Column(name, form, cells, list(cards))


def survey(*more: Column) -> list[Column]:
    return [
        fixed("image_name", "1A", [b"a", b"a"]),
        fixed("grid_x", "1J", [bytes(4), (200).to_bytes(4, "big")]),
        fixed("grid_y", "1B", [b"\0", b"\0"]),
        fixed("label", "1B", [b"\0", b"\1"]),
        fixed("preds", "1B", [b"\1", b"\1"]),
        *more,
    ]


def test_unsigned_64_bit_ids_are_the_same_numbers_in_every_format(tmp_path):
    ids = [2**64 - 1, 2**63 + 5]
    raw = [(value - 2**63).to_bytes(8, "big", signed=True) for value in ids]
    path = tmp_path / "in.fits"
    columns = survey(fixed("id", "1K", raw, "TZERO{n}  = 9223372036854775808"))
    path.write_bytes(written(columns, b"", b"", 2))
    for name in ("o.fits", "o.fits.gz", "o.csv", "o.ecsv", "o.parquet"):
        output = tmp_path / name
        reviewed(path, output)
        # And from there into FITS, in which no column was before.
        again = tmp_path / f"{name}.fits"
        reviewed(output, again)
        for each in (output, again):
            assert list(map(int, read_predictions(each).file.values["id"])) == ids


def test_unsigned_ids_of_which_one_is_missing_are_the_same_in_fits(tmp_path):
    path, output = tmp_path / "in.parquet", tmp_path / "out.fits"
    frame = pd.DataFrame(
        {"image_name": "a", "grid_x": [0, 200], "grid_y": 0, "label": 0, "preds": 1}
    )
    ids = pd.array([2**64 - 1, None], dtype="UInt64")
    frame.assign(id=ids).to_parquet(path)
    reviewed(path, output)
    assert Table.read(output)["id"].tolist() == [str(2**64 - 1), ""]


def test_a_column_that_was_edited_is_described_as_it_is_written(tmp_path):
    path = tmp_path / "in.fits"
    columns = survey(
        fixed("label_new", "1I", [b"\0\0", b"\0\1"], "TNULL{n}  = 9", "TUCD{n}   = 'x'")
    )
    path.write_bytes(written(columns, b"", b"", 2))
    output = tmp_path / "out.fits"
    reviewed(path, output)
    check_kept(output.read_bytes(), columns[:5], b"")
    with fits.open(output) as hdus:
        assert hdus[1].data["label_new"].tolist() == [1, 1]
        assert "TNULL6" not in hdus[1].header, "no value is missing any more"
        assert hdus[1].header["TUCD6"] == "x"
        assert hdus[1].header.comments["TTYPE6"] == "column 6"


def test_a_column_in_which_nothing_was_decided_keeps_its_bytes(tmp_path):
    path = tmp_path / "in.fits"
    columns = survey(
        fixed("label_new", "1I", [b"\0\1", b"\0\1"]),
        fixed("reviewed_by", "7A", [b"ada    ", b"       "]),
        fixed("note", "3A", [b"a\0\0", b"\0\0\0"]),
        fixed("decision", "8A", [b"artifact", b"        "]),
    )
    path.write_bytes(written(columns, b"", b"", 2))
    with ReviewSession.open(path, output=tmp_path / "out.fits") as session:
        session.save()
    check_kept((tmp_path / "out.fits").read_bytes(), columns, b"")


def test_an_empty_column_grows_and_the_edited_column_after_it_moves(tmp_path):
    path, output = tmp_path / "in.fits", tmp_path / "out.fits"
    columns = survey(
        fixed("reviewed_by", "0A", [b"", b""]),
        fixed("decision", "9A", [b" " * 9, b" " * 9]),
        fixed("flux", "1E", [b"abcd", b"efgh"]),
    )
    path.write_bytes(written(columns, b"", b"", 2))
    reviewed(path, output)
    columns[5] = fixed("reviewed_by", "2A", [b"me", b"\0\0"])
    columns[6] = fixed("decision", "8A", [b"artifact", bytes(8)])
    check_kept(output.read_bytes(), columns, b"")


def test_a_card_that_goes_on_in_the_next_line_is_not_torn(tmp_path):
    path, output = tmp_path / "in.fits", tmp_path / "out.fits"
    preds = fixed("preds", "1B", [b"\1", b"\1"], "TDESC{n}  = 'long &'")
    preds.cards.append("CONTINUE  'words'")
    path.write_bytes(written([*survey()[:4], preds], b"", b"", 2))
    reviewed(path, output)
    with fits.open(output) as hdus:
        assert hdus[1].header["TDESC5"] == "long words"


def test_checksums_are_those_of_the_new_table(tmp_path):
    path, output = tmp_path / "in.fits", tmp_path / "out.fits"
    frame = {"image_name": ["a"], "grid_x": [0], "grid_y": [0], "label": [0]}
    table = fits.table_to_hdu(Table({**frame, "preds": [1]}))
    table.writeto(path, checksum=True)
    reviewed(path, output)
    # A checksum that is wrong is a warning, and a warning is an error here.
    with fits.open(output, checksum=True) as hdus:
        assert {"CHECKSUM", "DATASUM"} <= set(hdus[1].header)
        assert len(hdus[1].data) == 1


def test_a_table_of_text_stays_one(tmp_path):
    path = tmp_path / "in.fits"
    cells = {
        "image_name": ("A2", ["a", "bb"]),
        "grid_x": ("I6", [0, 200]),
        "grid_y": ("I4", [0, 0]),
        "label": ("F5.2", [0, 1]),
        "preds": ("I1", [1, 1]),
        "flux": ("E12.4", [1.5, 2.25]),
    }
    fits.TableHDU.from_columns(
        [
            fits.Column(name, form, array=values, ascii=True)
            for name, (form, values) in cells.items()
        ]
    ).writeto(path)
    spelt = b"TBCOL2  = 3".ljust(80)
    usual = b"TBCOL2  =                    3".ljust(80)
    path.write_bytes(path.read_bytes().replace(usual, spelt))
    once, twice = tmp_path / "once.fits", tmp_path / "twice.fits"
    reviewed(path, once)
    reviewed(once, twice)
    with fits.open(path) as before:
        width = before[1].header["NAXIS1"]
        rows = before[1].data.tobytes()
    for output in (once, twice):
        assert spelt in output.read_bytes(), "it need not change"
        with fits.open(output) as after:
            assert isinstance(after[1], fits.TableHDU)
            after_rows = after[1].data.tobytes()
            after_width = after[1].header["NAXIS1"]
        kept = [after_rows[i * after_width :][:width] for i in range(2)]
        assert kept == [rows[:width], rows[width:]]
        table = Table.read(output)
        assert table["label_new"].tolist() == [1, 1]
        assert table["error_id"].tolist() == [1, 0], (
            "it has no word for a missing number"
        )
        assert table["reviewed_by"].tolist() == ["me", ""]


@dataclass
class TextColumn:
    """A column of an ASCII table as a test writes it."""

    name: str
    form: str
    cells: list[str]
    cards: list[str]


def text_cells(form: str) -> st.SearchStrategy[str]:
    """Return a strategy for the cells of a format such as F8.3, without blanks."""
    width = int(re.findall(r"[0-9]+", form)[0])
    if form.startswith("A"):
        characters = st.characters(codec="ascii", exclude_categories=["Cc"])
        return st.text(characters, max_size=width)
    if form.startswith("I"):
        return st.integers(1 - 10 ** (width - 1), 10 ** (width - 1)).map(str)
    numbers = st.sampled_from(["0", "1.5", "-2.", "+.25", "1E3", "2.5D1", "7E-1"])
    return numbers.filter(lambda text: len(text) <= width)


@st.composite
def text_tables(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Draw a file with an ASCII table; also return its rows."""
    count = draw(st.integers(1, 3))
    columns = [
        TextColumn("image_name", "A2", ["a"] * count, []),
        TextColumn("grid_x", "I5", [str(200 * i) for i in range(count)], []),
        TextColumn("grid_y", "F6.2", ["0.00"] * count, ["TUNIT{n}  = 'pix'"]),
        TextColumn("label", "I3", ["0"] * count, ["TNULL{n}  = '***'"]),
        TextColumn("preds", "I1", ["1"] * count, []),
    ]
    for i in range(draw(st.integers(0, 4))):
        form = draw(
            st.sampled_from(
                [*("A1", "A9", "I4", "I10", "I18"), *("F7.3", "E9.2", "D12.4")]
            )
        )
        cells = draw(st.lists(text_cells(form), min_size=count, max_size=count))
        cards = draw(st.sampled_from([[], ["TDISP{n}  = 'A'"]]))
        if form[0] in "FED":
            scaled = ["TSCAL{n}  = 0.5", "TZERO{n}  = 7 / offset"]
            cards = draw(st.sampled_from([[], scaled, scaled[:1]]))
        if form[0] != "A" and draw(st.booleans()):
            cards = [*cards, "TNULL{n}  = '-'"]
            cells[0] = "-"
        columns.append(TextColumn(f"more_{i}", form, cells, cards))
    rows, cards, starts = [draw(st.sampled_from(["", " "]))] * count, [], {}
    # The columns need not lie in the rows in the order of their numbers.
    for i in draw(st.permutations(range(len(columns)))):
        width = int(re.findall(r"[0-9]+", columns[i].form)[0])
        starts[i] = len(rows[0]) + 1
        gap = draw(st.sampled_from(["", " ", "  |"]))
        spelt = [cell.rjust(width) for cell in columns[i].cells]
        rows = [row + cell + gap for row, cell in zip(rows, spelt, strict=True)]
    for n, column in enumerate(columns, 1):
        cards.append(f"TTYPE{n}".ljust(8) + f"= '{column.name}' / column {n}")
        cards.append(f"TFORM{n}".ljust(8) + f"= '{column.form}'")
        cards.append(f"TBCOL{n}".ljust(8) + f"= {starts[n - 1]} / begin")
        cards += [card.format(n=n) for card in column.cards]
    return written_text(rows, cards, len(columns)), rows


def written_text(rows: list[str], cards: list[str], count: int) -> bytes:
    head = [
        "XTENSION= 'TABLE   '",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        f"NAXIS1  = {len(rows[0])} / a row",
        f"NAXIS2  = {len(rows)}",
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        f"TFIELDS = {count} / columns",
        *cards,
        "COMMENT what the survey says",
        "END",
    ]
    header = "".join(card.ljust(80) for card in head).encode()
    header = header.ljust(-(-len(header) // BLOCK) * BLOCK)
    data = "".join(rows).encode()
    return PRIMARY + header + data.ljust(-(-len(data) // BLOCK) * BLOCK) + AFTER


@settings(max_examples=many(60, 3_000, few=20))
@given(text_tables())
def test_every_column_of_an_ascii_table_keeps_its_characters(table):
    data, rows = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.fits")
        path.write_bytes(data)
        once, twice = Path(folder, "once.fits"), Path(folder, "twice.fits")
        reviewed(path, once)
        reviewed(once, twice)
        for output in (once, twice):
            read = read_raw(output.read_bytes())
            assert [row[: len(rows[0])] for row in read.rows] == [
                row.encode() for row in rows
            ]
            assert read.after == AFTER
            before = kept_cards(data)
            kept = kept_cards(output.read_bytes())
            assert [card for card in kept if card in before] == before


def test_values_of_an_ascii_table(tmp_path):
    path = tmp_path / "in.fits"
    fields = {
        "A4": (["ab", " c", ""], [], ["ab", " c", ""]),
        "I12": (["-7", "9999999999", "*"], ["TNULL{n}  = '*'"], [-7, 9999999999, None]),
        "I3": (["-7", "", "2"], [], [-7, 0, 2]),
        "I2": (["1", "2", "-"], ["TSCAL{n}  = 0.5", "TNULL{n}  = '-'"], [0.5, 1, None]),
        "D8.2": (["1.5D-1", "2E2", "-3."], ["TZERO{n}  = 1"], [1.15, 201, -2]),
        "F5.1": (["n/a", "1.", "2"], ["TNULL{n}  = 'n/a'"], [None, 1, 2]),
    }
    rows, cards = [""] * 3, []
    # The columns lie in the rows in the opposite order.
    for n, (form, (cells, more, _)) in reversed(list(enumerate(fields.items(), 1))):
        width = int(re.findall(r"[0-9]+", form)[0])
        cards += [
            f"TTYPE{n}  = 'c{n}'",
            f"TFORM{n}  = '{form}'",
            f"TBCOL{n}  = {len(rows[0]) + 1}",
            *(card.format(n=n) for card in more),
        ]
        align = str.ljust if form[0] == "A" else str.rjust
        rows = [r + align(c, width) for r, c in zip(rows, cells, strict=True)]
    path.write_bytes(written_text(rows, cards, len(fields)))
    values = read_table_file(path).values
    assert list(values.columns) == [f"c{n}" for n in range(1, 7)]
    for column, (_, _, expected) in zip(values, fields.values(), strict=True):
        cells = values[column].astype(object)
        assert cells.where(cells.notna(), None).tolist() == expected


def test_a_field_of_another_text_is_a_fault(tmp_path):
    path = tmp_path / "in.fits"
    cards = ["TTYPE1  = 'c'", "TFORM1  = 'I3'", "TBCOL1  = 1"]
    path.write_bytes(written_text(["  x"], cards, 1))
    with pytest.raises(TableError, match=r"not a valid FITS table .*'x'"):
        read_table_file(path)


@pytest.mark.parametrize("width", [11, 13])
def test_rows_that_are_not_what_the_columns_make_are_a_fault(tmp_path, width):
    path = tmp_path / "in.fits"
    data = written(survey(), b"", b"", 2).replace(
        b"NAXIS1  = 8 ", b"NAXIS1  = %d" % width
    )
    path.write_bytes(data)
    with pytest.raises(TableError, match=r"in.fits"):
        read_predictions(path)
