"""Where the pixels of a large image come from: windows of it, read as they are needed.

A source is asked by one thread at a time (`LazyPixels` sees to it).
"""

from __future__ import annotations

import io
import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from astropy.io import fits

from napari_artifact_review.core.display import zscale_limits
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.full_image import (
    Pixels,
    check_memory,
    decoding,
    one_error,
    plain_pixels,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Pixels that are taken from a source at once: some 5 ms of work, at most 16 MiB.
PIECE = 2**21

# As many windows and pixels as make a grey scale steady: see `display.zscale_limits`.
_WINDOWS = 400
_WINDOW_WIDTH = 256
_SAMPLE = 102_400
# Pixels that may be decoded for that sample: some 0.3 s of decompression.
_SAMPLED = 2**25


class Source(Protocol):
    """What a large image is read from.

    Attributes
    ----------
    path : Path
        The file or folder.
    shape : tuple of int
        Rows and columns.
    dtype : dtype
        Of the pixels that are read, in native byte order.
    block : tuple of int
        Rows and columns that can only be read together; (1, 1) if any can.
    coarser : tuple of Source
        The further levels of detail, if the file has exactly those that are shown
        (`pyramid.level_shapes`); else empty.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    block: tuple[int, int]
    coarser: tuple[Source, ...]

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window.

        Parameters
        ----------
        rows, columns : slice
            Both ends given, inside the image, without a step.

        Returns
        -------
        ndarray
            What nobody else holds.

        Raises
        ------
        ImageError
            If the file cannot be read there, or is no longer what it was.
        """

    def fingerprint(self) -> str:
        """Return what is different as soon as the image on the disk is another one."""

    def close(self) -> None:
        """Close what is open; a later `read` opens it again."""


class LazyPixels:
    """The raw pixels of a large image; looking at them reads them.

    May be used from any thread, but each look waits for the disk.

    Parameters
    ----------
    source : Source
        Where they are.
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
        """The file or folder."""
        return self._source.path

    @property
    def block(self) -> tuple[int, int]:
        """Rows and columns that can only be read together."""
        return self._source.block

    def fingerprint(self) -> str:
        """Return what is different as soon as the image on the disk is another one."""
        with one_error(self.path):
            return self._source.fingerprint()

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window, both of whose ends are given and inside the image."""
        with self._lock, one_error(self.path):
            try:
                return self._source.read(rows, columns)
            finally:
                if not self._holders:
                    self._source.close()

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the file open inside the block, for many looks."""
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
        """Read a window.

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
            If it cannot be read, or takes more than `full_image.MOST_BYTES`.
        """
        rows, columns, axes = window(key, self.shape)
        check_memory(_count(rows) * _count(columns) * self.dtype.itemsize)
        if rows.step == 1:
            found = self.read(rows, _without_step(columns))[:, :: columns.step]
        else:
            # Row by row: what lies between them may be larger than the memory.
            every = range(rows.start, rows.stop, rows.step)
            found = np.empty((len(every), _count(columns)), self.dtype)
            for at, row in enumerate(every):
                line = self.read(slice(row, row + 1), _without_step(columns))
                found[at] = line[0, :: columns.step]
        return found[axes]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        """Read all of it, if the memory can hold it."""
        return np.asarray(self[:], dtype)

    def check(self) -> None:
        """Read everything once and keep nothing.

        Raises
        ------
        ImageError
            If any part of it cannot be read.
        """
        with self.held_open():
            for rows, columns in pieces(self):
                self.read(rows, columns)


def window(
    key: Any, shape: tuple[int, int]
) -> tuple[slice, slice, tuple[int | slice, ...]]:
    """Take an index of numpy apart.

    Parameters
    ----------
    key : int, slice, Ellipsis or tuple of them
        With positive steps.
    shape : tuple of int
        Rows and columns of what is indexed.

    Returns
    -------
    rows, columns : slice
        With both ends and the step; each at least one pixel long, or empty.
    axes : tuple
        What to index the window with: 0 for each axis of which one place was asked.

    Raises
    ------
    IndexError
        If it is something else, or lies outside.
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
            place = int(part) + length * (part < 0)
            if not 0 <= place < length:
                raise IndexError(f"{key!r} is outside an image of shape {shape}")
            slices.append(slice(place, place + 1, 1))
            axes.append(0)
        else:
            raise IndexError(f"{key!r} is no index of whole numbers and slices")
    return slices[0], slices[1], tuple(axes)


def _count(part: slice) -> int:
    return len(range(part.start, part.stop, part.step))


def _without_step(part: slice) -> slice:
    return slice(part.start, part.stop)


def pieces(pixels: LazyPixels) -> Iterator[tuple[slice, slice]]:
    """Go once over an image, in bands of rows, each from left to right.

    Pieces begin at even rows and columns, and where a block does if that is possible.

    Parameters
    ----------
    pixels : LazyPixels
        The image.

    Yields
    ------
    rows, columns : slice
        Some `PIECE` pixels, or what has to be read together.
    """
    length, width = pixels.shape
    block_rows, block_columns = (side + side % 2 for side in pixels.block)
    across = min(width, max(block_columns, PIECE // block_rows))
    across -= across % block_columns if across < width else 0
    # At most 1,024 rows: a band of the next level is in memory as a whole.
    down = min(1024, max(1, PIECE // across // block_rows) * block_rows)
    for top in range(0, length, down):
        for left in range(0, width, across):
            yield (
                slice(top, min(top + down, length)),
                slice(left, min(left + across, width)),
            )


def sample(pixels: LazyPixels) -> tuple[tuple[float, float], Pixels]:
    """Look at a few hundred small windows, spread over an image.

    Parameters
    ----------
    pixels : LazyPixels
        The image.

    Returns
    -------
    limits : tuple of float
        Of the grey scale: `display.zscale_limits` of the pixels in the windows.
    medians : ndarray
        Shape (windows down, windows across), float64: a first look at the image.
        The lower limit where a window has no finite pixel.

    Raises
    ------
    ImageError
        If a window cannot be read.
    """
    length, width = pixels.shape
    block = math.prod(map(min, pixels.block, pixels.shape))
    count = math.isqrt(min(_WINDOWS, max(9, _SAMPLED // block)))
    high = min(length, max(1, _SAMPLE // (count**2 * _WINDOW_WIDTH)))
    wide = min(width, _WINDOW_WIDTH)
    tops = [(2 * n + 1) * (length - high) // (2 * count) for n in range(count)]
    lefts = [(2 * n + 1) * (width - wide) // (2 * count) for n in range(count)]
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
    for at, seen in enumerate(windows):
        finite = seen[np.isfinite(seen)]
        if finite.size:
            medians[at] = np.median(finite)
    return limits, medians.reshape(count, count)


class FitsSource:
    """An image HDU of a FITS file that is not compressed.

    Reads, and maps nothing: pages of a mapped file count as memory of the process,
    and a mapped file that is cut short ends it.

    Parameters
    ----------
    path : Path
        The file.
    hdu : PrimaryHDU or ImageHDU
        The HDU, as astropy opened it.
    """

    block = (1, 1)
    coarser: tuple[Source, ...] = ()

    def __init__(self, path: Path, hdu: fits.PrimaryHDU | fits.ImageHDU) -> None:
        self.path = path
        self.shape = (hdu.shape[-2], hdu.shape[-1])
        self._start = hdu.fileinfo()["datLoc"]
        self._header = hdu.header
        self._width = abs(hdu.header["BITPIX"]) // 8
        self._state = _state(path)
        self.dtype = self.read(slice(0, 1), slice(0, 1)).dtype

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window, scaled as astropy does it."""
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        # Whole rows lie one after the other.
        whole = wide == self.shape[1]
        length = wide * self._width * (high if whole else 1)
        content = [self._head(high, wide)]
        with self.path.open("rb", buffering=0) as file:
            _check_state(self.path, self._state)
            for row in range(rows.start, rows.start + 1 if whole else rows.stop):
                at = row * self.shape[1] + columns.start
                file.seek(self._start + at * self._width)
                content.append(_exactly(file, length))
        # astropy itself scales what looks to it like a small file.
        hdu = fits.PrimaryHDU.fromstring(b"".join(content))
        pixels = plain_pixels(hdu.data)
        return pixels if pixels.flags.writeable else pixels.copy()

    def _head(self, high: int, wide: int) -> bytes:
        """Return the header of a file with just one window, scaled as this one."""
        cards = [("SIMPLE", True), ("BITPIX", self._header["BITPIX"]), ("NAXIS", 2)]
        cards += [("NAXIS1", wide), ("NAXIS2", high)]
        # BLANK means nothing among floats, and astropy would say so each time.
        scaling = ("BSCALE", "BZERO", "BLANK")[: 3 if self._header["BITPIX"] > 0 else 2]
        cards += [(k, self._header[k]) for k in scaling if k in self._header]
        text: str = fits.Header(cards).tostring()
        return text.encode("ascii")

    def fingerprint(self) -> str:
        """Return path, size and time of the file, and where the pixels are in it."""
        return repr((str(self.path.resolve()), _state(self.path), self._start))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""


class CompressedSource:
    """A tile-compressed image of a FITS file.

    Parameters
    ----------
    path : Path
        The file.
    index : int
        Of the HDU.
    hdu : CompImageHDU
        The HDU, as astropy opened it; its tiles have been checked.
    """

    coarser: tuple[Source, ...] = ()

    def __init__(self, path: Path, index: int, hdu: fits.CompImageHDU) -> None:
        self.path = path
        self._index = index
        self._plane = (0,) * (len(hdu.shape) - 2)
        self.shape = (hdu.shape[-2], hdu.shape[-1])
        self.block = (hdu.tile_shape[-2], hdu.tile_shape[-1])
        self._state = _state(path)
        self._hdus: fits.HDUList | None = None
        try:
            self.dtype = self.read(slice(0, 1), slice(0, 1)).dtype
        finally:
            self.close()

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window, scaled as astropy does it."""
        # Damage in tiles that nobody checked would end the program.
        _check_state(self.path, self._state)
        if self._hdus is None:
            with decoding():
                self._hdus = fits.open(self.path, memmap=False)
                # astropy reads the headers up to this one, and has remarks on them.
                self._hdus[self._index].verify("ignore")
        section = self._hdus[self._index].section
        return np.concatenate(
            [
                plain_pixels(section[(*self._plane, part, columns)])
                for part in self._parts(rows, columns)
            ]
        )

    def _parts(self, rows: slice, columns: slice) -> Iterator[slice]:
        """Cut a window into parts for which not too much has to be decompressed."""
        high, wide = self.block
        across = math.ceil(columns.stop / wide) - columns.start // wide
        step = max(1, PIECE // (across * wide * high)) * high
        top = rows.start
        while top < rows.stop:
            end = min(rows.stop, (top // step + 1) * step)
            yield slice(top, end)
            top = end

    def fingerprint(self) -> str:
        """Return path, size and time of the file, and which HDU it is."""
        return repr((str(self.path.resolve()), _state(self.path), self._index))

    def close(self) -> None:
        """Close the file."""
        hdus, self._hdus = self._hdus, None
        if hdus is not None:
            hdus.close()


def _state(path: Path) -> tuple[int, int]:
    """Return size and time of a file."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _check_state(path: Path, state: tuple[int, int]) -> None:
    if _state(path) != state:
        raise ImageError(
            "the file was changed while it was shown", remedy="Open the image again"
        )


def _exactly(file: io.RawIOBase, count: int) -> bytes:
    """Read as many bytes as are asked for."""
    found = file.read(count) or b""
    while len(found) < count:
        more = file.read(count - len(found))
        if not more:
            raise EOFError("the file is cut short")
        found += more
    return found
