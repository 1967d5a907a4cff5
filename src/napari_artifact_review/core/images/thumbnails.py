"""Read cutouts from full images, as pixels or thumbnails."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from napari_artifact_review.core.cutout import Cutout, clip
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.image_cache import (
    BytesCache,
    ImageCache,
    ImageSource,
)
from napari_artifact_review.core.images.image_reader import ImageReader
from napari_artifact_review.core.images.stretch import ColorMapper, smoothed
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Maximum size of the cutouts in memory, in bytes: about 400 cutouts of 200 x 200
#: pixels in float32. Cutouts in memory need not be read again for another stretch.
MOST_BYTES = 2**26

#: Maximum number of images with brightness statistics in memory, up to 3 MB each.
_MOST_IMAGES = 50

_Array = npt.NDArray[Any]
_Key = tuple[ImageSource, int, int, int]


@dataclass(frozen=True, eq=False)
class Look:
    """Display settings, orientation and size of thumbnails.

    Attributes
    ----------
    display : Display
        Display settings; their colormap is ignored.
    colors : ndarray or None
        Colormap, shape (n, 3), values from 0 to 1; None for grey.
    y_up : bool
        Whether row 0 is at the bottom of a thumbnail.
    shrink : int
        Reduction factor: each block of `shrink` x `shrink` pixels is averaged.
    gamma : float
        Gamma as in napari; see `ColorMapper.of`.
    """

    display: Display
    colors: _Array | None = None
    y_up: bool = False
    shrink: int = 1
    gamma: float = 1.0

    def mapper(self, brightness: Brightness) -> ColorMapper:
        """Return the colour mapper for given brightness statistics."""
        return ColorMapper.of(self.display, brightness, self.colors, self.gamma)


#: Default settings: ZScale with limits computed from the cutout.
_DEFAULT_LOOK = Look(Display(scope="cutout"))


class CutoutReader:
    """A reader of cutouts, as pixels or thumbnails.

    Call its methods from a single thread. The latest image and the latest cutouts stay
    in memory. If cutouts are requested image by image, each image is read only once,
    even if reading fails.

    Parameters
    ----------
    cache : ImageCache
        Cache that reads the images.
    hdus : mapping of str to int or str, optional
        The HDUs that were chosen for single images, by image name.
    """

    def __init__(
        self, cache: ImageCache, hdus: Mapping[str, int | str] | None = None
    ) -> None:
        self._images = ImageReader(cache)
        self._folder, self._hdus = cache.folder, hdus
        self._cutouts = BytesCache[_Key, _Array](MOST_BYTES, lambda array: array.nbytes)
        self._brightness = LRUCache[ImageSource, Brightness](_MOST_IMAGES)
        # Colour mappers of the images, for the latest display settings.
        self._look: Look | None = None
        self._color_mappers: dict[ImageSource, ColorMapper] = {}

    def expect(self, cutouts: Iterable[Cutout], sigma: float = 0.0) -> None:
        """Start reading the images of cutouts before they are needed.

        Parameters
        ----------
        cutouts : iterable of Cutout
            The cutouts, in the order in which they are needed. Cutouts in memory are
            skipped.
        sigma : float
            Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.
        """
        keys = (self._key(cutout, sigma) for cutout in cutouts)
        missing = dict.fromkeys(key[0] for key in keys if key not in self._cutouts)
        self._images.expect(missing)

    def wait_for(self, cutout: Cutout, sigma: float, seconds: float) -> bool:
        """Wait up to `seconds` for a cutout; return whether reading has finished."""
        key = self._key(cutout, sigma)
        return key in self._cutouts or self._images.wait_for(key[0], seconds)

    def close(self) -> None:
        """Stop reading; reads that have already started finish in the background."""
        self._images.close()

    def pixels(self, cutout: Cutout, sigma: float = 0.0) -> _Array:
        """Return the pixels of a cutout, clipped to its image.

        Parameters
        ----------
        cutout : Cutout
            The cutout.
        sigma : float
            Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.

        Returns
        -------
        ndarray
            Pixels, shape (rows, columns); smaller than the cutout at an image edge.

        Raises
        ------
        ImageError
            If the image cannot be read, or the cutout lies wholly outside the image.
        """
        key = self._key(cutout, sigma)
        pixels = self._cutouts.get(key)
        if pixels is None:
            # Copy the pixels, because a numpy view would keep the whole image.
            pixels = np.array(cut_out(self._image(key[0]), cutout))
            self._cutouts[key] = pixels
        return pixels

    def picture(
        self, cutout: Cutout, look: Look | None = None
    ) -> npt.NDArray[np.uint8]:
        """Return a thumbnail of a cutout.

        Parameters
        ----------
        cutout : Cutout
            The cutout.
        look : Look, optional
            Settings of the thumbnail; by default ZScale with limits computed from the
            cutout.

        Returns
        -------
        ndarray of uint8
            Colours, shape (rows, columns, 3).

        Raises
        ------
        ImageError
            If the image cannot be read, or the cutout lies wholly outside the image.
        """
        look = look or _DEFAULT_LOOK
        pixels = self.pixels(cutout, look.display.sigma)
        needs_pixels = not look.display.has_fixed_limits
        needs_pixels |= look.display.stretch == "histogram"
        if look.display.scope == "image" and needs_pixels:
            colors = self._colors_of(self._source(cutout, look.display.sigma), look)
        else:
            colors = look.mapper(Brightness.of(pixels))
        picture = _shrunk(colors.paint(pixels), look.shrink)
        return np.ascontiguousarray(picture[::-1]) if look.y_up else picture

    def _source(self, cutout: Cutout, sigma: float) -> ImageSource:
        name = cutout.image_name
        return ImageSource(name, self._folder.hdu_of(name, self._hdus), sigma)

    def _key(self, cutout: Cutout, sigma: float) -> _Key:
        source = self._source(cutout, sigma)
        return source, cutout.grid_x, cutout.grid_y, cutout.size

    def _image(self, source: ImageSource) -> LoadedImage:
        loaded = self._images.read(source)
        self._brightness[source] = loaded.brightness
        return loaded

    def _colors_of(self, source: ImageSource, look: Look) -> ColorMapper:
        """Return the colour mapper that all cutouts of an image share."""
        if look is not self._look:
            self._look, self._color_mappers = look, {}
        if source not in self._color_mappers:
            brightness = self._brightness.get(source) or self._image(source).brightness
            self._color_mappers[source] = look.mapper(brightness)
        return self._color_mappers[source]


def cut_out(loaded: LoadedImage, cutout: Cutout) -> _Array:
    """Return the pixels of a cutout from a loaded image, with its smoothing.

    Raises
    ------
    ImageError
        If the cutout lies wholly outside the image.
    """
    pixels, sigma = loaded.drawable, loaded.sigma
    rows, columns = clip(cutout, pixels.shape)
    if rows.start == rows.stop or columns.start == columns.stop:
        raise ImageError(
            f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
            "the image",
            path=loaded.full.path,
            remedy="Check grid_x and grid_y in the table",
        )
    if not isinstance(pixels, LazyPixels) or not sigma:
        return np.asarray(pixels[rows, columns])
    # Smooth with a margin as wide as the Gaussian, to avoid edge effects.
    around = clip(cutout, pixels.shape, math.ceil(4 * sigma))
    inner = tuple(
        slice(part.start - wide.start, part.stop - wide.start)
        for part, wide in zip((rows, columns), around, strict=True)
    )
    return smoothed(np.asarray(pixels[around]), sigma)[inner]


def _shrunk(picture: npt.NDArray[np.uint8], step: int) -> npt.NDArray[np.uint8]:
    rows, columns = (side // step for side in picture.shape[:2])
    if step == 1 or not rows or not columns:
        return picture
    blocks = picture[: rows * step, : columns * step]
    means = blocks.reshape(rows, step, columns, step, 3).mean(axis=(1, 3)).round()
    return np.asarray(means, dtype=np.uint8)
