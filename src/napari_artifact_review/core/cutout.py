"""Cutouts: square parts of full images, with their review data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import ERRORS, OUTCOMES


class CutoutKey(NamedTuple):
    """Identity of a cutout, independent of its row in the table."""

    image_name: str
    grid_x: int
    grid_y: int

    @property
    def title(self) -> str:
        """Image name and position, such as "a.fits (200, 0)"."""
        return f"{self.image_name} ({self.grid_x}, {self.grid_y})"


@dataclass(frozen=True, slots=True)
class Cutout:
    """Snapshot of the review data of one cutout.

    Attributes
    ----------
    row : int
        Row in the table, 0-based.
    image_name : str
        Name of the full image.
    grid_x, grid_y : int
        Column and row of the top left pixel.
    size : int
        Side length in pixels.
    label, preds, label_new : int or None
        Label, prediction at the current threshold, and label after review: 1 artifact,
        0 no artifact; None while they are hidden.
    outcome : str
        Comparison of label and prediction: TN, FN, FP or TP; empty while it is hidden.
    confidence : float or None
        The model's probability of an artifact.
    error_id : int or None
        Number of the error; None if the table's own `preds` equals the label.
    reviewed_by, reviewed_at : str
        Reviewer and time (UTC) of the verdict; empty without a verdict.
    decision : str
        "artifact", "no artifact" or "unsure"; empty without a verdict.
    kind, note : str
        Kind of artifact and the reviewer's note.
    is_carried : bool
        Whether the verdict was carried from an earlier round.
    is_hidden : bool
        Whether predictions, labels and earlier verdicts are hidden until the verdict.
        All data after `size` are then empty.
    """

    row: int
    image_name: str
    grid_x: int
    grid_y: int
    size: int
    label: int | None = None
    preds: int | None = None
    label_new: int | None = None
    outcome: str = ""
    confidence: float | None = None
    error_id: int | None = None
    reviewed_by: str = ""
    reviewed_at: str = ""
    decision: str = ""
    kind: str = ""
    note: str = ""
    is_carried: bool = False
    is_hidden: bool = False

    @property
    def key(self) -> CutoutKey:
        """Identity of the cutout."""
        return CutoutKey(self.image_name, self.grid_x, self.grid_y)

    @property
    def reviewed(self) -> bool:
        """Whether the cutout has a verdict."""
        return bool(self.reviewed_at or self.reviewed_by or self.decision)

    @property
    def is_error(self) -> bool:
        """Whether the original label and the prediction differ."""
        return self.outcome in ERRORS

    @property
    def changed(self) -> bool:
        """Whether the label after review differs from the original label."""
        return self.label_new != self.label


@dataclass(frozen=True, slots=True, eq=False)
class Cutouts:
    """Snapshot of the review data of many cutouts of one image, as arrays.

    An image can have 80,000 cutouts. Creating an object for each cutout would take a
    second per image.

    Attributes
    ----------
    image_name : str
        Name of the full image.
    size : int
        Side length of a cutout in pixels.
    stride : int
        Distance in pixels from one cutout to the next; less than the size if cutouts
        overlap.
    rows, grid_x, grid_y : ndarray of int64, shape (n,)
        Row of each cutout in the table, and column and row of its top left pixel.
    label, preds, label_new, outcome : ndarray of int8, shape (n,)
        As for `Cutout`, but `outcome` is an index into `SHOWN_OUTCOMES`, and hidden
        labels and predictions are -1.
    confidence : ndarray of float64, shape (n,)
        The model's probability of an artifact; NaN if the table has none, or while it
        is hidden.
    reviewed, unsure, carried, pending : ndarray of bool, shape (n,)
        Masks of cutouts with a verdict, with the verdict "unsure", with a verdict that
        was carried from an earlier round, and with a command that is not recorded yet.
    hidden : ndarray of bool, shape (n,)
        Mask of cutouts whose predictions, labels and earlier verdicts are hidden.
    """

    image_name: str
    size: int
    stride: int
    rows: npt.NDArray[np.int64]
    grid_x: npt.NDArray[np.int64]
    grid_y: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    preds: npt.NDArray[np.int8]
    label_new: npt.NDArray[np.int8]
    outcome: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.float64]
    reviewed: npt.NDArray[np.bool_]
    unsure: npt.NDArray[np.bool_]
    carried: npt.NDArray[np.bool_]
    pending: npt.NDArray[np.bool_]
    hidden: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """Mask of cutouts whose label after review differs from the original label."""
        return np.not_equal(self.label_new, self.label)

    def are(self, outcome: str) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts with a given outcome."""
        return np.equal(self.outcome, OUTCOMES.index(outcome))

    def outside(self, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """Return the mask of cutouts wholly outside an image.

        Parameters
        ----------
        shape : tuple of int
            Rows and columns of the image.
        """
        rows, columns = shape
        above = are_beyond(self.grid_y, self.size, rows)
        return np.logical_or(above, are_beyond(self.grid_x, self.size, columns))

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Cutouts:
        """Return the cutouts that a mask or an array of indices selects."""
        columns = (getattr(self, name)[which] for name in type(self).__slots__[3:])
        return Cutouts(self.image_name, self.size, self.stride, *columns)


def are_beyond(
    start: npt.NDArray[np.int64], size: int, length: int
) -> npt.NDArray[np.bool_]:
    """Return the mask of cutouts that lie wholly outside an image along one axis.

    Parameters
    ----------
    start : ndarray of int64, shape (n,)
        First pixel of each cutout.
    size, length : int
        Number of pixels of a cutout, and of the image.

    Returns
    -------
    ndarray of bool, shape (n,)
        True for cutouts without a pixel in the image.
    """
    # The sum of start and size could exceed 64 bits.
    return np.logical_or(start >= length, start <= -size)


def clip(
    cutout: Cutout, shape: tuple[int, ...], margin: int = 0
) -> tuple[slice, slice]:
    """Return the rows and columns of a cutout, clipped to an image.

    Parameters
    ----------
    cutout : Cutout
        The cutout.
    shape : tuple of int
        Rows and columns of the image.
    margin : int
        Width of a border to include around the cutout, in pixels.

    Returns
    -------
    rows, columns : slice
        Clipped ranges; at least one is empty if the cutout lies outside the image.
    """
    rows, columns = (
        slice(
            min(max(start - margin, 0), length),
            min(max(start + cutout.size + margin, 0), length),
        )
        for start, length in zip((cutout.grid_y, cutout.grid_x), shape, strict=True)
    )
    return rows, columns
