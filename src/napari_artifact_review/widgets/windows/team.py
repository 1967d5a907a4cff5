"""The window of a team: the work of each reviewer, the rules and the agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_artifact_review.core.texts import printable
from napari_artifact_review.widgets.parts.font import set_bold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import plain_label
from napari_artifact_review.widgets.parts.tool_window import KeptFree, ToolWindow
from napari_artifact_review.widgets.windows.team_agreement import AgreementTab
from napari_artifact_review.widgets.windows.team_rules import RulesTab
from napari_artifact_review.widgets.windows.team_work import WorkTab

if TYPE_CHECKING:
    from napari_artifact_review.core.team.overview import TeamOverview

#: The space inside the border of the window, in pixels.
_MARGIN = 12

#: Preferred width and height of the window, in digits and lines of its font.
_DIGITS, _LINES = 110, 46


class TeamWindow(ToolWindow):
    """The window of a team: the work of each reviewer, the rules and the agreement.

    Attributes
    ----------
    wanted : Signal
        Emitted when the window, or another tab of it, becomes visible.
    rules_requested : Signal
        Emitted with the changed rules, by the names of attributes of `TeamRules`.
    consensus_requested, json_requested : Signal
        Emitted to save the consensus, and the agreement as JSON.
    tabs : QTabWidget
        The tabs.
    work : WorkTab
        What each reviewer has done.
    rules : RulesTab
        The rules of the team.
    agreement : AgreementTab
        The agreement of the reviewers.
    save_consensus : QPushButton
        The button to save the consensus.
    message, error : QLabel
        The last message, and the last error.
    """

    wanted = Signal()
    rules_requested = Signal(dict)
    consensus_requested = Signal()
    json_requested = Signal()

    def __init__(self, parent: QWidget, kept_free: KeptFree = tuple) -> None:
        super().__init__(parent, "Team", kept_free, is_form=True)
        self.work, self.rules = WorkTab(), RulesTab()
        self.agreement = AgreementTab()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.work, "Work")
        self.tabs.addTab(self.rules, "Rules")
        self.tabs.addTab(self.agreement, "Agreement")
        self.save_consensus = QPushButton("Save consensus...")
        self.save_consensus.setAutoDefault(False)
        self.save_consensus.setToolTip(
            "Write a table with the labels of the consensus, and all verdicts beside it"
        )
        self.message, self.error = plain_label(), plain_label()
        set_bold(self.error)
        self._lay_out()
        self.tabs.currentChanged.connect(lambda _: self.wanted.emit())
        self.rules.requested.connect(self.rules_requested)
        self.agreement.save_json.clicked.connect(lambda: self.json_requested.emit())
        self.agreement.copied.connect(self._copy)
        self.save_consensus.clicked.connect(lambda: self.consensus_requested.emit())
        self.reset()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.addWidget(self.save_consensus)
        below.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.error)
        layout.addWidget(self.message)
        layout.addLayout(below)

    @property
    def shows_agreement(self) -> bool:
        """Whether the agreement is visible."""
        return self.isVisible() and self.tabs.currentWidget() is self.agreement

    def show_team(self) -> None:
        """Show the window in front of the others."""
        self.show()
        self.raise_()
        self.activateWindow()

    def reset(self) -> None:
        """Remove what is shown of a review."""
        self.work.show_overview(None)
        self.rules.show_overview(None)
        self.agreement.show_agreement(None)
        self.show_message()
        self.show_writing(False)

    def show_overview(self, overview: TeamOverview) -> None:
        """Show the work and the rules of a team."""
        self.work.show_overview(overview)
        self.rules.show_overview(overview)

    def show_writing(self, is_writing: bool) -> None:
        """Show whether a file is being written."""
        self.save_consensus.setEnabled(not is_writing)
        self.agreement.show_writing(is_writing)

    def show_message(self, text: str = "", *, error: str = "") -> None:
        """Show a message, an error or both; an empty string hides each."""
        for label, shown in ((self.message, text), (self.error, error)):
            label.setText(breakable(printable(shown)))
            label.setVisible(bool(shown))

    def _copy(self, text: str) -> None:
        clipboard = QApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
            self.show_message("The agreement is on the clipboard.")

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Show the window, and ask for what it shows."""
        super().showEvent(event)
        self.wanted.emit()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which usual tables fit, on the screen."""
        most = (self.parentWidget() or self).screen().availableSize() * 0.92
        metrics = self.fontMetrics()
        size = QSize(
            _DIGITS * metrics.horizontalAdvance("0"), _LINES * metrics.lineSpacing()
        )
        return size.expandedTo(self.layout().minimumSize()).boundedTo(most)
