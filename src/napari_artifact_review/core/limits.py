"""Limits of a grey scale by the ZScale algorithm on a sample of the pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Limits: TypeAlias = tuple[float, float]

# ZScale uses 1,000 pixels; this sample provides enough of them even among many NaN.
_SAMPLE_SIZE = 100_000


def zscale_limits(pixels: NDArray[Any]) -> Limits:
    """Return the limits of a grey scale that shows faint sources.

    `astropy.visualization.ZScaleInterval`, which implements IRAF's ZScale algorithm, is
    applied with its defaults to a regular sample of the image. NaN and infinity are
    ignored.

    Parameters
    ----------
    pixels : ndarray
        Real numbers or booleans, shape (rows, columns).

    Returns
    -------
    tuple of float
        Lower and upper limit in the pixels' unit, lower < upper. (0, 1) without a
        finite pixel, (v, v + 1) if every pixel is v.
    """
    return zscale_of(finite_sample(pixels))


def finite_sample(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return a sample of the finite pixels of an image; all if the image is small."""
    step = max(1, math.isqrt(pixels.size // _SAMPLE_SIZE))
    sample = finite_values(pixels[::step, ::step])
    # All finite pixels may lie between the sampled ones.
    return sample if sample.size else finite_values(pixels)


def zscale_of(sample: NDArray[np.float64]) -> Limits:
    """Return the ZScale limits of a sample of finite pixels, shape (n,)."""
    if not sample.size:
        return 0.0, 1.0
    from astropy.visualization import ZScaleInterval

    lower, upper = map(float, ZScaleInterval().get_limits(sample))
    if not lower < upper:
        # If few pixels differ from a constant background, ZScale ignores them.
        lower, upper = float(sample.min()), float(sample.max())
    return distinct(lower, upper)


def distinct(lower: float, upper: float) -> Limits:
    """Return two limits, with the upper one raised if it is not above the lower."""
    if not lower < upper:
        # The screen uses float32, whose relative step is at most 2**-22.
        upper = lower + max(1.0, abs(lower) * 2.0**-22)
    return lower, upper


def finite_values(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the finite pixels, shape (n,), clipped to the range of float32."""
    values: NDArray[np.float64] = pixels[np.isfinite(pixels)].astype(np.float64)
    largest = float(np.finfo(np.float32).max)
    return values.clip(-largest, largest)
