"""The cutouts beside each cutout in the grid of its image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.grid import common_spacing

#: Steps in x and y to the eight cutouts around a cutout.
STEPS = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if x or y)


def grid_neighbours(
    image_index: NDArray[np.int64],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
) -> NDArray[np.int32]:
    """Find the eight cutouts around each cutout, in the same image.

    The step to a neighbour is the multiple of the grid's spacing that is nearest to the
    size of a cutout, so that neighbours in an overlapping grid share few pixels.

    Parameters
    ----------
    image_index, grid_x, grid_y : ndarray of int64, shape (n,)
        Index of the image of each cutout, and its top left pixel.
    size : int
        Side length of a cutout in pixels.

    Returns
    -------
    ndarray of int32, shape (n, 8)
        Rows of the neighbours in the order of `STEPS`; -1 where the table has none. Of
        duplicate cutouts, the first one is the neighbour.
    """
    count = len(image_index)
    found = np.full((count, len(STEPS)), -1, np.int32)
    if not count:
        return found
    spacing = common_spacing(grid_x, grid_y) or size
    step = spacing * max(1, round(size / spacing))
    # Ranks instead of positions keep the keys small, whatever the positions are.
    image = np.unique(image_index, return_inverse=True)[1]
    xs, x_rank = np.unique(grid_x, return_inverse=True)
    ys, y_rank = np.unique(grid_y, return_inverse=True)
    keys = (image * len(ys) + y_rank) * len(xs) + x_rank
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    x_moved = {move: _moved(xs, move * step)[x_rank] for move in (-1, 0, 1)}
    y_moved = {move: _moved(ys, move * step)[y_rank] for move in (-1, 0, 1)}
    for index, (x, y) in enumerate(STEPS):
        wanted = (image * len(ys) + y_moved[y]) * len(xs) + x_moved[x]
        at = np.minimum(np.searchsorted(ordered, wanted), count - 1)
        is_there = (ordered[at] == wanted) & (x_moved[x] >= 0) & (y_moved[y] >= 0)
        found[is_there, index] = order[at[is_there]]
    return found


def _moved(positions: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return the rank of each distinct position plus a step; -1 if there is none."""
    wanted = positions + step
    at = np.minimum(np.searchsorted(positions, wanted), len(positions) - 1)
    ranks: NDArray[np.int64] = np.where(positions[at] == wanted, at, -1)
    return ranks


def neighbour_mean(
    values: NDArray[np.float32], neighbours: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Average values over the neighbours of each cutout.

    Parameters
    ----------
    values : ndarray of float32, shape (n, d)
        Values of each cutout; NaN where they are unknown.
    neighbours : ndarray of int32, shape (n, 8)
        Rows of the neighbours; -1 where there is none.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Means over the neighbours with known values; NaN without any.
    """
    total = np.zeros_like(values)
    count = np.zeros_like(values)
    for near, known in _each(values, neighbours):
        total += np.where(known, near, 0)
        count += known
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def neighbour_maximum(
    values: NDArray[np.float32], neighbours: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Return the maximum over the neighbours of each cutout.

    The parameters and the result are those of `neighbour_mean`.
    """
    highest = np.full_like(values, np.nan)
    for near, known in _each(values, neighbours):
        np.fmax(highest, near, out=highest, where=known)
    return highest


def _each(
    values: NDArray[np.float32], neighbours: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    """Yield the values of the neighbours on each side, and whether they are known."""
    for near in neighbours.T:
        beside = values[near]
        yield beside, ~np.isnan(beside) & (near >= 0)[:, None]
