"""Large images for napari, with each pyramid level as an array.

Indexing an array never waits for the disk, because a thread reads the tiles.
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

#: Maximum size of the tiles in memory, in bytes: several screens of 64-bit pixels.
MOST_CACHED = 2**28


class TiledImage:
    """A large image with its pyramid levels.

    A thread reads the tiles. The thread starts when a level is first used, and ends
    when the image is closed or garbage-collected.

    Parameters
    ----------
    pixels : LazyPixels
        The image.
    first : Sample
        Sample of the image from `lazy_pixels.sample`.
    folder : PyramidFolder, optional
        Folder in which pyramids are cached; by default a folder in the user's cache.
    most_cached : int
        Maximum size of the tiles in memory, in bytes.

    Attributes
    ----------
    levels : tuple of Level
        Pyramid levels. Level 0 has the shape of the image. Each further level has half
        the rows and columns of the previous level, rounded up.
    sample : ndarray
        `Sample.pixels` of the image, shape (windows, pixels per window).
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
        # The thread refers to the reader, not to the image.
        weakref.finalize(self, self._reader.close)

    @property
    def changed(self) -> SignalInstance:
        """Signal for new tiles or an error; see `TileReader.changed`."""
        return self._reader.changed

    @property
    def problem(self) -> ImageError | None:
        """First error of the thread, or None; `changed` is emitted after the error."""
        return self._reader.problem

    @property
    def is_whole(self) -> bool:
        """Whether all levels can be read."""
        return self._reader.pyramid.is_whole

    @property
    def is_idle(self) -> bool:
        """Whether all readable tiles of the latest views have been read."""
        return self._reader.is_idle

    @property
    def held(self) -> int:
        """Size of the tiles in memory, in bytes."""
        return self._reader.held

    def prefetch(self, level: int, rows: slice, columns: slice) -> None:
        """Request a part of a level, with lower priority than all views.

        Parameters
        ----------
        level : int
            Pyramid level; 0 is full resolution.
        rows, columns : slice
            Range of pixels at that level. A new request replaces the previous one.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        self._reader.read_ahead(level, rows, columns)

    def has(self, level: int, rows: slice, columns: slice) -> bool:
        """Return whether a part of a level is in memory at the resolution of the level.

        Parameters
        ----------
        level : int
            Pyramid level; 0 is full resolution. The last level is always in memory.
        rows, columns : slice
            Range of pixels at that level.

        Returns
        -------
        bool
            Whether the part is in memory and `changed` was emitted after reading it.
        """
        rows, columns, _ = window((rows, columns), self.levels[level].shape)
        return self._reader.has(level, rows, columns)

    def close(self) -> None:
        """Stop the thread and close its files, without waiting for it to end."""
        self._reader.close()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread to end; do not call this in the main thread.

        Parameters
        ----------
        timeout : float, optional
            Maximum time to wait, in seconds; unlimited by default.

        Returns
        -------
        bool
            Whether the thread has ended.
        """
        return self._reader.join(timeout)


def open_tiled(
    source: Source, folder: PyramidFolder | None = None
) -> tuple[LazyPixels, tuple[float, float], TiledImage]:
    """Open a large image, reading only a sample of its pixels.

    Parameters
    ----------
    source : Source
        Source of the image.
    folder : PyramidFolder, optional
        Folder in which pyramids are cached; by default a folder in the user's cache.

    Returns
    -------
    pixels : LazyPixels
        Raw pixels of the image.
    limits : tuple of float
        ZScale limits of the sample.
    tiles : TiledImage
        Pyramid levels of the image.

    Raises
    ------
    ImageError
        If the sample cannot be read.
    """
    pixels = LazyPixels(source)
    first = sample(pixels)
    return pixels, first.limits, TiledImage(pixels, first, folder)


class Level:
    """A pyramid level of a large image, as an array for napari.

    Indexing never waits for the disk: a coarser level replaces missing tiles.

    Attributes
    ----------
    shape, dtype, ndim, size
        As for a numpy array.
    chunks : tuple of int
        Rows and columns of a tile. napari requests whole tiles, so a small movement of
        the camera needs no new request.
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
        # Keep the image and its thread alive while a level is shown.
        self._image = image
        self._number = number
        self.shape = shape
        self.dtype = dtype
        self.size = math.prod(shape)

    def __getitem__(self, key: Any) -> Any:
        """Return the indexed pixels from memory, and request missing tiles.

        Parameters
        ----------
        key : int, slice, Ellipsis or tuple of them
            Index as for numpy arrays; steps must be positive.

        Returns
        -------
        ndarray or numpy scalar
            The pixels.

        Raises
        ------
        ImageError
            If the pixels need more memory than `decoders.MOST_BYTES`.
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
        """Return the whole level as a numpy array.

        The last level is read-only and is updated in place, unless `copy` is true.
        napari converts this level only once, for the layer's thumbnail and for the view
        of the whole image.
        """
        reader = self._image._reader
        reader.start()
        if self._number < len(self._image.levels) - 1 or copy:
            return np.asarray(self[:], dtype)
        live = reader.pyramid.overview.view()
        live.flags.writeable = False
        return np.asarray(live, dtype)
