"""Read a predictions table, and check it for faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from napari_artifact_review.core.tables.column_reader import ColumnReader
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import read_table_file

REQUIRED = ("image_name", "grid_x", "grid_y", "label")

#: Columns of strings that a review adds to the table, in this order.
REVIEW_TEXTS = ("reviewed_by", "reviewed_at", "decision", "kind", "note")


@dataclass(frozen=True)
class Predictions:
    """A valid predictions table, with the rows in file order.

    Attributes
    ----------
    path : Path
        Path of the file.
    file : TableFile
        The table in its file format.
    image_names : tuple of str, length m
        Names of the full images, in order of first appearance.
    image_index : ndarray of int64, shape (n,)
        Index of the image of each cutout in `image_names`.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    label, preds, label_new : ndarray of int8, shape (n,)
        Label, prediction and label after review: 1 artifact, 0 no artifact. A missing
        `label_new` equals `label`.
    confidence : ndarray of float64, shape (n,), or None
        Probability of an artifact; NaN for an empty cell.
    error_id : ndarray of int64, shape (n,)
        Number of each error; 0 for a cutout that is not an error.
    reviewed_by, reviewed_at : ndarray of object, shape (n,), or None
        Reviewer and time of each verdict, as strings; empty without a verdict. None if
        the column does not exist.
    decision, kind, note : ndarray of object, shape (n,), or None
        Verdict (one of `VERDICTS`), kind of artifact and note, as strings; often empty.
        None if the column does not exist. A missing `decision` is derived from
        `label_new` for reviewed rows, if there are any.
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
        """Return the mask of rows that have a verdict, shape (n,)."""
        texts = (self.reviewed_by, self.reviewed_at, self.decision)
        return _have_text(texts, len(self.label))


