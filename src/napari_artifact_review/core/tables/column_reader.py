"""Columns of a table as numbers and texts, with a list of the cells at fault."""

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
#: Excludes numbers of Python that other programs do not read, such as 1_000.
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


class ColumnReader:
    """Read the columns of a table one by one, and gather their faults.

    A cell at fault is reported in `faults`, and read as 0.

    Parameters
    ----------
    path : Path
        The file, for the errors.
    file : TableFile
        The table.

    Attributes
    ----------
    values : DataFrame, shape (n, columns)
        The values of the table.
    faults : list of TableError
        The faults so far, those of the file first.
    at_fault : dict of str to ndarray of bool, shape (n,)
        By column, the mask of the rows at fault.
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
        """Report a fault of the table, or of the cell in `row` and `column`."""
        where = None
        if row is not None:
            where = f"{self.file.describe_row(row)}, column {column}"
            self.at_fault[column][row] = True
        self.faults.append(TableError(what, path=self.path, where=where, remedy=remedy))

    def are_sound(self, *columns: str) -> npt.NDArray[np.bool_]:
        """Return the mask of the rows without a fault in some columns, shape (n,)."""
        sound = np.ones(len(self.file.values), dtype=bool)
        for column in columns:
            sound &= ~self.at_fault[column]
        return sound

    def repeats(
        self, among: npt.NDArray[np.bool_], **columns: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, str]]:
        """Yield each row that repeats an earlier one, and where that one is.

        Parameters
        ----------
        among : ndarray of bool, shape (n,)
            The rows to compare.
        **columns : ndarray of int64, shape (n,)
            The values that are equal in a repeated row.
        """
        keys = pd.DataFrame(columns)[among]
        repeated = keys[keys.duplicated(keep=False)]
        rows = repeated.index.to_series()
        firsts = rows.groupby([repeated[name] for name in repeated]).transform("first")
        again = firsts[firsts != rows]
        for row, first in zip(again.index.tolist(), again.tolist(), strict=True):
            yield row, self.file.describe_row(first)

    def texts(self, column: str) -> npt.NDArray[np.object_] | None:
        """Return a column as text, shape (n,); None if the table has no such column."""
        if column not in self.values:
            return None
        return _strings(self.values[column]).to_numpy(object)

    def names(self, column: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Return a column of names as indices, shape (n,), and the distinct names."""
        index, names = pd.factorize(_strings(self.values[column]))
        for row in np.flatnonzero(np.asarray(names == "")[index]).tolist():
            self.add_fault("the name is empty", "Name the image", row, column)
        return index.astype(np.int64), tuple(map(str, names))

    def labels(
        self, column: str, default: npt.NDArray[np.int8] | None = None
    ) -> npt.NDArray[np.int8]:
        """Return a column of 0 and 1, shape (n,).

        Parameters
        ----------
        column : str
            The column.
        default : ndarray of int8, shape (n,), optional
            Values for empty cells, or for a missing column.
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
        """Return a column of whole numbers, shape (n,).

        Parameters
        ----------
        column : str
            The column.
        what, remedy : str
            A phrase for a number of that kind, and what to do about other cells.
        empty : int, optional
            The value of an empty cell; without it, an empty cell is a fault.
        """
        return self._parsed(
            column,
            lambda text: _whole_number(text) if text else empty,
            f"not {what} below 2**63 in size",
            remedy,
        )

    def probabilities(self, column: str) -> npt.NDArray[np.float64]:
        """Return a column of numbers from 0 to 1, shape (n,); NaN for an empty cell."""
        texts = _strings(self.values[column]).str.strip()
        sound = texts.str.fullmatch(_NUMBER).to_numpy(bool)
        numbers = _numbers(texts.where(sound, "nan"))
        # Written so that a NaN, which no comparison accepts, counts as a fault.
        bad = (texts != "").to_numpy(bool) & ~((numbers >= 0) & (numbers <= 1))
        for row in np.flatnonzero(bad).tolist():
            self.add_fault(
                f"{texts.iloc[row]!r} is not a probability",
                "Write a number from 0 to 1, with a decimal point",
                row,
                column,
            )
        # As NaN they would be reported once more, as missing.
        numbers[bad] = 0
        return numbers

    def _parsed(
        self, column: str, parse: Callable[[str], int | None], what: str, remedy: str
    ) -> npt.NDArray[np.int64]:
        """Parse a column by its distinct values; report each row that fails."""
        index, texts = pd.factorize(_strings(self.values[column]))
        parsed = [parse(text.strip()) for text in texts]
        bad = np.array([value is None for value in parsed], dtype=bool)
        for row in np.flatnonzero(bad[index]).tolist():
            self.add_fault(f"{texts[index[row]]!r} is {what}", remedy, row, column)
        whole = np.array([value or 0 for value in parsed], dtype=np.int64)
        return whole[index]


def _strings(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as text; a missing value is empty."""
    if column.dtype == "str":
        return column
    # As objects, so that a NaN is missing like a null.
    cells = column.astype("object")
    return cells.where(cells.notna(), "").map(str).astype("str")


def _numbers(texts: pd.Series[str]) -> npt.NDArray[np.float64]:
    """Return texts as the nearest numbers, as Python does."""
    # Arrow is four times as fast, and reads no leading plus.
    plus = texts.str.startswith("+")
    if plus.any():
        texts = texts.where(~plus, texts.str.removeprefix("+"))
    return np.array(texts.astype("double[pyarrow]"), dtype=np.float64)


def _whole_number(text: str) -> int | None:
    """Read a whole number exactly, however large; 200.0 and 2E2 are whole."""
    if not re.fullmatch(_NUMBER, text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # A comparison is exact and never overflows, which arithmetic may.
    if not -_WHOLE_NUMBER_LIMIT < number < _WHOLE_NUMBER_LIMIT:
        return None
    return int(number) if number == number.to_integral_value() else None
