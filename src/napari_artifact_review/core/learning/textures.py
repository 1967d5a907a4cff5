"""Directions of edges in cutouts, and the sharpness of single pixels."""

from __future__ import annotations

import numpy as np

from napari_artifact_review.core.learning.block_maps import Floats

#: Number of directions over half a turn.
_DIRECTIONS = 9

#: Number of cells along each axis for which directions are counted apart.
_CELLS = 4

EDGE_NAMES = (
    *(f"edges {step} directions from the most frequent" for step in range(_DIRECTIONS)),
    "share of the most frequent direction, highest cell",
    "share of the most frequent direction, middle cell",
    "coherence",
    "coherence, highest cell",
)

SHARPNESS_NAMES = (
    "sharpest pixel",
    "sharpest dark pixel",
    "number of sharp pixels",
    "number of very sharp pixels",
    "number of sharp dark pixels",
)


def edge_features(flat: Floats) -> Floats:
    """Measure how much the edges in maps have one direction.

    The histogram of directions begins at the most frequent one, so that it does not
    depend on the rotation of the camera (N. Dalal & B. Triggs, CVPR 2005). Coherence is
    the anisotropy of the structure tensor (J. Bigun & G. Granlund, ICCV 1987).

    Parameters
    ----------
    flat : ndarray of float32, shape (n, side, side)
        Maps around 0, clipped so that single stars do not outweigh all else.

    Returns
    -------
    ndarray of float32, shape (n, len(EDGE_NAMES))
        Features by the names in `EDGE_NAMES`; 0 in constant maps.
    """
    count, side, _ = flat.shape
    dx = flat[:, 1:-1, 2:] - flat[:, 1:-1, :-2]
    dy = flat[:, 2:, 1:-1] - flat[:, :-2, 1:-1]
    strength = np.hypot(dx, dy)
    turn = np.arctan2(dy, dx) / np.pi % 1
    direction = np.minimum((turn * _DIRECTIONS).astype(np.int64), _DIRECTIONS - 1)
    cell = np.arange(side - 2) * _CELLS // (side - 2)
    key = np.arange(count)[:, None, None] * _CELLS + cell[:, None]
    key = (key * _CELLS + cell) * _DIRECTIONS + direction
    total = count * _CELLS**2 * _DIRECTIONS
    cells = np.bincount(key.ravel(), strength.ravel(), total)
    cells = cells.reshape(count, _CELLS**2, _DIRECTIONS)
    whole = cells.sum(1)
    start = whole.argmax(-1)[:, None]
    rolled = np.take_along_axis(
        whole, (start + np.arange(_DIRECTIONS)) % _DIRECTIONS, axis=1
    )
    share = np.sort(_ratio(cells.max(-1), cells.sum(-1)), axis=1)
    coherence = _coherence(dx, dy, _CELLS)
    columns = [
        _ratio(rolled, whole.sum(-1)[:, None]),
        share[:, [-1, share.shape[1] // 2]],
        _coherence(dx, dy, 1),
        coherence.max(1, keepdims=True),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def sharpness_features(pixels: Floats) -> Floats:
    """Measure pixels that are sharper than any star, such as those of cosmic rays.

    The sharpness of a pixel is its difference from the mean of the two neighbours on
    the axis along which it differs less (after P. van Dokkum, PASP 113, 1420, 2001).

    Parameters
    ----------
    pixels : ndarray of float32, shape (n, size, size)
        Finite pixels in units of the noise.

    Returns
    -------
    ndarray of float32, shape (n, len(SHARPNESS_NAMES))
        Features by the names in `SHARPNESS_NAMES`.
    """
    centre = pixels[:, 1:-1, 1:-1]
    across = (pixels[:, 1:-1, :-2] + pixels[:, 1:-1, 2:]) / 2
    along = (pixels[:, :-2, 1:-1] + pixels[:, 2:, 1:-1]) / 2
    bright = centre - 1.5 * np.maximum(np.minimum(across, along), 0)
    dark = np.minimum(across, along) - centre
    axes = (1, 2)
    columns = [
        np.arcsinh(bright.max(axes)),
        np.arcsinh(dark.max(axes)),
        np.log1p(np.count_nonzero(bright > 8, axis=axes)),
        np.log1p(np.count_nonzero(bright > 20, axis=axes)),
        np.log1p(np.count_nonzero(dark > 8, axis=axes)),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _coherence(dx: Floats, dy: Floats, cells: int) -> Floats:
    """Return the anisotropy of the structure tensor, shape (n, cells**2)."""
    side = dx.shape[-1] // cells
    used = side * cells

    def summed(product: Floats) -> Floats:
        parts = product[:, :used, :used].reshape(-1, cells, side, cells, side)
        total: Floats = parts.sum((2, 4)).reshape(-1, cells**2)
        return total

    xx, yy, xy = summed(dx * dx), summed(dy * dy), summed(dx * dy)
    return _ratio(np.hypot(xx - yy, 2 * xy), xx + yy)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide, with 0 where the whole is 0."""
    ratio: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return ratio
