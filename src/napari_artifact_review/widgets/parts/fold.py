"""A collapsible part of a panel, with a summary in its title."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_artifact_review.widgets.parts.font import set_bold
from napari_artifact_review.widgets.parts.plain_text import button_text, tooltip_text


class Fold(QWidget):
    """A collapsible widget: a title that shows or hides the content below.

    Parameters
    ----------
    title : str
        The title.
    content : QWidget
        The widget that is shown or hidden.

    Attributes
    ----------
    unfolded : Signal
        Emitted when the content is shown.
    """

    unfolded = Signal()

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__()
        self._title = title
        self.content = content
        self.header = QToolButton()
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )
        self.header.setCheckable(True)
        self.header.setStyleSheet(
            "QToolButton { border: 0; text-align: left; padding: 3px }"
        )
        set_bold(self.header)
        self.header.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(content)
        self.header.toggled.connect(self._toggle)
        self.say("")
        self._toggle(False)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return bool(self.header.isChecked())

    def say(self, summary: str) -> None:
        """Show a summary after the title; an empty string shows the title alone."""
        text = f"{self._title}: {summary}" if summary else self._title
        if button_text(text) != self.header.text():
            self.header.setText(button_text(text))
            self.header.setToolTip(tooltip_text(text))

    def _toggle(self, is_open: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.header.setArrowType(arrow)
        self.content.setVisible(is_open)
        if is_open:
            self.unfolded.emit()
