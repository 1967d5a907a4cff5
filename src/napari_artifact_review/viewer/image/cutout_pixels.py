"""The pixels of one cutout: raw with the surroundings, or as drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from napari_artifact_review.core.cutout import Cutout, clip
from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.stretch import smoothed

#: Maximum margin around a cutout in pixels. The margin shows how a trail continues.
_MARGIN = 100


class CutoutPixels(NamedTuple):
    """The pixels of a cutout and its surroundings, clipped to the image.

    Attributes
    ----------
    pixels : ndarray
        Raw pixels, shape (rows, columns).
    inner : tuple of slice
        Rows and columns of the cutout in `pixels`.
    """

    pixels: Pixels
    inner: tuple[slice, slice]

    @classmethod
    def of(cls, loaded: LoadedImage, cutout: Cutout) -> CutoutPixels | None:
        """Copy the pixels from an image; return None if the cutout is outside.

        For a tiled image, use only pixels in memory, without waiting; see `Level`.
        """
        full, shape = loaded.full, loaded.full.pixels.shape
        inner = clip(cutout, shape)
        if any(part.start >= part.stop for part in inner):
            return None
        margin = min(cutout.size // 2, _MARGIN)
        rows, columns = window = clip(cutout, shape, margin)
        source = full.pixels if full.tiles is None else full.tiles.levels[0]
        top, left = (
            slice(part.start - outer.start, part.stop - outer.start)
            for part, outer in zip(inner, window, strict=True)
        )
        return cls(np.array(source[rows, columns]), (top, left))


def drawn_pixels(loaded: LoadedImage, cutout: Cutout) -> Pixels | None:
    """Return a cutout's pixels as drawn, after smoothing.

    Return None if some pixels have not been read, or if the cutout is outside the
    image.
    """
    tiles, sigma = loaded.full.tiles, loaded.sigma
    rows, columns = clip(cutout, loaded.full.pixels.shape)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    if tiles is None:
        return np.asarray(loaded.drawable[rows, columns])
    # This indexing also requests pixels that are not in memory yet.
    pixels = tiles.levels[0][rows, columns]
    if not tiles.has(0, rows, columns):
        return None
    return smoothed(pixels, sigma) if sigma else np.asarray(pixels)
