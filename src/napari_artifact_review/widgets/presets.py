"""Display presets of the plugin and of the user, and their commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QInputDialog, QWidget

from napari_artifact_review.core.images.presets import (
    BUILT_IN,
    apply_preset,
    clean_name,
    find_preset,
    is_built_in,
    preset_after,
    presets_as_text,
    presets_from_text,
)
from napari_artifact_review.core.images.stretch import Preset
from napari_artifact_review.widgets.panels.recent import settings
from napari_artifact_review.widgets.parts.focus import give_keys_to_viewer
from napari_artifact_review.widgets.parts.key_menu import show_menu

if TYPE_CHECKING:
    from napari_artifact_review.core.images.display import Display
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel
    from napari_artifact_review.widgets.parts.background import Connections

_KEY = "display presets"


def all_presets() -> list[Preset]:
    """Return the presets of the plugin, followed by those of the user."""
    return [*BUILT_IN, *_own_presets()]


def _own_presets() -> list[Preset]:
    return presets_from_text(str(settings().value(_KEY, "[]")))


def _store(presets: Sequence[Preset]) -> None:
    settings().setValue(_KEY, presets_as_text(presets))


class PresetCommands:
    """The commands to apply, save and remove display presets.

    Parameters
    ----------
    dock : QWidget
        The dock.
    panel : ReviewPanel
        The panels of the review.
    connections : Connections
        The connections of the review.
    display : callable
        Returns the current display.
    set_display : callable
        Changes the display.
    """

    def __init__(
        self,
        dock: QWidget,
        panel: ReviewPanel,
        connections: Connections,
        display: Callable[[], Display],
        set_display: Callable[[Display], None],
    ) -> None:
        self._dock, self._panel = dock, panel
        self._display, self._set_display = display, set_display
        self._presets = all_presets()
        panel.display.show_presets(self._presets)
        connections.connect(panel.display.preset_requested, self._apply_named)
        connections.connect(panel.display.saving_requested, self._ask_name)
        connections.connect(panel.display.removal_requested, self._remove)

    def apply_next(self) -> None:
        """Apply the preset after the current preset, and show its name."""
        self._apply(preset_after(self._display(), self._presets))

    def show_menu(self) -> None:
        """Show the presets in a menu, in which digits and letters choose a preset."""
        choices = {one.name: partial(self._apply, one) for one in self._presets}
        show_menu(self._dock, self._panel.display.preset.native, choices)

    def _apply(self, preset: Preset) -> None:
        self._set_display(apply_preset(preset, self._display()))
        self._panel.say(f"Display preset: {preset.name}")

    def _apply_named(self, name: str) -> None:
        self._apply(next(one for one in self._presets if one.name == name))

    def _ask_name(self) -> None:
        dialog = QInputDialog(self._dock)
        dialog.setWindowTitle("Save display preset")
        dialog.setLabelText("Name of the preset:")
        current = find_preset(self._display(), self._presets)
        if current is not None and not is_built_in(current.name):
            dialog.setTextValue(current.name)
        dialog.textValueSelected.connect(self._save)
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _: give_keys_to_viewer(self._dock))
        # `open` returns immediately, so that images and verdicts still arrive.
        dialog.open()

    def _save(self, text: str) -> None:
        """Save the current display as a preset, replacing any of the same name."""
        name = clean_name(text)
        if not name:
            self._panel.say("The preset was not saved, because it has no name.")
            return
        if is_built_in(name):
            self._panel.say(
                f"The preset was not saved: “{name}” belongs to the plugin. "
                "Choose another name."
            )
            return
        # Another window may have saved presets in the meantime.
        own, new = _own_presets(), Preset(name, self._display())
        is_known = any(one.name == name for one in own)
        if is_known:
            own = [new if one.name == name else one for one in own]
        else:
            own.append(new)
        self._replace(own)
        self._panel.say(f"{'Replaced' if is_known else 'Saved'} the preset “{name}”.")

    def _remove(self, name: str) -> None:
        self._replace([one for one in _own_presets() if one.name != name])
        self._panel.say(f"Removed the preset “{name}”. The display is unchanged.")

    def _replace(self, own: Sequence[Preset]) -> None:
        _store(own)
        self._presets = [*BUILT_IN, *own]
        self._panel.display.show_presets(self._presets)
        self._panel.show_display(self._display())
