"""Read table files, and convert them to other formats."""

from __future__ import annotations

import hashlib
import stat
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from napari_artifact_review.core.errors import SaveError, TableError
from napari_artifact_review.core.tables.column_names import IDENTIFYING
from napari_artifact_review.core.tables.delimited import DelimitedFile
from napari_artifact_review.core.tables.ecsv import MARK, EcsvFile
from napari_artifact_review.core.tables.fits_tables import FitsTableFile
from napari_artifact_review.core.tables.foreign_formats import (
    HEAD_BYTES,
    refuse_foreign_format,
)
from napari_artifact_review.core.tables.parquet_tables import ParquetFile
from napari_artifact_review.core.tables.table_file import TableFile, check_size

FORMATS: tuple[type[TableFile], ...] = (
    DelimitedFile,
    EcsvFile,
    ParquetFile,
    FitsTableFile,
)
SUFFIXES = tuple(suffix for each in FORMATS for suffix in each.suffixes)


def read_table_file(path: Path, wanted: Collection[str] = IDENTIFYING) -> TableFile:
    """Read a table file; its contents determine the format, not its name.

    Parameters
    ----------
    path : Path
        The file.
    wanted : collection of str, optional
        Names of columns to look for, in any notation: the delimiter of a text, and the
        HDU of a FITS file, are those with most of these columns.

    Raises
    ------
    TableError
        If the file cannot be read or is not a valid table.
    """
    with _errors_about(path):
        check_table_file(path)
        data = path.read_bytes()
        file = _format_of(data).from_bytes(data, wanted)
    file.digest = hashlib.sha256(data).hexdigest()
    return file


def check_table_file(path: Path) -> None:
    """Check that a path is a regular file of an acceptable size; it is not read.

    Raises
    ------
    TableError
        If it is not.
    """
    with _errors_about(path):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            # Reading from a pipe or device might never end.
            raise TableError("this is not a regular file", remedy="Choose a file")
        check_size(found.st_size)


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Convert an error to a TableError that names the file."""
    try:
        yield
    except OSError as error:
        raise TableError(
            f"cannot be read ({error.strerror or error})",
            path=path,
            remedy="Check the path and your rights to it",
        ) from error
    except TableError as error:
        raise TableError(
            error.what, path=path, where=error.where, remedy=error.remedy
        ) from error


def format_for(path: Path) -> type[TableFile]:
    """Return the table format for the suffix of a path.

    Raises
    ------
    SaveError
        If no format has this suffix.
    """
    name = path.name.lower()
    for each in FORMATS:
        if name.endswith(each.suffixes):
            return each
    raise SaveError(
        f"no table format has the suffix {path.suffix!r}",
        path=path,
        remedy=f"Name the output with one of {', '.join(SUFFIXES)}",
    )


def convert(
    file: TableFile, typed: Callable[[], pd.DataFrame], path: Path
) -> TableFile:
    """Convert a table to the format for a path, and return it.

    Parameters
    ----------
    file : TableFile
        The table as read.
    typed : callable
        Returns the same table with typed columns, for formats that have types.
    path : Path
        The file to write.

    Raises
    ------
    SaveError
        If no format has the suffix of the path.
    """
    target = format_for(path)
    if type(file) is not target:
        # A conversion from text to text does not change the notation of values.
        file = target.from_values(file.values if target is DelimitedFile else typed())
    return file.suited_to(path.name)


def _decompressed_head(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data[:HEAD_BYTES], HEAD_BYTES)
    except zlib.error:
        # The data are damaged; the reader of delimited text reports this.
        return b""


def _format_of(data: bytes) -> type[TableFile]:
    head = data[:HEAD_BYTES]
    if head.startswith(b"\x1f\x8b"):
        head = _decompressed_head(data)
    if head.startswith(b"PAR1"):
        return ParquetFile
    if head.startswith(b"SIMPLE  ="):
        return FitsTableFile
    if head.startswith(MARK.encode()):
        return EcsvFile
    refuse_foreign_format(head, data)
    return DelimitedFile
