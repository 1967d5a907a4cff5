"""Read full images from TIFF files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from napari_artifact_review.core.decoders import Pixels, check_memory
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.expansion import Codec, check_expansion, may_expand
from napari_artifact_review.core.images.channels import (
    Plane,
    first_channel,
    first_plane,
    grey,
)
from napari_artifact_review.core.images.full_image import plane_notes

if TYPE_CHECKING:
    from pathlib import Path

_COPY = "Copy it again from its source"

# How strips and tiles are compressed, by the value of the tag Compression.
_CODECS: dict[int, Codec] = {
    8: "zlib",
    32946: "zlib",
    32773: "packbits",
    34925: "lzma",
    34926: "zstd",
    50000: "zstd",
}
_UNCOMPRESSED = 1

# Values of the tag PhotometricInterpretation.
_COLOUR, _PALETTE = (2, 6), 3
# Channels that are no brightness.
_NO_BRIGHTNESS = {
    5: "inks (CMYK)",
    8: "CIELAB colours",
    9: "CIELAB colours",
    10: "CIELAB colours",
    32844: "logarithms (LogL)",
    32845: "logarithms (LogLuv)",
}


def read_tiff(path: Path) -> Plane:
    """Read the first page of a TIFF file.

    Parameters
    ----------
    path : Path
        The file, whose first bytes are those of a TIFF file.

    Returns
    -------
    pixels : ndarray
        The pixels of the first plane, or its luma.
    notes : tuple of str
        Messages for the user.

    Raises
    ------
    ImageError
        If pixels are missing, need too much memory, are compressed in a way that is not
        supported, or have channels that are no brightness.
    """
    # With several files, other files that the metadata name would be opened.
    with tifffile.TiffFile(path, _multifile=False) as tif:
        # Count the pages to detect circular references, which `series` does not detect.
        count = len(tif.pages)
        page = tif.pages.first
        _check_page(page, tif.filehandle.size)
        _check_segments(page, path)
        values = page.asarray()
        # The series of these two kinds are in other files, too.
        is_split = tif.is_mmstack or tif.is_ndtiff
        planes = count if is_split else tif.series[0].size // page.size
    # A page has a single plane or colour image. Other planes are on other pages.
    notes = plane_notes((planes, 1, 1))
    if "S" in page.axes:
        channels = np.moveaxis(values, page.axes.index("S"), -1)
        to_plane = grey if int(page.photometric) in _COLOUR else first_channel
        plane, more = to_plane(channels)
    elif int(page.photometric) == _PALETTE:
        plane, more = _look_up(page, values)
    else:
        plane, more = first_plane(values)
    return plane, notes + more


def _look_up(page: tifffile.TiffPage, values: Pixels) -> Plane:
    """Return the luma of the colours of a palette."""
    plane, notes = first_plane(values)
    colours = page.colormap
    if colours is None or plane.max(initial=0) >= colours.shape[-1]:
        raise ImageError("its palette lacks colours of its pixels", remedy=_COPY)
    if not (colours % 257).any():
        # The colours were extended from 8 bits.
        colours = (colours // 257).astype(np.uint8)
    levels, more = grey(colours.T[np.newaxis])
    return levels[0][plane], notes + more


def _check_page(page: tifffile.TiffPage, size: int) -> None:
    """Check that the file contains all pixels, and that they fit into memory."""
    # The page and one decompressed strip or tile are in memory at the same time.
    check_memory(
        page.nbytes + _segment_size(page),
        "save it as FITS or Zarr, which are read part by part",
    )
    channels = _NO_BRIGHTNESS.get(int(page.photometric))
    if channels is not None:
        raise ImageError(
            f"its channels are {channels}, not brightness",
            remedy="Save it as a grey or RGB image",
        )
    declared, listed = math.prod(page.chunked), len(page.dataoffsets)
    if declared > listed:
        # tifffile would fill missing strips or tiles one by one.
        raise ImageError(
            f"its header declares {declared:,} strips or tiles, and lists {listed:,}",
            remedy=_COPY,
        )
    pieces = tuple(zip(page.dataoffsets, page.databytecounts, strict=False))
    if not all(map(all, pieces)):
        # tifffile would fill it with zeros.
        missing = [all(piece) for piece in pieces].index(False) + 1
        kind = "tile" if page.is_tiled else "strip"
        raise ImageError(
            f"it lacks {kind} {missing:,} of {len(pieces):,}", remedy=_COPY
        )
    end = max(map(sum, pieces))
    if end > size:
        raise ImageError(
            f"the file is cut short: its pixels end at byte {end:,}, it holds {size:,}",
            remedy=_COPY,
        )


def _segment_size(page: tifffile.TiffPage) -> int:
    """Return the size of a decompressed strip or tile in bytes."""
    # int() raises an error if a side is a tuple, which is possible in a damaged file.
    pixels = math.prod(map(int, page.chunks))
    return int(pixels * page.nbytes // max(1, page.size))


def _check_segments(page: tifffile.TiffPage, path: Path) -> None:
    """Check that each strip or tile can be decoded, and expands as declared."""
    compression = int(page.compression)
    if compression == _UNCOMPRESSED:
        return
    codec = _CODECS.get(compression)
    if codec is None or compression not in tifffile.TIFF.DECOMPRESSORS:
        raise ImageError(
            f"its pixels are compressed with {_name_of(compression)}, which is not "
            "supported",
            remedy="Save it uncompressed, or as FITS",
        )
    # Some programs write a last strip that is longer than its part of the image.
    most = 2 * _segment_size(page) + 2**16
    pieces = zip(page.dataoffsets, page.databytecounts, strict=False)
    with path.open("rb") as file:
        for offset, size in pieces:
            if may_expand(size, codec, most):
                file.seek(offset)
                check_expansion(file.read(size), codec, most)


def _name_of(compression: int) -> str:
    try:
        return tifffile.COMPRESSION(compression).name
    except ValueError:
        return f"method {compression}"
