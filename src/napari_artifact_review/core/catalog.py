"""The catalogue of a review: every cutout with what is known of it now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.cutout import Cutout, Cutouts
from napari_artifact_review.core.labels import Labels
from napari_artifact_review.core.outcomes import ERRORS, OUTCOMES, classify_outcomes
from napari_artifact_review.core.predictions import Predictions
from napari_artifact_review.core.reviewed import typed_values
from napari_artifact_review.core.walk import Walk


class Catalog:
    """The predictions, their outcomes, their order, and their labels after review.

    Parameters
    ----------
    predictions : Predictions
        The table as it was read.
    cutout_size : int
        Side of a cutout in pixels.

    Attributes
    ----------
    walk : Walk
        The order of the cutouts, and look-ups in it.
    labels : Labels
        What stands for each row.
    """

    def __init__(self, predictions: Predictions, cutout_size: int) -> None:
        self.predictions = predictions
        self.cutout_size = cutout_size
        self._outcome = classify_outcomes(predictions.label, predictions.preds)
        is_error = np.asarray(self._outcome.isin(ERRORS))
        self.walk = Walk(predictions, is_error)
        self.labels = Labels(predictions, is_error)
        self._base = typed_values(predictions)

    @property
    def table(self) -> pd.DataFrame:
        """The table with its outcomes and labels as they now are (a copy)."""
        ids = pd.Series(self.predictions.error_id, dtype="Int64")
        return self._base.assign(
            preds=self.predictions.preds,
            outcome=self._outcome,
            error_id=ids.where(ids > 0),
            **self.labels.columns(),
        )

    @property
    def progress(self) -> tuple[int, int]:
        """How many errors have been reviewed, and how many there are."""
        return self.labels.errors_reviewed, len(self.walk.errors)

    def cutout(self, row: int) -> Cutout:
        """Return what is known of the cutout in a row of the table."""
        table = self.predictions
        by, at = self.labels.review(row)
        confidence = None if table.confidence is None else float(table.confidence[row])
        return Cutout(
            row=row,
            image_name=self.walk.image_of(row),
            grid_x=int(table.grid_x[row]),
            grid_y=int(table.grid_y[row]),
            size=self.cutout_size,
            label=int(table.label[row]),
            preds=int(table.preds[row]),
            label_new=int(self.labels.label_new[row]),
            outcome=OUTCOMES[self._outcome.codes[row]],
            confidence=None
            if confidence is None or np.isnan(confidence)
            else confidence,
            error_id=int(table.error_id[row]) or None,
            reviewed_by=by,
            reviewed_at=at,
        )

    def cutouts_of(self, image_name: str) -> Cutouts:
        """Return the cutouts of an image, in the table's order."""
        return self.cutouts(image_name, self.walk.cutouts_of(image_name))

    def cutouts(self, image_name: str, rows: npt.NDArray[np.int64]) -> Cutouts:
        """Return what is known of the cutouts of an image in some rows."""
        table = self.predictions
        if table.confidence is None:
            confidence = np.full(len(rows), np.nan)
        else:
            confidence = table.confidence[rows]
        return Cutouts(
            image_name=image_name,
            size=self.cutout_size,
            rows=rows,
            grid_x=table.grid_x[rows],
            grid_y=table.grid_y[rows],
            label=table.label[rows],
            preds=table.preds[rows],
            label_new=self.labels.label_new[rows],
            outcome=self._outcome.codes[rows],
            confidence=confidence,
            reviewed=self.labels.reviewed[rows],
        )

    def cutout_at(self, image_name: str, x: int, y: int) -> Cutout | None:
        """Return the cutout of an image that the pixel (x, y) lies in, if any."""
        row = self.walk.row_at(image_name, x, y, self.cutout_size)
        return None if row is None else self.cutout(row)
