"""A table as its file holds it; each format knows how to give it back unchanged."""

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

    A *cell* is what the file holds, in the file's own spelling (for a text format
    with its quotes); a *value* is what it means. Both frames have the same shape,
    rows and columns in the file's order.

    Attributes
    ----------
    suffixes : tuple of str
        How the names of such files end.
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
        """What the file holds, in its own spelling."""

    @property
    @abstractmethod
    def values(self) -> pd.DataFrame:
        """What the cells mean."""

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
        """Make a table of this format, in the format's usual spelling."""

    def suited_to(self, name: str) -> TableFile:  # noqa: ARG002
        """Return the table as a file of that name is expected to hold it."""
        return self

    @abstractmethod
    def spell(self, value: Any) -> Any:
        """Return the cell that means `value`."""

    @abstractmethod
    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Return the cells of a column that the file does not have yet."""

    def column(self, name: str) -> pd.Series[Any]:
        """Return a copy of the cells of the column that means `name`."""
        return self.cells.iloc[:, list(self.values.columns).index(name)].copy()

    @abstractmethod
    def describe_row(self, row: int) -> str:
        """Say where a row (0-based) stands in the file: "line 12", "row 11"."""

    @abstractmethod
    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table with some columns of cells replaced, or added at the end."""


def decompress(data: bytes) -> bytes:
    """Decompress a table with gzip, if it is no bomb.

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
