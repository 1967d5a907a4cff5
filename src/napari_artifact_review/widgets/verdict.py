"""The verdict: artifact or not, and whether anybody has looked."""

from __future__ import annotations

from magicgui.widgets import Container, RadioButtons
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QButtonGroup

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.viewer.keys import KEY_OF
from napari_artifact_review.widgets.line import Line

_STYLE = """
QGroupBox { border: 0; margin: 0; padding: 0 }
QRadioButton {
    border: 2px solid rgba(128, 128, 128, 120); border-radius: 4px;
    padding: 8px 4px; font-weight: bold;
}
QRadioButton::indicator { width: 10px; height: 10px }
QRadioButton:checked { border-color: #ffd60a }
QGroupBox[reviewed="true"] QRadioButton:checked {
    background: #ffd60a; color: black;
}
"""


class VerdictPanel(Container[Widget]):
    """Shows `label_new` of the current cutout and asks to set it.

    Attributes
    ----------
    verdict_requested : Signal
        Emitted with "artifact" or "no artifact", also to confirm what stands.
    """

    verdict_requested = Signal(str)

    def __init__(self) -> None:
        self.label_new = RadioButtons(
            choices=["artifact", "no artifact"],
            orientation="horizontal",
            tooltip="; ".join(
                f"{KEY_OF[name].title} (key {KEY_OF[name].label})"
                for name in ("artifact", "no_artifact")
            ),
        )
        self.history = Line()
        super().__init__(widgets=[self.label_new, self.history], labels=False)
        self.margins = (0, 0, 0, 0)
        self.label_new.native.setStyleSheet(_STYLE)
        self._group = self.label_new.native.findChild(QButtonGroup)
        self.label_new.changed.connect(self.verdict_requested)
        # A click on the value that stands changes nothing, and confirms it.
        self._group.buttonClicked.connect(
            lambda button: self.verdict_requested.emit(button.text())
        )

    def show_cutout(self, cutout: Cutout) -> None:
        """Show the label of a cutout, filled in once somebody has looked."""
        with self.label_new.changed.blocked():
            self.label_new.value = LABEL_NAMES[cutout.label_new]
        native = self.label_new.native
        if native.property("reviewed") != cutout.reviewed:
            native.setProperty("reviewed", cutout.reviewed)
            # Qt looks at a property in a style sheet only when the sheet is set.
            native.setStyleSheet(_STYLE)
        self.history.show_text(_history(cutout))


def _history(cutout: Cutout) -> str:
    if not cutout.reviewed:
        yes, no = KEY_OF["artifact"].label, KEY_OF["no_artifact"].label
        return f"Not reviewed yet ({yes}: artifact, {no}: none)"
    what = "Changed" if cutout.changed else "Confirmed"
    when = cutout.reviewed_at.replace("T", " ")[:16]
    return f"{what} by {cutout.reviewed_by}, {when} UTC" if when else f"{what} before"
