"""The panel for the display of pixels: limits, stretch, colormap and smoothing."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from magicgui.widgets import CheckBox, ComboBox, Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.images.display import (
    COLORMAPS,
    MOST_SIGMA,
    Display,
    Interval,
    Stretch,
)
from napari_artifact_review.core.limits import Limits
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

_STEP = 0.5

#: A choice in the list of intervals: an interval, its percent, and manual limits.
_Range = tuple[Interval, float, Limits | None]

_PERCENTS = (99.9, 99.5, 99.0, 98.0, 95.0, 90.0)


class DisplayPanel(Container[Widget]):
    """The panel to view and change the display settings.

    Attributes
    ----------
    display_requested : Signal
        Emitted with the chosen `Display`.
    stretches_requested : Signal
        Emitted to show or hide the window that compares stretches.
    """

    display_requested = Signal(Display)
    stretches_requested = Signal()

    def __init__(self) -> None:
        self._display = Display()
        self.interval = ComboBox(tooltip="Choose how the display limits are computed")
        self.scope = ComboBox(
            choices=[("Whole image", "image"), ("Each cutout", "cutout")],
            tooltip="Compute limits from the whole image or from each cutout",
        )
        self.stretch = ComboBox(
            choices=get_args(Stretch),
            tooltip="Stretch between the limits",
        )
        self.colormap = ComboBox(tooltip="Colormap; the layer controls offer more")
        self.sigma = ComboBox(
            tooltip="Smooth with a Gaussian of this sigma; the status bar still shows "
            "raw values"
        )
        self.inverted = CheckBox(text="Invert", tooltip="Invert the colormap")
        self.stretches = PushButton(text="Compare stretches...")
        self.reset = PushButton(
            text="Reset",
            tooltip="Reset limits, stretch, colormap and smoothing",
        )
        rows = (
            (self.interval, self.scope),
            (self.stretch, self.colormap),
            (self.sigma, self.inverted),
            (self.stretches, self.reset),
        )
        super().__init__(widgets=[row_of(*row) for row in rows], labels=False)
        self.margins = (0, 0, 0, 0)
        self.show_display(self._display)
        for field in self._fields:
            field.changed.connect(self._request)
        self.stretches.changed.connect(lambda: self.stretches_requested.emit())
        self.reset.changed.connect(lambda: self.display_requested.emit(Display()))

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current key in the tooltip."""
        self.stretches.tooltip = keys["stretches"].hint

    def show_display(self, display: Display) -> None:
        """Show display settings."""
        self._display = display
        with ExitStack() as stack:
            for field in self._fields:
                stack.enter_context(field.changed.blocked())
            _offer(self.interval, _ranges(display), _range_of(display))
            _offer(
                self.colormap, _named(*COLORMAPS, display.colormap), display.colormap
            )
            _offer(self.sigma, _sigmas(display.sigma), display.sigma)
            self.scope.value = display.scope
            self.stretch.value = display.stretch
            self.inverted.value = display.inverted
        self.scope.enabled = display.manual is None

    @property
    def _fields(self) -> tuple[Any, ...]:
        return (
            self.interval,
            self.scope,
            self.stretch,
            self.colormap,
            self.sigma,
            self.inverted,
        )

    def _request(self) -> None:
        interval, percent, manual = self.interval.value
        self._display = replace(
            self._display,
            interval=interval,
            percent=percent,
            manual=manual,
            scope=self.scope.value,
            stretch=self.stretch.value,
            colormap=self.colormap.value,
            sigma=self.sigma.value,
            inverted=self.inverted.value,
        )
        self.display_requested.emit(self._display)


def display_summary(display: Display) -> str:
    """Summarize display settings in a few words."""
    names = {data: text for text, data in _ranges(display)}
    parts = [names[_range_of(display)]]
    if display.scope == "cutout" and display.manual is None:
        parts[0] += " of each cutout"
    if display.stretch != "linear":
        parts.append(display.stretch)
    if display.sigma:
        parts.append(f"smoothing {display.sigma:g} px")
    if display.inverted:
        parts.append("inverted")
    return ", ".join(parts)


def _range_of(display: Display) -> _Range:
    percent = display.percent if display.interval == "percentile" else Display.percent
    if display.manual is not None:
        return display.interval, percent, display.manual
    return display.interval, percent, None


def _ranges(display: Display) -> list[tuple[str, _Range]]:
    """Return the choices in the list of intervals, with manual limits if used."""
    percents = list(_PERCENTS)
    if display.interval == "percentile" and display.percent not in percents:
        percents.append(display.percent)
    default = Display.percent
    offered: list[tuple[str, _Range]] = [("ZScale", ("zscale", default, None))]
    offered += [(f"{x:g} %", ("percentile", x, None)) for x in sorted(percents)[::-1]]
    offered += [("Min-max", ("min-max", default, None))]
    if display.manual is not None:
        low, high = display.manual
        offered += [(f"Manual: {low:.4g} to {high:.4g}", _range_of(display))]
    return offered


def _sigmas(current: float) -> list[tuple[str, float]]:
    steps = {_STEP * n for n in range(1, int(MOST_SIGMA / _STEP) + 1)} | {current}
    offered = [(f"Smoothing {x:g} px", x) for x in sorted(steps - {0.0})]
    return [("No smoothing", 0.0), *offered]


def _named(*values: str) -> list[tuple[str, str]]:
    return [(value, value) for value in dict.fromkeys(values)]


def _offer(field: ComboBox, choices: list[tuple[str, Any]], value: Any) -> None:
    if list(field.choices) != [data for _, data in choices]:
        field.choices = choices
    field.value = value
