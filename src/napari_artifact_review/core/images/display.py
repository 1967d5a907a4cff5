"""Display settings, and the brightness statistics that give limits and stretch."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_artifact_review.core.limits import (
    Limits,
    distinct,
    finite_sample,
    finite_values,
    zscale_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from astropy.visualization import BaseStretch
    from numpy.typing import NDArray

Interval = Literal["zscale", "percentile", "min-max"]
Scope = Literal["image", "cutout"]
Stretch = Literal["linear", "asinh", "log", "sqrt", "power", "histogram"]

#: Largest sigma of the smoothing, in pixels.
MOST_SIGMA = 3.0

#: Colormaps that the dock offers, by napari's names; napari's controls have more.
COLORMAPS = ("gray", "viridis", "magma", "inferno", "cividis")

#: Number of colormap entries, equal to that of vispy, which draws for napari.
LEVELS = 1024


@dataclass(frozen=True)
class Display:
    """Display settings of pixels: limits, stretch, colormap and smoothing.

    Attributes
    ----------
    interval : str
        Method to compute the limits: "zscale", "percentile" or "min-max".
    percent : float
        Percentage of pixels inside a "percentile" interval, with equal numbers excluded
        below and above; more than 0, at most 100.
    scope : str
        Pixels from which the limits are computed: "image" or "cutout".
    manual : tuple of float or None
        Limits in the pixels' unit set by the reviewer; None to compute them.
    stretch : str
        "linear", "asinh", "log", "sqrt", "power" or "histogram"; see
        `Brightness.stretch`.
    inverted : bool
        Whether the colormap is inverted.
    colormap : str
        Name of the colormap in napari.
    sigma : float
        Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.
    """

    interval: Interval = "zscale"
    percent: float = 99.5
    scope: Scope = "image"
    manual: Limits | None = None
    stretch: Stretch = "linear"
    inverted: bool = False
    colormap: str = "gray"
    sigma: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        values = dataclasses.asdict(self)
        limits = values.pop("manual")
        # Stored reviews use the name "by_hand".
        return {**values, "by_hand": None if limits is None else list(limits)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Display:
        """Read settings from the JSON of `as_json` in any version of the program.

        Parameters
        ----------
        stored : mapping
            The stored settings. A missing, unknown or out-of-range value is replaced by
            its default, so that display settings never prevent a review.
        """
        checks: dict[str, Callable[[Any], bool]] = {
            "interval": lambda x: x in get_args(Interval),
            "percent": lambda x: _is_number(x) and 0 < x <= 100,
            "scope": lambda x: x in get_args(Scope),
            "stretch": lambda x: x in get_args(Stretch),
            "inverted": lambda x: isinstance(x, bool),
            "colormap": lambda x: isinstance(x, str),
            "sigma": lambda x: _is_number(x) and 0 <= x <= MOST_SIGMA,
        }
        values = {k: stored[k] for k, is_ok in checks.items() if is_ok(stored.get(k))}
        match stored.get("by_hand"):
            case [low, high] if _is_number(low) and _is_number(high) and low < high:
                values["manual"] = (float(low), float(high))
        return cls(**values)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


@dataclass(frozen=True, eq=False)
class Brightness:
    """Brightness statistics of an image or a cutout.

    Limits and stretch can be computed from them for any display settings.

    Attributes
    ----------
    sample : ndarray
        Finite pixels, shape (n,), float64: a regular sample if there are more than
        about 400,000.
    extent : tuple of float
        Lowest and highest finite pixel; (0, 1) if there is no finite pixel.
    zscale : tuple of float
        Limits by `zscale_limits`.
    """

    sample: NDArray[np.float64]
    extent: Limits
    zscale: Limits

    @classmethod
    def of(cls, pixels: NDArray[Any], zscale: Limits | None = None) -> Brightness:
        """Compute the statistics of pixels; NaN and infinity are ignored.

        Parameters
        ----------
        pixels : ndarray
            Real numbers or booleans, shape (rows, columns).
        zscale : tuple of float, optional
            The `zscale_limits` of the pixels, if known.
        """
        lowest, highest = pixels.min(), pixels.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            finite = finite_values(pixels)
            if finite.size:
                lowest, highest = finite.min(), finite.max()
            else:
                lowest, highest = 0, 0
        largest = float(np.finfo(np.float32).max)
        extent = np.clip([float(lowest), float(highest)], -largest, largest)
        sample = finite_sample(pixels)
        limits = zscale_of(sample) if zscale is None else zscale
        return cls(sample, distinct(*extent.tolist()), limits)

    @cached_property
    def middle(self) -> float:
        """Median, for most images the sky level; 0 if there is no finite pixel."""
        return float(np.median(self.sample)) if self.sample.size else 0.0

    def limits(self, display: Display) -> Limits:
        """Return the limits of a grey scale.

        ZScale and percentiles (`astropy.visualization.PercentileInterval`) use the
        sample; minimum and maximum use all pixels.

        Parameters
        ----------
        display : Display
            The display settings.

        Returns
        -------
        tuple of float
            Lower and upper limit in the pixels' unit, lower < upper.
        """
        if display.manual is not None:
            return display.manual
        if display.interval == "min-max" or not self.sample.size:
            return self.extent
        if display.interval == "zscale":
            return self.zscale
        from astropy.visualization import PercentileInterval

        interval = PercentileInterval(display.percent)
        return distinct(*map(float, interval.get_limits(self.sample)))

    def stretch(self, display: Display, limits: Limits) -> BaseStretch:
        """Return the stretch between two limits.

        Parameters
        ----------
        display : Display
            The display settings.
        limits : tuple of float
            Limits in the pixels' unit, mapped to 0 and 1.

        Returns
        -------
        astropy.visualization.BaseStretch
            The stretch with astropy's defaults (asinh: a = 0.1, log: a = 1000), power:
            a = 2. The histogram stretch makes all grey levels equally frequent in the
            sample between the limits.
        """
        # Imported here, because the dock imports this module and opens without astropy.
        from astropy import visualization as av

        match display.stretch:
            case "linear":
                return av.LinearStretch()
            case "asinh":
                return av.AsinhStretch()
            case "log":
                return av.LogStretch()
            case "sqrt":
                return av.SqrtStretch()
            case "power":
                return av.PowerStretch(2)
        low, high = limits
        # astropy maps the lowest and highest value to 0 and 1. Many pixels at a limit,
        # such as the background of a mask, count once, because they become black or
        # white.
        inside = self.sample[(self.sample > low) & (self.sample < high)]
        return av.HistEqStretch(np.append(inside, limits))

    def curve(self, display: Display, limits: Limits) -> NDArray[np.float64]:
        """Return the position in the colormap of each level between two limits.

        Parameters
        ----------
        display : Display
            The display settings.
        limits : tuple of float
            Limits in the pixels' unit.

        Returns
        -------
        ndarray
            Shape (`LEVELS`,), float64, from 0 to 1, ascending; descending if inverted.
            Pixels within one level look alike, also in a histogram stretch. If one hot
            pixel widens the interval, another stretch is needed.
        """
        values = self.stretch(display, limits)(np.linspace(0, 1, LEVELS))
        curve: NDArray[np.float64] = np.clip(values, 0, 1)
        return 1 - curve if display.inverted else curve
