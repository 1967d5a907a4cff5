"""Descriptors: numbers that describe the pixels of a cutout, for any instrument."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning import objects, radon, textures
from napari_artifact_review.core.learning.block_maps import (
    Floats,
    block_means,
    block_medians,
)

#: Version of the descriptors; it changes when the same pixels give other numbers.
VERSION = "1"

#: Number of cutouts to describe at once: their pixels fit into a processor's cache.
_AT_ONCE = 14

#: Numbers of blocks along each axis of the maps.
_SKY, _COARSE, _FINE, _FINEST = 10, 20, 50, 100

#: Distance in pixels between the two pixels of a difference, beyond most stars.
_LAG = 8

_QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
_LEVELS = (3, 10, 30, 100, 1000)

_VALUE_NAMES = (
    "minimum",
    *(f"quantile {quantile}" for quantile in _QUANTILES),
    "maximum",
    *(f"pixels above {level}" for level in _LEVELS),
    "pixels below -5",
    "finite pixels",
)
_SKY_NAMES = (
    "sky level",
    "sky scatter",
    "sky range",
    "largest sky step",
    "sky slope",
    "sky scatter about the slope",
)
_COLUMN_NAMES = ("brightest column", "darkest column", "brightest row", "darkest row")
_PLACE_NAMES = ("x", "y", "radius", "noise", "scatter of the image")

#: Names of the descriptors, in the order of their columns.
NAMES = (
    *_VALUE_NAMES,
    *_SKY_NAMES,
    *(f"line, fine: {name}" for name in radon.NAMES),
    *(f"line, coarse: {name}" for name in radon.NAMES),
    *_COLUMN_NAMES,
    *(f"fine: {name}" for name in textures.EDGE_NAMES),
    *(f"coarse: {name}" for name in textures.EDGE_NAMES),
    *textures.SHARPNESS_NAMES,
    *objects.NAMES,
    *_PLACE_NAMES,
)


class _Scale(NamedTuple):
    """Level and noise of an image, in its own units, and scatter in the noise's."""

    level: float
    noise: float
    scatter: float


