"""Convert the columns of a table to numbers and strings, and collect its faults."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import MappingNeededError, TableError
from napari_artifact_review.core.tables.mapping import (
    NUMBER,
    ConfidenceScale,
    LabelValues,
    TableMapping,
    label_of,
)
from napari_artifact_review.core.tables.short_floats import as_doubles
from napari_artifact_review.core.tables.table_file import TableFile

#: Maximum number of faults that are listed one by one in a column.
MOST_FAULTS = 1000

#: Number of cells that one fault of many cells names.
_NAMED_CELLS = 5

#: Notations of a missing number: those of Python, pandas, R, SQL and astropy.
_MISSING = {"", "nan", "none", "null", "na", "n/a", "<na>", "--"}

_WHOLE_NUMBER_LIMIT = 2**63


class ColumnReader:
    """A reader of table columns that collects the faults of a table.

    Each invalid cell is recorded in `faults`. An invalid number is read as 0.

    Parameters
    ----------
    path : Path
        Path of the file, for error messages.
    file : TableFile
        The table.
    columns : mapping of str to str
        Name in the file of each column to read, by meaning.
    mapping : TableMapping
        Mapping of the table's values.

    Attributes
    ----------
    values : DataFrame, shape (n, columns)
        Values of the table, with the meanings as column names.
    faults : list of TableError
        Faults found so far, beginning with those of the file.
    at_fault : dict of str to ndarray of bool, shape (n,)
        Mask of the invalid cells of each column, by column name.
    """

    def __init__(
        self,
        path: Path,
        file: TableFile,
        columns: Mapping[str, str],
        mapping: TableMapping,
    ) -> None:
        self.path = path
        self.file = file
        self.mapping = mapping
        self.columns = columns
        names = list(file.values.columns)
        positions = [names.index(column) for column in columns.values()]
        self.values = file.values.iloc[:, positions].set_axis([*columns], axis=1)
        self.faults = [
            TableError(fault.what, path=path, where=fault.where, remedy=fault.remedy)
            for fault in file.faults
        ]
        self.at_fault: dict[str, npt.NDArray[np.bool_]] = defaultdict(
            lambda: np.zeros(len(file.values), dtype=bool)
        )

    def add_fault(
        self,
        what: str,
        remedy: str,
        row: int | None = None,
        column: str = "",
        kind: type[TableError] = TableError,
    ) -> None:
        """Record a fault of the whole table, or of the cell in `row` and `column`."""
        where = None
        if row is not None:
            name = self.columns.get(column, column)
            where = f"{self.file.describe_row(row)}, column {name}"
            self.at_fault[column][row] = True
        self.faults.append(kind(what, path=self.path, where=where, remedy=remedy))

    def add_cell_faults(
        self,
        rows: npt.NDArray[np.int64],
        column: str,
        describe: Callable[[int], tuple[str, str]],
        kind: type[TableError] = TableError,
    ) -> None:
        """Record a fault of a column for each of many rows.

        Only the first `MOST_FAULTS` are listed one by one; one more fault stands for
        the others.

        Parameters
        ----------
        rows : ndarray of int64, shape (k,)
            The invalid cells.
        column : str
            Meaning of the column.
        describe : callable
            Returns the fault and its remedy for a row.
        kind : type
            Class of the faults.
        """
        self.at_fault[column][rows] = True
        for row in rows[:MOST_FAULTS].tolist():
            self.add_fault(*describe(row), row, column, kind)
        others = len(rows) - MOST_FAULTS
        if others > 0:
            name = self.columns.get(column, column)
            _, remedy = describe(int(rows[MOST_FAULTS]))
            self.add_fault(
                f"{others:,} more cells of the column {name} have such faults",
                remedy,
                kind=kind,
            )
            self.faults[-1].count = others

    def add_common_fault(
        self,
        rows: npt.NDArray[np.int64],
        column: str,
        what: str,
        remedy: str,
        kind: type[TableError] = TableError,
    ) -> None:
        """Record one fault for all cells of a column that have the same cause.

        Parameters
        ----------
        rows : ndarray of int64, shape (k,)
            The invalid cells, in the order of the table; without any, nothing is done.
        column : str
            Meaning of the column.
        what, remedy : str
            Description of the first cell, and advice to the user on all of them.
        kind : type
            Class of the fault.
        """
        if not len(rows):
            return
        self.at_fault[column][rows] = True
        first, *others = rows.tolist()
        if others:
            named = [self.file.describe_row(row) for row in others[: _NAMED_CELLS - 1]]
            more = ", ..." if len(others) > len(named) else ""
            what += f" ({len(rows):,} such cells, also in {', '.join(named)}{more})"
        self.add_fault(what, remedy, first, column, kind)

    def are_sound(self, *columns: str) -> npt.NDArray[np.bool_]:
        """Return the mask of rows without faults in the given columns, shape (n,)."""
        sound = np.ones(len(self.file.values), dtype=bool)
        for column in columns:
            sound &= ~self.at_fault[column]
        return sound

    def repeats(
        self, among: npt.NDArray[np.bool_], **columns: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], Callable[[int], str]]:
        """Find the rows that repeat the values of an earlier row.

        Parameters
        ----------
        among : ndarray of bool, shape (n,)
            Mask of the rows to compare.
        **columns : ndarray of int64, shape (n,)
            Values to compare.

        Returns
        -------
        rows : ndarray of int64, shape (k,)
            The rows that repeat an earlier row.
        first : callable
            Returns the location in the file of the first row with the same values.
        """
        keys = pd.DataFrame(columns)[among]
        repeated = keys[keys.duplicated(keep=False)]
        rows = repeated.index.to_series()
        firsts = rows.groupby([repeated[name] for name in repeated]).transform("first")
        again = firsts[firsts != rows]
        return again.index.to_numpy(np.int64), (
            lambda row: self.file.describe_row(int(again[row]))
        )

    def texts(self, column: str) -> npt.NDArray[np.object_] | None:
        """Return a column as strings, shape (n,); None if the column does not exist."""
        if column not in self.values:
            return None
        return _strings(self.values[column]).to_numpy(object)

    def names(self, column: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        """Convert a column of image names to indices, and record empty names as faults.

        Blanks around a name, with which programs align columns, are not part of it.

        Returns
        -------
        index : ndarray of int64, shape (n,)
            Index into `names` for each cell.
        names : tuple of str
            Distinct names, in order of first appearance.
        """
        written, texts = pd.factorize(_strings(self.values[column]))
        codes, names = pd.factorize(pd.Index([text.strip(" \t") for text in texts]))
        index = codes[written]
        empty = np.flatnonzero(np.asarray(names == "")[index])
        self.add_common_fault(empty, column, "the name is empty", "Name the image")
        return index.astype(np.int64), tuple(map(str, names))

    def labels(
        self,
        column: str,
        values: LabelValues | None,
        default: npt.NDArray[np.int8] | None = None,
    ) -> npt.NDArray[np.int8]:
        """Return a column of labels as 0 and 1, shape (n,).

        An unknown value is one fault, however many cells have it.

        Parameters
        ----------
        column : str
            Meaning of the column.
        values : LabelValues, optional
            Values of the classes; by default 0 and 1.
        default : ndarray of int8, shape (n,), optional
            Values for empty cells, or for a missing column; by default an empty cell is
            a fault.
        """
        if column not in self.values:
            assert default is not None, "a required column exists"
            return default.copy()
        index, texts = pd.factorize(_strings(self.values[column]))
        labels = [
            -1 if default is not None and not text.strip() else label_of(text, values)
            for text in texts
        ]
        unknown = np.array([label is None for label in labels], dtype=bool)
        if unknown.any():
            self._add_unknown_labels(column, index, texts, unknown, values)
        parsed = np.array([label or 0 for label in labels], dtype=np.int8)[index]
        return parsed if default is None else np.where(parsed < 0, default, parsed)

    def _add_unknown_labels(
        self,
        column: str,
        index: npt.NDArray[np.int64],
        texts: pd.Index[str],
        unknown: npt.NDArray[np.bool_],
        values: LabelValues | None,
    ) -> None:
        counts = np.bincount(index, minlength=len(texts))
        first = np.full(len(texts), len(index))
        np.minimum.at(first, index, np.arange(len(index)))
        expected = "0 or 1" if values is None else f"one of {values.text}"
        option = "--preds-values" if column == "preds" else "--label-values"

        def describe(row: int) -> tuple[str, str]:
            code = index[row]
            what = f"{texts[code]!r} is not {expected}"
            if not texts[code].strip():
                return what, "Write 0 (no artifact) or 1 (artifact)"
            if counts[code] > 1:
                what += f" (in {counts[code]:,} rows)"
            return what, (
                "Write 0 (no artifact) or 1 (artifact), or say what the value means "
                f"({option} in a command)"
            )

        rows = first[unknown]
        self.add_cell_faults(rows, column, describe, MappingNeededError)
        self.at_fault[column][unknown[index]] = True

    def whole_numbers(
        self, column: str, what: str, remedy: str, empty: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Return a column of integers, shape (n,).

        Parameters
        ----------
        column : str
            Meaning of the column.
        what, remedy : str
            Description of a valid number, and advice to the user on an invalid cell.
        empty : int, optional
            Value of an empty cell; by default an empty cell is a fault.
        """
        index, texts = pd.factorize(self._number_texts(column))
        parsed = [_whole_number(text) if text else empty for text in texts]
        bad = np.array([value is None for value in parsed], dtype=bool)
        rows = np.flatnonzero(bad[index])
        first = texts[index[rows[0]]] if len(rows) else ""
        fault = f"{first!r} is not {what} below 2**63 in size"
        self.add_common_fault(rows, column, fault, remedy)
        whole = np.array([value or 0 for value in parsed], dtype=np.int64)
        return whole[index]

    def probabilities(self, column: str) -> npt.NDArray[np.float64]:
        """Return a column as probabilities of an artifact, shape (n,).

        Empty cells, and notations of a missing number such as nan and None, are NaN.
        """
        scale, texts = self.mapping.confidence_scale, self._number_texts(column)
        if scale == "percent":
            texts = texts.str.removesuffix("%").str.rstrip()
        sound = texts.str.fullmatch(NUMBER).to_numpy(bool)
        missing = ~sound
        missing[missing] = texts[missing].str.casefold().isin(_MISSING)
        numbers = _on_probability_scale(_numbers(texts.where(sound, "nan")), scale)
        # Comparisons with NaN are false, so NaN in a nonempty cell counts as a fault.
        bad = ~missing & ~((numbers >= 0) & (numbers <= 1))
        self._add_no_probabilities(column, np.flatnonzero(bad), texts)
        # NaN would be reported a second time, as a missing confidence.
        numbers[bad] = 0
        if self.mapping.confidence_of == "no artifact":
            # Without rounding, 1 - 0.07 would be less than a threshold of 0.93.
            return np.round(1 - numbers, 15)
        return numbers

    def _add_no_probabilities(
        self, column: str, rows: npt.NDArray[np.int64], texts: pd.Series[str]
    ) -> None:
        """Record the cells that are no confidence, one fault for each remedy."""
        index, distinct = pd.factorize(texts.iloc[rows])
        described = [
            _no_probability(text, self.mapping.confidence_scale) for text in distinct
        ]
        cause, remedies = pd.factorize(pd.Series([each[1] for each in described]))
        for number, remedy in enumerate(remedies):
            same = np.flatnonzero(cause[index] == number)
            what = described[index[same[0]]][0]
            self.add_common_fault(rows[same], column, what, remedy, MappingNeededError)

    def _number_texts(self, column: str) -> pd.Series[str]:
        """Return a column of numbers as stripped strings with a decimal point."""
        texts = _strings(self.values[column]).str.strip()
        if self.mapping.decimal == ",":
            return texts.str.replace(",", ".", regex=False)
        return texts


