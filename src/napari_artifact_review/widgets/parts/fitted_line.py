"""A line that shows the longest of several texts that fits its width."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel

from napari_artifact_review.core.texts import on_one_line
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

#: Sum of the space above and below the text, and space on its left, as in a `Line`, in
#: pixels.
_LEADING, _MARGIN = 4, 2


class FittedLine(QLabel):
    """A painted line of text, in which new texts do not cause a new layout.

    This class is a label, because napari's style sheet sets the font size of labels.
    """

    def __init__(self) -> None:
        super().__init__()
        self._texts: tuple[str, ...] = ("",)

    @property
    def full_text(self) -> str:
        """The longest text."""
        return self._texts[0]

    @property
    def shown_text(self) -> str:
        """The text that fits the width; the end of the shortest one may be cut off."""
        metrics, width = self.fontMetrics(), self.width() - _MARGIN
        for text in self._texts:
            if metrics.horizontalAdvance(text) <= width:
                return text
        return str(
            metrics.elidedText(self._texts[-1], Qt.TextElideMode.ElideRight, width)
        )

    def show_texts(self, text: str, *shorter: str, tooltip: str = "") -> None:
        """Show a text, or one of several shorter ones if it does not fit.

        Parameters
        ----------
        text : str
            The text.
        *shorter : str
            Texts to show instead, each shorter than the one before.
        tooltip : str
            The tooltip; by default the text.
        """
        self._texts = tuple(map(on_one_line, (text, *shorter)))
        self.setToolTip(tooltip_text(tooltip or text))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of a line."""
        return QSize(1, int(self.fontMetrics().height()) + _LEADING)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of a line."""
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the text."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        box = self.rect().adjusted(_MARGIN, 0, 0, 0)
        painter.drawText(box, side, self.shown_text)
        painter.end()
