"""How pixels become grey levels: what the reviewer wishes, and the limits it gives."""

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

#: The most that pixels are smoothed by: sigma in pixels.
MOST_SIGMA = 3.0

#: The colours that are offered, by napari's names; more are in its own controls.
COLORMAPS = ("gray", "viridis", "magma", "inferno", "cividis")

#: Entries of a table of colours: vispy, which draws for napari, has as many.
LEVELS = 1024


@dataclass(frozen=True)
class Display:
    """How the reviewer wishes to see pixels: one whole wish.

    Attributes
    ----------
    interval : str
        What the darkest and the brightest shade stand for: "zscale", "percentile" or
        "min-max".
    percent : float
        Of the pixels that lie in a "percentile" interval, as many left out below it
        as above; more than 0, at most 100.
    scope : str
        Whose pixels give the interval: those of the "image" or of the "cutout".
    manual : tuple of float or None
        Limits in the pixels' unit that the reviewer set instead of any interval.
    stretch : str
        How shades are spread between the limits: "linear", "asinh", "log", "sqrt",
        "power" or "histogram", as `Brightness.stretch` tells.
    inverted : bool
        Whether the colours run the other way.
    colormap : str
        Name of the colours, as napari knows it.
    sigma : float
        Of the Gaussian that pixels are smoothed by, in pixels; 0 for none.
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
        """Return it as plain JSON."""
        kept = dataclasses.asdict(self)
        limits = kept.pop("manual")
        # The stored name, which stays.
        return {**kept, "by_hand": None if limits is None else list(limits)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Display:
        """Return what `as_json` gave, also in another version.

        Parameters
        ----------
        kept : mapping
            Whatever a store holds. What is missing, unknown or out of range is as in
            a new review: how pixels look is no reason not to open one.
        """
        sound: dict[str, Callable[[Any], bool]] = {
            "interval": lambda x: x in get_args(Interval),
            "percent": lambda x: _is_number(x) and 0 < x <= 100,
            "scope": lambda x: x in get_args(Scope),
            "stretch": lambda x: x in get_args(Stretch),
            "inverted": lambda x: isinstance(x, bool),
            "colormap": lambda x: isinstance(x, str),
            "sigma": lambda x: _is_number(x) and 0 <= x <= MOST_SIGMA,
        }
        values = {k: kept[k] for k, is_sound in sound.items() if is_sound(kept.get(k))}
        match kept.get("by_hand"):
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
    """How bright the pixels of an image or a cutout are.

    Limits and stretches follow from it at once, whatever the reviewer wishes.

    Attributes
    ----------
    sample : ndarray
        Shape (n,), float64: finite pixels, from a regular sample of at most some
        400,000 where there are more.
    extent : tuple of float
        The lowest and the highest finite pixel of all; (0, 1) without one.
    zscale : tuple of float
        The limits of `zscale_limits`.
    """

    sample: NDArray[np.float64]
    extent: Limits
    zscale: Limits

    @classmethod
    def of(cls, pixels: NDArray[Any], zscale: Limits | None = None) -> Brightness:
        """Look at pixels; NaN and infinity are left out.

        Parameters
        ----------
        pixels : ndarray
            Real numbers or truth values, shape (rows, columns).
        zscale : tuple of float, optional
            Their `zscale_limits`, if they are known.
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
        """The median: what most of a sky is; 0 without a finite pixel."""
        return float(np.median(self.sample)) if self.sample.size else 0.0

    def limits(self, display: Display) -> Limits:
        """Return the limits of a grey scale.

        ZScale and percentiles (`astropy.visualization.PercentileInterval`) are those
        of the sample, minimum and maximum those of all pixels.

        Parameters
        ----------
        display : Display
            What is wished.

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
        """Return how shades are spread between two limits.

        Parameters
        ----------
        display : Display
            What is wished.
        limits : tuple of float
            In the pixels' unit; they become 0 and 1.

        Returns
        -------
        astropy.visualization.BaseStretch
            With astropy's defaults (asinh: a = 0.1, log: a = 1000), power: a = 2. The
            histogram is that of the sample between the limits, so that each shade is
            as frequent as any other there.
        """
        # The dock knows the wishes above; it opens without astropy.
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
        # astropy takes the ends of what it is given for 0 and 1. Of many pixels at an
        # end, as of a mask's ground, one is enough: they are to be black, or white.
        inside = self.sample[(self.sample > low) & (self.sample < high)]
        return av.HistEqStretch(np.append(inside, limits))

    def curve(self, display: Display, limits: Limits) -> NDArray[np.float64]:
        """Return where in the colours each level between two limits lies.

        Parameters
        ----------
        display : Display
            What is wished.
        limits : tuple of float
            In the pixels' unit.

        Returns
        -------
        ndarray
            Shape (`LEVELS`,), float64, from 0 to 1, rising; falling if inverted. All
            that a histogram tells apart within one level looks alike: an interval
            that one hot pixel widens needs another stretch.
        """
        values = self.stretch(display, limits)(np.linspace(0, 1, LEVELS))
        curve: NDArray[np.float64] = np.clip(values, 0, 1)
        return 1 - curve if display.inverted else curve
