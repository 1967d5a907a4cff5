"""A writer of the report, which works in a thread and opens the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QWidget

from napari_artifact_review.core.atomic_files import stem_and_suffix
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.widgets.file_writer import ask_for_file
from napari_artifact_review.widgets.notifications import show_error
from napari_artifact_review.widgets.parts.background import Background, MainThread
from napari_artifact_review.widgets.unblinding import confirm_unblinding

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class Reporter:
    """A writer of the report, which works in a thread.

    Parameters
    ----------
    session : ReviewSession
        The review.
    parent : QWidget
        The parent of the file dialog.
    say : callable
        Shows a message to the reviewer.
    main_thread : MainThread
        Runs functions in the thread of the window.
    """

    def __init__(
        self,
        session: ReviewSession,
        parent: QWidget,
        say: Callable[[str], None],
        main_thread: MainThread,
    ) -> None:
        self._session = session
        self._parent = parent
        self._say = say
        self._background = Background(main_thread)

    @property
    def is_writing(self) -> bool:
        """Whether a report is being written."""
        return self._background.busy

    def ask(self) -> None:
        """Ask for the file of the report, and write the report."""
        if self.is_writing:
            self._say("A report is being written.")
            return
        output = self._session.output
        stem, _ = stem_and_suffix(output)
        suggested = output.with_name(f"{stem}_report.html")
        path = ask_for_file(self._parent, "Write report", suggested, "Reports (*.html)")
        if path is not None and confirm_unblinding(self._session, self._parent):
            self.write(path)

    def write(self, path: Path) -> None:
        """Write the report to a file, then open the file in the browser."""
        self._say(f"Writing the report to {path}...")
        job = partial(_write, self._session, self._session.threshold, path)
        self._background.start(job, self._done, self._failed)

    def give_up(self) -> None:
        """Ignore the result of a report in progress, without stopping the writing."""
        self._background.give_up()

    def _done(self, path: Path) -> None:
        is_open = QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
        hint = "" if is_open else " Open it in a browser."
        self._say(f"Report written to {path}.{hint}")

    def _failed(self, error: Exception) -> None:
        self._say("")
        if not isinstance(error, ReviewError):
            raise error
        self._say(f"No report was written. {error}")
        show_error(str(error))


def _write(session: ReviewSession, threshold: float | None, path: Path) -> Path:
    """Write a report of all verdicts so far; return the path of the report."""
    # Import in this thread, because this imports matplotlib.
    from napari_artifact_review.report.page import write_report

    session.wait_until_recorded(ANSWER_TIMEOUT)
    # Open a separate session, because the reviewer continues to use `session`.
    with session.open_read_only() as own:
        own.set_threshold(threshold)
        return write_report(own, path, datetime.now(UTC).date()).path
