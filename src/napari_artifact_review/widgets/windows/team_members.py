"""The field for the members of a team."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QWidget,
)

from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import fit_minimum_width, fit_to_font
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import (
    plain_label,
    shortened,
    tooltip_text,
)

#: The width of the list in digits, and its height in lines.
_DIGITS, _LINES = 36, 4

#: The maximum number of characters of a name in the list.
_MOST_SHOWN = 60


class MembersField(QWidget):
    """The field for the members of a team, with buttons to add and to remove names.

    Attributes
    ----------
    changed : Signal
        Emitted when a name was added or removed.
    list : QListWidget
        The members.
    name : QComboBox
        The name to add, with the known reviewers to choose from.
    add, remove : QPushButton
        The buttons.
    hint : QLabel
        That everyone is a member, or why a name was not added.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[str, ...] = ()
        self.list, self.name = QListWidget(), QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.add, self.remove = QPushButton("Add"), QPushButton("Remove")
        self.add.setToolTip("Add this reviewer to the members")
        self.remove.setToolTip("Remove the selected member; the verdicts stay")
        for button in (self.add, self.remove):
            button.setAutoDefault(False)
        self.hint = plain_label()
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list, 0, 0)
        layout.addWidget(self.remove, 0, 1, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.name, 1, 0)
        layout.addWidget(self.add, 1, 1)
        layout.addWidget(self.hint, 2, 0, 1, 2)
        fit_minimum_width(self.list, _DIGITS)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        fit_to_font(self.list, self._fit)
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.name.editTextChanged.connect(lambda _: self._show_buttons())
        line = self.name.lineEdit()
        assert line is not None, "the list is editable"
        line.setPlaceholderText("Name of a reviewer")
        line.returnPressed.connect(self._add)
        self.show_names(())

    def _fit(self) -> None:
        line = self.list.fontMetrics().lineSpacing() + 4
        self.list.setFixedHeight(_LINES * line)

    @property
    def names(self) -> tuple[str, ...]:
        """The members; empty for everyone."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return tuple(
            item.data(Qt.ItemDataRole.UserRole) for item in items if item is not None
        )

    def show_names(self, names: Sequence[str]) -> None:
        """Show the members; an empty list means everyone."""
        if tuple(names) != self.names:
            self.list.clear()
            for name in names:
                item = QListWidgetItem(shortened(name, _MOST_SHOWN))
                item.setData(Qt.ItemDataRole.UserRole, name)
                item.setToolTip(tooltip_text(name))
                self.list.addItem(item)
        self._show()

    def show_known(self, names: Sequence[str]) -> None:
        """Offer the names of known reviewers, beside a name that is being typed."""
        if tuple(names) != self._known:
            self._known = tuple(names)
            self._show()

    def _show(self, fault: str = "") -> None:
        typed = self.name.currentText()
        self.name.blockSignals(True)
        self.name.clear()
        self.name.addItems([name for name in self._known if name not in self.names])
        self.name.setCurrentIndex(-1)
        self.name.setEditText(typed)
        self.name.blockSignals(False)
        everyone = "" if self.names else "Without a name, everyone is a member."
        self.hint.setText(breakable(printable(fault or everyone)))
        self.hint.setVisible(bool(fault or everyone))
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.add.setEnabled(bool(self.name.currentText().strip()))
        self.remove.setEnabled(bool(self.list.selectedItems()))

    def _add(self) -> None:
        if not self.name.currentText().strip():
            return
        try:
            name = check_reviewer(self.name.currentText())
            if name in self.names:
                raise ReviewError(f"{name} is a member already")
        except ReviewError as error:
            self._show(str(error))
            return
        self.name.clearEditText()
        self.show_names((*self.names, name))
        self.changed.emit()

    def _remove(self) -> None:
        gone = {
            item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()
        }
        self.show_names([name for name in self.names if name not in gone])
        self.changed.emit()
