"""The boxes of cutouts: geometry, colours, texts and features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.cutout import Cutouts
from napari_artifact_review.core.outcomes import OUTCOMES, SHOWN_OUTCOMES
from napari_artifact_review.viewer.status import verdict_mark
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


def _by_outcome(**colors: str) -> Array:
    """Return colours as red, green, blue and opacity, in order of `SHOWN_OUTCOMES`."""
    names = [*(colors[name] for name in OUTCOMES), STYLE.hidden]
    return np.array(transform_color(names), dtype=float)


_BOX_COLORS = _by_outcome(
    FP=STYLE.false_positive,
    FN=STYLE.false_negative,
    TP=STYLE.label_box,
    TN=STYLE.true_negative,
)
_PREDICTION_COLORS = _by_outcome(
    **dict.fromkeys(OUTCOMES, STYLE.prediction_box),
)
_TEXT_COLORS = _by_outcome(
    FP=STYLE.false_positive_text,
    FN=STYLE.false_negative_text,
    TP=STYLE.label_text,
    TN=STYLE.true_negative,
)
_INKS = _by_outcome(
    FP=STYLE.false_positive_ink,
    FN=STYLE.false_negative_ink,
    TP=STYLE.label_ink,
    TN=STYLE.true_negative_ink,
)

_PENDING_COLOR = np.array(transform_color(STYLE.pending), dtype=float)

#: All characters of confidences and tags.
LETTERS = "0123456789.FNPT→?✓()"

#: Maximum side of the map in pixels.
_MAP_SIDE = 4096

#: Rank of each outcome. If cutouts share a pixel of the map, the highest rank is drawn.
_PRECEDENCE = np.array([("TN", "TP", "FN", "FP").index(name) for name in OUTCOMES])


def are_marked(cutouts: Cutouts) -> npt.NDArray[np.bool_]:
    """Return the mask of cutouts with a box.

    FP, FN and TP have a box. A TN has a box if it has a recorded or pending verdict.
    All hidden cutouts have one.
    """
    return ~cutouts.are("TN") | cutouts.reviewed | cutouts.pending


def corners(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    size: int,
    shape: tuple[int, int],
    gap: npt.ArrayLike = 0.0,
) -> Array:
    """Return the corners of squares, clipped to the image.

    Parameters
    ----------
    x, y : array-like, shape (n,)
        Columns and rows of the squares' top left pixels.
    size : int
        Side of the squares in pixels.
    shape : tuple of int
        Rows and columns of the image.
    gap : float or array-like, shape (n,)
        Distance by which the sides are moved outwards, in image pixels. A negative
        distance moves them inwards.

    Returns
    -------
    ndarray, shape (n, 4, 2)
        (row, column) of the four corners, clockwise from the top left. Pixel centres
        have integer coordinates, and pixel edges have half-integer coordinates.
    """
    starts = np.stack([np.atleast_1d(y), np.atleast_1d(x)], axis=-1)
    first = np.clip(starts, 0, shape) - 0.5
    last = np.clip(starts + size, 0, shape) - 0.5
    margin = np.broadcast_to(np.reshape(gap, (-1, 1)), first.shape)
    (top, left), (bottom, right) = (first - margin).T, (last + margin).T
    ends = np.array([[top, left], [top, right], [bottom, right], [bottom, left]])
    return np.ascontiguousarray(ends.transpose(2, 0, 1))


def haloed(lines: Array, reach: float) -> Array:
    """Return lines with a halo, which consists of four shifted copies of each line.

    Parameters
    ----------
    lines : ndarray, shape (n, 2, 2)
        Start and step of each line.
    reach : float
        Distance by which each copy is shifted along rows and along columns.

    Returns
    -------
    ndarray, shape (5 n, 2, 2)
        The copies, followed by the lines. If lines and copies have the same width, the
        copies are visible on both sides of the lines.
    """
    around = [(reach, reach), (reach, -reach), (-reach, reach), (-reach, -reach)]
    moves = np.zeros((5, 1, 2, 2))
    moves[:4, 0, 0] = around
    return (lines + moves).reshape(-1, 2, 2)


def sides(corner_points: Array) -> Array:
    """Return the sides of boxes as vectors (start, step) of shape (4 n, 2, 2)."""
    points = corner_points.reshape(-1, 4, 2)
    steps = np.roll(points, -1, axis=1) - points
    return np.stack([points, steps], axis=2).reshape(-1, 2, 2)


def grid_lines(corner_points: Array) -> Array:
    """Return the sides of squares of equal size as lines; touching sides are joined.

    Parameters
    ----------
    corner_points : ndarray, shape (n, 4, 2)
        (row, column) of the corners of each square, clockwise from the top left.

    Returns
    -------
    ndarray, shape (m, 2, 2)
        Start and step of each line. A full grid of r rows and c columns has r + c + 2
        lines.
    """
    (top, left), (bottom, right) = corner_points[:, 0].T, corner_points[:, 2].T
    across = _joined(np.append(top, bottom), np.tile(left, 2), np.tile(right, 2))
    down = _joined(np.append(left, right), np.tile(top, 2), np.tile(bottom, 2))
    return np.concatenate([across, down[..., ::-1]])


def _joined(row: Array, first: Array, last: Array) -> Array:
    """Join horizontal lines that touch or overlap; no line may contain another line.

    `row` is the row of each line. `first` and `last` are its ends.
    """
    order = np.lexsort((last, first, row))
    row, first, last = row[order], first[order], last[order]
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (row[1:] != row[:-1]) | (first[1:] > last[:-1])
    begin = np.flatnonzero(begins)
    end = np.append(begin, len(row))[1:] - 1
    length = last[end] - first[begin]
    starts = np.stack([row[begin], first[begin]], axis=-1)
    return np.stack([starts, np.stack([0 * length, length], axis=-1)], axis=1)


@dataclass(frozen=True, eq=False)
class Boxes:
    """The data for drawing the marked cutouts of an image.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        The cutouts' rows in the table.
    corners : ndarray, shape (n, 4, 2)
        (row, column) of the corners of each box, clockwise from the top left.
    predictions : ndarray, shape (m, 4, 2)
        Corners of the inner boxes. A TP has an inner box for the prediction. A cutout
        with a pending verdict also has an inner box.
    colors, prediction_colors : ndarray, shape (n, 4) and (m, 4)
        Red, green, blue and opacity of each box.
    confidences, tags : list of str
        Texts at the upper left and at the lower right of each box.
    text_colors, inks : ndarray, shape (n, 4)
        Colours of these texts on dark pixels, and on bright pixels.
    features : DataFrame, n rows
        The columns `FEATURES`.
    """

    rows: npt.NDArray[np.int64]
    corners: Array
    predictions: Array
    colors: Array
    prediction_colors: Array
    confidences: list[str]
    tags: list[str]
    text_colors: Array
    inks: Array
    features: pd.DataFrame


def boxes_of(cutouts: Cutouts, shape: tuple[int, int]) -> Boxes:
    """Return the boxes of cutouts on an image of `shape` (rows, columns)."""
    x, y, size = cutouts.grid_x, cutouts.grid_y, cutouts.size
    both, pending = cutouts.are("TP"), cutouts.pending
    inset, pending_inset = -STYLE.inset * size, -STYLE.pending_inset * size
    return Boxes(
        rows=cutouts.rows,
        corners=corners(x, y, size, shape),
        predictions=np.concatenate(
            [
                corners(x[both], y[both], size, shape, inset),
                corners(x[pending], y[pending], size, shape, pending_inset),
            ]
        ),
        colors=_colors(cutouts, _BOX_COLORS),
        prediction_colors=np.concatenate(
            [
                _colors(cutouts.take(both), _PREDICTION_COLORS),
                np.repeat(_PENDING_COLOR, np.count_nonzero(pending), axis=0),
            ]
        ),
        confidences=[
            f"{confidence:.2f}" if confidence == confidence else ""
            for confidence in cutouts.confidence.tolist()
        ],
        tags=_tags(cutouts),
        text_colors=_TEXT_COLORS[cutouts.outcome],
        inks=_INKS[cutouts.outcome],
        features=_features(cutouts),
    )


def _features(cutouts: Cutouts) -> pd.DataFrame:
    """Return the columns `FEATURES`; those of hidden cutouts are empty or NaN."""
    columns = {name: getattr(cutouts, name) for name in FEATURES[1:]}
    columns["outcome"] = np.array(SHOWN_OUTCOMES, dtype=object)[cutouts.outcome]
    if cutouts.hidden.any():
        for name in ("label", "preds", "label_new"):
            columns[name] = np.where(cutouts.hidden, np.nan, columns[name])
    return pd.DataFrame({"image_name": cutouts.image_name, **columns})


def _colors(cutouts: Cutouts, of_outcomes: Array) -> Array:
    colors = of_outcomes[cutouts.outcome]
    colors[cutouts.reviewed, 3] *= STYLE.reviewed_opacity
    return colors


def _tags(cutouts: Cutouts) -> list[str]:
    """Return the tag of each cutout: its outcome, unless TP, and a mark if reviewed.

    The tag of a hidden cutout is empty.
    """
    tags = []
    for outcome, reviewed, unsure, carried, changed, label in zip(
        cutouts.outcome.tolist(),
        cutouts.reviewed.tolist(),
        cutouts.unsure.tolist(),
        cutouts.carried.tolist(),
        cutouts.changed.tolist(),
        cutouts.label_new.tolist(),
        strict=True,
    ):
        name = SHOWN_OUTCOMES[outcome].replace("TP", "")
        if reviewed:
            new = label if changed else None
            mark = verdict_mark(new, is_unsure=unsure, is_carried=carried)
            name = f"{name} {mark}".strip()
        tags.append(name)
    return tags


@dataclass(frozen=True, eq=False)
class CutoutMap:
    """A small image of the cutouts, drawn over the full image.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 4)
        Red, green, blue and opacity of each cell of the grid.
    origin : tuple of float
        (row, column) of the centre of the map's first pixel on the full image.
    pitch : int
        Side of the map's pixels, in pixels of the full image.
    """

    pixels: npt.NDArray[np.uint8]
    origin: tuple[float, float]
    pitch: int


def map_of(cutouts: Cutouts) -> CutoutMap:
    """Return a map of cutouts, with one pixel for each cell of their grid.

    A cutout off the grid is drawn in the nearest cell. If cutouts share a cell, FP
    takes precedence over FN, FN over TP, and TP over TN. Hidden cutouts have no pixel,
    because they would veil a whole image.
    """
    cutouts = cutouts.take(~cutouts.hidden)
    if not len(cutouts):
        return CutoutMap(np.zeros((1, 1, 4), dtype=np.uint8), (0.0, 0.0), cutouts.size)
    starts = np.column_stack([cutouts.grid_y, cutouts.grid_x])
    first = starts.min(axis=0)
    span = int((starts.max(axis=0) - first).max())
    # Cutouts that overlap are cells around their centres, as a click selects them.
    pitch = max(min(cutouts.size, cutouts.stride), -(-span // _MAP_SIDE))
    cells = (starts - first + pitch // 2) // pitch
    # Later pixels overwrite earlier pixels.
    order = np.argsort(_PRECEDENCE[cutouts.outcome], kind="stable")
    pixels = np.zeros((*cells.max(axis=0) + 1, 4), dtype=np.uint8)
    colors = np.round(255 * _colors(cutouts, _BOX_COLORS))
    pixels[tuple(cells[order].T)] = colors[order]
    row, column = first + cutouts.size / 2 - 0.5
    return CutoutMap(pixels, (float(row), float(column)), pitch)
