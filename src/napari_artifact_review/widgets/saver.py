"""A saver of the reviewed table, which writes in a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.errors import EncodingError, ReviewError
from napari_artifact_review.viewer.preferences import Preferences
from napari_artifact_review.widgets.notifications import show_error
from napari_artifact_review.widgets.parts.background import Background, MainThread

if TYPE_CHECKING:
    from napari_artifact_review.core.review.output import OutputChoice, Saved
    from napari_artifact_review.core.review.reviewed_table import OutputEncoding
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.widgets.panels.review_panel import ReviewPanel

#: Prepares a save. The parameter is whether to write the copy for spreadsheets.
_Prepare: TypeAlias = Callable[[bool], "Callable[[], Saved] | None"]


class Saver:
    """A saver of the reviewed table, which shows the result in the panels.

    If the table or the output has changed on disk, a panel asks the user what to do.

    Parameters
    ----------
    session : ReviewSession
        The review to save.
    panel : ReviewPanel
        The panels that show the review.
    main_thread : MainThread
        Runs functions in the thread of the panels.
    """

    def __init__(
        self, session: ReviewSession, panel: ReviewPanel, main_thread: MainThread
    ) -> None:
        self._session = session
        self._panel = panel
        self._background = Background(main_thread)
        self._is_export_due = False

    @property
    def is_saving(self) -> bool:
        """Whether a save is in progress."""
        return self._background.busy

    def save(
        self,
        keep: OutputChoice | None = None,
        encoding: OutputEncoding = None,
    ) -> None:
        """Write the reviewed table; the parameters are those of `ReviewSession.save`.

        The user's preferences determine whether to write a copy for spreadsheet
        programs.
        """
        self._start(
            lambda copy: self._session.saver.prepare(
                keep, encoding=encoding, spreadsheet=copy
            )
        )

    def export(self) -> None:
        """Write the reviewed table without asking, if verdicts are missing in it.

        If the user would have to choose, write a dated file in the folder of the
        output. If a save is running, call this method again after the save.
        """
        self._is_export_due = self.is_saving
        self._start(lambda copy: self._session.saver.prepare_export(spreadsheet=copy))

    def _start(self, prepare: _Prepare) -> None:
        """Record pending verdicts, then write the table; do nothing during a save."""
        if self.is_saving:
            return
        session = self._session
        if session.pending:
            # Wait until all verdicts are recorded, so that the table includes them.
            self._panel.saving.show_state(session, saving=True)
            self._background.start(
                partial(session.wait_until_recorded, ANSWER_TIMEOUT),
                lambda _: self._write(prepare),
                self._failed,
            )
        else:
            self._write(prepare)

    def _write(self, prepare: _Prepare) -> None:
        session, panel = self._session, self._panel

        def done(saved: Saved) -> None:
            session.saver.finish(saved, wait=session.patience)
            if not saved.reason:
                # A dated file does not resolve the choice that a panel asks for, so the
                # panel stays.
                panel.hide_changes()
            panel.saving.show_state(session)
            panel.say(_result_text(session, saved))
            if saved.spreadsheet_error is not None:
                self._report(saved.spreadsheet_error)
            if self._is_export_due:
                self.export()

        try:
            job = prepare(Preferences.in_force().spreadsheet_copy)
        except ReviewError as error:
            self._report(error)
            return
        if job is None:
            panel.saving.show_state(session)
            return
        panel.saving.show_state(session, saving=True)
        self._background.start(job, done, self._failed)

    def _failed(self, error: Exception) -> None:
        from napari_artifact_review.core.review.output import (
            OutputChangedError,
            TableChangedError,
        )

        session, panel = self._session, self._panel
        panel.saving.show_state(session)
        panel.hide_changes()
        if isinstance(error, OutputChangedError):
            panel.say("")
            panel.changed_output.show_changes(error)
        elif isinstance(error, TableChangedError):
            panel.say("")
            panel.changed_table.show_changes(error)
        elif isinstance(error, EncodingError):
            panel.say("")
            panel.encoding.show_error(error)
        elif isinstance(error, ReviewError):
            self._report(error)
        else:
            raise error

    def _report(self, error: ReviewError) -> None:
        # napari's notification shows only one line of the error.
        self._panel.say(f"Not saved. {error}")
        show_error(str(error))

    def give_up(self) -> None:
        """Ignore the result of a save in progress, without stopping the save."""
        self._background.give_up()


def _result_text(session: ReviewSession, saved: Saved) -> str:
    if saved.taken_over is not None:
        count = len(saved.taken_over)
        labels = "label" if count == 1 else "labels"
        return (
            f"Kept {count} {labels} from {saved.path.name}. Nothing was written. The "
            "next save replaces that file and keeps it as a dated backup."
        )
    if saved.reason:
        return (
            f"Saved to {saved.path}, because {session.output.name} was not written: "
            f"{saved.reason}."
        )
    if saved.path != session.output:
        return f"Saved to {saved.path}; {session.output.name} is unchanged."
    kept = f" The previous file is kept as {saved.backup.name}." if saved.backup else ""
    copy = f" For spreadsheets: {saved.spreadsheet.name}." if saved.spreadsheet else ""
    return f"Saved to {saved.path}.{kept}{copy}"
