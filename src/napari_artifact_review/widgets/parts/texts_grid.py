"""A table of texts that is as high as its rows, and scrolls horizontally."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import shortened, tooltip_text

#: The maximum width of the first column, in digits of the font.
_WIDEST = 24

#: The maximum number of characters in a cell, and in its tooltip.
_MOST_SHOWN, _MOST_TOLD = 200, 1000


class TextsGrid(QTableWidget):
    """A table of texts: the first column is left-aligned, the others right-aligned.

    A text that is too long for its column is cut off, and its tooltip shows it in full.
    """

    def __init__(self) -> None:
        super().__init__(0, 0)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        fit_to_font(self, self._fit)

    @property
    def texts(self) -> list[list[str]]:
        """The texts of all rows, as they are shown."""
        items = [
            [self.item(row, column) for column in range(self.columnCount())]
            for row in range(self.rowCount())
        ]
        return [["" if one is None else one.text() for one in row] for row in items]

    @property
    def needed_width(self) -> int:
        """Width without a scroll bar, in pixels."""
        return int(self.horizontalHeader().length()) + 2 * self.frameWidth()

    def show_texts(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Replace the titles of the columns and all rows."""
        self.setColumnCount(len(head))
        self.setRowCount(len(rows))
        for column, title in enumerate(head):
            item = _item(title, column)
            self.setHorizontalHeaderItem(column, item)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                self.setItem(row, column, _item(text, column))
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size that all columns and rows need."""
        return QSize(self.needed_width, self.height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit the height to the scroll bar, which a wide table does not need."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit(self) -> None:
        """Fit rows and columns to the texts in their font."""
        metrics, digit = self.fontMetrics(), self.fontMetrics().horizontalAdvance("0")
        header = self.horizontalHeader()
        header.setFont(self.font())
        header.setFixedHeight(metrics.height() + 8)
        titles = [self.horizontalHeaderItem(i) for i in range(self.columnCount())]
        heads = ["" if one is None else one.text() for one in titles]
        for column, texts in enumerate(zip(heads, *self.texts, strict=True)):
            width = max(map(metrics.horizontalAdvance, texts)) + 3 * digit
            most = _WIDEST * digit if column == 0 else width
            self.setColumnWidth(column, min(width, most))
        for row in range(self.rowCount()):
            self.setRowHeight(row, metrics.height() + 5)
        self._fit_height()
        self.updateGeometry()

    def _fit_height(self) -> None:
        height = self.horizontalHeader().height() + self.verticalHeader().length()
        if self.needed_width > self.width():
            height += self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(height + 2 * self.frameWidth())


def _item(text: str, column: int) -> QTableWidgetItem:
    item = QTableWidgetItem(shortened(text, _MOST_SHOWN))
    side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
    item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    if text:
        item.setToolTip(tooltip_text(text[:_MOST_TOLD]))
    return item
