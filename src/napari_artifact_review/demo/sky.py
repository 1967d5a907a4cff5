"""Simulate the sky in the demo's images: background, stars and galaxies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from .camera import PIXEL_SCALE, SHAPE, Floats, Frame, empty_frame

Window: TypeAlias = tuple[slice, slice]

SKY_LEVEL = 900.0  # electrons per pixel, as in a grey night
STAR_SLOPE = 0.6  # N(>F) ~ F^-0.6, i.e. 0.24 dex per magnitude, as at high latitude
GALAXY_SLOPE = 1.0  # N(>F) ~ F^-1, i.e. 0.4 dex per magnitude
FAINTEST = 300.0  # electrons, well below the detection limit
BRIGHTEST = 4e7  # electrons, about 9th magnitude
GLARE_FROM = 2e5  # electrons; aureoles of brighter stars exceed the noise
SPIDER_ANGLE = math.radians(42.0)  # direction of the diffraction spikes


@dataclass(frozen=True)
class Sky:
    """Light of the sky in one exposure, without noise.

    Attributes
    ----------
    light : numpy.ndarray
        Background, stars and galaxies, in electrons, shape `SHAPE`.
    glare : numpy.ndarray
        The part of `light` from the haloes and spikes of bright stars.
    seeing : float
        FWHM of the PSF, in arcsec.
    """

    light: Frame
    glare: Frame
    seeing: float


def observe_sky(rng: np.random.Generator) -> Sky:
    """Simulate a random field.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    Sky
        The field, without noise and artifacts.
    """
    seeing = rng.uniform(0.85, 1.25)
    sources, glare = empty_frame(), empty_frame()
    _add_galaxies(sources, rng)
    _add_stars(sources, glare, rng)
    light = blur_by_psf(sources, seeing / PIXEL_SCALE)
    light += glare
    light += _background(rng)
    return Sky(light, glare, seeing)


def blur_by_psf(light: Frame, fwhm: float) -> Frame:
    """Convolve light with the PSF.

    Parameters
    ----------
    light : numpy.ndarray
        Light above the atmosphere, in electrons, shape `SHAPE`.
    fwhm : float
        FWHM of the PSF, in pixels.

    Returns
    -------
    numpy.ndarray
        Light in the focal plane, in electrons, shape `SHAPE`.
    """
    # Two Gaussians approximate the core and the wings of a Moffat (1969) profile with
    # beta = 3.
    core: Frame = gaussian_filter(light, 0.41 * fwhm, truncate=4.0)
    wings: Frame = gaussian_filter(light, 0.95 * fwhm, truncate=3.5)
    core *= np.float32(0.8)
    wings *= np.float32(0.2)
    core += wings
    return core


def window_around(x: float, y: float, radius: float) -> tuple[Window, Floats, Floats]:
    """Return a square window around a position, clipped to the frame.

    Parameters
    ----------
    x, y : float
        Centre of the window in pixels, which may be outside the frame.
    radius : float
        Half the side length of the window, in pixels.

    Returns
    -------
    window : tuple of slice
        Rows and columns of the window, which may be empty after clipping.
    dx, dy : numpy.ndarray
        Offsets from the centre in pixels, shapes ``(1, columns)`` and ``(rows, 1)``.
    """
    top, left = max(int(y - radius), 0), max(int(x - radius), 0)
    bottom = max(min(int(y + radius) + 1, SHAPE[0]), top)
    right = max(min(int(x + radius) + 1, SHAPE[1]), left)
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    return (slice(top, bottom), slice(left, right)), dx, dy


def _background(rng: np.random.Generator) -> Floats:
    """Return the sky background: a tilted plane with vignetting of a few percent."""
    y = np.linspace(-1, 1, SHAPE[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, SHAPE[1], dtype=np.float32)[None, :]
    tilt_x, tilt_y = rng.normal(0, 0.008), rng.normal(0, 0.008)
    vignette = rng.uniform(0.0, 0.012)
    level = SKY_LEVEL * rng.uniform(0.9, 1.1)
    across = level * (1 + tilt_x * x - vignette * x**2)
    return across + level * (tilt_y * y - vignette * y**2)


def _power_law(
    rng: np.random.Generator, size: int, slope: float, brightest: float
) -> Floats:
    """Draw random fluxes, in electrons, from a power law N(>F) ~ F^-slope.

    The fluxes are between `FAINTEST` and `brightest`.
    """
    faint_end, bright_end = FAINTEST**-slope, brightest**-slope
    return rng.uniform(bright_end, faint_end, size) ** (-1 / slope)


def _add_stars(sources: Frame, glare: Frame, rng: np.random.Generator) -> None:
    """Add stars at random positions, and glare around bright stars."""
    size = int(rng.lognormal(np.log(2200), 0.4))
    flux = _power_law(rng, size, STAR_SLOPE, BRIGHTEST)
    x = rng.uniform(0, SHAPE[1] - 1, size)
    y = rng.uniform(0, SHAPE[0] - 1, size)
    column, row = x.astype(int), y.astype(int)
    right, down = x - column, y - row
    # Share the flux of each star among four pixels, which preserves the centroid.
    for j, share_y in ((0, 1 - down), (1, down)):
        for i, share_x in ((0, 1 - right), (1, right)):
            np.add.at(sources, (row + j, column + i), flux * share_x * share_y)
    for star in np.flatnonzero(flux > GLARE_FROM):
        _add_glare(glare, float(x[star]), float(y[star]), float(flux[star]))


def _add_glare(glare: Frame, x: float, y: float, flux: float) -> None:
    """Add an aureole, which falls as r^-2 (King 1971), and four diffraction spikes."""
    reach = min(40.0 * (flux / GLARE_FROM) ** 0.5, 600.0)
    window, dx, dy = window_around(x, y, reach)
    distance_2 = dx**2 + dy**2
    aureole = 0.006 / (distance_2 + 60) - 0.006 / (reach**2 + 60)
    cos, sin = math.cos(SPIDER_ANGLE), math.sin(SPIDER_ANGLE)
    along, across = np.abs(dx * cos + dy * sin), np.abs(dy * cos - dx * sin)
    inner, outer = np.minimum(along, across), np.maximum(along, across)
    fade = np.exp(-outer / (reach / 5)) * np.maximum(1 - outer / reach, 0)
    spikes = 2.5e-5 * np.exp(-((inner / 1.8) ** 2)) * fade
    glare[window] += flux * (np.maximum(aureole, 0) + spikes)


def _add_galaxies(sources: Frame, rng: np.random.Generator) -> None:
    """Add galaxies at random positions: two thirds discs, one third spheroids."""
    size = int(rng.lognormal(np.log(1400), 0.2))
    flux = _power_law(rng, size, GALAXY_SLOPE, 2e6)
    x, y = rng.uniform(0, SHAPE[1], size), rng.uniform(0, SHAPE[0], size)
    # Sizes increase with flux and have scatter; the median is 0.5 arcsec at 24 mag.
    radius = 2.0 * (flux / 1000) ** 0.3 * rng.lognormal(0, 0.3, size)
    ratio = rng.uniform(0.25, 1.0, size)
    angle = rng.uniform(0, np.pi, size)
    index = np.where(rng.random(size) < 2 / 3, 1.0, 4.0)
    for shape in np.stack([x, y, flux, radius, ratio, angle, index], axis=1).tolist():
        _add_sersic(sources, *shape)


def _add_sersic(
    sources: Frame,
    x: float,
    y: float,
    flux: float,
    radius: float,
    ratio: float,
    angle: float,
    index: float,
) -> None:
    """Add a galaxy with a Sersic profile of index n.

    The profile is exp(-b (r/R)^(1/n)) with b = 2n - 1/3 (Ciotti & Bertin 1999).
    """
    reach = 3.0 + 2.0 * index  # effective radii, which contain almost all light
    window, dx, dy = window_around(x, y, reach * radius)
    cos, sin = math.cos(angle), math.sin(angle)
    major, minor = dx * cos + dy * sin, (dy * cos - dx * sin) / ratio
    # Add 0.3 px^2 to soften the cusp, which sampling once per pixel would exaggerate.
    r = np.sqrt(major**2 + minor**2 + 0.3) / radius
    b = 2 * index - 1 / 3
    edge = math.exp(-b * reach ** (1 / index))
    profile = np.maximum(np.exp(-b * r ** (1 / index)) - edge, 0)
    if profile.any():
        sources[window] += profile * (flux / float(profile.sum()))
