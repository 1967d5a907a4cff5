"""Straight lines in cutouts, found by a discrete Radon transform."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning.block_maps import Floats

#: Number of angles over half a turn.
ANGLES = 36

#: Angles within this number of steps of the best one belong to the same line.
_SAME_LINE = 3

NAMES = (
    "peak",
    "peak over runner-up",
    "minimum",
    "scatter",
    "lower quartile over angle",
    "median over angle",
    "upper quartile over angle",
    "cosine of twice the angle",
    "sine of twice the angle",
)


def line_features(flat: Floats) -> Floats:
    """Measure the brightest and the darkest straight line of maps.

    Each line sum is divided by the root of its length, so that lines of noise have the
    same scatter. Lines shorter than half the side are left out, because a single star
    fills them (J. Radon, Ber. Saechs. Akad. Wiss. 69, 262, 1917; for trails see
    G. Nir et al., AJ 156, 229, 2018).

    Parameters
    ----------
    flat : ndarray of float32, shape (n, side, side)
        Maps around 0, clipped so that a star weighs no more than a trail.

    Returns
    -------
    ndarray of float32, shape (n, len(NAMES))
        Features by the names in `NAMES`.
    """
    count, side = len(flat), flat.shape[-1]
    weights, starts = _line_weights(side)
    lines = flat.reshape(count, -1) @ weights
    by_angle = np.maximum.reduceat(lines, starts, axis=1)
    best = by_angle.argmax(-1)[:, None]
    distance = np.abs(np.arange(ANGLES) - best)
    distance = np.minimum(distance, ANGLES - distance)
    peak = by_angle.max(-1)
    runner_up = np.where(distance > _SAME_LINE, by_angle, -np.inf).max(-1)
    twice = 2 * np.pi * best[:, 0] / ANGLES
    quartiles = np.quantile(by_angle, (0.25, 0.5, 0.75), axis=-1)
    columns = [
        peak,
        peak - runner_up,
        lines.min(-1),
        lines.std(-1),
        *quartiles,
        np.cos(twice),
        np.sin(twice),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


@lru_cache(maxsize=4)
def _line_weights(side: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return the weights of pixels in lines, and the first line of each angle.

    Returns
    -------
    weights : ndarray of float32, shape (side**2, lines)
        Weights, whose squares have the sum 1 for each line.
    starts : ndarray of int64, shape (ANGLES,)
        Index of the first line of each angle.
    """
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2).reshape(2, -1)
    weights = []
    for turn in np.arange(ANGLES) * np.pi / ANGLES:
        offset = np.rint(x * np.cos(turn) + y * np.sin(turn))
        lines = offset[:, None] == np.unique(offset)
        length = lines.sum(0)
        weights.append((lines / np.sqrt(length))[:, length > side / 2])
    starts = np.cumsum([0, *(part.shape[1] for part in weights[:-1])])
    return np.concatenate(weights, axis=1).astype(np.float32), starts
