"""Straight lines that pass through a cutout and the cutouts around it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import sparse

from napari_artifact_review.core.learning.block_maps import Floats
from napari_artifact_review.core.learning.image_scale import ImagePixels, ImageScale

#: Blocks along a side of a cutout, around it on each side, and along a window.
_INNER, _MARGIN = 25, 25
_WINDOW = _INNER + 2 * _MARGIN

#: Number of angles over half a turn.
_ANGLES = 60

#: Angles within this number of steps of the best one belong to the same line.
_SAME_LINE = 4

#: Values in units of the noise beyond which a pixel or a block counts no further.
_LOWEST, _HIGHEST = -3.0, 4.0

#: Number of windows to transform at once, and number of rows of blocks to average.
_AT_ONCE, _BAND = 64, 32

#: Share of known pixels below which a block is unknown.
_LEAST_KNOWN = 0.5

NAMES = (
    "peak",
    "peak over runner-up",
    "part in the cutout",
    "length in the cutout",
    "part outside",
    "cosine of twice the angle",
    "sine of twice the angle",
)


class _Lines(NamedTuple):
    """Lines through the middle of a window.

    Attributes
    ----------
    weights : ndarray of float32, shape (window**2, lines)
        1 for the blocks of each line, else 0.
    inner : ndarray of float32, shape (inner**2, lines)
        The same for the blocks of the cutout alone.
    angle : ndarray of int64, shape (lines,)
        Index of the angle of each line.
    """

    weights: Floats
    inner: Floats
    angle: NDArray[np.int64]


def long_line_features(
    pixels: ImagePixels,
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
    scale: ImageScale,
) -> Floats:
    """Measure the brightest line through each cutout in a window three times as large.

    A faint satellite trail that stays within the noise of one cutout becomes visible
    over three. The window is divided into 75 x 75 blocks. Pixels and blocks are
    clipped, so that a star weighs no more than a trail. The sum along each line that
    crosses the cutout is divided by the root of its length (compare G. Nir et al., AJ
    156, 229, 2018).

    Parameters
    ----------
    pixels : ndarray or LazyPixels, shape (rows, columns)
        Full image.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.
    scale : ImageScale
        Level and noise of the image.

    Returns
    -------
    ndarray of float32, shape (n, len(NAMES))
        Features by the names in `NAMES`; 0 for a cutout without known blocks.
    """
    features = np.zeros((len(grid_x), len(NAMES)), np.float32)
    rows, columns = pixels.shape
    is_inside = (grid_x < columns) & (grid_x > -size)
    is_inside &= (grid_y < rows) & (grid_y > -size)
    inside = np.flatnonzero(is_inside)
    if not inside.size:
        return features
    side = size / _INNER
    row = np.rint(grid_y[inside] / side).astype(np.int64)
    column = np.rint(grid_x[inside] / side).astype(np.int64)
    blocks = _average_blocks(pixels, side, scale, row, column)
    windows = sliding_window_view(blocks, (_WINDOW, _WINDOW))
    top, left = row - row.min(), column - column.min()
    for start in range(0, len(inside), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        features[inside[part]] = _measure_lines(windows[top[part], left[part]])
    return features


def _average_blocks(
    pixels: ImagePixels,
    side: float,
    scale: ImageScale,
    row: NDArray[np.int64],
    column: NDArray[np.int64],
) -> Floats:
    """Return the blocks of all windows, in units of their noise; NaN if unknown.

    The first block belongs to the window of the first row and column of blocks.
    """
    top, left = int(row.min()) - _MARGIN, int(column.min()) - _MARGIN
    down = int(row.max() - row.min()) + _WINDOW
    across = int(column.max() - column.min()) + _WINDOW
    blocks = np.full((down, across), np.nan, np.float32)
    first, last, x_weights = _block_weights(left, across, side, pixels.shape[1])
    for start in range(0, down, _BAND):
        band = slice(start, min(start + _BAND, down))
        count = band.stop - band.start
        low, high, y_weights = _block_weights(top + start, count, side, pixels.shape[0])
        if low == high:
            continue
        clipped = scale.normalize(np.asarray(pixels[low:high, first:last]))
        clipped = clipped.clip(_LOWEST, _HIGHEST)
        is_known = np.isfinite(clipped)
        clipped[~is_known] = 0
        share = (x_weights @ (y_weights @ is_known.astype(np.float32)).T).T
        sums = (x_weights @ (y_weights @ clipped).T).T
        means = np.full(sums.shape, np.nan, np.float32)
        np.divide(sums, share, out=means, where=share > _LEAST_KNOWN)
        blocks[band] = means * max(side, 1)
    return blocks


def _block_weights(
    first_block: int, count: int, side: float, length: int
) -> tuple[int, int, Any]:
    """Return the range of pixels of some blocks, and the shares of these pixels.

    Returns
    -------
    first, last : int
        Range of the pixels, clipped to the image.
    weights : scipy.sparse.csr_array, shape (count, last - first)
        Share of each pixel in each block; the shares of a block that lies wholly inside
        the image have the sum 1.
    """
    edges = (first_block + np.arange(count + 1)) * side
    first = int(np.clip(np.floor(edges[0]), 0, length))
    last = int(np.clip(np.ceil(edges[-1]), 0, length))
    per_block = int(np.ceil(side)) + 1
    pixel = np.floor(edges[:-1]).astype(np.int64)[:, None] + np.arange(per_block)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(
        edges[:-1, None], pixel
    )
    block = np.broadcast_to(np.arange(count)[:, None], pixel.shape)
    used = (overlap > 0) & (pixel >= first) & (pixel < last)
    weights = sparse.csr_array(
        ((overlap[used] / side).astype(np.float32), (block[used], pixel[used] - first)),
        (count, last - first),
    )
    return first, last, weights


def _measure_lines(windows: Floats) -> Floats:
    """Measure the best line through the middle of each window."""
    lines = _lines()
    middle = slice(_MARGIN, _MARGIN + _INNER)
    is_known = np.isfinite(windows)
    flat = np.where(is_known, windows, 0)
    # The sum over known blocks alone would move with the unknown ones.
    flat = _centred(flat, is_known).clip(_LOWEST, _HIGHEST)
    flat = _centred(flat, is_known)
    count = len(flat)
    sums = flat.reshape(count, -1) @ lines.weights
    length = lines.weights.sum(0)[None]
    inner_length = lines.inner.sum(0)[None]
    if not is_known.all():
        known = is_known.astype(np.float32)
        length = known.reshape(count, -1) @ lines.weights
        inner_length = known[:, middle, middle].reshape(count, -1) @ lines.inner
    inner = flat[:, middle, middle].reshape(count, -1) @ lines.inner
    score = np.zeros(sums.shape, np.float32)
    # A few blocks of a star would look like a line.
    np.divide(sums, np.sqrt(length), out=score, where=length >= _INNER)
    best = score.argmax(1)[:, None]

    def at_best(values: Floats) -> Floats:
        whole = np.broadcast_to(values, score.shape)
        return np.take_along_axis(whole, best, axis=1)[:, 0]

    angle = lines.angle[best]
    distance = np.abs(lines.angle - angle)
    distance = np.minimum(distance, _ANGLES - distance)
    peak, inside, inside_length = at_best(score), at_best(inner), at_best(inner_length)
    runner_up = np.where(distance > _SAME_LINE, score, 0).max(1)
    outside_length = at_best(length) - inside_length
    twice = 2 * np.pi * angle[:, 0] / _ANGLES
    columns = [
        peak,
        peak - runner_up,
        inside / np.sqrt(np.maximum(inside_length, 1)),
        inside_length / _INNER,
        (at_best(sums) - inside) / np.sqrt(np.maximum(outside_length, 1)),
        np.cos(twice),
        np.sin(twice),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _centred(flat: Floats, is_known: NDArray[np.bool_]) -> Floats:
    """Subtract the mean of the known blocks of each window; unknown ones are 0."""
    number = np.maximum(np.count_nonzero(is_known, axis=(1, 2), keepdims=True), 1)
    mean = flat.sum((1, 2), keepdims=True) / number.astype(np.float32)
    centred: Floats = np.where(is_known, flat - mean, 0)
    return centred


@lru_cache(maxsize=1)
def _lines() -> _Lines:
    """Return the lines through the middle of a window."""
    y, x = (np.mgrid[:_WINDOW, :_WINDOW] - (_WINDOW - 1) / 2).reshape(2, -1)
    is_inner = np.maximum(np.abs(x), np.abs(y)) <= _INNER / 2
    weights, angles = [], []
    for index in range(_ANGLES):
        turn = index * np.pi / _ANGLES
        offset = np.rint(x * np.cos(turn) + y * np.sin(turn)).astype(np.int64)
        through = np.unique(offset[is_inner])
        weights.append(offset[:, None] == through)
        angles.append(np.full(len(through), index))
    whole = np.concatenate(weights, axis=1).astype(np.float32)
    return _Lines(whole, whole[is_inner], np.concatenate(angles))
