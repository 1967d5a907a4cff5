"""Small pictures of cutouts, read from their images."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_reader import ImageReader, ImageSource
from napari_artifact_review.core.images.stretch import ColorMapper, smoothed
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Bytes of cutouts that are kept: some 400 of 200 x 200 pixels in float32, so that
#: they are there at once in another stretch.
MOST_BYTES = 2**26

#: Images of which it is kept how bright they are, at most some 3 MB each.
_MOST_IMAGES = 50

_Array = npt.NDArray[Any]
_Key = tuple[ImageSource, int, int, int]


@dataclass(frozen=True, eq=False)
class Look:
    """How pictures look.

    Attributes
    ----------
    display : Display
        How pixels become colours.
    colors : ndarray or None
        Shape (n, 3), from 0 to 1: the colours; None for grey.
    y_up : bool
        Whether row 0 is at the bottom.
    shrink : int
        How many pixels, across and down, become one of the picture: their mean.
    """

    display: Display
    colors: _Array | None = None
    y_up: bool = False
    shrink: int = 1


#: In ZScale, with limits of its own.
_OWN = Look(Display(scope="cutout"))


class CutoutReader:
    """Reads cutouts one after another; used from one thread.

    The last image is kept, and the cutouts that were asked for last: who asks for
    cutouts image by image reads each image once, and tries one that cannot be read
    once. Images of cutouts that are expected are read ahead.

    Parameters
    ----------
    images : ImageFolder
        Where the images are.
    hdus : mapping of str to int, optional
        The HDU that is wished of an image, by its name.
    """

    def __init__(
        self, images: ImageFolder, hdus: Mapping[str, int] | None = None
    ) -> None:
        self._images = ImageReader(images)
        self._hdus = {} if hdus is None else hdus
        self._cutouts: OrderedDict[_Key, _Array] = OrderedDict()
        self._bytes = 0
        self._brightness: OrderedDict[ImageSource, Brightness] = OrderedDict()
        # Of the look that was asked for last, by image.
        self._look: Look | None = None
        self._shades: dict[ImageSource, ColorMapper] = {}

    def expect(
        self,
        cutouts: Iterable[Cutout],
        sigma: float = 0.0,
        at_hand: Mapping[str, LoadedImage] = MappingProxyType({}),
    ) -> None:
        """Begin to read the images of cutouts that will be asked for, in this order.

        Parameters
        ----------
        cutouts : iterable of Cutout
            Which ones; of those that are kept nothing is read.
        sigma : float
            As for `pixels`.
        at_hand : mapping of str to LoadedImage
            By name, images that the caller has read already.
        """
        keys = (self._key(cutout, sigma) for cutout in cutouts)
        missing = dict.fromkeys(key[0] for key in keys if key not in self._cutouts)
        self._images.expect(missing, at_hand)

    def wait_for(self, cutout: Cutout, sigma: float, seconds: float) -> bool:
        """Tell whether a cutout needs no reading any more; wait for that a while."""
        key = self._key(cutout, sigma)
        return key in self._cutouts or self._images.wait_for(key[0], seconds)

    def close(self) -> None:
        """Read no more; the image that is being read is the last."""
        self._images.close()

    def pixels(self, cutout: Cutout, sigma: float = 0.0) -> _Array:
        """Return the pixels of a cutout, as far as it is on its image.

        Parameters
        ----------
        cutout : Cutout
            Which one.
        sigma : float
            Of the Gaussian that they are smoothed by, in pixels; 0 for none.

        Returns
        -------
        ndarray
            Shape (rows, columns), at most the side of a cutout each.

        Raises
        ------
        ImageError
            If the image cannot be read, or the cutout lies wholly outside of it.
        """
        key = self._key(cutout, sigma)
        pixels = self._cutouts.get(key)
        if pixels is None:
            # A copy: a part of an image would keep all of it in memory.
            pixels = np.array(cut_out(self._image(key[0]), cutout))
            self._cutouts[key] = pixels
            self._bytes += pixels.nbytes
            while self._bytes > MOST_BYTES and len(self._cutouts) > 1:
                self._bytes -= self._cutouts.popitem(last=False)[1].nbytes
        self._cutouts.move_to_end(key)
        return pixels

    def picture(
        self, cutout: Cutout, look: Look | None = None
    ) -> npt.NDArray[np.uint8]:
        """Return a picture of a cutout.

        Parameters
        ----------
        cutout : Cutout
            Which one.
        look : Look, optional
            How it looks; by default in ZScale with limits of its own.

        Returns
        -------
        ndarray of uint8
            Shape (rows, columns, 3).

        Raises
        ------
        ImageError
            As for `pixels`.
        """
        look = look or _OWN
        pixels = self.pixels(cutout, look.display.sigma)
        if look.display.scope == "image" and look.display.manual is None:
            shades = self._shades_of(self._source(cutout, look.display.sigma), look)
        else:
            shades = ColorMapper.of(look.display, Brightness.of(pixels), look.colors)
        picture = _shrunk(shades.paint(pixels), look.shrink)
        return np.ascontiguousarray(picture[::-1]) if look.y_up else picture

    def _source(self, cutout: Cutout, sigma: float) -> ImageSource:
        name = cutout.image_name
        return ImageSource(name, self._hdus.get(name), sigma)

    def _key(self, cutout: Cutout, sigma: float) -> _Key:
        source = self._source(cutout, sigma)
        return source, cutout.grid_x, cutout.grid_y, cutout.size

    def _image(self, source: ImageSource) -> LoadedImage:
        loaded = self._images.read(source)
        self._brightness[source] = loaded.brightness
        self._brightness.move_to_end(source)
        if len(self._brightness) > _MOST_IMAGES:
            self._brightness.popitem(last=False)
        return loaded

    def _shades_of(self, source: ImageSource, look: Look) -> ColorMapper:
        """Return the colours of an image, all of whose cutouts look alike."""
        if look is not self._look:
            self._look, self._shades = look, {}
        if source not in self._shades:
            known = self._brightness.get(source)
            brightness = self._image(source).brightness if known is None else known
            self._shades[source] = ColorMapper.of(look.display, brightness, look.colors)
        return self._shades[source]


def cut_out(loaded: LoadedImage, cutout: Cutout) -> _Array:
    """Return the pixels of a cutout as they are drawn."""
    pixels, sigma = loaded.drawable, loaded.sigma
    length, width = pixels.shape
    rows, columns = (
        slice(min(max(start, 0), end), min(max(start + cutout.size, 0), end))
        for start, end in ((cutout.grid_y, length), (cutout.grid_x, width))
    )
    if rows.start == rows.stop or columns.start == columns.stop:
        raise ImageError(
            f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
            "the image",
            path=loaded.full.path,
            remedy="Check grid_x and grid_y in the table",
        )
    if not isinstance(pixels, LazyPixels) or not sigma:
        return np.asarray(pixels[rows, columns])
    # As wide as the Gaussian reaches, so that no edge is seen where there is none.
    reach = math.ceil(4 * sigma)
    around = tuple(
        slice(max(part.start - reach, 0), part.stop + reach) for part in (rows, columns)
    )
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
