"""Numbers that describe the pixels of cutouts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Version of the descriptors; another one makes stored descriptors out of date.
VERSION = "0"

_QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99, 0.999)

#: Names of the descriptors.
NAMES = tuple(f"quantile_{quantile}" for quantile in _QUANTILES)


def describe_cutouts(
    pixels: NDArray[Any],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
) -> NDArray[np.float16]:
    """Describe cutouts of a full image by quantiles of their pixels.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Raw pixels of the full image.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.

    Returns
    -------
    ndarray of float16, shape (n, len(NAMES))
        Inverse hyperbolic sines of the quantiles of the finite pixels; NaN for a cutout
        that has none.
    """
    found = np.full((len(grid_x), len(NAMES)), np.nan, np.float16)
    for row, (x, y) in enumerate(zip(grid_x.tolist(), grid_y.tolist(), strict=True)):
        window = pixels[max(y, 0) : max(y + size, 0), max(x, 0) : max(x + size, 0)]
        finite = window[np.isfinite(window)]
        if finite.size:
            quantiles = np.quantile(finite.astype(np.float64), _QUANTILES)
            found[row] = np.arcsinh(quantiles)
    return found
