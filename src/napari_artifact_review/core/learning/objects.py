"""Bright objects in cutouts, and how their shapes differ from stars."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_artifact_review.core.learning.block_maps import Floats

#: Level in units of the noise above which pixels belong to an object.
_LEVEL = 5.0

#: Fewest pixels of an object with a shape.
_FEWEST = 4

NAMES = (
    "number of objects",
    "number of single pixels",
    "area of the largest",
    "length of the longest",
    "width of the longest",
    "elongation of the longest",
    "largest elongation",
    "highest share of the peak",
    "share of the flux in the longest",
)


def object_features(flat: Floats) -> Floats:
    """Measure the objects of cutouts: connected pixels above 5 times the noise.

    Parameters
    ----------
    flat : ndarray of float32, shape (n, size, size)
        Finite pixels in units of the noise, with the background at 0.

    Returns
    -------
    ndarray of float32, shape (n, len(NAMES))
        Features by the names in `NAMES`; 0 without an object. Lengths are standard
        deviations along the axes of an object, as a share of the size of the cutout.
    """
    count, size, _ = flat.shape
    # A dark row between cutouts lets one call label all of them.
    stack = np.zeros((count, size + 1, size), np.float32)
    stack[:, :size] = flat
    stack = stack.reshape(-1, size)
    labels, number = ndimage.label(stack > _LEVEL, np.ones((3, 3)))
    features = np.zeros((count, len(NAMES)), np.float32)
    if not number:
        return features
    y, x = np.nonzero(labels)
    shapes = _shapes(labels[y, x] - 1, y, x, stack[y, x], size)
    home = np.zeros(number, np.int64)
    home[labels[y, x] - 1] = y // (size + 1)
    area, length, width, elongation, share, flux = shapes
    features[:, 0] = np.log1p(np.bincount(home, minlength=count))
    features[:, 1] = np.log1p(np.bincount(home[area == 1], minlength=count))
    np.maximum.at(features[:, 2], home, np.log1p(area))
    np.maximum.at(features[:, 6], home, elongation)
    np.maximum.at(features[:, 7], home, share)
    order = np.lexsort((length, home))
    last = order[np.flatnonzero(np.diff(home[order], append=count))]
    total = np.bincount(home, flux, count)
    features[home[last], 3] = length[last]
    features[home[last], 4] = width[last]
    features[home[last], 5] = elongation[last]
    features[home[last], 8] = flux[last] / total[home[last]]
    return features


def _shapes(
    label: NDArray[np.int64],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    value: Floats,
    size: int,
) -> tuple[NDArray[Any], ...]:
    """Return area, length, width, elongation, share of the peak, and flux."""
    area = np.bincount(label)
    # The moments are those of the shape: the flux would follow the brightest star.
    x_mean, y_mean = np.bincount(label, x) / area, np.bincount(label, y) / area
    dx, dy = x - x_mean[label], y - y_mean[label]
    xx = np.bincount(label, dx * dx) / area + 1 / 12
    yy = np.bincount(label, dy * dy) / area + 1 / 12
    xy = np.bincount(label, dx * dy) / area
    spread = np.hypot((xx - yy) / 2, xy)
    length = np.sqrt((xx + yy) / 2 + spread)
    width = np.sqrt(np.maximum((xx + yy) / 2 - spread, 1 / 12))
    flux = np.bincount(label, value)
    peak = np.zeros(len(area))
    np.maximum.at(peak, label, value)
    has_shape = area >= _FEWEST
    elongation = np.where(has_shape, 1 - width / length, 0)
    share = np.where(has_shape, peak / flux, 0)
    return area, length / size, width / size, elongation, share, flux
