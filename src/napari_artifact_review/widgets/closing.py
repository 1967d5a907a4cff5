"""The end of a session after the dock has closed its review."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import napari

from napari_artifact_review.core.texts import on_one_line
from napari_artifact_review.viewer.preferences import Preferences
from napari_artifact_review.widgets.notifications import show_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.decisions.command import Command
    from napari_artifact_review.core.review.session import ReviewSession


class SessionCloser:
    """A closer of a session, which works in a thread.

    Python waits for this thread before it exits.

    Parameters
    ----------
    session : ReviewSession
        The session.

    Attributes
    ----------
    continues : bool
        Whether the review continues in a new session, which will save the table.
    """

    def __init__(self, session: ReviewSession) -> None:
        self._session = session
        self.continues = False

    def close(self) -> None:
        """Record pending verdicts, then save the table if the user wants this."""
        chosen = Preferences.in_force()
        self._session.close(
            save=chosen.save_at_end and not self.continues,
            spreadsheet_safe=chosen.spreadsheet_copy,
            wait=False,
            lost=_report_lost,
            not_saved=_report_not_saved,
        )


def _report_lost(commands: Sequence[Command]) -> None:
    """Report the commands that could not be recorded before the session closed."""
    names = "; ".join(command.title for command in commands)
    _report(f"The review closed with unrecorded verdicts: {names}. {commands[0].error}")


def _report_not_saved(error: Exception) -> None:
    """Report that the reviewed table could not be written."""
    _report(
        f"The review closed without a save: {error} Every recorded verdict is stored; "
        "open the review again to save."
    )


def _report(text: str) -> None:
    """Show an error in napari, or in the terminal after the window has closed."""
    if napari.current_viewer() is None:
        print(on_one_line(text), file=sys.stderr)
    else:
        show_error(text)
