"""Camera of the simulated survey: frame, cutouts and noise."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Frame: TypeAlias = NDArray[np.float32]
"""Electrons per pixel, shape `SHAPE`."""

Floats: TypeAlias = NDArray[np.floating]

SHAPE = (2000, 4200)  # rows, columns
CUTOUT = 200  # px
GRID = (SHAPE[0] // CUTOUT, SHAPE[1] // CUTOUT)  # rows and columns of cutouts
PIXEL_SCALE = 0.263  # arcsec/px, that of DECam (Flaugher et al. 2015)
READ_NOISE = 7.0  # electrons
SATURATION = 60_000  # electrons; the gain is 1 electron per adu


def empty_frame() -> Frame:
    """Return a frame without light.

    Returns
    -------
    numpy.ndarray
        Zeros, shape `SHAPE`, float32.
    """
    return np.zeros(SHAPE, np.float32)


def by_cutout(frame: Floats) -> Floats:
    """Return a view of a full image as an array of cutouts.

    Parameters
    ----------
    frame : numpy.ndarray
        Full image, shape `SHAPE`.

    Returns
    -------
    numpy.ndarray
        A view of shape ``(*GRID, CUTOUT, CUTOUT)``: grid row, grid column, y, x.
    """
    rows, columns = GRID
    return frame.reshape(rows, CUTOUT, columns, CUTOUT).swapaxes(1, 2)


def signal_to_noise(light: Frame, noise: float) -> NDArray[np.float64]:
    """Return the signal-to-noise ratio of light in each cutout.

    Parameters
    ----------
    light : numpy.ndarray
        Light without noise, in electrons, shape `SHAPE`.
    noise : float
        Standard deviation of the sky, in electrons per pixel.

    Returns
    -------
    numpy.ndarray
        Signal-to-noise ratio of a matched filter, shape `GRID`. It is the square root
        of the sum of (light / noise)**2, the optimum for a known shape in white noise.
    """
    cutouts = by_cutout(light)
    energy: NDArray[np.float32] = np.einsum("abij,abij->ab", cutouts, cutouts)
    return np.sqrt(energy, dtype=np.float64) / noise


def read_out(light: Frame, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Simulate the detector's counts, with photon noise and read noise.

    Parameters
    ----------
    light : numpy.ndarray
        Expected numbers of electrons, shape `SHAPE`.
    rng : numpy.random.Generator
        Random number generator.

    Returns
    -------
    numpy.ndarray
        Counts in adu, clipped at the saturation level, shape `SHAPE`, uint16.
    """
    # Above a few hundred electrons, Poisson noise is nearly Gaussian. Gaussian noise is
    # faster to draw.
    noise = rng.standard_normal(SHAPE, np.float32)
    noise *= np.sqrt(np.maximum(light, 0) + np.float32(READ_NOISE**2))
    noise += light
    return np.rint(noise.clip(0, SATURATION, out=noise)).astype(np.uint16)
