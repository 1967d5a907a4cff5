"""A full image in memory, and its metadata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_artifact_review.core.decoders import Pixels

if TYPE_CHECKING:
    from pathlib import Path

    from napari_artifact_review.core.images.sky import SkyCoordinates
    from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
    from napari_artifact_review.core.tiled.tiles import TiledImage


@dataclass(frozen=True)
class ImageHdu:
    """One HDU of a FITS file with an image.

    Attributes
    ----------
    index : int
        Its index in the file, 0 for the primary HDU.
    name : str
        Its ``EXTNAME``, or the name that astropy gives without one; may be empty.
    shape : tuple of int
        Its axes as numpy counts them: (..., rows, columns).
    """

    index: int
    name: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"HDU {self.index} ({self.name})" if self.name else f"HDU {self.index}"


@dataclass(frozen=True, eq=False)
class FullImage:
    """One full image, ready to be drawn.

    Attributes
    ----------
    path : Path
        The file.
    pixels : ndarray or LazyPixels
        Shape (rows, columns), native byte order, the data's own type; row 0 is
        the first row of the file. Those of a large image are read when they are
        indexed, which may wait for the disk: never do it on the main thread.
    limits : tuple of float
        Lower and upper limit of the ZScale grey scale, the lower one below the upper.
    notes : tuple of str
        Short notes for the user about how the file was read.
    hdu : int or None
        Index of the HDU that was read; None where the format has none.
    hdus : tuple of ImageHdu
        Every HDU with an image.
    unit : str
        Physical unit of the pixels (``BUNIT``), or an empty text.
    sky : SkyCoordinates or None
        The sky coordinates, if the file has a celestial WCS.
    tiles : TiledImage or None
        The tiles of a large image; None for an image in memory.
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


def plane_notes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the note that only the first of several planes is shown.

    Parameters
    ----------
    shape : tuple of int
        Shape of the data, (..., rows, columns).
    """
    planes = math.prod(shape[:-2])
    return (f"first plane of {planes}",) if planes > 1 else ()
