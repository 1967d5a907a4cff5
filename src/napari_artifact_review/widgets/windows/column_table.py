"""The table in the window of columns, with a list of meanings above each column."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_artifact_review.core.tables.mapping import MEANINGS
from napari_artifact_review.widgets.parts.choice_box import ChoiceBox
from napari_artifact_review.widgets.parts.font import follow_font_size
from napari_artifact_review.widgets.parts.plain_text import tooltip_text
from napari_artifact_review.widgets.parts.preview_table import PreviewTable
from napari_artifact_review.widgets.windows.column_sections import GUESSED, plain_label

if TYPE_CHECKING:
    from napari_artifact_review.core.tables.mapping_draft import MappingDraft

#: The meanings in plain words.
_WORDS = {
    "image_name": "full image",
    "grid_x": "left pixel, or number, of the cutout",
    "grid_y": "top pixel, or number, of the cutout",
    "label": "label of the data set",
    "preds": "prediction of the model",
    "confidence": "probability",
    "error_id": "number of the error",
}
_CHOICES = (
    ("—: kept as it is", None),
    *((f"{name}: {_WORDS[name]}", name) for name in MEANINGS),
)

#: The maximum number of characters of a column's name in a tooltip.
_MOST_SHOWN = 400


class ColumnsTable(QWidget):
    """The first rows of a table, with a list of meanings above each column.

    Attributes
    ----------
    chosen : Signal
        Emitted with the name of a column, and the meaning that the user chose for it.
    preview : PreviewTable or None
        The first rows.
    finders : dict of str to QPushButton
        Buttons that lead to the columns with a meaning, above a wide table.
    """

    chosen = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.preview: PreviewTable | None = None
        self.finders = {name: QPushButton(name) for name in MEANINGS}
        self._names: list[str] = []
        self._meanings: dict[str, str] = {}
        self._finder_row = QWidget()
        row = QHBoxLayout(self._finder_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(plain_label("Go to:"))
        for meaning, finder in self.finders.items():
            finder.setAutoDefault(False)
            finder.clicked.connect(partial(self._find, meaning))
            row.addWidget(finder)
        row.addStretch(1)
        self._lines = QVBoxLayout(self)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.addWidget(self._finder_row)

    @property
    def boxes(self) -> list[ChoiceBox]:
        """The list of each column."""
        return [] if self.preview is None else self.preview.boxes

    @property
    def needed_width(self) -> int:
        """Width of all columns in pixels."""
        return 0 if self.preview is None else self.preview.needed_width

    def make_columns(self, draft: MappingDraft, room: int) -> None:
        """Show the rows of another table, for which there is room in pixels."""
        if self.preview is not None:
            self._lines.removeWidget(self.preview)
            self.preview.setParent(None)
            self.preview.deleteLater()
        self._names = draft.names
        rows = draft.preview().to_numpy().tolist()
        self.preview = PreviewTable(self._names, rows, _CHOICES)
        self.preview.chosen.connect(
            lambda column, meaning: self.chosen.emit(self._names[column], meaning)
        )
        self._lines.addWidget(self.preview)
        # Because of Qt's style sheets, a widget does not get the font of its new
        # parent.
        follow_font_size(self.preview)
        self._finder_row.setVisible(self.needed_width > room)

    def show_draft(self, draft: MappingDraft) -> None:
        """Show the meanings in a draft, and which of them are guesses."""
        assert self.preview is not None, "the table has columns"
        columns = {meaning: draft.column_of(meaning) for meaning in MEANINGS}
        self._meanings = {name: m for m, name in columns.items() if name is not None}
        for column, name in enumerate(self._names):
            meaning = self._meanings.get(name)
            mark = GUESSED if meaning in draft.guessed else ""
            self.preview.show_choice(column, meaning, mark)
        for meaning, finder in self.finders.items():
            name = columns[meaning] or ""
            finder.setVisible(bool(name))
            finder.setToolTip(tooltip_text(f"Go to the column {name[:_MOST_SHOWN]}"))

    def names_with_meaning(self) -> list[str]:
        """Return the names of the columns with a meaning, in the table's order."""
        return [name for name in self._names if name in self._meanings]

    def box_of(self, name: str) -> ChoiceBox:
        """Return the list of a column."""
        return self.boxes[self._names.index(name)]

    def first_box(self) -> ChoiceBox:
        """Return the list of the leftmost column with a meaning, or of the first."""
        return self.box_of(next(iter(self.names_with_meaning()), self._names[0]))

    def scroll_to_meanings(self) -> None:
        """Scroll to the columns with a meaning, to the leftmost last."""
        assert self.preview is not None, "the table has columns"
        for name in reversed(self.names_with_meaning()):
            self.preview.show_column(self._names.index(name))

    def _find(self, meaning: str) -> None:
        for name, other in self._meanings.items():
            if other == meaning:
                self.box_of(name).setFocus()
