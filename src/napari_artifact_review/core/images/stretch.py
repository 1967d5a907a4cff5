"""Smooth pixels, and convert them to colours without a napari layer."""

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
    """A named set of display settings.

    Attributes
    ----------
    name : str
        Name for the user.
    display : Display
        The settings. For a preset of the plugin, their colormap is ignored.
    """

    name: str
    display: Display


#: Presets for the side-by-side comparison, with limits computed from the cutout.
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
    """Return pixels smoothed with a Gaussian.

    Parameters
    ----------
    pixels : ndarray
        Real numbers, shape (rows, columns).
    sigma : float
        Sigma of the Gaussian in pixels, more than 0. The Gaussian is truncated at
        4 sigma.

    Returns
    -------
    ndarray
        Smoothed pixels in float32, with the same shape. NaN and infinity are unchanged
        and do not affect their neighbours (normalised convolution). The image is
        mirrored at its edges.
    """
    # Import scipy here, because the dock imports this module and must open fast.
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
    """A mapping of pixel values to colours, as in a napari layer.

    Attributes
    ----------
    limits : tuple of float
        Pixel values of the first and the last colour.
    table : ndarray of uint8
        Colour of each level, followed by black for NaN; shape (`LEVELS` + 1, 3).
    """

    limits: Limits
    table: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        display: Display,
        brightness: Brightness,
        colors: NDArray[Any] | None = None,
        gamma: float = 1.0,
    ) -> ColorMapper:
        """Create the mapper for display settings.

        Parameters
        ----------
        display : Display
            The settings; their colormap is ignored in favour of `colors`.
        brightness : Brightness
            Statistics for the limits and the histogram stretch.
        colors : ndarray, optional
            Colormap, shape (n, 3), values from 0 to 1; by default black to white.
        gamma : float
            Gamma as in napari: exponent that is applied before the stretch to pixel
            values, which are scaled to 0 and 1 at the limits.
        """
        limits = brightness.limits(display)
        palette = np.array([[0.0] * 3, [1.0] * 3]) if colors is None else colors
        curve = brightness.curve(display, limits)
        if gamma != 1:
            levels = np.linspace(0, 1, LEVELS)
            curve = np.interp(levels**gamma, levels, curve)
        at = curve * (len(palette) - 1)
        ramp = [np.interp(at, range(len(palette)), c) for c in palette.T]
        shades = (np.stack(ramp, axis=1) * 255).round()
        return cls(limits, np.append(shades, [[0] * 3], axis=0).astype(np.uint8))

    def paint(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Convert pixels (rows, columns) to 8-bit colours (rows, columns, 3)."""
        low, high = self.limits
        with np.errstate(over="ignore", invalid="ignore"):
            level = (values.astype(np.float64) - low) / (high - low) * (LEVELS - 1)
        # The last entry of the table is the colour of NaN.
        shown = np.where(np.isnan(level), LEVELS, np.clip(level, 0, LEVELS - 1).round())
        return self.table[shown.astype(np.intp)]


def render(
    pixels: NDArray[Any],
    display: Display,
    brightness: Brightness | None = None,
    colors: NDArray[Any] | None = None,
) -> NDArray[np.uint8]:
    """Convert pixels to colours, as in a napari layer.

    Parameters
    ----------
    pixels : ndarray
        Real numbers or booleans, shape (rows, columns), not yet smoothed.
    display : Display
        The settings; their colormap is ignored in favour of `colors`.
    brightness : Brightness, optional
        Statistics for the limits and the histogram stretch, for example of the full
        image; by default computed from the smoothed pixels.
    colors : ndarray, optional
        Colormap, shape (n, 3), values from 0 to 1; by default black to white.

    Returns
    -------
    ndarray
        Colours, shape (rows, columns, 3), uint8; black where a pixel is NaN.
    """
    values = smoothed(pixels, display.sigma) if display.sigma else pixels
    brightness = brightness or Brightness.of(values)
    return ColorMapper.of(display, brightness, colors).paint(values)
