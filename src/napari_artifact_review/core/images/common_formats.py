"""Read full images from TIFF, PNG, JPEG and NPY files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_artifact_review.core.decoders import check_memory, decoding, plain_pixels
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.channels import Plane, first_plane
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.pictures import read_jpeg, read_png
from napari_artifact_review.core.images.tiff import read_tiff
from napari_artifact_review.core.limits import zscale_limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def read_common_format(path: Path) -> FullImage:
    """Read a full image from a TIFF, PNG, JPEG or NPY file.

    Parameters
    ----------
    path : Path
        The file; its suffix determines the format, and its first bytes confirm it.

    Returns
    -------
    FullImage
        The image, with a message in `notes` if colours were converted to grey (luma),
        or if only the first plane of a stack was read. An EXIF orientation is ignored.

    Raises
    ------
    ImageError
        If the file has another format, cannot be decoded, or does not contain an image
        of real numbers.
    """
    with decoding(path):
        form = _FORMATS[path.suffix.lower()]
        # A decoder that tries several formats could run code from the file.
        with path.open("rb") as file:
            head = file.read(max(map(len, form.starts)))
        if not head:
            raise ImageError(
                "the file is empty", remedy="Copy it again from its source"
            )
        if not head.startswith(form.starts):
            raise ImageError(
                f"its contents are no {form.name} image, although its name says so",
                remedy=f"Give it the suffix of its format, or save it as {form.name}",
            )
        values, notes = form.read(path)
        pixels = plain_pixels(values)
        return FullImage(path, pixels, zscale_limits(pixels), notes)


def _read_npy(path: Path) -> Plane:
    # Mapping does not read pixels. It fails for a truncated file or pickled objects.
    check_memory(
        np.lib.format.open_memmap(path, "r").nbytes,
        "save it as FITS or Zarr, which are read part by part",
    )
    with path.open("rb") as file:
        # numpy.load would open archives too.
        values = np.lib.format.read_array(file, allow_pickle=False)
    return first_plane(values)


class _Format(NamedTuple):
    """A format: its name, the possible first bytes of a file, and its reader."""

    name: str
    starts: tuple[bytes, ...]
    read: Callable[[Path], Plane]


_PNG = _Format("PNG", (b"\x89PNG\r\n\x1a\n",), read_png)
_JPEG = _Format("JPEG", (b"\xff\xd8\xff",), read_jpeg)
# Each byte order, without and with 64-bit offsets (BigTIFF).
_TIFF = _Format("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), read_tiff)
_NPY = _Format("NPY", (b"\x93NUMPY",), _read_npy)
_FORMATS: dict[str, _Format] = {
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".npy": _NPY,
}
