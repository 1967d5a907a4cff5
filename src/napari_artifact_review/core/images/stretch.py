"""Pixels as small pictures, and smoothed: what no layer of napari does for us."""

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
    """A ready-made wish, under a name.

    Attributes
    ----------
    name : str
        In a few words.
    display : Display
        The wish, but for the colours.
    """

    name: str
    display: Display


#: One look at a cutout in each of these shows what any of them could. Their limits are
#: those of the cutout.
PRESETS = (
    Preset("ZScale", Display(scope="cutout")),
    Preset("ZScale, 1.5 px", Display(scope="cutout", sigma=1.5)),
    Preset("ZScale, 3 px", Display(scope="cutout", sigma=3)),
    Preset("ZScale, 3 px, inverted", Display(scope="cutout", sigma=3, inverted=True)),
    Preset("99.5 %, asinh", Display("percentile", 99.5, "cutout", stretch="asinh")),
    Preset("min-max, log", Display("min-max", scope="cutout", stretch="log")),
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
        Of the same shape. What is not finite stays as it is and does not count for
        its surroundings (normalised convolution), nor does what lies beyond the edge:
        there the image is continued as its mirror image.
    """
    # The dock knows the presets above; it opens without scipy.
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
    """From pixels to colours, as a layer that is shown so would look.

    Attributes
    ----------
    limits : tuple of float
        In the pixels' unit: what the first and the last colour stand for.
    table : ndarray of uint8
        Shape (`LEVELS` + 1, 3): the colour of each level, and that of NaN, black.
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
        """Return the colours that are wished.

        Parameters
        ----------
        display : Display
            How pixels are shown; of its colours, only whether they are inverted.
        brightness : Brightness
            Whose limits and histogram count.
        colors : ndarray, optional
            Shape (n, 3), from 0 to 1: from the first to the last colour; by default
            from black to white.
        """
        limits = brightness.limits(display)
        palette = np.array([[0.0] * 3, [1.0] * 3]) if colors is None else colors
        at = brightness.curve(display, limits) * (len(palette) - 1)
        ramp = [np.interp(at, range(len(palette)), c) for c in palette.T]
        levels = (np.stack(ramp, axis=1) * 255).round()
        return cls(limits, np.append(levels, [[0] * 3], axis=0).astype(np.uint8))

    def paint(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Return pixels, shape (rows, columns), as a picture with a third axis of 3."""
        low, high = self.limits
        with np.errstate(over="ignore", invalid="ignore"):
            level = (values.astype(np.float64) - low) / (high - low) * (LEVELS - 1)
        # The last entry, one beyond the levels, is that of NaN.
        shown = np.where(np.isnan(level), LEVELS, np.clip(level, 0, LEVELS - 1).round())
        return self.table[shown.astype(np.intp)]


def render(
    pixels: NDArray[Any],
    display: Display,
    brightness: Brightness | None = None,
    colors: NDArray[Any] | None = None,
) -> NDArray[np.uint8]:
    """Return pixels as a picture, as a layer that is shown so would look.

    Parameters
    ----------
    pixels : ndarray
        Real numbers or truth values, shape (rows, columns), not smoothed yet.
    display, colors
        As for `ColorMapper.of`.
    brightness : Brightness, optional
        Whose limits and histogram count, for example the full image's; by default
        those of `pixels`, smoothed if that is wished.

    Returns
    -------
    ndarray
        Shape (rows, columns, 3), uint8. Black where a pixel is NaN.
    """
    values = smoothed(pixels, display.sigma) if display.sigma else pixels
    brightness = brightness or Brightness.of(values)
    return ColorMapper.of(display, brightness, colors).paint(values)
