"""Catalog of all cutouts of a review, with labels, outcomes and confidences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.cutout import Cutout, Cutouts
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.outcomes import (
    DEFAULT_THRESHOLD,
    ERRORS,
    OUTCOMES,
    SHOWN_OUTCOMES,
    Outcome,
    outcome_codes,
    outcome_names,
)
from napari_artifact_review.core.review.hidden import HiddenCutouts
from napari_artifact_review.core.review.labels import Labels
from napari_artifact_review.core.review.reviewed_table import canonical_values
from napari_artifact_review.core.scores.metrics import Snapshot
from napari_artifact_review.core.scores.ranking import Ranking
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.tables.own_columns import OwnColumns
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.team.assignment import Assignment

#: Values of hidden cutouts, by column of `Cutouts`.
_BLANKS = {
    "label": -1,
    "preds": -1,
    "label_new": -1,
    "outcome": SHOWN_OUTCOMES.index(""),
    "confidence": np.nan,
    "reviewed": False,
    "unsure": False,
    "carried": False,
}


class Catalog:
    """A catalog of the predictions, with outcomes, ranking and labels after review.

    Parameters
    ----------
    predictions : Predictions
        The table as read.
    cutout_size : int
        Side length of a cutout in pixels.
    stride : int, optional
        Distance in pixels from one cutout to the next; by default the size.

    Attributes
    ----------
    preds, outcomes : ndarray of int8, shape (n,)
        Predictions at the current threshold, and outcomes as indices into `OUTCOMES`.
    threshold : float or None
        Confidence at or above which an artifact is predicted; None to use the table's
        own `preds`.
    own_threshold : float or None
        A threshold that reproduces the table's own `preds`; None if there is none.
    cutout_index : CutoutIndex
        Index for looking up cutouts, images and errors in the table.
    labels : Labels
        Label state of each row.
    hidden : HiddenCutouts
        Cutouts without predictions, labels and earlier verdicts in `cutout` and
        `cutouts`, from which everything on the screen is drawn.
    ranking : Ranking
        Ranking of the cutouts by confidence.
    own_columns : OwnColumns
        The user's own columns of the table.
    learned_places : ndarray of int64, shape (n,), or None
        Place of each row in the learned order; None until the order is learned.
    assignment : Assignment or None
        What the rules of the team mean for the reviewer; None if they assign nothing.
    """

    def __init__(
        self, predictions: Predictions, cutout_size: int, stride: int | None = None
    ) -> None:
        self.predictions = predictions
        self.cutout_size = cutout_size
        self._stride = stride or cutout_size
        self.cutout_index = CutoutIndex(predictions)
        self.labels = Labels(predictions)
        self.hidden = HiddenCutouts(self.labels)
        self.own_threshold = _threshold_of(predictions)
        self.ranking = Ranking(predictions.confidence)
        self.own_columns = OwnColumns(predictions)
        self.learned_places: npt.NDArray[np.int64] | None = None
        self.assignment: Assignment | None = None
        self._base = canonical_values(predictions)
        self.set_threshold(None)

    @property
    def threshold_in_force(self) -> float | None:
        """Confidence threshold in use; None if the table's own `preds` are used."""
        if self.threshold is None and "preds" not in self.predictions.columns:
            return DEFAULT_THRESHOLD
        return self.threshold

    def set_threshold(self, value: float | None) -> None:
        """Set the confidence at or above which an artifact is predicted.

        Parameters
        ----------
        value : float or None
            Threshold from 0 to 1; None to use the table's own `preds`. A cutout without
            a confidence always uses `preds`.

        Raises
        ------
        ValueError
            If the value is not between 0 and 1.
        ReviewError
            If the table has no column `confidence`.
        """
        table = self.predictions
        preds = table.preds
        if value is not None:
            value = float(value)
            if not 0 <= value <= 1:
                raise ValueError(f"a threshold is a number from 0 to 1, not {value}")
            if table.confidence is None:
                raise ReviewError(
                    "the table has no column confidence to set a threshold on",
                    path=table.path,
                )
            missing = np.isnan(table.confidence)
            preds = np.where(missing, preds, table.confidence >= value).astype(np.int8)
        self.threshold = value
        self.preds = preds
        self.outcomes = outcome_codes(table.label, preds)

    @property
    def table(self) -> pd.DataFrame:
        """Copy of the table with the current outcomes and labels."""
        ids = pd.Series(self.predictions.error_id, dtype="Int64")
        return self._base.assign(
            preds=self.preds,
            outcome=outcome_names(self.outcomes),
            error_id=ids.where(ids > 0),
            **self.labels.columns(),
        )

    def are(self, *outcomes: Outcome) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts with any of the given outcomes, shape (n,)."""
        wanted = np.array([name in outcomes for name in OUTCOMES])
        return wanted[self.outcomes]

    def are_contradicted(self) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts whose carried verdict the model contradicts.

        The model is that of this round, at the current threshold. Decisions of this
        round do not matter.
        """
        carried = self.labels.carried_label
        return np.asarray((carried >= 0) & (carried != self.preds), dtype=bool)

    def are_settled(self) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts whose carried verdict agrees with the model."""
        carried = self.labels.carried_label
        return np.asarray((carried >= 0) & (carried == self.preds), dtype=bool)

    def are_new_errors(self) -> npt.NDArray[np.bool_]:
        """Return the mask of the errors without a verdict of an earlier round."""
        return np.greater(self.are(*ERRORS), self.labels.have_carried)

    def are_open(self) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts that still need a verdict in this round.

        Such a cutout has no verdict, or only a carried one that the model contradicts,
        or is asked about again; see `HiddenCutouts.ask`.
        """
        labels = self.labels
        carried = labels.are_carried & self.are_contradicted()
        return ~labels.reviewed | carried | self.hidden.asked

    def are_answered(self) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts with a verdict of this round.

        A cutout that is asked about again is not answered until its new verdict.
        """
        return np.greater(self.labels.answered, self.hidden.asked)

    def takes_equal_verdict(self, row: int) -> bool:
        """Return whether the verdict in force may be recorded once more.

        It was carried from an earlier round, or the cutout is asked about again.
        """
        return bool(self.labels.are_carried[row] or self.hidden.asked[row])

    def needs(self, row: int) -> tuple[bool, bool]:
        """Return whether a cutout needs a verdict, and whether this round gave one.

        The former is an item of `are_open`, the latter one of `are_answered`.
        """
        labels = self.labels
        if self.hidden.asked[row]:
            return True, False
        carried = int(labels.carried_label[row])
        reviewed, is_carried = bool(labels.reviewed[row]), bool(labels.are_carried[row])
        is_contradicted = is_carried and carried not in (-1, int(self.preds[row]))
        return not reviewed or is_contradicted, reviewed and not is_carried

    def snapshot(self, outcomes: Sequence[Outcome] = ERRORS) -> Snapshot:
        """Return a snapshot of the current labels, for computing metrics.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            Outcomes under review, at the current threshold. A cutout is open if it has
            one of these outcomes and no verdict, or if its verdict is "unsure". By
            default, the errors are under review, and labels that agree with the
            prediction are trusted. With all four outcomes, only verdicts are trusted.

        Raises
        ------
        ValueError
            If an outcome is unknown.
        """
        for name in outcomes:
            if name not in OUTCOMES:
                raise ValueError(f"{name!r} is none of {', '.join(OUTCOMES)}")
        labels = self.labels
        reviewed, unsure = labels.reviewed.copy(), labels.unsure.copy()
        return Snapshot(
            self.preds,
            self.predictions.label,
            labels.label_new.copy(),
            reviewed,
            unsure,
            (self.are(*outcomes) & ~reviewed) | unsure,
            self.ranking,
        )

    @property
    def errors(self) -> npt.NDArray[np.int64]:
        """Rows of all errors, sorted by image."""
        rows = np.flatnonzero(self.are(*ERRORS))
        images = self.predictions.image_index[rows]
        return rows[np.argsort(images, kind="stable")]

    def cutout(self, row: int) -> Cutout:
        """Return the cutout in a row of the table; its data are empty while hidden."""
        if self.hidden.mask[row]:
            return Cutout(*self._place_of(row), is_hidden=True)
        return self.revealed_cutout(row)

    def revealed_cutout(self, row: int) -> Cutout:
        """Return the cutout in a row of the table with all its data, for reports."""
        table = self.predictions
        state = self.labels.state_of(row)
        confidence = None if table.confidence is None else float(table.confidence[row])
        return Cutout(
            *self._place_of(row),
            label=int(table.label[row]),
            preds=int(self.preds[row]),
            label_new=state.label_new,
            outcome=OUTCOMES[self.outcomes[row]],
            confidence=None
            if confidence is None or np.isnan(confidence)
            else confidence,
            error_id=int(table.error_id[row]) or None,
            reviewed_by=state.reviewed_by,
            reviewed_at=state.reviewed_at,
            decision=state.decision,
            kind=state.kind,
            note=state.note,
            is_carried=bool(self.labels.are_carried[row]),
        )

    def _place_of(self, row: int) -> tuple[int, str, int, int, int]:
        """Return row, image name, position and size of a cutout."""
        table = self.predictions
        x, y = int(table.grid_x[row]), int(table.grid_y[row])
        return row, self.cutout_index.image_of(row), x, y, self.cutout_size

    def cutouts_of(self, image_name: str) -> Cutouts:
        """Return the cutouts of an image, in table order."""
        return self.cutouts(image_name, self.cutout_index.cutouts_of(image_name))

    def cutouts(self, image_name: str, rows: npt.NDArray[np.int64]) -> Cutouts:
        """Return the cutouts in the given rows, which must belong to one image.

        The data of hidden cutouts are empty.
        """
        table = self.predictions
        if table.confidence is None:
            confidence = np.full(len(rows), np.nan)
        else:
            confidence = table.confidence[rows]
        hidden = self.hidden.mask[rows]
        columns: dict[str, npt.NDArray[Any]] = {
            "label": table.label[rows],
            "preds": self.preds[rows],
            "label_new": self.labels.label_new[rows],
            "outcome": self.outcomes[rows],
            "confidence": confidence,
            "reviewed": self.labels.reviewed[rows],
            "unsure": self.labels.unsure[rows],
            "carried": self.labels.are_carried[rows],
        }
        for name, blank in _BLANKS.items():
            columns[name][hidden] = blank
        return Cutouts(
            image_name=image_name,
            size=self.cutout_size,
            stride=self._stride,
            rows=rows,
            grid_x=table.grid_x[rows],
            grid_y=table.grid_y[rows],
            pending=self.labels.pending[rows],
            hidden=hidden,
            **columns,
        )

    @property
    def shown_kinds(self) -> dict[int, str]:
        """Kinds of artifact by row, without the kinds of hidden cutouts."""
        hidden = self.hidden.mask
        return {r: kind for r, kind in self.labels.kinds.items() if not hidden[r]}

    def neighbours_of(self, row: int) -> dict[tuple[int, int], Cutout]:
        """Return a cutout and up to eight neighbours around it.

        Returns
        -------
        dict of (int, int) to Cutout
            Cutouts by offset (across, down), in units of the cutout size: -1, 0 or 1.
            The offset of the cutout itself is (0, 0).
        """
        table, size, name = (
            self.predictions,
            self.cutout_size,
            self.cutout_index.image_of(row),
        )
        x, y = int(table.grid_x[row]) + size // 2, int(table.grid_y[row]) + size // 2
        around = {(0, 0): self.cutout(row)}
        for across in (-1, 0, 1):
            for down in (-1, 0, 1):
                if (across, down) == (0, 0):
                    continue
                other = self.cutout_at(name, x + across * size, y + down * size)
                if other is not None and other.row != row:
                    around[across, down] = other
        return around

    def cutout_at(self, image_name: str, x: int, y: int) -> Cutout | None:
        """Return the cutout that contains the pixel (x, y) of an image, or None."""
        row = self.cutout_index.row_at(image_name, x, y, self.cutout_size)
        return None if row is None else self.cutout(row)


def _threshold_of(table: Predictions) -> float | None:
    """Return a threshold that reproduces the table's `preds`; None if there is none."""
    if table.confidence is None:
        return None
    known = ~np.isnan(table.confidence)
    is_artifact = table.preds == 1
    # If the model predicts no artifact, the threshold is 1.
    lowest = float(table.confidence.min(where=known & is_artifact, initial=1))
    highest = float(table.confidence.max(where=known & ~is_artifact, initial=-1))
    return lowest if highest < lowest else None
