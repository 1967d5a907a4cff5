"""Names and values in lines, painted so that new texts cause no layout."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QRect, Qt
from qtpy.QtGui import QHelpEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QToolTip, QWidget

from napari_artifact_review.widgets.parts.plain_tooltip import plain_tooltip

#: Pixels between a name and its value, and between two lines.
_GAP, _LEADING = 10, 3

#: Largest part of the width that the names take.
_NAMES_SHARE = 0.5


class ValueLines(QWidget):
    """Lines with a name and a value, which are cut off if they are too long.

    The tooltip of a line shows its full text.

    Attributes
    ----------
    lines : tuple of (str, str)
        The names and their full values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[tuple[str, str], ...] = ()
        self.setMinimumWidth(1)

    def show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show new names and values."""
        if len(lines) != len(self.lines):
            self.setFixedHeight(len(lines) * self.line_height())
        self.lines = tuple(lines)
        self.update()

    def line_height(self) -> int:
        """Return the height of a line in pixels."""
        return int(self.fontMetrics().height()) + _LEADING

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the lines, the names paler than the values."""
        painter = QPainter(self)
        metrics, color = self.fontMetrics(), self.palette().color(self.foregroundRole())
        widths = [metrics.horizontalAdvance(_in_one_line(n)) for n, _ in self.lines]
        middle = min(max(widths, default=0), round(_NAMES_SHARE * self.width()))
        begin, height = middle + _GAP, self.line_height()
        for number, (name, value) in enumerate(self.lines):
            top = number * height
            name_box = QRect(0, top, middle, height)
            value_box = QRect(begin, top, self.width() - begin, height)
            for text, box, alpha in ((name, name_box, 150), (value, value_box, 255)):
                color.setAlpha(alpha)
                painter.setPen(color)
                short = metrics.elidedText(
                    _in_one_line(text), Qt.TextElideMode.ElideRight, box.width()
                )
                side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(box, side, short)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Show the full text of the line under the mouse in a tooltip."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = event.pos().y() // self.line_height()
            text = "  ".join(self.lines[number]) if number < len(self.lines) else ""
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        return bool(super().event(event))


def _in_one_line(text: str) -> str:
    """Replace characters that cannot be printed, such as line breaks."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
