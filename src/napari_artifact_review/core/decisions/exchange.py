"""Background exchange of log entries with a meeting place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread

from psygnal import Signal

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.folder_place import FolderPlace
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import FaultyFileError, StoreError
from napari_artifact_review.core.user_folders import expanded_path

#: Seconds between a failed exchange and the next attempt. Each further failure doubles
#: the delay, up to the longest delay.
_FIRST_RETRY_DELAY = 0.25
_LONGEST_RETRY_DELAY = 5.0

#: Maximum number of entries in one request. Each failure halves the number, so that
#: requests succeed on a slow network.
_LARGEST_BATCH = 1000


class Exchange:
    """Background exchange of a review's log entries with a meeting place.

    A thread sends the entries that the meeting place lacks, and fetches the entries
    that this computer lacks. The thread runs at regular intervals and whenever entries
    are offered. If the meeting place is slow or unreachable, `problem` is set, and
    unsent entries are sent later. Entries of all logs are exchanged, so each computer
    also forwards entries of other computers.

    Close a started exchange. Otherwise, its thread keeps running.

    Parameters
    ----------
    place : MeetingPlace
        The meeting place, which `close` also closes.
    review : ReviewIdentity
        Identity of the review.
    entries : iterable of RawEntry
        All entries on this computer; the entries of each log are in order.
    receive : callable
        Called on the exchange thread with a list of fetched entries, sorted by log id
        and number. If it raises an error, the entries are fetched again.
    acknowledged : mapping of str to int, optional
        Value of the attribute `acknowledged` of an earlier exchange.
    prepare : callable, optional
        Called once on the exchange thread, after the review is joined and before
        entries are exchanged. If it raises an error, the next attempt calls it again.
    interval : float
        Seconds between two exchanges while no entries are offered.

    Attributes
    ----------
    changed : Signal
        Emitted, on any thread, when any attribute below except `rounds` has changed.
    problem : StoreError or None
        Error that currently prevents the exchange, or a `FaultyFileError` of the
        meeting place, which prevents only a part of it; None if there is none.
    unsent : int
        Number of entries that the meeting place has not acknowledged.
    acknowledged : dict of str to int
        Number of the last acknowledged entry in each log, by log id.
    rounds : int
        Number of completed exchanges.
    review_id : str or None
        Id of the review at the meeting place; None before the first contact.
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
        # Guards the attributes below, and wakes the thread after an offer or a close.
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
        """Number of the last acknowledged entry in each log, by log id."""
        with self._condition:
            return dict(self._acknowledged)

    @property
    def unsent(self) -> int:
        """Number of entries that the meeting place has not acknowledged."""
        with self._condition:
            return sum(span.last - span.after for span in self._unsent_spans())

    def start(self) -> None:
        """Start the exchange thread."""
        self._thread.start()

    def offer(self, entries: Iterable[RawEntry]) -> None:
        """Queue new entries of this computer for sending, and return immediately.

        Entries that the exchange already knows are ignored.
        """
        with self._condition:
            self._add(entries)
            self._has_offers = True
            self._condition.notify_all()
        self._signal()

    def close(self) -> None:
        """End the exchange, without waiting for the meeting place.

        The thread sends the remaining entries, unless there is a problem, and then
        closes the meeting place. No entries are received and no signals are emitted
        after this call.
        """
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def exchange(self) -> None:
        """Exchange entries once, on the caller's thread.

        Raises
        ------
        StoreError
            If the meeting place fails; some entries may have been exchanged before.
        """
        try:
            self._exchange()
        except StoreError:
            # Join again: an older backup or a new database may replace the database.
            self._is_joined = False
            raise

    # Private methods

    def _run(self) -> None:
        failures = 0
        delay = 0.0
        while self._wait(delay):
            try:
                self.exchange()
            except StoreError as error:
                self._set_problem(error.without_traceback())
            # Report any exception, so that the reviewer sees that the exchange failed.
            except Exception as error:  # noqa: BLE001
                self._set_problem(
                    StoreError(
                        f"the exchange failed ({type(error).__name__}: {error})",
                        where=self._place.name,
                        remedy="Please report this; verdicts stay on this computer",
                    )
                )
            else:
                self._set_problem(self._place.problem)
                failures, delay = 0, self._interval
                continue
            delay = min(_FIRST_RETRY_DELAY * 2**failures, _LONGEST_RETRY_DELAY)
            failures += 1
        self._place.close()

    def _wait(self, delay: float) -> bool:
        """Wait for the next exchange; return False if the thread should end."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_closed or self._has_offers, delay)
            self._has_offers = False
            can_send = self.problem is None or isinstance(self.problem, FaultyFileError)
            return not self._is_closed or (self.unsent > 0 and can_send)

    def _exchange(self) -> None:
        review_id = self.review_id
        if self._is_joined:
            last_numbers = self._place.fetch_last_numbers()
        else:
            review_id, last_numbers = self._place.join(self._review)
            self._check_own_log(last_numbers)
            self._is_joined = True
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        with self._condition:
            is_other = (review_id, last_numbers) != (self.review_id, self._acknowledged)
            self.review_id = review_id
            self._acknowledged = dict(last_numbers)
        if is_other:
            self._signal()
        while entries := self._next_unsent():
            with self._fewer_after_failure():
                self._place.send(entries)
            self._acknowledge(entries)
        while spans := self._next_missing(last_numbers):
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

    def _check_own_log(self, last_numbers: Mapping[str, int]) -> None:
        """Compare the last common entry of this log, which depends on all before.

        Raises
        ------
        StoreError
            If the log on this computer was replaced by an older copy and continued.
        """
        log_id = self._review.log_id
        with self._condition:
            log = [*self._logs.get(log_id, ())]
        last = min(last_numbers.get(log_id, 0), len(log))

        def differs(number: int) -> bool:
            span = Span(log_id, number - 1, number)
            return list(self._place.fetch([span])) != log[number - 1 : number]

        if last == 0 or not differs(last):
            return
        first = bisect_left(range(last), True, key=lambda index: differs(index + 1)) + 1
        with self._condition:
            self._acknowledged[log_id] = first - 1
        raise StoreError(
            f"from entry {first} on, the log of this computer differs from its copy at "
            "the meeting place, as after a restored backup",
            where=self._place.name,
            remedy="No verdict is exchanged until you restore the newest log, or join "
            "both logs with the command merge; verdicts stay on this computer",
        )

    def _unsent_spans(self) -> list[Span]:
        return _lacking(
            {log_id: len(log) for log_id, log in self._logs.items()},
            self._acknowledged,
        )

    def _next_unsent(self) -> list[RawEntry]:
        """Return the next batch of entries that the meeting place lacks."""
        with self._condition:
            return [
                entry
                for log_id, after, last in _cut(self._unsent_spans(), self._batch)
                for entry in self._logs[log_id][after:last]
            ]

    def _next_missing(self, last_numbers: Mapping[str, int]) -> list[Span]:
        """Return the spans of the next batch of entries that this computer lacks."""
        with self._condition:
            here = {log_id: len(log) for log_id, log in self._logs.items()}
        return _cut(_lacking(last_numbers, here), self._batch)

    def _acknowledge(self, entries: Sequence[RawEntry]) -> None:
        with self._condition:
            for entry in entries:
                self._acknowledged[entry.log_id] = entry.number
        self._signal()

    def _check(self, fetched: Sequence[RawEntry], spans: Sequence[Span]) -> None:
        expected = {
            (span.log_id, number)
            for span in spans
            for number in range(span.after + 1, span.last + 1)
        }
        if {(entry.log_id, entry.number) for entry in fetched} != expected:
            raise StoreError(
                "entries that were there before are missing",
                where=self._place.name,
                remedy="Find out what removes them; they are requested again",
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
            is_other = str(problem) != str(self.problem)
            self.problem = problem
        if is_other:
            self._signal()

    def _signal(self) -> None:
        if not self._is_closed:
            self.changed.emit()


def find_meeting_place(place: str | Path) -> MeetingPlace:
    """Return a meeting place, without access to its folder or database.

    Parameters
    ----------
    place : path-like or str
        A folder that the computers share, or the URL of a PostgreSQL database. Any text
        without ``://`` names a folder.

    Raises
    ------
    StoreError
        If a path is empty or invalid, if a URL is not a valid URL of a PostgreSQL
        database, or if the driver is not installed.
    """
    if isinstance(place, Path) or "://" not in place:
        return FolderPlace(_folder_path(place))
    database = read_database_url(place)
    if isinstance(database, Path):
        raise StoreError(
            "computers cannot exchange verdicts through an SQLite file",
            path=database,
            remedy="Name a folder that they share, or the URL of a PostgreSQL database",
        )
    # Import here, because the driver is an optional dependency, which is checked above.
    from napari_artifact_review.core.decisions.postgres_place import PostgresPlace

    return PostgresPlace(database)


def _folder_path(text: str | Path) -> Path:
    """Return the absolute path of a folder, which need not exist."""
    if not str(text).strip() or "\0" in str(text):
        raise StoreError(
            "this is no meeting place",
            remedy="Name a folder that your computers share, or the URL of a "
            "PostgreSQL database",
        )
    path = expanded_path(text)
    if str(path).startswith("~"):
        # A folder of that name here is not what the user means.
        raise StoreError(
            "the home folder of that user is not known",
            path=text,
            remedy="Name the folder by its full path",
        )
    return path.absolute()


def _lacking(last_numbers: Mapping[str, int], others: Mapping[str, int]) -> list[Span]:
    """Return the spans of entries that `last_numbers` has and `others` lacks."""
    return [
        Span(log_id, others.get(log_id, 0), last)
        for log_id, last in sorted(last_numbers.items())
        if last > others.get(log_id, 0)
    ]


def _cut(spans: Iterable[Span], size: int) -> list[Span]:
    """Return the first spans, shortened to at most `size` entries in total."""
    batch = []
    for log_id, after, last in spans:
        last = min(last, after + size)
        if last > after:
            batch.append(Span(log_id, after, last))
            size -= last - after
    return batch
