"""The predictions table: what its columns mean, and every fault in them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.grid import cutout_numbers
from napari_artifact_review.core.outcomes import (
    DEFAULT_THRESHOLD,
    LABEL_NAMES,
    VERDICTS,
)
from napari_artifact_review.core.tables.tablefile import TableFile
from napari_artifact_review.core.tables.tablefiles import read_table_file

REQUIRED = ("image_name", "grid_x", "grid_y", "label")

#: The columns of text that a review adds, in their order.
REVIEW_TEXTS = ("reviewed_by", "reviewed_at", "decision", "kind", "note")

_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}
_WHOLE_NUMBER_LIMIT = 2**63
_BELOW = " below 2**63 in size"
_ERROR_IDS = "Give each error its own number from 1, or leave the column out"
#: What Python reads as a number and no other program does, such as 1_000, is none.
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class Predictions:
    """A sound predictions table, row for row as in its file.

    Attributes
    ----------
    path : Path
        Where it was read from.
    file : TableFile
        The table as the file holds it.
    image_names : tuple of str, length m
        The full images, in the order in which the table first names them.
    image_index : ndarray of int64, shape (n,)
        Which of `image_names` each cutout belongs to.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of each cutout's top left pixel.
    label, preds, label_new : ndarray of int8, shape (n,)
        1 artifact, 0 none; `label_new` as it was read, else `label`.
    confidence : ndarray of float64, shape (n,), or None
        Probability of an artifact; NaN where a cell is empty.
    error_id : ndarray of int64, shape (n,)
        Running number of each error; 0 for a cutout that is none.
    reviewed_by, reviewed_at : ndarray of object, shape (n,), or None
        Reviewer and time, as text; empty without a verdict. None without the column.
    decision, kind, note : ndarray of object, shape (n,), or None
        What was said then: one of `VERDICTS` or nothing; the kind of artifact; a note.
        None where the table tells nothing of it.
    """

    path: Path
    file: TableFile
    image_names: tuple[str, ...]
    image_index: npt.NDArray[np.int64]
    grid_x: npt.NDArray[np.int64]
    grid_y: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    preds: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.float64] | None
    error_id: npt.NDArray[np.int64]
    label_new: npt.NDArray[np.int8]
    reviewed_by: npt.NDArray[np.object_] | None = None
    reviewed_at: npt.NDArray[np.object_] | None = None
    decision: npt.NDArray[np.object_] | None = None
    kind: npt.NDArray[np.object_] | None = None
    note: npt.NDArray[np.object_] | None = None

    def are_reviewed(self) -> npt.NDArray[np.bool_]:
        """Tell about which rows somebody had decided, shape (n,)."""
        said = (self.reviewed_by, self.reviewed_at, self.decision)
        return _filled(said, len(self.label))


@dataclass(frozen=True)
class Inspection:
    """What a look at a predictions table found, sound or not.

    Attributes
    ----------
    predictions : Predictions or None
        The table; None if there is any fault.
    faults : tuple of TableError
        Every fault: of the file, of its columns, of its cells in the columns' order.
    file : TableFile or None
        The table as the file holds it; None if it cannot be read at all.
    cutouts : callable
        Returns a DataFrame of shape (n, 3): `image_name`, `grid_x` and `grid_y` of each
        row whose image can be told, by row; a position that is at fault is missing.
    """

    predictions: Predictions | None
    faults: tuple[TableError, ...]
    file: TableFile | None
    cutouts: Callable[[], pd.DataFrame]


def read_predictions(path: Path) -> Predictions:
    """Read a predictions table.

    Raises
    ------
    TableError
        The first fault, with the count of the others.
    """
    found = inspect_predictions(path)
    if found.predictions is None:
        first, others = found.faults[0], len(found.faults) - 1
        if not others:
            raise first
        raise TableError(
            f"{first.what} (and {others} more {'fault' if others == 1 else 'faults'})",
            path=first.path,
            where=first.where,
            remedy=first.remedy,
        )
    return found.predictions


def inspect_predictions(path: Path) -> Inspection:
    """Read a predictions table and list every fault in it."""
    try:
        file = read_table_file(path)
    except TableError as error:
        return Inspection(None, (error,), None, pd.DataFrame)
    return _Reader(path, file).inspect()


class _Reader:
    """Reads column after column and gathers the faults."""

    def __init__(self, path: Path, file: TableFile) -> None:
        self.path = path
        self.file = file
        self.values = file.values
        self.faults = [
            TableError(fault.what, path=path, where=fault.where, remedy=fault.remedy)
            for fault in file.faults
        ]
        #: Which rows are at fault, for each column.
        self.bad: dict[str, npt.NDArray[np.bool_]] = defaultdict(
            lambda: np.zeros(len(file.values), dtype=bool)
        )

    def inspect(self) -> Inspection:
        self._check_columns()
        if self.values.empty:
            if not self.faults:
                self._fault(
                    "the table has a header but no rows", "Choose another table"
                )
            return Inspection(None, tuple(self.faults), self.file, pd.DataFrame)
        predictions = self._read()
        sound = None if self.faults else predictions
        cutouts = partial(self._cutouts, predictions)
        return Inspection(sound, tuple(self.faults), self.file, cutouts)

    def _read(self) -> Predictions:
        """Read all columns; a cell that is at fault has a stand-in."""
        index, names = self._image_names()
        grid_x, grid_y = (self._whole_numbers(name) for name in ("grid_x", "grid_y"))
        self._find_repeated(index, grid_x, grid_y, names)
        label = self._labels("label")
        confidence = self._confidence() if "confidence" in self.values else None
        if "preds" in self.values:
            preds = self._labels("preds")
        else:
            preds = self._thresholded(confidence)
        label_new = self._labels("label_new", empty=label)
        error_id = self._error_ids(label != preds)
        by, at, decision, kind, note = map(self._text, REVIEW_TEXTS)
        decision = self._decisions(decision, (by, at), label_new)
        return Predictions(
            self.path, self.file, names, index, grid_x, grid_y, label, preds,
            confidence, error_id, label_new, by, at, decision, kind, note,
        )  # fmt: skip

    def _cutouts(self, table: Predictions) -> pd.DataFrame:
        """Return what can be read of the cutouts, whatever else is wrong."""
        grid = {"grid_x": table.grid_x, "grid_y": table.grid_y}
        cutouts = pd.DataFrame(
            {
                name: pd.Series(places, dtype="Int64").where(self._sound(name))
                for name, places in grid.items()
            }
        )
        names = np.asarray(table.image_names, dtype=object)[table.image_index]
        cutouts.insert(0, "image_name", names)
        return cutouts[self._sound("image_name")]

    def _fault(
        self, what: str, remedy: str, row: int | None = None, column: str = ""
    ) -> None:
        where = None
        if row is not None:
            where = f"{self.file.place(row)}, column {column}"
            self.bad[column][row] = True
        self.faults.append(TableError(what, path=self.path, where=where, remedy=remedy))

    def _sound(self, *columns: str) -> npt.NDArray[np.bool_]:
        """Tell which rows have no fault in some columns."""
        sound = np.ones(len(self.file.values), dtype=bool)
        for column in columns:
            sound &= ~self.bad[column]
        return sound

    def _check_columns(self) -> None:
        columns = list(self.values.columns)
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            self._fault(
                f"more than one column is named {', '.join(map(repr, repeated))}",
                "Rename or remove one of them",
            )
            self.values = self.values.loc[:, ~self.values.columns.duplicated()]
        for name in REVIEW_TEXTS[3:]:
            if name in columns and "decision" not in columns:
                # Else each verdict would overwrite what is in it.
                self._fault(
                    f"the column {name} is not of a review, which adds one of that "
                    "name",
                    "Rename it",
                )
        missing = [name for name in REQUIRED if name not in columns]
        told = list(missing)
        if "preds" not in columns and "confidence" not in columns:
            missing.append("preds")
            told.append("preds (or confidence)")
        if not missing:
            return
        self._fault(
            f"no column {', '.join(told)}; the columns are "
            f"{', '.join(map(repr, columns))}",
            "Choose the table with the predictions, or rename its columns",
        )
        # What is told once is not told again in each row.
        self.values = self.values.assign(**dict.fromkeys(missing, "0"))
        for name in missing:
            self.bad[name][:] = True

    def _image_names(self) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
        index, names = pd.factorize(_strings(self.values["image_name"]))
        for row in np.flatnonzero(np.asarray(names == "")[index]).tolist():
            self._fault("the name is empty", "Name the image", row, "image_name")
        return index.astype(np.int64), tuple(map(str, names))

    def _parsed(
        self, name: str, parse: Callable[[str], int | None], what: str, remedy: str
    ) -> npt.NDArray[np.int64]:
        """Parse a column by its distinct values; report each row that fails."""
        index, texts = pd.factorize(_strings(self.values[name]))
        parsed = [parse(text.strip()) for text in texts]
        bad = np.array([value is None for value in parsed], dtype=bool)
        for row in np.flatnonzero(bad[index]).tolist():
            self._fault(f"{texts[index[row]]!r} is {what}", remedy, row, name)
        whole = np.array([value or 0 for value in parsed], dtype=np.int64)
        return whole[index]

    def _labels(
        self, name: str, empty: npt.NDArray[np.int8] | None = None
    ) -> npt.NDArray[np.int8]:
        """Parse a column of 0 and 1; `empty` stands in for a missing column or cell."""
        if empty is not None and name not in self.values:
            return empty.copy()
        parsed = self._parsed(
            name,
            lambda text: (
                -1 if empty is not None and not text else _LABELS.get(text.lower())
            ),
            "not 0 or 1",
            "Write 0 (no artifact) or 1 (artifact)",
        ).astype(np.int8)
        return parsed if empty is None else np.where(parsed < 0, empty, parsed)

    def _whole_numbers(self, name: str) -> npt.NDArray[np.int64]:
        return self._parsed(
            name,
            _whole_number,
            f"not a whole number of pixels{_BELOW}",
            "Correct that cell",
        )

    def _confidence(self) -> npt.NDArray[np.float64]:
        texts = _strings(self.values["confidence"]).str.strip()
        sound = texts.str.fullmatch(_NUMBER).to_numpy(bool)
        numbers = _numbers(texts.where(sound, "nan"))
        # Written so that a NaN, which no comparison accepts, counts as bad.
        bad = (texts != "").to_numpy(bool) & ~((numbers >= 0) & (numbers <= 1))
        for row in np.flatnonzero(bad).tolist():
            self._fault(
                f"{texts.iloc[row]!r} is not a probability",
                "Write a number from 0 to 1, with a decimal point",
                row,
                "confidence",
            )
        # Reported; not missing as well.
        numbers[bad] = 0
        return numbers

    def _thresholded(
        self, confidence: npt.NDArray[np.float64] | None
    ) -> npt.NDArray[np.int8]:
        assert confidence is not None, "checked in _has_columns"
        for row in np.flatnonzero(np.isnan(confidence)).tolist():
            self._fault(
                "no confidence, and there is no column preds",
                "Give each row a confidence, or the table a column preds",
                row,
                "confidence",
            )
        return (confidence >= DEFAULT_THRESHOLD).astype(np.int8)

    def _error_ids(self, is_error: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        if "error_id" not in self.values:
            return np.where(is_error, np.cumsum(is_error), 0)
        ids = self._parsed(
            "error_id",
            lambda text: 0 if not text else _whole_number(text),
            f"not a whole number{_BELOW}",
            "Number the errors from 1, or leave the column out",
        )
        by = "preds" if "preds" in self.values else "confidence"
        counted = is_error & self._sound("label", by, "error_id")
        for row in np.flatnonzero(counted & (ids <= 0)).tolist():
            self._fault("the error has no error_id", _ERROR_IDS, row, "error_id")
        for row, place in self._repeats(counted & (ids > 0), id=ids):
            self._fault(
                f"{ids[row]} is already used in {place}", _ERROR_IDS, row, "error_id"
            )
        ids[~is_error] = 0
        return ids

    def _find_repeated(
        self,
        index: npt.NDArray[np.int64],
        grid_x: npt.NDArray[np.int64],
        grid_y: npt.NDArray[np.int64],
        names: tuple[str, ...],
    ) -> None:
        sound = self._sound("image_name", "grid_x", "grid_y")
        numbers = cutout_numbers(index, grid_x, grid_y)
        if numbers is not None and np.diff(np.sort(numbers, kind="stable")).all():
            return
        for row, place in self._repeats(sound, image=index, x=grid_x, y=grid_y):
            self._fault(
                f"the cutout {names[index[row]]} ({grid_x[row]}, {grid_y[row]}) is "
                f"already in {place}",
                "Keep one row for each cutout",
                row,
                "image_name",
            )

    def _repeats(
        self, among: npt.NDArray[np.bool_], **columns: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, str]]:
        """Yield each row that repeats an earlier one, with that one's place."""
        keys = pd.DataFrame(columns)[among]
        repeated = keys[keys.duplicated(keep=False)]
        rows = repeated.index.to_series()
        firsts = rows.groupby([repeated[name] for name in repeated]).transform("first")
        again = firsts[firsts != rows]
        for row, first in zip(again.index.tolist(), again.tolist(), strict=True):
            yield row, self.file.place(first)

    def _decisions(
        self,
        texts: npt.NDArray[np.object_] | None,
        reviews: Iterable[npt.NDArray[np.object_] | None],
        label_new: npt.NDArray[np.int8],
    ) -> npt.NDArray[np.object_] | None:
        """Check what was decided; without the column, it is what each label means."""
        if texts is None:
            reviewed = _filled(reviews, len(label_new))
            # Tables without that column come from versions without "unsure".
            names = np.array(LABEL_NAMES, dtype=object)[label_new]
            return np.where(reviewed, names, "") if reviewed.any() else None
        for row in np.flatnonzero(~np.isin(texts, ["", *VERDICTS])).tolist():
            self._fault(
                f"{texts[row]!r} is no decision",
                f"Write {', '.join(VERDICTS)} or nothing, or rename the column if it "
                "is another one",
                row,
                "decision",
            )
        return texts

    def _text(self, name: str) -> npt.NDArray[np.object_] | None:
        if name not in self.values:
            return None
        return _strings(self.values[name]).to_numpy(object)


def _filled(
    columns: Iterable[npt.NDArray[np.object_] | None], count: int
) -> npt.NDArray[np.bool_]:
    """Tell which of `count` rows have a text in any of some columns that there are."""
    filled = np.zeros(count, dtype=bool)
    for texts in columns:
        if texts is not None:
            filled |= np.asarray(texts != "", dtype=bool)
    return filled


def _strings(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as text; what is missing is empty."""
    if column.dtype == "str":
        return column
    # As objects, so that a NaN is missing like a null.
    cells = column.astype("object")
    return cells.where(cells.notna(), "").map(str).astype("str")


def _numbers(texts: pd.Series[str]) -> npt.NDArray[np.float64]:
    """Return texts as the nearest numbers, as Python does."""
    # Arrow is four times as fast, and knows no leading plus.
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
