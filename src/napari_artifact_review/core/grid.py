"""Grid of cutouts: infer the cutout size, and number the cutouts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Side length of a cutout in pixels, if it cannot be inferred from the table.
DEFAULT_CUTOUT_SIZE = 200

#: Smallest side length of a cutout that is inferred; a smaller spacing is a question.
MIN_CUTOUT_SIZE = 16


def infer_cutout_size(
    grid_x: npt.NDArray[np.int64], grid_y: npt.NDArray[np.int64]
) -> int | None:
    """Infer the side length of a cutout from the spacing of the grid.

    The result is unambiguous only if both axes have the same smallest spacing, all
    distances are multiples of this spacing, and cutouts occupy more than half of the
    grid points.

    Parameters
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Top left pixel of each cutout.

    Returns
    -------
    int or None
        Side length in pixels; None if the spacing is ambiguous.
    """
    spacings, points, grid = set(), 1, list[npt.NDArray[np.int64]]()
    for positions in (grid_x, grid_y):
        # A gap that exceeds 64 bits becomes negative; such positions are not a grid.
        gaps = np.diff(np.unique(positions))
        if gaps.size == 0 or gaps.min() <= 0 or np.any(gaps % gaps.min()):
            return None
        spacings.add(int(gaps.min()))
        points *= sum(gaps.tolist()) // int(gaps.min()) + 1
        grid.append((positions - positions.min()) // gaps.min())
    if len(spacings) > 1 or points >= 2 * len(grid_x):
        return None
    columns, rows = grid
    occupied = np.zeros(points, dtype=bool)
    occupied[columns * (int(rows.max()) + 1) + rows] = True
    return spacings.pop() if np.count_nonzero(occupied) * 2 > points else None


def overlap_anywhere(
    image: npt.NDArray[np.int64],
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
    size: int,
) -> bool:
    """Return whether cutouts of one image overlap by more than half of their sides.

    Some cutouts that overlap less are also found.

    Parameters
    ----------
    image, grid_x, grid_y : ndarray of int64, shape (n,)
        Index of the image of each cutout, and top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.
    """
    half = size // 2
    for right, down in ((0, 0), (half, 0), (0, half), (half, half)):
        # Cutouts whose corners share a cell of this size overlap.
        columns, rows = (grid_x + right) // size, (grid_y + down) // size
        cells = pd.DataFrame({"image": image, "column": columns, "row": rows})
        if cells.duplicated().any():
            return True
    return False


def common_spacing(grid_x: npt.NDArray[np.int64], grid_y: npt.NDArray[np.int64]) -> int:
    """Return the greatest common divisor of all distances along both axes.

    The result is 0 if all positions are equal.

    Parameters
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Positions of the cutouts.
    """
    gaps = [np.diff(np.unique(positions)) for positions in (grid_x, grid_y)]
    return int(np.gcd.reduce(np.concatenate(gaps), initial=0))


def in_pixels(
    grid_x: npt.NDArray[np.int64], grid_y: npt.NDArray[np.int64], stride: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the top left pixels of cutouts, whose positions may be tile numbers.

    Positions whose spacing is a multiple of the stride are pixels. Positions with a
    spacing of 1 are numbers of tiles, which are multiplied by the stride.

    Parameters
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Positions of the cutouts.
    stride : int
        Distance in pixels from one cutout to the next.

    Raises
    ------
    ValueError
        If the positions have another spacing, or exceed 64 bits.
    """
    spacing = common_spacing(grid_x, grid_y)
    if spacing % stride == 0 and (spacing or not np.any(grid_x % stride)):
        return grid_x, grid_y
    if spacing > 1:
        raise ValueError(
            f"the positions have a spacing of {spacing} px, not the stride of {stride}"
        )
    last = max(int(np.abs(positions).max()) for positions in (grid_x, grid_y))
    if last * stride >= 2**63:
        raise ValueError(f"the tile number {last} is too large")
    return grid_x * stride, grid_y * stride


def cutout_numbers(
    image: npt.NDArray[np.int64],
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64] | None:
    """Return an integer key for each cutout, for searching and sorting.

    Parameters
    ----------
    image, grid_x, grid_y : ndarray of int64, shape (n,)
        Index of the image of each cutout, and top left pixel of each cutout.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        Keys that sort by image, grid_x and grid_y. Equal cutouts have equal keys. None
        if the keys would exceed 64 bits.
    """
    numbers = np.zeros(len(image), dtype=np.int64)
    count = 1
    for column in (image, grid_x, grid_y) if len(image) else ():
        first, last = int(column.min()), int(column.max())
        span = last - first + 1
        count *= span
        if count >= 2**63:
            return None
        numbers = numbers * span + (column - first)
    return numbers
