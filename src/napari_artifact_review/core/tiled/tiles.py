"""A large image for napari: each level of detail as an array.

Indexing an array never waits for the disk: `tile_reader` reads in a thread.
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

    Its thread starts when a level is first indexed, and ends by itself when the image
    is garbage-collected.

    Parameters
    ----------
    pixels : LazyPixels
        The image.
    first : Sample
        The sample of the image: `lazy_pixels.sample`.
    folder : PyramidFolder, optional
        The folder where levels are stored for the next time; by default the user's.
    most_cached : int
        Bytes of tiles in memory.

    Attributes
    ----------
    levels : tuple of Level
        Level 0 has the shape of the image, each further level half of it, rounded up.
        The last level is always in memory.
    sample : ndarray
        Pixels of the sample, two axes.
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
        """Sent by the thread when tiles were read, at most about 20 times a second."""
        return self._reader.changed

    @property
    def problem(self) -> ImageError | None:
        """The first error while reading; `changed` is sent when it occurs."""
        return self._reader.problem

    @property
    def is_whole(self) -> bool:
        """Whether every level can be read, from the image or from the folder."""
        return self._reader.pyramid.is_whole

    @property
    def is_idle(self) -> bool:
        """Whether no view lacks a tile that can be read."""
        return self._reader.is_idle

    @property
    def held(self) -> int:
        """Bytes of tiles in memory."""
        return self._reader.held

    def prefetch(self, level: int, rows: slice, columns: slice) -> None:
        """Request a part of a level, which is read after all views.

        Parameters
        ----------
        level : int
            0 or more.
        rows, columns : slice
            Of that level. A new request replaces the earlier one.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        self._reader.read_ahead(level, rows, columns)

    def has(self, level: int, rows: slice, columns: slice) -> bool:
        """Return whether a part of a level is in memory, not drawn from a coarser one.

        Parameters
        ----------
        level : int
            0 or more; the last one is always in memory.
        rows, columns : slice
            Of that level.

        Returns
        -------
        bool
            Whether it is in memory, and `changed` was sent since it was read.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        return self._reader.has(level, rows, columns)

    def close(self) -> None:
        """Let the thread end and close its files; does not wait for it."""
        self._reader.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; not to be called in the main thread.

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
    """Open a large image; only a sample of it is read.

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
        ZScale limits of the sample.
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

    Indexing never waits: missing tiles are drawn from a coarser level.

    Attributes
    ----------
    shape, dtype, ndim, size
        As of an array.
    chunks : tuple of int
        Rows and columns of a tile: napari requests whole tiles, so that not every step
        of the camera needs a new request.
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
        # Keeps the image, and so its thread, alive while a level is shown.
        self._image = image
        self._number = number
        self.shape = shape
        self.dtype = dtype
        self.size = math.prod(shape)

    def __getitem__(self, key: Any) -> Any:
        """Return a part as far as it is in memory, and request the missing tiles.

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
            If it takes more memory than `decoders.MOST_BYTES`.
        """
        rows, columns, axes = window(key, self.shape)
        reader = self._image._reader
        check_memory(
            (rows.stop - rows.start)
            * (columns.stop - columns.start)
            * self.dtype.itemsize
        )
        found = reader.assemble(self._number, rows, columns)
        return found[:: rows.step, :: columns.step][axes]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """Return the whole level; for the last level, an array that is updated.

        napari gets the last level only once, for its thumbnail and for the view of the
        whole image.
        """
        reader = self._image._reader
        reader.start()
        if self._number < len(self._image.levels) - 1 or copy:
            return np.asarray(self[:], dtype)
        live = reader.pyramid.overview.view()
        live.flags.writeable = False
        return np.asarray(live, dtype)
