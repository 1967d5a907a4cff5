"""Jobs in threads, with delivery of their results in the main thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from threading import Event, Thread
from typing import Any, TypeVar

from qtpy.QtCore import QObject, Qt, QTimer, Signal, Slot

_Result = TypeVar("_Result")


class MainThread(QObject):
    """A dispatcher that runs functions in the thread of its Qt parent."""

    _posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def run(self, function: Callable[[], object]) -> None:
        """Run a function in the main thread soon.

        Any thread can call this method. If Qt has deleted the parent, the function does
        not run.
        """
        try:
            self._posted.emit(function)
        except RuntimeError:
            # Qt has deleted the parent.
            return

    # This method is a slot, because Qt drops queued calls to slots of a deleted object.
    @Slot(object)
    def _run(self, function: Callable[[], object]) -> None:
        function()


class Connections:
    """A list of connections to close, and functions to call, at the same time."""

    def __init__(self) -> None:
        self._at_end: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a slot to a signal until `close` is called."""
        signal.connect(slot)
        self.at_end(partial(signal.disconnect, slot))

    def at_end(self, function: Callable[[], object]) -> None:
        """Add a function that `close` calls."""
        self._at_end.append(function)

    def close(self) -> None:
        """Disconnect all slots and call all functions, in reverse order.

        A second call does nothing.
        """
        while self._at_end:
            self._at_end.pop()()


class Background:
    """A runner of jobs in threads, which delivers only the result of the latest job.

    Each job has its own thread. The threads are not daemons, so a job finishes writing
    its files even while Python exits.

    Attributes
    ----------
    busy : bool
        Whether the latest job is running.
    """

    def __init__(self, main_thread: MainThread) -> None:
        self._main_thread = main_thread
        self._number = 0
        self.busy = False

    def start(
        self,
        job: Callable[[], _Result],
        done: Callable[[_Result], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Run a job in a thread.

        The main thread then calls `done` with the result, or `failed` with the error.
        """
        self._number += 1
        number, self.busy = self._number, True

        def answer(reply: Callable[[], None]) -> None:
            if number == self._number:
                self.busy = False
                reply()

        def work() -> None:
            reply: Callable[[], None]
            try:
                reply = partial(done, job())
            # In the main thread, `failed` handles or raises the error.
            except Exception as error:  # noqa: BLE001
                reply = partial(failed, error)
            self._main_thread.run(lambda: answer(reply))

        Thread(target=work, name="artifact-review-job").start()

    def give_up(self) -> None:
        """Drop the result of the latest job, without stopping the job."""
        self._number += 1
        self.busy = False


class Latest:
    """A runner that runs only the latest job, after a delay and after any running job.

    Results of earlier jobs are dropped. An outdated job can raise `CancelledError` to
    end early.

    Parameters
    ----------
    parent : QObject
        The receiver of results. After Qt has deleted this object, results are dropped.
    done : callable
        Called with the result of a job in the main thread.
    """

    def __init__(self, parent: QObject, done: Callable[[Any], None]) -> None:
        self._background = Background(MainThread(parent))
        self._delay = QTimer(parent, singleShot=True)
        self._delay.timeout.connect(self._begin)
        self._waiting: Callable[[Callable[[], bool]], object] | None = None
        self._given_up = Event()
        self._done = done

    def want(self, job: Callable[[Callable[[], bool]], object], delay: int) -> None:
        """Run a job in place of all earlier jobs.

        Parameters
        ----------
        job : callable
            Runs in a thread. Its argument is a function that returns whether the job
            is no longer the latest.
        delay : int
            Milliseconds until the job begins. During this time, the window can draw a
            frame, and a newer job may replace this job.
        """
        self._waiting = job
        self._given_up.set()
        self._delay.start(delay)

    def give_up(self) -> None:
        """Drop all jobs and their results."""
        self._waiting = None
        self._given_up.set()
        self._delay.stop()

    def _begin(self) -> None:
        if self._waiting is not None and not self._background.busy:
            job, self._waiting = self._waiting, None
            self._given_up = given_up = Event()
            work = partial(job, given_up.is_set)
            self._background.start(work, self._deliver, self._fail)

    def _deliver(self, result: object) -> None:
        if not self._given_up.is_set():
            self._done(result)
        self._begin_next()

    def _fail(self, error: Exception) -> None:
        self._begin_next()
        if not isinstance(error, CancelledError):
            raise error

    def _begin_next(self) -> None:
        if not self._delay.isActive():
            self._begin()
