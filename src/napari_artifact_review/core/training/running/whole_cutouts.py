"""The positions of all whole cutouts of a full image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.full_image import FullImage


def whole_cutouts(
    image: FullImage, size: int, stride: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the whole cutouts, row by row from the top left.

    Pixels at the right and at the bottom that fill no cutout are left out.

    Parameters
    ----------
    image : FullImage
        The image.
    size : int
        Side length of a cutout in pixels.
    stride : int
        Distance in pixels from one cutout to the next.

    Returns
    -------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.

    Raises
    ------
    ImageError
        If the image is smaller than a cutout.
    """
    rows, columns = image.pixels.shape
    if min(rows, columns) < size:
        raise ImageError(
            f"it has {columns} x {rows} pixels, and a cutout {size} x {size}",
            path=image.path,
            remedy="Choose a smaller --cutout-size, or leave the image out",
        )
    across = np.arange(0, columns - size + 1, stride, dtype=np.int64)
    down = np.arange(0, rows - size + 1, stride, dtype=np.int64)
    return np.tile(across, len(down)), np.repeat(down, len(across))
