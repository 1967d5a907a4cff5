"""Display settings, and brightness statistics for limits and stretches."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from napari_artifact_review.core.limits import (
    Limits,
    distinct,
    finite_extent,
    finite_sample,
    zscale_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from astropy.visualization import BaseStretch
    from numpy.typing import NDArray

Interval = Literal["zscale", "percentile", "min-max"]
Scope = Literal["image", "cutout"]
Stretch = Literal["linear", "asinh", "log", "sqrt", "power", "histogram"]

#: Lower and upper limit set by the reviewer; None for a limit that is computed.
ManualLimits: TypeAlias = tuple[float | None, float | None]

#: Lowest and highest contrast, and lowest and highest bias.
CONTRASTS: Limits = (0.1, 20.0)
BIASES: Limits = (-1.0, 2.0)

#: Maximum sigma of the smoothing, in pixels.
MOST_SIGMA = 3.0

#: Colormaps in the dock, by their names in napari. The layer controls offer more.
COLORMAPS = ("gray", "viridis", "magma", "inferno", "cividis")

#: Number of colormap entries, as in vispy, the drawing library of napari.
LEVELS = 1024


@dataclass(frozen=True)
class Display:
    """Display settings for limits, stretch, colormap and smoothing.

    Attributes
    ----------
    interval : str
        Method to compute the limits: "zscale", "percentile" or "min-max".
    percent : float
        Percentage of pixels inside a "percentile" interval, more than 0 and at most
        100. Equal numbers of pixels are excluded below and above.
    scope : str
        Pixels from which the limits are computed: "image" or "cutout".
    manual : tuple of float or None
        Lower and upper limit set by the reviewer, in the unit of the pixel values; None
        for a limit that is computed. None instead of the tuple if both limits are
        computed.
    stretch : str
        "linear", "asinh", "log", "sqrt", "power" or "histogram"; see
        `Brightness.stretch`.
    inverted : bool
        Whether the colormap is inverted.
    colormap : str
        Name of the colormap in napari.
    sigma : float
        Sigma of the Gaussian that smooths the pixels, in pixels; 0 for none.
    contrast, bias : float
        Contrast and bias as in DS9. The distance between the limits is divided by
        `contrast`. Their centre moves to the fraction `bias` of the original interval;
        0.5 leaves the centre unchanged.
    """

    interval: Interval = "zscale"
    percent: float = 99.5
    scope: Scope = "image"
    manual: ManualLimits | None = None
    stretch: Stretch = "linear"
    inverted: bool = False
    colormap: str = "gray"
    sigma: float = 0.0
    contrast: float = 1.0
    bias: float = 0.5

    @property
    def has_fixed_limits(self) -> bool:
        """Whether both limits are manual, so that no pixels determine them."""
        return self.manual is not None and None not in self.manual

    @property
    def has_contrast(self) -> bool:
        """Whether the contrast or the bias changes the limits."""
        return (self.contrast, self.bias) != (Display.contrast, Display.bias)

    def with_limits(self, low: float | None, high: float | None) -> Display:
        """Return a copy with these limits and with the default contrast and bias.

        Parameters
        ----------
        low, high : float or None
            Limits in the unit of the pixel values; None for a limit to compute.
        """
        manual = None if low is None and high is None else (low, high)
        return replace(
            self, manual=manual, contrast=Display.contrast, bias=Display.bias
        )

    def with_contrast(self, contrast: float, bias: float) -> Display:
        """Return a copy with this contrast and bias, clipped to their ranges."""
        return replace(
            self,
            contrast=min(max(contrast, CONTRASTS[0]), CONTRASTS[1]),
            bias=min(max(bias, BIASES[0]), BIASES[1]),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the settings as a dictionary for JSON."""
        values = dataclasses.asdict(self)
        limits = values.pop("manual")
        # Stored reviews use the key "by_hand" for manual limits.
        return {**values, "by_hand": None if limits is None else list(limits)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Display:
        """Create settings from a dictionary that any version of `as_json` returned.

        Parameters
        ----------
        stored : mapping
            The stored settings. A missing or invalid value is replaced by its default,
            so that display settings never prevent a review.
        """
        checks: dict[str, Callable[[Any], bool]] = {
            "interval": lambda x: x in get_args(Interval),
            "percent": lambda x: _is_number(x) and 0 < x <= 100,
            "scope": lambda x: x in get_args(Scope),
            "stretch": lambda x: x in get_args(Stretch),
            "inverted": lambda x: isinstance(x, bool),
            "colormap": lambda x: isinstance(x, str),
            "sigma": lambda x: _is_number(x) and 0 <= x <= MOST_SIGMA,
            "contrast": lambda x: _is_number(x) and CONTRASTS[0] <= x <= CONTRASTS[1],
            "bias": lambda x: _is_number(x) and BIASES[0] <= x <= BIASES[1],
        }
        values = {k: stored[k] for k, is_ok in checks.items() if is_ok(stored.get(k))}
        return cls(**values, manual=_manual_limits(stored.get("by_hand")))

    @classmethod
    def from_view(cls, view: Mapping[str, Any]) -> Display:
        """Create settings from view settings that any version of the plugin stored."""
        display = view.get("display")
        if isinstance(display, Mapping):
            return cls.from_json(display)
        # Versions without stretches stored limits and colormap separately.
        manual = view.get("contrast_limits") if view.get("limits_chosen") else None
        return cls.from_json({"colormap": view.get("colormap"), "by_hand": manual})


def _manual_limits(stored: Any) -> ManualLimits | None:
    """Return stored limits, or None if they are invalid."""
    match stored:
        case [low, high] if _is_number(low) and _is_number(high) and low < high:
            return float(low), float(high)
        case [low, None] if _is_number(low):
            return float(low), None
        case [None, high] if _is_number(high):
            return None, float(high)
    return None


def _is_number(value: object) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


@dataclass(frozen=True, eq=False)
class Brightness:
    """Brightness statistics of an image or a cutout, for limits and stretches.

    Attributes
    ----------
    sample : ndarray
        Finite pixels, shape (n,), float64; a regular subsample if there are more than
        about 400,000.
    extent : tuple of float
        Lowest and highest finite pixel; (0, 1) if there is no finite pixel.
    zscale : tuple of float
        ZScale limits; see `zscale_limits`.
    """

    sample: NDArray[np.float64]
    extent: Limits
    zscale: Limits

    @classmethod
    def of(cls, pixels: NDArray[Any], zscale: Limits | None = None) -> Brightness:
        """Compute the statistics of pixels, ignoring NaN and infinity.

        Parameters
        ----------
        pixels : ndarray
            Real numbers or booleans, shape (rows, columns).
        zscale : tuple of float, optional
            The `zscale_limits` of the pixels, if known.
        """
        lowest, highest = float(pixels.min()), float(pixels.max())
        if not (math.isfinite(lowest) and math.isfinite(highest)):
            lowest, highest = finite_extent(pixels) or (0.0, 0.0)
        largest = float(np.finfo(np.float32).max)
        extent = np.clip([lowest, highest], -largest, largest)
        sample = finite_sample(pixels)
        limits = zscale_of(sample) if zscale is None else zscale
        return cls(sample, distinct(*extent.tolist()), limits)

    @cached_property
    def middle(self) -> float:
        """Median of the sample, usually the sky level; 0 if no pixel is finite."""
        return float(np.median(self.sample)) if self.sample.size else 0.0

    def limits(self, display: Display) -> Limits:
        """Compute the limits of a grey scale for display settings.

        ZScale and percentiles (`astropy.visualization.PercentileInterval`) use the
        sample. "min-max" uses all pixels.

        Parameters
        ----------
        display : Display
            The display settings.

        Returns
        -------
        tuple of float
            Lower and upper limit in the unit of the pixel values, lower < upper.
        """
        low, high = self._limits_before_contrast(display)
        if not display.has_contrast:
            return low, high
        width = high - low
        centre, half = low + display.bias * width, width / display.contrast / 2
        return distinct(centre - half, centre + half)

    def _limits_before_contrast(self, display: Display) -> Limits:
        low, high = display.manual or (None, None)
        if low is not None and high is not None:
            return low, high
        computed = self._computed_limits(display)
        width = computed[1] - computed[0]
        if low is not None:
            # If a manual limit is beyond the computed limits, preserve their distance.
            return distinct(low, computed[1] if low < computed[1] else low + width)
        if high is not None:
            return distinct(computed[0] if computed[0] < high else high - width, high)
        return computed

    def _computed_limits(self, display: Display) -> Limits:
        if display.interval == "min-max" or not self.sample.size:
            return self.extent
        if display.interval == "zscale":
            return self.zscale
        from astropy.visualization import PercentileInterval

        interval = PercentileInterval(display.percent)
        return distinct(*map(float, interval.get_limits(self.sample)))

    def stretch(self, display: Display, limits: Limits) -> BaseStretch:
        """Return the stretch for display settings.

        Parameters
        ----------
        display : Display
            The display settings.
        limits : tuple of float
            Limits in the unit of the pixel values, which are mapped to 0 and 1.

        Returns
        -------
        astropy.visualization.BaseStretch
            The stretch, with astropy's defaults (a = 0.1 for asinh, a = 1000 for log)
            and a = 2 for power. The histogram stretch makes all grey levels equally
            frequent in the part of the sample between the limits.
        """
        # Import astropy here, because the dock imports this module and must open fast.
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
        # astropy maps the lowest value to 0 and the highest to 1. Pixels equal to a
        # limit, such as the background of a mask, are left out, because they are black
        # or white with any stretch. Each limit is added once.
        inside = self.sample[(self.sample > low) & (self.sample < high)]
        return av.HistEqStretch(np.append(inside, limits))

    def curve(self, display: Display, limits: Limits) -> NDArray[np.float64]:
        """Compute the colormap position of each level between two limits.

        Parameters
        ----------
        display : Display
            The display settings.
        limits : tuple of float
            Limits in the unit of the pixel values.

        Returns
        -------
        ndarray
            Positions from 0 to 1, shape (`LEVELS`,), float64, ascending; descending if
            the colormap is inverted. Pixels within a level have the same colour, even
            with a histogram stretch. If a hot pixel widens the limits, most pixels
            share a few levels.
        """
        values = self.stretch(display, limits)(np.linspace(0, 1, LEVELS))
        curve: NDArray[np.float64] = np.clip(values, 0, 1)
        return 1 - curve if display.inverted else curve
