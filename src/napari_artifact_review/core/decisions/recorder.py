"""Record commands one after another, in a thread."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

from psygnal import Signal

from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import MAX_WAIT, DecisionLog
from napari_artifact_review.core.decisions.schema import SaveRecord
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.decisions.writer_thread import Job, WriterThread
from napari_artifact_review.core.errors import StoreError

#: Longest time in seconds that opening, saving and closing wait for the disk.
ANSWER_TIMEOUT = 10.0

#: Runs a function in the session's thread, soon; can be called from any thread.
Dispatcher: TypeAlias = Callable[[Callable[[], object]], None]

_logger = logging.getLogger(__name__)


class Recorder:
    """Write the entries of commands to the log's file, then add them to the log.

    The session's thread uses a recorder, which writes in a thread of its own; a
    dispatcher delivers the results on the session's thread. Commands are settled in
    the order in which they were given. A command that cannot be recorded is refused,
    and so are those that depend on it; the others continue.

    Parameters
    ----------
    store : Store
        The file.
    log : DecisionLog
        The entries that are on disk.

    Attributes
    ----------
    recorded : Signal
        Emitted with a command, its entries and the cutouts that it touched, once it is
        on disk and in the log. The command is None if it was refused before, and is on
        disk all the same.
    pending_changed : Signal
        Emitted when a command was given or settled.
    refused : Signal
        Emitted with a command that is refused.
    problem_changed : Signal
        Emitted when commands can no longer be recorded, or can be again.
    problem : StoreError or None
        The reason why nothing can be recorded at present.
    """

    # Signals hold their listeners weakly, so that an unused session is freed at once.
    recorded = Signal(object, object, object)
    pending_changed = Signal()
    refused = Signal(object)
    problem_changed = Signal()

    def __init__(self, store: Store, log: DecisionLog) -> None:
        self._dispatch: Dispatcher | None = None
        self._thread = threading.get_ident()
        self.problem: StoreError | None = None
        self._last_duration = 0.0
        self._store = store
        self._log = log
        self._writer = WriterThread()
        self._pid = os.getpid()
        self._is_closed = False
        self._lock = threading.Lock()
        self._users = 0
        self._finish: Callable[[], None] | None = None
        self._pending: deque[Command] = deque()
        self._is_idle = threading.Event()
        self._is_idle.set()
        self._newest_answer = 0
        self._writing: tuple[Sequence[Entry], Job] | None = None
        self._write_began = 0.0

    @property
    def dispatch(self) -> Dispatcher | None:
        """The dispatcher; None if results wait until the caller asks for them."""
        return self._dispatch

    @property
    def is_slow(self) -> bool:
        """Whether the disk is expected to take longer than `MAX_WAIT`."""
        return bool(self._pending) or self._last_duration > MAX_WAIT

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands that are neither recorded nor refused, in their order."""
        return tuple(self._pending)

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Deliver results on the caller's thread, which is the session's."""
        self._dispatch, self._thread = dispatch, threading.get_ident()
        if dispatch is not None:
            # For a result that came before there was a dispatcher.
            dispatch(partial(self._process_if_open, self._process_answer))

    def give(self, command: Command) -> None:
        """Record a command after all that were given before, without waiting."""
        error = self._refusal()
        if error is not None:
            command.refuse(error)
            return
        self._pending.append(command)
        self._is_idle.clear()
        self.pending_changed.emit()
        self._begin_next()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all commands are settled; return False if some are not in time.

        On another thread than the session's, this waits until the session's thread has
        processed the results.

        Parameters
        ----------
        seconds : float, optional
            Longest time to wait.
        """
        if os.getpid() != self._pid:
            # The parent process gets the results.
            return False
        if self._dispatch is not None and threading.get_ident() != self._thread:
            return self._is_idle.wait(seconds)
        end = None if seconds is None else time.monotonic() + seconds
        while self._writing is not None:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not futures.wait([self._writing[1].future], left).done:
                return False
            self._process_answer()
        return True

    def begin(self, state: Mapping[str, Any]) -> None:
        """Lock the file, and check whether anything can be recorded."""
        job = self._submit(self._store.save_state, state)
        if futures.wait([job.future], ANSWER_TIMEOUT).done:
            self._process_result(job)
        else:
            self._set_problem(_no_answer(self._store))
            self._dispatch_when_done(job, partial(self._process_result, job))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Save the position; this also checks whether anything can be recorded."""
        # A position needs less room than a verdict, and must not promise that room.
        reserve = self.problem is not None
        save = partial(self._store.save_state, reserve=reserve)
        job = self._submit(save, state)
        self._dispatch_when_done(job, partial(self._process_result, job))

    def add_save(self, save: SaveRecord) -> None:
        """Record a reviewed table before it is written; from any thread.

        Inside `staying_open` this also works after `close`.
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
        """Record the pending commands, then release the file.

        No command may be given afterwards.

        Parameters
        ----------
        state : mapping, optional
            The last position of the review.
        wait : bool
            Whether to return only when that is done; otherwise a thread does it.
        lost : callable, optional
            Called with the commands that were not recorded, if there are any; in that
            thread, unless `wait`. By default they are logged as an error.
        timeout : float
            Seconds after which commands that are still pending are refused.
        """
        if self._refusal() is not None:
            return
        self._is_closed, self._dispatch = True, None
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
        """Delay the end of `close` until this context ends; on any thread."""
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
        unsettled = self.pending
        self._wait_until(end)
        error = _no_answer(self._store, timeout)
        for command in self.pending:
            self._pending.popleft()
            command.refuse(error.again())
        self._is_idle.set()
        closed = self._writer.submit(self._store.close, state)
        self._writer.end()
        # A position that cannot be saved is no loss; lost commands are reported below.
        futures.wait([closed.future], max(1.0, end - time.monotonic()))
        left = [command for command in unsettled if command.state == "refused"]
        if left:
            lost(left)

    def _wait_until(self, end: float) -> None:
        """Wait as `wait` does, also if a listener raises."""
        while True:
            try:
                self.wait(max(0.0, end - time.monotonic()))
            except Exception:
                _logger.exception("A listener failed while a review was closed")
            else:
                return

    def _submit(
        self, function: Callable[..., Any], *args: Any, is_late: bool = False
    ) -> Job:
        error = self._refusal()
        if error is not None and not is_late:
            raise error
        return self._writer.submit(function, *args)

    def _begin_next(self) -> None:
        while self._writing is None and self._pending:
            command = self._pending[0]
            try:
                entries = _entries_of(command)
            # Any exception: the reviewer must learn that nothing is recorded.
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

    def _refusal(self) -> StoreError | None:
        """Return why commands can no longer be given; None if they can."""
        if os.getpid() != self._pid:
            return StoreError(
                "this review belongs to the parent process",
                remedy="Open the review again",
            )
        if self._is_closed:
            return StoreError("this review is closed", remedy="Open it again")
        return None

    def _write(self, entries: Sequence[Entry]) -> None:
        job = self._writer.submit(self._store.append, entries)
        self._writing = (entries, job)
        self._write_began = time.monotonic()
        self._dispatch_when_done(job, self._process_answer)

    def _dispatch_when_done(self, job: Job, process: Callable[[], object]) -> None:
        def deliver(_: Future[Any]) -> None:
            dispatch = self._dispatch
            if dispatch is not None:
                dispatch(partial(self._process_if_open, process))

        job.future.add_done_callback(deliver)

    def _process_if_open(self, process: Callable[[], object]) -> None:
        """Process a result, unless `close` does so in another thread."""
        if not self._is_closed:
            process()

    def _process_answer(self) -> None:
        """Add the entries that were written to the log, unless that was done before."""
        if self._writing is None or not self._writing[1].future.done():
            return
        entries, job = self._writing
        self._writing = None
        self._last_duration = time.monotonic() - self._write_began
        try:
            problem = self._process_result(job)
            if problem is not None:
                self._refuse(problem)
            elif landed := job.future.result():
                # Earlier entries are on disk after all; these ones are made anew.
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
            # A listener that raises does not stop the commands that follow.
            self._begin_next()

    def _refuse(self, error: StoreError) -> None:
        command = self._pending.popleft()
        command.refuse(error.again())
        self.refused.emit(command)
        self.pending_changed.emit()

    def _process_result(self, job: Job) -> StoreError | None:
        """Return why a job failed, if it did, and update `problem`."""
        error = job.future.exception()
        problem = None if error is None else _as_problem(error, self._store)
        # A result that no caller waits for may come after that of a later job.
        if job.number > self._newest_answer:
            self._newest_answer = job.number
            self._set_problem(problem)
        return problem

    def _set_problem(self, problem: StoreError | None) -> None:
        is_other = str(problem) != str(self.problem)
        self.problem = problem
        if is_other:
            self.problem_changed.emit()


def _run_in_thread(job: Callable[[], object]) -> None:
    """Do a job in a thread that is not a daemon, so that Python waits for its end."""
    try:
        threading.Thread(target=job, name="artifact-review-close").start()
    except RuntimeError:
        # Python is shutting down, and starts no more threads.
        job()


def _entries_of(command: Command) -> Sequence[Entry]:
    """Return the entries of a command whose predecessors are settled.

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


def _as_problem(error: BaseException, store: Store) -> StoreError:
    """Return an exception of any kind as an error for the reviewer."""
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
