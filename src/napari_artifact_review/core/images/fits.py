"""Read full images from FITS files."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, TypeVar

from astropy.io import fits

from napari_artifact_review.core.decoders import (
    Pixels,
    check_memory,
    check_sides,
    decoding,
    is_large,
    plain_pixels,
)
from napari_artifact_review.core.errors import (
    ImageError,
    MissingHduError,
    MissingKeyError,
)
from napari_artifact_review.core.fits_files import (
    BLOCK,
    check_header,
    checked_hdus,
    is_hierarch,
    open_seekable,
)
from napari_artifact_review.core.images.distortions import check_distortions
from napari_artifact_review.core.images.fits_tiles import check_tiles, planes_of_tiles
from napari_artifact_review.core.images.full_image import (
    FullImage,
    ImageHdu,
    matching_hdus,
)
from napari_artifact_review.core.images.sky import SkyCoordinates
from napari_artifact_review.core.images.wcs_header import inherited
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from napari_artifact_review.core.tiled.sources import (
    CompressedSource,
    FitsSource,
    has_blank,
    hides_blank,
)
from napari_artifact_review.core.tiled.tiles import open_tiled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")
_Hdu: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU

_COPY = "Copy it again from its source"


def read_fits(
    path: Path, hdu: int | str | None = None, *, sky: bool = True
) -> FullImage:
    """Read a full image from a FITS file.

    By default, the first image HDU with two axes is read. If there is none, the first
    plane of the first image HDU is read. Tile-compressed images are image HDUs too.

    Parameters
    ----------
    path : Path
        The file; it may be compressed as a whole with gzip or bzip2.
    hdu : int or str, optional
        Index or name of the HDU to read.
    sky : bool
        Whether to read the sky coordinates.

    Returns
    -------
    FullImage
        The image; astropy applies ``BSCALE``, ``BZERO`` and ``BLANK`` to the pixels.

    Raises
    ------
    ImageError
        If the file is not a FITS file, is truncated or too large, or has no image in
        the given HDU.
    """
    with decoding(path), open_seekable(path) as stream:
        size = _check_kind(stream)
        with fits.open(stream, memmap=False) as hdus:
            images = _images(hdus, stream)
            chosen = choose_hdu(images, hdu)
            with decoding(path, str(chosen)):
                # A file that is compressed as a whole is already in memory.
                large = is_large(chosen.plane) and not isinstance(stream, io.BytesIO)
                _check_hdu(hdus[chosen.index], chosen, stream, size, large)
                image = _read_hdu(path, stream, hdus, chosen, images, large)
                return _with_sky(image, hdus, stream) if sky else image


def read_sky(
    path: Path, hdu: int | str | None = None
) -> tuple[SkyCoordinates | None, tuple[int, int]]:
    """Read the sky coordinates and the shape of an image, without its pixels.

    Parameters
    ----------
    path : Path
        A FITS file.
    hdu : int or str, optional
        Index or name of the HDU; by default that of `read_fits`.

    Returns
    -------
    sky : SkyCoordinates or None
        The sky coordinates; None if the image has no valid celestial WCS.
    shape : tuple of int
        Rows and columns.

    Raises
    ------
    ImageError
        If the file has no image.
    """
    with decoding(path), open_seekable(path) as stream:
        _check_kind(stream)
        with fits.open(stream, memmap=False) as hdus:
            chosen = choose_hdu(_images(hdus, stream), hdu)
            return _sky_of(chosen, hdus, stream)[0], chosen.plane


def read_hdus(path: Path) -> tuple[ImageHdu, ...]:
    """Return the HDUs of a FITS file that are images, without their pixels.

    Raises
    ------
    ImageError
        If the file cannot be read, is not a FITS file, or has no image.
    """
    with decoding(path), open_seekable(path) as stream:
        _check_kind(stream)
        with fits.open(stream, memmap=False) as hdus:
            return _images(hdus, stream)


def add_sky(image: FullImage) -> FullImage:
    """Add the sky coordinates of the file to an image, and return the new image.

    Raises
    ------
    ImageError
        If the file can no longer be read.
    """
    with (
        decoding(image.path),
        open_seekable(image.path) as stream,
        fits.open(stream, memmap=False) as hdus,
    ):
        return _with_sky(image, hdus, stream)


def read_header_values(
    path: Path, names: Sequence[str], hdu: int | str | None = None
) -> tuple[str, ...]:
    """Return the values of header keys of a FITS file as texts.

    A key is looked up in the header of the image first, and then in the primary header.

    Parameters
    ----------
    path : Path
        The file.
    names : sequence of str
        Names of the keys.
    hdu : int or str, optional
        Index or name of the HDU of the image; by default that of `read_fits`.

    Raises
    ------
    ImageError
        If the file cannot be read or is not a FITS file, or if a key is missing or
        empty.
    """
    with decoding(path), open_seekable(path) as file:
        if file.read(6) != b"SIMPLE":
            raise MissingKeyError(
                "it has no header keys: only FITS files have them",
                remedy="Name a column of the table instead",
            )
        check_header(file, 0)
        file.seek(0)
        with fits.open(file, memmap=False) as hdus:
            if not isinstance(hdu, int):
                hdu = choose_hdu(_images(hdus, file), hdu).index
            headers = [hdus[index].header for index in dict.fromkeys((hdu, 0))]
            return tuple(_value_in(headers, name) for name in names)


def _value_in(headers: Sequence[fits.Header], name: str) -> str:
    for header in headers:
        text = str(header.get(name, "")).strip()
        if text:
            return text
    raise MissingKeyError(
        f"its header has no value for the key {name}",
        remedy="Name keys that every image has, or a column of the table",
    )


def _check_kind(stream: BinaryIO) -> int:
    """Check that a file may be read as FITS, and return its size in bytes."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if not size:
        raise ImageError("the file is empty", remedy=_COPY)
    if stream.read(6) != b"SIMPLE":
        raise ImageError("this is not a FITS file", remedy=_COPY)
    check_header(stream, 0)
    stream.seek(0)
    return size


