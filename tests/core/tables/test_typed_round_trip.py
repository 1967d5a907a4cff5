"""A review leaves each column of each type of a Parquet or ECSV table as it was."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.tables.test_round_trip import ADDED, HOSTILE, open_with_any_grid
from tests.nightly import many

TEXTS = HOSTILE.map("".join)
DAY = 86_400


def reviewed(path: Path, output: Path) -> Path:
    """Decide about the first error, save, and return the path of the saved table."""
    with open_with_any_grid(path, output=output, reviewer="me") as session:
        session.set_label("artifact")
        session.save()
    return output


def integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    return st.integers(low, high - 1) | st.sampled_from([low, high - 1])


# Parquet


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda number: Decimal(f"{number}e-{places}"))


def durations(seconds: int, per_second: int) -> st.SearchStrategy[int]:
    return st.integers(-seconds * per_second, seconds * per_second)


UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WORDS = st.text("ab", max_size=2)
#: A strategy for the values of each Arrow type that Parquet can hold.
ARROW_TYPES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.null(): st.none(),
    pa.bool_(): st.booleans(),
    **{
        getattr(pa, f"{'' if signed else 'u'}int{bits}")(): integers(bits, signed)
        for bits in (8, 16, 32, 64)
        for signed in (True, False)
    },
    pa.float16(): st.floats(width=16).map(np.float16),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.string(): TEXTS,
    pa.large_string(): TEXTS,
    pa.binary(): st.binary(max_size=4),
    pa.large_binary(): st.binary(max_size=4),
    pa.binary(3): st.binary(min_size=3, max_size=3),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.time32("s"): st.integers(0, DAY - 1),
    pa.time32("ms"): st.integers(0, DAY * 1000 - 1),
    pa.time64("us"): st.integers(0, DAY * 10**6 - 1),
    pa.time64("ns"): st.integers(0, DAY * 10**9 - 1),
    **{pa.timestamp(u): durations(9 * 10**9, n) for u, n in UNITS.items()},
    **{pa.timestamp(u, "UTC"): durations(9 * 10**9, n) for u, n in UNITS.items()},
    pa.timestamp("us", "Europe/Berlin"): durations(9 * 10**9, 10**6),
    **{pa.duration(u): durations(9 * 10**9, n) for u, n in UNITS.items()},
    pa.decimal128(38, 9): decimals(38, 9),
    pa.decimal256(60, 3): decimals(60, 3),
    pa.list_(pa.int8()): st.lists(integers(8, True) | st.none(), max_size=2),
    pa.large_list(pa.string()): st.lists(TEXTS, max_size=2),
    pa.struct({"a": pa.int64(), "b": pa.string()}): st.fixed_dictionaries(
        {"a": integers(64, True) | st.none(), "b": TEXTS}
    ),
    pa.list_(pa.struct({"a": pa.date32()})): st.lists(
        st.fixed_dictionaries({"a": st.dates()}), max_size=2
    ),
    pa.map_(pa.string(), pa.int32()): st.dictionaries(
        WORDS, integers(32, True), max_size=2
    ).map(lambda found: list(found.items())),
    pa.dictionary(pa.int8(), pa.string()): WORDS,
    pa.dictionary(pa.int32(), pa.string(), ordered=True): WORDS,
}
if hasattr(pa, "decimal32"):
    # pyarrow 18 has not these types, or reads no missing value of them from Parquet.
    ARROW_TYPES |= {
        pa.list_(pa.int16(), 2): st.lists(integers(16, True), min_size=2, max_size=2),
        pa.string_view(): TEXTS,
        pa.decimal32(7, 2): decimals(7, 2),
        pa.decimal64(15, 0): decimals(15, 0),
    }


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    """Draw a table with some types of columns, in random order."""
    count = draw(st.integers(1, 3))
    kinds = draw(
        st.lists(st.sampled_from(list(ARROW_TYPES)), max_size=12, unique_by=str)
    )
    columns = {
        "image_name": pa.array(["a"] * count),
        "grid_x": pa.array(
            range(count), draw(st.sampled_from([pa.int8(), pa.uint64()]))
        ),
        "grid_y": pa.array([0.0] * count, pa.float32()),
        "label": pa.array([0] * count).cast(
            draw(st.sampled_from([pa.uint8(), pa.bool_()]))
        ),
        "preds": pa.array([True] * count),
    }
    for kind in kinds:
        cells = ARROW_TYPES[kind] | st.none()
        values = draw(st.lists(cells, min_size=count, max_size=count))
        columns[f"{kind} {draw(TEXTS)}"] = arrow_array(values, kind)
    names = draw(st.permutations(list(columns)))
    fields = [
        pa.field(
            name,
            columns[name].type,
            metadata=draw(st.none() | st.just({"unit": name, "ucd": "x"})),
        )
        for name in names
    ]
    schema = pa.schema(fields, draw(st.none() | st.just({"survey": "north"})))
    return pa.table([columns[name] for name in names], schema=schema)


def arrow_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def bits(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in which numbers that are not equal to themselves are."""
    array = column.combine_chunks()
    if pa.types.is_floating(array.type):
        return array.view(f"int{array.type.bit_width}")
    return array


