"""Level and noise of a full image, and its pixels in units of the noise."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.learning.block_maps import Floats
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: A full image in memory, or one that is read when it is indexed.
ImagePixels: TypeAlias = Pixels | LazyPixels

#: Distance in pixels between the two pixels of a difference, beyond most stars.
_LAG = 8

#: Number of rows from which level and noise are computed, and most of their pixels.
_ROWS, _SAMPLE = 128, 2**21

#: Median of the absolute difference of two normal deviates of standard deviation 1.
_MEDIAN_STEP = 0.9539

#: Values in units of the noise beyond which squares would exceed float32.
_LIMIT = 1e9


class ImageScale(NamedTuple):
    """Level and noise of a full image.

    Attributes
    ----------
    level, noise : float
        Median, and standard deviation of the noise, in the unit of the image.
    scatter : float
        Half the range of the middle 68 % of the pixels, in units of the noise.
    """

    level: float
    noise: float
    scatter: float

    @classmethod
    def measure(cls, pixels: ImagePixels) -> ImageScale:
        """Measure level and noise on equally spaced rows of an image.

        The noise comes from the median of differences 8 px apart, which neither stars
        nor slopes of the sky change much. In an image without noise, it is the mean
        difference, or 1 in a constant image.

        Parameters
        ----------
        pixels : ndarray or LazyPixels, shape (rows, columns)
            Pixels of any type and byte order; they may be NaN or infinite.
        """
        rows, columns = pixels.shape
        step = max(1, rows // max(1, min(_ROWS, _SAMPLE // max(columns, 1))))
        sample = np.asarray(pixels[::step]).astype(np.float64)
        sample[~np.isfinite(sample)] = np.nan
        known = sample[~np.isnan(sample)]
        if not known.size:
            return cls(0.0, 1.0, 0.0)
        level = float(np.median(known))
        lag = min(_LAG, sample.shape[1] // 2)
        steps = np.abs(sample[:, lag:] - sample[:, : sample.shape[1] - lag])
        steps = steps[np.isfinite(steps)]
        noise = 0.0
        if steps.size:
            noise = float(np.median(steps)) / _MEDIAN_STEP or float(steps.mean())
        noise = noise or 1.0
        low, high = np.quantile(known, (0.16, 0.84))
        return cls(level, noise, float(high / 2 - low / 2) / noise)

    def normalize(self, pixels: Pixels) -> Floats:
        """Return pixels relative to the level, in units of the noise.

        Parameters
        ----------
        pixels : ndarray
            Pixels of the image.

        Returns
        -------
        ndarray of float32
            Normalized pixels, at most 1e9; NaN where they are NaN or infinite.
        """
        # Float32 has too few digits for a small signal on a large pedestal.
        exact = np.result_type(pixels.dtype, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            values = (pixels.astype(exact) - exact.type(self.level)) / exact.type(
                self.noise
            )
        values[np.isinf(values)] = np.nan
        normalized: Floats = values.clip(-_LIMIT, _LIMIT).astype(np.float32)
        return normalized
