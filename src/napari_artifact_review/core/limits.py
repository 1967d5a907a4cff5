"""Limits of a grey scale, computed by the ZScale algorithm from sampled pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Limits: TypeAlias = tuple[float, float]

# Minimum number of pixels in a sample. ZScale uses 1,000 pixels; a larger sample
# provides enough of them even if most pixels are NaN.
_SAMPLE_SIZE = 100_000

# Maximum number of pixels that are copied at once; 32 MB as float64.
_AT_ONCE = 2**22


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
    if sample.size:
        return sample
    # The sampled pixels may all be NaN although others are finite.
    parts = [values[:: values.size // _SAMPLE_SIZE + 1] for values in _bands(pixels)]
    return np.concatenate([sample, *parts])


def finite_extent(pixels: NDArray[Any]) -> Limits | None:
    """Return the lowest and the highest finite pixel; None without one."""
    ends = [(v.min(), v.max()) for v in _bands(pixels) if v.size]
    if not ends:
        return None
    lowest, highest = zip(*ends, strict=True)
    return float(min(lowest)), float(max(highest))


def _bands(pixels: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """Yield the finite pixels of one band of rows after another."""
    # The finite pixels of a large image at once would be copies as large as the image.
    rows = max(1, _AT_ONCE // max(1, pixels.shape[1]))
    for first in range(0, len(pixels), rows):
        yield finite_values(pixels[first : first + rows])


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
