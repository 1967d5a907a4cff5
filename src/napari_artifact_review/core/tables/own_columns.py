"""The user's own columns of the predictions table, and conditions on them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.column_condition import (
    EMPTY_OPERATORS,
    NUMBER_OPERATORS,
    ColumnCondition,
    Operator,
    number_of,
    numbers_of,
)
from napari_artifact_review.core.tables.column_names import unique_names
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.short_floats import as_doubles

#: Smallest whole number whose successor is not a float64.
_FIRST_INEXACT = 2**53

Mask = npt.NDArray[np.bool_]


class _Column(NamedTuple):
    """The distinct values of a column, and their positions in the table.

    Attributes
    ----------
    codes : ndarray of int64, shape (n,)
        Index of each row's value.
    texts : list of str, length m
        The values as strings, without surrounding spaces; empty for a missing value.
    numbers : ndarray of float64, shape (m,)
        The values as numbers; NaN for a value that is not a number.
    is_numeric : bool
        Whether the file stores the column as numbers.
    """

    codes: npt.NDArray[np.int64]
    texts: list[str]
    numbers: npt.NDArray[np.float64]
    is_numeric: bool


class OwnColumns:
    """The user's own columns of a table, which have no meaning for the review.

    A column is converted when it is first used. This takes a fraction of a second for
    a million rows.

    Parameters
    ----------
    predictions : Predictions
        The table.

    Attributes
    ----------
    names : tuple of str
        Names of the columns, in the table's order; repeated names are numbered.
    """

    def __init__(self, predictions: Predictions) -> None:
        values = predictions.file.values
        names = [str(name) for name in values.columns]
        with_meaning = {names.index(name) for name in predictions.columns.values()}
        self._position = {
            name: position
            for position, name in enumerate(unique_names(names))
            if position not in with_meaning
        }
        self.names = tuple(self._position)
        self._path = predictions.path
        self._values = values
        self._converted: dict[str, _Column] = {}

    def text(self, name: str, row: int) -> str:
        """Return the value of a column in a row as a string; empty if it is missing.

        Raises
        ------
        ReviewError
            If the table has no such column.
        """
        column = self._column(name)
        return column.texts[int(column.codes[row])]

    def choices(self, name: str, most: int) -> tuple[str, ...]:
        """Return the sorted distinct strings of a column; empty if more than `most`.

        Raises
        ------
        ReviewError
            If the table has no such column.
        """
        column = self._column(name)
        if len(column.texts) > most + 1:
            return ()
        texts = dict(zip(column.texts, column.numbers.tolist(), strict=True))
        texts.pop("", None)
        # Numbers are in the order of their values, before other strings.
        numbers = {text: np.nan_to_num(texts[text], nan=np.inf) for text in texts}
        return tuple(sorted(texts, key=lambda text: (numbers[text], text)))

    def are(self, condition: ColumnCondition) -> Mask:
        """Return the mask of rows that satisfy a condition, shape (n,).

        Raises
        ------
        ReviewError
            If the table has no such column, or the operator compares numbers and the
            value is not a number.
        """
        column, operator = self._column(condition.column), condition.operator
        value = condition.value
        which: Mask
        if operator in NUMBER_OPERATORS:
            which = _compare(column.numbers, operator, self._number(condition))
        elif operator in EMPTY_OPERATORS:
            which = np.array([not text for text in column.texts], dtype=bool)
        elif operator == "contains":
            which = _contain(column.texts, value)
        else:
            which = np.array([text == value for text in column.texts], dtype=bool)
            number = number_of(value)
            # Larger numbers, such as ids of objects, are not all exact as float64.
            if column.is_numeric and abs(number) < _FIRST_INEXACT:
                which |= column.numbers == number
        if operator in ("is not", "is not empty"):
            which = ~which
        return which[column.codes]

    def contain(self, name: str, text: str) -> Mask:
        """Return the mask of rows whose value contains a text, ignoring case.

        Raises
        ------
        ReviewError
            If the table has no such column.
        """
        column = self._column(name)
        return _contain(column.texts, text)[column.codes]

    def check(self, name: str) -> None:
        """Check that a name is the name of one of the user's own columns.

        Raises
        ------
        ReviewError
            If the table has no such column.
        """
        if name not in self.names:
            raise ReviewError(
                f"the table has no column {name} of its own",
                path=self._path,
                remedy=f"Choose one of {', '.join(self.names)}"
                if self.names
                else "Add the column to the table, and open it again",
            )

    def _number(self, condition: ColumnCondition) -> float:
        number = number_of(condition.value)
        if np.isnan(number):
            raise ReviewError(
                f"{condition.value!r} in the condition “{condition.text}” is not a "
                "number",
                path=self._path,
                remedy="Give a number with a decimal point, or choose “contains”",
            )
        return number

    def _column(self, name: str) -> _Column:
        if name not in self._converted:
            self.check(name)
            self._converted[name] = self._convert(name)
        return self._converted[name]

    def _convert(self, name: str) -> _Column:
        values = _comparable(self._values.iloc[:, self._position[name]])
        is_numeric = pd.api.types.is_numeric_dtype(values.dtype)
        codes, distinct = pd.factorize(values)
        # Use an array, because elements of the index lose the precision of their type.
        texts = [*(str(value).strip() for value in distinct.to_numpy()), ""]
        if is_numeric:
            numbers = np.array([*map(float, distinct), np.nan], dtype=np.float64)
        else:
            numbers = numbers_of(texts)
        # A missing value has the code -1, which is the last string.
        return _Column(codes.astype(np.int64), texts, numbers, is_numeric)


def _comparable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as numbers or as strings; missing values stay missing."""
    dtype = values.dtype
    if values.dtype == "str":
        return values
    if pd.api.types.is_numeric_dtype(dtype):
        return as_doubles(values)
    cells = values.astype("object")
    return cells.map(str).astype("str").where(cells.notna())


def _compare(
    numbers: npt.NDArray[np.float64], operator: Operator, value: float
) -> Mask:
    compare = {
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }[operator]
    return np.asarray(compare(numbers, value), dtype=bool)


def _contain(texts: list[str], text: str) -> Mask:
    wanted = text.casefold()
    return np.array([wanted in each.casefold() for each in texts], dtype=bool)
