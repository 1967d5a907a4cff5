"""The window in which the user says what the columns of a table mean."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.mapping_command import command_of
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import set_bold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import shortened
from napari_artifact_review.widgets.parts.tool_window import KeptFree, ToolWindow
from napari_artifact_review.widgets.windows.column_sections import (
    GUESSED,
    ConfidenceSection,
    GridSection,
    Section,
    ValuesSection,
    pixels_in,
    plain_label,
)
from napari_artifact_review.widgets.windows.column_table import ColumnsTable

if TYPE_CHECKING:
    from napari_artifact_review.core.tables.mapping_draft import MappingDraft

#: The space beside the table, for a scroll bar, in pixels.
_AROUND = 24

#: The space inside the border of the window, in pixels.
_MARGIN = 12

#: The space between sections in pixels.
_BETWEEN = 28

#: The maximum number of characters of a sentence.
_MOST_SHOWN = 400


class ColumnsWindow(ToolWindow):
    """The window in which the user says what the columns of a table mean.

    Attributes
    ----------
    open_requested, cancelled : Signal
        Emitted by the buttons Open and Cancel.
    draft : MappingDraft or None
        The mapping as the user has chosen it so far.
    table : ColumnsTable
        The first rows, with a list of meanings above each column.
    labels, preds : ValuesSection
        The classes of the labels, and of the predictions.
    confidence : ConfidenceSection
        The scale of the confidence.
    grid : GridSection
        The positions of the cutouts.
    questions, error : QLabel
        What is still open, and the error of the last opening.
    open, cancel, copy : QPushButton
        The buttons.
    """

    open_requested = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        super().__init__(parent, "Columns", kept_free, is_form=True)
        self.draft: MappingDraft | None = None
        self.table = ColumnsTable()
        self._options: tuple[str, ...] = ()
        self._is_busy = False
        self.labels, self.preds = ValuesSection("label"), ValuesSection("preds")
        self.confidence, self.grid = ConfidenceSection(), GridSection()
        self.questions, self.error = plain_label(wraps=True), plain_label(wraps=True)
        self._make_buttons()
        self._lay_out()
        for section in self._sections():
            section.changed.connect(self._show)
        self.table.chosen.connect(self._choose_meaning)
        self.grid.cutout_size.textEdited.connect(lambda _: self._show_state())

    def _sections(self) -> tuple[ValuesSection | ConfidenceSection | GridSection, ...]:
        return self.labels, self.preds, self.confidence, self.grid

    def _make_buttons(self) -> None:
        self.copy = QPushButton("Copy as command")
        self.cancel, self.open = QPushButton("Cancel"), QPushButton("Open")
        self.open.setDefault(True)
        self.copy.clicked.connect(self._copy)
        self.cancel.clicked.connect(self.reject)
        self.open.clicked.connect(lambda: self.open_requested.emit())

    def _lay_out(self) -> None:
        inside = QWidget()
        for section in self._sections():
            # Without a parent, a visible section would be a window.
            section.setParent(inside)
        self._content = QVBoxLayout(inside)
        self._content.setContentsMargins(0, 0, 0, 0)
        self._content.setSpacing(10)
        self._warning = plain_label(
            "1 may mean a real source here, which is the opposite of an artifact."
        )
        self._intro = plain_label()
        self._first, self._rest = QVBoxLayout(), QVBoxLayout()
        self._content.addWidget(self._warning)
        self._content.addLayout(self._first)
        self._content.addWidget(self._intro)
        self._content.addWidget(self.table)
        self._content.addLayout(self._rest)
        self._content.addStretch(1)
        for rows in (self._first, self._rest):
            rows.setSpacing(10)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._area.setWidget(inside)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.open)
        set_bold(self.error)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.addWidget(self._area, 1)
        layout.addWidget(self.questions)
        layout.addWidget(self.error)
        layout.addLayout(buttons)

    # State

    @property
    def mapping(self) -> TableMapping:
        """The mapping with which to open the table."""
        return TableMapping() if self.draft is None else self.draft.result

    @property
    def cutout_size(self) -> int | None:
        """The side of a cutout in pixels; None if the field is empty."""
        return pixels_in(self.grid.cutout_size)

    def show_draft(
        self,
        draft: MappingDraft,
        cutout_size: int | None = None,
        error: str = "",
        options: Sequence[str] = (),
    ) -> None:
        """Show a table in the window, and show the window.

        Parameters
        ----------
        draft : MappingDraft
            The table with its mapping so far.
        cutout_size : int, optional
            The side of a cutout in pixels.
        error : str
            The error of the last opening.
        options : sequence of str
            Further options of the command that `copy` copies.
        """
        self._options, self._is_busy = tuple(options), False
        self.show_title(f"Columns of {printable(draft.path.name)}")
        self.table.make_columns(draft, self._most().width() - _AROUND)
        size = "" if cutout_size is None else str(cutout_size)
        self.grid.cutout_size.setText(size)
        self._show(draft)
        self._set_error(error)
        self._arrange_sections()
        if not self.isVisible():
            self.resize(self.sizeHint())
            self.show()
        self.come_to_front()
        self.table.scroll_to_meanings()
        self._focus(self._first_field(error))

    def come_to_front(self) -> None:
        """Show the visible window in front of the others."""
        self.raise_()
        self.activateWindow()

    def show_error(self, text: str) -> None:
        """Show the error of an opening, and focus the field that it is about."""
        self.show_busy(False)
        self._set_error(text)
        self._focus(self._first_field(text))

    def _focus(self, field: QWidget) -> None:
        """Focus a field, and scroll to it."""
        field.setFocus()
        # The area has another height with an error below it.
        self.layout().activate()
        if self._area.isAncestorOf(field):
            self._area.ensureWidgetVisible(field)

    def _set_error(self, text: str) -> None:
        self.error.setText(breakable(shortened(text, 2 * _MOST_SHOWN)))
        self.error.setVisible(bool(text))

    def show_busy(self, is_busy: bool) -> None:
        """Show whether the table is being opened."""
        self._is_busy = is_busy
        self._show_state()

    def _show(self, draft: MappingDraft) -> None:
        """Show a draft of the same table."""
        self.draft = draft
        self.table.show_draft(draft)
        for section in self._sections():
            section.show_draft(draft)
        check = f" Check what is marked as {GUESSED}." if draft.guessed else ""
        self._intro.setText(
            f"Say what each column means. Other columns are kept.{check}"
        )
        self._show_state()
        self._make_room()

    def _show_state(self) -> None:
        """Show what is still open, and enable the buttons."""
        questions = () if self.draft is None else self.draft.questions()
        lines = [shortened(question, _MOST_SHOWN) for question in questions]
        self.questions.setText(breakable("\n".join(lines)))
        self.questions.setVisible(bool(lines))
        self.open.setEnabled(not questions and not self._is_busy)
        self.copy.setEnabled(not questions and self._command() is not None)
        self.copy.setToolTip(
            "Copy the command that opens the table with this mapping"
            if self.copy.isEnabled() or questions
            else "A name in this table cannot be written in a command"
        )

    # Choices

    def _choose_meaning(self, name: str, meaning: str | None) -> None:
        if self.draft is not None:
            self._show(self.draft.with_meaning(name, meaning))
            self._arrange_sections()

    def _command(self) -> str | None:
        if self.draft is None:
            return None
        size = self.cutout_size
        more = () if size is None else ("--cutout-size", str(size))
        return command_of(self.draft.path, self.mapping, (*self._options, *more))

    def _copy(self) -> None:
        clipboard, command = QApplication.clipboard(), self._command()
        if clipboard is not None and command is not None:
            clipboard.setText(command)

    def reject(self) -> None:
        """Close the window, and drop the choices; Escape does the same."""
        self.hide()
        self.cancelled.emit()

    # Layout

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which most tables fit, on the screen."""
        parent = self.parentWidget()
        if self.draft is None or parent is None:
            return super().sizeHint()
        around, inside, most = 2 * _MARGIN, self._area.widget(), self._most()
        width = max(inside.minimumSizeHint().width(), self.table.needed_width)
        width = min(width + around + _AROUND, most.width())
        # The scroll area itself would prefer a small size.
        height = around + inside.sizeHint().height() + self.open.sizeHint().height()
        for label in (self.questions, self.error):
            if not label.isHidden():
                height += label.heightForWidth(width - around)
        height += 4 * self.layout().spacing()
        return QSize(width, min(height, most.height()))

    def _most(self) -> QSize:
        """Return the maximum size of the window on its screen."""
        return (self.parentWidget() or self).screen().availableSize() * 0.92

    def _arrange_sections(self) -> None:
        """Place the sections in rows that fit on the screen.

        Sections that must be clear before all else are above the table.
        """
        for widget in self.findChildren(QWidget):
            # Only then does a widget have the size that its style gives it.
            widget.ensurePolished()
        shown = [one for one in self._sections() if one.isVisibleTo(self)]
        first = [one for one in shown if _is_first(one)]
        rest = [one for one in shown if not _is_first(one)]
        width = self._most().width() - 60
        self._warning.setVisible(bool(first))
        for rows, sections in ((self._first, first), (self._rest, rest)):
            _fill(rows, sections, width)
        self._set_tab_order(first, rest)
        self._make_room()

    def _make_room(self) -> None:
        """Make the window large enough for its contents, if the screen allows it."""
        # Qt would fit the parts to their new contents only after the window is sized.
        for part in (self.table, *self._sections()):
            part.layout().activate()
        self._content.invalidate()
        self._content.activate()
        if self.isVisible():
            self.resize(self.size().expandedTo(self.sizeHint()))

    def _set_tab_order(self, first: Sequence[Section], rest: Sequence[Section]) -> None:
        order: list[QWidget] = [
            *(field for section in first for field in section.fields),
            *self.table.finders.values(),
            *self.table.boxes,
            *(field for section in rest for field in section.fields),
            self.copy,
            self.cancel,
            self.open,
        ]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _field_of_error(self, error: str) -> QWidget:
        """Return the field that an error is about."""
        grid = self.grid
        if "stride" in error and not grid.stride.text():
            return grid.stride
        if "cutout size" in error:
            return grid.cutout_size
        for name in self.table.names_with_meaning():
            if f"column {name}" in error:
                return self.table.box_of(name)
        return grid.stride if "stride" in error else self.open

    def _first_field(self, error: str) -> QWidget:
        """Return the field of the first question, or of the error."""
        draft, table = self.draft, self.table
        if draft is None or not table.boxes:
            return self.open
        if not draft.questions():
            return self._field_of_error(error)
        open_values = [
            box
            for section in (self.labels, self.preds)
            for box in section.boxes.values()
            if box.value is None
        ]
        if self.confidence.isVisibleTo(self) and (
            self.confidence.probability_of.value is None
        ):
            open_values.append(self.confidence.probability_of)
        is_first = self.labels.is_first and self.labels.boxes
        if is_first and open_values:
            return open_values[0]
        if any(question.startswith("Choose") for question in draft.questions()):
            return table.first_box()
        return open_values[0] if open_values else self.confidence.scale


def _is_first(section: Section) -> bool:
    return isinstance(section, ValuesSection | ConfidenceSection) and section.is_first


def _fill(rows: QVBoxLayout, sections: Sequence[Section], width: int) -> None:
    """Place sections side by side, in as many rows as a width needs."""
    while (item := rows.takeAt(0)) is not None:
        row = item.layout()
        while row is not None and row.takeAt(0) is not None:
            continue
    used = width + 1
    for section in sections:
        needed = section.sizeHint().width() + _BETWEEN
        if used + needed > width:
            row, used = QHBoxLayout(), 0
            row.setSpacing(_BETWEEN)
            rows.addLayout(row)
        assert row is not None, "there is a row"
        row.insertWidget(max(row.count() - 1, 0), section, 0, Qt.AlignmentFlag.AlignTop)
        if not used:
            row.addStretch(1)
        used += needed
