"""The help panel: keys and colours, on one page."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_artifact_review.viewer.key_choice import KeyChoice
from napari_artifact_review.viewer.keys import KeyAction
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.tool_window import KeptFree, ToolWindow

_COLORS = (
    ((STYLE.false_positive,), "FP: the model sees an artifact, the label does not"),
    ((STYLE.false_negative,), "FN: the label says artifact, the model does not"),
    ((STYLE.label_box, STYLE.prediction_box), "TP: both say artifact"),
    ((STYLE.current,), "the current cutout"),
)


class HelpPanel(ToolWindow):
    """Keys and colours; stays beside the window while one works.

    Attributes
    ----------
    text : QLabel
        The page.
    """

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        super().__init__(parent, "keys and colours", kept_free)
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.addWidget(self.text)
        self.show_keys(KeyChoice())

    def show_keys(self, keys: KeyChoice) -> None:
        """Tell which keys are in force."""
        self.text.setText(help_text(keys))


def help_text(choice: KeyChoice) -> str:
    """Return the help as rich text, made from the keys in force and the style."""
    half = -(-len(choice.actions) // 2)
    # In two columns: a laptop's screen has no room for all in one.
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
        "<p>A faint box with ✓ has been reviewed; → 1 or → 0 is its new label.<br/>"
        "The number at the top left of FP and TP is the model's confidence.<br/>"
        "From far out the boxes become a map in the same colours.<br/>"
        "A click on a cutout makes it the current one. With Shift a click picks the "
        "run of cutouts up to there, and a drag<br/>those in a rectangle; with Control "
        "a click picks one more or one less. A verdict is then about all of them.<br/>"
        "In the gallery the arrows, Home, End and the page keys lead from picture to "
        "picture, and select with Shift; Space<br/>selects one more or one less, "
        "Control-A all; Enter or a double click shows one in the full image.<br/>"
        "Any key works wherever the mouse is, but not while a text is typed. Others "
        "can be chosen in napari's preferences.</p>"
    )


def _cells(action: KeyAction) -> str:
    return (
        f"<td align='right'>&nbsp;&nbsp;<b>{action.label}</b></td>"
        f"<td>&nbsp;&nbsp;{action.title}</td>"
    )
