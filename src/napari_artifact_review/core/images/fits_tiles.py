"""Checks of the tiles of compressed FITS images, whose decoders are written in C."""

from __future__ import annotations

import itertools
import math
import struct
from typing import BinaryIO

from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.expansion import expands_beyond

_COPY = "Copy it again from its source"
_LESS = "a tile does not hold what it declares"
_MORE = "a tile holds more pixels than it declares"
#: Bytes that a tile may expand to beyond its pixels. With it, few tiles are expanded
#: twice: a tile of less than 64 KiB never is.
_SLACK = 2**26
#: Largest seed of the dither (FITS standard 4.0, section 10.2.1).
_MOST_SEED = 10_000


def planes_of_tiles(hdu: fits.CompImageHDU, axes: tuple[int, int]) -> int:
    """Check the number of tiles, and return the number of planes in each tile.

    Parameters
    ----------
    hdu : CompImageHDU
        The HDU, opened by astropy.
    axes : tuple of int
        Indices of the axes that are rows and columns.

    Raises
    ------
    ImageError
        If the file has fewer tiles than its header declares.
    """
    declared = math.prod(
        math.ceil(length / tile)
        for length, tile in zip(hdu.shape, hdu.tile_shape, strict=True)
    )
    held = len(hdu.compressed_data)
    if declared > held:
        raise ImageError(
            f"its header declares {declared:,} tiles, the file holds {held:,}",
            remedy=_COPY,
        )
    lengths = map(min, hdu.shape, hdu.tile_shape)
    return math.prod(n for axis, n in enumerate(lengths) if axis not in axes)


def check_tiles(hdu: fits.CompImageHDU, stream: BinaryIO) -> None:
    """Raise an error if a tile would crash its decoder, or fill the memory.

    Parameters
    ----------
    hdu : CompImageHDU
        The HDU, opened by astropy.
    stream : binary file
        The file; its position changes.

    Raises
    ------
    ImageError
        If a tile does not hold what it declares, or expands too far.
    """
    place = hdu.fileinfo()
    stream.seek(place["hdrLoc"])
    header = fits.Header.fromfile(stream)
    for name in header["ZNAME*"]:
        value = header.get(f"ZVAL{name[5:]}")
        if str(header[name]).upper() == "BYTEPIX" and value not in (1, 2, 4, 8):
            raise ImageError(
                f"its BYTEPIX is {value!r}, not 1, 2, 4 or 8", remedy=_COPY
            )
    _check_dither(hdu, header)
    heap = place["datLoc"] + header.get("THEAP", header["NAXIS1"] * header["NAXIS2"])
    axes = zip(hdu.shape, hdu.tile_shape, strict=True)
    sides = [[min(t, n - at) for at in range(0, n, t)] for n, t in axes]
    _check_gzip_tiles(hdu, header, stream, heap, sides)
    overruns = {"HCOMPRESS_1": _hcompress_overruns, "PLIO_1": _plio_overruns}
    overrun = overruns.get(hdu.compression_type)
    if overrun is None:
        return
    tiles = hdu.compressed_data["COMPRESSED_DATA"].tolist()
    for shape, (length, offset) in zip(itertools.product(*sides), tiles, strict=False):
        stream.seek(heap + offset)
        if length and overrun(stream.read(10), length, math.prod(shape)):
            raise ImageError(_LESS, remedy=_COPY)


def _check_dither(hdu: fits.CompImageHDU, header: fits.Header) -> None:
    """Raise an error for a seed that leads out of the decoder's random numbers."""
    method = header.get("ZQUANTIZ", "NO_DITHER")
    if method == "NO_DITHER" or "ZSCALE" not in hdu.compressed_data.dtype.names:
        return
    seed = header.get("ZDITHER0")
    if type(seed) is not int or not 1 <= seed <= _MOST_SEED:
        raise ImageError(
            f"its ZDITHER0 is {seed!r}, not a whole number from 1 to {_MOST_SEED:,}",
            remedy=_COPY,
        )


def _check_gzip_tiles(
    hdu: fits.CompImageHDU,
    header: fits.Header,
    stream: BinaryIO,
    heap: int,
    sides: list[list[int]],
) -> None:
    """Raise an error if a tile of gzip expands far beyond what it declares.

    Tiles of each codec may have pixels in ``GZIP_COMPRESSED_DATA`` instead.
    """
    names = ["GZIP_COMPRESSED_DATA"]
    if hdu.compression_type.startswith("GZIP"):
        names.append("COMPRESSED_DATA")
    for name in names:
        if name not in hdu.compressed_data.dtype.names:
            continue
        width = _element_size(header, name)
        tiles = hdu.compressed_data[name].tolist()
        for shape, (length, offset) in zip(
            itertools.product(*sides), tiles, strict=False
        ):
            # A pixel takes at most 8 bytes.
            most = math.prod(shape) * 8 + _SLACK
            if expands_beyond(stream, heap + offset, length * width, most):
                raise ImageError(_MORE, remedy=_COPY)


def _element_size(header: fits.Header, name: str) -> int:
    """Return the bytes of an element in a column of variable length."""
    [at] = [key[5:] for key in header["TTYPE*"] if header[key] == name][:1] or [""]
    form = str(header.get(f"TFORM{at}", "")).lstrip("0123456789")
    return {"I": 2, "J": 4}.get(form[1:2], 1)


def _hcompress_overruns(head: bytes, length: int, pixels: int) -> bool:  # noqa: ARG001
    """Return whether the data of a tile have an invalid size or too many pixels."""
    rows, columns = struct.unpack(">2x2i", head)
    return bool(not 0 < rows * columns <= pixels)


def _plio_overruns(head: bytes, length: int, pixels: int) -> bool:  # noqa: ARG001
    """Return whether the line list of a tile ends after the tile's stored bytes."""
    begin, short, low, high = struct.unpack(">2x4h", head)
    end = short if short > 0 else (high << 15) + low
    return bool(begin < 0 or end > length)
