"""Recording of commands one after another, in a thread."""

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

#: Longest wait for the disk when opening, saving and closing, in seconds.
ANSWER_TIMEOUT = 10.0

#: Schedules a function to run in the session's thread; can be called from any thread.
Dispatcher: TypeAlias = Callable[[Callable[[], object]], None]

_logger = logging.getLogger(__name__)


class Recorder:
    """A queue that writes the entries of commands to disk and adds them to the log.

    Commands are given on the session's thread and written in a separate thread. A
    dispatcher delivers the results on the session's thread. Commands are settled in the
    order in which they were given. A command that cannot be recorded is refused,
    together with the commands that depend on it; other commands are still recorded.

    Parameters
    ----------
    store : Store
        File of the log.
    log : DecisionLog
        The entries on disk.

    Attributes
    ----------
    recorded : Signal
        Emitted with a command, its entries and the affected cutouts, once they are on
        disk and in the log. The command is None for entries of a command that was
        refused although its entries reached the disk.
    pending_changed : Signal
        Emitted when a command was given or settled.
    refused : Signal
        Emitted with a refused command.
    problem_changed : Signal
        Emitted when `problem` has changed.
    problem : StoreError or None
        Error that prevents recording at present.
    """

    # Signals refer to listeners weakly, so that an unused session is freed immediately.
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
        """The dispatcher; None if results are processed only by `wait`."""
        return self._dispatch

    @property
    def is_slow(self) -> bool:
        """Whether recording is expected to take longer than `MAX_WAIT`."""
        return bool(self._pending) or self._last_duration > MAX_WAIT

    @property
    def pending(self) -> tuple[Command, ...]:
        """Commands that are neither recorded nor refused, in the order given."""
        return tuple(self._pending)

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Deliver results through a dispatcher on the caller's thread."""
        self._dispatch, self._thread = dispatch, threading.get_ident()
        if dispatch is not None:
            # Process a result that arrived before there was a dispatcher.
            dispatch(partial(self._process_if_open, self._process_answer))

    def give(self, command: Command) -> None:
        """Queue a command for recording, and return immediately."""
        error = self._refusal()
        if error is not None:
            command.refuse(error)
            return
        self._pending.append(command)
        self._is_idle.clear()
        self.pending_changed.emit()
        self._begin_next()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all commands are settled; return False on timeout.

        On any other thread than the session's, wait until the session's thread has
        processed the results.

        Parameters
        ----------
        seconds : float, optional
            Longest time to wait; unlimited by default.
        """
        if os.getpid() != self._pid:
            # Only the parent process receives the results.
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
        """Lock the file, and check whether commands can be recorded."""
        job = self._submit(self._store.save_state, state)
        if futures.wait([job.future], ANSWER_TIMEOUT).done:
            self._process_result(job)
        else:
            self._set_problem(_no_answer(self._store))
            self._dispatch_when_done(job, partial(self._process_result, job))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Save the position, and check whether commands can be recorded."""
        # A position needs less space than a verdict: a saved position alone does not
        # prove that the problem has ended.
        reserve = self.problem is not None
        save = partial(self._store.save_state, reserve=reserve)
        job = self._submit(save, state)
        self._dispatch_when_done(job, partial(self._process_result, job))

    def add_save(self, save: SaveRecord) -> None:
        """Record a reviewed table before it is written; can be called from any thread.

        Inside `staying_open`, it can also be called after `close`.
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

        Commands that are given afterwards are refused.

        Parameters
        ----------
        state : mapping, optional
            Last position of the review.
        wait : bool
            Whether to wait for the end; otherwise a separate thread does the work.
        lost : callable, optional
            Called with the commands that could not be recorded, if any; in the separate
            thread, unless `wait`. By default they are logged as an error.
        timeout : float
            Seconds after which pending commands are refused.
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
        """Delay the end of `close` until the context ends; usable on any thread."""
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

    # Private methods

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
        # A position that cannot be saved is ignored; lost commands are reported below.
        futures.wait([closed.future], max(1.0, end - time.monotonic()))
        left = [command for command in unsettled if command.state == "refused"]
        if left:
            lost(left)

    def _wait_until(self, end: float) -> None:
        """Wait for all commands until a deadline, even if a listener raises."""
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
            # Report any exception, so that the reviewer sees that recording failed.
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
        """Return the error for new commands; None if they are accepted."""
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
        """Process a result, unless `close` already does so in another thread."""
        if not self._is_closed:
            process()

    def _process_answer(self) -> None:
        """Process the result of the current write, if there is one."""
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
                # Earlier entries are on disk after all, so the current entries are
                # created again, as their successors.
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
            # A listener that raises does not stop later commands.
            self._begin_next()

    def _refuse(self, error: StoreError) -> None:
        command = self._pending.popleft()
        command.refuse(error.again())
        self.refused.emit(command)
        self.pending_changed.emit()

    def _process_result(self, job: Job) -> StoreError | None:
        """Update `problem`; return the error of a failed job, else None."""
        error = job.future.exception()
        problem = None if error is None else _as_problem(error, self._store)
        # Results may arrive out of order: ignore the result of an older job.
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
    """Run a job in a non-daemon thread, so that Python waits for its end."""
    try:
        threading.Thread(target=job, name="artifact-review-close").start()
    except RuntimeError:
        # Python is shutting down and cannot start threads.
        job()


def _entries_of(command: Command) -> Sequence[Entry]:
    """Create the entries of a command whose predecessors are settled.

    Raises
    ------
    StoreError
        If the command depends on a refused command.
    """
    for other in command.depends_on:
        if other.state == "refused":
            raise StoreError(
                f"it depends on a verdict that was not recorded ({other.title})",
                remedy="Retry that verdict first",
            )
    return command.make()


def _as_problem(error: BaseException, store: Store) -> StoreError:
    """Convert any exception to an error for the reviewer."""
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
