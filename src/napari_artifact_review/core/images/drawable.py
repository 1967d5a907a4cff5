"""Prepare full images for drawing: smooth them, and compute brightness statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_artifact_review.core.decoders import Pixels, one_error
from napari_artifact_review.core.images.display import Brightness
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.stretch import smoothed
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Types that the GPU accepts directly. napari converts other types at each new slice.
_DRAWABLE = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True)
class LoadedImage:
    """A full image with its pixels prepared for drawing.

    Attributes
    ----------
    full : FullImage
        The image.
    drawable : ndarray or LazyPixels
        Pixels, smoothed with `sigma`, in a type that the GPU accepts directly. For a
        tiled image, these are the raw pixels, because its tiles are drawn instead.
    brightness : Brightness
        Brightness statistics of the drawable pixels.
    sigma : float
        Sigma of the Gaussian that smooths the image, in pixels; 0 for none.
    """

    full: FullImage
    drawable: Pixels | LazyPixels
    brightness: Brightness
    sigma: float = 0.0

    @classmethod
    def of(cls, full: FullImage, sigma: float) -> LoadedImage:
        """Prepare an image for drawing, smoothed with a Gaussian of `sigma` pixels.

        This can be slow for a large image.

        Raises
        ------
        ImageError
            If the image cannot be smoothed.
        """
        pixels = full.pixels
        if not isinstance(pixels, np.ndarray):
            assert full.tiles is not None, "an image that is not in memory has tiles"
            brightness = Brightness.of(full.tiles.sample, full.limits)
            return cls(full, pixels, brightness, sigma)
        if sigma:
            with one_error(full.path, doing="cannot be smoothed"):
                drawable = smoothed(pixels, sigma)
            return cls(full, drawable, Brightness.of(drawable), sigma)
        drawable = pixels
        if pixels.dtype not in _DRAWABLE:
            drawable = pixels.astype(np.float32)
        return cls(full, drawable, Brightness.of(pixels, full.limits), sigma)

    def smoothed_by(self, sigma: float) -> LoadedImage:
        """Return the same image smoothed with a Gaussian of `sigma` pixels.

        This can be slow for a large image.

        Raises
        ------
        ImageError
            If the image cannot be smoothed.
        """
        if sigma == self.sigma:
            return self
        if self.full.tiles is not None:
            # The tiles are smoothed when they are drawn.
            return replace(self, sigma=sigma)
        return LoadedImage.of(self.full, sigma)

    @property
    def size(self) -> int:
        """Size in memory in bytes; 0 for a tiled image."""
        if self.full.tiles is not None:
            return 0
        own = self.drawable.nbytes if self.drawable is not self.full.pixels else 0
        return int(self.full.pixels.nbytes + own)
