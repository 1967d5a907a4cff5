"""A review: the single truth that layers, widgets and scripts show and change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.decisions import (
    Decision,
    DecisionLog,
    login_name,
    utc_now,
)
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.grid import (
    DEFAULT_CUTOUT_SIZE,
    infer_cutout_size,
    lies_outside,
)
from napari_artifact_review.core.images import ImageFolder
from napari_artifact_review.core.labels import Labels
from napari_artifact_review.core.outcomes import (
    ERRORS,
    LABEL_NAMES,
    OUTCOMES,
    classify_outcomes,
)
from napari_artifact_review.core.places import (
    default_images,
    default_output,
    remarks_on,
    rescue_path,
)
from napari_artifact_review.core.predictions import Predictions, read_predictions
from napari_artifact_review.core.reviewed import (
    ReviewedTable,
    check_output,
    typed_values,
)
from napari_artifact_review.core.walk import Walk

Verdict = Literal["artifact", "no artifact"]


class ReviewSession:
    """A review of one predictions table.

    Make one with `ReviewSession.open`.

    Attributes
    ----------
    current_changed : Signal
        Emitted without arguments when another cutout is the current one.
    label_changed : Signal
        Emitted with the row whose `label_new` was decided, undone or redone.
    saved : Signal
        Emitted with the path once the reviewed table is written.
    """

    current_changed = Signal()
    label_changed = Signal(int)
    saved = Signal(Path)

    def __init__(
        self,
        predictions: Predictions,
        images: ImageFolder,
        output: Path,
        cutout_size: int,
        reviewer: str,
    ) -> None:
        self.predictions = predictions
        self.images = images
        self._output = output
        self.cutout_size = cutout_size
        self.reviewer = reviewer
        self._outcome = classify_outcomes(predictions.label, predictions.preds)
        is_error = np.asarray(self._outcome.isin(ERRORS))
        self.walk = Walk(predictions, is_error)
        self._base = typed_values(predictions)
        self._labels = Labels(predictions, is_error)
        self._log = DecisionLog()
        self._row = int(self.walk.errors[0]) if len(self.walk.errors) else 0

    @classmethod
    def open(
        cls,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
        *,
        cutout_size: int | None = None,
        reviewer: str | None = None,
    ) -> Self:
        """Open a predictions table for review.

        Parameters
        ----------
        predictions : path-like
            The table; a reviewed table resumes its review.
        images : path-like, optional
            The folder of the full images; by default the table's own folder, or
            `images` beside the table where the first image is not in it.
        output : path-like, optional
            Where the reviewed table is saved; by default `test_outputs.csv` beside
            the predictions.
        cutout_size : int, optional
            Side of a cutout in pixels; by default what the grid tells, else 200.
        reviewer : str, optional
            Who decides; by default the user's login name.

        Raises
        ------
        TableError
            If the table cannot be read.
        ImageError
            If there is no such folder of images.
        SaveError
            If no table can be written to `output`.
        """
        path = Path(predictions).expanduser().absolute()
        where = Path(output).expanduser().absolute() if output else default_output(path)
        check_output(where)
        table = read_predictions(path)
        if images is None:
            folder = default_images(path, table.image_names[0])
        else:
            folder = ImageFolder(Path(images).expanduser().absolute())
        size = cutout_size or infer_cutout_size(table.grid_x, table.grid_y)
        return cls(
            table,
            folder,
            where,
            size or DEFAULT_CUTOUT_SIZE,
            reviewer or login_name(),
        )

    # What is in the review

    @property
    def table(self) -> pd.DataFrame:
        """The table with its outcomes and labels as they now are (a copy).

        The columns that were read, those of the design with their types, with
        `outcome`, `error_id`, `label_new`, `reviewed_by` and `reviewed_at`.
        """
        ids = pd.Series(self.predictions.error_id, dtype="Int64")
        return self._base.assign(
            preds=self.predictions.preds,
            outcome=self._outcome,
            error_id=ids.where(ids > 0),
            **self._labels.columns(),
        )

    @property
    def errors(self) -> pd.DataFrame:
        """The rows of `table` that are errors, in walking order."""
        return self.table.iloc[self.walk.errors]

    @property
    def output(self) -> Path:
        """Where the reviewed table is saved; may be changed at any time.

        Setting it raises `SaveError` if no table can be written there.
        """
        return self._output

    @output.setter
    def output(self, path: Path) -> None:
        check_output(path)
        self._output = path
        self._labels.forget_output()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reviewer should know of table and output, in sentences."""
        return remarks_on(self.predictions, self.output)

    @property
    def image_names(self) -> tuple[str, ...]:
        """Every full image of the table, in the order of its first cutout."""
        return self.predictions.image_names

    @property
    def progress(self) -> tuple[int, int]:
        """How many errors have been reviewed, and how many there are."""
        return self._labels.errors_reviewed, len(self.walk.errors)

    @property
    def unsaved(self) -> int:
        """How many cutouts have decisions that the output does not show yet."""
        return self._labels.unsaved

    def cutout(self, row: int) -> Cutout:
        """Return what is known of the cutout in a row of the table."""
        table = self.predictions
        by, at = self._labels.review(row)
        confidence = None if table.confidence is None else float(table.confidence[row])
        return Cutout(
            row=row,
            image_name=table.image_names[table.image_index[row]],
            grid_x=int(table.grid_x[row]),
            grid_y=int(table.grid_y[row]),
            size=self.cutout_size,
            label=int(table.label[row]),
            preds=int(table.preds[row]),
            label_new=self._labels.label_new(row),
            outcome=OUTCOMES[self._outcome.codes[row]],
            confidence=None
            if confidence is None or np.isnan(confidence)
            else confidence,
            error_id=int(table.error_id[row]) or None,
            reviewed_by=by,
            reviewed_at=at,
        )

    def cutouts_of(self, image_name: str) -> list[Cutout]:
        """Return the cutouts of an image, in the table's order."""
        return [self.cutout(int(row)) for row in self.walk.cutouts_of(image_name)]

    def cutout_at(self, image_name: str, x: int, y: int) -> Cutout | None:
        """Return the cutout of an image that the pixel (x, y) lies in, if any."""
        row = self.walk.row_at(image_name, x, y, self.cutout_size)
        return None if row is None else self.cutout(row)

    def cutouts_outside(self, image_name: str, shape: tuple[int, int]) -> list[Cutout]:
        """Return an image's cutouts of which no pixel lies in its (rows, columns)."""
        return [
            cutout
            for cutout in self.cutouts_of(image_name)
            if lies_outside(cutout.grid_x, cutout.grid_y, cutout.size, shape)
        ]

    # Where the review stands

    @property
    def current(self) -> pd.Series[Any]:
        """The row of `table` that is looked at."""
        return self.table.iloc[self._row]

    @property
    def current_cutout(self) -> Cutout:
        """The cutout that is looked at."""
        return self.cutout(self._row)

    def next(self) -> bool:
        """Go to the next error; return False, and stay, if there is none."""
        return self._move_to(self.walk.error_after(self._row))

    def previous(self) -> bool:
        """Go to the previous error; return False, and stay, if there is none."""
        return self._move_to(self.walk.error_before(self._row))

    def go_to(self, error_id: int) -> None:
        """Go to an error by its number.

        Raises
        ------
        ReviewError
            If no error has that number.
        """
        try:
            row = self.walk.row_of_error(error_id)
        except KeyError:
            raise ReviewError(
                f"no error has the number {error_id}", path=self.predictions.path
            ) from None
        self._move_to(row)

    def select(self, image_name: str, grid_x: int, grid_y: int) -> None:
        """Go to any cutout, error or not.

        Raises
        ------
        ReviewError
            If the table has no such cutout.
        """
        try:
            row = self.walk.row_of(CutoutKey(image_name, grid_x, grid_y))
        except KeyError:
            raise ReviewError(
                f"no cutout {image_name} ({grid_x}, {grid_y}) is in the table",
                path=self.predictions.path,
            ) from None
        self._move_to(row)

    def select_image(self, image_name: str) -> None:
        """Go to the first error of an image, or to its first cutout if it has none.

        Raises
        ------
        ReviewError
            If the table has no such image.
        """
        if image_name not in self.image_names:
            raise ReviewError(
                f"no image {image_name} is in the table", path=self.predictions.path
            )
        errors = self.walk.errors_of(image_name)
        rows = errors if len(errors) else self.walk.cutouts_of(image_name)
        self._move_to(int(rows[0]))

    def _move_to(self, row: int | None) -> bool:
        if row is None:
            return False
        if row != self._row:
            self._row = row
            self.current_changed.emit()
        return True

    # What is decided

    def set_label(self, value: Verdict) -> None:
        """Decide about the current cutout; to confirm a label is a decision too.

        Raises
        ------
        ValueError
            If the value is not "artifact" or "no artifact".
        """
        if value not in LABEL_NAMES:
            raise ValueError(f"the label is one of {LABEL_NAMES}, not {value!r}")
        label, cutout = LABEL_NAMES.index(value), self.current_cutout
        if (cutout.label_new, cutout.reviewed_by) == (label, self.reviewer):
            return
        self._log.decide(Decision(cutout.key, label, self.reviewer, utc_now()))
        self._refresh(self._row)

    def undo(self) -> bool:
        """Take back the last decision and go to its cutout; False if there is none."""
        return self._return_to(self._log.undo())

    def redo(self) -> bool:
        """Make the decision undone last again and go to its cutout; False if none."""
        return self._return_to(self._log.redo())

    def _return_to(self, key: CutoutKey | None) -> bool:
        if key is None:
            return False
        row = self.walk.row_of(key)
        self._refresh(row)
        return self._move_to(row)

    def _refresh(self, row: int) -> None:
        """Bring a row up to what the log says."""
        self._labels.put(row, self._log.standing(self.cutout(row).key))
        self.label_changed.emit(row)

    # What is saved

    def save(self) -> Path:
        """Write the reviewed table to `output` and return its path.

        Raises
        ------
        SaveError
            If it cannot be written; what was there is untouched.
        """
        reviewed = self.reviewed_table()
        reviewed.write()
        self.mark_saved(reviewed)
        return reviewed.path

    def rescue(self) -> Path | None:
        """Write what is not saved to a table beside the output, and return its path.

        For a review that ends before anybody saved it: the output itself is left as
        the reviewer left it. Returns None if there is nothing to rescue.

        Raises
        ------
        SaveError
            If it cannot be written.
        """
        if not self.unsaved:
            return None
        path = rescue_path(self.output)
        replace(self.reviewed_table(), path=path, keeps_previous=True).write()
        return path

    def reviewed_table(self) -> ReviewedTable:
        """Return what the review has come to, to be written on any thread."""
        return self._labels.reviewed_table(self.output)

    def mark_saved(self, reviewed: ReviewedTable) -> None:
        """Note that a reviewed table has been written."""
        self._labels.mark_saved(reviewed)
        self.saved.emit(reviewed.path)
