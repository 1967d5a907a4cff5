"""Full images of the simulated survey, with their true artifacts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.time import Time

from .artifacts import KINDS, paint_artifacts
from .camera import (
    PIXEL_SCALE,
    READ_NOISE,
    SATURATION,
    SHAPE,
    read_out,
    signal_to_noise,
)
from .sky import SKY_LEVEL, observe_sky

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FIRST_NIGHT = datetime(2024, 2, 9, 1, 30)
EXPOSURE_TIME = 90.0  # s


@dataclass(frozen=True)
class Exposure:
    """A full image, with the true artifacts in its cutouts.

    Attributes
    ----------
    pixels : numpy.ndarray
        Counts in adu, shape `SHAPE`.
    clarity : dict of str to numpy.ndarray
        Clarity of the artifacts in each cutout, shape `GRID`; by kind. The clarity is
        the signal-to-noise ratio, divided by the lowest ratio at which the kind is
        visible.
    glare : numpy.ndarray
        Signal-to-noise ratio of the haloes and spikes of bright stars, shape `GRID`.
    seeing : float
        FWHM of the PSF, in arcsec.
    """

    pixels: NDArray[np.uint16]
    clarity: dict[str, NDArray[np.float64]]
    glare: NDArray[np.float64]
    seeing: float

    @property
    def plainest(self) -> NDArray[np.float64]:
        """Clarity of the clearest artifact in each cutout, shape `GRID`."""
        plainest = np.zeros_like(self.glare)
        for clarity in self.clarity.values():
            plainest = np.maximum(plainest, clarity)
        return plainest

    @property
    def has_artifact(self) -> NDArray[np.bool_]:
        """Mask of the cutouts that contain a visible artifact, shape `GRID`."""
        return self.plainest >= 1


def expose(rng: np.random.Generator, richness: int = 1) -> Exposure:
    """Simulate a random image.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random number generator.
    richness : int, optional
        Number of exposures whose artifacts are combined in the image.

    Returns
    -------
    Exposure
        The image, with the true artifacts in its cutouts.
    """
    noise = float(np.sqrt(SKY_LEVEL + READ_NOISE**2))
    sky = observe_sky(rng)
    layers = paint_artifacts(rng, noise, richness)
    clarity = {
        kind: signal_to_noise(layer, noise) / KINDS[kind].visible_from
        for kind, layer in layers.items()
    }
    light = sky.light
    for layer in layers.values():
        light += layer
    glare = signal_to_noise(sky.glare, noise)
    return Exposure(read_out(light, rng), clarity, glare, sky.seeing)


def write_fits(
    exposure: Exposure, path: Path, number: int, rng: np.random.Generator
) -> None:
    """Write an exposure as an uncompressed 16-bit FITS file, which is quick to open.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    path : pathlib.Path
        Path of the file.
    number : int
        Running number of the exposure, from 1.
    rng : numpy.random.Generator
        Random number generator for the pointing.
    """
    header = make_header(number, exposure.seeing, rng)
    fits.PrimaryHDU(exposure.pixels, header).writeto(path)


def make_header(number: int, seeing: float, rng: np.random.Generator) -> fits.Header:
    """Return an exposure's FITS header with a TAN WCS.

    Parameters
    ----------
    number : int
        Running number of the exposure, from 1.
    seeing : float
        FWHM of the PSF, in arcsec.
    rng : numpy.random.Generator
        Random number generator for the pointing.

    Returns
    -------
    astropy.io.fits.Header
        The header.
    """
    ra, dec = rng.uniform(140, 170), rng.uniform(-9, 6)
    start = FIRST_NIGHT + timedelta(minutes=2 * number)
    header = fits.Header()
    header["OBJECT"] = (f"demo field {number}", "simulated, not observed")
    header["TELESCOP"] = "simulated"
    header["FILTER"] = ("r", "filter")
    header["EXPTIME"] = (EXPOSURE_TIME, "[s] exposure time")
    header["DATE-OBS"] = (start.isoformat(), "UTC at start of exposure")
    header["MJD-OBS"] = (round(float(Time(start).mjd), 8), "[d] MJD at start")
    header["TIMESYS"] = "UTC"
    header["BUNIT"] = ("adu", "unit of the pixels")
    header["GAIN"] = (1.0, "[electron/adu]")
    header["RDNOISE"] = (READ_NOISE, "[electron]")
    header["SATURATE"] = (SATURATION, "[adu]")
    header["SEEING"] = (round(seeing, 3), "[arcsec] FWHM of the PSF")
    header.update(_tan_wcs(ra, dec, rng.normal(0, 0.5)))
    return header


def _tan_wcs(ra: float, dec: float, rotation: float) -> fits.Header:
    """Return the header of a TAN WCS, centred on the image; all angles in degrees."""
    cos, sin = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    scale = PIXEL_SCALE / 3600
    wcs = fits.Header()
    wcs["WCSAXES"] = 2
    wcs["CTYPE1"], wcs["CTYPE2"] = "RA---TAN", "DEC--TAN"
    wcs["CUNIT1"], wcs["CUNIT2"] = "deg", "deg"
    wcs["CRVAL1"], wcs["CRVAL2"] = round(ra, 7), round(dec, 7)
    wcs["CRPIX1"], wcs["CRPIX2"] = (SHAPE[1] + 1) / 2, (SHAPE[0] + 1) / 2
    wcs["CD1_1"], wcs["CD1_2"] = -scale * cos, scale * sin
    wcs["CD2_1"], wcs["CD2_2"] = scale * sin, scale * cos
    wcs["RADESYS"] = "ICRS"
    return wcs
