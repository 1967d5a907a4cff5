"""Parquet and FITS tables, kept with their own types and metadata."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.table import Table

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tablefile import TableFile, decompress

#: Stands for a missing whole number in FITS, which has no other way.
_NULL = -(2**63)


class _TypedFile(TableFile):
    """What tables with typed columns share: a cell is its value."""

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
        """Return the value itself."""
        return value

    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the values themselves."""
        return values

    def place(self, row: int) -> str:
        """Say which row it is, from 1."""
        return f"row {row + 1}"


class ParquetFile(_TypedFile):
    """An Apache Parquet table; columns that are not edited keep their Arrow type."""

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
                f"not a sound Parquet file ({error})", remedy="Write it again"
            ) from error
        return cls(
            table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True), table
        )

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Make a Parquet table with Arrow's types for the columns."""
        return cls(values, pa.Table.from_pandas(values, preserve_index=False))

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table as it was read, but for `edits`."""
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
    """The first FITS table with a column `grid_x`; all else in the file is kept."""

    suffixes = (".fits", ".fit", ".fts", ".fits.gz")
    description = "FITS table"

    def __init__(self, values: pd.DataFrame, data: bytes, compressed: bool) -> None:
        super().__init__(values)
        self._data = data
        self._compressed = compressed

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a FITS table; see `TableFile.from_bytes`."""
        try:
            compressed = data.startswith(b"\x1f\x8b")
            if compressed:
                data = decompress(data)
            with warnings.catch_warnings(), fits.open(io.BytesIO(data)) as hdus:
                # About units and the like; they are kept as they are.
                warnings.simplefilter("ignore")
                table = Table.read(hdus, hdu=_table_hdu(hdus))
                table.convert_bytestring_to_unicode()
        except TableError:
            raise
        except Exception as error:
            # Whatever a damaged file makes of the reader.
            raise TableError(
                f"not a sound FITS table ({error})", remedy="Write it again"
            ) from error
        flat = [name for name in table.colnames if table[name].ndim == 1]
        return cls(table[flat].to_pandas(), data, compressed)

    @classmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Make a FITS table."""
        columns = [_fits_column(str(name), values[name]) for name in values]
        buffer = io.BytesIO()
        hdus = [fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]
        fits.HDUList(hdus).writeto(buffer)
        return cls(values, buffer.getvalue(), compressed=False)

    def suited_to(self, name: str) -> FitsTableFile:
        """Return the table with the compression that a name promises."""
        compressed = name.lower().endswith(".gz")
        return type(self)(self._values, self._data, compressed)

    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the file as it was read, but for `edits`."""
        buffer = io.BytesIO()
        with warnings.catch_warnings(), fits.open(io.BytesIO(self._data)) as hdus:
            warnings.simplefilter("ignore")
            at = _table_hdu(hdus)
            old = hdus[at]
            edited = {name: _fits_column(name, edits[name]) for name in edits}
            columns = [
                edited.pop(column.name, None) or _kept_column(column, old.data)
                for column in old.columns
            ]
            hdus[at] = fits.BinTableHDU.from_columns(
                [*columns, *edited.values()], header=old.header
            )
            hdus.writeto(buffer)
        data = buffer.getvalue()
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


def _kept_column(column: fits.Column, data: fits.FITS_rec) -> fits.Column:
    if not set("PQ") & set(column.format):
        return column
    # astropy takes the pointers of cells of any length for the cells themselves.
    return fits.Column(column.name, column.format, column.unit, array=data[column.name])


def _fits_column(name: str, cells: pd.Series[Any]) -> fits.Column:
    """Make a column that FITS can hold: whole numbers with a null, or text."""
    if pd.api.types.is_bool_dtype(cells.dtype) and not cells.hasnans:
        return fits.Column(name, "L", array=cells.to_numpy(bool))
    if pd.api.types.is_integer_dtype(cells.dtype):
        filled = cells.fillna(_NULL).to_numpy(np.int64)
        null = _NULL if cells.isna().any() else None
        return fits.Column(name, "K", array=filled, null=null)
    if pd.api.types.is_float_dtype(cells.dtype):
        numbers = cells.astype(np.float64).to_numpy()
        return fits.Column(name, "D", array=numbers)
    text = cells.astype("object").where(cells.notna(), "").map(str)
    array = np.char.encode(text.to_numpy().astype("U"), "ascii")
    return fits.Column(name, f"{max(array.itemsize, 1)}A", array=array)
