"""Full images, with their pixels and metadata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.images.image_names import LONGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_artifact_review.core.images.identity import ImageFile
    from napari_artifact_review.core.images.sky import SkyCoordinates
    from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
    from napari_artifact_review.core.tiled.tiles import TiledImage


@dataclass(frozen=True)
class ImageHdu:
    """Description of an HDU with an image in a FITS file.

    Attributes
    ----------
    index : int
        Index of the HDU in the file; 0 for the primary HDU.
    name : str
        ``EXTNAME``, or astropy's default name, which may be empty.
    shape : tuple of int
        Shape in numpy's order: (..., rows, columns).
    version : int
        ``EXTVER``, which tells HDUs of the same name apart.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    version: int = 1

    @property
    def axes(self) -> tuple[int, int]:
        """Indices of the axes that are rows and columns.

        They are the last two axes that are longer than 1, or else the last two.
        """
        long = [axis for axis, length in enumerate(self.shape) if length > 1]
        if len(long) < 2:
            return len(self.shape) - 2, len(self.shape) - 1
        return long[-2], long[-1]

    @property
    def plane(self) -> tuple[int, int]:
        """Number of rows and columns."""
        rows, columns = self.axes
        return self.shape[rows], self.shape[columns]

    @property
    def planes(self) -> int:
        """Number of planes of a cube; 1 for an image."""
        return math.prod(self.shape) // math.prod(self.plane)

    @property
    def first_plane(self) -> tuple[int | slice, ...]:
        """Index of the first plane in the data of the HDU."""
        return tuple(
            slice(None) if axis in self.axes else 0 for axis in range(len(self.shape))
        )

    def __str__(self) -> str:
        return f"HDU {self.index} ({self.name})" if self.name else f"HDU {self.index}"


def matching_hdus(hdus: Iterable[ImageHdu], hdu: int | str) -> list[ImageHdu]:
    """Return the HDUs that an index, a name, or a name with version means.

    A name is taken as a whole first: "A,2" is the second version of A only if no HDU
    has the name "A,2".

    Parameters
    ----------
    hdus : iterable of ImageHdu
        The HDUs of a file.
    hdu : int or str
        The index or the name, in any case.
    """
    hdus = tuple(hdus)
    if isinstance(hdu, int):
        return [one for one in hdus if one.index == hdu]
    found = [one for one in hdus if one.name.casefold() == hdu.strip().casefold()]
    name, _, version = hdu.rpartition(",")
    version = version.strip()
    is_number = version.isdecimal() and len(version) <= LONGEST_NUMBER
    if found or not (name and is_number):
        return found
    folded, number = name.strip().casefold(), int(version)
    return [o for o in hdus if o.name.casefold() == folded and o.version == number]


def hdu_keys(hdus: Iterable[ImageHdu]) -> dict[int, int | str]:
    """Return what names each HDU in other files too, by index.

    That is the name, with the version if it is not 1 or if several HDUs have the name.
    It is the index for an HDU that this does not tell apart from all others.

    Parameters
    ----------
    hdus : iterable of ImageHdu
        The HDUs of a file.
    """
    hdus = tuple(hdus)
    keys = dict[int, int | str]()
    for hdu in hdus:
        is_only = matching_hdus(hdus, hdu.name) == [hdu]
        key = hdu.name if is_only and hdu.version == 1 else f"{hdu.name},{hdu.version}"
        is_told = hdu.index > 0 and hdu.name and matching_hdus(hdus, key) == [hdu]
        keys[hdu.index] = key if is_told else hdu.index
    return keys


@dataclass(frozen=True, eq=False)
class FullImage:
    """A full image with its metadata.

    Attributes
    ----------
    path : Path
        The file, or the folder of a Zarr image.
    pixels : ndarray or LazyPixels
        Pixels, shape (rows, columns), as returned by `plain_pixels`. Row 0 is the first
        row of the file. A large image is read from disk when it is indexed, so do not
        index it in the main thread.
    limits : tuple of float
        Lower and upper limit of the ZScale grey scale, lower < upper.
    notes : tuple of str
        Short messages for the user, for example that only the first plane is shown.
    hdu : int or None
        Index of the HDU that was read; None if the format has no HDUs.
    hdus : tuple of ImageHdu
        All HDUs with an image; empty if the format has no HDUs.
    unit : str
        Physical unit of the pixels (``BUNIT``); empty if unknown.
    sky : SkyCoordinates or None
        Sky coordinates; None if they were not read or the image has no celestial WCS.
    tiles : TiledImage or None
        Tiles of a large image; None for an image in memory.
    file : ImageFile or None
        State of the file just before reading; None if the pixels are not from a file.
    """

    path: Path
    pixels: Pixels | LazyPixels
    limits: tuple[float, float]
    notes: tuple[str, ...] = ()
    hdu: int | None = None
    hdus: tuple[ImageHdu, ...] = ()
    unit: str = ""
    sky: SkyCoordinates | None = None
    tiles: TiledImage | None = None
    file: ImageFile | None = None

    @property
    def hdu_keys(self) -> dict[int, int | str]:
        """What names each HDU in other files too, by index; see `hdu_keys`."""
        return hdu_keys(self.hdus)


def plane_notes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a tuple with a message if only the first of several planes is shown.

    Parameters
    ----------
    shape : tuple of int
        Shape of the data, (..., rows, columns).
    """
    planes = math.prod(shape[:-2])
    return (f"first plane of {planes}",) if planes > 1 else ()
