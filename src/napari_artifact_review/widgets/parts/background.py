"""Jobs in a thread, with their results delivered in the main thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from threading import Event, Thread
from typing import Any, TypeVar

from qtpy.QtCore import QObject, Qt, QTimer, Signal, Slot

_Result = TypeVar("_Result")


class MainThread(QObject):
    """A dispatcher that runs functions in its own thread, called from any thread."""

    _posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def run(self, function: Callable[[], object]) -> None:
        """Schedule a function, which does not run if Qt has deleted the parent."""
        try:
            self._posted.emit(function)
        except RuntimeError:
            # Qt has deleted the parent.
            return

    # A slot of this object: Qt drops queued calls when the object is deleted.
    @Slot(object)
    def _run(self, function: Callable[[], object]) -> None:
        function()


class Connections:
    """A list of connections and functions that are closed together."""

    def __init__(self) -> None:
        self._at_end: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a slot to a signal until `close`."""
        signal.connect(slot)
        self.at_end(partial(signal.disconnect, slot))

    def at_end(self, function: Callable[[], object]) -> None:
        """Call a function at `close`."""
        self._at_end.append(function)

    def close(self) -> None:
        """Disconnect and call each function once, the last one first."""
        while self._at_end:
            self._at_end.pop()()


class Background:
    """A runner of one job at a time, in a thread that ends with the job.

    The result of an abandoned job is dropped. The thread is not a daemon, so a job
    finishes writing its files even while Python exits.

    Attributes
    ----------
    busy : bool
        Whether a job is running.
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
        """Run a job; then call `done` with its result or `failed` with its error."""
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
            # The main thread handles or raises any error.
            except Exception as error:  # noqa: BLE001
                reply = partial(failed, error)
            self._main_thread.run(lambda: answer(reply))

        Thread(target=work, name="artifact-review-job").start()

    def give_up(self) -> None:
        """Drop the result of the running job."""
        self._number += 1
        self.busy = False


class Latest:
    """A runner of the latest job, after a delay and after any running job.

    Results of earlier jobs are dropped. An outdated job can raise `CancelledError` to
    end early.

    Parameters
    ----------
    parent : QObject
        The receiver of results, which are dropped after Qt has deleted it.
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
        """Replace all earlier jobs by this one.

        Parameters
        ----------
        job : callable
            Runs in a thread. Its argument is a function that returns whether the job
            is no longer the latest.
        delay : int
            Milliseconds until the job begins. During this time, a newer job may replace
            it and the window can draw a frame.
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
