"""The help window: keys and colours on one page."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.input.keys import KeyAction
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.plain_text import html_text
from napari_artifact_review.widgets.parts.tool_window import KeptFree, ToolWindow

_COLORS = (
    ((STYLE.false_positive,), "FP: predicted artifact, labelled no artifact"),
    ((STYLE.false_negative,), "FN: predicted no artifact, labelled artifact"),
    ((STYLE.label_box, STYLE.prediction_box), "TP: predicted and labelled artifact"),
    ((STYLE.hidden,), "Predictions hidden until the verdict"),
    ((STYLE.current,), "Current cutout"),
)


class HelpPanel(ToolWindow):
    """The window with keys and colours.

    Attributes
    ----------
    text : QLabel
        The page.
    """

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        super().__init__(parent, "Help", kept_free)
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.addWidget(self.text)
        self.show_keys(KeyChoice())

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the help text with the current keys."""
        self.text.setText(help_text(keys))


def help_text(choice: KeyChoice) -> str:
    """Return the help text as rich text, with the current keys and the colours."""
    half = -(-len(choice.actions) // 2)
    # Use two columns, because one column is too tall for a laptop's screen.
    keys = "".join(
        f"<tr>{''.join(map(_cells, choice.actions[line::half]))}</tr>"
        for line in range(half)
    )
    colors = "".join(
        "<tr><td align='right'>"
        + "".join(f"<font color='{color}'>■</font>" for color in squares)
        + f"</td><td>&nbsp;&nbsp;{meaning}</td></tr>"
        for squares, meaning in _COLORS
    )
    return (
        f"<table cellpadding='3'>{keys}</table><hr/>"
        f"<table cellpadding='3'>{colors}</table><hr/>"
        "<p>A faint box with ✓ marks a reviewed cutout; → 1 or → 0 is its new label. "
        "In parentheses,<br/>the verdict was carried from the previous round.<br/>"
        "The number at the top left of a box is the model's confidence.<br/>"
        "With “Hide predictions until the verdict” (under Queue), a cutout shows "
        "neither prediction nor label<br/>before you have judged it.<br/>"
        "When you zoom out, the boxes become a map in the same colours.<br/>"
        "Click a cutout to make it the current one. Shift+click selects all cutouts up "
        "to it, Shift+drag<br/>selects those in a rectangle, Ctrl+click adds or "
        "removes one. A verdict applies to all selected cutouts.<br/>"
        "Drag with the right button to change bias (left, right) and contrast (up, "
        "down).<br/>A double right click computes the limits again.<br/>"
        "In the gallery, move with the arrow keys, Home, End, Page Up and Page Down, "
        "and hold Shift to select.<br/>Space adds or removes one cutout, Ctrl+A "
        "selects all. Enter or a double click shows the full image.<br/>"
        "Keys work wherever the mouse is, but not while you type text. You can choose "
        "other keys in napari's preferences.</p>"
    )


def _cells(action: KeyAction) -> str:
    return (
        f"<td align='right'>&nbsp;&nbsp;<b>{html_text(action.label)}</b></td>"
        f"<td>&nbsp;&nbsp;{action.title}</td>"
    )
