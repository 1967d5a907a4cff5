"""The grid of cutouts, and the size of a cutout that it tells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Side of a cutout in pixels, where the table does not tell.
DEFAULT_CUTOUT_SIZE = 200


def infer_cutout_size(
    grid_x: npt.NDArray[np.int64], grid_y: npt.NDArray[np.int64]
) -> int | None:
    """Infer the side of a cutout from the spacing of the grid.

    The spacing tells the size without doubt only if both axes have the same
    smallest spacing, every position is a whole number of it away from the first
    one, and cutouts stand at more than half of the places of that grid: a few
    cutouts far apart tell nothing.

    Parameters
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Top left pixel of each cutout.

    Returns
    -------
    int or None
        The side in pixels; None where the grid leaves doubt.
    """
    spacings, places = set(), 1
    for positions in (grid_x, grid_y):
        # A span too wide for 64 bits comes out negative, and is no grid.
        gaps = np.diff(np.unique(positions))
        if gaps.size == 0 or gaps.min() <= 0 or np.any(gaps % gaps.min()):
            return None
        spacings.add(int(gaps.min()))
        places *= sum(gaps.tolist()) // int(gaps.min()) + 1
    taken = len(pd.DataFrame({"x": grid_x, "y": grid_y}).drop_duplicates())
    return spacings.pop() if len(spacings) == 1 and taken * 2 > places else None
