"""Read and write Parquet and FITS tables, preserving their types and metadata."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.table import Table

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.fits_records import FitsRecords
from napari_artifact_review.core.tables.table_file import TableFile, decompress

#: Bytes of a file before the table, the table itself, and bytes after the table.
_Parts = tuple[bytes, FitsRecords, bytes]

#: Value for a missing integer in a FITS column (TNULL).
_NULL = -(2**63)


class _TypedFile(TableFile):
    """A table with typed columns, in which cells and values are identical."""

    def __init__(self, values: pd.DataFrame) -> None:
        self._values = values

    @property
    def values(self) -> pd.DataFrame:
        """The typed values."""
        return self._values

    @property
    def cells(self) -> pd.DataFrame:
        """The typed values."""
        return self._values

    def spell(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value

    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the values unchanged."""
        return values

    def describe_row(self, row: int) -> str:
        """Return the location of a row as text: "row 1" for row 0."""
        return f"row {row + 1}"


class ParquetFile(_TypedFile):
    """An Apache Parquet table, in which unedited columns keep their Arrow types."""

    suffixes = (".parquet", ".pq")
    description = "Parquet"

    def __init__(self, values: pd.DataFrame, table: pa.Table) -> None:
        super().__init__(values)
        self._table = table

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a Parquet table; see `TableFile.from_bytes`."""
        try:
            table = pq.read_table(io.BytesIO(data))
        except (pa.ArrowException, OSError) as error:
            raise TableError(
                f"not a valid Parquet file ({error})", remedy="Write it again"
            ) from error
        return cls(
            table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True), table
        )

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Create a Parquet table with Arrow's default types."""
        return cls(values, pa.Table.from_pandas(values, preserve_index=False))

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table; see `TableFile.write`."""
        table = self._table
        for name, cells in edits.items():
            column = pa.Array.from_pandas(cells)
            at = table.schema.get_field_index(name)
            if at < 0:
                table = table.append_column(name, column)
            else:
                table = table.set_column(at, name, column)
        pq.write_table(table, stream)


class FitsTableFile(_TypedFile):
    """The first table with a column `grid_x` in a FITS file.

    Other HDUs, and columns with several values per cell, are preserved.
    """

    suffixes = (".fits", ".fit", ".fts", ".fits.gz")
    description = "FITS table"

    def __init__(self, values: pd.DataFrame, parts: _Parts, compressed: bool) -> None:
        super().__init__(values)
        self._parts = parts
        self._compressed = compressed

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a FITS table; see `TableFile.from_bytes`."""
        try:
            compressed = data.startswith(b"\x1f\x8b")
            if compressed:
                data = decompress(data)
            with warnings.catch_warnings(), fits.open(io.BytesIO(data)) as hdus:
                # astropy warns about units and similar cards, which stay unchanged.
                warnings.simplefilter("ignore")
                at = _table_hdu(hdus)
                parts = _split(data, hdus[at])
                table = Table.read(hdus, hdu=at)
                table.convert_bytestring_to_unicode()
        except TableError:
            raise
        except Exception as error:
            # The reader can raise any exception for a damaged file.
            raise TableError(
                f"not a valid FITS table ({error})", remedy="Write it again"
            ) from error
        flat = [name for name in table.colnames if table[name].ndim == 1]
        return cls(table[flat].to_pandas(), parts, compressed)

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Create a FITS file with one table."""
        columns = [_fits_column(str(name), values[name]) for name in values]
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


def _table_hdu(hdus: fits.HDUList) -> int:
    for index, hdu in enumerate(hdus):
        if (
            isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
            and "grid_x" in hdu.columns.names
        ):
            return index
    raise TableError(
        "no table with a column 'grid_x' in any HDU",
        remedy="Choose the file with the predictions",
    )


def _split(data: bytes, hdu: fits.BinTableHDU | fits.TableHDU) -> _Parts:
    """Split a file into the bytes before a table, the table, and the bytes after it."""
    found = hdu.fileinfo()
    header, begin = found["hdrLoc"], found["datLoc"]
    end = begin + found["datSpan"]
    records = FitsRecords.from_bytes(data[header:begin], data[begin:end])
    return data[:header], records, data[end:]


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
