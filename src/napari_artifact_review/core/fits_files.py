"""Files that hold FITS data: compressed ones, and those that break the standard."""

from __future__ import annotations

import bz2
import gzip
import io
import math
import re
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from astropy.io import fits

from napari_artifact_review.core.decoders import check_counts, check_memory
from napari_artifact_review.core.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Size of a block and of a card in bytes (FITS standard 4.0, sections 3.1 and 4.1).
BLOCK = 2880
_CARD = 80
#: Most bytes of a header and most HDUs of a file, far beyond those of archives: astropy
#: would take minutes for more.
_MOST_HEADER = 2_000_000
_MOST_HDUS = 10_000
_SOUND = "Check that it is sound; if it is, copy the image into a file of its own"
_END = re.compile(rb"(?:.{80})*?END {5}", re.DOTALL)
#: Cards that declare the size of the data.
_COUNT = re.compile(rb"((?:NAXIS\d{0,3}|BITPIX|[PG]COUNT|GROUPS) *)= *([^ /]+)")

# Maximum values of keywords (FITS standard 4.0, sections 4.4.1 and 7.3.1). astropy
# would loop up to any value of these keywords, and would even multiply strings.
_COUNTS = {
    re.compile(r"Z?NAXIS|TFIELDS"): 999,
    re.compile(r"Z?BITPIX"): 64,
    re.compile(r"Z?NAXIS\d+|[GP]COUNT"): 2**63,
}

#: Decompressors by the first bytes of a file, because the name of a file may be wrong.
_DECOMPRESSORS: dict[bytes, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {
    b"\x1f\x8b\x08": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}


def _open_unpacked(path: Path) -> BinaryIO:
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
    stream = path.open("rb")
    try:
        return _as_standard(stream, head)
    except BaseException:
        stream.close()
        raise


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
    packed = _open_unpacked(path)
    if isinstance(packed, io.BufferedReader):
        return packed
    whole = io.BytesIO()
    with packed:
        while part := packed.read(2**20):
            whole.write(part)
            check_memory(whole.tell(), "unpack it, and it is read part by part")
    whole.seek(0)
    return _as_standard(whole, whole.read(_CARD))


def open_bytes(data: bytes) -> BinaryIO:
    """Open the contents of a file that is not compressed, like `open_seekable`.

    Parameters
    ----------
    data : bytes
        The contents.
    """
    return _as_standard(io.BytesIO(data), data[:_CARD])


def check_header(stream: BinaryIO, start: int) -> None:
    """Check a header before astropy reads it; the position of the stream changes.

    Parameters
    ----------
    stream : binary file
        A FITS file.
    start : int
        Position of the header; there may be none.

    Raises
    ------
    ImageError
        If values of the header would make astropy loop endlessly.
    """
    stream.seek(start)
    try:
        header = fits.Header.fromfile(stream)
    except (EOFError, OSError, ValueError, fits.VerifyError):
        # This is the end of the file, or astropy raises the same error later.
        return
    check_counts(header, _COUNTS)


def checked_hdus(hdus: fits.HDUList, stream: BinaryIO) -> Iterator[Any]:
    """Yield each HDU of a file, and check its header before astropy reads it.

    The header of the first HDU must have been checked before the file was opened.

    Parameters
    ----------
    hdus : HDUList
        The file, opened by astropy.
    stream : binary file
        The same file.

    Raises
    ------
    ImageError
        If a header would make astropy loop endlessly.
    """
    for index, hdu in enumerate(hdus):
        place = hdu.fileinfo()
        if place["datSpan"] < 0:
            # astropy would search for the next HDU before this one, in an endless loop.
            raise ImageError(
                f"the header of HDU {index} declares a negative size",
                remedy="Copy it again from its source",
            )
        # Check the next header before the loop makes astropy read it.
        check_header(stream, place["datLoc"] + place["datSpan"])
        yield hdu


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

    With ``SIMPLE = F``, astropy takes all that follows as bytes of an unknown kind.
    Blanks or special records behind the last HDU make it refuse the file.
    """
    value = head[9:].partition(b"/")[0].strip()
    patch = None
    if head[:9] == b"SIMPLE  =" and value == b"F":
        patch = head.index(b"F", 9)
    end = _end_of_hdus(stream)
    stream.seek(0)
    if patch is None and end is None:
        return stream
    if isinstance(stream, io.BytesIO):
        if end is not None:
            stream.truncate(end)
        if patch is not None:
            stream.getbuffer()[patch] = ord("T")
        return stream
    return io.BufferedReader(_View(stream, patch, end))


def _end_of_hdus(stream: BinaryIO) -> int | None:
    """Return where the last HDU ends, if other bytes follow it; otherwise None.

    None is also the answer if the file is cut short, or if a header cannot be read:
    astropy raises an error for them.
    """
    size = stream.seek(0, io.SEEK_END)
    at = 0
    for _ in range(_MOST_HDUS + 1):
        if at >= size:
            return None
        stream.seek(at)
        header = _header(stream)
        if header is None:
            return at or None
        length = _data_length(header)
        if length is None:
            return None
        at = stream.tell() + math.ceil(length / BLOCK) * BLOCK
    raise ImageError(f"it has more than {_MOST_HDUS:,} HDUs", remedy=_SOUND)


def _header(stream: BinaryIO) -> bytes | None:
    """Read the header at the position of a stream; None if no HDU begins there.

    It may lack its end, if the file does.
    """
    blocks = [stream.read(BLOCK)]
    if not blocks[0].startswith((b"SIMPLE", b"XTENSION")):
        return None
    while not _END.match(blocks[-1]) and len(blocks[-1]) == BLOCK:
        if len(blocks) * BLOCK > _MOST_HEADER:
            raise ImageError(
                f"a header of it takes more than {_MOST_HEADER / 10**6:g} MB",
                remedy=_SOUND,
            )
        blocks.append(stream.read(BLOCK))
    return b"".join(blocks)


def _data_length(header: bytes) -> int | None:
    """Return the size of the data of an HDU in bytes; None if it is not declared."""
    values: dict[str, bytes] = {}
    for at in range(0, len(header), _CARD):
        if card := _COUNT.match(header, at):
            values.setdefault(card[1].decode().strip(), card[2])
    is_groups = values.pop("GROUPS", b"F") == b"T"
    try:
        counts = {name: int(value[:20]) for name, value in values.items()}
        axes = [counts[f"NAXIS{axis + 1}"] for axis in range(counts["NAXIS"])]
        bits = abs(counts.pop("BITPIX"))
    except (ValueError, KeyError):
        return None
    if min(counts.values()) < 0:
        return None
    if is_groups and axes[:1] == [0]:
        # Random groups (FITS standard 4.0, section 6.1).
        del axes[0]
    count = math.prod(axes) if axes else 0
    count = counts.get("GCOUNT", 1) * (counts.get("PCOUNT", 0) + count)
    return count * bits // 8


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
