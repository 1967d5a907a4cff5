"""Conditions on the user's own columns, which filter the queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QStringListModel, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QMouseEvent
from qtpy.QtWidgets import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QShortcut,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.tables.column_condition import (
    EMPTY_OPERATORS,
    NUMBER_OPERATORS,
    OPERATORS,
    ColumnCondition,
    number_of,
)
from napari_artifact_review.widgets.parts.focus import (
    leave_keys_to_viewer,
    main_window_of,
)
from napari_artifact_review.widgets.parts.font import fit_height
from napari_artifact_review.widgets.parts.plain_text import tooltip_text

if TYPE_CHECKING:
    from napari_artifact_review.core.tables.own_columns import OwnColumns

#: Maximum number of distinct values that a value field offers.
_MOST_CHOICES = 200

_NO_COLUMN = "Any column"

#: Width of a list's scroll bar and margins in pixels.
_SCROLL_BAR = 24


class ValueField(QLineEdit):
    """A field for a text or a number, which offers the values of a column.

    While the field is empty, a click or the Down key lists all values.

    Attributes
    ----------
    chosen : Signal
        Emitted when the user has chosen a value from the list.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._offered = QStringListModel(self)
        completer = QCompleter(self._offered, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.activated.connect(self._choose)
        self.setCompleter(completer)
        self.setPlaceholderText("Value")
        fit_height(self)
        self.setToolTip("Text or number; Enter applies it, Escape leaves the field")

    def offer(self, values: Sequence[str]) -> None:
        """Replace the values that the field offers."""
        self._offered.setStringList(list(values))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """List the values after a click on an empty field."""
        super().mousePressEvent(event)
        self._list_values()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """List the values after the Down key in an empty field."""
        super().keyPressEvent(event)
        if event.key() == Qt.Key.Key_Down:
            self._list_values()

    def _list_values(self) -> None:
        completer = self.completer()
        if self.text() or not self._offered.rowCount():
            return
        popup, window = completer.popup(), main_window_of(self)
        if window is not None:
            # The list is a separate window, which does not inherit napari's style.
            popup.setStyleSheet(window.styleSheet())
        completer.setCompletionPrefix("")
        completer.complete()
        popup.setMinimumWidth(popup.sizeHintForColumn(0) + _SCROLL_BAR)

    def _choose(self, text: str) -> None:
        self.setText(text)
        self.setCursorPosition(0)
        self.chosen.emit()


class ConditionLine(QWidget):
    """A line with the fields of one condition: column, operator and value.

    Parameters
    ----------
    own_columns : OwnColumns
        The columns to choose from.
    condition : ColumnCondition, optional
        The condition to show; by default the fields are empty.

    Attributes
    ----------
    changed : Signal
        Emitted when the condition may have changed.
    removed : Signal
        Emitted with this line when the user removes it.
    left : Signal
        Emitted when the value field releases the keyboard: after Enter, Escape, or the
        choice of a value.
    column, operator, value : QComboBox, QComboBox, ValueField
        The fields.
    remove, add : QToolButton
        The buttons to remove this line, and to add another line.
    """

    changed = Signal()
    removed = Signal(object)
    left = Signal()

    def __init__(
        self, own_columns: OwnColumns, condition: ColumnCondition | None = None
    ) -> None:
        super().__init__()
        self._own_columns = own_columns
        self.column, self.operator = _narrow_list(), _narrow_list()
        self.operator.setToolTip("Comparison of the column with the value")
        self.value = ValueField()
        self.remove = _button("✕", "Remove this condition")
        self.add = _button("+", "Add another condition; all must be met")
        self._fill(condition)
        self._show_choices()
        self._lay_out()
        self._connect()
        leave_keys_to_viewer(self)

    def _fill(self, condition: ColumnCondition | None) -> None:
        self.column.addItem(_NO_COLUMN, "")
        for name in self._own_columns.names:
            self.column.addItem(name, name)
        for operator in OPERATORS:
            self.operator.addItem(operator, operator)
        if condition is not None:
            self.column.setCurrentIndex(self.column.findData(condition.column))
            self.operator.setCurrentIndex(self.operator.findData(condition.operator))
            self.value.setText(condition.value)
        for combo in (self.column, self.operator):
            # The open list is as wide as its longest text.
            view = combo.view()
            view.setMinimumWidth(view.sizeHintForColumn(0) + _SCROLL_BAR)

    def _lay_out(self) -> None:
        # The fields share the width of the dock. They must not widen the dock.
        for field in (self.column, self.operator, self.value):
            field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.column, 9)
        layout.addWidget(self.operator, 4)
        layout.addWidget(self.value, 4)
        layout.addWidget(self.remove)
        layout.addWidget(self.add)
        policy = self.add.sizePolicy()
        # Keep the space of a hidden button, so that the fields of all lines are
        # aligned.
        policy.setRetainSizeWhenHidden(True)
        self.add.setSizePolicy(policy)

    def _connect(self) -> None:
        self.column.activated.connect(self._change_column)
        self.operator.activated.connect(self._change_operator)
        self.value.editingFinished.connect(self.changed)
        self.value.returnPressed.connect(self.left)
        self.value.chosen.connect(self.changed)
        self.value.chosen.connect(self.left)
        self.remove.clicked.connect(self._request_removal)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.value)
        self._escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._escape.activated.connect(self.left)

    @property
    def condition(self) -> ColumnCondition | None:
        """The condition, or None while a required field is empty."""
        column, operator = self.column.currentData(), self.operator.currentData()
        value = self.value.text().strip()
        if not column or not (value or operator in EMPTY_OPERATORS):
            return None
        return ColumnCondition.of((column, operator, value))

    def _change_column(self) -> None:
        # A value of the previous column has no meaning in the new column.
        self.value.clear()
        self._show_choices()
        self.changed.emit()

    def _change_operator(self) -> None:
        self._show_choices()
        self.changed.emit()

    def _show_choices(self) -> None:
        """Offer the values of the chosen column, and enable the required fields."""
        name, operator = self.column.currentData(), self.operator.currentData()
        needs_value = bool(name) and operator not in EMPTY_OPERATORS
        choices: tuple[str, ...] = ()
        if needs_value:
            choices = self._own_columns.choices(name, _MOST_CHOICES)
        # The field shows only the beginning of a long name.
        tooltip = tooltip_text(name) if name else "Column of the table to filter by"
        self.column.setToolTip(tooltip)
        self.value.offer(choices)
        self.value.setEnabled(needs_value)
        self.operator.setEnabled(bool(name))

    def _request_removal(self) -> None:
        self.removed.emit(self)


