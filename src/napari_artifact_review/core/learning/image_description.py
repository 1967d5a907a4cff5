"""Descriptors of an image's cutouts, from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.learning.descriptors import NAMES, describe_cutouts
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Number of rows of a large image to describe at once.
_BAND = 4096


def describe_image(
    path: Path,
    hdu: int | None,
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
    size: int,
) -> npt.NDArray[np.float16]:
    """Read an image, and describe its cutouts.

    Parameters
    ----------
    path : Path
        File of the image.
    hdu : int or None
        HDU of the image; None for the default one.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.

    Returns
    -------
    ndarray of float16, shape (n, d)
        See `describe_cutouts`.

    Raises
    ------
    ImageError
        If the image cannot be read.
    """
    pixels = read_image(path, hdu, sky=False).pixels
    if not isinstance(pixels, LazyPixels):
        return describe_cutouts(pixels, grid_x, grid_y, size)
    found = np.full((len(grid_x), len(NAMES)), np.nan, np.float16)
    with pixels.held_open():
        # A large image does not fit into memory, so each band is an image of its own.
        for band in range(0, pixels.shape[0], _BAND):
            rows = np.flatnonzero((grid_y // _BAND) * _BAND == band)
            if len(rows):
                part = pixels[band : band + _BAND + size]
                y = grid_y[rows] - band
                found[rows] = describe_cutouts(part, grid_x[rows], y, size)
    return found
