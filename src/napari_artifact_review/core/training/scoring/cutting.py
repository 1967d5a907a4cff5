"""Cut full images into the cutouts that a model takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

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
    rows, columns = image.pixels.shape
    if min(rows, columns) < size:
        raise ImageError(
            f"it has {columns} x {rows} pixels, and a cutout {size} x {size}",
            path=image.path,
            remedy="Choose a smaller --cutout-size, or leave the image out",
        )
    corners = product(
        range(0, rows - size + 1, stride), range(0, columns - size + 1, stride)
    )
    pixels = image.pixels
    is_lazy = isinstance(pixels, LazyPixels)
    with pixels.held_open() if isinstance(pixels, LazyPixels) else nullcontext():
        band, begin = pixels, 0
        for part in _batches(corners, max(1, MOST_BYTES // (4 * size * size))):
            cutouts = np.empty((len(part), size, size), np.float32)
            # Values beyond float32 become infinite.
            with np.errstate(all="ignore"):
                for at, (y, x) in enumerate(part):
                    if is_lazy and (band is pixels or y != begin):
                        # A row of cutouts is read at once.
                        begin, band = y, pixels[y : y + size]
                    top = y - begin
                    cutouts[at] = band[top : top + size, x : x + size]
            grid_y, grid_x = np.array(part, dtype=np.int64).T
            yield Batch(grid_x, grid_y, cutouts)


def _batches(
    corners: Iterable[tuple[int, int]], count: int
) -> Iterator[list[tuple[int, int]]]:
    rest = iter(corners)
    while part := list(islice(rest, count)):
        yield part
