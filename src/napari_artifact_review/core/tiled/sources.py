"""Sources of large images in FITS files, uncompressed or tile-compressed.

The source for Zarr arrays is `images.zarr.ZarrSource`. `lazy_pixels.LazyPixels` ensures
that only one thread at a time uses a source.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
from astropy.io import fits

from napari_artifact_review.core.decoders import Pixels, decoding, plain_pixels
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.fits_files import is_hierarch, open_seekable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Number of pixels to read from a source in one step. This takes about 5 ms, and at
#: most 16 MiB.
PIECE = 2**21


class Source(Protocol):
    """A file or folder from which a large image is read.

    Attributes
    ----------
    path : Path
        The file or folder.
    shape : tuple of int
        Rows and columns of the image.
    dtype : dtype
        Type of the pixels returned by `read`, in native byte order.
    block : tuple of int
        Rows and columns of a block that is decoded as a whole; (1, 1) without blocks.
    coarser : tuple of Source
        Coarser levels, if the file has levels with the shapes of
        `pyramid.level_shapes`; otherwise empty.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    block: tuple[int, int]
    coarser: tuple[Source, ...]

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window of the image.

        Parameters
        ----------
        rows, columns : slice
            Range of pixels inside the image, with start and stop, but without step.

        Returns
        -------
        ndarray
            The pixels, as a new array.

        Raises
        ------
        ImageError
            If the window cannot be read, or the file has changed.
        """

    def fingerprint(self) -> str:
        """Return a string that changes when the image on disk changes."""

    def close(self) -> None:
        """Close open files; the next `read` opens them again."""


class FitsSource:
    """Source of a large image in an uncompressed HDU of a FITS file.

    The file is not memory-mapped, because mapped pages count as memory of the process,
    and the process crashes if a mapped file is truncated.

    Parameters
    ----------
    path : Path
        The file.
    hdu : PrimaryHDU or ImageHDU
        The HDU, opened by astropy.
    shape : tuple of int
        Rows and columns of its first plane.
    """

    block = (1, 1)
    coarser: tuple[Source, ...] = ()

    def __init__(
        self, path: Path, hdu: fits.PrimaryHDU | fits.ImageHDU, shape: tuple[int, int]
    ) -> None:
        self.path = path
        self.shape = shape
        self._start = hdu.fileinfo()["datLoc"]
        self._header = hdu.header
        self._width = abs(hdu.header["BITPIX"]) // 8
        self._state = _state(path)
        with path.open("rb") as file:
            count = math.prod(shape)
            self._has_blank = has_blank(self._header, file, self._start, count)
        self._head: tuple[tuple[int, int], bytes] = (0, 0), b""
        self.dtype = self.read(slice(0, 1), slice(0, 1)).dtype

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window; astropy applies ``BSCALE``, ``BZERO`` and ``BLANK``."""
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        # Whole rows are contiguous in the file.
        whole = wide == self.shape[1]
        length = wide * self._width * (high if whole else 1)
        if self._head[0] != (high, wide):
            self._head = (high, wide), self._header_of(high, wide)
        content = [self._head[1]]
        with self.path.open("rb", buffering=0) as file:
            _check_state(self.path, self._state)
            for row in range(rows.start, rows.start + 1 if whole else rows.stop):
                at = row * self.shape[1] + columns.start
                file.seek(self._start + at * self._width)
                content.append(_exactly(file, length))
        # Create a small FITS file in memory, so that astropy scales the pixels.
        hdu = fits.PrimaryHDU.fromstring(b"".join(content), uint=not self._has_blank)
        pixels = plain_pixels(hdu.data)
        return pixels if pixels.flags.writeable else pixels.copy()

    def _header_of(self, high: int, wide: int) -> bytes:
        """Return the header of a FITS file for a window, with the same scaling."""
        cards = [("SIMPLE", True), ("BITPIX", self._header["BITPIX"]), ("NAXIS", 2)]
        cards += [("NAXIS1", wide), ("NAXIS2", high)]
        same = _scaling(self._header)
        if self._header["BITPIX"] < 0 or not _is_integer(same.get("BLANK")):
            # astropy would warn about it at each read.
            same.pop("BLANK", None)
        same.pop("ZBLANK", None)
        copies = [fits.Card.fromstring(card.image) for card in same.values()]
        text: str = fits.Header([*(fits.Card(*c) for c in cards), *copies]).tostring()
        return text.encode("ascii")

    def fingerprint(self) -> str:
        """Return a string that identifies the HDU and the current state of its file."""
        return repr((str(self.path.resolve()), _state(self.path), self._start))

    def close(self) -> None:
        """Do nothing, because the file is only open during `read`."""


