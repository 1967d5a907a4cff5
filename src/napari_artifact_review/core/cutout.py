"""A cutout: a square of a full image, and what the review knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class CutoutKey(NamedTuple):
    """What a cutout is known by; never its row number."""

    image_name: str
    grid_x: int
    grid_y: int


@dataclass(frozen=True, slots=True)
class Cutout:
    """All that the review knows of one cutout at one moment.

    Attributes
    ----------
    row : int
        Where it stands in the table, 0-based.
    image_name : str
        The full image that it is cut from.
    grid_x, grid_y : int
        Column and row of its top left pixel.
    size : int
        Its side in pixels.
    label, preds, label_new : int
        1 artifact, 0 none.
    outcome : str
        TN, FN, FP or TP.
    confidence : float or None
        The model's probability of an artifact.
    error_id : int or None
        Running number of the error; None if it is none.
    reviewed_by, reviewed_at : str
        Who decided and when (UTC); empty where nobody did.
    """

    row: int
    image_name: str
    grid_x: int
    grid_y: int
    size: int
    label: int
    preds: int
    label_new: int
    outcome: str
    confidence: float | None
    error_id: int | None
    reviewed_by: str
    reviewed_at: str

    @property
    def key(self) -> CutoutKey:
        """What the cutout is known by."""
        return CutoutKey(self.image_name, self.grid_x, self.grid_y)

    @property
    def reviewed(self) -> bool:
        """Whether anybody decided about it."""
        return bool(self.reviewed_at or self.reviewed_by)

    @property
    def changed(self) -> bool:
        """Whether its label after review is another one."""
        return self.label_new != self.label
