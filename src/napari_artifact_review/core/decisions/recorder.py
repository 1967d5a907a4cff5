"""Record commands one after another, in a separate thread."""

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

from napari_artifact_review.core.decisions.command import MAX_WAIT, Command
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.schema import SaveRecord
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.decisions.writer_thread import Job, WriterThread
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.texts import on_one_line

#: Longest wait for the disk when a review is opened, saved or closed, in seconds.
ANSWER_TIMEOUT = 10.0

#: Function that schedules its argument to run on the session's thread. It can be called
#: from any thread.
Dispatcher: TypeAlias = Callable[[Callable[[], object]], None]

_logger = logging.getLogger(__name__)


class Recorder:
    """A queue that writes the entries of commands to disk and adds them to the log.

    Commands are submitted on the session's thread, and written in a separate thread. A
    dispatcher delivers the results on the session's thread. Commands are recorded or
    refused in the order in which they were submitted. If a command cannot be recorded,
    it is refused, together with all commands that depend on it; other commands are
    still recorded.

    Parameters
    ----------
    store : Store
        File of the log.
    log : DecisionLog
        Log with the entries on disk.

    Attributes
    ----------
    recorded : Signal
        Emitted with a command, its entries and the affected cutouts, after the entries
        were written to disk and added to the log. The command is None for entries of a
        refused command that reached the disk after all.
    pending_changed : Signal
        Emitted when a command is submitted, recorded or refused.
    refused : Signal
        Emitted with a command that could not be recorded.
    problem_changed : Signal
        Emitted when `problem` has changed.
    problem : StoreError or None
        Error that currently prevents recording; None if there is none.
    """

    # Signals hold weak references to listeners, so that an unused session can be freed.
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
        """The dispatcher; None if only `wait` processes results."""
        return self._dispatch

    @property
    def is_slow(self) -> bool:
        """Whether recording is expected to take longer than `MAX_WAIT`."""
        return bool(self._pending) or self._last_duration > MAX_WAIT

    @property
    def pending(self) -> tuple[Command, ...]:
        """Commands that are not recorded or refused yet, in the order of submission."""
        return tuple(self._pending)

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Deliver results on the caller's thread, through a dispatcher.

        If `dispatch` is None, only `wait` processes results.
        """
        self._dispatch, self._thread = dispatch, threading.get_ident()
        if dispatch is not None:
            # Process a result that arrived before the dispatcher was set.
            dispatch(partial(self._process_if_open, self._process_answer))

    def submit(self, command: Command) -> None:
        """Submit a command, and return immediately; a closed recorder refuses it."""
        error = self._refusal()
        if error is not None:
            command.refuse(error)
            return
        self._pending.append(command)
        self._is_idle.clear()
        self.pending_changed.emit()
        self._begin_next()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all commands are recorded or refused; return False on timeout.

        If there is a dispatcher and the caller is on another thread, the session's
        thread processes the results.

        Parameters
        ----------
        seconds : float, optional
            Longest time to wait, in seconds; unlimited by default.
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

    def lock_file(self, state: Mapping[str, Any]) -> None:
        """Save the position, which locks the file; set `problem` if this fails."""
        job = self._submit_job(self._store.save_state, state)
        if futures.wait([job.future], ANSWER_TIMEOUT).done:
            self._process_result(job)
        else:
            self._set_problem(_no_answer(self._store))
            self._dispatch_when_done(job, partial(self._process_result, job))

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Save the position without waiting.

        When the save ends, set `problem` to its error, or to None. Without a
        dispatcher, `problem` is not changed.
        """
        # A position needs less space than a verdict, so a saved position alone does not
        # show that verdicts can be recorded again.
        reserve = self.problem is not None
        save = partial(self._store.save_state, reserve=reserve)
        job = self._submit_job(save, state)
        self._dispatch_when_done(job, partial(self._process_result, job))

    def add_save(self, save: SaveRecord) -> None:
        """Record a reviewed table before it is written.

        This method can be called from any thread. Inside `staying_open`, it can also be
        called after `close`.

        Raises
        ------
        StoreError
            If the disk does not respond in time, or the record cannot be written.
        """
        job = self._submit_job(self._store.add_save, save, is_late=self._users > 0)
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
        last_job: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """Record the pending commands, and then release the file.

        Commands that are submitted afterwards are refused.

        Parameters
        ----------
        state : mapping or None
            Last position of the review, as plain JSON; None to save no position.
        wait : bool
            Whether to wait until the file is released. If not, a separate thread does
            the work.
        lost : callable, optional
            Called with the commands that could not be recorded, if there are any. If
            `wait` is False, it is called in the separate thread. By default, these
            commands are logged as errors.
        timeout : float
            Time in seconds after which pending commands are refused.
        last_job : callable, optional
            Called when all commands are settled. It returns changes of the position,
            which are saved with `state`.
        """
        if self._refusal() is not None:
            return
        self._is_closed, self._dispatch = True, None
        self._store.close_soon()
        finish = partial(self._drain, state, lost or _log_lost, timeout, last_job)
        if not wait:
            finish = partial(_run_in_thread, finish)
        with self._lock:
            self._finish = finish
            is_used = self._users > 0
        if not is_used:
            finish()

    @contextmanager
    def staying_open(self) -> Iterator[None]:
        """Keep the file open until the context ends, even if `close` is called.

        This context manager can be used on any thread.
        """
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
        last_job: Callable[[], Mapping[str, Any]] | None,
    ) -> None:
        with self._lock:
            # The last job may use `staying_open`, whose end must not finish again.
            self._finish = None
        end = time.monotonic() + timeout
        unsettled = self.pending
        self._wait_until(end)
        error = _no_answer(self._store, timeout)
        for command in self.pending:
            self._pending.popleft()
            command.refuse(error.without_traceback())
        self._is_idle.set()
        if last_job is not None:
            state = {**(state or {}), **last_job()}
        closed = self._writer.submit(self._store.close, state)
        self._writer.end()
        # Ignore a position that cannot be saved; lost commands are reported below.
        futures.wait([closed.future], max(1.0, end - time.monotonic()))
        left = [command for command in unsettled if command.state == "refused"]
        if left:
            lost(left)

    def _wait_until(self, end: float) -> None:
        """Wait for all commands until a deadline, despite errors of listeners."""
        while True:
            try:
                self.wait(max(0.0, end - time.monotonic()))
            except Exception:
                _logger.exception("A listener failed while a review was closed")
            else:
                return

    def _submit_job(
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
        """Process a result, unless the recorder is closed."""
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
                # Entries of an earlier command are on disk after all. The current
                # command creates its entries again, so that they follow these entries.
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
            # Write the next command even if a listener raises an error.
            self._begin_next()

    def _refuse(self, error: StoreError) -> None:
        command = self._pending.popleft()
        command.refuse(error.without_traceback())
        self.refused.emit(command)
        self.pending_changed.emit()

    def _process_result(self, job: Job) -> StoreError | None:
        """Update `problem` after a job; return the error of the job, or None."""
        error = job.future.exception()
        problem = None if error is None else _as_problem(error, self._store)
        # Results may arrive out of order, so ignore the result of an older job.
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
    """Run a job in a non-daemon thread, so that Python waits for the job to end."""
    try:
        threading.Thread(target=job, name="artifact-review-close").start()
    except RuntimeError:
        # Python is shutting down and cannot start threads.
        job()


def _entries_of(command: Command) -> Sequence[Entry]:
    """Create the entries of a command, after all earlier commands are settled.

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
        _logger.error(
            "Not recorded: %s", on_one_line(f"{command.title} ({command.error})")
        )
