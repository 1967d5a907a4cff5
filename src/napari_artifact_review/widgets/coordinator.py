"""The connection between a review and the window of its team, with work in threads."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer

from napari_artifact_review.core.atomic_files import stem_and_suffix
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.consensus_table import consensus_path
from napari_artifact_review.core.review.team_process import TeamMeasurer
from napari_artifact_review.core.texts import counted
from napari_artifact_review.widgets.file_writer import FileWriter
from napari_artifact_review.widgets.parts.background import (
    Background,
    Connections,
    MainThread,
)
from napari_artifact_review.widgets.unblinding import confirm_unblinding

if TYPE_CHECKING:
    from napari_artifact_review.core.atomic_files import Written
    from napari_artifact_review.core.review.consensus_table import SavedConsensus
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.review.team_snapshot import TeamNumbers
    from napari_artifact_review.core.team.agreement import TeamAgreement
    from napari_artifact_review.widgets.panels.results import ResultsPanel
    from napari_artifact_review.widgets.panels.team import TeamPanel
    from napari_artifact_review.widgets.windows.team import TeamWindow

#: Shortest time in seconds between two computations, and the smallest ratio of this
#: time to that of a computation, which slows down the window a little.
_PAUSE, _PAUSES_PER_COMPUTATION = 2.0, 5.0


class Coordinator:
    """The connection between a review and the window of its team.

    The window is updated while it is visible, at most every few seconds. All numbers
    are computed in a thread, or in another process.

    Parameters
    ----------
    parent : QObject
        The open review. After Qt has deleted this object, nothing is shown.
    session : ReviewSession
        The review.
    panels : sequence of TeamPanel or ResultsPanel
        The panels with a button that shows the window.
    window : TeamWindow
        The window.
    """

    def __init__(
        self,
        parent: QObject,
        session: ReviewSession,
        panels: tuple[TeamPanel | ResultsPanel, ...],
        window: TeamWindow,
    ) -> None:
        self._session, self._window = session, window
        main_thread = MainThread(parent)
        self._measurer = TeamMeasurer(session)
        self._measuring = Background(main_thread)
        self._writing = Background(main_thread)
        self._writer = FileWriter(window, self._writing)
        self._is_outdated, self._begin = False, 0.0
        self._pause = QTimer(parent, singleShot=True)
        self._connections = Connections()
        window.reset()
        connect = self._connections.connect
        for panel in panels:
            connect(panel.team_requested, window.show_team)
        connect(self._pause.timeout, self._measure_again)
        connect(window.wanted, self._measure)
        connect(window.rules_requested, self.set_rules)
        connect(window.consensus_requested, self.ask_for_consensus)
        connect(window.json_requested, self.ask_for_json)
        connect(session.reviewers_changed, self.update)
        if session.team is not None:
            connect(session.team.changed, self._show_exchange)

    @property
    def is_busy(self) -> bool:
        """Whether numbers are being computed, or will be, or a file is written."""
        is_measuring = self._measuring.busy or self._is_outdated
        return is_measuring or self._writing.busy

    def close(self) -> None:
        """Disconnect from the window, and drop results that are being computed."""
        self._pause.stop()
        self._connections.close()
        self._measuring.give_up()
        self._measurer.close()
        self._writing.give_up()

    # Numbers

    def update(self) -> None:
        """Compute what a visible window shows again, soon."""
        self._is_outdated = self._window.isVisible()
        if not self._pause.isActive():
            self._measure_again()

    def _measure_again(self) -> None:
        if self._is_outdated:
            self._measure()

    def _measure(self) -> None:
        """Compute what the window shows now, in a thread."""
        if not self._window.isVisible():
            self._is_outdated = False
            return
        self._show_exchange()
        self._is_outdated = self._measuring.busy
        if not self._measuring.busy:
            self._begin = time.monotonic()
            job = self._measurer.job(self._window.shows_agreement)
            self._measuring.start(job, self._show, self._fail)

    def _show(self, found: TeamNumbers) -> None:
        seconds = time.monotonic() - self._begin
        self._window.show_overview(found.overview)
        if found.agreement is not None:
            self._window.agreement.show_agreement(found.agreement)
        # A tab that was opened meanwhile does not wait.
        if found.agreement is None and self._window.shows_agreement:
            self._measure()
        else:
            pause = max(_PAUSE, _PAUSES_PER_COMPUTATION * seconds)
            self._pause.start(round(1000 * pause))

    def _fail(self, error: Exception) -> None:
        self._pause.start(round(1000 * _PAUSE))
        if not isinstance(error, ReviewError):
            raise error
        self._window.show_message(error=str(error))

    def _show_exchange(self) -> None:
        if self._window.isVisible():
            self._window.work.show_exchange(self._session.team)

    # Rules

    def set_rules(self, changes: dict[str, Any]) -> None:
        """Record changed rules of the team, without waiting for the disk."""
        self._window.show_message("Recording the rules...")
        try:
            command = self._session.set_team_rules(wait=False, **changes)
        except ReviewError as error:
            self._window.show_message(error=str(error))
            return
        if command.is_pending:
            self._connections.connect(command.settled, self._show_recorded)
        else:
            self._show_recorded(command)

    def _show_recorded(self, command: Command) -> None:
        if command.error is not None:
            self._window.show_message(
                error=f"The rules are not recorded. {command.error}"
            )
        else:
            self._window.show_message("The rules are recorded for all reviewers.")
            self.update()

    # Files

    def ask_for_consensus(self) -> None:
        """Ask for the file of the consensus, and write it."""
        suggested = consensus_path(self._session.output)
        path = self._writer.ask(
            "Save consensus", suggested, f"Tables (*{stem_and_suffix(suggested)[1]})"
        )
        if path is not None and confirm_unblinding(self._session, self._window):
            job = partial(_save_consensus, self._session, path)
            self._writer.write(job, path, self._show_consensus)

    def ask_for_json(self) -> None:
        """Ask for the file of the agreement, and write it as JSON."""
        agreement, output = self._window.agreement.agreement, self._session.output
        stem, _ = stem_and_suffix(output)
        suggested = output.with_name(f"{stem}_agreement.json")
        path = self._writer.ask("Save agreement", suggested, "JSON (*.json)")
        if path is not None and agreement is not None:
            job = partial(_write_json, agreement, path)
            self._writer.write(job, path, self._show_json)

    def _show_consensus(self, saved: SavedConsensus) -> None:
        disputed = "No cutout is disputed."
        if saved.disputed:
            are = "is" if saved.disputed == 1 else "are"
            cutouts = counted(saved.disputed, "cutout")
            disputed = f"{cutouts} {are} disputed, with the earlier label."
        self._window.show_message(
            f"Consensus saved to {saved.table}, and all verdicts to {saved.votes}. "
            f"{disputed}"
        )

    def _show_json(self, written: Written) -> None:
        text = f"Agreement written to {written.path}."
        self._window.show_message(f"{text} {written.backup_notice}".strip())


def _save_consensus(session: ReviewSession, path: Path) -> SavedConsensus:
    """Write the consensus of all verdicts so far; a thread calls this function."""
    session.wait_until_recorded(ANSWER_TIMEOUT)
    # Open a separate session, because the reviewer continues to use `session`.
    with session.open_read_only() as everyone:
        return everyone.save_consensus(path, encoding=session.saver.encoding)


def _write_json(agreement: TeamAgreement, path: Path) -> Written:
    from napari_artifact_review.core.team.agreement_texts import write_json

    return write_json(agreement, path)
