"""Exchange log entries with a meeting place, in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread

from psygnal import Signal

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import StoreError

#: Seconds until the next attempt after a failed one; doubled with each.
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 5.0

#: Entries that are sent or fetched at once. Fewer are tried after a failure, so that
#: they also get through a slow network.
_LARGEST_BATCH = 1000


class Exchange:
    """Background exchange of a review's log entries with a meeting place.

    A thread sends the entries that the place lacks and fetches those that are lacking
    here, at an interval and whenever entries are offered. A place that is slow,
    frozen or gone is a `problem`; nothing else waits for it. What could not be sent is
    sent when the place is back. Entries of any log are exchanged, so those of a third
    computer travel through each one that has them.

    A started exchange must be closed: its thread keeps it alive.

    Parameters
    ----------
    place : MeetingPlace
        Where to exchange; it belongs to the exchange from now on.
    review : ReviewIdentity
        Which review.
    entries : iterable of RawEntry
        All entries on this computer, each log in its order.
    receive : callable
        Takes the entries that were fetched, a list in the order of log and number; on
        the thread of the exchange. When it raises, they are fetched again.
    acknowledged : mapping of str to int, optional
        By log, the number up to which the place is known to have it, as an earlier
        exchange left it.
    prepare : callable, optional
        Called on the thread of the exchange when the place was joined for the first
        time, before anything is exchanged; again, if it raises a `StoreError`.
    interval : float
        Seconds between two exchanges while nothing is offered.

    Attributes
    ----------
    changed : Signal
        Emitted when an attribute below has changed; on any thread.
    problem : StoreError or None
        Why entries cannot be exchanged, as long as that is so.
    unsent : int
        The number of entries that the place is not known to have.
    acknowledged : dict of str to int
        By log, the number up to which the place is known to have it.
    rounds : int
        How many exchanges have come to their end.
    review_id : str or None
        The id under which the place knows the review; None until it was reached.
    """

    changed = Signal()

    def __init__(
        self,
        place: MeetingPlace,
        review: ReviewIdentity,
        entries: Iterable[RawEntry],
        receive: Callable[[list[RawEntry]], object],
        acknowledged: Mapping[str, int] | None = None,
        prepare: Callable[[], object] | None = None,
        interval: float = 3.0,
    ) -> None:
        self.problem: StoreError | None = None
        self.review_id: str | None = None
        self._place = place
        self._review = review
        self._receive = receive
        self._interval = interval
        self._batch = _LARGEST_BATCH
        self._is_joined = False
        self._prepare = prepare
        self.rounds = 0
        # Guards what follows, and is notified when the thread has something to do.
        self._condition = Condition()
        self._logs: dict[str, list[RawEntry]] = {}
        self._acknowledged = dict(acknowledged or {})
        self._has_offers = False
        self._is_closed = False
        self._add(entries)
        place.on_timeout = self._set_problem
        self._thread = Thread(
            target=self._run, name="artifact-review-exchange", daemon=True
        )

    @property
    def acknowledged(self) -> dict[str, int]:
        """By log, the number up to which the place is known to have it."""
        with self._condition:
            return dict(self._acknowledged)

    @property
    def unsent(self) -> int:
        """The number of entries that the place is not known to have."""
        with self._condition:
            return sum(span.last - span.after for span in self._unsent_spans())

    def start(self) -> None:
        """Begin to exchange in the background."""
        self._thread.start()

    def offer(self, entries: Iterable[RawEntry]) -> None:
        """Hand over new entries of this computer, to be sent at once; never wait.

        Those that are known already, because they were received, are ignored.
        """
        with self._condition:
            self._add(entries)
            self._has_offers = True
            self._condition.notify_all()
        self._signal()

    def wait_until_sent(self, timeout: float) -> bool:
        """Wait until nothing is unsent, and return whether that is so.

        Parameters
        ----------
        timeout : float
            How many seconds at most.
        """
        with self._condition:
            return self._condition.wait_for(lambda: self.unsent == 0, timeout)

    def close(self) -> None:
        """End the exchange, without waiting for the place.

        The thread still sends what was offered, unless the place is in trouble, and
        then closes the connection. Nothing is received or signalled any more.
        """
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def wait_closed(self, timeout: float) -> bool:
        """Wait until a closed exchange has ended, and return whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def exchange(self) -> None:
        """Exchange once, on the caller's thread; what `start` does again and again.

        Raises
        ------
        StoreError
            If the place cannot be used. What was exchanged until then is exchanged.
        """
        try:
            self._exchange()
        except StoreError:
            # When it is back, it may have been put back from a backup, or made anew.
            self._is_joined = False
            raise

    # Inside

    def _run(self) -> None:
        failures = 0
        pause = 0.0
        while self._wait(pause):
            try:
                self.exchange()
            except StoreError as error:
                self._set_problem(error.again())
            # Whatever it is, the reviewer must see that nothing is exchanged any more.
            except Exception as error:  # noqa: BLE001
                self._set_problem(
                    StoreError(
                        f"the exchange failed ({type(error).__name__}: {error})",
                        where=self._place.name,
                        remedy="Please report this; verdicts stay on this computer",
                    )
                )
            else:
                self._set_problem(None)
                failures, pause = 0, self._interval
                continue
            pause = min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE)
            failures += 1
        self._place.close()

    def _wait(self, pause: float) -> bool:
        """Wait until the next exchange is due; return False if there is to be none."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_closed or self._has_offers, pause)
            self._has_offers = False
            return not self._is_closed or (self.unsent > 0 and self.problem is None)

    def _exchange(self) -> None:
        review_id = self.review_id
        if self._is_joined:
            heads = self._place.heads()
        else:
            review_id, heads = self._place.join(self._review)
            self._is_joined = True
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        with self._condition:
            is_news = (review_id, heads) != (self.review_id, self._acknowledged)
            self.review_id = review_id
            self._acknowledged = dict(heads)
            self._condition.notify_all()
        if is_news:
            self._signal()
        while entries := self._next_unsent():
            with self._fewer_after_failure():
                self._place.send(entries)
            self._acknowledge(entries)
        while spans := self._next_missing(heads):
            with self._fewer_after_failure():
                fetched = self._place.fetch(spans)
            if self._is_closed:
                return
            self._check(fetched, spans)
            self._receive(list(fetched))
            self._add(fetched)
        self._batch = _LARGEST_BATCH
        self.rounds += 1

    def _add(self, entries: Iterable[RawEntry]) -> None:
        with self._condition:
            for entry in entries:
                log = self._logs.setdefault(entry.log_id, [])
                if entry.number > len(log) + 1:
                    raise ValueError(
                        f"entry {entry.number} of log {entry.log_id} does not follow "
                        f"on entry {len(log)}"
                    )
                if entry.number == len(log) + 1:
                    log.append(entry)

    def _unsent_spans(self) -> list[Span]:
        return _lacking(
            {log_id: len(log) for log_id, log in self._logs.items()},
            self._acknowledged,
        )

    def _next_unsent(self) -> list[RawEntry]:
        """Return the next entries that the place lacks, one batch of them."""
        with self._condition:
            return [
                entry
                for log_id, after, last in _cut(self._unsent_spans(), self._batch)
                for entry in self._logs[log_id][after:last]
            ]

    def _next_missing(self, heads: Mapping[str, int]) -> list[Span]:
        """Return what of the place's entries is lacking here, one batch of it."""
        with self._condition:
            here = {log_id: len(log) for log_id, log in self._logs.items()}
        return _cut(_lacking(heads, here), self._batch)

    def _acknowledge(self, entries: Sequence[RawEntry]) -> None:
        with self._condition:
            for entry in entries:
                self._acknowledged[entry.log_id] = entry.number
            self._condition.notify_all()
        self._signal()

    def _check(self, fetched: Sequence[RawEntry], spans: Sequence[Span]) -> None:
        asked = {
            (span.log_id, number)
            for span in spans
            for number in range(span.after + 1, span.last + 1)
        }
        if {(entry.log_id, entry.number) for entry in fetched} != asked:
            raise StoreError(
                "entries are missing there that it had a moment ago",
                where=self._place.name,
                remedy="Find out what removes them; they are asked for again",
            )

    @contextmanager
    def _fewer_after_failure(self) -> Iterator[None]:
        try:
            yield
        except StoreError:
            self._batch = max(1, self._batch // 2)
            raise

    def _set_problem(self, problem: StoreError | None) -> None:
        with self._condition:
            is_news = str(problem) != str(self.problem)
            self.problem = problem
        if is_news:
            self._signal()

    def _signal(self) -> None:
        if not self._is_closed:
            self.changed.emit()


def find_meeting_place(url: str) -> MeetingPlace:
    """Return the meeting place that a URL names; nothing is opened yet.

    Raises
    ------
    StoreError
        If it is not the URL of a PostgreSQL database, or its driver is not installed.
    """
    place = read_database_url(url)
    if isinstance(place, Path):
        raise StoreError(
            "an SQLite file is no place where computers can meet",
            path=place,
            remedy="Name the URL of a PostgreSQL database",
        )
    # Only here is it known that the driver is installed, which is an extra.
    from napari_artifact_review.core.decisions.postgres_place import PostgresPlace

    return PostgresPlace(place)


def _lacking(heads: Mapping[str, int], others: Mapping[str, int]) -> list[Span]:
    """Return what logs with some heads have more than those with others."""
    return [
        Span(log_id, others.get(log_id, 0), head)
        for log_id, head in sorted(heads.items())
        if head > others.get(log_id, 0)
    ]


def _cut(spans: Iterable[Span], size: int) -> list[Span]:
    """Return the beginning of spans, up to a number of entries."""
    batch = []
    for log_id, after, last in spans:
        last = min(last, after + size)
        if last > after:
            batch.append(Span(log_id, after, last))
            size -= last - after
    return batch
