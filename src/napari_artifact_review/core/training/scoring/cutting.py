"""Cut full images into the cutouts that a model takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from napari_artifact_review.core.training.running.whole_cutouts import whole_cutouts

#: Most bytes of the cutouts that a model gets at once.
MOST_BYTES = 2**26


class Batch(NamedTuple):
    """Some cutouts of an image.

    Attributes
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    cutouts : ndarray of float32, shape (n, size, size)
        The pixels.
    """

    grid_x: NDArray[np.int64]
    grid_y: NDArray[np.int64]
    cutouts: NDArray[np.float32]


def cut(image: FullImage, size: int, stride: int) -> Iterator[Batch]:
    """Cut an image into its whole cutouts, row by row from the top left.

    Pixels at the right and at the bottom that fill no cutout are left out.

    Parameters
    ----------
    image : FullImage
        The image.
    size : int
        Side length of a cutout in pixels.
    stride : int
        Distance in pixels from one cutout to the next.

    Yields
    ------
    Batch
        Up to 64 MB of cutouts.

    Raises
    ------
    ImageError
        If the image is smaller than a cutout, or cannot be read.
    """
    grid_x, grid_y = whole_cutouts(image, size, stride)
    pixels = image.pixels
    is_lazy = isinstance(pixels, LazyPixels)
    count = max(1, MOST_BYTES // (4 * size * size))
    with pixels.held_open() if isinstance(pixels, LazyPixels) else nullcontext():
        band, begin = pixels, 0
        for first in range(0, len(grid_x), count):
            part = slice(first, first + count)
            corners = zip(grid_y[part].tolist(), grid_x[part].tolist(), strict=True)
            cutouts = np.empty((len(grid_x[part]), size, size), np.float32)
            # Values beyond float32 become infinite.
            with np.errstate(all="ignore"):
                for at, (y, x) in enumerate(corners):
                    if is_lazy and (band is pixels or y != begin):
                        # A row of cutouts is read at once.
                        begin, band = y, pixels[y : y + size]
                    top = y - begin
                    cutouts[at] = band[top : top + size, x : x + size]
            yield Batch(grid_x[part], grid_y[part], cutouts)
