"""The panel with the user's own columns of the current cutout and the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, LineEdit, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QLineEdit, QShortcut, QSizePolicy

from napari_artifact_review.widgets.parts.checkable_menu import CheckableMenu
from napari_artifact_review.widgets.parts.font import fit_height
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.value_lines import (
    ScrolledLines,
    ValueLines,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

#: Maximum number of columns in view; the user scrolls to see the others.
_MOST_LINES = 6


class OwnColumnsPanel(Container[Widget]):
    """The panel with the values of chosen columns, and a field to search the queue.

    Attributes
    ----------
    columns_requested : Signal
        Emitted with the names of the columns to show.
    find_requested : Signal
        Emitted with the text to find.
    left : Signal
        Emitted when the search field releases the keyboard.
    values : ValueLines
        The names and values of the chosen columns.
    """

    columns_requested = Signal(tuple)
    find_requested = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        self.columns = PushButton(
            text="Columns...", tooltip="Choose the columns of the table to show here"
        )
        self.find = LineEdit(
            tooltip="Find a text in image_name, note and the columns shown here; "
            "Enter goes to the next match, Escape leaves the field"
        )
        super().__init__(widgets=[row_of(self.columns, self.find)], labels=False)
        self.margins = (0, 0, 0, 0)
        self.columns.native.setSizePolicy(
            QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed
        )
        self.values = ValueLines()
        self._area = ScrolledLines(self.values, _MOST_LINES)
        self._area.hide()
        self.native.layout().addWidget(self._area)
        self._names: tuple[str, ...] = ()
        self._shown: tuple[str, ...] = ()
        field: QLineEdit = self.find.native
        field.setPlaceholderText("Find in queue")
        fit_height(field)
        field.setClearButtonEnabled(True)
        field.returnPressed.connect(self._request_match)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), field)
        self._escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._escape.activated.connect(lambda: self.left.emit())
        self.columns.changed.connect(lambda: self._open_menu())

    def show_columns(self, session: ReviewSession) -> None:
        """Show the columns that are chosen in a session."""
        self._names, self._shown = session.own_columns.names, session.shown_columns
        self.columns.visible = bool(self._names)
        self.show_cutout(session)
        self._area.fit_to_lines()

    def show_cutout(self, session: ReviewSession) -> None:
        """Show the values of the current cutout; those of a hidden one are empty."""
        cutout, own = session.current_cutout, session.own_columns
        self.values.show_lines(
            [
                (name, "" if cutout.is_hidden else own.text(name, cutout.row))
                for name in self._shown
            ]
        )

    def _open_menu(self) -> None:
        button = self.columns.native
        menu = CheckableMenu(button, self._names, self._shown)
        menu.chosen.connect(lambda names: self.columns_requested.emit(names))
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    def _request_match(self) -> None:
        self.find_requested.emit(self.find.value.strip())