def describe_cutouts(
    pixels: NDArray[Any],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
) -> NDArray[np.float16]:
    """Describe cutouts of a full image by numbers.

    The descriptors are generic: quantiles, a map of the sky, straight lines, edges,
    objects, sharp pixels, and the position on the detector. All are relative to the
    median and the noise of the image. Maps have a fixed number of blocks, so that
    cutouts of any size have the same descriptors.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Full image in any unit, type and byte order; pixels may be NaN or infinite.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout, which may lie partly or
        wholly outside the image.
    size : int
        Side length of a cutout in pixels.

    Returns
    -------
    ndarray of float16, shape (n, len(NAMES))
        Descriptors by the names in `NAMES`. The row of a cutout without a finite pixel
        is NaN; all other rows are finite.
    """
    scale = _measure_scale(pixels)
    rows = np.full((len(grid_x), len(NAMES)), np.nan, np.float16)
    for start in range(0, len(grid_x), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        cutouts = _cut(pixels, grid_x[part], grid_y[part], size, scale)
        finite = np.isfinite(cutouts)
        share = finite.mean((1, 2))
        some = share > 0
        if not some.any():
            continue
        filled = _fill(cutouts[some], finite[some])
        x, y = grid_x[part][some], grid_y[part][some]
        columns = [
            _describe_values(filled, share[some]),
            *_describe_shapes(filled),
            _describe_places(pixels.shape, x, y, size, scale),
        ]
        limit = np.finfo(np.float16).max
        numbers = np.concatenate(columns, axis=1).clip(-limit, limit)
        rows[np.flatnonzero(some) + start] = numbers
    return rows


def _measure_scale(pixels: NDArray[Any]) -> _Scale:
    """Measure level, noise and scatter on at most 128 rows of an image."""
    step = max(1, pixels.shape[0] // 128)
    sample = np.asarray(pixels[::step]).astype(np.float64)
    sample[~np.isfinite(sample)] = np.nan
    known = sample[~np.isnan(sample)]
    if not known.size:
        return _Scale(0.0, 1.0, 0.0)
    level = float(np.median(known))
    lag = min(_LAG, sample.shape[1] // 2)
    steps = np.abs(sample[:, lag:] - sample[:, : sample.shape[1] - lag])
    steps = steps[~np.isnan(steps)]
    # Half of the pixels of a noiseless image are equal: then the mean step is the unit.
    noise = float(np.median(steps)) / 0.954 if steps.size else 0.0
    noise = noise or (float(steps.mean()) if steps.size else 0.0) or 1.0
    low, high = np.quantile(known, (0.16, 0.84))
    return _Scale(level, noise, float(high - low) / 2 / noise)


def _cut(
    pixels: NDArray[Any],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
    scale: _Scale,
) -> Floats:
    """Return cutouts in units of the noise; NaN outside the image."""
    cutouts = np.full((len(grid_x), size, size), np.nan, np.float32)
    rows, columns = pixels.shape
    for one, x, y in zip(cutouts, grid_x.tolist(), grid_y.tolist(), strict=True):
        left, right = max(x, 0), min(x + size, columns)
        top, bottom = max(y, 0), min(y + size, rows)
        if left >= right or top >= bottom:
            continue
        inside = np.asarray(pixels[top:bottom, left:right])
        # Float32 has too few digits for a small signal on a large pedestal.
        exact = np.result_type(inside.dtype, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            inside = (inside.astype(exact) - scale.level) / scale.noise
            one[top - y : bottom - y, left - x : right - x] = inside
    return cutouts


def _fill(cutouts: Floats, finite: NDArray[np.bool_]) -> Floats:
    """Replace pixels that are not finite by the median of their cutout."""
    for one, known in zip(cutouts, finite, strict=True):
        if not known.all():
            one[~known] = np.median(one[known])
    # Squares of larger values would exceed float32.
    return cutouts.clip(-1e9, 1e9)


def _describe_values(cutouts: Floats, finite: NDArray[np.float64]) -> Floats:
    """Describe the distribution of pixel values."""
    values = np.sort(cutouts.reshape(len(cutouts), -1), axis=1)
    last = values.shape[1] - 1
    at = [0, *(round(quantile * last) for quantile in _QUANTILES), last]
    above = [np.count_nonzero(values > level, axis=1) for level in _LEVELS]
    below = np.count_nonzero(values < -5, axis=1)
    columns = [
        np.arcsinh(values[:, at]),
        np.log1p(np.stack([*above, below], axis=1)),
        finite[:, None],
    ]
    described: Floats = np.concatenate(columns, axis=1).astype(np.float32)
    return described


def _describe_shapes(cutouts: Floats) -> list[Floats]:
    """Describe sky, lines, columns, edges, sharp pixels and objects."""
    sky = block_medians(cutouts, _SKY)
    flat = cutouts - np.median(sky, axis=(1, 2), keepdims=True)
    fine = _clipped(flat, _FINE)
    coarse = _clipped(flat, _COARSE)
    return [
        _describe_sky(sky),
        radon.line_features(fine),
        radon.line_features(coarse),
        _describe_columns(flat),
        textures.edge_features(_clipped(flat, _FINEST)),
        textures.edge_features(coarse),
        textures.sharpness_features(cutouts),
        objects.object_features(flat),
    ]


def _clipped(flat: Floats, blocks: int) -> Floats:
    """Return block means in units of their noise, clipped and around 0."""
    means = block_means(flat, blocks) * max(flat.shape[-1] / blocks, 1)
    clipped: Floats = means.clip(-3, 4)
    clipped -= clipped.mean((1, 2), keepdims=True)
    return clipped


def _describe_sky(sky: Floats) -> Floats:
    """Describe the map of the sky: level, scatter, range, steps and slope."""
    axes = (1, 2)
    level = sky.mean(axes, keepdims=True)
    ramp = np.linspace(-1, 1, _SKY, dtype=np.float32)
    weight = ramp / np.mean(ramp**2)
    x_slope = ((sky - level) * weight).mean(axes, keepdims=True)
    y_slope = ((sky - level) * weight[:, None]).mean(axes, keepdims=True)
    rest = sky - level - x_slope * ramp - y_slope * ramp[:, None]
    steps = [np.abs(np.diff(sky, axis=axis)).max(axes) for axis in axes]
    columns = [
        level[:, 0, 0],
        sky.std(axes),
        np.ptp(sky, axis=axes),
        np.maximum(*steps),
        np.hypot(x_slope, y_slope)[:, 0, 0],
        rest.std(axes),
    ]
    described: Floats = np.arcsinh(10 * np.stack(columns, axis=1))
    return described


def _describe_columns(flat: Floats) -> Floats:
    """Describe the columns and rows that differ most from those 3 px away."""
    extremes = []
    for axis in (1, 2):
        medians = np.median(flat[:, ::2] if axis == 1 else flat[:, :, ::2], axis=axis)
        steps = medians[:, 3:-3] - (medians[:, :-6] + medians[:, 6:]) / 2
        extremes += [steps.max(1), steps.min(1)]
    described: Floats = np.arcsinh(10 * np.stack(extremes, axis=1))
    return described


def _describe_places(
    shape: tuple[int, ...],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
    scale: _Scale,
) -> Floats:
    """Describe the position in the image, -1 to 1 along each axis, and the image."""
    rows, columns = shape
    x = (grid_x + size / 2) / columns * 2 - 1
    y = (grid_y + size / 2) / rows * 2 - 1
    noise, scatter = np.log(scale.noise), np.log1p(scale.scatter)
    of_image = [np.full(len(x), value) for value in (noise, scatter)]
    numbers = np.stack([x, y, np.hypot(x, y), *of_image], axis=1)
    return numbers.astype(np.float32)
