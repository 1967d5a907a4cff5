"""Conditions on the user's own columns of the predictions table."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt

Operator = Literal[
    "is", "is not", "contains", "<", "<=", ">", ">=", "is empty", "is not empty"
]

OPERATORS: tuple[Operator, ...] = get_args(Operator)

#: Operators that compare numbers.
NUMBER_OPERATORS: tuple[Operator, ...] = ("<", "<=", ">", ">=")

#: Operators that need no value.
EMPTY_OPERATORS: tuple[Operator, ...] = ("is empty", "is not empty")


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


def number_of(text: str) -> float:
    """Return the number in a string; NaN if it is not a number."""
    return float(numbers_of([text])[0])


def numbers_of(texts: list[str]) -> npt.NDArray[np.float64]:
    """Return the numbers in strings, shape (n,); NaN for a string without a number."""
    # Import only here, because the empty dock offers conditions and needs no pandas.
    import pandas as pd

    parsed = pd.to_numeric(pd.Series(texts, dtype="str"), errors="coerce")
    return parsed.to_numpy(np.float64, na_value=np.nan)
