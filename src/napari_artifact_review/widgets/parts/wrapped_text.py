"""A painted text of several lines, which seldom causes a new layout."""

from __future__ import annotations

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QWidget

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

_FLAGS = (
    Qt.TextFlag.TextWordWrap.value
    | Qt.AlignmentFlag.AlignLeft.value
    | Qt.AlignmentFlag.AlignTop.value
)


class WrappedText(QWidget):
    """A text that is wrapped to the width of its panel.

    A label with a new text would cause a layout of the whole window, and thus an extra
    frame. This widget does so only if the number of lines changes.

    Attributes
    ----------
    text : str
        The text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.setMinimumWidth(1)
        fit_to_font(self, self._fit_height)

    def show_text(self, text: str) -> None:
        """Show a text, with the same text in the tooltip."""
        shown = printable(text)
        if shown != self.text:
            self.text = shown
            self.setToolTip(tooltip_text(text))
            self._fit_height()
            self.update()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), _FLAGS, self.text)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Fit the height to the new width."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        metrics = self.fontMetrics()
        space = QRect(0, 0, self.width(), 10_000)
        needed = metrics.boundingRect(space, _FLAGS, self.text or " ").height()
        if needed != self.minimumHeight():
            self.setFixedHeight(needed)
