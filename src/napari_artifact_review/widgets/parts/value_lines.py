"""Lines with names and values, in which new texts do not cause a new layout."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QRect, QSize, Qt
from qtpy.QtGui import QHelpEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QToolTip

from napari_artifact_review.widgets.parts.plain_text import tooltip_text

#: Space between a name and its value, and between two lines, in pixels.
_GAP, _LEADING = 10, 3

#: Maximum part of the width for the names.
_NAMES_SHARE = 0.5


class ValueLines(QLabel):
    """Lines with a name and a value each, which are cut off if they are too long.

    The tooltip of a line shows its full text. This class is a label, because napari's
    style sheet sets the font size of labels.

    Attributes
    ----------
    lines : tuple of (str, str)
        The names and their full values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[tuple[str, str], ...] = ()

    def show_lines(self, lines: Sequence[tuple[str, str]]) -> None:
        """Replace all lines by the given names and values."""
        has_other_height = len(lines) != len(self.lines)
        self.lines = tuple(lines)
        if has_other_height:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of all lines."""
        return QSize(1, len(self.lines) * self.line_height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of all lines."""
        return self.sizeHint()

    def line_height(self) -> int:
        """Return the height of a line in pixels."""
        return int(self.fontMetrics().height()) + _LEADING

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the lines, with paler names than values."""
        painter = QPainter(self)
        metrics, color = self.fontMetrics(), self.palette().color(self.foregroundRole())
        widths = [metrics.horizontalAdvance(_in_one_line(n)) for n, _ in self.lines]
        # The width of a text is rounded, and a text that is wider would be cut off.
        widest = max(widths, default=0) + 2
        middle = min(widest, round(_NAMES_SHARE * self.width()))
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
            QToolTip.showText(event.globalPos(), tooltip_text(text), self)
            return True
        return bool(super().event(event))


class ScrolledLines(QScrollArea):
    """A scroll area that shows a limited number of lines.

    Parameters
    ----------
    values : ValueLines
        The lines.
    most : int
        Maximum number of lines in view.
    """

    def __init__(self, values: ValueLines, most: int) -> None:
        super().__init__()
        self._values, self._most = values, most
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setWidget(values)

    def fit_to_lines(self) -> None:
        """Adapt the height to the number of lines; hide an empty area."""
        count = len(self._values.lines)
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn
            if count > self._most
            else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        self.updateGeometry()
        self.setVisible(count > 0)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of the lines in view."""
        lines = min(len(self._values.lines), self._most)
        # napari's style gives the area a frame.
        frame = 2 * self.frameWidth()
        return QSize(1, lines * self._values.line_height() + frame)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size with the height of the lines in view."""
        return self.sizeHint()


def _in_one_line(text: str) -> str:
    """Replace characters that cannot be printed, such as line breaks."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
