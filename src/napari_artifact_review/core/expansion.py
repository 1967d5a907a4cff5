"""Checks of compressed pixels before a decoder expands them without a limit.

A decoder of a third party expands a piece of a file as far as the piece goes, whatever
the header declares. A few megabytes can fill the memory so.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from napari_artifact_review.core.decoders import MOST_BYTES, check_memory
from napari_artifact_review.core.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Codec = Literal["zlib", "bz2", "lzma", "blosc", "lz4", "zstd", "packbits"]

_STEP = 2**20

#: Largest expansion of a codec. For zlib, see its documentation ("Maximum Expansion
#: Factor"); the others were measured on 4e8 zeros (bz2: 1.3 million, because it counts
#: equal bytes twice; lzma: 7,044), and rounded up. Two bytes of PackBits are a run of
#: up to 128 (TIFF 6.0, section 9).
_MOST_EXPANSION = {"zlib": 1032, "bz2": 2_000_000, "lzma": 10_000, "packbits": 64}

#: Functions that create a decompressor; zlib's accepts the headers of zlib and gzip.
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "zlib": lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 32),
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}

#: Magic number of a zstd frame, and most bytes of a block (RFC 8878, sections 3.1.1 and
#: 3.1.1.2.4).
_ZSTD_MAGIC, _ZSTD_BLOCK = b"\x28\xb5\x2f\xfd", 2**17
#: Format and offset of the size of the content, by the two highest bits of the
#: descriptor of a frame (section 3.1.1.1.4).
_ZSTD_SIZES = {0: ("<B", 0), 1: ("<H", 256), 2: ("<I", 0), 3: ("<Q", 0)}


def may_expand(size: int, codec: Codec, most: int | None = None) -> bool:
    """Return whether a piece of a file could take more than a number of bytes.

    Parameters
    ----------
    size : int
        Size of the piece in bytes.
    codec : str
        How it is compressed.
    most : int, optional
        The number of bytes; by default `MOST_BYTES`.
    """
    limit = MOST_BYTES if most is None else most
    return size * _MOST_EXPANSION.get(codec, MOST_BYTES) > limit


def tells_size(head: bytes, codec: Codec) -> bool:
    """Return whether the first bytes of a piece tell its size when it is expanded.

    Parameters
    ----------
    head : bytes
        The first 64 bytes, or all.
    codec : str
        How the piece is compressed.
    """
    if codec != "zstd":
        return codec in ("blosc", "lz4")
    is_frame = head[:4] == _ZSTD_MAGIC and len(head) > 4
    return is_frame and bool(head[4] & 0x20 or head[4] >> 6)


def check_expansion(data: bytes, codec: Codec, most: int | None = None) -> None:
    """Raise an error if a piece of a file takes too much memory when it is expanded.

    Damaged data are no error here, because their decoder reports them.

    Parameters
    ----------
    data : bytes
        The piece.
    codec : str
        How it is compressed.
    most : int, optional
        Largest size in bytes of the expanded piece, by what the file declares.

    Raises
    ------
    ImageError
        If it takes more than `most` or `MOST_BYTES`.
    """
    if codec in _DECOMPRESSORS or codec == "packbits":
        if not may_expand(len(data), codec, most):
            return
        parts = _sizes_of_runs(data) if codec == "packbits" else _expand(data, codec)
    else:
        parts = iter((_declared_size(data, codec),))
    total = 0
    for part in parts:
        total += part
        check_memory(total)
        if most is not None and total > most:
            raise ImageError(
                "a compressed part of it expands beyond the size that its header "
                "declares",
                remedy="Copy it again from its source",
            )


def expands_beyond(stream: BinaryIO, start: int, size: int, most: int) -> bool:
    """Return whether gzip data of a file expand beyond a limit, or `MOST_BYTES`.

    The data are read only if they could, and expanded only up to the limit. Damaged
    data are no error here, because their decoder reports them.

    Parameters
    ----------
    stream : binary file
        The file; its position changes.
    start, size : int
        Position and size of the data in bytes.
    most : int
        Limit in bytes.
    """
    most = min(most, MOST_BYTES)
    if not may_expand(size, "zlib", most):
        return False
    stream.seek(start)
    return any(total > most for total in accumulate(_expand(stream.read(size), "zlib")))


def _sizes_of_runs(data: bytes) -> Iterator[int]:
    """Yield the size of each run of PackBits (TIFF 6.0, section 9)."""
    at = 0
    while at < len(data):
        head = data[at]
        if head < 128:
            at += head + 2
            yield head + 1
        else:
            at += 1 if head == 128 else 2
            yield 0 if head == 128 else 257 - head


def _expand(data: bytes, codec: Codec) -> Iterator[int]:
    """Expand data step by step, and yield the size of each step."""
    given = 0
    # Each stream of several in a row is expanded.
    while given < len(data):
        expander = _DECOMPRESSORS[codec]()
        rest = b""
        try:
            while not expander.eof:
                if not rest and getattr(expander, "needs_input", True):
                    # zlib copies what it has not used yet in each step.
                    rest = data[given : given + _STEP]
                    given += len(rest)
                    if not rest:
                        return
                yield len(expander.decompress(rest, _STEP))
                rest = getattr(expander, "unconsumed_tail", b"")
        except (zlib.error, OSError, lzma.LZMAError, EOFError):
            return
        given -= len(expander.unused_data)


def _declared_size(data: bytes, codec: Codec) -> int:
    """Return the size that headers declare; 0 for damaged data."""
    try:
        if codec == "blosc":
            [size] = struct.unpack_from("<I", data, 4)
        elif codec == "lz4":
            [size] = struct.unpack_from("<I", data)
        else:
            size = _zstd_size(data)
    except struct.error:
        return 0
    return int(size)


def _zstd_size(data: bytes) -> int:
    """Return the most bytes that zstd frames in a row can take.

    A frame without the size of its content is counted by its blocks (RFC 8878, section
    3.1.1.2), each of which takes at most `_ZSTD_BLOCK`.
    """
    total = at = 0
    while data[at : at + 4] == _ZSTD_MAGIC and len(data) > at + 4:
        descriptor = data[at + 4]
        is_single = bool(descriptor & 0x20)
        at += 5 + (0 if is_single else 1) + (0, 1, 2, 4)[descriptor & 3]
        form, more = _ZSTD_SIZES[descriptor >> 6]
        is_told = is_single or form != "<B"
        if is_told:
            total += struct.unpack_from(form, data, at)[0] + more
            at += struct.calcsize(form)
        is_last = False
        while not is_last and len(data) >= at + 3:
            block = int.from_bytes(data[at : at + 3], "little")
            is_last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            # A block of equal bytes has one byte.
            at += 3 + (1 if kind == 1 else size)
            total += 0 if is_told else (_ZSTD_BLOCK if kind == 2 else size)
        at += 4 if descriptor & 4 else 0
    return total
