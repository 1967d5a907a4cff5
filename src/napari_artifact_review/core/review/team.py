"""Exchange of a review's log with the other computers of a team."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from psygnal import Signal

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.exchange import Exchange
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    RawEntry,
    ReviewIdentity,
)
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.decisions.schema import entries_of_older
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.position import Meeting

#: Namespace of the UUIDs for logs of older databases; the same on every computer.
_OLD_STORE_NAMESPACE = uuid.UUID("0d9ad2c6-2b1e-4f5f-9d0c-9a51f5a0c3b7")

#: Seconds between two checks of `synchronize` for progress.
_POLL_INTERVAL = 0.02


class Team:
    """Background exchange of a review's entries with a meeting place.

    Received entries are recorded in the log of the review, on the session's thread.

    Parameters
    ----------
    place : MeetingPlace
        The meeting place.
    journal : Journal
        Journal that records the received entries.
    review : ReviewIdentity
        Identity of the review.
    earlier : Meeting or None
        State of the last exchange with the meeting place; None if there was none.

    Attributes
    ----------
    changed : Signal
        Emitted on the session's thread when `problem` or `unsent` has changed.
    name : str
        Name of the meeting place, shown in messages.
    """

    changed = Signal()

    def __init__(
        self,
        place: MeetingPlace,
        journal: Journal,
        review: ReviewIdentity,
        earlier: Meeting | None,
    ) -> None:
        self.name = place.name
        self._journal = journal
        self._waiting: deque[Callable[[], object]] = deque()
        self._earlier = earlier
        self._is_closed = False
        # Locked while received entries are passed to the journal.
        self._record_lock = threading.Lock()
        self._may_record = threading.Event()
        self._may_record.set()
        self._place = place
        if earlier is not None:
            review = review._replace(review_id=earlier.review_id)
        self._exchange = Exchange(
            place,
            review,
            _raw(journal.entries),
            self._receive,
            {} if earlier is None else earlier.acknowledged,
            # Record old decisions only in the first exchange with this meeting place.
            prepare=self._record_old_store if earlier is None else None,
        )
        self._exchange.changed.connect(self._on_exchange_changed)
        journal.appended.connect(self._offer)

    @property
    def problem(self) -> StoreError | None:
        """Error that currently prevents the exchange; None if there is none."""
        return self._exchange.problem

    @property
    def unsent(self) -> int:
        """Number of entries that the meeting place has not acknowledged."""
        return self._exchange.unsent

    @property
    def state_text(self) -> str:
        """Number of entries that are not sent yet, as a short text."""
        count = self.unsent
        return f"{count:,} not sent yet" if count else "all sent"

    @property
    def meeting(self) -> Meeting | None:
        """State of the exchange for a later session; None before the first exchange."""
        review_id = self._exchange.review_id
        if review_id is None or not self._exchange.rounds:
            return self._earlier
        return Meeting(review_id, self._exchange.acknowledged)

    def start(self) -> None:
        """Start the exchange."""
        self._exchange.start()

    def suspend(self) -> None:
        """Pause the recording of received entries while a new session reads the log."""
        with self._record_lock:
            self._may_record.clear()

    def resume(self) -> None:
        """Resume the recording of received entries."""
        self._may_record.set()

    def close(self) -> None:
        """End the exchange; a later session sends any entries that are still unsent."""
        self._is_closed = True
        self._exchange.close()

    def record_received(self) -> None:
        """Record received entries now; required in a session without a dispatcher."""
        while self._waiting:
            self._waiting.popleft()()

    def synchronize(self, timeout: float) -> bool:
        """Wait until all entries are sent and all received entries are recorded.

        Parameters
        ----------
        timeout : float
            Longest time to wait, in seconds.

        Returns
        -------
        bool
            Whether the exchange was completed in time.
        """
        end = time.monotonic() + timeout
        # Wait for two exchanges, because a running exchange may miss late entries.
        for _ in range(2):
            rounds = self._exchange.rounds
            self._exchange.offer(())
            while self._exchange.rounds == rounds:
                self.record_received()
                self._journal.recorder.wait(_POLL_INTERVAL)
                if time.monotonic() > end:
                    return False
                time.sleep(_POLL_INTERVAL)
        return self.unsent == 0

    # Private methods

    def _offer(self, entries: Sequence[Entry]) -> None:
        self._exchange.offer(_raw(entries))

    def _receive(self, raw: Sequence[RawEntry]) -> None:
        """Record received entries; called on the exchange thread."""
        try:
            entries = [Entry.from_json(one.body) for one in raw]
        except ValueError as error:
            raise StoreError(
                f"a received entry is damaged ({error})",
                where=self.name,
                remedy="No entry was recorded",
            ) from error
        self._record(entries)

    def _record_old_store(self) -> None:
        """Record the decisions that an older version stored in the database."""
        old = self._place.read_old_store()
        if old is not None and old.decisions:
            # Derive the log id from the content, so that all computers use the same id.
            log_id = uuid.uuid5(
                _OLD_STORE_NAMESPACE, repr(sorted(old.decisions[0].items()))
            )
            self._record(entries_of_older(old.decisions, log_id.hex, "taken over"))

    def _record(self, entries: Sequence[Entry]) -> None:
        """Record entries on the session's thread, and wait for the result.

        Raises
        ------
        StoreError
            If the entries are not recorded. The exchange then fetches them again.
        """
        answered = threading.Event()
        errors: list[StoreError | None] = []

        def answer(error: StoreError | None) -> None:
            errors.append(error)
            answered.set()

        def submit() -> None:
            with self._record_lock:
                if not self._may_record.is_set():
                    return
                command = self._journal.receive(entries)
            if command.is_pending:
                command.settled.connect(lambda settled: answer(settled.error))
            else:
                answer(command.error)

        self._may_record.wait(ANSWER_TIMEOUT)
        self._run_on_session_thread(submit)
        if not answered.wait(ANSWER_TIMEOUT):
            raise StoreError(
                "received verdicts are not recorded yet",
                where=self.name,
                remedy="They will be received again",
            )
        if errors[0] is not None:
            raise errors[0].without_traceback()

    def _on_exchange_changed(self) -> None:
        if self._journal.recorder.dispatch is not None:
            self._run_on_session_thread(self.changed.emit)

    def _run_on_session_thread(self, function: Callable[[], object]) -> None:
        """Run a function on the session's thread, unless `close` was called."""
        if self._is_closed:
            return
        dispatch = self._journal.recorder.dispatch
        if dispatch is None:
            self._waiting.append(function)
        else:
            dispatch(function)


def _raw(entries: Iterable[Entry]) -> list[RawEntry]:
    return [RawEntry(entry.log_id, entry.number, entry.as_json()) for entry in entries]