def _images(hdus: fits.HDUList, stream: BinaryIO) -> tuple[ImageHdu, ...]:
    """Return descriptions of all HDUs with an image."""
    images = []
    for index, hdu in enumerate(checked_hdus(hdus, stream)):
        place = hdu.fileinfo()
        # Random groups have an axis of length 0, so this condition excludes them.
        if isinstance(hdu, _Hdu) and len(hdu.shape) > 1 and min(hdu.shape) > 0:
            name, version = hdu.name.strip(), _version(hdu)
            images.append(ImageHdu(index, name, tuple(hdu.shape), version))
    if not images:
        _check_cards(stream, index + 1, place["datLoc"] + place["datSpan"])
        raise ImageError(
            f"none of its HDUs ({len(hdus)}) holds an image with pixels",
            remedy="Check that it is the full image, not a catalogue",
        )
    return tuple(images)


def _version(hdu: _Hdu) -> int:
    """Return ``EXTVER``, or 1 if that is no whole number."""
    try:
        version = hdu.header.get("EXTVER")
    except fits.VerifyError:
        return 1
    return version if type(version) is int else 1


def _check_cards(stream: BinaryIO, index: int, start: int) -> None:
    """Raise an error for a card because of which astropy has left an HDU out."""
    stream.seek(start)
    try:
        header = fits.Header.fromfile(stream)
    except (EOFError, OSError, ValueError, fits.VerifyError):
        return
    for card in header.cards:
        with decoding(doing=f"HDU {index} cannot be read"):
            card.value  # noqa: B018


def choose_hdu(images: tuple[ImageHdu, ...], hdu: int | str | None) -> ImageHdu:
    """Return the requested HDU, or the default HDU; see `read_fits`.

    Raises
    ------
    MissingHduError
        If the requested HDU is not among the images.
    """
    if hdu is None:
        return next((image for image in images if image.planes == 1), images[0])
    if found := matching_hdus(images, hdu):
        return found[0]
    remedy = f"Choose {_listed(images)}"
    raise MissingHduError(f"it has no image HDU {hdu}", remedy=remedy)


def _listed(images: tuple[ImageHdu, ...]) -> str:
    return ", ".join(f"{image.index} {image.name}".strip() for image in images)


def _read_hdu(
    path: Path,
    stream: BinaryIO,
    hdus: fits.HDUList,
    chosen: ImageHdu,
    images: tuple[ImageHdu, ...],
    large: bool,
) -> FullImage:
    """Read the pixels and the metadata of one HDU."""
    hdu = hdus[chosen.index]
    pixels: Pixels | LazyPixels
    tiles = None
    if large:
        compressed = isinstance(hdu, fits.CompImageHDU)
        pixels, limits, tiles = open_tiled(
            CompressedSource(path, chosen.index, hdu, chosen.first_plane)
            if compressed
            else FitsSource(path, hdu, chosen.plane)
        )
    else:
        pixels = _read_plane(hdus, chosen, stream)
        limits = zscale_limits(pixels)
    header = inherited(hdu.header, hdus[0].header)
    unit, unit_notes = _or_note("", lambda: _unit(header))
    several = f"{chosen} of {len(images)} images: {_listed(images)}"
    return FullImage(
        path=path,
        pixels=pixels,
        limits=limits,
        notes=(
            *((several,) if len(images) > 1 else ()),
            *((f"first plane of {chosen.planes}",) if chosen.planes > 1 else ()),
            *unit_notes,
        ),
        hdu=chosen.index,
        hdus=images,
        unit=unit,
        tiles=tiles,
    )


