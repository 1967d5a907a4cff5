"""A table as its file stores it, for every format that writes it back unchanged."""

from __future__ import annotations

import gzip
import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, BinaryIO, ClassVar, Self

import pandas as pd

from napari_artifact_review.core.errors import TableError

#: The largest table file, in bytes; the survey's has less than a megabyte.
MOST_BYTES = 2**30


class TableFile(ABC):
    """A table in one file format.

    A *cell* is the content of the file in its own notation (for a text format with its
    quotes); a *value* is the meaning of a cell. Both frames have the same shape, with
    rows and columns in the file's order.

    Attributes
    ----------
    suffixes : tuple of str
        The suffixes of such files' names.
    faults : tuple of TableError
        The rows that could not be read; they are left out.
    digest : str or None
        SHA-256 of the bytes that were read from a file, in hexadecimal.
    """

    suffixes: ClassVar[tuple[str, ...]]
    faults: tuple[TableError, ...] = ()
    digest: str | None = None

    @property
    @abstractmethod
    def cells(self) -> pd.DataFrame:
        """The cells, in the notation of the file."""

    @property
    @abstractmethod
    def values(self) -> pd.DataFrame:
        """The values of the cells."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The format in words, for the user."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the table from the contents of its file.

        Raises
        ------
        TableError
            If the contents are not a sound table of this format.
        """

    @classmethod
    @abstractmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Make a table of this format, in the format's usual notation."""

    def suited_to(self, name: str) -> TableFile:  # noqa: ARG002
        """Return the table with the variant of the format that a file name implies."""
        return self

    @abstractmethod
    def spell(self, value: Any) -> Any:
        """Return the cell for a value."""

    @abstractmethod
    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the cells of a new column."""

    def column(self, name: str) -> pd.Series[Any]:
        """Return a copy of the cells of the column `name`."""
        return self.cells.iloc[:, list(self.values.columns).index(name)].copy()

    @abstractmethod
    def describe_row(self, row: int) -> str:
        """Name a row (0-based) as users find it in the file: "line 12", "row 11"."""

    @abstractmethod
    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table with some columns of cells replaced, or added at the end."""


def decompress(data: bytes) -> bytes:
    """Decompress a table with gzip, unless it is a decompression bomb.

    Raises
    ------
    TableError
        If it is damaged, or grows beyond `MOST_BYTES`.
    """
    whole = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            while part := packed.read(2**20):
                whole.write(part)
                check_size(whole.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(
            f"the gzip stream is damaged ({error})", remedy="Copy the file again"
        ) from error
    return whole.getvalue()


def check_size(size: int) -> None:
    """Refuse a table that would fill the memory, before it does.

    Raises
    ------
    TableError
        If it has more bytes than `MOST_BYTES`.
    """
    if size > MOST_BYTES:
        raise TableError(
            f"it holds more than {MOST_BYTES / 2**30:g} GiB",
            remedy="Is this the table with the predictions? Split it if it is",
        )