WRITERS: list[dict[str, Any]] = [
    {},
    {"store_schema": False},
    {"version": "1.0", "coerce_timestamps": "us", "allow_truncated_timestamps": True},
    {"compression": "zstd", "use_dictionary": False, "data_page_version": "2.0"},
    {"use_deprecated_int96_timestamps": True},
]


@settings(max_examples=many(150, 5_000, few=20))
@given(arrow_tables(), st.sampled_from(WRITERS))
def test_parquet_columns_keep_type_values_and_metadata(table, options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.parquet")
        pq.write_table(table, path, **options)
        before = pq.read_table(path)
        output = reviewed(path, Path(folder, "out.parquet"))
        again = reviewed(output, Path(folder, "again.parquet"))
        for saved in (output, again):
            check_arrow(before, pq.read_table(saved))


def check_arrow(before: pa.Table, after: pa.Table) -> None:
    count = before.num_columns
    assert after.column_names == [*before.column_names, *ADDED]
    assert after.schema.metadata == before.schema.metadata
    for i in range(count):
        field = after.schema.field(i)
        assert field.equals(before.schema.field(i), check_metadata=True)
        assert bits(after.column(i)).equals(bits(before.column(i))), field


# ECSV


def array_of(kind: str, count: int, draw: st.DrawFn) -> Any:
    """Draw a column of a data type of ECSV, possibly with masked cells."""
    if kind == "string":
        # The reader of astropy strips texts and takes some characters for line ends.
        texts = TEXTS.map(lambda text: " ".join(text.split()))
        values = np.array(draw(rows_of(texts, count)), dtype=str)
    elif kind == "bool":
        values = np.array(draw(rows_of(st.booleans(), count)))
    elif "int" in kind:
        numbers = integers(int(kind.strip("uint")), not kind.startswith("u"))
        values = np.array(draw(rows_of(numbers, count)), dtype=kind)
    else:
        reals = st.floats(width=16)
        values = np.array(draw(rows_of(reals, count)), dtype=kind)
    mask = draw(st.none() | rows_of(st.booleans(), count))
    # The value of masked cells exceeds the range of float16 and is a warning.
    if mask is None or kind == "float16":
        return Column(values)
    return MaskedColumn(values, mask=mask)


def rows_of(cells: st.SearchStrategy[Any], count: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(cells, min_size=count, max_size=count)


ECSV_TYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "string"),
]


@st.composite
def ecsv_tables(draw: st.DrawFn) -> Table:
    """Draw a table with all types of ECSV, arrays, objects and times."""
    count = draw(st.integers(1, 3))
    table = Table(
        {
            "image_name": ["a b"] * count,
            "grid_x": np.arange(count),
            "grid_y": [0] * count,
            "label": [draw(st.sampled_from([False, 0]))] * count,
            "preds": [1] * count,
        },
        meta={"survey": "north", "notes": [1, {"a": None}]},
    )
    for kind in draw(st.lists(st.sampled_from(ECSV_TYPES), unique=True, max_size=6)):
        table[f"of {kind}"] = array_of(kind, count, draw)
    more = {
        "vector": np.arange(3.0 * count).reshape(count, 3),
        "flux": np.linspace(0, 1, count) * units.mJy,
        "time": Time(np.full(count, 60_000.0), format="mjd"),
        "sky": SkyCoord(np.zeros(count), np.ones(count), unit="deg"),
        "lists": object_column([[1, 2, 3][:i] for i in range(count)]),
        "objects": object_column([{"a": [i, None, 'x "y"']} for i in range(count)]),
        "masked": MaskedColumn(np.arange(2 * count).reshape(count, 2), mask=False),
    }
    for name in draw(st.lists(st.sampled_from(list(more)), unique=True)):
        table[name] = more[name]
    names = draw(st.permutations(table.colnames))
    return table[names]


def object_column(values: list[Any]) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return Column(column)


def rows_and_header(path: Path) -> tuple[list[str], list[str]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    header = [line for line in lines if line.startswith("#")]
    return lines[len(header) :], header


@settings(max_examples=many(100, 3_000, few=12))
@given(ecsv_tables(), st.sampled_from([" ", ","]))
def test_ecsv_cells_and_header_keep_every_character(table, delimiter):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.ecsv")
        table.write(path, format="ascii.ecsv", delimiter=delimiter)
        output = reviewed(path, Path(folder, "out.ecsv"))
        again = reviewed(output, Path(folder, "again.ecsv"))
        before = Table.read(path)
        rows, header = rows_and_header(path)
        for saved in (output, again):
            new_rows, new_header = rows_and_header(saved)
            assert [line for line in new_header if line in header] == header
            for old, new in zip(rows[:-1], new_rows[:-1], strict=True):
                assert new.startswith(old + delimiter)
                assert new.count("\r") == old.count("\r")
            after = Table.read(saved)
            assert after.meta == before.meta
            assert after.colnames == [*before.colnames, *ADDED]
            for name in before.colnames:
                assert repr(after[name].info) == repr(before[name].info)
                assert str(
                    after[name].tolist() if name in ("lists",) else list(after[name])
                ) == str(list(before[name]))