class ConditionsPanel(QWidget):
    """The panel of conditions on the user's own columns, one condition in each line.

    Attributes
    ----------
    changed : Signal
        Emitted when `conditions` has changed.
    left : Signal
        Emitted when a field releases the keyboard.
    lines : list of ConditionLine
        The lines; at least one after the first call of `show_columns`.
    """

    changed = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[ConditionLine] = []
        self._own_columns: OwnColumns | None = None
        self._requested: tuple[ColumnCondition, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.hide()

    @property
    def conditions(self) -> tuple[ColumnCondition, ...]:
        """The conditions of all complete lines."""
        found = (line.condition for line in self.lines)
        return tuple(condition for condition in found if condition is not None)

    def show_columns(self, own_columns: OwnColumns) -> None:
        """Offer the columns of a table, and remove all conditions."""
        self._own_columns = own_columns
        self._show_lines(())
        self.setVisible(bool(own_columns.names))

    def show_conditions(self, conditions: Sequence[ColumnCondition]) -> None:
        """Show the conditions of the queue.

        If the lines already have these conditions, leave all lines unchanged, including
        incomplete lines.
        """
        usable = tuple(filter(_is_usable, self.conditions))
        if usable != tuple(conditions):
            self._show_lines(conditions)

    def _show_lines(self, conditions: Sequence[ColumnCondition]) -> None:
        for line in [*self.lines]:
            self._drop(line)
        for condition in conditions or (None,):
            self._append(condition)
        self._requested = tuple(conditions)

    def _append(self, condition: ColumnCondition | None = None) -> None:
        assert self._own_columns is not None, "called after show_columns"
        line = ConditionLine(self._own_columns, condition)
        line.changed.connect(self._request)
        line.left.connect(self.left)
        line.add.clicked.connect(self._add_line)
        line.removed.connect(self._remove_line)
        self.lines.append(line)
        self.layout().addWidget(line)
        self._show_buttons()

    def _drop(self, line: ConditionLine) -> None:
        self.lines.remove(line)
        self.layout().removeWidget(line)
        # A removed field that loses the focus must not request a new queue.
        line.blockSignals(True)
        line.hide()
        line.deleteLater()

    def _add_line(self) -> None:
        self._append()

    def _remove_line(self, line: ConditionLine) -> None:
        self._drop(line)
        if not self.lines:
            self._append()
        self._show_buttons()
        self._request()

    def _show_buttons(self) -> None:
        """Show the button to add a line in the last line only."""
        for line in self.lines:
            line.add.setVisible(line is self.lines[-1])

    def _request(self) -> None:
        if self.conditions != self._requested:
            self._requested = self.conditions
            self.changed.emit()


def _is_usable(condition: ColumnCondition) -> bool:
    """Return whether a condition can be applied.

    A comparison of numbers needs a number as its value.
    """
    is_number = not np.isnan(number_of(condition.value))
    return condition.operator not in NUMBER_OPERATORS or is_number


def _narrow_list() -> QComboBox:
    """Create a list whose long texts do not widen the dock."""
    combo = QComboBox()
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(3)
    return combo


def _button(text: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setAutoRaise(True)
    return button
