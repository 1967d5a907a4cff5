"""Pyramid of a large image, for views at lower resolution.

A pixel of a level is the mean of 2 x 2 pixels of the previous level. The levels are
built once from bands of rows, and cached in a folder. A `TileReader` builds and reads
them in its thread.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.tiled.lazy_pixels import pieces
from napari_artifact_review.core.tiled.pyramid_folder import CHUNK
from napari_artifact_review.core.tiled.sources import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_artifact_review.core.decoders import Pixels
    from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
    from napari_artifact_review.core.tiled.pyramid_folder import (
        PyramidFolder,
        StoredPyramid,
    )

#: Side length of a tile in pixels, at every level. A tile of 16-bit pixels takes
#: 0.5 MiB, and a screen shows about 12 tiles.
TILE = CHUNK
#: Maximum length of a side of the last level, in pixels. The level is always in memory.
OVERVIEW = 1024
#: Maximum number of pixels to read for a tile before the pyramid is built. This takes
#: about 0.2 s.
_MOST_FOR_A_TILE = 2**24
#: Maximum size in bytes of the levels in memory, if the pyramid cannot be stored.
_MOST_IN_MEMORY = 2**27
# Number of columns to write in one step of about 10 ms. Between steps, requested tiles
# are read.
_WRITTEN_AT_ONCE = 8 * TILE


def level_shapes(shape: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the shapes of all levels, at least two.

    Each level has half the rows and columns of the previous level, rounded up.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image, which is level 0.
    """
    shapes = [shape]
    while max(shapes[-1]) > OVERVIEW or len(shapes) < 2:
        rows, columns = shapes[-1]
        shapes.append((-(-rows // 2), -(-columns // 2)))
    return tuple(shapes)


def halved(pixels: Pixels) -> Pixels:
    """Return the means of blocks of 2 x 2 pixels.

    Parameters
    ----------
    pixels : ndarray
        Pixels, shape (rows, columns). If the number of rows or columns is odd, the last
        blocks contain fewer pixels.

    Returns
    -------
    ndarray
        Means, shape (rows / 2, columns / 2) rounded up. The type is that of the pixels,
        because napari uses one texture for all levels. NaN is ignored. Means of
        integers are rounded, and halves are rounded up.
    """
    rows, columns = pixels.shape
    if rows % 2 or columns % 2:
        # Copies of the last pixels do not change the means.
        pixels = np.pad(pixels, ((0, rows % 2), (0, columns % 2)), mode="edge")
    quarters = [pixels[i::2, j::2] for i in (0, 1) for j in (0, 1)]
    if pixels.dtype.kind == "f":
        return _float_means(quarters).astype(pixels.dtype)
    return _whole_means(quarters)


def _whole_means(quarters: list[Pixels]) -> Pixels:
    """Return the rounded means of integers, without overflow of their sums."""
    if quarters[0].dtype.itemsize <= 2:
        total = quarters[0].astype(np.int32)
        for quarter in quarters[1:]:
            total += quarter
        total += 2
        total >>= 2
        return total.astype(quarters[0].dtype)
    mean = sum((quarter >> 2 for quarter in quarters[1:]), quarters[0] >> 2)
    rest = sum((quarter & 3 for quarter in quarters[1:]), quarters[0] & 3)
    return np.asarray(mean + ((rest + 2) >> 2))


def _float_means(quarters: list[Pixels]) -> Pixels:
    # The sum of four float32 values cannot overflow in float64.
    mean = quarters[0].astype(np.float64)
    for quarter in quarters[1:]:
        mean += quarter
    mean *= 0.25
    odd = np.isnan(mean)
    if odd.any():
        four = np.stack([quarter[odd] for quarter in quarters]).astype(np.float64)
        known = ~np.isnan(four)
        total = np.where(known, four, 0).sum(axis=0)
        # The quotient is 0 / 0, which is NaN, if all four pixels are NaN.
        with np.errstate(invalid="ignore"):
            mean[odd] = total / known.sum(axis=0)
    return mean


class Pyramid:
    """Pyramid of an image; it can be read while it is being built.

    Parameters
    ----------
    pixels : LazyPixels
        The image, which is level 0.
    medians : ndarray
        `lazy_pixels.Sample.medians` of the image, for an approximate overview.
    folder : PyramidFolder
        Folder with stored pyramids.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Shapes of all levels, including level 0.
    overview : ndarray
        The last level, which is always in memory. It is approximate at first, and is
        updated in place.
    is_whole : bool
        Whether all levels can be read.
    """

    def __init__(
        self, pixels: LazyPixels, medians: Pixels, folder: PyramidFolder
    ) -> None:
        self.shapes = level_shapes(pixels.shape)
        self.overview = _spread(medians, self.shapes[-1], pixels.dtype)
        self.is_whole = False
        self._pixels = pixels
        self._folder = folder
        self._last = len(self.shapes) - 1
        self._stored: StoredPyramid | None = None
        self._start_over()

    def _start_over(self) -> None:
        # Arrays of level 1 and coarser, on disk or in memory.
        self._arrays = dict[int, Any]()
        # Unwritten rows of each level, their number, and the number of those rows whose
        # means are already in the next level.
        self._bands: dict[int, Pixels] = {}
        self._filled = dict.fromkeys(range(len(self.shapes)), 0)
        self._passed = dict.fromkeys(range(len(self.shapes)), 0)
        # Number of written rows of each level.
        self._written = dict.fromkeys(range(len(self.shapes)), 0)

    def build(self) -> Iterator[None]:
        """Load the stored pyramid, or build the pyramid in small steps.

        Yields
        ------
        None
            After each step of about 10 ms.

        Raises
        ------
        ImageError
            If the image cannot be read.
        """
        if self._pixels.coarser:
            everything = (slice(0, side) for side in self.overview.shape)
            self.overview[:] = self.read(self._last, *everything)
            self.is_whole = True
            return
        fingerprint = self._pixels.fingerprint()
        dtype = self._pixels.dtype
        self._stored = self._folder.find(fingerprint, self.shapes, dtype)
        if self._stored is None:
            yield from self._sample_rows()
            part = self._folder.create(fingerprint, self.shapes, dtype)
            if part is not None:
                self._arrays = dict(part.arrays)
                try:
                    yield from self._build(part.touch)
                    self._stored = part.finish()
                # The disk may be full or unavailable.
                except OSError:
                    self._start_over()
                finally:
                    part.discard()
            if self._stored is None and not self.is_whole:
                self._arrays = self._in_memory()
                yield from self._build(lambda: None)
        if self._stored is not None:
            self._arrays = dict(self._stored.arrays)
            everything = (slice(0, side) for side in self.overview.shape)
            self.overview[:] = self._stored.read(self._last, *everything)
        self.is_whole = True
        self._written = {n: shape[0] for n, shape in enumerate(self.shapes)}
        self._bands = {}

    def _in_memory(self) -> dict[int, Any]:
        """Create arrays for the coarsest levels, as many as fit into memory."""
        arrays = dict[int, Any]()
        room = _MOST_IN_MEMORY
        for level in range(self._last - 1, 0, -1):
            room -= math.prod(self.shapes[level]) * self._pixels.dtype.itemsize
            if room < 0:
                break
            arrays[level] = np.empty(self.shapes[level], self._pixels.dtype)
        return arrays

    def _sample_rows(self) -> Iterator[None]:
        """Fill the overview with sampled pixels, unless rows are decoded in blocks."""
        if self._pixels.block[0] > 1:
            return
        length, width = self._pixels.shape
        step = 2**self._last
        for at in range(len(self.overview)):
            row = min(at * step + step // 2, length - 1)
            line = self._pixels.read(slice(row, row + 1), slice(0, width))[0]
            columns = np.arange(self.overview.shape[1]) * step + step // 2
            self.overview[at] = line[np.minimum(columns, width - 1)]
            yield

    def _build(self, touch: Any) -> Iterator[None]:
        """Build all levels in one pass over the image."""
        width = self._pixels.shape[1]
        band: Pixels | None = None
        for rows, columns in pieces(self._pixels):
            if band is None:
                high = -(-(rows.stop - rows.start) // 2)
                band = np.empty((high, self.shapes[1][1]), self._pixels.dtype)
            part = halved(self._pixels.read(rows, columns))
            left = columns.start // 2
            band[:, left : left + part.shape[1]] = part
            yield
            if columns.stop == width:
                yield from self._add(1, band)
                band = None
                touch()

    def _add(self, level: int, band: Pixels) -> Iterator[None]:
        """Add a band of rows to a level, and its means to the coarser levels."""
        length, width = self.shapes[level]
        if level not in self._bands:
            rows = OVERVIEW if level == self._last else TILE
            self._bands[level] = np.empty((min(rows, length), width), band.dtype)
        own = self._bands[level]
        while len(band):
            filled = self._filled[level]
            taken = min(len(own) - filled, len(band))
            own[filled : filled + taken] = band[:taken]
            band = band[taken:]
            filled = self._filled[level] = filled + taken
            is_last = self._written[level] + filled == length
            if level == self._last:
                self.overview[:filled] = own[:filled]
                if is_last:
                    yield from self._write(level, own)
                continue
            paired = filled if is_last else filled - filled % 2
            passed, self._passed[level] = self._passed[level], paired
            if paired > passed:
                yield
                yield from self._add(level + 1, halved(own[passed:paired]))
            if filled == len(own) or is_last:
                yield from self._write(level, own[:filled])
                self._filled[level] = self._passed[level] = 0

    def _write(self, level: int, band: Pixels) -> Iterator[None]:
        array = self._arrays.get(level)
        if array is not None:
            top = self._written[level]
            for left in range(0, band.shape[1], _WRITTEN_AT_ONCE):
                part = band[:, left : left + _WRITTEN_AT_ONCE]
                array[top : top + len(band), left : left + _WRITTEN_AT_ONCE] = part
                yield
        self._written[level] += len(band)

    def can_read(self, level: int, rows: slice, columns: slice) -> bool:
        """Return whether a part of a level can already be read during `build`."""
        if level == 0 or self._pixels.coarser or self._is_written(level, rows):
            return True
        scale = 2**level
        high, wide = ((part.stop - part.start) * scale for part in (rows, columns))
        block_rows, block_columns = self._pixels.block
        # A block is decoded as a whole, even if only a part of it is needed.
        cost = (high + block_rows - 1) * (wide + block_columns - 1)
        return self.is_whole or cost <= _MOST_FOR_A_TILE

    def _is_written(self, level: int, rows: slice) -> bool:
        return level in self._arrays and rows.stop <= self._written[level]

    def read(self, level: int, rows: slice, columns: slice) -> Pixels | None:
        """Read a part of a level; `can_read` must be true for this part.

        Parameters
        ----------
        level : int
            Pyramid level; 0 is full resolution.
        rows, columns : slice
            Range of pixels at that level.

        Returns
        -------
        ndarray or None
            The pixels; None if the stored pyramid is damaged. In this case `build` must
            be called again.

        Raises
        ------
        ImageError
            If the pixels cannot be read.
        """
        if level == 0:
            return self._pixels.read(rows, columns)
        if self._pixels.coarser:
            return self._pixels.coarser[level - 1].read(rows, columns)
        if self._is_written(level, rows):
            if self._stored is None:
                return np.asarray(self._arrays[level][rows, columns])
            try:
                return self._stored.read(level, rows, columns)
            except ImageError:
                self._stored.discard()
                self._stored = None
                self.is_whole = False
                self._start_over()
                return None
        return self._from_source(level, rows, columns)

    def _from_source(self, level: int, rows: slice, columns: slice) -> Pixels:
        """Compute a part of a level from level 0, in bands of limited size."""
        scale = 2**level
        length, width = self._pixels.shape
        across = slice(columns.start * scale, min(columns.stop * scale, width))
        step = max(1, PIECE // ((across.stop - across.start) * scale))
        bands = []
        for top in range(rows.start, rows.stop, step):
            end = min(top + step, rows.stop)
            band = self._pixels.read(
                slice(top * scale, min(end * scale, length)), across
            )
            for _ in range(level):
                band = halved(band)
            bands.append(band)
        return np.concatenate(bands)

    def close(self) -> None:
        """Release the stored pyramid."""
        if self._stored is not None:
            self._stored.release()
            self._stored = None
        self._arrays = {}


def _spread(medians: Pixels, shape: tuple[int, int], dtype: np.dtype[Any]) -> Pixels:
    """Enlarge an array of medians to a given shape, by repeating its values."""
    rows, columns = (
        np.arange(side) * count // side
        for side, count in zip(shape, medians.shape, strict=True)
    )
    return medians[np.ix_(rows, columns)].astype(dtype)
