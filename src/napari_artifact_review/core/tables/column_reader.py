"""Convert the columns of a table to numbers and strings, and collect its faults."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.tables.table_file import TableFile

_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
_WHOLE_NUMBER_LIMIT = 2**63
#: Pattern of a number. It excludes notations that only Python reads, such as 1_000.
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


class ColumnReader:
    """A reader of table columns that collects the faults of a table.

    Each invalid cell is recorded in `faults`. An invalid number is read as 0.

    Parameters
    ----------
    path : Path
        Path of the file, for error messages.
    file : TableFile
        The table.

    Attributes
    ----------
    values : DataFrame, shape (n, columns)
        Values of the table.
    faults : list of TableError
        Faults found so far, beginning with those of the file.
    at_fault : dict of str to ndarray of bool, shape (n,)
        Mask of the invalid cells of each column, by column name.
    """

    def __init__(self, path: Path, file: TableFile) -> None:
        self.path = path
        self.file = file
        self.values = file.values
        self.faults = [
            TableError(fault.what, path=path, where=fault.where, remedy=fault.remedy)
            for fault in file.faults
        ]
        self.at_fault: dict[str, npt.NDArray[np.bool_]] = defaultdict(
            lambda: np.zeros(len(file.values), dtype=bool)
        )

    def add_fault(
        self, what: str, remedy: str, row: int | None = None, column: str = ""
    ) -> None:
        """Record a fault of the whole table, or of the cell in `row` and `column`."""
        where = None
        if row is not None:
            where = f"{self.file.describe_row(row)}, column {column}"
            self.at_fault[column][row] = True
        self.faults.append(TableError(what, path=self.path, where=where, remedy=remedy))

    def are_sound(self, *columns: str) -> npt.NDArray[np.bool_]:
        """Return the mask of rows without faults in the given columns, shape (n,)."""
        sound = np.ones(len(self.file.values), dtype=bool)
        for column in columns:
            sound &= ~self.at_fault[column]
        return sound

    def repeats(
        self, among: npt.NDArray[np.bool_], **columns: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, str]]:
        """Yield the rows that repeat the values of an earlier row.

        Parameters
        ----------
        among : ndarray of bool, shape (n,)
            Mask of the rows to compare.
        **columns : ndarray of int64, shape (n,)
            Values to compare.

        Yields
        ------
        row : int
            A row that repeats an earlier row.
        first : str
            Location of the earlier row in the file.
        """
        keys = pd.DataFrame(columns)[among]
        repeated = keys[keys.duplicated(keep=False)]
        rows = repeated.index.to_series()
        firsts = rows.groupby([repeated[name] for name in repeated]).transform("first")
        again = firsts[firsts != rows]
        for row, first in zip(again.index.tolist(), again.tolist(), strict=True):
            yield row, self.file.describe_row(first)

    def texts(self, column: str) -> npt.NDArray[np.object_] | None:
        """Return a column as strings, shape (n,); None if the column does not exist."""
        if column not in self.values:
            return None
        return _strings(self.values[column]).to_numpy(object)

    def names(self, column: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Convert a column of image names to indices, and record empty names as faults.

        Returns
        -------
        index : ndarray of int64, shape (n,)
            Index into `names` for each cell.
        names : tuple of str
            Distinct names, in order of first appearance.
        """
        index, names = pd.factorize(_strings(self.values[column]))
        for row in np.flatnonzero(np.asarray(names == "")[index]).tolist():
            self.add_fault("the name is empty", "Name the image", row, column)
        return index.astype(np.int64), tuple(map(str, names))

    def labels(
        self, column: str, default: npt.NDArray[np.int8] | None = None
    ) -> npt.NDArray[np.int8]:
        """Return a column of labels 0 and 1, shape (n,).

        Parameters
        ----------
        column : str
            Name of the column.
        default : ndarray of int8, shape (n,), optional
            Values for empty cells, or for a missing column; by default an empty cell is
            a fault.
        """
        if default is not None and column not in self.values:
            return default.copy()
        parsed = self._parsed(
            column,
            lambda text: (
                -1 if default is not None and not text else _LABELS.get(text.lower())
            ),
            "not 0 or 1",
            "Write 0 (no artifact) or 1 (artifact)",
        ).astype(np.int8)
        return parsed if default is None else np.where(parsed < 0, default, parsed)

    def whole_numbers(
        self, column: str, what: str, remedy: str, empty: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return a column of integers, shape (n,).

        Parameters
        ----------
        column : str
            Name of the column.
        what, remedy : str
            Description of a valid number, and advice to the user on an invalid cell.
        empty : int, optional
            Value of an empty cell; by default an empty cell is a fault.
        """
        return self._parsed(
            column,
            lambda text: _whole_number(text) if text else empty,
            f"not {what} below 2**63 in size",
            remedy,
        )

    def probabilities(self, column: str) -> npt.NDArray[np.float64]:
        """Return a column of numbers from 0 to 1, shape (n,); NaN for empty cells."""
        texts = _strings(self.values[column]).str.strip()
        sound = texts.str.fullmatch(_NUMBER).to_numpy(bool)
        numbers = _numbers(texts.where(sound, "nan"))
        # Comparisons with NaN are false, so NaN in a nonempty cell counts as a fault.
        bad = (texts != "").to_numpy(bool) & ~((numbers >= 0) & (numbers <= 1))
        for row in np.flatnonzero(bad).tolist():
            self.add_fault(
                f"{texts.iloc[row]!r} is not a probability",
                "Write a number from 0 to 1, with a decimal point",
                row,
                column,
            )
        # NaN would be reported a second time, as a missing confidence.
        numbers[bad] = 0
        return numbers

    def _parsed(
        self, column: str, parse: Callable[[str], int | None], what: str, remedy: str
    ) -> npt.NDArray[np.int64]:
        """Parse each distinct string once; record a fault for each invalid cell."""
        index, texts = pd.factorize(_strings(self.values[column]))
        parsed = [parse(text.strip()) for text in texts]
        bad = np.array([value is None for value in parsed], dtype=bool)
        for row in np.flatnonzero(bad[index]).tolist():
            self.add_fault(f"{texts[index[row]]!r} is {what}", remedy, row, column)
        whole = np.array([value or 0 for value in parsed], dtype=np.int64)
        return whole[index]


def _strings(column: pd.Series[Any]) -> pd.Series[str]:
    """Convert a column to strings, with empty strings for missing values."""
    if column.dtype == "str":
        return column
    # Convert to objects, so that both NaN and null count as missing.
    cells = column.astype("object")
    return cells.where(cells.notna(), "").map(str).astype("str")


def _numbers(texts: pd.Series[str]) -> npt.NDArray[np.float64]:
    """Convert strings to float64 numbers, rounded as in Python."""
    # Arrow is four times as fast as Python, but cannot read a leading plus.
    plus = texts.str.startswith("+")
    if plus.any():
        texts = texts.where(~plus, texts.str.removeprefix("+"))
    return np.array(texts.astype("double[pyarrow]"), dtype=np.float64)


def _whole_number(text: str) -> int | None:
    """Convert a string such as 200, 200.0 or 2E2 to an integer; None if invalid."""
    if not re.fullmatch(_NUMBER, text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # Unlike arithmetic, a comparison is exact and cannot overflow.
    if not -_WHOLE_NUMBER_LIMIT < number < _WHOLE_NUMBER_LIMIT:
        return None
    return int(number) if number == number.to_integral_value() else None
