"""Read and write FITS tables, preserving their types and metadata."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from astropy.io import fits
from astropy.table import Table

from napari_artifact_review.core.errors import ImageError, TableError
from napari_artifact_review.core.fits_files import (
    check_header,
    checked_hdus,
    open_bytes,
)
from napari_artifact_review.core.tables.column_names import IDENTIFYING, fold_name
from napari_artifact_review.core.tables.fits_bounds import check_fits_size
from napari_artifact_review.core.tables.fits_records import FitsRecords
from napari_artifact_review.core.tables.fits_text import text_values
from napari_artifact_review.core.tables.table_file import (
    TypedFile,
    check_names,
    decompress,
)
from napari_artifact_review.core.texts import counted

#: Bytes of a file before the table, the table itself, and bytes after the table.
_Parts = tuple[bytes, FitsRecords, bytes]

#: Value for a missing integer in a FITS column (TNULL).
_NULL = -(2**63)


class FitsTableFile(TypedFile):
    """The first table of a FITS file that has most of the wanted columns.

    Other HDUs, and columns with several values per cell, are preserved.
    """

    suffixes = (".fits", ".fit", ".fts", ".fits.gz")
    description = "FITS table"

    def __init__(self, values: pd.DataFrame, parts: _Parts, compressed: bool) -> None:
        super().__init__(values)
        self._parts = parts
        self._compressed = compressed

    @classmethod
    def from_bytes(cls, data: bytes, wanted: Collection[str] = IDENTIFYING) -> Self:
        """Read a FITS table; see `TableFile.from_bytes`."""
        try:
            compressed = data.startswith(b"\x1f\x8b")
            if compressed:
                data = decompress(data)
            stream = open_bytes(data)
            check_header(stream, 0)
            stream.seek(0)
            with warnings.catch_warnings(), fits.open(stream, memmap=False) as hdus:
                # astropy warns about units and similar cards, which stay unchanged.
                warnings.simplefilter("ignore")
                at, notice = _table_hdu(hdus, stream, wanted)
                parts = _split(data, hdus[at])
                check_fits_size(parts[1])
                unusable = dict[str, str]()
                if parts[1].is_text:
                    values = text_values(parts[1])
                else:
                    values, unusable = _binary_values(hdus, at)
        except TableError:
            raise
        except ImageError as error:
            # The checks of headers are those of images.
            raise TableError(error.what, remedy=error.remedy) from error
        except Exception as error:
            # The reader can raise any exception for a damaged file.
            raise TableError(
                f"not a valid FITS table ({error})", remedy="Write it again"
            ) from error
        file = cls(values, parts, compressed)
        file.notice = notice
        file.unusable = unusable
        return file

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Create a FITS file with one table."""
        names = [str(name) for name in values.columns]
        check_names(names, "FITS", named=True)
        columns = [_fits_column(name, values[name]) for name in names]
        return cls(values, _made(fits.BinTableHDU.from_columns(columns)), False)

    def suited_to(self, name: str) -> FitsTableFile:
        """Return the table, compressed if the file name ends in ``.gz``."""
        compressed = name.lower().endswith(".gz")
        return type(self)(self._values, self._parts, compressed)

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the file; see `TableFile.write`."""
        before, records, after = self._parts
        with warnings.catch_warnings():
            # astropy warns about non-standard cards, which stay unchanged.
            warnings.simplefilter("ignore")
            for name, cells in edits.items():
                records = records.with_column(_encoded(name, cells, records.is_text))
            data = b"".join((before, records.to_bytes(), after))
        stream.write(gzip.compress(data, mtime=0) if self._compressed else data)


def _table_hdu(
    hdus: fits.HDUList, stream: BinaryIO, wanted: Collection[str]
) -> tuple[int, str]:
    """Return the index of the first table with most wanted columns, and a notice.

    If no table has any of them, it is the first table with rows. The notice is empty
    if the file has no other table.
    """
    folded = set(map(fold_name, wanted))
    tables = {}
    for index, hdu in enumerate(checked_hdus(hdus, stream)):
        if isinstance(hdu, fits.BinTableHDU | fits.TableHDU):
            found = folded & set(map(fold_name, _names(hdu.header)))
            tables[index] = (len(found), hdu.header["NAXIS2"] > 0)
    if not tables:
        raise TableError(
            "no HDU of this FITS file is a table",
            remedy="Choose the file with the predictions",
        )
    at = max(tables, key=tables.__getitem__)
    if len(tables) == 1:
        return at, ""
    name = f" ({hdus[at].name})" if hdus[at].name else ""
    others = counted(len(tables) - 1, "other table")
    return at, (
        f"The table that was read is HDU {at}{name}; the file has {others}, which "
        "a save keeps."
    )


def _names(header: fits.Header) -> list[str]:
    """Return the names of the columns of a table; empty for unnamed columns."""
    count = header["TFIELDS"]
    return [str(header.get(f"TTYPE{n}", "")).strip() for n in range(1, count + 1)]


def _name_apart(header: fits.Header) -> dict[str, str]:
    """Give columns other names in a header if astropy cannot read it otherwise.

    Returns
    -------
    dict of str to str
        The name in the file of each renamed column, by new name.
    """
    names, renamed = _names(header), {}
    for number, name in enumerate(names, 1):
        if not name or names.count(name) > 1:
            other = f"column {number} of the table"
            header[f"TTYPE{number}"] = other
            renamed[other] = name
    return renamed


def _split(data: bytes, hdu: fits.BinTableHDU | fits.TableHDU) -> _Parts:
    """Split a file into the bytes before a table, the table, and the bytes after it."""
    found = hdu.fileinfo()
    header, begin = found["hdrLoc"], found["datLoc"]
    end = begin + found["datSpan"]
    records = FitsRecords.from_bytes(data[header:begin], data[begin:end])
    return data[:header], records, data[end:]


def _binary_values(hdus: fits.HDUList, at: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Read the columns of a binary table that have one value per cell.

    The second part of the result says what the other columns hold, by their names.
    """
    names = _name_apart(hdus[at].header)
    table = Table.read(hdus, hdu=at)
    table.convert_bytestring_to_unicode()
    flat = [name for name in table.colnames if table[name].ndim == 1]
    values: pd.DataFrame = table[flat].to_pandas()
    values.columns = pd.Index([names.get(name, name) for name in flat], dtype="str")
    unusable = {
        str(names.get(column.name, column.name)): (
            "bits" if "X" in column.format else "several values per cell"
        )
        for column in hdus[at].columns
        if column.name not in flat
    }
    return values, unusable


