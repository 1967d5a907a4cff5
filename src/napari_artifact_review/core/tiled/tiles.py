"""A large image as it is shown: each level of detail as an array for napari.

No look at one waits for the disk: `tile_reader` sees to it.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_artifact_review.core.decoders import Pixels, check_memory
from napari_artifact_review.core.tiled.lazy_pixels import (
    LazyPixels,
    Sample,
    sample,
    window,
)
from napari_artifact_review.core.tiled.pyramid import TILE, Pyramid
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from napari_artifact_review.core.tiled.tile_reader import TileReader

if TYPE_CHECKING:
    from psygnal import SignalInstance

    from napari_artifact_review.core.errors import ImageError
    from napari_artifact_review.core.tiled.sources import Source

#: Bytes of tiles in memory: several screens of 64-bit pixels.
MOST_CACHED = 2**28


class TiledImage:
    """A large image at several levels of detail.

    Its thread begins with the first look at a level, and ends by itself when nobody
    holds the image any more.

    Parameters
    ----------
    pixels : LazyPixels
        The image.
    first : Sample
        A first look at the image: `lazy_pixels.sample`.
    folder : PyramidFolder, optional
        Where levels are kept for the next time; by default the user's.
    most_cached : int
        Bytes of tiles in memory.

    Attributes
    ----------
    levels : tuple of Level
        Level 0 has the image's shape, each further one half of it, rounded up. The
        last one is always in memory.
    sample : ndarray
        Pixels of the first look, two axes.
    """

    def __init__(
        self,
        pixels: LazyPixels,
        first: Sample,
        folder: PyramidFolder | None = None,
        most_cached: int = MOST_CACHED,
    ) -> None:
        pyramid = Pyramid(pixels, first.medians, folder or PyramidFolder.of_user())
        self.sample = first.pixels
        self._reader = TileReader(pixels, pyramid, most_cached)
        self.levels = tuple(
            Level(self, number, shape, pixels.dtype)
            for number, shape in enumerate(pyramid.shapes)
        )
        # The thread holds the reader, not the image.
        weakref.finalize(self, self._reader.close)

    @property
    def changed(self) -> SignalInstance:
        """Sent, by the thread, when more is known; at most about 20 times a second."""
        return self._reader.changed

    @property
    def problem(self) -> ImageError | None:
        """Why something cannot be read; `changed` is sent when it becomes known."""
        return self._reader.problem

    @property
    def is_whole(self) -> bool:
        """Whether every level is known, from the image or from its folder."""
        return self._reader.pyramid.whole

    @property
    def is_idle(self) -> bool:
        """Whether no tile that was looked at is still to be read."""
        return self._reader.is_idle

    @property
    def held(self) -> int:
        """The bytes of tiles in memory."""
        return self._reader.held

    def prefetch(self, level: int, rows: slice, columns: slice) -> None:
        """Have a part of a level read, as soon as nobody waits for another.

        Parameters
        ----------
        level : int
            0 or more.
        rows, columns : slice
            Of that level. What was to be read ahead before is forgotten.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        self._reader.read_ahead(level, rows, columns)

    def has(self, level: int, rows: slice, columns: slice) -> bool:
        """Tell whether a part of a level is drawn as it is, and not coarser.

        Parameters
        ----------
        level : int
            0 or more; of the last one all that is known is always drawn.
        rows, columns : slice
            Of that level.

        Returns
        -------
        bool
            Whether it is in memory, and `changed` has been sent since it came there.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        return self._reader.has(level, rows, columns)

    def close(self) -> None:
        """Have the thread end and close its files, without a wait for it."""
        self._reader.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; not for the main thread.

        Parameters
        ----------
        timeout : float, optional
            Seconds.

        Returns
        -------
        bool
            Whether it has.
        """
        return self._reader.join(timeout)


def open_tiled(
    source: Source, folder: PyramidFolder | None = None
) -> tuple[LazyPixels, tuple[float, float], TiledImage]:
    """Open a large image: look at samples of it, and at no more.

    Parameters
    ----------
    source : Source
        The image.
    folder : PyramidFolder, optional
        As for `TiledImage`.

    Returns
    -------
    pixels : LazyPixels
    limits : tuple of float
        Of the grey scale.
    tiles : TiledImage

    Raises
    ------
    ImageError
        If a sample cannot be read.
    """
    pixels = LazyPixels(source)
    first = sample(pixels)
    return pixels, first.limits, TiledImage(pixels, first, folder)


class Level:
    """One level of a large image, as an array for napari.

    Looking at it never waits: what is not in memory is drawn from a coarser level.

    Attributes
    ----------
    shape, dtype, ndim, size
        As of an array.
    chunks : tuple of int
        Rows and columns of a tile: napari asks for whole ones, so that not every
        step of the camera asks anew.
    """

    ndim = 2
    chunks = (TILE, TILE)

    def __init__(
        self,
        image: TiledImage,
        number: int,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
    ) -> None:
        # As long as a level is shown, its image is read.
        self._image = image
        self._number = number
        self.shape = shape
        self.dtype = dtype
        self.size = math.prod(shape)

    def __getitem__(self, key: Any) -> Any:
        """Return what is known now of a part, and have the rest read.

        Parameters
        ----------
        key : int, slice, Ellipsis or tuple of them
            As numpy takes them; steps have to be positive.

        Returns
        -------
        ndarray or numpy scalar

        Raises
        ------
        ImageError
            If it takes more memory than `full_image.MOST_BYTES`.
        """
        rows, columns, axes = window(key, self.shape)
        reader = self._image._reader
        check_memory(
            (rows.stop - rows.start)
            * (columns.stop - columns.start)
            * self.dtype.itemsize
        )
        found = reader.look(self._number, rows, columns)
        return found[:: rows.step, :: columns.step][axes]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """Return all of it; of the last level, an array that changes with it.

        napari keeps what it gets here of the last level, for the thumbnail and for
        the picture of the whole, and asks no more.
        """
        reader = self._image._reader
        reader.start()
        if self._number < len(self._image.levels) - 1 or copy:
            return np.asarray(self[:], dtype)
        live = reader.pyramid.overview.view()
        live.flags.writeable = False
        return np.asarray(live, dtype)
