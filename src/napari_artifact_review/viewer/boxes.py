"""From cutouts to boxes: geometry, colours, texts and features, without a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.viewer.style import STYLE

Array = npt.NDArray[np.float64]

FEATURES = (
    "image_name",
    "grid_x",
    "grid_y",
    "outcome",
    "confidence",
    "label",
    "preds",
    "label_new",
)


def is_marked(cutout: Cutout) -> bool:
    """Tell whether a cutout has a box: FP, FN and TP, and a TN that was reviewed."""
    return cutout.outcome != "TN" or cutout.reviewed


_BOX_COLORS = {
    "FP": STYLE.false_positive,
    "FN": STYLE.false_negative,
    "TP": STYLE.label_box,
    "TN": STYLE.true_negative,
}
_TEXT_COLORS = {
    "FP": STYLE.false_positive_text,
    "FN": STYLE.false_negative_text,
    "TP": STYLE.label_text,
    "TN": STYLE.true_negative,
}


def corners(cutout: Cutout, shape: tuple[int, int], gap: float = 0) -> Array:
    """Return the corners of a cutout, cut off at the image's edge.

    Parameters
    ----------
    cutout : Cutout
        The cutout.
    shape : tuple of int
        Rows and columns of the image.
    gap : float
        How far outside the cutout's pixels the corners lie, in pixels of the image.

    Returns
    -------
    ndarray, shape (4, 2)
        (row, column) of the four corners, clockwise from the top left. A pixel's
        centre has whole coordinates, so its edges lie half a pixel beside it.
    """
    top, bottom = np.clip([cutout.grid_y, cutout.grid_y + cutout.size], 0, shape[0])
    left, right = np.clip([cutout.grid_x, cutout.grid_x + cutout.size], 0, shape[1])
    top, left = top - 0.5 - gap, left - 0.5 - gap
    bottom, right = bottom - 0.5 + gap, right - 0.5 + gap
    return np.array([[top, left], [top, right], [bottom, right], [bottom, left]])


def sides(corner_points: Array) -> Array:
    """Return boxes' sides as vectors: shape (4 n, 2, 2), each a start and a step."""
    points = corner_points.reshape(-1, 4, 2)
    steps = np.roll(points, -1, axis=1) - points
    return np.stack([points, steps], axis=2).reshape(-1, 2, 2)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Everything that a layer needs to draw the marked cutouts of an image.

    Attributes
    ----------
    corners : list of ndarray, each of shape (4, 2)
        See `corners`.
    colors : ndarray, shape (n, 4)
        Red, green, blue and opacity of each box.
    texts : list of str
        What stands beside each box.
    text_colors : ndarray, shape (n, 4)
        Colours of the texts.
    features : DataFrame, n rows
        The columns `FEATURES`.
    """

    corners: list[Array]
    colors: Array
    texts: list[str]
    text_colors: Array
    features: pd.DataFrame

    def same_places(self, other: Boxes) -> bool:
        """Tell whether the boxes are the same but for colours, texts and features."""
        return np.array_equal(self.corners, other.corners)


def label_boxes(cutouts: Sequence[Cutout], shape: tuple[int, int]) -> Boxes:
    """Return the boxes of FP, FN and TP, with the model's confidence as text."""
    texts = [
        f"{c.confidence:.2f}" if c.confidence is not None and c.preds else ""
        for c in cutouts
    ]
    colors = [_BOX_COLORS[c.outcome] for c in cutouts]
    return _boxes(cutouts, [corners(c, shape) for c in cutouts], colors, texts)


def tag_boxes(cutouts: Sequence[Cutout], shape: tuple[int, int]) -> Boxes:
    """Return the second boxes: a red one inside each TP, a tag at each FP and FN."""
    return _boxes(
        cutouts,
        [corners(c, shape, -_inset(c)) for c in cutouts],
        [STYLE.prediction_box if c.outcome == "TP" else "#00000000" for c in cutouts],
        [_tag(c) for c in cutouts],
    )


def _inset(cutout: Cutout) -> float:
    """How far the prediction's box of a TP lies inside the label's, in pixels."""
    return 0.035 * cutout.size if cutout.outcome == "TP" else 0


def _tag(cutout: Cutout) -> str:
    """Name an error, with a mark once it is reviewed; a TP is named only then."""
    name = "" if cutout.outcome == "TP" else cutout.outcome
    if not cutout.reviewed:
        return name
    mark = f"→ {cutout.label_new}" if cutout.changed else "✓"
    return f"{name} {mark}".strip()


def _boxes(
    cutouts: Sequence[Cutout],
    where: list[Array],
    colors: list[str],
    texts: list[str],
) -> Boxes:
    rgba = _rgba(colors)
    rgba[[c.reviewed for c in cutouts], 3] *= STYLE.reviewed_opacity
    features = pd.DataFrame(
        [[getattr(c, name) for name in FEATURES] for c in cutouts], columns=FEATURES
    )
    features["confidence"] = features["confidence"].astype(float)
    text_colors = _rgba([_TEXT_COLORS[c.outcome] for c in cutouts])
    return Boxes(where, rgba, texts, text_colors, features)


def _rgba(colors: list[str]) -> Array:
    return np.array(transform_color(colors)) if colors else np.empty((0, 4))
