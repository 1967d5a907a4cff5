"""Features of each cutout of an image, for the demo's classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .camera import CUTOUT, GRID, Floats, by_cutout

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIN = 4  # px; about the width of a trail
COARSE = 20  # px; wider than stars, narrower than ghosts and scattered light
ANGLES = 36

FEATURES = (
    "sky offset",
    "sky scatter",
    "sky slope",
    "sky curvature",
    "sky step",
    "line peak",
    "line peak over runner-up",
    "line depth",
    "column peak",
    "column depth",
    "sharpest pixel",
    "sharp pixels",
    "bright pixels",
    "saturation",
    "noise",
)


def measure(pixels: NDArray[np.uint16]) -> Floats:
    """Measure the features of all cutouts of an image.

    Parameters
    ----------
    pixels : numpy.ndarray
        Full image in adu, shape `SHAPE`.

    Returns
    -------
    numpy.ndarray
        Features, shape ``(cutouts, len(FEATURES))``. The cutouts are in row-major order
        of the grid, as in the table.
    """
    image = pixels.astype(np.float32)
    image -= np.median(image[::8, ::8])
    noise = _scatter(image)
    image /= noise
    coarse = _binned_median(image)
    flat = by_cutout(image) - np.median(coarse, axis=(-2, -1), keepdims=True)
    columns = [
        *_sky_features(coarse),
        *_line_features(flat),
        *_column_features(flat),
        *_sharp_features(image),
        (flat > 5).mean((-2, -1)),
        np.log10(np.maximum(flat.max((-2, -1)), 1)),
        np.full(GRID, noise),
    ]
    return np.stack([c.ravel() for c in columns], axis=1).astype(np.float64)


def _scatter(image: Floats) -> np.float32:
    """Return a robust standard deviation, computed from differences of pixels."""
    difference = np.abs(image[::8, 8::8] - image[::8, :-8:8])
    return np.float32(np.median(difference) / 0.6745 / np.sqrt(2))


def _binned_median(image: Floats) -> Floats:
    """Return a coarse sky map of each cutout, shape ``(*GRID, bins, bins)``.

    The median of each bin removes stars.
    """
    side = CUTOUT // COARSE
    # Use every second column, which is enough for a median and takes half the time.
    bins = by_cutout(image).reshape(*GRID, side, COARSE, side, COARSE)[..., ::2]
    sky: Floats = np.median(bins.swapaxes(3, 4).reshape(*GRID, side, side, -1), axis=-1)
    return sky


def _sky_features(coarse: Floats) -> list[Floats]:
    """Return the offset, scatter, slope, curvature and steepest step of the sky."""
    axes = (-2, -1)
    side = coarse.shape[-1]
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    level = coarse.mean(axes, keepdims=True)
    weight = ramp / (ramp**2).mean()
    x_slope = ((coarse - level) * weight).mean(axes, keepdims=True)
    y_slope = ((coarse - level) * weight[:, None]).mean(axes, keepdims=True)
    rest = coarse - level - x_slope * ramp - y_slope * ramp[:, None]
    steps = [np.abs(np.diff(coarse, axis=a)) for a in axes]
    step = np.maximum(*(np.percentile(s, 90, axis=axes) for s in steps))
    slope = np.hypot(x_slope, y_slope)[..., 0, 0]
    return [level[..., 0, 0], coarse.std(axes), slope, rest.std(axes), step]


def _line_features(flat: Floats) -> list[Floats]:
    """Return the extremes of a Radon transform, which indicate straight lines."""
    side = CUTOUT // BIN
    binned = flat.reshape(*GRID, side, BIN, side, BIN).mean((3, 5)) * BIN
    # Clip the pixels, so that a star contributes no more to a line than a trail does.
    clipped = np.clip(binned, -3, 4)
    clipped -= clipped.mean((-2, -1), keepdims=True)
    lines = clipped.reshape(*GRID, side**2) @ _radon_matrix(side)
    lines = lines.reshape(*GRID, ANGLES, -1)
    by_angle = lines.max(-1)
    best = by_angle.argmax(-1)[..., None]
    distance = np.abs(np.arange(ANGLES) - best)
    distance = np.minimum(distance, ANGLES - distance)
    runner_up = np.where(distance > 3, by_angle, -np.inf).max(-1)
    peak = by_angle.max(-1)
    return [peak, peak - runner_up, lines.min((-2, -1))]


def _radon_matrix(side: int) -> Floats:
    """Return pixel weights for sums along lines, shape ``(side**2, ANGLES * bins)``."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angles = np.arange(ANGLES) * np.pi / ANGLES
    offset = x.ravel() * np.cos(angles)[:, None] + y.ravel() * np.sin(angles)[:, None]
    bins = int(np.ceil(side * np.sqrt(2))) + 1
    line = np.rint(offset + (bins - 1) / 2).astype(int)
    line += bins * np.arange(ANGLES)[:, None]
    matrix = np.zeros((side**2, ANGLES * bins), np.float32)
    matrix[np.arange(side**2), line] = 1
    length = matrix.sum(0)
    # Exclude short lines in corners, where a single star would look like a trail.
    return matrix * np.where(length > side / 2, 1 / np.sqrt(np.maximum(length, 1)), 0)


def _column_features(flat: Floats) -> list[Floats]:
    """Return the highest and lowest column median, relative to nearby columns."""
    columns = np.median(flat[:, :, ::2], axis=-2)
    step = columns[..., 3:-3] - (columns[..., :-6] + columns[..., 6:]) / 2
    return [step.max(-1), step.min(-1)]


def _sharp_features(image: Floats) -> list[Floats]:
    """Return two features for cosmic rays, which are sharper than stars."""
    sharp = np.zeros_like(image)
    rows = image[:-2, 1:-1] + image[2:, 1:-1]
    columns = image[1:-1, :-2] + image[1:-1, 2:]
    # A pixel of a star is at most about 1.3 times the mean of its two neighbours.
    sharp[1:-1, 1:-1] = image[1:-1, 1:-1] - 0.75 * np.minimum(rows, columns)
    cutouts = by_cutout(sharp)
    return [
        np.log10(np.maximum(cutouts.max((-2, -1)), 1)),
        np.log10(1 + (cutouts > 8).sum((-2, -1))),
    ]
