"""Sky coordinates of pixels, from the WCS of a FITS header."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.coordinates import ICRS, UnitSphericalRepresentation
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from napari_artifact_review.core.decoders import check_counts, decoding
from napari_artifact_review.core.images.wcs_header import check_complete, readable

if TYPE_CHECKING:
    from astropy.io import fits
    from numpy.typing import NDArray


# Maximum values of the keywords for the number of axes and the order of polynomials. In
# other keywords, the number of an axis or power is part of the name, with at most two
# digits.
_COUNTS = {re.compile("WCSAXES[A-Z]?|[AB]P?_ORDER"): 99}


@dataclass(frozen=True, eq=False)
class SkyCoordinates:
    """Conversion of pixel positions to sky coordinates in degrees (ICRS).

    Create an instance with `from_header`. In all methods, x is the column and y is the
    row of a position in pixels. The centre of the first pixel is (0, 0).

    Attributes
    ----------
    lacks_suffix : bool
        Whether SIP terms are used although ``CTYPE`` has no suffix ``-SIP``.
    """

    _wcs: Any
    _frame: Any
    _rotation: NDArray[np.float64] | None
    lacks_suffix: bool = False

    @classmethod
    def from_header(
        cls, header: fits.Header, hdus: fits.HDUList | None = None
    ) -> SkyCoordinates | None:
        """Create sky coordinates from the WCS of a FITS header.

        Parameters
        ----------
        header : astropy.io.fits.Header
            Header of the image.
        hdus : astropy.io.fits.HDUList, optional
            The open file, for a WCS with distortion tables, as in Hubble's ACS images.

        Returns
        -------
        SkyCoordinates or None
            The sky coordinates; None if the first two axes are not celestial.

        Raises
        ------
        ImageError
            If the WCS in the header is invalid or incomplete; see `check_complete`.
        """
        with decoding(doing="no sky coordinates"):
            check_counts(header, _COUNTS, "no sky coordinates: its header")
            clean, lacks_suffix = readable(header)
            wcs = WCS(clean, fobj=hdus)
            if not wcs.has_celestial or {wcs.wcs.lng, wcs.wcs.lat} != {0, 1}:
                return None
            check_complete(clean)
            if wcs.naxis > 2:
                wcs = wcs.sub([1, 2])
            frame = wcs_to_celestial_frame(wcs)
            return cls(wcs, frame, _rotation_to_icrs(frame), lacks_suffix)

    def radec(self, x: float, y: float) -> tuple[float, float] | None:
        """Return the sky coordinates of a pixel.

        Returns
        -------
        tuple of float or None
            Right ascension (0 to 360) and declination in degrees (ICRS); None if the
            projection is not defined at the pixel.
        """
        world = self._wcs.all_pix2world([[x, y]], 0)[0]
        lon, lat = float(world[self._wcs.wcs.lng]), float(world[self._wcs.wcs.lat])
        if not (math.isfinite(lon) and math.isfinite(lat)):
            return None
        if self._rotation is None:
            there = UnitSphericalRepresentation(lon * u.deg, lat * u.deg)
            icrs = self._frame.realize_frame(there).transform_to(ICRS())
            return float(icrs.ra.deg), float(icrs.dec.deg)
        lon, lat = math.radians(lon), math.radians(lat)
        flat = math.cos(lat)
        direction = (flat * math.cos(lon), flat * math.sin(lon), math.sin(lat))
        east, north, up = (self._rotation @ direction).tolist()
        ra = math.degrees(math.atan2(north, east)) % 360.0
        return ra, math.degrees(math.atan2(up, math.hypot(east, north)))

    def to_icrs(self, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert many pixel positions to sky coordinates.

        Parameters
        ----------
        pixels : ndarray, shape (n, 2)
            Columns and rows.

        Returns
        -------
        ndarray, shape (n, 2)
            Right ascension and declination in degrees (ICRS); NaN where the projection
            is not defined.
        """
        world = self._wcs.all_pix2world(pixels, 0)
        lon, lat = world[:, self._wcs.wcs.lng], world[:, self._wcs.wcs.lat]
        defined = np.isfinite(lon) & np.isfinite(lat)
        radec = np.full((len(world), 2), np.nan)
        if defined.any():
            there = UnitSphericalRepresentation(
                lon[defined] * u.deg, lat[defined] * u.deg
            )
            icrs = self._frame.realize_frame(there).transform_to(ICRS())
            radec[defined, 0], radec[defined, 1] = icrs.ra.deg, icrs.dec.deg
        return radec

    def to_pixels(self, radec: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert many sky coordinates to pixel positions; reverse `to_icrs`.

        Parameters
        ----------
        radec : ndarray, shape (n, 2)
            Right ascension and declination in degrees (ICRS), all finite.

        Returns
        -------
        ndarray, shape (n, 2)
            Columns and rows; not finite where the projection is not defined.
        """
        icrs = ICRS(*(column * u.deg for column in radec.T))
        there = icrs.transform_to(self._frame).represent_as(UnitSphericalRepresentation)
        world = np.empty_like(radec)
        world[:, self._wcs.wcs.lng] = there.lon.deg
        world[:, self._wcs.wcs.lat] = there.lat.deg
        pixels: NDArray[np.float64] = self._wcs.all_world2pix(world, 0, quiet=True)
        return pixels

    def directions(
        self, x: float, y: float
    ) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Return unit vectors towards north and east at a pixel.

        Returns
        -------
        tuple of (float, float) or None
            Vectors (columns, rows) towards north and towards east; None at a pole, or
            if the projection is not defined at the pixel.
        """
        here = self.radec(x, y)
        right, below = self.radec(x + 1, y), self.radec(x, y + 1)
        if here is None or right is None or below is None:
            return None
        flat = math.cos(math.radians(here[1]))
        # Change of the sky coordinates per pixel. The rows are east and north.
        steps = np.array(
            [
                [
                    ((there[0] - here[0] + 180) % 360 - 180) * flat
                    for there in (right, below)
                ],
                [there[1] - here[1] for there in (right, below)],
            ]
        )
        if abs(np.linalg.det(steps)) < 1e-30:
            return None
        to_pixels = np.linalg.inv(steps)
        east, north = (to_pixels / np.hypot(*to_pixels)).T
        return (float(north[0]), float(north[1])), (float(east[0]), float(east[1]))

    def text(self, x: float, y: float) -> str:
        """Return the sky coordinates of a pixel in sexagesimal form.

        Returns
        -------
        str
            For example ``RA 10:20:30.12  Dec -05:12:33.4``; empty if the projection is
            not defined at the pixel.
        """
        radec = self.radec(x, y)
        return "" if radec is None else sexagesimal(*radec)


def sexagesimal(ra: float, dec: float) -> str:
    """Format sky coordinates in sexagesimal form.

    Parameters
    ----------
    ra, dec : float
        Right ascension and declination in degrees.

    Returns
    -------
    str
        Right ascension in hours and declination in degrees, for example
        ``RA 10:20:30.12  Dec -05:12:33.4``.
    """
    # Round once, to an integer in units of the last digit. 59.999 s then becomes one
    # minute, not 60.00 s.
    hundredths = round(ra / 15 * 360_000) % (24 * 360_000)
    tenths = round(abs(dec) * 36_000)
    sign = "-" if dec < 0 and tenths else "+"
    m, s = divmod(hundredths, 6_000)
    arcmin, arcsec = divmod(tenths, 600)
    return (
        f"RA {m // 60:02d}:{m % 60:02d}:{s / 100:05.2f}  "
        f"Dec {sign}{arcmin // 60:02d}:{arcmin % 60:02d}:{arcsec / 10:04.1f}"
    )


def _rotation_to_icrs(frame: Any) -> NDArray[np.float64] | None:
    """Return the 3 x 3 rotation matrix from a celestial frame to ICRS.

    Return None if the transformation is not a rotation, as for FK4 with its E-terms of
    aberration. A multiplication with the matrix takes microseconds, but astropy's
    transformation takes at least half a millisecond.
    """
    axes = UnitSphericalRepresentation([0, 90, 0] * u.deg, [0, 0, 90] * u.deg)
    icrs = frame.realize_frame(axes).transform_to(ICRS())
    matrix: NDArray[np.float64] = icrs.cartesian.xyz.to_value(u.one)
    orthogonal = np.allclose(matrix.T @ matrix, np.eye(3), rtol=0, atol=1e-10)
    return matrix if orthogonal else None
