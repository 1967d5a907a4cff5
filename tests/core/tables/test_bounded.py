"""Small files that stand for huge tables are one error, before they fill the memory."""

from __future__ import annotations

import gzip
import io
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables import parquet_tables, table_file
from napari_artifact_review.core.tables.table_formats import read_table_file
from tests.peak_memory import refusal_and_peak

HEADER = b"image_name,grid_x,grid_y,label,preds,confidence\n"


def packed(*parts):
    """Compress parts, each of which is (bytes, number of repetitions)."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1) as file:
        for text, count in parts:
            block = text * min(count, 100_000)
            for _ in range(-(-count // 100_000)):
                file.write(block)
    return buffer.getvalue()


def parquet(table, **options):
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def one_long_text():
    """One text of 50 MB in a dictionary, for a thousand rows."""
    dictionary = pa.array(["x" * 50_000_000])
    names = pa.DictionaryArray.from_arrays(np.zeros(1000, np.int32), dictionary)
    table = pa.table({"image_name": names, "grid_x": np.arange(1000)})
    return parquet(table, compression="zstd", dictionary_pagesize_limit=2**30)


def one_common_beginning():
    """Texts that differ in the last letters, for two thousand rows."""
    beginning = "x" * 3_000_000
    names = pa.array([f"{beginning}{i}" for i in range(300)], pa.large_string())
    table = pa.table({"image_name": names, "grid_x": np.arange(300)})
    many = pa.concat_tables([table] * 2)
    return parquet(
        many,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"image_name": "DELTA_BYTE_ARRAY", "grid_x": "PLAIN"},
    )


def many_equal_rows():
    """A hundred and fifty million rows in few bytes."""
    count = 150_000_000
    column = pa.chunked_array([pa.array(np.zeros(1_000_000, np.int32))] * 150)
    assert len(column) == count
    names = [f"c{i}" for i in range(2)]
    return parquet(pa.table(dict.fromkeys(names, column)), compression="zstd")


BOMBS = {
    "a text of short cells": lambda: packed(
        (HEADER, 1), (b"a,0,0,0,1,0.5\n", 2 * 10**7)
    ),
    "a text of blank lines": lambda: packed((HEADER, 1), (b"\n", 5 * 10**7)),
    "a text of empty rows": lambda: packed((HEADER, 1), (b",,,,,\n", 2 * 10**7)),
    "a text of quotes": lambda: packed((HEADER, 1), (b'"a,",0,0,0,1,1\n', 10**7)),
    "one long line": lambda: packed((HEADER, 1), (b"0,", 3 * 10**8)),
    "more than a gibibyte": lambda: packed((HEADER, 1), (b"0" * 2000, 6 * 10**5)),
    "one text for all rows": one_long_text,
    "one beginning for all texts": one_common_beginning,
    "equal rows": many_equal_rows,
}


@pytest.mark.exhaustive
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_one_error_within_two_gigabytes(tmp_path, kind):
    path = tmp_path / "table"
    path.write_bytes(BOMBS[kind]())
    assert path.stat().st_size < 2**26
    what, peak = refusal_and_peak(read_table_file, path)
    assert "GiB" in what or "too much memory" in what or "characters" in what
    # 1 GB, twice the text of at most 1 GiB, and the libraries.
    assert peak < 3.4e6


@pytest.mark.parametrize(
    "rows",
    [b"\n" * 30_000, b"\n" * 9_000 + b"a,0,0,0,1,0.5\n", b",,,,,\n" * 30_000],
)
def test_blank_lines_are_read_in_linear_time(tmp_path, rows):
    path = tmp_path / "table.csv"
    path.write_bytes(HEADER + b"a,0,0,0,1,0.5\n" + rows)
    file = read_table_file(path)
    assert len(file.values) == 1 + rows.count(b"a")
    buffer = io.BytesIO()
    file.write(buffer, {})
    assert buffer.getvalue() == path.read_bytes()


@pytest.mark.parametrize("texts", [["a"], ["a", "bb", None], [""]])
def test_repeated_texts_of_an_ordinary_size_are_read(tmp_path, texts):
    table = pd.DataFrame({"image_name": texts * 500, "grid_x": range(len(texts) * 500)})
    table["note"] = table["image_name"].astype("category")
    path = tmp_path / "table.parquet"
    table.to_parquet(path)
    found = read_table_file(path).values["image_name"]
    assert found.fillna("-").tolist() == table["image_name"].fillna("-").tolist()


def test_one_long_text_for_all_rows_is_refused_before_it_is_read(tmp_path, monkeypatch):

    table = pa.table({"image_name": ["x" * 1000] * 5000, "grid_x": range(5000)})
    path = tmp_path / "table.parquet"
    path.write_bytes(parquet(table))
    assert len(read_table_file(path).values) == 5000
    for module in (table_file, parquet_tables):
        monkeypatch.setattr(module, "MOST_BYTES", 2**21)
    with pytest.raises(TableError, match="it holds more than"):
        read_table_file(path)
