"""Recognise files that are no table of a supported format, and say what they are."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from napari_artifact_review.core.errors import TableError

#: Number of bytes at the start of a file that are enough to recognise it.
HEAD_BYTES = 4096


class _Format(NamedTuple):
    """A file format that is not supported: what a file is, and how to convert it."""

    what: str
    remedy: str


_EXCEL = _Format("an Excel workbook", "Save the sheet with the predictions as CSV")
_OLD_EXCEL = _Format(
    "an Excel workbook of the old kind (.xls), or one with a password",
    "Save the sheet with the predictions as CSV",
)
_SPREADSHEET = _Format(
    "an OpenDocument spreadsheet", "Save the sheet with the predictions as CSV"
)
_NPZ = _Format(
    "a NumPy archive (.npz)",
    "Load its arrays in Python and write pandas.DataFrame({...}).to_csv(...)",
)
_ZIP = _Format("a ZIP archive", "Unpack it and choose the table in it")
_PICKLE = _Format(
    "a Python pickle, which can run any program when it is read",
    "Load it in Python if you trust it, and write the table with to_csv(...)",
)
_ARROW = _Format(
    "an Arrow or Feather file",
    "Convert it in Python: pandas.read_feather(...).to_parquet(...)",
)
_ARROW_STREAM = _Format(
    "an Arrow stream",
    "Convert it in Python: pyarrow.ipc.open_stream(...).read_pandas().to_parquet(...)",
)
_COMPRESSED = "Decompress it, or compress the table with gzip"
_BZIP2 = _Format("a file compressed with bzip2", _COMPRESSED)

#: Formats by the first bytes of a file.
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLD_EXCEL),
    (
        b"\x89HDF\r\n\x1a\n",
        _Format(
            "an HDF5 file", "Convert it in Python: pandas.read_hdf(...).to_parquet(...)"
        ),
    ),
    (
        b"\x93NUMPY",
        _Format(
            "a NumPy array (.npy)",
            "Convert it in Python: pandas.DataFrame(numpy.load(...)).to_csv(...)",
        ),
    ),
    (
        b"SQLite format 3\0",
        _Format(
            "an SQLite database",
            "Convert a table of it in Python: pandas.read_sql(...).to_csv(...)",
        ),
    ),
    (b"ARROW1\0\0", _ARROW),
    (b"FEA1\0", _ARROW),
    (b"\xff\xff\xff\xff", _ARROW_STREAM),
    *((b"BZh%d1AY&SY" % level, _BZIP2) for level in range(1, 10)),
    (b"\xfd7zXZ\0", _Format("a file compressed with xz", _COMPRESSED)),
    (b"\x28\xb5\x2f\xfd", _Format("a file compressed with Zstandard", _COMPRESSED)),
)

#: Formats by the first characters of a text, which are not the start of a header.
_TEXTS = (
    (
        r"\{\s*\"|\{\s*\}|\[\s*\{|\[\s*\[\s*[\"\d-]",
        _Format(
            "JSON, not a table",
            "Convert it in Python: pandas.read_json(...).to_csv(...)",
        ),
    ),
    (
        # Header lines begin with a bar, and rows with a blank.
        r"(?:\\[^\n]*\n)+\||(?:\|[^\n]*\|[ \t\r]*\n)+[ \t]",
        _Format(
            "an IPAC table",
            "Convert it in Python: astropy.table.Table.read(..., format='ascii.ipac')"
            ".write(..., format='ascii.ecsv')",
        ),
    ),
    (
        r"(?:<\?xml.*)?<(?:\w+:)?VOTABLE\b",
        _Format(
            "a VOTable",
            "Convert it in Python: astropy.table.Table.read(...).write(..., "
            "format='ascii.ecsv')",
        ),
    ),
    (
        r"<!doctype html|<html\b|<table\b|<\?xml.*<html\b",
        _Format(
            "an HTML page, perhaps an error message of a server",
            "Download the table itself, or convert it in Python: "
            "pandas.read_html(...)[0].to_csv(...)",
        ),
    ),
    (
        r"<\?xml\b",
        _Format("XML, not a table", "Export the table as CSV from its program"),
    ),
)
_TEXT_PATTERNS = tuple(
    (re.compile(rf"\s*(?:{pattern})", re.IGNORECASE | re.DOTALL), found)
    for pattern, found in _TEXTS
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def refuse_foreign_format(head: bytes, data: bytes) -> None:
    """Raise an error if a file has a known format that is not supported.

    Parameters
    ----------
    head : bytes
        Beginning of the contents, decompressed; `HEAD_BYTES` are enough.
    data : bytes
        The whole file, possibly compressed.

    Raises
    ------
    TableError
        If the contents are such a file; the error says what it is, and how to make a
        table of it.
    """
    found = _binary_format(head, data) or _text_format(head)
    if found is not None:
        raise TableError(f"this is {found.what}", remedy=found.remedy)


def _binary_format(head: bytes, data: bytes) -> _Format | None:
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head.startswith(b"PK\x03\x04"):
        return _archive_format(head, data)
    # A pickle begins with its protocol; the earliest ones begin like a text.
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return _PICKLE
    return None


def _archive_format(head: bytes, data: bytes) -> _Format:
    """Return the format of a ZIP archive, by the names of its members."""
    if b"xl/workbook" in data:
        return _EXCEL
    if b"application/vnd.oasis.opendocument.spreadsheet" in head:
        return _SPREADSHEET
    length = int.from_bytes(head[26:28], "little")
    return _NPZ if head[30 : 30 + length].endswith(b".npy") else _ZIP


def _text_format(head: bytes) -> _Format | None:
    bom, encoding = next(
        ((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", "latin-1")
    )
    # The head may end within a character.
    text = head[len(bom) :].decode(encoding, errors="ignore")
    for pattern, found in _TEXT_PATTERNS:
        if pattern.match(text):
            return found
    return None
