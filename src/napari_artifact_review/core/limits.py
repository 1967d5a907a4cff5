"""Limits of a grey scale: the ZScale algorithm on a sample of the pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Limits: TypeAlias = tuple[float, float]

# ZScale looks at 1,000 pixels; this many are enough to find those among NaN.
_SAMPLE = 100_000


def zscale_limits(pixels: NDArray[Any]) -> Limits:
    """Return the ZScale limits of an image, which show faint objects.

    The algorithm of IRAF, as in `astropy.visualization.ZScaleInterval` with its
    defaults, on a regular sample of the image. NaN and infinity are left out.

    Parameters
    ----------
    pixels : ndarray
        Real numbers or truth values, shape (rows, columns).

    Returns
    -------
    tuple of float
        Lower and upper limit in the pixels' unit, lower < upper. (0, 1) without
        a finite pixel, (v, v + 1) if every pixel is v.
    """
    return zscale_of(finite_sample(pixels))


def finite_sample(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return finite pixels of a regular sample, or of all of a small image."""
    step = max(1, math.isqrt(pixels.size // _SAMPLE))
    sample = finite_values(pixels[::step, ::step])
    # The finite pixels may all lie between those of the sample.
    return sample if sample.size else finite_values(pixels)


def zscale_of(sample: NDArray[np.float64]) -> Limits:
    """Return the ZScale limits of a sample of finite pixels, shape (n,)."""
    if not sample.size:
        return 0.0, 1.0
    from astropy.visualization import ZScaleInterval

    lower, upper = map(float, ZScaleInterval().get_limits(sample))
    if not lower < upper:
        # A few bright pixels on a constant background, which alone ZScale measures.
        lower, upper = float(sample.min()), float(sample.max())
    return distinct(lower, upper)


def distinct(lower: float, upper: float) -> Limits:
    """Return limits that differ on the screen."""
    if not lower < upper:
        # 2**-22 is the smallest relative step in float32, and so on the screen.
        upper = lower + max(1.0, abs(lower) * 2.0**-22)
    return lower, upper


def finite_values(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the finite pixels, shape (n,), clipped to the range of float32."""
    values: NDArray[np.float64] = pixels[np.isfinite(pixels)].astype(np.float64)
    largest = float(np.finfo(np.float32).max)
    return values.clip(-largest, largest)
