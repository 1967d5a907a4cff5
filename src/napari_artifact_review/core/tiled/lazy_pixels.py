"""Read the raw pixels of a large image on demand, in windows, or as a sample."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_artifact_review.core.decoders import Pixels, check_memory, one_error
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.core.tiled.sources import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_artifact_review.core.tiled.sources import Source

# Maximum number of windows in a sample, width of a window, and number of pixels in all
# windows. Such a sample gives reliable limits; see `limits.zscale_limits`.
_WINDOWS = 400
_WINDOW_WIDTH = 256
_SAMPLE = 102_400
# Maximum number of pixels to decode for the sample. Their decompression takes about
# 0.3 s.
_MOST_DECODED = 2**25


class Sample(NamedTuple):
    """A sample of the pixels of a large image, with statistics.

    Attributes
    ----------
    pixels : ndarray
        Pixels of small windows across the image, shape (windows, pixels per window).
    limits : tuple of float
        ZScale limits of the sample.
    medians : ndarray
        Median of each window, shape (windows down, windows across), float64; the lower
        limit if a window has no finite pixel.
    """

    pixels: Pixels
    limits: tuple[float, float]
    medians: Pixels


class LazyPixels:
    """Array of the raw pixels of a large image, read from disk when indexed.

    Any thread can index the array. Indexing waits for the disk.

    Parameters
    ----------
    source : Source
        Source of the pixels.

    Attributes
    ----------
    shape, dtype, ndim, size, nbytes
        As for a numpy array.
    coarser : tuple of LazyPixels
        Coarser levels of the source; see `Source.coarser`.
    """

    ndim = 2

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._holders = 0
        self.shape = source.shape
        self.dtype = source.dtype
        self.size = math.prod(source.shape)
        self.nbytes = self.size * source.dtype.itemsize
        self.coarser = tuple(LazyPixels(level) for level in source.coarser)

    @property
    def path(self) -> Path:
        """Path of the file or folder."""
        return self._source.path

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns of a block, which is decoded as a whole."""
        return self._source.block

    def fingerprint(self) -> str:
        """Return a string that changes when the image on disk changes."""
        with one_error(self.path):
            return self._source.fingerprint()

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window; see `Source.read`."""
        with self._lock, one_error(self.path):
            try:
                return self._source.read(rows, columns)
            finally:
                if not self._holders:
                    self._source.close()

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the file open inside the context, to speed up many reads."""
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    self._source.close()

    def __getitem__(self, key: Any) -> Any:
        """Read the indexed pixels.

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
            If the pixels cannot be read, or need more than `decoders.MOST_BYTES`.
        """
        rows, columns, axes = window(key, self.shape)
        check_memory(_count(rows) * _count(columns) * self.dtype.itemsize)
        if rows.step == 1:
            found = self.read(rows, _without_step(columns))[:, :: columns.step]
        else:
            # Read row by row, because the skipped rows may not fit into memory.
            every = range(rows.start, rows.stop, rows.step)
            found = np.empty((len(every), _count(columns)), self.dtype)
            for at, row in enumerate(every):
                line = self.read(slice(row, row + 1), _without_step(columns))
                found[at] = line[0, :: columns.step]
        return found[axes]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """Read the whole image; raise an ImageError if it needs too much memory."""
        return np.asarray(self[:], dtype)

    def check(self) -> None:
        """Read the whole image once, to check that it is readable.

        Raises
        ------
        ImageError
            If any part of the image cannot be read.
        """
        with self.held_open():
            for rows, columns in pieces(self):
                self.read(rows, columns)


def window(
    key: Any, shape: tuple[int, int]
) -> tuple[slice, slice, tuple[int | slice, ...]]:
    """Split a numpy index into a window and an index into that window.

    Parameters
    ----------
    key : int, slice, Ellipsis or tuple of them
        Index with positive steps.
    shape : tuple of int
        Rows and columns of the indexed array.

    Returns
    -------
    rows, columns : slice
        Window, with explicit start, stop and step.
    axes : tuple
        Index into the window: 0 for an axis with an integer index, otherwise a slice.

    Raises
    ------
    IndexError
        If the index has another form, or an integer is out of bounds.
    """
    given = list(key) if isinstance(key, tuple) else [key]
    if any(part is Ellipsis for part in given):
        at = next(n for n, part in enumerate(given) if part is Ellipsis)
        given[at : at + 1] = [slice(None)] * (3 - len(given))
    given += [slice(None)] * (2 - len(given))
    if len(given) > 2:
        raise IndexError(f"{key!r} has too many axes for an image")
    slices, axes = list[slice](), list[int | slice]()
    for part, length in zip(given, shape, strict=True):
        if isinstance(part, slice):
            start, stop, step = part.indices(length)
            if step < 1:
                raise IndexError(f"{key!r} goes backwards")
            slices.append(slice(start, max(start, stop), step))
            axes.append(slice(None))
        elif isinstance(part, (int, np.integer)):
            index = int(part) + length * (part < 0)
            if not 0 <= index < length:
                raise IndexError(f"{key!r} is outside an image of shape {shape}")
            slices.append(slice(index, index + 1, 1))
            axes.append(0)
        else:
            raise IndexError(f"{key!r} is no index of whole numbers and slices")
    return slices[0], slices[1], tuple(axes)


def _count(part: slice) -> int:
    return len(range(part.start, part.stop, part.step))


def _without_step(part: slice) -> slice:
    return slice(part.start, part.stop)


def pieces(pixels: LazyPixels) -> Iterator[tuple[slice, slice]]:
    """Divide an image into windows, from top to bottom and from left to right.

    Windows begin at even rows and columns, and at block boundaries if possible.

    Parameters
    ----------
    pixels : LazyPixels
        The image.

    Yields
    ------
    rows, columns : slice
        A window of about `PIECE` pixels, or of about one block if a block is larger.
    """
    length, width = pixels.shape
    block_rows, block_columns = (side + side % 2 for side in pixels.block)
    across = min(width, max(block_columns, PIECE // block_rows))
    across -= across % block_columns if across < width else 0
    # Use at most 1,024 rows, because a band across the next level must fit into memory.
    down = min(1024, max(1, PIECE // across // block_rows) * block_rows)
    for top in range(0, length, down):
        for left in range(0, width, across):
            yield (
                slice(top, min(top + down, length)),
                slice(left, min(left + across, width)),
            )


def sample(pixels: LazyPixels) -> Sample:
    """Read a sample of up to 400 small windows across an image.

    Parameters
    ----------
    pixels : LazyPixels
        The image.

    Raises
    ------
    ImageError
        If a window cannot be read.
    """
    length, width = pixels.shape
    block = math.prod(map(min, pixels.block, pixels.shape))
    count = math.isqrt(min(_WINDOWS, max(9, _MOST_DECODED // block)))
    # Avoid overlaps, so that all parts of the image have equal weight.
    wide = max(1, min(_WINDOW_WIDTH, width // count))
    high = max(1, min(_SAMPLE // (count**2 * wide), length // count))
    tops, lefts = (
        [max(0, (2 * n + 1) * side // count - part) // 2 for n in range(count)]
        for side, part in ((length, high), (width, wide))
    )
    with pixels.held_open():
        windows = np.stack(
            [
                pixels.read(slice(top, top + high), slice(left, left + wide)).ravel()
                for top in tops
                for left in lefts
            ]
        )
    limits = zscale_limits(windows)
    medians = np.full(len(windows), limits[0])
    for i, values in enumerate(windows):
        finite = values[np.isfinite(values)]
        if finite.size:
            medians[i] = np.median(finite)
    return Sample(windows, limits, medians.reshape(count, count))