def _read_plane(hdus: fits.HDUList, chosen: ImageHdu, stream: BinaryIO) -> Pixels:
    """Read the first plane of an HDU."""
    hdu = hdus[chosen.index]
    if isinstance(hdu, fits.CompImageHDU):
        as_floats = hides_blank(hdu.header)
    else:
        start, count = hdu.fileinfo()["datLoc"], math.prod(chosen.plane)
        as_floats = has_blank(hdu.header, stream, start, count)
    if as_floats:
        stream.seek(0)
        hdus = fits.open(stream, memmap=False, uint=False)
    # A section reads only the first plane of a cube.
    pixels = hdus[chosen.index].section[chosen.first_plane]
    return plain_pixels(pixels.reshape(chosen.plane))


def _with_sky(image: FullImage, hdus: fits.HDUList, stream: BinaryIO) -> FullImage:
    """Return an image with its sky coordinates, or with a message about an error."""
    [chosen] = [one for one in image.hdus if one.index == image.hdu]
    sky, notes = _sky_of(chosen, hdus, stream)
    return replace(image, sky=sky, notes=(*image.notes, *notes))


def _sky_of(
    chosen: ImageHdu, hdus: fits.HDUList, stream: BinaryIO
) -> tuple[SkyCoordinates | None, tuple[str, ...]]:
    """Return the sky coordinates of an HDU, or None, and messages about them."""
    first_axes = len(chosen.shape) - 2, len(chosen.shape) - 1
    if chosen.axes != first_axes:
        # The WCS would be that of an axis of length 1.
        return None, ()
    header = inherited(hdus[chosen.index].header, hdus[0].header)

    def read() -> SkyCoordinates | None:
        check_distortions(header, hdus, stream)
        return SkyCoordinates.from_header(header, hdus)

    sky, notes = _or_note(None, read)
    if sky is not None and sky.lacks_suffix:
        notes = "its SIP terms are used, although CTYPE has no suffix -SIP", *notes
    return sky, notes


def _check_hdu(
    hdu: _Hdu, chosen: ImageHdu, stream: BinaryIO, size: int, large: bool
) -> None:
    """Check that the data of an HDU are complete, and that they fit into memory."""
    _check_scaling(hdu.header)
    place = hdu.fileinfo()
    compressed = isinstance(hdu, fits.CompImageHDU)
    if compressed:
        # The header describes the pixels, but the file contains a table of tiles.
        end = place["datLoc"] + place["datSpan"] - BLOCK + 1
    else:
        end = place["datLoc"] + hdu.size
    if end > size:
        raise ImageError(
            f"the file is cut short: its header declares {end:,} bytes or more, "
            f"it holds {size:,}",
            remedy=_COPY,
        )
    pixels = planes_of_tiles(hdu, chosen.axes) if compressed else 1
    if large:
        # Only visible tiles are decoded, but each of them as a whole.
        rows, columns = chosen.axes
        tile = (1, chosen.plane[1])
        if compressed:
            tile = hdu.tile_shape[rows], hdu.tile_shape[columns]
        pixels *= math.prod(map(min, tile, chosen.plane))
    else:
        pixels *= math.prod(chosen.plane)
    check_memory(pixels * abs(hdu.header["BITPIX"]) // 8)
    if large:
        check_sides(chosen.plane)
    if compressed:
        check_tiles(hdu, stream)


def _check_scaling(header: fits.Header) -> None:
    """Raise an error if a card that scales the pixels has a value of a wrong type."""
    has_integers = header["BITPIX"] > 0
    for card in header.cards:
        if card.keyword not in ("BSCALE", "BZERO", "BLANK") or is_hierarch(card):
            continue
        name, value = card.keyword, card.value
        has_value = not isinstance(value, fits.card.Undefined)
        if name == "BLANK":
            # It has no meaning for floats, and without a value it marks no pixel.
            is_right = not has_integers or not has_value or type(value) is int
        else:
            # A logical value is an int in Python.
            is_right = type(value) in (int, float)
        if not is_right:
            kind = "whole number" if name == "BLANK" else "number"
            raise ImageError(
                f"its {name} is {value!r}, not a {kind}"
                if has_value
                else f"its {name} has no value",
                remedy="Correct the header, or copy the file again from its source",
            )


def _unit(header: fits.Header) -> str:
    with decoding(doing="no unit"):
        return str(header.get("BUNIT", "")).strip()


def _or_note(otherwise: T, read: Callable[[], T]) -> tuple[T, tuple[str, ...]]:
    """Return a value without a message, or a default with the error message."""
    try:
        return read(), ()
    except ImageError as error:
        return otherwise, (error.what,)
