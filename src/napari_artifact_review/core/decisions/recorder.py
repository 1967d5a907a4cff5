"""Records commands one after another, in a thread, before they are shown as made."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from psygnal import Signal

from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import PATIENCE, DecisionLog
from napari_artifact_review.core.decisions.schema import SaveRecord
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError

#: Seconds that opening, saving and closing wait at most for an answer of the disk.
ANSWER_TIMEOUT = 10.0

_logger = logging.getLogger(__name__)


class _Job(NamedTuple):
    """Something that is written, with its number among all that is."""

    number: int
    future: Future[Any]


class _Writer:
    """A daemon thread that does jobs in order: a frozen disk keeps no process alive."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(
            target=_work, args=(self._jobs,), name="artifact-review-log", daemon=True
        ).start()

    def submit(self, job: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do a job soon; the future has its result or its exception."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(job(*args))
            # Every fault is the reviewer's to know; the thread goes on.
            except BaseException as error:  # noqa: BLE001
                future.set_exception(error)

        self._jobs.put(run)
        return future

    def end(self) -> None:
        """End the thread after what it has been given."""
        self._jobs.put(_stop)


class Recorder:
    """Writes the entries of commands to the log's file, and takes them into the log.

    Used from one thread, the session's. It writes in a thread of its own; a dispatcher
    brings the answers back to the session's thread. Commands are settled in the order
    in which they were given. One that cannot be recorded is refused, and with it those
    that depend on it; the others go on.

    Parameters
    ----------
    store : Store
        The file.
    log : DecisionLog
        The entries that are on disk.

    Attributes
    ----------
    recorded : Signal
        Emitted with the command (None for one that was refused, and landed after all),
        its entries, and the cutouts that it touched, once it is on disk and in the log.
    pending_changed : Signal
        Emitted when a command was given or settled.
    refused : Signal
        Emitted with a command that is refused.
    problem_changed : Signal
        Emitted when commands can no longer be recorded, or can be again.
    problem : StoreError or None
        The reason why nothing can be recorded, as long as that is so.
    """

    # Signals hold their listeners weakly: a session without a user is gone at once.
    recorded = Signal(object, object, object)
    pending_changed = Signal()
    refused = Signal(object)
    problem_changed = Signal()

    def __init__(self, store: Store, log: DecisionLog) -> None:
        self._dispatch: Callable[[Callable[[], object]], None] | None = None
        self._thread = threading.get_ident()
        self.problem: StoreError | None = None
        self._last_seconds = 0.0
        self._store = store
        self._log = log
        self._writer = _Writer()
        self._pid = os.getpid()
        self._closed = False
        self._lock = threading.Lock()
        self._users = 0
        self._finish: Callable[[], None] | None = None
        self._pending: deque[Command] = deque()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._numbers = count(1)
        self._last_answered = 0
        self._writing: tuple[Sequence[Entry], _Job] | None = None
        self._started = 0.0

    @property
    def dispatch(self) -> Callable[[Callable[[], object]], None] | None:
        """Runs a function in the session's thread, soon; None without a dispatcher."""
        return self._dispatch

    @property
    def is_slow(self) -> bool:
        """Whether a caller that waits now would wait longer than `PATIENCE`."""
        return bool(self._pending) or self._last_seconds > PATIENCE

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands that are neither recorded nor refused, in their order."""
        return tuple(self._pending)

    def set_dispatcher(
        self, dispatch: Callable[[Callable[[], object]], None] | None
    ) -> None:
        """Take the answers in this thread, the session's.

        Parameters
        ----------
        dispatch : callable or None
            Called from any thread; runs a function in the session's thread, soon.
        """
        self._dispatch, self._thread = dispatch, threading.get_ident()
        if dispatch is not None:
            # What was answered before there was a dispatcher.
            dispatch(partial(self._take_if_open, self._take_answer))

    def give(self, command: Command) -> None:
        """Record a command after all that were given before; do not wait."""
        error = self._end_error()
        if error is not None:
            command.refuse(error)
            return
        self._pending.append(command)
        self._is_idle.clear()
        self.pending_changed.emit()
        self._begin_next()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all commands are settled; return False if some still are not.

        In another thread than the session's, the session's takes the answers.

        Parameters
        ----------
        seconds : float, optional
            How long at most.
        """
        if os.getpid() != self._pid:
            # The parent process takes the answers.
            return False
        if self._dispatch is not None and threading.get_ident() != self._thread:
            return self._is_idle.wait(seconds)
        end = None if seconds is None else time.monotonic() + seconds
        while self._writing is not None:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not futures.wait([self._writing[1].future], left).done:
                return False
            self._take_answer()
        return True

    def begin(self, state: Mapping[str, Any]) -> None:
        """Lock the file, and find out whether anything can be recorded."""
        job = self._submit(self._store.save_state, state)
        if futures.wait([job.future], ANSWER_TIMEOUT).done:
            self._take_problem(job)
        else:
            self._set_problem(_no_answer(self._store))
            self._dispatch_when_done(job, partial(self._take_problem, job))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Save the position; that also finds out whether anything can be recorded."""
        # A position needs less room than a verdict, and must not promise it.
        reserve = self.problem is not None
        save = partial(self._store.save_state, reserve=reserve)
        job = self._submit(save, state)
        self._dispatch_when_done(job, partial(self._take_problem, job))

    def add_save(self, save: SaveRecord) -> None:
        """Note a reviewed table that is about to be written; from any thread.

        Inside `staying_open` that is possible also after `close`.
        """
        job = self._submit(self._store.add_save, save, is_late=self._users > 0)
        try:
            job.future.result(ANSWER_TIMEOUT)
        except TimeoutError as error:
            raise _no_answer(self._store) from error

    def close(
        self,
        state: Mapping[str, Any] | None,
        *,
        wait: bool = True,
        lost: Callable[[Sequence[Command]], object] | None = None,
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Record what is pending, and release the file.

        Nothing may be given after it. Without waiting it is done in a thread.

        Parameters
        ----------
        state : mapping, optional
            The last position of the review.
        wait : bool
            Whether to return only when that is done.
        lost : callable, optional
            Called with the commands that were not recorded, if there are any; in the
            thread, unless `wait`. By default they are logged as an error.
        timeout : float
            Seconds after which what is still pending is refused.
        """
        if self._end_error() is not None:
            return
        self._closed, self._dispatch = True, None
        self._store.close_soon()
        finish = partial(self._drain, state, lost or _log_lost, timeout)
        if not wait:
            finish = partial(_run_in_thread, finish)
        with self._lock:
            self._finish = finish
            is_used = self._users > 0
        if not is_used:
            finish()

    @contextmanager
    def staying_open(self) -> Iterator[None]:
        """Put off the end of `close` until this ends; on any thread."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                finish = self._finish if self._users == 0 else None
            if finish is not None:
                finish()

    # Inside

    def _drain(
        self,
        state: Mapping[str, Any] | None,
        lost: Callable[[Sequence[Command]], object],
        timeout: float,
    ) -> None:
        end = time.monotonic() + timeout
        asked = self.pending
        self._wait_till(end)
        error = _no_answer(self._store, timeout)
        for command in self.pending:
            self._pending.popleft()
            command.refuse(error.again())
        self._is_idle.set()
        closed = self._writer.submit(self._store.close, state)
        self._writer.end()
        # A position that cannot be saved is no loss; what is lost is named below.
        futures.wait([closed], max(1.0, end - time.monotonic()))
        left = [command for command in asked if command.state == "refused"]
        if left:
            lost(left)

    def _wait_till(self, end: float) -> None:
        """Wait as `wait` does; a listener that fails keeps nothing from the disk."""
        while True:
            try:
                self.wait(max(0.0, end - time.monotonic()))
            except Exception:
                _logger.exception("A listener failed while a review was closed")
            else:
                return

    def _submit(
        self, job: Callable[..., Any], *args: Any, is_late: bool = False
    ) -> _Job:
        error = self._end_error()
        if error is not None and not is_late:
            raise error
        return _Job(next(self._numbers), self._writer.submit(job, *args))

    def _begin_next(self) -> None:
        while self._writing is None and self._pending:
            command = self._pending[0]
            try:
                entries = _entries_of(command)
            # Whatever it is, the reviewer has to know that it is not recorded.
            except Exception as error:  # noqa: BLE001
                self._refuse(_as_problem(error, self._store))
                continue
            if entries:
                self._write(entries)
            else:
                self._pending.popleft()
                command.settle(())
                self.pending_changed.emit()
        if not self._pending:
            self._is_idle.set()

    def _end_error(self) -> StoreError | None:
        """Return why nothing may be given any more, if so."""
        if os.getpid() != self._pid:
            return StoreError(
                "this review belongs to the parent process",
                remedy="Open the review again",
            )
        if self._closed:
            return StoreError("this review is closed", remedy="Open it again")
        return None

    def _write(self, entries: Sequence[Entry]) -> None:
        number = next(self._numbers)
        job = _Job(number, self._writer.submit(self._store.append, entries))
        self._writing = (entries, job)
        self._started = time.monotonic()
        self._dispatch_when_done(job, self._take_answer)

    def _dispatch_when_done(self, job: _Job, take: Callable[[], object]) -> None:
        def deliver(_: Future[Any]) -> None:
            dispatch = self._dispatch
            if dispatch is not None:
                dispatch(partial(self._take_if_open, take))

        job.future.add_done_callback(deliver)

    def _take_if_open(self, take: Callable[[], object]) -> None:
        """Take an answer, unless closing does so, in another thread."""
        if not self._closed:
            take()

    def _take_answer(self) -> None:
        """Take what has been written into the log, unless that was done already."""
        if self._writing is None or not self._writing[1].future.done():
            return
        entries, job = self._writing
        self._writing = None
        self._last_seconds = time.monotonic() - self._started
        try:
            problem = self._take_problem(job)
            if problem is not None:
                self._refuse(problem)
            elif landed := job.future.result():
                # An earlier one is on disk after all; the one at hand is made anew.
                self.recorded.emit(None, landed, self._log.add(landed))
            else:
                command = self._pending.popleft()
                touched = self._log.add(entries)
                try:
                    command.settle(entries)
                finally:
                    self.recorded.emit(command, entries, touched)
                    self.pending_changed.emit()
        finally:
            # Whatever a listener does, the commands after it are recorded.
            self._begin_next()

    def _refuse(self, error: StoreError) -> None:
        command = self._pending.popleft()
        command.refuse(error.again())
        self.refused.emit(command)
        self.pending_changed.emit()

    def _take_problem(self, job: _Job) -> StoreError | None:
        """Return why a job failed, if it did, and tell it if that is news."""
        error = job.future.exception()
        problem = None if error is None else _as_problem(error, self._store)
        # An answer without a waiting caller may come after a later one.
        if job.number > self._last_answered:
            self._last_answered = job.number
            self._set_problem(problem)
        return problem

    def _set_problem(self, problem: StoreError | None) -> None:
        is_news = str(problem) != str(self.problem)
        self.problem = problem
        if is_news:
            self.problem_changed.emit()


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    # Knows the jobs alone: a recorder without a user is gone at once.
    while (job := jobs.get()) is not _stop:
        job()
        del job


def _run_in_thread(job: Callable[[], object]) -> None:
    """Do a job in a thread that is no daemon, so that Python waits for its end."""
    try:
        threading.Thread(target=job, name="artifact-review-close").start()
    except RuntimeError:
        # Python is ending, and makes no threads any more.
        job()


def _entries_of(command: Command) -> Sequence[Entry]:
    """Make the entries of a command whose turn it is.

    Raises
    ------
    StoreError
        If it depends on a command that was refused.
    """
    for other in command.depends_on:
        if other.state == "refused":
            raise StoreError(
                f"it depends on one that was not recorded ({other.title})",
                remedy="Give that one again first",
            )
    return command.make()


def _stop() -> None:
    """Stand for the end of a writer's jobs."""


def _as_problem(error: BaseException, store: Store) -> StoreError:
    """Return a fault of any kind as one that the reviewer is told."""
    if isinstance(error, StoreError):
        return error
    _logger.error("A command could not be recorded", exc_info=error)
    return StoreError(
        f"cannot be written ({type(error).__name__}: {error})",
        path=store.path,
        remedy="Nothing was recorded; please report this fault",
    )


def _no_answer(store: Store, seconds: float = ANSWER_TIMEOUT) -> StoreError:
    return StoreError(
        f"the disk has not answered for {seconds:.0f} s",
        path=store.path,
        remedy="Check the disk, or the connection to it",
    )


def _log_lost(commands: Sequence[Command]) -> None:
    for command in commands:
        _logger.error("Not recorded: %s (%s)", command.title, command.error)
