"""The tab with the work of each reviewer, and what is disputed and open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_artifact_review.core.team.overview_texts import state_lines, work_table
from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import plain_label
from napari_artifact_review.widgets.parts.scrolled import scrolled
from napari_artifact_review.widgets.parts.texts_grid import TextsGrid
from napari_artifact_review.widgets.parts.value_lines import ValueLines

if TYPE_CHECKING:
    from napari_artifact_review.core.review.team import Team
    from napari_artifact_review.core.team.overview import TeamOverview


class WorkTab(QWidget):
    """The tab with the work of each reviewer, and what is disputed and open.

    Attributes
    ----------
    empty : QLabel
        The text without a reviewer.
    table : TextsGrid
        What each reviewer has done.
    notes : QLabel
        Which names have several logs.
    state : ValueLines
        What is voted on, disputed and open, and the exchange with a meeting place.
    """

    def __init__(self) -> None:
        super().__init__()
        self.empty, self.notes = plain_label(), plain_label()
        self.table, self.state = TextsGrid(), ValueLines()
        self._lines: list[tuple[str, str]] = []
        self._exchange: list[tuple[str, str]] = []
        inside = QWidget()
        lines = QVBoxLayout(inside)
        lines.setSpacing(10)
        lines.addWidget(self.empty)
        lines.addWidget(self.table, 0, Qt.AlignmentFlag.AlignLeft)
        lines.addWidget(self.notes)
        lines.addWidget(self.state)
        lines.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(inside))

    def show_overview(self, overview: TeamOverview | None) -> None:
        """Show what each reviewer has done; None while this is being counted."""
        has_reviewers = overview is not None and bool(overview.reviewers)
        self.empty.setVisible(not has_reviewers)
        self.empty.setText("Counting..." if overview is None else "No verdicts yet.")
        self.table.setVisible(has_reviewers)
        notes: tuple[str, ...] = ()
        self._lines = []
        if overview is not None:
            table = work_table(overview)
            self.table.show_texts(("Reviewer", *table.head[1:]), table.rows)
            notes, self._lines = table.notes, state_lines(overview)
        self.notes.setText(breakable(printable("\n".join(notes))))
        self.notes.setVisible(bool(notes))
        self._show_lines()

    def show_exchange(self, team: Team | None) -> None:
        """Show the exchange with a meeting place; None without one."""
        self._exchange = []
        if team is not None:
            self._exchange = [
                ("Meeting place", team.name),
                ("Entries", team.state_text),
            ]
            if team.problem is not None:
                self._exchange.append(("Problem", str(team.problem)))
        self._show_lines()

    def _show_lines(self) -> None:
        self.state.show_lines([*self._lines, *self._exchange])
