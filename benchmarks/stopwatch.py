"""Time actions in a Qt window until their last frame."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

from qtpy.QtCore import QEvent, QEventLoop, QObject, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

#: Seconds within which a further frame belongs to the same action.
QUIET = 0.02

_FRAME_TIMEOUT = 45.0

#: Exceptions from slots, which Qt calls and which no caller could catch.
_slot_errors: list[BaseException] = []


def raise_slot_errors() -> None:
    """Raise a slot's exception in the waiting function; PyQt would end the process."""

    def hook(
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        traceback.print_exception(kind, error, trace)
        _slot_errors.append(error)

    sys.excepthook = hook


def _raise_slot_error() -> None:
    if _slot_errors:
        error = _slot_errors[0]
        _slot_errors.clear()
        raise error


class Stopwatch(QObject):
    """Times actions in a window.

    An action ends when a frame that shows its result has been drawn, the window's
    pending paints are done, and no further frame or paint follows within `quiet`
    seconds; that last wait does not count. The event loop runs as it does for a user,
    so threads get the same time.

    Attributes
    ----------
    frames : int
        The number of frames drawn.
    ended : float
        The end of the last action, by `time.perf_counter`.
    quiet : float
        Seconds without a frame that end an action; `QUIET` by default.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.frames = 0
        self.quiet = QUIET
        self._is_shown: Callable[[], bool] = _always
        self._frames_of_action = 0
        self.ended = 0.0
        self._stamp = QTimer(self)
        self._stamp.setSingleShot(True)
        self._stamp.timeout.connect(self._record_end)
        window.installEventFilter(self)

    def time(
        self, action: Callable[[], object], shown: Callable[[], bool] | None = None
    ) -> float:
        """Run an action; return the seconds until its result is on the screen.

        Parameters
        ----------
        action : callable
            The action.
        shown : callable, optional
            Returns whether a frame drawn now shows the result; by default any frame
            after the action has returned does.
        """
        self._is_shown = shown or _always
        begin = time.perf_counter()
        action()
        self._frames_of_action = 0
        self._wait(begin)
        return self.ended - begin

    def note_frame(self, _: object = None) -> None:
        """Record that a frame has just been drawn."""
        self.frames += 1
        if self._is_shown():
            self._frames_of_action += 1
        # The work of the event loop after the frame counts too.
        self._stamp.start(0)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Record that a part of the window is painted."""
        if event is not None and event.type() == QEvent.Type.UpdateRequest:
            self._stamp.start(0)
        return False

    def _record_end(self) -> None:
        self.ended = time.perf_counter()

    def _wait(self, begin: float) -> None:
        loop = QEventLoop()
        timer = QTimer()
        timer.setInterval(2)

        def check() -> None:
            now = time.perf_counter()
            idle = not self._stamp.isActive() and now - self.ended > self.quiet
            late = now - begin > _FRAME_TIMEOUT
            if (self._frames_of_action and idle) or late or _slot_errors:
                loop.quit()

        timer.timeout.connect(check)
        timer.start()
        loop.exec()
        timer.stop()
        _raise_slot_error()
        if not self._frames_of_action:
            raise TimeoutError(
                f"no frame showed the result within {_FRAME_TIMEOUT:.0f} s"
            )


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Run the event loop until a condition holds."""
    end = time.perf_counter() + seconds
    while not condition():
        QTest.qWait(5)
        _raise_slot_error()
        if time.perf_counter() > end:
            raise TimeoutError(f"the condition did not hold within {seconds:.0f} s")


def _always() -> bool:
    return True
