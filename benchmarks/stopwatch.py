"""Times what is done in a Qt window until its last frame."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType

from qtpy.QtCore import QEvent, QEventLoop, QObject, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

#: Seconds within which a frame that follows another belongs to the same action.
QUIET = 0.02

_LONGEST_WAIT = 45.0

#: What was raised where nobody could catch it: in a slot, called by Qt.
_raised: list[BaseException] = []


def catch_slots() -> None:
    """Have what a slot raises raised by who waits; PyQt ends the process otherwise."""

    def hook(
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        traceback.print_exception(kind, error, trace)
        _raised.append(error)

    sys.excepthook = hook


def _raise_what_was_raised() -> None:
    if _raised:
        error = _raised[0]
        _raised.clear()
        raise error


class Stopwatch(QObject):
    """Times actions in a window.

    An action ends when a frame that shows its outcome has been drawn, the window's
    pending paints are done, and no further frame or paint followed within `QUIET`
    seconds; the waiting after the last one is not counted. The event loop runs as it
    does for a user, so threads have the time that they would have.

    Attributes
    ----------
    frames : int
        How many frames have been drawn.
    ended : float
        When the last action had come to its end, as `time.perf_counter` tells.
    quiet : float
        `QUIET`, or what is to be waited for instead.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.frames = 0
        self.quiet = QUIET
        self._shown: Callable[[], bool] = _at_once
        self._frames_of_action = 0
        self.ended = 0.0
        self._stamp = QTimer(self)
        self._stamp.setSingleShot(True)
        self._stamp.timeout.connect(self._note_work)
        window.installEventFilter(self)

    def time(
        self, action: Callable[[], object], shown: Callable[[], bool] | None = None
    ) -> float:
        """Do something; return the seconds until it is on the screen.

        Parameters
        ----------
        action : callable
            What is done.
        shown : callable, optional
            Whether a frame drawn now shows its outcome; by default any frame does
            that is drawn after the action has returned.
        """
        self._shown = shown or _at_once
        begin = time.perf_counter()
        action()
        self._frames_of_action = 0
        self._wait(begin)
        return self.ended - begin

    def note_frame(self, _: object = None) -> None:
        """Take note of a frame that has just been drawn."""
        self.frames += 1
        if self._shown():
            self._frames_of_action += 1
        # What the event loop does with the frame, and after it, is counted too.
        self._stamp.start(0)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Notice that some of the window is painted."""
        if event is not None and event.type() == QEvent.Type.UpdateRequest:
            self._stamp.start(0)
        return False

    def _note_work(self) -> None:
        self.ended = time.perf_counter()

    def _wait(self, begin: float) -> None:
        loop = QEventLoop()
        timer = QTimer()
        timer.setInterval(2)

        def check() -> None:
            now = time.perf_counter()
            idle = not self._stamp.isActive() and now - self.ended > self.quiet
            late = now - begin > _LONGEST_WAIT
            if (self._frames_of_action and idle) or late or _raised:
                loop.quit()

        timer.timeout.connect(check)
        timer.start()
        loop.exec()
        timer.stop()
        _raise_what_was_raised()
        if not self._frames_of_action:
            raise TimeoutError(f"no frame showed it within {_LONGEST_WAIT:.0f} s")


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Let the event loop run until a condition holds."""
    end = time.perf_counter() + seconds
    while not condition():
        QTest.qWait(5)
        _raise_what_was_raised()
        if time.perf_counter() > end:
            raise TimeoutError(f"it did not come to that within {seconds:.0f} s")


def _at_once() -> bool:
    return True
