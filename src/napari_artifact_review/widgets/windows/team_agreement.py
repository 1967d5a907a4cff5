"""The tab with the agreement of the reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import set_bold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import plain_label
from napari_artifact_review.widgets.parts.scrolled import scrolled
from napari_artifact_review.widgets.parts.texts_grid import TextsGrid

if TYPE_CHECKING:
    from napari_artifact_review.core.team.agreement import TeamAgreement
    from napari_artifact_review.core.team.texts_table import TextsTable


class AgreementTab(QWidget):
    """The tab with the agreement of the reviewers, in sentences and tables.

    Attributes
    ----------
    copied : Signal
        Emitted with the agreement as text, to copy it.
    sentences : QLabel
        The sentences.
    tables : list of TextsGrid
        The tables.
    copy, save_json : QPushButton
        The buttons.
    """

    copied = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._agreement: TeamAgreement | None = None
        self._is_writing = False
        self.sentences = plain_label()
        self.tables: list[TextsGrid] = []
        self._parts: list[QWidget] = []
        self.copy, self.save_json = QPushButton("Copy"), QPushButton("Save as JSON...")
        self.copy.setToolTip("Copy the sentences and the tables as text")
        self.save_json.setToolTip("Write all numbers and sentences for programs")
        for button in (self.copy, self.save_json):
            button.setAutoDefault(False)
        self.copy.clicked.connect(self._copy)
        self._inside = QWidget()
        self._lines = QVBoxLayout(self._inside)
        self._lines.setSpacing(6)
        self._lines.addWidget(self.sentences)
        self._lines.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy)
        buttons.addWidget(self.save_json)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(self._inside), 1)
        layout.addLayout(buttons)

    @property
    def agreement(self) -> TeamAgreement | None:
        """The agreement that is shown; None while it is being measured."""
        return self._agreement

    def show_agreement(self, agreement: TeamAgreement | None) -> None:
        """Show an agreement; None while it is being measured."""
        self._agreement = agreement
        for part in self._parts:
            self._lines.removeWidget(part)
            part.deleteLater()
        self.tables, self._parts = [], []
        lines, tables = _as_texts(agreement)
        self.sentences.setText(breakable(printable("\n".join(lines))))
        for table in tables:
            self._add(table)
        self._show_buttons()

    def show_writing(self, is_writing: bool) -> None:
        """Show whether a file is being written."""
        self._is_writing = is_writing
        self._show_buttons()

    def _add(self, table: TextsTable) -> None:
        title, grid = plain_label(printable(table.title)), TextsGrid()
        set_bold(title)
        grid.show_texts(table.head, table.rows)
        self.tables.append(grid)
        notes = [plain_label(printable(note)) for note in table.notes]
        # A table is as wide as its columns, and texts are as wide as the window.
        for part in (title, grid, *notes):
            side = Qt.AlignmentFlag.AlignLeft if part is grid else Qt.AlignmentFlag(0)
            self._lines.insertWidget(self._lines.count() - 1, part, 0, side)
            self._parts.append(part)

    def _show_buttons(self) -> None:
        has_pairs = self._agreement is not None and len(self._agreement.reviewers) > 1
        self.copy.setEnabled(has_pairs)
        self.save_json.setEnabled(has_pairs and not self._is_writing)

    def _copy(self) -> None:
        # Import here, so that the dock opens without what measures agreement.
        from napari_artifact_review.core.team.agreement_tables import agreement_as_text

        if self._agreement is not None:
            self.copied.emit(agreement_as_text(self._agreement))


def _as_texts(
    agreement: TeamAgreement | None,
) -> tuple[list[str], Sequence[TextsTable]]:
    """Return an agreement as sentences and tables."""
    if agreement is None:
        return ["Measuring..."], ()
    if len(agreement.reviewers) < 2:
        return ["The agreement needs the verdicts of two reviewers."], ()
    # Import here, so that the dock opens without what measures agreement.
    from napari_artifact_review.core.team.agreement_tables import agreement_tables
    from napari_artifact_review.core.team.agreement_texts import sentences

    return sentences(agreement), agreement_tables(agreement)
