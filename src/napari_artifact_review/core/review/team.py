"""A review's part in a team: its log exchanged with a meeting place."""

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

#: Names the log that an older store becomes: the same one on each computer.
_OLD_STORES = uuid.UUID("0d9ad2c6-2b1e-4f5f-9d0c-9a51f5a0c3b7")

#: Seconds between looks of a caller that waits.
_POLL = 0.02


class Team:
    """Exchanges the entries of a review with a meeting place, in the background.

    Received entries are recorded in the review's own log, on the thread of its session.

    Parameters
    ----------
    place : MeetingPlace
        The meeting place.
    journal : Journal
        The commands of the review.
    review : ReviewIdentity
        The review.
    earlier : Meeting or None
        What an earlier exchange with the place left.

    Attributes
    ----------
    changed : Signal
        Emitted on the session's thread when `problem` or `unsent` has changed.
    name : str
        The place, for people.
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
        # Held while received entries are given to the journal.
        self._giving = threading.Lock()
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
            # Once: afterwards what was there is in this log.
            prepare=self._take_over_old_store if earlier is None else None,
        )
        self._exchange.changed.connect(self._tell)
        journal.appended.connect(self._offer)

    @property
    def problem(self) -> StoreError | None:
        """The reason why entries cannot be exchanged, as long as that is so."""
        return self._exchange.problem

    @property
    def unsent(self) -> int:
        """The number of entries that the place is not known to have."""
        return self._exchange.unsent

    @property
    def meeting(self) -> Meeting | None:
        """What the next opening has to know; None before the first exchange ever."""
        review_id = self._exchange.review_id
        if review_id is None or not self._exchange.rounds:
            return self._earlier
        return Meeting(review_id, self._exchange.acknowledged)

    def start(self) -> None:
        """Begin to exchange."""
        self._exchange.start()

    def suspend(self) -> None:
        """Record nothing that is received: another session is to read the log."""
        with self._giving:
            self._may_record.clear()

    def resume(self) -> None:
        """Record again what is received."""
        self._may_record.set()

    def close(self) -> None:
        """End the exchange; what is not sent is sent after the next opening."""
        self._is_closed = True
        self._exchange.close()

    def take_received(self) -> None:
        """Record what was received; for a session without a dispatcher."""
        while self._waiting:
            self._waiting.popleft()()

    def synchronize(self, timeout: float) -> bool:
        """Wait until all is sent, and all that the place had is recorded here.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether that is so.
        """
        end = time.monotonic() + timeout
        # An exchange under way may have asked the place before it had everything.
        for _ in range(2):
            rounds = self._exchange.rounds
            self._exchange.offer(())
            while self._exchange.rounds == rounds:
                self.take_received()
                self._journal.recorder.wait(_POLL)
                if time.monotonic() > end:
                    return False
                time.sleep(_POLL)
        return self.unsent == 0

    # Inside

    def _offer(self, entries: Sequence[Entry]) -> None:
        self._exchange.offer(_raw(entries))

    def _receive(self, raw: Sequence[RawEntry]) -> None:
        """Record received entries; on the thread of the exchange."""
        try:
            entries = [Entry.from_json(one.body) for one in raw]
        except ValueError as error:
            raise StoreError(
                f"an entry there is damaged ({error})",
                where=self.name,
                remedy="Nothing of it was taken",
            ) from error
        self._record(entries)

    def _take_over_old_store(self) -> None:
        """Record the decisions of a version that kept them in the database itself."""
        old = self._place.read_old_store()
        if old is not None and old.decisions:
            # The same log on each computer that takes them over.
            log_id = uuid.uuid5(_OLD_STORES, repr(sorted(old.decisions[0].items())))
            self._record(entries_of_older(old.decisions, log_id.hex, "taken over"))

    def _record(self, entries: Sequence[Entry]) -> None:
        """Have entries recorded on the session's thread, and wait for it.

        Raises
        ------
        StoreError
            If they are not recorded; then they are to be received again.
        """
        answered = threading.Event()
        errors: list[StoreError | None] = []

        def answer(error: StoreError | None) -> None:
            errors.append(error)
            answered.set()

        def give() -> None:
            with self._giving:
                if not self._may_record.is_set():
                    return
                command = self._journal.receive(entries)
            if command.is_pending:
                command.settled.connect(lambda settled: answer(settled.error))
            else:
                answer(command.error)

        self._may_record.wait(ANSWER_TIMEOUT)
        self._run(give)
        if not answered.wait(ANSWER_TIMEOUT):
            raise StoreError(
                "received verdicts are not recorded yet",
                where=self.name,
                remedy="They are received again",
            )
        if errors[0] is not None:
            raise errors[0].again()

    def _tell(self) -> None:
        if self._journal.recorder.dispatch is not None:
            self._run(self.changed.emit)

    def _run(self, function: Callable[[], object]) -> None:
        """Run a function on the session's thread, unless that is over."""
        if self._is_closed:
            return
        dispatch = self._journal.recorder.dispatch
        if dispatch is None:
            self._waiting.append(function)
        else:
            dispatch(function)


def _raw(entries: Iterable[Entry]) -> list[RawEntry]:
    return [RawEntry(entry.log_id, entry.number, entry.as_json()) for entry in entries]
