"""Writes what is decided to the store, in a thread, before anybody sees it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from threading import Lock
from typing import Any, NamedTuple

from psygnal import Signal

from napari_artifact_review.core.decisions import DecisionLog, Entry
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.schema import SaveRecord
from napari_artifact_review.core.store import Store

MakeEntries = Callable[[], Sequence[Entry]]


class _Job(NamedTuple):
    """Something that is written, by its place among all that is."""

    number: int
    future: Future[None]


#: The stores that are just being let go of.
_closing: set[Future[None]] = set()


def _end(closed: Future[None]) -> None:
    _closing.discard(closed)
    closed.set_result(None)


def finish_closing() -> None:
    """Wait until the reviews that were closed in this process are closed."""
    futures.wait(list(_closing))


class Recorder:
    """Puts entries into the store one after another, and into the log after that.

    Used from one thread, the session's. What it writes it writes in a thread of its
    own; whoever does not wait has `deliver` bring the answer back.

    Parameters
    ----------
    store : Store
        Where decisions are kept.
    log : DecisionLog
        What has been kept so far.

    Attributes
    ----------
    recorded : Signal
        Emitted with the entries once they are on disk and in the log.
    problem_changed : Signal
        Emitted when decisions can no longer be kept, or can be again.
    deliver : callable or None
        Runs a function in the session's thread, soon; called from any thread.
    problem : StoreError or None
        Why no decision can be kept, as long as that is so.
    """

    # Signals hold who listens weakly: a session that nobody uses is gone at once.
    recorded = Signal(list)
    problem_changed = Signal()

    def __init__(self, store: Store, log: DecisionLog) -> None:
        self.deliver: Callable[[Callable[[], object]], None] | None = None
        self.problem: StoreError | None = None
        self._store = store
        self._log = log
        self._thread = ThreadPoolExecutor(1, "artifact-review-store")
        self._lock = Lock()
        self._users = 0
        self._close: Callable[[], None] | None = None
        self._waiting: deque[MakeEntries] = deque()
        self._numbers = count(1)
        self._last_taken = 0
        self._writing: tuple[Sequence[Entry], _Job] | None = None

    def put(self, make: MakeEntries) -> None:
        """Keep what `make` returns, once all before it is kept; do not wait.

        What an entry says may hang on the one before, so it is made in its turn.
        """
        self._waiting.append(make)
        self._begin_next()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all is kept, or until something cannot be: see `problem`.

        Parameters
        ----------
        seconds : float, optional
            How long at most.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while self._writing is not None:
            left = None if end is None else end - time.monotonic()
            if not futures.wait([self._writing[1].future], left).done:
                return
            self._take_answer()

    def begin(self, state: Mapping[str, Any]) -> None:
        """Take hold of the store, and find out whether anything can be kept."""
        self._take_problem(self._submit(self._store.keep_state, state))

    def keep_state(self, state: Mapping[str, Any]) -> None:
        """Remember where the review stands; it also finds out whether that is so."""
        job = self._submit(self._store.keep_state, state)
        self._answer(job, partial(self._take_problem, job))

    def add_save(self, save: SaveRecord) -> None:
        """Note a reviewed table that is about to be written; from any thread."""
        self._submit(self._store.add_save, save).future.result()

    def close(self, state: Mapping[str, Any], wait: bool) -> None:
        """Let others have the store."""
        # What is being written goes on to its end; what was not begun nobody saw.
        self._waiting.clear()
        self._writing = None
        self.deliver = None
        closed: Future[None] = Future()
        _closing.add(closed)

        def close() -> None:
            try:
                future = self._thread.submit(self._store.close, state)
            except RuntimeError:
                # Python is ending; by now its threads have done what they had to. What
                # cannot be noted any more is told to nobody, as in the thread.
                with suppress(StoreError):
                    self._store.close(state)
                _end(closed)
                return
            future.add_done_callback(lambda _: _end(closed))
            self._thread.shutdown(wait=wait)

        with self._lock:
            self._close = close
            busy = self._users > 0
        if not busy:
            close()

    @contextmanager
    def staying_open(self) -> Iterator[None]:
        """Put off `close` until this ends; on any thread."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                close = self._close if self._users == 0 else None
            if close is not None:
                close()

    # Inside

    def _submit(self, job: Callable[..., None], *args: Any) -> _Job:
        try:
            return _Job(next(self._numbers), self._thread.submit(job, *args))
        except RuntimeError as error:
            raise StoreError("this review is closed", remedy="Open it again") from error

    def _begin_next(self) -> None:
        while self._writing is None and self._waiting:
            entries = self._waiting.popleft()()
            if entries:
                job = self._submit(self._store.append, entries)
                self._writing = (entries, job)
                self._answer(job, self._take_answer)

    def _answer(self, job: _Job, take: Callable[[], object]) -> None:
        deliver = self.deliver
        if deliver is not None:
            job.future.add_done_callback(lambda _: deliver(take))

    def _take_answer(self) -> None:
        """Take in what has been written, unless somebody who waited did so already."""
        if self._writing is None or not self._writing[1].future.done():
            return
        entries, job = self._writing
        self._writing = None
        if self._take_problem(job) is None:
            self._log.add(entries)
            try:
                self.recorded.emit(list(entries))
            finally:
                # Whatever a listener does, what was asked for after it is kept.
                self._begin_next()
        else:
            # What was asked for after it took it for done.
            self._waiting.clear()

    def _take_problem(self, job: _Job) -> StoreError | None:
        """Return why a job failed, if it did, and tell it if that is news."""
        error = job.future.exception()
        if error is not None and not isinstance(error, StoreError):
            raise error
        # An answer that somebody did not wait for may come after a later one.
        if job.number > self._last_taken:
            self._last_taken = job.number
            is_news = str(error) != str(self.problem)
            self.problem = error
            if is_news:
                self.problem_changed.emit()
        return error
