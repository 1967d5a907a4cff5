"""The user's own columns of the predictions table, and conditions on them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.predictions import (
    REQUIRED,
    REVIEW_TEXTS,
    Predictions,
)

Operator = Literal[
    "is", "is not", "contains", "<", "<=", ">", ">=", "is empty", "is not empty"
]

OPERATORS: tuple[Operator, ...] = get_args(Operator)

#: Operators that compare numbers.
NUMBER_OPERATORS: tuple[Operator, ...] = ("<", "<=", ">", ">=")

#: Operators that need no value.
EMPTY_OPERATORS: tuple[Operator, ...] = ("is empty", "is not empty")

#: Columns with a meaning for the review.
_KNOWN = {*REQUIRED, "preds", "confidence", "error_id", "label_new", *REVIEW_TEXTS}

#: Smallest whole number whose successor is not a float64.
_FIRST_INEXACT = 2**53

Mask = npt.NDArray[np.bool_]


class ColumnCondition(NamedTuple):
    """A condition on one of the user's own columns.

    Attributes
    ----------
    column : str
        Name of the column.
    operator : str
        One of `OPERATORS`. "is" and "is not" compare a cell as a string, without
        surrounding spaces; in a column of numbers, they also compare the number.
        "contains" ignores case. A cell that is not a number never satisfies "<", "<=",
        ">" or ">=".
    value : str
        String to compare with, such as "ghost" or "20"; empty for "is empty" and "is
        not empty".
    """

    column: str
    operator: Operator
    value: str = ""

    @classmethod
    def of(cls, parts: Any) -> Self:
        """Create a condition from a sequence: column, operator and, if needed, value.

        Raises
        ------
        TypeError
            If `parts` is not such a sequence.
        ValueError
            If the operator is unknown.
        """
        parts = () if isinstance(parts, str) else tuple(parts)
        are_texts = all(isinstance(part, str) for part in parts[:2])
        if len(parts) not in (2, 3) or not are_texts:
            raise TypeError(
                "columns: a condition is a column, an operator and a value, "
                f"not {parts!r}"
            )
        column, operator, *rest = parts
        if operator not in OPERATORS:
            raise ValueError(f"columns: {operator!r} is none of {', '.join(OPERATORS)}")
        [value] = rest or [""]
        if not isinstance(value, str | int | float | np.number):
            raise TypeError(f"columns: {value!r} is neither a text nor a number")
        return cls(
            column,
            operator,
            "" if operator in EMPTY_OPERATORS else str(value).strip(),
        )

    @property
    def text(self) -> str:
        """The condition in words, such as "mag < 20"."""
        return " ".join(filter(None, self))


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
        Names of the columns, in the table's order.
    """

    def __init__(self, predictions: Predictions) -> None:
        values = predictions.file.values
        self.names = tuple(str(name) for name in values if name not in _KNOWN)
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
        values = _comparable(self._values[name])
        is_numeric = pd.api.types.is_numeric_dtype(values.dtype)
        codes, distinct = pd.factorize(values)
        # Use an array, because elements of the index lose the precision of their type.
        texts = [*(str(value).strip() for value in distinct.to_numpy()), ""]
        if is_numeric:
            numbers = np.array([*map(float, distinct), np.nan], dtype=np.float64)
        else:
            numbers = _numbers(texts)
        # A missing value has the code -1, which is the last string.
        return _Column(codes.astype(np.int64), texts, numbers, is_numeric)


def number_of(text: str) -> float:
    """Return the number in a string; NaN if it is not a number."""
    return float(_numbers([text])[0])


def _comparable(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as numbers or as strings; missing values stay missing."""
    dtype = values.dtype
    if values.dtype == "str":
        return values
    if pd.api.types.is_numeric_dtype(dtype):
        if getattr(dtype, "numpy_dtype", dtype) == np.float32:
            # Otherwise 20.1 would become 20.100000381469727.
            return pd.Series(values.to_numpy(np.float32, na_value=np.nan))
        return values
    cells = values.astype("object")
    return cells.map(str).astype("str").where(cells.notna())


def _numbers(texts: list[str]) -> npt.NDArray[np.float64]:
    parsed = pd.to_numeric(pd.Series(texts, dtype="str"), errors="coerce")
    return parsed.to_numpy(np.float64, na_value=np.nan)


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
