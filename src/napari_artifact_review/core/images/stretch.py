"""Pixels as thumbnails, and smoothed: what no layer of napari does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_artifact_review.core.images.display import LEVELS, Brightness, Display
from napari_artifact_review.core.limits import Limits

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Preset:
    """Ready-made display settings with a name.

    Attributes
    ----------
    name : str
        A few words.
    display : Display
        The settings; the colormap is not used.
    """

    name: str
    display: Display


#: Presets that show a cutout side by side. Their limits are those of the cutout.
PRESETS = (
    Preset("ZScale", Display(scope="cutout")),
    Preset("ZScale, 1.5 px", Display(scope="cutout", sigma=1.5)),
    Preset("ZScale, 3 px", Display(scope="cutout", sigma=3)),
    Preset("ZScale, 3 px, inverted", Display(scope="cutout", sigma=3, inverted=True)),
    Preset("99.5 %, asinh", Display("percentile", 99.5, "cutout", stretch="asinh")),
    Preset("Min-max, log", Display("min-max", scope="cutout", stretch="log")),
    Preset("99.5 %, sqrt", Display("percentile", 99.5, "cutout", stretch="sqrt")),
    Preset(
        "99 %, histogram, 3 px",
        Display("percentile", 99, "cutout", stretch="histogram", sigma=3),
    ),
)


def smoothed(pixels: NDArray[Any], sigma: float) -> NDArray[np.float32]:
    """Return pixels smoothed by a Gaussian.

    Parameters
    ----------
    pixels : ndarray
        Real numbers, shape (rows, columns).
    sigma : float
        In pixels, more than 0. The Gaussian ends at four times this.

    Returns
    -------
    ndarray
        Same shape. NaN and infinity stay as they are and do not affect their
        neighbours (normalised convolution). Beyond its edge, the image is mirrored.
    """
    # Not at the top: the dock, which imports this module, opens without scipy.
    from scipy.ndimage import gaussian_filter

    with np.errstate(over="ignore"):
        values = pixels.astype(np.float32)
    known = np.isfinite(values)
    if known.all():
        return np.asarray(gaussian_filter(values, sigma), np.float32)
    sums = gaussian_filter(np.where(known, values, np.float32(0)), sigma)
    weights = gaussian_filter(known.astype(np.float32), sigma)
    np.divide(sums, weights, out=values, where=known)
    return values


@dataclass(frozen=True, eq=False)
class ColorMapper:
    """Map pixels to colours, as a layer of napari does.

    Attributes
    ----------
    limits : tuple of float
        Pixel values of the first and the last colour.
    table : ndarray of uint8
        Shape (`LEVELS` + 1, 3): the colour of each level, and black for NaN.
    """

    limits: Limits
    table: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        display: Display,
        brightness: Brightness,
        colors: NDArray[Any] | None = None,
    ) -> ColorMapper:
        """Return the mapper for display settings.

        Parameters
        ----------
        display : Display
            The settings; the colormap is taken from `colors` instead.
        brightness : Brightness
            Gives limits and histogram.
        colors : ndarray, optional
            The colormap, shape (n, 3), from 0 to 1; by default from black to white.
        """
        limits = brightness.limits(display)
        palette = np.array([[0.0] * 3, [1.0] * 3]) if colors is None else colors
        at = brightness.curve(display, limits) * (len(palette) - 1)
        ramp = [np.interp(at, range(len(palette)), c) for c in palette.T]
        levels = (np.stack(ramp, axis=1) * 255).round()
        return cls(limits, np.append(levels, [[0] * 3], axis=0).astype(np.uint8))

    def paint(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the colours, shape (rows, columns, 3), of pixels (rows, columns)."""
        low, high = self.limits
        with np.errstate(over="ignore", invalid="ignore"):
            level = (values.astype(np.float64) - low) / (high - low) * (LEVELS - 1)
        # The last entry, one beyond the levels, is for NaN.
        shown = np.where(np.isnan(level), LEVELS, np.clip(level, 0, LEVELS - 1).round())
        return self.table[shown.astype(np.intp)]


def render(
    pixels: NDArray[Any],
    display: Display,
    brightness: Brightness | None = None,
    colors: NDArray[Any] | None = None,
) -> NDArray[np.uint8]:
    """Return pixels as colours, as a layer of napari shows them.

    Parameters
    ----------
    pixels : ndarray
        Real numbers or truth values, shape (rows, columns), not smoothed yet.
    display, colors
        As for `ColorMapper.of`.
    brightness : Brightness, optional
        Gives limits and histogram, for example those of the full image; by default
        those of `pixels`, smoothed if requested.

    Returns
    -------
    ndarray
        Shape (rows, columns, 3), uint8. Black where a pixel is NaN.
    """
    values = smoothed(pixels, display.sigma) if display.sigma else pixels
    brightness = brightness or Brightness.of(values)
    return ColorMapper.of(display, brightness, colors).paint(values)
