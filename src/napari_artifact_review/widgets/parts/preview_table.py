"""The first rows of a table, with a list to choose from above each column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QFont, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem

from napari_artifact_review.widgets.parts.choice_box import ChoiceBox
from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.plain_text import shortened, tooltip_text

#: Rows above those of the table: the lists, and the marks below them.
_BOXES, _MARKS, _FIRST = 0, 1, 2

#: The maximum width of a column, in digits of the font.
_WIDEST = 26

#: The maximum number of characters in a cell, and in its tooltip.
_MOST_SHOWN, _MOST_TOLD = 200, 1000


class PreviewTable(QTableWidget):
    """The first rows of a table, with a list to choose from above each column.

    The table is as high as its rows, and scrolls horizontally. Tab goes from list to
    list, and Qt scrolls to the column.

    Parameters
    ----------
    names : sequence of str
        The names of the columns.
    rows : sequence of sequence of str
        The cells of each row.
    choices : sequence of (str, object)
        Text and value of each choice; see `ChoiceBox`.

    Attributes
    ----------
    chosen : Signal
        Emitted with the index of a column, and the value that the user chose for it.
    boxes : list of ChoiceBox
        The list of each column.
    """

    chosen = Signal(int, object)

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[Sequence[str]],
        choices: Sequence[tuple[str, Any]],
    ) -> None:
        super().__init__(_FIRST + len(rows), len(names))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.horizontalHeader().setHighlightSections(False)
        self.boxes: list[ChoiceBox] = []
        for column, name in enumerate(names):
            self._add_column(column, name, [row[column] for row in rows], choices)
        fit_to_font(self, self._fit)

    def _add_column(
        self,
        column: int,
        name: str,
        cells: Sequence[str],
        choices: Sequence[tuple[str, Any]],
    ) -> None:
        self.setHorizontalHeaderItem(column, _item(name))
        box = ChoiceBox(choices, short=True)
        box.setAccessibleName(shortened(name, _MOST_SHOWN))
        box.chosen.connect(partial(self.chosen.emit, column))
        self.boxes.append(box)
        self.setCellWidget(_BOXES, column, box)
        self.setItem(_MARKS, column, _item(""))
        for row, text in enumerate(cells, _FIRST):
            self.setItem(row, column, _item(text))

    def show_choice(self, column: int, value: Any, mark: str) -> None:
        """Show the choice of a column, and a mark below it, which may be empty."""
        self.boxes[column].show_value(value)
        self.boxes[column].setToolTip(tooltip_text(self.boxes[column].currentText()))
        item = self.item(_MARKS, column)
        assert item is not None, "each column has a mark"
        item.setText(mark)

    def mark_of(self, column: int) -> str:
        """Return the mark of a column."""
        item = self.item(_MARKS, column)
        return "" if item is None else item.text()

    def show_column(self, column: int) -> None:
        """Scroll to a column."""
        self.scrollTo(self.model().index(_BOXES, column))

    @property
    def needed_width(self) -> int:
        """Width without a scroll bar, in pixels."""
        return int(self.horizontalHeader().length()) + 2 * self.frameWidth()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Fit the height to the scroll bar, which a wide table does not need."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit(self) -> None:
        """Fit rows and columns to the font."""
        metrics, digit = self.fontMetrics(), self.fontMetrics().horizontalAdvance("0")
        header = self.horizontalHeader()
        header.setFont(self.font())
        header.setFixedHeight(metrics.height() + 8)
        for box in self.boxes:
            box.setFont(self.font())
        for column, box in enumerate(self.boxes):
            items = [self.item(row, column) for row in range(_FIRST, self.rowCount())]
            texts = [item.text() for item in items if item is not None]
            title = self.horizontalHeaderItem(column)
            texts.append("" if title is None else title.text())
            width = max(metrics.horizontalAdvance(text) for text in texts) + 2 * digit
            least = box.sizeHint().width()
            self.setColumnWidth(column, max(least, min(width, _WIDEST * digit)))
        for row in range(self.rowCount()):
            line = metrics.height() + 5
            if row == _BOXES and self.boxes:
                line = self.boxes[0].sizeHint().height() + 4
            self.setRowHeight(row, line)
        italic = QFont(self.font())
        italic.setItalic(True)
        for column in range(self.columnCount()):
            mark = self.item(_MARKS, column)
            if mark is not None:
                mark.setFont(italic)
        self._fit_height()

    def _fit_height(self) -> None:
        height = self.horizontalHeader().height() + self.verticalHeader().length()
        if self.needed_width > self.width():
            height += self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(height + 2 * self.frameWidth())


def _item(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(shortened(text, _MOST_SHOWN))
    if text:
        item.setToolTip(tooltip_text(text[:_MOST_TOLD]))
    return item
