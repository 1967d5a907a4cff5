"""The table with the values of the current cutout."""

from __future__ import annotations

from magicgui.widgets import Table
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QTableWidget,
)

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.viewer.style import STYLE
from napari_artifact_review.widgets.parts.font import fit_to_font

COLUMNS = ("label", "preds", "label_new", "confidence", "outcome")

_OUTCOME_COLORS = {
    "FP": STYLE.false_positive,
    "FN": STYLE.false_negative,
    "TP": STYLE.label_box,
}


class CutoutTable(Table):
    """A table with one row: label, preds, label_new, confidence and outcome."""

    def __init__(self) -> None:
        super().__init__(value={name: [""] for name in COLUMNS}, label="")
        self.read_only = True
        table: QTableWidget = self.native
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.verticalHeader().hide()
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # magicgui's own delegate shows a confidence of 0.0875 as 8.750e-02.
        table.setItemDelegate(QStyledItemDelegate(table))
        header = table.horizontalHeader()
        header.setMinimumSectionSize(20)
        header.setStyleSheet("QHeaderView::section { padding: 3px 1px }")
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in range(len(COLUMNS) - 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        fit_to_font(table, self._fit_to_font)

    def _fit_to_font(self) -> None:
        """Adapt the row height and the column widths to the font."""
        table: QTableWidget = self.native
        header, metrics = table.horizontalHeader(), table.fontMetrics()
        margin = metrics.horizontalAdvance("0") + 2
        for column, name in enumerate(COLUMNS[:-1]):
            header.resizeSection(column, metrics.horizontalAdvance(name) + margin)
        height = metrics.height() + 2 * margin
        table.setRowHeight(0, height)
        frame = 2 * table.frameWidth()
        table.setFixedHeight(header.sizeHint().height() + height + frame)

    def show_cutout(self, cutout: Cutout) -> None:
        """Show the values of a cutout; those of a hidden cutout are empty."""
        confidence = "" if cutout.confidence is None else f"{cutout.confidence:.4f}"
        labels = (cutout.label, cutout.preds, cutout.label_new)
        numbers = ("" if label is None else str(label) for label in labels)
        values = (*numbers, confidence, cutout.outcome)
        table: QTableWidget = self.native
        for column, value in enumerate(values):
            item = table.item(0, column)
            item.setText(value)
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        # A coloured background is legible in the dark and the light theme.
        background = QColor(_OUTCOME_COLORS.get(cutout.outcome, "transparent"))
        background.setAlphaF(0.4 * background.alphaF())
        table.item(0, COLUMNS.index("outcome")).setBackground(background)
        font = table.item(0, 0).font()
        font.setBold(cutout.changed)
        table.item(0, COLUMNS.index("label_new")).setFont(font)
