"""A small painted table, in which new texts do not cause a new layout."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_artifact_review.widgets.parts.font import fit_to_font

#: Space between two columns, and between two rows, in pixels.
_GAP = 10
_LEADING = 3


class TextTable(QWidget):
    """A table of texts; the first column is left-aligned, the others right-aligned.

    Parameters
    ----------
    head : sequence of str
        The titles of the columns.
    rows : int
        The number of rows, which are empty at first.
    bold : int, optional
        The index of the column in bold.
    """

    def __init__(self, head: Sequence[str], rows: int, bold: int | None = None) -> None:
        super().__init__()
        self._bold = bold
        self._head = tuple(head)
        self.rows: list[tuple[str, ...]] = [("",) * len(self._head)] * rows
        fit_to_font(
            self, lambda: self.setFixedHeight((rows + 1) * self._line() + _LEADING)
        )
        self.setMinimumWidth(1)

    def show_rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Show new texts; the number of rows must not change."""
        self.rows = [tuple(row) for row in rows]
        self.update()

    def widths(self) -> list[int]:
        """Return the width that each column needs, in pixels."""
        widths = []
        for column, texts in enumerate(zip(*self.rows, strict=True)):
            fonts = [self._font(0, column), *[self._font(1, column)] * len(texts)]
            pairs = zip(fonts, (self._head[column], *texts), strict=True)
            widths.append(
                max(QFontMetrics(font).horizontalAdvance(text) for font, text in pairs)
            )
        return widths

    @property
    def needed_width(self) -> int:
        """Total width that the columns need, in pixels."""
        widths = self.widths()
        return sum(widths) + len(widths) * _GAP

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802
        """Paint the columns; the first column gets the remaining width."""
        painter = QPainter(self)
        color = self.palette().color(self.foregroundRole())
        widths, right = self.widths(), self.width()
        for column in reversed(range(len(widths))):
            right -= _GAP // 2
            left = right - widths[column] if column else 0
            side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
            for row, texts in enumerate((self._head, *self.rows)):
                color.setAlpha(255 if row else 150)
                painter.setPen(color)
                painter.setFont(self._font(row, column))
                cell = QRectF(left, row * self._line(), right - left, self._line())
                painter.drawText(
                    cell, side | Qt.AlignmentFlag.AlignVCenter, texts[column]
                )
            right = left - _GAP // 2
        color.setAlpha(60)
        painter.setPen(color)
        painter.drawLine(0, self._line(), self.width(), self._line())
        painter.end()

    def _line(self) -> int:
        return int(self.fontMetrics().height()) + _LEADING

    def _font(self, row: int, column: int) -> QFont:
        font = QFont(self.font())
        font.setBold(row > 0 and column == self._bold)
        return font
