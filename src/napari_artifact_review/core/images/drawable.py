"""A full image as it is drawn: smoothed if requested, and its brightness."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from napari_artifact_review.core.decoders import Pixels, one_error
from napari_artifact_review.core.images.display import Brightness
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.stretch import smoothed
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Types that the GPU takes as they are; napari converts others at each new slice.
_DRAWABLE = (np.uint8, np.uint16, np.float32)


@dataclass(frozen=True)
class LoadedImage:
    """A full image, and its pixels as they are drawn.

    Attributes
    ----------
    full : FullImage
        The image.
    drawable : ndarray or LazyPixels
        Its pixels, smoothed if requested, in a type that the GPU takes as it is. Of an
        image in tiles, the raw pixels: its tiles are drawn.
    brightness : Brightness
        Brightness of the drawable pixels.
    sigma : float
        Sigma of the Gaussian that smooths the drawable pixels, in pixels; 0 for none.
    """

    full: FullImage
    drawable: Pixels | LazyPixels
    brightness: Brightness
    sigma: float = 0.0

    @classmethod
    def of(cls, full: FullImage, sigma: float) -> LoadedImage:
        """Return an image as it is drawn, smoothed by `sigma` pixels; takes a while.

        Raises
        ------
        ImageError
            If it cannot be smoothed, or not be read any more.
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
        """Return the same image smoothed by `sigma` pixels instead; takes a while.

        Raises
        ------
        ImageError
            If it cannot be smoothed.
        """
        if sigma == self.sigma:
            return self
        if self.full.tiles is not None:
            # Tiles are smoothed as they are drawn.
            return replace(self, sigma=sigma)
        return LoadedImage.of(self.full, sigma)

    @property
    def size(self) -> int:
        """Bytes in memory, without those of tiles."""
        if self.full.tiles is not None:
            return 0
        own = self.drawable.nbytes if self.drawable is not self.full.pixels else 0
        return int(self.full.pixels.nbytes + own)
