"""Descriptors: numbers that describe the pixels of a cutout, for any instrument."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.decoders import Pixels
from napari_artifact_review.core.learning import objects, radon, textures
from napari_artifact_review.core.learning.block_maps import (
    Floats,
    block_means,
    block_medians,
)
from napari_artifact_review.core.learning.image_scale import ImagePixels, ImageScale
from napari_artifact_review.core.learning.long_lines import NAMES as LONG_LINE_NAMES
from napari_artifact_review.core.learning.long_lines import long_line_features

#: Version of the descriptors; it changes when the same pixels give other numbers.
VERSION = "1"

#: Number of cutouts to describe at once: their pixels fit into a processor's cache.
_AT_ONCE = 16

#: Numbers of blocks along each axis of the maps.
_SKY, _COARSE, _FINE = 10, 20, 50

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
    *(f"long line: {name}" for name in LONG_LINE_NAMES),
    *_PLACE_NAMES,
)


def describe_cutouts(
    pixels: ImagePixels,
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
    pixels : ndarray or LazyPixels, shape (rows, columns)
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
    scale = ImageScale.measure(pixels)
    long_lines = long_line_features(pixels, grid_x, grid_y, size, scale)
    described = np.full((len(grid_x), len(NAMES)), np.nan, np.float16)
    for rows, strip in _strips(pixels, grid_y, size):
        cutouts = _cut(strip, grid_x[rows], int(grid_y[rows[0]]), size, scale)
        is_finite = np.isfinite(cutouts)
        share = is_finite.mean((1, 2))
        some = share > 0
        if not some.any():
            continue
        filled = _fill(cutouts[some], is_finite[some])
        rows = rows[some]
        columns = [
            _describe_values(filled, share[some]),
            *_describe_shapes(filled),
            long_lines[rows],
            _describe_places(pixels.shape, grid_x[rows], grid_y[rows], size, scale),
        ]
        limit = np.finfo(np.float16).max
        described[rows] = np.concatenate(columns, axis=1).clip(-limit, limit)
    return described


def _strips(
    pixels: ImagePixels, grid_y: NDArray[np.int64], size: int
) -> Iterator[tuple[NDArray[np.int64], Pixels]]:
    """Yield cutouts side by side, at most `_AT_ONCE`, and the rows of the image there.

    A compressed image decodes whole rows of tiles, so each row of cutouts is read once.
    """
    order = np.argsort(grid_y, kind="stable")
    starts = np.flatnonzero(np.diff(grid_y[order])) + 1
    for side_by_side in np.split(order, starts) if order.size else []:
        top = int(grid_y[side_by_side[0]])
        strip = np.asarray(pixels[max(top, 0) : max(top + size, 0)])
        for start in range(0, len(side_by_side), _AT_ONCE):
            yield side_by_side[start : start + _AT_ONCE], strip


def _cut(
    strip: Pixels, grid_x: NDArray[np.int64], top: int, size: int, scale: ImageScale
) -> Floats:
    """Return cutouts of a strip in units of the noise; NaN outside the image."""
    cutouts = np.full((len(grid_x), size, size), np.nan, np.float32)
    rows, columns = strip.shape
    first = max(-top, 0)
    for one, x in zip(cutouts, grid_x.tolist(), strict=True):
        left, right = max(x, 0), min(x + size, columns)
        if left < right:
            inside = scale.normalize(strip[:, left:right])
            one[first : first + rows, left - x : right - x] = inside
    return cutouts


def _fill(cutouts: Floats, finite: NDArray[np.bool_]) -> Floats:
    """Replace pixels that are not finite by the median of their cutout."""
    for one, known in zip(cutouts, finite, strict=True):
        if not known.all():
            one[~known] = np.median(one[known])
    return cutouts


def _describe_values(cutouts: Floats, finite: NDArray[np.float64]) -> Floats:
    """Describe the distribution of pixel values.

    Quantiles and counts come from every second row and column, which is precise enough
    and takes a quarter of the time.
    """
    flat = cutouts.reshape(len(cutouts), -1)
    sample = np.sort(cutouts[:, ::2, ::2].reshape(len(cutouts), -1), axis=1)
    last = sample.shape[1] - 1
    quantiles = sample[:, [round(quantile * last) for quantile in _QUANTILES]]
    above = [np.count_nonzero(sample > level, axis=1) for level in _LEVELS]
    below = np.count_nonzero(sample < -5, axis=1)
    columns = [
        np.arcsinh(np.column_stack([flat.min(1), quantiles, flat.max(1)])),
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
        textures.edge_features(fine),
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
    for pixels in (flat[:, ::2].swapaxes(1, 2), flat[:, :, ::2]):
        middle = pixels.shape[-1] // 2
        medians = np.sort(pixels, axis=-1)[..., middle]
        steps = medians[:, 3:-3] - (medians[:, :-6] + medians[:, 6:]) / 2
        extremes += [steps.max(1), steps.min(1)]
    described: Floats = np.arcsinh(10 * np.stack(extremes, axis=1))
    return described


def _describe_places(
    shape: tuple[int, ...],
    grid_x: NDArray[np.int64],
    grid_y: NDArray[np.int64],
    size: int,
    scale: ImageScale,
) -> Floats:
    """Describe the position in the image, -1 to 1 along each axis, and the image."""
    rows, columns = shape
    x = (grid_x + size / 2) / columns * 2 - 1
    y = (grid_y + size / 2) / rows * 2 - 1
    noise, scatter = np.log(scale.noise), np.log1p(scale.scatter)
    of_image = [np.full(len(x), value) for value in (noise, scatter)]
    numbers = np.stack([x, y, np.hypot(x, y), *of_image], axis=1)
    return numbers.astype(np.float32)
