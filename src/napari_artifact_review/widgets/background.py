"""Work that must not hold up the window: done in a thread, answered in the main one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from qtpy.QtCore import QObject, Qt, Signal, Slot

_Result = TypeVar("_Result")


class MainThread(QObject):
    """Runs functions in the thread that it was made in, from any other."""

    _posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def run(self, function: Callable[[], None]) -> None:
        """Run a function soon; not if the parent is gone by then."""
        try:
            self._posted.emit(function)
        except RuntimeError:
            # Qt has deleted the window that the answer was for.
            return

    # A slot of this object, so that Qt drops what is still queued when it is deleted.
    @Slot(object)
    def _run(self, function: Callable[[], None]) -> None:
        function()


class Background:
    """One job at a time; the answer to one that was given up is dropped."""

    def __init__(self, main_thread: MainThread) -> None:
        self._main_thread = main_thread
        self._executor = ThreadPoolExecutor(1, "artifact-review")
        self._number = 0
        self.busy = False

    def start(
        self,
        job: Callable[[], _Result],
        done: Callable[[_Result], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Do a job; then call `done` with its result or `failed` with its exception."""
        self._number += 1
        number, self.busy = self._number, True

        def answer(future: Future[_Result]) -> None:
            if number != self._number:
                return
            self.busy = False
            error = future.exception()
            if error is None:
                done(future.result())
            else:
                failed(error)

        future = self._executor.submit(job)
        future.add_done_callback(
            lambda finished: self._main_thread.run(lambda: answer(finished))
        )

    def give_up(self) -> None:
        """Want no answer to the job under way."""
        self._number += 1
        self.busy = False

    def close(self) -> None:
        """Want no answer any more and start no job again."""
        self.give_up()
        self._executor.shutdown(wait=False, cancel_futures=True)
