"""Base class of the table file formats."""

from __future__ import annotations

import gzip
import io
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Self

import pandas as pd

from napari_artifact_review.core.errors import SaveError, TableError
from napari_artifact_review.core.tables.column_names import IDENTIFYING, find_column

#: Maximum size of a table file, in bytes; the survey's table has less than a megabyte.
MOST_BYTES = 2**30


class TableFile(ABC):
    """A table in a file format, which can be written back unchanged.

    A *cell* is content in the notation of the file, such as a string with quotes. Its
    *value* is the content without this notation. `cells` and `values` have the same
    shape, with rows and columns in file order.

    Attributes
    ----------
    suffixes : tuple of str
        File name suffixes of the format.
    faults : tuple of TableError
        Errors of rows that could not be read; such rows are omitted.
    notice : str
        Sentence for the user about what was read of the file; usually empty.
    digest : str or None
        SHA-256 of the file's bytes, in hexadecimal.
    unusable : mapping of str to str
        Columns that are not among the values, with what they hold.
    """

    suffixes: ClassVar[tuple[str, ...]]
    faults: tuple[TableError, ...] = ()
    notice: str = ""
    digest: str | None = None
    unusable: Mapping[str, str] = MappingProxyType({})

    @property
    @abstractmethod
    def cells(self) -> pd.DataFrame:
        """Cells of the table, in the notation of the file."""

    @property
    @abstractmethod
    def values(self) -> pd.DataFrame:
        """Values of the table, one for each cell."""

    @property
    @abstractmethod
    def description(self) -> str:
        """Description of the format for the user."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes, wanted: Collection[str] = IDENTIFYING) -> Self:
        """Read a table from the contents of a file.

        Parameters
        ----------
        data : bytes
            Contents of the file.
        wanted : collection of str, optional
            Names of columns, in any notation, by which the table is recognised in the
            file; a table without them is read too.

        Raises
        ------
        TableError
            If the contents are not a valid table in this format.
        """

    @classmethod
    @abstractmethod
    def from_values(cls, values: pd.DataFrame) -> Self:
        """Create a table in this format from values, with the default notation.

        Raises
        ------
        SaveError
            If the names of the columns are impossible in this format.
        """

    def suited_to(self, name: str) -> TableFile:  # noqa: ARG002
        """Return the table with the compression and delimiter that suit a file name."""
        return self

    @abstractmethod
    def spell(self, value: Any) -> Any:
        """Convert a value to a cell."""

    @abstractmethod
    def new_column(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Convert the values of a new column to cells."""

    def column(self, name: str) -> pd.Series[Any]:
        """Return a copy of the cells of the column `name`."""
        return self.cells.iloc[:, list(self.values.columns).index(name)].copy()

    def position_of(self, name: str) -> int | None:
        """Return the index of the column `name`; None if not exactly one has the name.

        Several columns can have the same name if the review does not use it.
        """
        found = [i for i, each in enumerate(self.values.columns) if each == name]
        return found[0] if len(found) == 1 else None

    def describe_unusable(self, names: Iterable[str]) -> str:
        """Return what unusable columns of these names hold, as the part of a sentence.

        The result is "" if there are none; otherwise it ends in "; ".
        """
        found = (find_column(name, list(self.unusable)) for name in names)
        return "".join(f"{n!r} holds {self.unusable[n]}; " for n in found if n)

    @abstractmethod
    def describe_row(self, row: int) -> str:
        """Return the location of a row (0-based) as text: "line 12" or "row 11"."""

    @abstractmethod
    def write(self, stream: BinaryIO, edits: Mapping[str, pd.Series[Any]]) -> None:
        """Write the table as read, with the columns in `edits` replaced or appended.

        A column is replaced if it is the only one with its name.
        """


class TypedFile(TableFile):
    """A table with typed columns, in which cells and values are identical.

    Parameters
    ----------
    values : DataFrame
        The typed values.
    """

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


def decompress(data: bytes) -> bytes:
    """Decompress a table that is compressed with gzip.

    Raises
    ------
    TableError
        If the data are damaged, or exceed `MOST_BYTES` when decompressed.
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
    """Raise an error if a table is too large.

    Parameters
    ----------
    size : int
        Size of the table in bytes.

    Raises
    ------
    TableError
        If the size exceeds `MOST_BYTES`.
    """
    if size > MOST_BYTES:
        raise TableError(
            f"it holds more than {MOST_BYTES / 2**30:g} GiB",
            remedy="Is this the table with the predictions? Split it if it is",
        )


def check_names(names: Iterable[str], form: str, *, named: bool = False) -> None:
    """Check that the names of columns differ.

    Parameters
    ----------
    names : iterable of str
        Names of all columns.
    form : str
        Name of the format, for the error message.
    named : bool, optional
        Whether each column must have a name.

    Raises
    ------
    SaveError
        If a name is repeated or missing.
    """
    counts = Counter(names)
    repeated = sorted(name for name, count in counts.items() if count > 1)
    if repeated:
        what = f"more than one column is named {', '.join(map(repr, repeated))}"
    elif named and "" in counts:
        what = "a column has no name"
    else:
        return
    raise SaveError(
        f"{what}, which is impossible in a table in {form}",
        remedy="Choose an output that ends in .csv, or rename the columns",
    )
