"""Principal components of descriptors, all with the same variance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Number of rows from which the components are computed.
_SAMPLE = 50_000

#: Number of rows to project at once.
_AT_ONCE = 65_536

#: Variance of a component, relative to the highest, below which it is rounding noise.
_LEAST = 1e-6

#: Standard deviations beyond which a descriptor does not stretch a component further.
_LIMIT = 8.0


class Whitening(NamedTuple):
    """Projection of descriptors onto principal components with unit variance.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (d,)
        Mean and standard deviation of each descriptor; the scale of a constant one
        is 1.
    components : ndarray of float32, shape (d, k)
        Weights of the descriptors; a component without variance is 0.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    components: NDArray[np.float32]

    @classmethod
    def fit(cls, descriptors: NDArray[Any], number: int) -> Whitening:
        """Compute principal components of standardized descriptors.

        Parameters
        ----------
        descriptors : ndarray of float, shape (n, d)
            Descriptors; rows with NaN are ignored. Of many rows, equally spaced ones
            are used.
        number : int
            Number k of components.

        Returns
        -------
        Whitening
            The projection. Components beyond d or without variance are 0.
        """
        width = descriptors.shape[1]
        known = known_rows(descriptors)
        # Equally spaced rows give the same sample at each opening of a table.
        step = max(1, len(known) // _SAMPLE)
        sample = descriptors[known[::step]].astype(np.float64)
        components = np.zeros((width, number), np.float32)
        if len(sample) < 2:
            return cls(
                np.zeros(width, np.float32), np.ones(width, np.float32), components
            )
        mean, scale = sample.mean(0), sample.std(0)
        scale[scale < 1e-6 * np.maximum(1, np.abs(mean))] = 1
        sample = ((sample - mean) / scale).clip(-_LIMIT, _LIMIT)
        variance, axes = np.linalg.eigh(sample.T @ sample / len(sample))
        variance, axes = variance[::-1][:number], axes[:, ::-1][:, :number]
        used = variance > _LEAST * max(float(variance[0]), _LEAST)
        # The sign of an axis is free: a positive largest weight makes it unique.
        largest = np.abs(axes).argmax(0)
        axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
        components[:, : len(variance)][:, used] = (
            axes / np.sqrt(variance.clip(_LEAST))
        )[:, used]
        return cls(mean.astype(np.float32), scale.astype(np.float32), components)

    def project(self, descriptors: NDArray[Any]) -> NDArray[np.float32]:
        """Project descriptors onto the components.

        Parameters
        ----------
        descriptors : ndarray of float, shape (n, d)
            Descriptors.

        Returns
        -------
        ndarray of float32, shape (n, k)
            Components with mean 0 and variance 1 over the rows of the fit; NaN for a
            row with NaN.
        """
        projected = np.empty((len(descriptors), self.components.shape[1]), np.float32)
        for start in range(0, len(descriptors), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            numbers = (descriptors[part].astype(np.float32) - self.mean) / self.scale
            projected[part] = numbers.clip(-_LIMIT, _LIMIT) @ self.components
        return projected


def known_rows(descriptors: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows whose descriptors are all finite."""
    return np.flatnonzero(np.isfinite(descriptors).all(1))
