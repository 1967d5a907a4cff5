"""The panel of refused commands, which also detects slow recording."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_artifact_review.core.decisions.command import PENDING_DELAY
from napari_artifact_review.widgets.panels.banner import alarm
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import html_text, tooltip_text
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.decisions.command import Command
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

#: Maximum number of refused commands that the text names.
_MOST_NAMED = 5


class PendingPanel(Container[Widget]):
    """The panel of refused commands, which also reports slow recording.

    Attributes
    ----------
    retry_requested : Signal
        Emitted to retry the refused commands.
    dismiss_requested : Signal
        Emitted to discard the refused commands.
    recording_changed : Signal
        Emitted with the number of pending commands when recording is slow, and with 0
        afterwards.
    """

    retry_requested = Signal()
    dismiss_requested = Signal()
    recording_changed = Signal(int)

    def __init__(self) -> None:
        self.refused = alarm()
        self.retry = PushButton(text="Retry")
        self.dismiss = PushButton(
            text="Dismiss", tooltip="Discard the verdicts that could not be recorded"
        )
        buttons = row_of(self.retry, self.dismiss)
        super().__init__(widgets=[self.refused, buttons], labels=False)
        self.margins = (0, 0, 0, 0)
        self.hide()
        self._session: ReviewSession | None = None
        self._recording = 0
        self._timer = QTimer(self.native, singleShot=True)
        self._timer.timeout.connect(self._show)
        self.retry.changed.connect(lambda: self.retry_requested.emit())
        self.dismiss.changed.connect(lambda: self.dismiss_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current key in the tooltip."""
        self.retry.tooltip = keys["give_again"].hint

    def show_session(self, session: ReviewSession | None) -> None:
        """Show a session's refused commands, and watch its pending commands.

        Parameters
        ----------
        session : ReviewSession or None
            The session, or None to show nothing.
        """
        self._session = session
        self._timer.stop()
        self._show()

    def _show(self) -> None:
        session = self._session
        pending = () if session is None else session.pending
        refused = () if session is None else session.refused
        due = pending[0].given_at + PENDING_DELAY - time.monotonic() if pending else 0.0
        if due > 0:
            self._timer.start(round(1000 * due) + 1)
        recording = len(pending) if due <= 0 else 0
        if recording != self._recording:
            self._recording = recording
            self.recording_changed.emit(recording)
        if refused:
            problem = None if session is None else session.problem
            self.refused.value = _refused_text(refused, str(problem))
            self.refused.tooltip = tooltip_text(
                "\n".join(f"{command.title}: {command.error}" for command in refused)
            )
        self.visible = bool(refused)


def _refused_text(refused: Sequence[Command], problem: str) -> str:
    """Return a text about refused commands.

    The text includes the error, unless `problem` already states it.
    """
    titles = [breakable(html_text(command.title)) for command in refused[:_MOST_NAMED]]
    more = len(refused) - len(titles)
    if more:
        titles.append(f"and {more} more")
    error = refused[0].error
    if error is None or str(error) == problem:
        reason = ""
    else:
        name = "" if error.path is None else f"{error.path.name} "
        reason = f"<br>{breakable(html_text(name + error.what))}."
    return f"<b>Not recorded:</b> {'; '.join(titles)}.{reason}"
