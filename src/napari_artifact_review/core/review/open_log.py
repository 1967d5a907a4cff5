"""Log of an open review: commands, exchange with a team, pausing and closing."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    ReviewIdentity,
)
from napari_artifact_review.core.decisions.recorder import (
    ANSWER_TIMEOUT,
    Dispatcher,
    Recorder,
)
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.position import Meeting
from napari_artifact_review.core.review.team import Team


class OpenLog:
    """The log of an open review, with its file, commands and exchange with a team.

    If `close` is not called, the log is closed when this object is garbage-collected or
    Python exits.

    Parameters
    ----------
    journal : Journal
        The commands of the review.
    store : Store
        File of the log.
    meetings : mapping of str to Meeting
        States of earlier exchanges, by name of the meeting place.

    Attributes
    ----------
    journal : Journal
        The commands of the review.
    store : Store
        File of the log.
    team : Team or None
        Exchange with other computers; None without a meeting place.
    team_place : str or None
        URL of the meeting place with its password, or path of its folder, for
        reopening; never displayed.
    """

    def __init__(
        self, journal: Journal, store: Store, meetings: Mapping[str, Meeting]
    ) -> None:
        self.journal = journal
        self.store = store
        self.team: Team | None = None
        self.team_place: str | None = None
        self._meetings = dict(meetings)
        self._release = weakref.finalize(self, _release, journal.recorder)

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Deliver the results of commands on the caller's thread.

        Parameters
        ----------
        dispatch : callable or None
            Function that schedules its argument to run on the session's thread. It is
            called from any thread. None removes the dispatcher.
        """
        self.journal.recorder.set_dispatcher(dispatch)

    def begin_exchange(
        self, place: MeetingPlace, team_place: str | None, identity: ReviewIdentity
    ) -> None:
        """Start exchanging the log with a meeting place."""
        self.team_place = team_place
        earlier = self._meetings.get(place.name)
        self.team = Team(place, self.journal, identity, earlier)
        # The finalizer must not refer to this object, which it would keep alive.
        self._release.detach()
        recorder = self.journal.recorder
        self._release = weakref.finalize(self, _release, recorder, self.team)
        self.team.start()

    @property
    def meetings(self) -> dict[str, Meeting]:
        """State of each exchange, by name of the meeting place."""
        meetings = dict(self._meetings)
        if self.team is not None and self.team.meeting is not None:
            meetings[self.team.name] = self.team.meeting
        return meetings

    def await_earlier(self, wait: bool | float) -> None:
        """Wait until earlier commands and received entries are recorded.

        Return immediately unless `wait` is True.
        """
        if wait is True:
            if self.team is not None:
                self.team.record_received()
            self.journal.recorder.wait()

    def await_answer(self, command: Command, wait: bool | float) -> bool | Command:
        """Wait for a command, and return its result; see `ReviewSession.set_label`."""
        self.journal.recorder.wait(None if wait is True else float(wait))
        if wait is not True:
            return command
        if command.error is not None:
            # The caller gets the error, so the command need not be listed as refused.
            self.journal.refused.dismiss((command,))
            raise command.error.without_traceback()
        return bool(command.entries)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record pending commands, and pause the exchange inside the context.

        The exchange resumes only if the context raises an error.

        Raises
        ------
        StoreError
            If the disk does not respond in time.
        """
        if self.team is not None:
            self.team.suspend()
        try:
            if not self.journal.recorder.wait(ANSWER_TIMEOUT):
                titles = "; ".join(command.title for command in self.journal.pending)
                raise StoreError(
                    f"some verdicts are not recorded yet ({titles})",
                    path=self.store.path,
                    remedy="Try again once the disk answers, or close the review",
                )
            yield
        except BaseException:
            if self.team is not None:
                self.team.resume()
            raise

    def close(
        self,
        position: Callable[[], Mapping[str, Any]],
        *,
        wait: bool,
        lost: Callable[[Sequence[Command]], object] | None,
        timeout: float,
        last_job: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Record pending commands, release the file, and block all signals.

        Parameters
        ----------
        position : callable
            Function that returns the last position of the review, as plain JSON.
        wait : bool
            Whether to wait until the file is released. If not, a separate thread does
            the work.
        lost : callable or None
            Called with the commands that could not be recorded, if there are any. If
            None, these commands are logged as errors.
        timeout : float
            Time in seconds after which pending commands are refused.
        last_job : callable, optional
            Called when all commands are settled. It returns changes of the position,
            which are saved with `position`.
        """
        if self._release.detach():
            if self.team is not None:
                self.team.close()
            self.journal.block_signals()
            self.journal.recorder.close(
                position(), wait=wait, lost=lost, timeout=timeout, last_job=last_job
            )


def _release(recorder: Recorder, team: Team | None = None) -> None:
    recorder.close(None)
    if team is not None:
        team.close()
