"""Descriptors of an image's cutouts, from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.learning.descriptors import describe_cutouts


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
    image = read_image(path, hdu, sky=False)
    return describe_cutouts(image.pixels, grid_x, grid_y, size)