def _made(hdu: fits.BinTableHDU | fits.TableHDU) -> _Parts:
    """Create a file with a single table, and return its parts."""
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    data = buffer.getvalue()
    with fits.open(io.BytesIO(data)) as hdus:
        return _split(data, hdus[1])


def _encoded(name: str, cells: pd.Series[Any], is_text: bool) -> FitsRecords:
    """Encode cells as an ASCII or binary FITS table with one column."""
    if is_text:
        columns = [_text_column(name, cells)]
        return _made(fits.TableHDU.from_columns(columns))[1]
    return _made(fits.BinTableHDU.from_columns([_fits_column(name, cells)]))[1]


def _fits_column(name: str, cells: pd.Series[Any]) -> fits.Column:
    """Create a column of a binary table, with booleans, numbers or strings."""
    if pd.api.types.is_bool_dtype(cells.dtype) and not cells.hasnans:
        return fits.Column(name, "L", array=cells.to_numpy(bool))
    is_large = _exceeds_int64(cells)
    if is_large and not cells.hasnans:
        # FITS has no unsigned 64-bit integers; readers add the offset in TZERO.
        return fits.Column(name, "K", bzero=2**63, array=cells.to_numpy(np.uint64))
    if pd.api.types.is_integer_dtype(cells.dtype) and not is_large:
        filled = cells.fillna(_NULL).to_numpy(np.int64)
        null = _NULL if cells.isna().any() else None
        return fits.Column(name, "K", array=filled, null=null)
    if pd.api.types.is_float_dtype(cells.dtype):
        numbers = cells.astype(np.float64).to_numpy()
        return fits.Column(name, "D", array=numbers)
    form, array = _text_cells(cells, "{}A")
    return fits.Column(name, form, array=array)


def _exceeds_int64(cells: pd.Series[Any]) -> bool:
    """Return whether any integer exceeds the range of int64."""
    if not pd.api.types.is_unsigned_integer_dtype(cells.dtype):
        return False
    numbers = cells.dropna().to_numpy(np.uint64)
    return bool((numbers > np.iinfo(np.int64).max).any())


def _text_column(name: str, cells: pd.Series[Any]) -> fits.Column:
    """Create a column of an ASCII table; missing integers become 0."""
    if pd.api.types.is_integer_dtype(cells.dtype):
        numbers = cells.fillna(0).to_numpy(np.int64)
        return fits.Column(name, "I20", array=numbers, ascii=True)
    if pd.api.types.is_float_dtype(cells.dtype):
        reals = cells.astype(np.float64).to_numpy()
        return fits.Column(name, "D25.17", array=reals, ascii=True)
    form, array = _text_cells(cells, "A{}")
    return fits.Column(name, form, array=array, ascii=True)


def _text_cells(cells: pd.Series[Any], form: str) -> tuple[str, npt.NDArray[np.bytes_]]:
    """Return the column format for the longest string, and the strings in ASCII."""
    text = cells.astype("object").where(cells.notna(), "").map(str)
    array = np.char.encode(text.to_numpy().astype("U"), "ascii")
    return form.format(max(array.itemsize, 1)), array
