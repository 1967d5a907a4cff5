"""Files that hold FITS data: compressed ones, and those that break the standard."""

from __future__ import annotations

import bz2
import gzip
import io
import math
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from astropy.io import fits

from napari_artifact_review.core.decoders import check_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Size of a block and of a card in bytes (FITS standard 4.0, sections 3.1 and 4.1).
BLOCK = 2880
_CARD = 80
#: Most axes of an HDU (section 4.4.1).
_MOST_AXES = 999

#: Decompressors by the first bytes of a file, because the name of a file may be wrong.
_DECOMPRESSORS: dict[bytes, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {
    b"\x1f\x8b\x08": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}


def open_unpacked(path: Path) -> BinaryIO:
    """Open a file; decompress a compressed file only as far as it is read.

    Parameters
    ----------
    path : Path
        The file.
    """
    with path.open("rb") as file:
        head = file.read(_CARD)
    decompress = _DECOMPRESSORS.get(head[:3])
    if decompress is not None:
        return cast(BinaryIO, decompress(path))
    return _as_standard(path.open("rb"), head)


def open_seekable(path: Path) -> BinaryIO:
    """Open a file; decompress a compressed file into memory.

    astropy reads a file in any order. Each step back in a compressed stream would
    decompress the stream again from the start.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ImageError
        If the decompressed file needs too much memory.
    """
    packed = open_unpacked(path)
    if isinstance(packed, io.BufferedReader):
        return packed
    whole = io.BytesIO()
    with packed:
        while part := packed.read(2**20):
            whole.write(part)
            check_memory(whole.tell(), "unpack it, and it is read part by part")
    whole.seek(0)
    head = whole.read(_CARD)
    whole.seek(0)
    return _as_standard(whole, head)


def is_hierarch(card: fits.Card) -> bool:
    """Return whether a card is of the convention ``HIERARCH``.

    Parameters
    ----------
    card : Card
        A card. ``HIERARCH BZERO = 7`` does not scale pixels, although astropy calls it
        ``BZERO``.
    """
    try:
        return bool(card.image.startswith("HIERARCH"))
    except (ValueError, fits.VerifyError):
        return False


def _as_standard(stream: BinaryIO, head: bytes) -> BinaryIO:
    """Return a file that astropy reads as other programs do.

    With ``SIMPLE = F``, astropy takes all that follows as bytes of an unknown kind. A
    block of blanks behind the last HDU makes it refuse the file.
    """
    value = head[9:].partition(b"/")[0].strip()
    patch = None
    if head[:9] == b"SIMPLE  =" and value == b"F":
        patch = head.index(b"F", 9)
    end = _end_before_blanks(stream)
    if patch is None and end is None:
        return stream
    if isinstance(stream, io.BytesIO):
        if end is not None:
            stream.truncate(end)
        if patch is not None:
            stream.getbuffer()[patch] = ord("T")
        return stream
    return io.BufferedReader(_View(stream, patch, end))


def _end_before_blanks(stream: BinaryIO) -> int | None:
    """Return where the last HDU ends, if blanks follow it; otherwise None."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(size - BLOCK, 0))
    is_blank = not stream.read(BLOCK).strip(b" ")
    end = _end_of_hdus(stream) if is_blank else None
    stream.seek(0)
    return end


def _end_of_hdus(stream: BinaryIO) -> int | None:
    """Return where the last HDU ends; None if a header cannot be read."""
    at = 0
    while True:
        stream.seek(at)
        start = stream.read(BLOCK)
        if not start.strip(b" \0"):
            return at
        if not start.startswith((b"SIMPLE", b"XTENSION")):
            return None
        stream.seek(at)
        try:
            length = _data_length(fits.Header.fromfile(stream))
        except (EOFError, OSError, ValueError, KeyError, TypeError, fits.VerifyError):
            # astropy raises an error for this header, too.
            return None
        if length is None:
            return None
        at = stream.tell() + math.ceil(length / BLOCK) * BLOCK


def _data_length(header: fits.Header) -> int | None:
    """Return the size of the data of an HDU in bytes; None if a count is invalid."""
    number = header["NAXIS"]
    if not _is_count(number) or number > _MOST_AXES:
        return None
    axes = [header[f"NAXIS{axis + 1}"] for axis in range(number)]
    groups, extra = header.get("GCOUNT", 1), header.get("PCOUNT", 0)
    width = header["BITPIX"]
    # Python would multiply a text, and make one of gigabytes.
    if not all(map(_is_count, (*axes, groups, extra))) or type(width) is not int:
        return None
    count = groups * (extra + (math.prod(axes) if axes else 0))
    length = count * abs(width) // 8
    return length if _is_count(length) else None


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


class _View(io.RawIOBase):
    """A file as astropy should see it.

    Parameters
    ----------
    stream : binary file
        The file.
    patch : int or None
        Position of a byte that reads as ``T``.
    end : int or None
        Size of the view in bytes; None for that of the file.
    """

    def __init__(self, stream: BinaryIO, patch: int | None, end: int | None) -> None:
        super().__init__()
        self._stream = stream
        self._patch = patch
        self._end = stream.seek(0, io.SEEK_END) if end is None else end
        stream.seek(0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        if whence == io.SEEK_END:
            return self._stream.seek(self._end + offset)
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer, and return how many were read."""
        start = self._stream.tell()
        part = self._stream.read(min(len(buffer), max(self._end - start, 0)))
        buffer[: len(part)] = part
        if self._patch is not None and start <= self._patch < start + len(part):
            buffer[self._patch - start] = ord("T")
        return len(part)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        super().close()
