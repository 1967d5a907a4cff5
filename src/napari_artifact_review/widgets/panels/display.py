"""The panel of the display: presets, limits, stretch, colormap and smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from magicgui.widgets import CheckBox, ComboBox, Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_artifact_review.core.images.display import (
    COLORMAPS,
    MOST_SIGMA,
    Display,
    Interval,
    ManualLimits,
    Stretch,
)
from napari_artifact_review.core.images.presets import (
    BUILT_IN,
    display_summary,
    find_preset,
    is_built_in,
    limits_text,
)
from napari_artifact_review.core.texts import plain_number
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.number_field import NumberField
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.images.stretch import Preset
    from napari_artifact_review.core.limits import Limits
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

_STEP = 0.5

#: A choice in the list of intervals: interval, percentage, and manual limits.
_Range = tuple[Interval, float, ManualLimits | None]

_PERCENTS = (99.9, 99.5, 99.0, 98.0, 95.0, 90.0)

#: Text of the list of presets while no preset is current.
_NO_PRESET = "Custom"


class DisplayPanel(Container[Widget]):
    """The panel to view and change the display settings.

    Attributes
    ----------
    display_requested : Signal
        Emitted with the chosen `Display`.
    stretches_requested : Signal
        Emitted to show or hide the window that compares stretches.
    preset_requested : Signal
        Emitted with the name of the chosen preset.
    saving_requested : Signal
        Emitted to save the display as a preset of the user.
    removal_requested : Signal
        Emitted with the name of the preset to remove.
    said : Signal
        Emitted with a message for the reviewer.
    left : Signal
        Emitted when a text field releases the keyboard.
    """

    display_requested = Signal(Display)
    stretches_requested = Signal()
    preset_requested = Signal(str)
    saving_requested = Signal()
    removal_requested = Signal(str)
    said = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        self._display = Display()
        self._presets: Sequence[Preset] = BUILT_IN
        self._limits: Limits | None = None
        self._make_preset_rows()
        self.interval = ComboBox(tooltip="Choose how the display limits are computed")
        self.scope = ComboBox(
            choices=[("Whole image", "image"), ("Each cutout", "cutout")],
            tooltip="Compute limits from the whole image or from each cutout",
        )
        self.low, self.high = self._make_limit("Lower"), self._make_limit("Upper")
        self.contrast = Line()
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
            tooltip="Reset limits, contrast, stretch, colormap and smoothing",
        )
        rows = (
            (self.preset,),
            (self.save_preset, self.remove_preset),
            (self.interval, self.scope),
            (self.low, self.high),
            (self.contrast,),
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

    def _make_preset_rows(self) -> None:
        self.preset = ComboBox(tooltip="Display preset")
        # A long name must not widen the dock.
        self.preset.native.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.save_preset = PushButton(
            text="Save as preset...",
            tooltip="Save this display under a name, for all reviews",
        )
        self.remove_preset = PushButton(
            text="Remove", tooltip="Remove this preset of your own"
        )
        self.preset.changed.connect(self._request_preset)
        self.save_preset.changed.connect(lambda: self.saving_requested.emit())
        self.remove_preset.changed.connect(
            lambda: self.removal_requested.emit(self.preset.value)
        )

    def _make_limit(self, which: str) -> NumberField:
        field = NumberField(
            f"{which} limit in the image's units; empty to compute it",
            lambda value: self._limits_fault(which, value),
        )
        field.entered.connect(lambda value: self._request_limit(which, value))
        field.refused.connect(lambda text: self.said.emit(text))
        field.left.connect(lambda: self.left.emit())
        return field

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.stretches.tooltip = keys["stretches"].hint
        following, menu = keys["next_preset"].label, keys["presets"].label
        self.preset.tooltip = (
            f"Display preset ({following} for the next, {menu} a menu)"
        )

    def show_presets(self, presets: Sequence[Preset]) -> None:
        """Offer these presets in the list."""
        self._presets = presets
        self._show_preset()

    def show_display(self, display: Display) -> None:
        """Show these display settings in the fields."""
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
        self.scope.enabled = not display.has_fixed_limits
        self.contrast.show_text(
            f"Contrast {display.contrast:.2f}, bias {display.bias:.2f} (right drag)"
        )
        self.contrast.tooltip = (
            "Drag with the right button: up and down for contrast, left and right for "
            "bias. A double right click computes the limits again"
        )
        self.show_limits(self._limits)
        self._show_preset()

    def show_limits(self, limits: Limits | None) -> None:
        """Show manual limits, or the computed limits as hints in empty fields."""
        self._limits = limits
        manual = self._display.manual or (None, None)
        texts = ("", "") if limits is None else [f"{x:.5g} (auto)" for x in limits]
        for field, value, text in zip(
            (self.low, self.high), manual, texts, strict=True
        ):
            field.show_number(value, text)

    def title(self) -> str:
        """Return the name of the current preset, or a summary of the display."""
        preset = find_preset(self._display, self._presets)
        return display_summary(self._display) if preset is None else preset.name

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

    def _show_preset(self) -> None:
        current = find_preset(self._display, self._presets)
        names = [one.name for one in self._presets]
        chosen = _NO_PRESET if current is None else current.name
        listed = names if current is not None else [_NO_PRESET, *names]
        with self.preset.changed.blocked():
            _offer(self.preset, _named(*listed), chosen)
        self.remove_preset.enabled = current is not None and not is_built_in(chosen)

    def _request_preset(self, name: str) -> None:
        if name != _NO_PRESET:
            self.preset_requested.emit(name)

    def _request(self) -> None:
        interval, percent, manual = self.interval.value
        wanted = replace(
            self._display,
            interval=interval,
            percent=percent,
            scope=self.scope.value,
            stretch=self.stretch.value,
            colormap=self.colormap.value,
            sigma=self.sigma.value,
            inverted=self.inverted.value,
        )
        if manual != self._display.manual:
            wanted = wanted.with_limits(*(manual or (None, None)))
        self._display = wanted
        self.display_requested.emit(self._display)

    def _request_limit(self, which: str, value: float | None) -> None:
        self._display = self._display.with_limits(*self._limits_with(which, value))
        self.display_requested.emit(self._display)

    def _limits_with(self, which: str, value: float | None) -> ManualLimits:
        """Return the manual limits after a change of the lower or upper limit."""
        low, high = self._display.manual or (None, None)
        return (value, high) if which == "Lower" else (low, value)

    def _limits_fault(self, which: str, value: float | None) -> str:
        """Return the reason why a typed limit is refused, or an empty string."""
        low, high = self._limits_with(which, value)
        if low is None or high is None or low < high:
            return ""
        return (
            f"The lower limit {plain_number(low)} is not below the upper limit "
            f"{plain_number(high)}. Nothing was changed."
        )


def _range_of(display: Display) -> _Range:
    percent = display.percent if display.interval == "percentile" else Display.percent
    return display.interval, percent, display.manual


def _ranges(display: Display) -> list[tuple[str, _Range]]:
    """Return the items of the list of intervals, including manual limits if used."""
    percents = list(_PERCENTS)
    if display.interval == "percentile" and display.percent not in percents:
        percents.append(display.percent)
    default = Display.percent
    offered: list[tuple[str, _Range]] = [("ZScale", ("zscale", default, None))]
    offered += [(f"{x:g} %", ("percentile", x, None)) for x in sorted(percents)[::-1]]
    offered += [("Min-max", ("min-max", default, None))]
    if display.manual is not None:
        offered += [(limits_text(display), _range_of(display))]
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
