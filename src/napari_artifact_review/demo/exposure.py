"""A full image of the simulated survey, with its true artifacts."""

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
    """A full image with the truth about its cutouts.

    Attributes
    ----------
    pixels : numpy.ndarray
        Counts, adu, shape `SHAPE`.
    clarity : dict of str to numpy.ndarray
        Clarity of each kind of artifact in each cutout: its signal-to-noise ratio
        divided by the lowest visible ratio, shape `GRID`.
    glare : numpy.ndarray
        Signal-to-noise ratio of bright stars' haloes, shape `GRID`.
    seeing : float
        FWHM of the PSF, arcsec.
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
        """Whether each cutout truly contains an artifact, shape `GRID`."""
        return self.plainest >= 1


def expose(rng: np.random.Generator, richness: int = 1) -> Exposure:
    """Simulate a random image.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random numbers for the image.
    richness : int, optional
        Number of exposures whose artifacts are on the image.

    Returns
    -------
    Exposure
        The image and its truth.
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
    """Write an exposure as plain 16-bit FITS, which is small and opens quickly.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    path : pathlib.Path
        The file.
    number : int
        Running number of the exposure.
    rng : numpy.random.Generator
        Random numbers for the pointing.
    """
    header = make_header(number, exposure.seeing, rng)
    fits.PrimaryHDU(exposure.pixels, header).writeto(path)


def make_header(number: int, seeing: float, rng: np.random.Generator) -> fits.Header:
    """Return an exposure's FITS header with a TAN WCS.

    Parameters
    ----------
    number : int
        Running number of the exposure.
    seeing : float
        FWHM of the PSF, arcsec.
    rng : numpy.random.Generator
        Random numbers for the pointing.

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
    """Return a gnomonic projection about the image's centre; angles in degrees."""
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
