"""Checks of the tables of other HDUs that a WCS reads, before it reads them."""

from __future__ import annotations

import math
import re
from typing import Any, BinaryIO

from astropy.io import fits

from napari_artifact_review.core.decoders import decoding
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits_tiles import check_tiles, planes_of_tiles

#: Most bytes of all tables of a WCS. Those of Hubble's ACS take less than 100 kB.
MOST_BYTES_OF_TABLES = 2**26
#: Keywords that make astropy read tables of these names.
_LOOKUP = re.compile(r"CPDIS\d|CQDIS\d|D2IMDIS\d|AXISCORR")
_LOOKUP_NAMES = ("WCSDVARR", "D2IMARR")
#: Keywords with the name of the HDU of a table (FITS standard 4.0, section 8.2.3).
_TAB = re.compile(r"PS\d+_0")


def check_distortions(
    header: fits.Header, hdus: fits.HDUList, stream: BinaryIO
) -> None:
    """Raise an error if the tables of a WCS take too much memory.

    Parameters
    ----------
    header : Header
        Header of an image.
    hdus : HDUList
        The open file.
    stream : binary file
        The file; its position changes.

    Raises
    ------
    ImageError
        If the tables declare more than `MOST_BYTES_OF_TABLES`, or a compressed one
        does not hold what it declares.
    """
    with decoding(doing="no sky coordinates"):
        names = {
            str(header[key]).strip().upper() for key in header if _TAB.fullmatch(key)
        }
        if any(map(_LOOKUP.fullmatch, header)):
            names.update(_LOOKUP_NAMES)
        tables = [hdu for hdu in hdus if hdu.name.strip().upper() in names]
        if sum(map(_size, tables)) > MOST_BYTES_OF_TABLES:
            raise ImageError(
                "no sky coordinates: the tables of its WCS take more than "
                f"{MOST_BYTES_OF_TABLES / 2**20:g} MiB",
                remedy="Remove them from the header to see positions on the sky",
            )
        for hdu in tables:
            if isinstance(hdu, fits.CompImageHDU):
                planes_of_tiles(hdu, (0, 1))
                check_tiles(hdu, stream)


def _size(hdu: Any) -> int:
    """Return the size of the data of an HDU in bytes, when they are in memory."""
    if not isinstance(hdu, fits.CompImageHDU):
        return int(hdu.size)
    return int(math.prod(hdu.shape) * abs(hdu.header["BITPIX"]) // 8)