def _on_probability_scale(
    numbers: npt.NDArray[np.float64], scale: ConfidenceScale
) -> npt.NDArray[np.float64]:
    if scale == "percent":
        return np.round(numbers / 100, 15)
    if scale == "logit":
        # The logistic function, in a form that does not overflow.
        return 0.5 * (1 + np.tanh(numbers / 2))
    return numbers


def _no_probability(text: str, scale: ConfidenceScale) -> tuple[str, str]:
    """Return the fault and the remedy for a cell that is not a confidence."""
    if scale == "percent":
        return f"{text!r} is not a percentage", "Write a number from 0 to 100"
    if scale == "logit":
        return f"{text!r} is not a number", "Write a number with a decimal point"
    other = text.replace(",", ".", 1).removesuffix("%").rstrip()
    what = f"{text!r} is not a probability"
    if text.count(",") == 1 and re.fullmatch(NUMBER, other):
        return what, "Write a decimal point, or choose the decimal comma (--decimal ,)"
    if re.fullmatch(NUMBER, other):
        return what, (
            "Write a number from 0 to 1, or say that the confidence is a percentage or "
            "a logit (--confidence-scale)"
        )
    return what, "Write a number from 0 to 1, with a decimal point"


def _strings(column: pd.Series[Any]) -> pd.Series[str]:
    """Convert a column to strings, with empty strings for missing values."""
    if column.dtype == "str":
        return column
    # Convert to objects, so that both NaN and null count as missing.
    cells = as_doubles(column).astype("object")
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
    if not re.fullmatch(NUMBER, text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # Unlike arithmetic, a comparison is exact and cannot overflow.
    if not -_WHOLE_NUMBER_LIMIT < number < _WHOLE_NUMBER_LIMIT:
        return None
    return int(number) if number == number.to_integral_value() else None