@dataclass(frozen=True)
class Inspection:
    """The result of reading a predictions table, which may have faults.

    Attributes
    ----------
    predictions : Predictions or None
        The table; None if it has any fault.
    faults : tuple of TableError
        All faults, first those of the file, then of the columns, then of the cells.
    file : TableFile or None
        The table in its file format; None if the file cannot be read.
    cutouts : callable
        Function that returns a DataFrame with the columns `image_name`, `grid_x` and
        `grid_y`, indexed by row. Rows with an invalid image name are omitted, and
        invalid positions are NA. The DataFrame is empty if there are no rows.
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
        If the table has faults. The error describes the first fault and gives the
        number of the others.
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
    """Read a predictions table, and collect all its faults in the result."""
    try:
        file = read_table_file(path)
    except TableError as error:
        return Inspection(None, (error,), None, pd.DataFrame)
    return _PredictionsReader(path, file).inspect()


class _PredictionsReader(ColumnReader):
    """A reader of all the columns of a predictions table."""

    def inspect(self) -> Inspection:
        """Read all columns, and return the table and its faults."""
        self._check_columns()
        if self.values.empty:
            if not self.faults:
                self.add_fault(
                    "the table has a header but no rows", "Choose another table"
                )
            return Inspection(None, tuple(self.faults), self.file, pd.DataFrame)
        predictions = self._read()
        sound = None if self.faults else predictions
        cutouts = partial(self._cutouts, predictions)
        return Inspection(sound, tuple(self.faults), self.file, cutouts)

    def _read(self) -> Predictions:
        index, names = self.names("image_name")
        grid_x, grid_y = (
            self.whole_numbers(name, "a whole number of pixels", "Correct that cell")
            for name in ("grid_x", "grid_y")
        )
        self._find_repeated(index, grid_x, grid_y, names)
        label = self.labels("label")
        has_confidence = "confidence" in self.values
        confidence = self.probabilities("confidence") if has_confidence else None
        if "preds" in self.values:
            preds = self.labels("preds")
        else:
            preds = self._thresholded(confidence)
        label_new = self.labels("label_new", default=label)
        error_id = self._error_ids(label != preds)
        by, at, decision, kind, note = map(self.texts, REVIEW_TEXTS)
        decision = self._decisions(decision, (by, at), label_new)
        return Predictions(
            self.path, self.file, names, index, grid_x, grid_y, label, preds,
            confidence, error_id, label_new, by, at, decision, kind, note,
        )  # fmt: skip

    def _cutouts(self, table: Predictions) -> pd.DataFrame:
        """Return the cutouts of a table that may have faults; see `Inspection`."""
        grid = {"grid_x": table.grid_x, "grid_y": table.grid_y}
        cutouts = pd.DataFrame(
            {
                name: pd.Series(pixels, dtype="Int64").where(self.are_sound(name))
                for name, pixels in grid.items()
            }
        )
        names = np.asarray(table.image_names, dtype=object)[table.image_index]
        cutouts.insert(0, "image_name", names)
        return cutouts[self.are_sound("image_name")]

    def _check_columns(self) -> None:
        columns = list(self.values.columns)
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            self.add_fault(
                f"more than one column is named {', '.join(map(repr, repeated))}",
                "Rename or remove one of them",
            )
            self.values = self.values.loc[:, ~self.values.columns.duplicated()]
        for name in REVIEW_TEXTS[3:]:
            if name in columns and "decision" not in columns:
                # Verdicts would overwrite the user's own column.
                self.add_fault(
                    f"the column {name} is not of a review, which adds one of that "
                    "name",
                    "Rename it",
                )
        missing = [name for name in REQUIRED if name not in columns]
        reported = list(missing)
        if "preds" not in columns and "confidence" not in columns:
            missing.append("preds")
            reported.append("preds (or confidence)")
        if not missing:
            return
        self.add_fault(
            f"no column {', '.join(reported)}; the columns are "
            f"{', '.join(map(repr, columns))}",
            "Choose the table with the predictions, or rename its columns",
        )
        # Fill missing columns with valid values, so that not every row is reported.
        self.values = self.values.assign(**dict.fromkeys(missing, "0"))
        for name in missing:
            self.at_fault[name][:] = True

    def _thresholded(
        self, confidence: npt.NDArray[np.float64] | None
    ) -> npt.NDArray[np.int8]:
        assert confidence is not None, "checked in _check_columns"
        for row in np.flatnonzero(np.isnan(confidence)).tolist():
            self.add_fault(
                "no confidence, and there is no column preds",
                "Give each row a confidence, or the table a column preds",
                row,
                "confidence",
            )
        return (confidence >= DEFAULT_THRESHOLD).astype(np.int8)

    def _error_ids(self, is_error: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        if "error_id" not in self.values:
            return np.where(is_error, np.cumsum(is_error), 0)
        ids = self.whole_numbers(
            "error_id",
            "a whole number",
            "Number the errors from 1, or leave the column out",
            empty=0,
        )
        by = "preds" if "preds" in self.values else "confidence"
        counted = is_error & self.are_sound("label", by, "error_id")
        remedy = "Give each error its own number from 1, or leave the column out"
        for row in np.flatnonzero(counted & (ids <= 0)).tolist():
            self.add_fault("the error has no error_id", remedy, row, "error_id")
        for row, first in self.repeats(counted & (ids > 0), id=ids):
            self.add_fault(
                f"{ids[row]} is already used in {first}", remedy, row, "error_id"
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
        sound = self.are_sound("image_name", "grid_x", "grid_y")
        numbers = cutout_numbers(index, grid_x, grid_y)
        if numbers is not None and np.diff(np.sort(numbers, kind="stable")).all():
            return
        for row, first in self.repeats(sound, image=index, x=grid_x, y=grid_y):
            self.add_fault(
                f"the cutout {names[index[row]]} ({grid_x[row]}, {grid_y[row]}) is "
                f"already in {first}",
                "Keep one row for each cutout",
                row,
                "image_name",
            )

    def _decisions(
        self,
        texts: npt.NDArray[np.object_] | None,
        reviews: Iterable[npt.NDArray[np.object_] | None],
        label_new: npt.NDArray[np.int8],
    ) -> npt.NDArray[np.object_] | None:
        """Check the verdicts; derive them from the labels if the column is missing."""
        if texts is None:
            reviewed = _have_text(reviews, len(label_new))
            # Early versions of the program had neither this column nor "unsure".
            names = np.array(LABEL_NAMES, dtype=object)[label_new]
            return np.where(reviewed, names, "") if reviewed.any() else None
        for row in np.flatnonzero(~np.isin(texts, ["", *VERDICTS])).tolist():
            self.add_fault(
                f"{texts[row]!r} is no decision",
                f"Write {', '.join(VERDICTS)} or nothing, or rename the column if it "
                "is another one",
                row,
                "decision",
            )
        return texts


def _have_text(
    columns: Iterable[npt.NDArray[np.object_] | None], count: int
) -> npt.NDArray[np.bool_]:
    """Return the mask of rows with a value in at least one column, shape (count,)."""
    filled = np.zeros(count, dtype=bool)
    for texts in columns:
        if texts is not None:
            filled |= np.asarray(texts != "", dtype=bool)
    return filled
