"""Work that must not hold up the window: done in a thread, answered in the main one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from threading import Event, Thread
from typing import Any, TypeVar

from qtpy.QtCore import QObject, Qt, QTimer, Signal, Slot

_Result = TypeVar("_Result")


class MainThread(QObject):
    """Runs functions in the thread that it was made in, from any other."""

    _posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def run(self, function: Callable[[], object]) -> None:
        """Run a function soon; not if the parent is gone by then."""
        try:
            self._posted.emit(function)
        except RuntimeError:
            # Qt has deleted the window that the answer was for.
            return

    # A slot of this object, so that Qt drops what is still queued when it is deleted.
    @Slot(object)
    def _run(self, function: Callable[[], object]) -> None:
        function()


class Connections:
    """Connections, and other things that have to be ended together."""

    def __init__(self) -> None:
        self._endings: list[Callable[[], object]] = []

    def connect(self, signal: Any, slot: Callable[..., object]) -> None:
        """Connect a slot to a signal until all of these are closed."""
        signal.connect(slot)
        self.at_end(partial(signal.disconnect, slot))

    def at_end(self, function: Callable[[], object]) -> None:
        """Call a function when all of these are closed."""
        self._endings.append(function)

    def close(self) -> None:
        """End each once, the last one first."""
        while self._endings:
            self._endings.pop()()


class Background:
    """One job at a time, in a thread that ends with it.

    The answer to a job that was given up is dropped. The thread is no daemon: what it
    writes is written to the end, also while Python is ending.
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
        """Do a job; then call `done` with its result or `failed` with its exception."""
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
            # Whatever it is, the main thread decides who hears of it.
            except Exception as error:  # noqa: BLE001
                reply = partial(failed, error)
            self._main_thread.run(lambda: answer(reply))

        Thread(target=work, name="artifact-review-job").start()

    def give_up(self) -> None:
        """Want no answer to the job under way."""
        self._number += 1
        self.busy = False


class Latest:
    """The latest of many jobs: done after a breath, once the one before it is through.

    What a job gives that is not the latest any more is dropped. A job may find out, and
    end itself with `CancelledError`.

    Parameters
    ----------
    parent : QObject
        What the answers are for: once it is gone, there are none.
    done : callable
        Takes what a job gives, in the main thread.
    """

    def __init__(self, parent: QObject, done: Callable[[Any], None]) -> None:
        self._background = Background(MainThread(parent))
        self._breath = QTimer(parent, singleShot=True)
        self._breath.timeout.connect(self._begin)
        self._waiting: Callable[[Callable[[], bool]], object] | None = None
        self._given_up = Event()
        self._done = done

    def want(self, job: Callable[[Callable[[], bool]], object], breath: int) -> None:
        """Have a job done, in place of any other.

        Parameters
        ----------
        job : callable
            What is to be done, in a thread. It is given a function that tells whether
            it is the latest no more.
        breath : int
            Milliseconds until it begins, in which another may take its place: the frame
            that shows what was changed comes first.
        """
        self._waiting = job
        self._given_up.set()
        self._breath.start(breath)

    def give_up(self) -> None:
        """Want nothing any more."""
        self._waiting = None
        self._given_up.set()
        self._breath.stop()

    def _begin(self) -> None:
        if self._waiting is not None and not self._background.busy:
            job, self._waiting = self._waiting, None
            self._given_up = given_up = Event()
            work = partial(job, given_up.is_set)
            self._background.start(work, self._answer, self._fail)

    def _answer(self, result: object) -> None:
        if not self._given_up.is_set():
            self._done(result)
        self._go_on()

    def _fail(self, error: Exception) -> None:
        self._go_on()
        if not isinstance(error, CancelledError):
            raise error

    def _go_on(self) -> None:
        if not self._breath.isActive():
            self._begin()
