"""The distinct values of a table's columns, and the range of their numbers."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

#: The maximum number of distinct values.
_MOST = 1000

#: A number with a decimal comma, which may be a percentage.
_WITH_COMMA = r"[+-]?\d*,\d+ *%?"


class NumberRange(NamedTuple):
    """The lowest and the highest number in a column; both are 0 without numbers.

    Attributes
    ----------
    lowest, highest : float
        The range.
    have_comma : bool
        Whether any cell is a number only if its comma is a decimal comma.
    """

    lowest: float
    highest: float
    have_comma: bool = False


_NONE = NumberRange(0, 0)


class ColumnContents:
    """The distinct values of a table's columns, and the range of their numbers.

    Each result is computed once.

    Parameters
    ----------
    values : DataFrame, shape (rows, columns)
        Values of the table.
    """

    def __init__(self, values: pd.DataFrame) -> None:
        self._values = values
        self._names = [str(name) for name in values.columns]
        self._distinct: dict[str, tuple[str, ...]] = {}
        self._ranges: dict[tuple[str, str], NumberRange] = {}

    def distinct(self, column: str) -> tuple[str, ...]:
        """Return the distinct values of a column as strings, at most 1,000 of them."""
        if column not in self._distinct:
            texts = dict.fromkeys(self._texts(column).iloc[:_MOST])
            self._distinct[column] = tuple(text for text in texts if text)
        return self._distinct[column]

    def is_unique(self, column: str) -> bool:
        """Return whether each row has another value in a column."""
        return len(self._texts(column)) == len(self._values)

    def numbers(self, column: str, decimal: str) -> NumberRange:
        """Return the range of the numbers in a column, without other cells.

        Parameters
        ----------
        column : str
            Name of the column.
        decimal : str
            Decimal separator: a point or a comma.
        """
        key = (column, decimal)
        if key not in self._ranges:
            self._ranges[key] = self._find_numbers(column, decimal)
        return self._ranges[key]

    def _find_numbers(self, column: str, decimal: str) -> NumberRange:
        if decimal == ".":
            # Arrow is ten times as fast, but reads only columns of numbers alone.
            with suppress(ValueError, TypeError, NotImplementedError):
                return _range_of(self._cells(column).astype("double[pyarrow]"))
        texts = self._texts(column)
        have_comma = decimal == "." and bool(texts.str.fullmatch(_WITH_COMMA).any())
        texts = texts.str.removesuffix("%")
        if decimal == ",":
            texts = texts.str.replace(",", ".", regex=False)
        numbers = pd.to_numeric(texts, errors="coerce").dropna()
        return _range_of(numbers)._replace(have_comma=have_comma)

    def _cells(self, column: str) -> pd.Series[Any]:
        """Return the cells of a column that are not missing."""
        return self._values.iloc[:, self._names.index(column)].dropna()

    def _texts(self, column: str) -> pd.Series[str]:
        """Return the distinct cells of a column as strings."""
        cells = self._cells(column)
        if cells.dtype == "object":
            cells = cells.map(_hashable)
        return pd.Series(pd.unique(cells)).map(str).astype("str").str.strip()


def _range_of(numbers: pd.Series[Any]) -> NumberRange:
    found = np.asarray(numbers, dtype=np.float64)
    found = found[~np.isnan(found)]
    if not found.size:
        return _NONE
    return NumberRange(float(found.min()), float(found.max()))


def _hashable(value: Any) -> Any:
    """Return a cell of a table, or its text if it is an array."""
    return value if isinstance(value, Hashable) else str(value)