class CompressedSource:
    """Source of a large tile-compressed image in a FITS file.

    Parameters
    ----------
    path : Path
        The file.
    index : int
        Index of the HDU.
    hdu : CompImageHDU
        The HDU, opened by astropy. Its tiles have been checked.
    first_plane : tuple of int and slice
        Index of its first plane in its data.
    """

    coarser: tuple[Source, ...] = ()

    def __init__(
        self,
        path: Path,
        index: int,
        hdu: fits.CompImageHDU,
        first_plane: tuple[int | slice, ...],
    ) -> None:
        self.path = path
        self._index = index
        self._plane = first_plane
        self._uint = not hides_blank(hdu.header)
        row, column = self._axes = [
            axis for axis, index in enumerate(first_plane) if isinstance(index, slice)
        ]
        self.shape = (hdu.shape[row], hdu.shape[column])
        self.block = (hdu.tile_shape[row], hdu.tile_shape[column])
        self._state = _state(path)
        self._hdus: fits.HDUList | None = None
        self._tile: tuple[tuple[int, int], Pixels] | None = None
        try:
            self.dtype = self._decoded(slice(0, 1), slice(0, 1)).dtype
        finally:
            self.close()

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window; astropy applies ``BSCALE``, ``BZERO`` and ``BLANK``."""
        # The tiles of a changed file have not been checked, and damaged tiles could
        # crash the program.
        _check_state(self.path, self._state)
        if math.prod(self.block) > PIECE:
            return self._from_large_tiles(rows, columns)
        return np.concatenate(
            [self._decoded(part, columns) for part in self._parts(rows, columns)]
        )

    def _from_large_tiles(self, rows: slice, columns: slice) -> Pixels:
        """Read a window, and keep the last tile, because its decompression is slow."""
        found = np.empty(
            (rows.stop - rows.start, columns.stop - columns.start), self.dtype
        )
        high, wide = self.block
        for top in range(rows.start // high * high, rows.stop, high):
            for left in range(columns.start // wide * wide, columns.stop, wide):
                below = min(top + high, self.shape[0])
                right = min(left + wide, self.shape[1])
                if self._tile is None or self._tile[0] != (top, left):
                    self._tile = None
                    pixels = self._decoded(slice(top, below), slice(left, right))
                    self._tile = (top, left), pixels
                y0, y1 = max(top, rows.start), min(below, rows.stop)
                x0, x1 = max(left, columns.start), min(right, columns.stop)
                found[
                    y0 - rows.start : y1 - rows.start,
                    x0 - columns.start : x1 - columns.start,
                ] = self._tile[1][y0 - top : y1 - top, x0 - left : x1 - left]
        return found

    def _decoded(self, rows: slice, columns: slice) -> Pixels:
        if self._hdus is None:
            with decoding():
                stream = open_seekable(self.path)
                self._hdus = fits.open(stream, memmap=False, uint=self._uint)
                # astropy reads all headers up to this HDU, and would warn about them.
                self._hdus[self._index].verify("ignore")
        pixels = self._hdus[self._index].section[self._index_of(rows, columns)]
        return plain_pixels(pixels.reshape(rows.stop - rows.start, -1))

    def _index_of(self, rows: slice, columns: slice) -> tuple[int | slice, ...]:
        """Return the index of a window of the first plane."""
        index = list(self._plane)
        index[self._axes[0]], index[self._axes[1]] = rows, columns
        return tuple(index)

    def _parts(self, rows: slice, columns: slice) -> Iterator[slice]:
        """Divide a window into bands of rows, to limit the memory for decompression."""
        high, wide = self.block
        across = math.ceil(columns.stop / wide) - columns.start // wide
        step = max(1, PIECE // (across * wide * high)) * high
        top = rows.start
        while top < rows.stop:
            end = min(rows.stop, (top // step + 1) * step)
            yield slice(top, end)
            top = end

    def fingerprint(self) -> str:
        """Return a string that identifies the HDU and the current state of its file."""
        return repr((str(self.path.resolve()), _state(self.path), self._index))

    def close(self) -> None:
        """Close the file."""
        self._tile = None
        hdus, self._hdus = self._hdus, None
        if hdus is not None:
            hdus.close()


def hides_blank(header: fits.Header) -> bool:
    """Return whether astropy would ignore ``BLANK`` in unsigned integers.

    astropy reads integers with ``BZERO = 2 ** (n - 1)`` as unsigned ones, and bytes
    with ``BZERO = -128`` as signed ones, which have no NaN. ``BLANK`` marks pixels
    without a value in them too (FITS standard 4.0, section 5.3), so such images are
    read as floats.

    Parameters
    ----------
    header : Header
        Header of an image.
    """
    same = _scaling(header)
    blank, zero = same.get("BLANK", same.get("ZBLANK")), same.get("BZERO")
    is_unsigned = zero is not None and zero.value in (-128, 2**15, 2**31, 2**63)
    return is_unsigned and header["BITPIX"] > 0 and _is_integer(blank)


def has_blank(header: fits.Header, stream: BinaryIO, start: int, count: int) -> bool:
    """Return whether pixels must be read as floats, for those that are ``BLANK``.

    Floats would round integers of 64 bits, so their pixels are looked through.

    Parameters
    ----------
    header : Header
        Header of an uncompressed image.
    stream : binary file
        The file; its position changes.
    start : int
        Position of the pixels.
    count : int
        Number of pixels.
    """
    if not hides_blank(header):
        return False
    if header["BITPIX"] != 64:
        return True
    blank = _scaling(header)["BLANK"].value
    if not -(2**63) <= blank < 2**63:
        return False
    stream.seek(start)
    for at in range(0, count, PIECE):
        raw = stream.read(min(PIECE, count - at) * 8)
        if (np.frombuffer(raw[: len(raw) // 8 * 8], ">i8") == blank).any():
            return True
    return False


def _scaling(header: fits.Header) -> dict[str, fits.Card]:
    """Return the cards that scale the pixels, by keyword.

    Of repeated cards, this is the last one, which astropy uses when it opens a file.
    """
    names = ("BSCALE", "BZERO", "BLANK", "ZBLANK")
    return {
        card.keyword: card
        for card in header.cards
        if card.keyword in names and not is_hierarch(card)
    }


def _is_integer(card: fits.Card | None) -> bool:
    return card is not None and type(card.value) is int


def _state(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in ns of a file."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _check_state(path: Path, state: tuple[int, int]) -> None:
    if _state(path) != state:
        raise ImageError(
            "the file was changed while it was shown", remedy="Open the image again"
        )


def _exactly(file: io.RawIOBase, count: int) -> bytes:
    """Read exactly `count` bytes; raise an EOFError if the file is too short."""
    found = file.read(count) or b""
    while len(found) < count:
        more = file.read(count - len(found))
        if not more:
            raise EOFError("the file is cut short")
        found += more
    return found
