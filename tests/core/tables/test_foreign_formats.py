"""A file of another kind is refused with its name and a way to make a table of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table
from pyarrow import feather

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.table_formats import read_table_file

FRAME = pd.DataFrame({"image_name": ["a"], "grid_x": [0], "label": [1]})


def archive(*names: str, first: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            stored = zipfile.ZIP_STORED if name == "mimetype" else None
            packed.writestr(name, first, compress_type=stored)
    return stream.getvalue()


def arrays() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, label=np.arange(3))
    return stream.getvalue()


def array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(3))
    return stream.getvalue()


def database() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table predictions (label)")
        data = connection.serialize()
    connection.close()
    return data


def feather_file() -> bytes:
    stream = io.BytesIO()
    feather.write_feather(FRAME, stream)
    return stream.getvalue()


def arrow_stream() -> bytes:
    table, sink = pa.Table.from_pandas(FRAME), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def votable() -> bytes:
    stream = io.BytesIO()
    Table.from_pandas(FRAME).write(stream, format="votable")
    return stream.getvalue()


def ipac(**keywords: str) -> bytes:
    table = Table.from_pandas(FRAME)
    table.meta["keywords"] = {name: {"value": text} for name, text in keywords.items()}
    stream = io.StringIO()
    table.write(stream, format="ascii.ipac")
    return stream.getvalue().encode()


JSON = FRAME.to_json(orient="records")
ODS = "application/vnd.oasis.opendocument.spreadsheet"
HTML = "<!DOCTYPE html>\n<html><body>404</body></html>"
FILES = {
    "records.json": (JSON.encode(), "JSON, not a table", "read_json"),
    "lines.json": (
        FRAME.to_json(orient="records", lines=True).encode(),
        "JSON, not a table",
        "to_csv",
    ),
    "columns.json": (FRAME.to_json().encode(), "JSON, not a table", "to_csv"),
    "rows.json": (b'\n[ [1, 2], ["a", 3]]', "JSON, not a table", "to_csv"),
    "bom.json": (f"\ufeff{JSON}".encode("utf-16-le"), "JSON, not a table", "to_csv"),
    "packed.json.gz": (gzip.compress(JSON.encode()), "JSON, not a table", "to_csv"),
    "t.xlsx": (archive("_rels/.rels", "xl/workbook.xml"), "an Excel workbook", "CSV"),
    "t.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "(.xls)", "CSV"),
    "t.ods": (
        archive("mimetype", "content.xml", first=ODS.encode()),
        "an OpenDocument spreadsheet",
        "CSV",
    ),
    "t.zip": (archive("predictions.csv"), "a ZIP archive", "Unpack"),
    "t.h5": (b"\x89HDF\r\n\x1a\n" + bytes(88), "an HDF5 file", "read_hdf"),
    "t.npy": (array(), "a NumPy array", "numpy.load"),
    "t.npz": (arrays(), "a NumPy archive", "DataFrame"),
    "t.pkl": (pickle.dumps(FRAME), "a Python pickle", "if you trust it"),
    "t.pkl.gz": (gzip.compress(pickle.dumps(FRAME)), "a Python pickle", "to_csv"),
    "t.vot": (votable(), "a VOTable", "astropy"),
    "prefixed.vot": (b'<vot:VOTABLE version="1.4">', "a VOTable", "astropy"),
    "t.tbl": (ipac(), "an IPAC table", "ascii.ipac"),
    "keywords.tbl": (ipac(author="ada"), "an IPAC table", "ascii.ecsv"),
    "t.tbl.gz": (gzip.compress(ipac()), "an IPAC table", "astropy.table.Table"),
    "t.xml": (b"<?xml version='1.0'?>\n<predictions/>", "XML", "CSV"),
    "t.html": (HTML.encode(), "an HTML page", "read_html"),
    "t.xhtml": (b"<?xml version='1.0'?>\n<html></html>", "an HTML page", "read_html"),
    "table.html": (FRAME.to_html().encode(), "an HTML page", "read_html"),
    "t.sqlite": (database(), "an SQLite database", "read_sql"),
    "t.feather": (feather_file(), "an Arrow or Feather file", "read_feather"),
    "old.feather": (b"FEA1" + bytes(60), "Feather file", "read_feather"),
    "t.arrows": (arrow_stream(), "an Arrow stream", "open_stream"),
    "t.csv.bz2": (bz2.compress(b"label"), "bzip2", "gzip"),
    "t.csv.xz": (lzma.compress(b"label"), "xz", "gzip"),
    "t.csv.zst": (b"\x28\xb5\x2f\xfd" + bytes(8), "Zstandard", "gzip"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_is_named(tmp_path: Path, name: str):
    data, what, remedy = FILES[name]
    # The name of the file does not matter.
    path = tmp_path / "predictions.csv"
    path.write_bytes(data)
    with pytest.raises(TableError) as caught:
        read_table_file(path)
    assert caught.value.path == path
    assert caught.value.what.startswith("this is ")
    assert what in caught.value.what
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    "header",
    [
        "{x},label",
        "[x],label",
        "[[x]],label",
        "<x>,label",
        "|x|,label",
        "\\x,label",
        "BZh9,label",
        "PK,label",
        "FEA1,label",
        "ARROW1,b",
    ],
)
def test_a_name_with_such_a_sign_is_a_column(tmp_path, header):
    path = tmp_path / "t.json"
    path.write_text(f"{header}\n1,0\n")
    assert list(read_table_file(path).values.columns) == header.split(",")
