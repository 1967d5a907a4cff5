"""Full images in FITS files: which HDU, which plane, and is all of it there."""

from __future__ import annotations

import bz2
import gzip
import io
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, TypeVar

from astropy.io import fits

from napari_artifact_review.core.display import zscale_limits
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.full_image import (
    FullImage,
    ImageHdu,
    decoding,
    plain_pixels,
    plane_notes,
)
from napari_artifact_review.core.sky import SkyCoordinates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
_Hdu: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU

_COPY = "Copy it again from its source"
# The first bytes of a file tell its compression; names do not always.
_DECOMPRESSORS: dict[bytes, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {
    b"\x1f\x8b\x08": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}
# FITS standard 4.0, section 3.1: everything is stored in blocks of this many bytes.
_BLOCK = 2880


def read_fits(path: Path, hdu: int | str | None = None) -> FullImage:
    """Read a full image from a FITS file.

    Without `hdu` the first HDU with two axes is taken; if there is none, the
    first plane of the first one with more. Tile-compressed images count as
    images.

    Parameters
    ----------
    path : Path
        The file, which may be compressed with gzip or bzip2 as a whole.
    hdu : int or str, optional
        Index or name of the HDU to read.

    Returns
    -------
    FullImage
        Scaled as the header says (``BSCALE``, ``BZERO``, ``BLANK``), as astropy
        does it.

    Raises
    ------
    ImageError
        If the file is not FITS, is cut short, or has no image (in that HDU).
    """
    with decoding(path), _opened(path) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        if not size:
            raise ImageError("the file is empty", remedy=_COPY)
        if stream.read(6) != b"SIMPLE":
            raise ImageError("this is no FITS file, whatever its name", remedy=_COPY)
        stream.seek(0)
        with fits.open(stream, memmap=False) as hdus:
            images = _images(hdus)
            chosen = _choose(images, hdu)
            with decoding(path, str(chosen)):
                return _read_hdu(path, hdus, chosen, images, size)


def _opened(path: Path) -> BinaryIO:
    """Open a file, in memory if it is compressed.

    astropy seeks to and fro, and every step back in a compressed stream would
    decompress it again from its start.
    """
    with path.open("rb") as file:
        decompress = _DECOMPRESSORS.get(file.read(3))
    if decompress is None:
        return path.open("rb")
    with decompress(path) as packed:
        return io.BytesIO(packed.read())


def _images(hdus: fits.HDUList) -> tuple[ImageHdu, ...]:
    """List the HDUs that can be shown."""
    images = []
    for index, hdu in enumerate(hdus):
        if hdu.fileinfo()["datSpan"] < 0:
            # astropy would look for the next HDU before this one, again and again.
            raise ImageError(f"the header of HDU {index} declares a negative size")
        # Random groups are told by an axis of length 0, and fall out with it.
        if isinstance(hdu, _Hdu) and len(hdu.shape) > 1 and min(hdu.shape) > 0:
            images.append(ImageHdu(index, hdu.name.strip(), tuple(hdu.shape)))
    if not images:
        raise ImageError(
            f"none of its HDUs ({len(hdus)}) holds an image with pixels",
            remedy="Check that it is the full image, not a catalogue",
        )
    return tuple(images)


def _choose(images: tuple[ImageHdu, ...], hdu: int | str | None) -> ImageHdu:
    """Take the HDU that was asked for, or the first one with two axes."""
    if hdu is None:
        return next((image for image in images if len(image.shape) == 2), images[0])
    for image in images:
        if hdu == image.index or str(hdu).casefold() == image.name.casefold():
            return image
    raise ImageError(f"it has no image HDU {hdu}", remedy=f"Choose {_listed(images)}")


def _listed(images: tuple[ImageHdu, ...]) -> str:
    return ", ".join(f"{image.index} {image.name}".strip() for image in images)


def _read_hdu(
    path: Path,
    hdus: fits.HDUList,
    chosen: ImageHdu,
    images: tuple[ImageHdu, ...],
    size: int,
) -> FullImage:
    """Read the pixels of one HDU, and what its header says about them."""
    hdu = hdus[chosen.index]
    _check_declared_size(hdu, size)
    # A section reads the first plane only, however deep the cube.
    plane = hdu.section[(0,) * (len(chosen.shape) - 2)]
    pixels = plain_pixels(plane)
    unit, unit_notes = _or_note("", lambda: _unit(hdu.header))
    sky, sky_notes = _or_note(
        None, lambda: SkyCoordinates.from_header(hdu.header, hdus)
    )
    several = f"{chosen} of {len(images)} images: {_listed(images)}"
    return FullImage(
        path=path,
        pixels=pixels,
        limits=zscale_limits(pixels),
        notes=(
            *((several,) if len(images) > 1 else ()),
            *plane_notes(chosen.shape),
            *unit_notes,
            *sky_notes,
        ),
        hdu=chosen.index,
        hdus=images,
        unit=unit,
        sky=sky,
    )


def _check_declared_size(hdu: _Hdu, size: int) -> None:
    """Refuse data that the file cannot hold, before any memory is taken for them.

    A limit to the pixels of an image would belong here too.
    """
    place = hdu.fileinfo()
    if isinstance(hdu, fits.CompImageHDU):
        # Its header declares the pixels; the file holds the table of their tiles.
        end = place["datLoc"] + place["datSpan"] - _BLOCK + 1
    else:
        end = place["datLoc"] + hdu.size
    if end > size:
        raise ImageError(
            f"the file is cut short: its header declares {end:,} bytes or more, "
            f"it holds {size:,}",
            remedy=_COPY,
        )


def _unit(header: fits.Header) -> str:
    with decoding(doing="no unit"):
        return str(header.get("BUNIT", "")).strip()


def _or_note(otherwise: T, read: Callable[[], T]) -> tuple[T, tuple[str, ...]]:
    """Read what an image can do without; where it fails, return a note instead."""
    try:
        return read(), ()
    except ImageError as error:
        return otherwise, (error.what,)
