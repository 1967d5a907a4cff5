"""The log of an open review: waits for its commands, pauses it, closes it."""

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
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT, Recorder
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.position import Meeting
from napari_artifact_review.core.review.team import Team


class OpenLog:
    """The log of an open review: its file, its commands, its exchange with a team.

    A log that is not closed is closed when its session, or Python, ends.

    Parameters
    ----------
    journal : Journal
        The commands of the review.
    store : Store
        The file of the log.
    meetings : mapping of str to Meeting
        What is known of meeting places, by their names.

    Attributes
    ----------
    journal : Journal
        The commands of the review.
    store : Store
        The file of the log.
    team : Team or None
        The exchange with other computers.
    team_url : str or None
        The URL of the meeting place, with its password; for another opening, never
        shown.
    """

    def __init__(
        self, journal: Journal, store: Store, meetings: Mapping[str, Meeting]
    ) -> None:
        self.journal = journal
        self.store = store
        self.team: Team | None = None
        self.team_url: str | None = None
        self._meetings = dict(meetings)
        self._release = weakref.finalize(self, _release, journal.recorder)

    def set_dispatcher(
        self, dispatch: Callable[[Callable[[], object]], None] | None
    ) -> None:
        """Deliver the results of commands on the caller's thread.

        Parameters
        ----------
        dispatch : callable or None
            Called from any thread; soon runs the function that it is given in the
            thread that the session is used in.
        """
        self.journal.recorder.set_dispatcher(dispatch)

    def begin_exchange(
        self, place: MeetingPlace, url: str | None, identity: ReviewIdentity
    ) -> None:
        """Exchange the log with a meeting place from now on."""
        self.team_url = url
        earlier = self._meetings.get(place.name)
        self.team = Team(place, self.journal, identity, earlier)
        # The finalizer must not keep this object alive.
        self._release.detach()
        recorder = self.journal.recorder
        self._release = weakref.finalize(self, _release, recorder, self.team)
        self.team.start()

    @property
    def meetings(self) -> dict[str, Meeting]:
        """What the next opening has to know of meeting places, by their names."""
        meetings = dict(self._meetings)
        if self.team is not None and self.team.meeting is not None:
            meetings[self.team.name] = self.team.meeting
        return meetings

    def await_earlier(self, wait: bool | float) -> None:
        """Wait for all commands given so far, if the caller waits without a limit."""
        if wait is True:
            if self.team is not None:
                self.team.record_received()
            self.journal.recorder.wait()

    def await_answer(self, command: Command, wait: bool | float) -> bool | Command:
        """Wait for a command; `wait`, result and errors are those of `set_label`."""
        self.journal.recorder.wait(None if wait is True else float(wait))
        if wait is not True:
            return command
        if command.error is not None:
            # The caller has the error itself.
            self.journal.dismiss_refused([command])
            raise command.error.again()
        return bool(command.entries)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record what is pending, and nothing new, while another session reads the log.

        Raises
        ------
        StoreError
            If the disk does not answer.
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
    ) -> None:
        """Record what is pending, release the file, and emit nothing more.

        Parameters
        ----------
        position : callable
            Returns the last position of the review as JSON.
        wait, lost, timeout
            As for `ReviewSession.close`.
        """
        if self._release.detach():
            if self.team is not None:
                self.team.close()
            self.journal.block_signals()
            self.journal.recorder.close(
                position(), wait=wait, lost=lost, timeout=timeout
            )


def _release(recorder: Recorder, team: Team | None = None) -> None:
    recorder.close(None)
    if team is not None:
        team.close()
