"""Read full images from PNG and JPEG files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from napari_artifact_review.core.decoders import check_memory
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.channels import Plane, grey

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageFile import ImageFile

# Position of the name of the first PNG chunk, and of its bit depth and colour type (PNG
# specification, section 11.2.1).
_CHUNK, _DEPTH, _COLOUR = slice(12, 16), 24, 25
# Colour types with several channels: RGB, grey and RGB with transparency.
_SEVERAL_CHANNELS = (2, 4, 6)


def read_png(path: Path) -> Plane:
    """Read a PNG file.

    Parameters
    ----------
    path : Path
        The file, whose first bytes are those of a PNG file. Grey of 2 or 4 bits is
        scaled to 8 bits.

    Returns
    -------
    pixels : ndarray
        The pixels of the image, or its luma.
    notes : tuple of str
        Messages for the user.

    Raises
    ------
    ImageError
        If the image needs too much memory, or has several channels of 16 bits.
    """
    with path.open("rb") as file:
        head = file.read(_COLOUR + 1)
    is_whole = len(head) > _COLOUR and head[_CHUNK] == b"IHDR"
    if is_whole and head[_DEPTH] == 16 and head[_COLOUR] in _SEVERAL_CHANNELS:
        # The decoder would cut them to 8 bits.
        raise ImageError(
            "it has several channels of 16 bits, of which only 8 can be read",
            remedy="Save it as TIFF, FITS or 16-bit grey PNG",
        )
    # Other than `Image.open`, the reader of a format tries no other format, and does
    # not refuse images that are larger than a limit of the whole process.
    with PngImageFile(path) as picture:
        return _pixels_of(picture)


def read_jpeg(path: Path) -> Plane:
    """Read a JPEG file.

    Parameters
    ----------
    path : Path
        The file, whose first bytes are those of a JPEG file. Its EXIF orientation is
        ignored.

    Returns
    -------
    pixels : ndarray
        The pixels of the image, or its luma.
    notes : tuple of str
        Messages for the user.

    Raises
    ------
    ImageError
        If the image needs too much memory, or has the four inks of a printer.
    """
    with JpegImageFile(path) as picture:
        if picture.mode == "CMYK":
            raise ImageError(
                "its channels are inks (CMYK), not brightness",
                remedy="Save it as a grey or RGB image",
            )
        return _pixels_of(picture)


def _pixels_of(picture: ImageFile) -> Plane:
    """Decode a picture that fits into memory."""
    mode = {"P": "RGB", "PA": "RGBA", "I": "I;16"}.get(picture.mode, picture.mode)
    size = 2 if mode == "I;16" else len(mode)
    check_memory(
        math.prod(picture.size) * size,
        "save it as FITS or Zarr, which are read part by part",
    )
    values = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    return grey(values) if values.ndim == 3 else (values, ())
