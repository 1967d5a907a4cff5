"""Limits of a grey scale, computed by the ZScale algorithm from sampled pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Limits: TypeAlias = tuple[float, float]

# Minimum number of pixels in a sample. ZScale uses 1,000 pixels; a larger sample
# provides enough of them even if most pixels are NaN.
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
        Lower and upper limit in the unit of the pixel values, lower < upper. They are
        (0, 1) if no pixel is finite. If all pixels have the value v, the upper limit is
        at least v + 1.
    """
    return zscale_of(finite_sample(pixels))


def finite_sample(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the finite pixels in a regular sample of an image, shape (n,).

    The sample of a small image contains all its finite pixels.
    """
    step = max(1, math.isqrt(pixels.size // _SAMPLE_SIZE))
    sample = finite_values(pixels[::step, ::step])
    # The sampled pixels may all be NaN although others are finite.
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
    """Return two limits; increase the upper limit unless it exceeds the lower."""
    if not lower < upper:
        # The screen uses float32, whose relative precision is better than 2**-22.
        upper = lower + max(1.0, abs(lower) * 2.0**-22)
    return lower, upper


def finite_values(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the finite pixels, shape (n,), clipped to the range of float32."""
    values: NDArray[np.float64] = pixels[np.isfinite(pixels)].astype(np.float64)
    largest = float(np.finfo(np.float32).max)
    return values.clip(-largest, largest)
