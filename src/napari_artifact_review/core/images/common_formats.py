"""Read full images from TIFF, PNG, JPEG and NPY files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import imageio.v3 as iio
import numpy as np
import tifffile

from napari_artifact_review.core.decoders import (
    Pixels,
    check_memory,
    decoding,
    plain_pixels,
)
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.expansion import Codec, check_expansion, may_expand
from napari_artifact_review.core.images.full_image import FullImage, plane_notes
from napari_artifact_review.core.limits import zscale_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COPY = "Copy it again from its source"
_PARTS = "save it as FITS or Zarr, which are read part by part"

# Pixels of one plane, and messages for the user.
_Read: TypeAlias = tuple[Pixels, tuple[str, ...]]

# How strips and tiles are compressed, by the value of the tag Compression.
_CODECS: dict[int, Codec] = {8: "zlib", 32946: "zlib", 34925: "lzma", 50000: "zstd"}

# Weights of red, green and blue: ITU-R BT.601-7, section 2.5.1.
_LUMA = (0.299, 0.587, 0.114)


def read_common_format(path: Path) -> FullImage:
    """Read a full image from a TIFF, PNG, JPEG or NPY file.

    Parameters
    ----------
    path : Path
        The file; its suffix determines the format.

    Returns
    -------
    FullImage
        The image, with a message in `notes` if colours were converted to grey (luma),
        or if only the first plane of a stack was read. An EXIF orientation is ignored.

    Raises
    ------
    ImageError
        If the file cannot be decoded, or does not contain an image of real numbers.
    """
    with decoding(path):
        values, notes = _READERS[path.suffix.lower()](path)
        pixels = plain_pixels(values)
        return FullImage(path, pixels, zscale_limits(pixels), notes)


def _read_tiff(path: Path) -> _Read:
    with tifffile.TiffFile(path) as tif:
        # Count the pages to detect circular references, which `series` does not detect.
        len(tif.pages)
        page = tif.pages.first
        series = tif.series[0]
        _check_page(page, tif.filehandle.size)
        _check_segments(page, path)
        values = page.asarray()
        axes = page.axes
        # A page has a single plane or colour image. Other planes are on other pages.
        notes = plane_notes((series.size // page.size, 1, 1))
    if "S" not in axes:
        plane, more = _first_plane(values)
        return plane, notes + more
    plane, colour = _grey(np.moveaxis(values, axes.index("S"), -1))
    return plane, notes + colour


def _check_page(page: tifffile.TiffPage, size: int) -> None:
    """Check that the file contains all pixels, and that they fit into memory."""
    # The page and one decompressed strip or tile are in memory at the same time. int()
    # raises an error if a side is a tuple, which is possible in a damaged file.
    beside = math.prod(map(int, page.chunks)) * page.nbytes // max(1, page.size)
    check_memory(page.nbytes + beside, _PARTS)
    declared, listed = math.prod(page.chunked), len(page.dataoffsets)
    if declared > listed:
        # tifffile would fill missing strips or tiles one by one.
        raise ImageError(
            f"its header declares {declared:,} strips or tiles, and lists {listed:,}",
            remedy=_COPY,
        )
    end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=False)))
    if end > size:
        raise ImageError(
            f"the file is cut short: its pixels end at byte {end:,}, it holds {size:,}",
            remedy=_COPY,
        )


def _check_segments(page: tifffile.TiffPage, path: Path) -> None:
    """Check that no strip or tile expands beyond the memory."""
    codec = _CODECS.get(int(page.compression))
    if codec is None:
        return
    pieces = zip(page.dataoffsets, page.databytecounts, strict=False)
    with path.open("rb") as file:
        for offset, size in pieces:
            if may_expand(size, codec):
                file.seek(offset)
                check_expansion(file.read(size), codec)


def _read_picture(path: Path) -> _Read:
    with iio.imopen(path, "r", plugin="pillow") as file:
        declared = file.properties(index=0)
        check_memory(math.prod(declared.shape) * declared.dtype.itemsize, _PARTS)
        values = file.read(index=0)
    return _grey(values) if values.ndim == 3 else (values, ())


def _read_npy(path: Path) -> _Read:
    # Mapping does not read pixels. It fails for a truncated file or pickled objects.
    check_memory(np.lib.format.open_memmap(path, "r").nbytes, _PARTS)
    with path.open("rb") as file:
        # numpy.load would open archives too.
        values = np.lib.format.read_array(file, allow_pickle=False)
    return _first_plane(values)


_READERS: dict[str, Callable[[Path], _Read]] = {
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".png": _read_picture,
    ".jpg": _read_picture,
    ".jpeg": _read_picture,
    ".npy": _read_npy,
}


def _first_plane(values: Pixels) -> _Read:
    """Return the first plane of a stack (..., rows, columns), and messages."""
    if values.ndim < 3 or not values.size:
        return values, ()
    return values[(0,) * (values.ndim - 2)], plane_notes(values.shape)


def _grey(values: Pixels) -> _Read:
    """Convert a colour image (rows, columns, channels) to grey, and add a message."""
    channels = values.shape[-1]
    if channels not in (3, 4):
        # The image is grey with transparency, or has other channels than RGB.
        return values[..., 0], (f"first channel of {channels}",)
    # Use float32 for integers of up to 16 bits, and float64 for larger ones.
    wide = np.result_type(values.dtype, np.float32)
    # In place, because each copy of a large image takes a gigabyte.
    luma = values[..., 0] * wide.type(_LUMA[0])
    for channel, weight in enumerate(_LUMA[1:], 1):
        luma += values[..., channel] * wide.type(weight)
    if values.dtype.kind in "ui":
        np.rint(luma, out=luma)
    note = "colour image shown as grey (ITU-R BT.601 luma)"
    return luma.astype(values.dtype), (note,)
