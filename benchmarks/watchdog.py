"""Measure how long a window does not answer."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable

from qtpy.QtCore import QTimer

from benchmarks.window import Window

#: Longest time in seconds without an answer, except while an image is replaced.
LONGEST_BLOCK = 0.1

_INTERVAL = 0.005


class Watchdog:
    """Measure how long the main thread does not answer, and record what it does then.

    Parameters
    ----------
    window : Window
        The window to watch.
    shown : callable
        Returns the name of the image that should be on the screen.

    Attributes
    ----------
    blocks, switch_blocks : list of float
        Seconds of each block of more than a few milliseconds: while the image stayed,
        and while it was replaced, up to the first frame that shows the new one.
    """

    def __init__(self, window: Window, shown: Callable[[], str]) -> None:
        self.blocks: list[float] = []
        self.switch_blocks: list[float] = []
        self._canvas, self._shown = window.canvas, shown
        self._image = ""
        # The image of the last frame, and that of the last frame before a block began.
        self._drawn = self._seen = ""
        self._beat = time.perf_counter()
        self._main = threading.get_ident()
        self._stacks: Counter[str] = Counter()
        self._timer = QTimer()
        self._timer.setInterval(int(_INTERVAL * 1000))
        self._timer.timeout.connect(self.answer)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Start to watch."""
        self._image = self._seen = self._drawn = self._shown()
        self._canvas.events.draw.connect(self._note_frame)
        self._beat = time.perf_counter()
        self._timer.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._timer.stop()
        self._canvas.events.draw.disconnect(self._note_frame)
        self._end.set()
        self._thread.join()

    def summary(self) -> str:
        """Return what the main thread did most often during long blocks."""
        return "; ".join(f"{n} x {what}" for what, n in self._stacks.most_common(3))

    def answer(self) -> None:
        """Record that the main thread answers."""
        now = time.perf_counter()
        blocked, image = now - self._beat, self._shown()
        if blocked > 4 * _INTERVAL:
            stayed = self._seen == self._image == image
            (self.blocks if stayed else self.switch_blocks).append(blocked)
        self._beat, self._image, self._seen = now, image, self._drawn

    def _note_frame(self, _: object) -> None:
        self._drawn = self._shown()

    def _watch(self) -> None:
        seen = 0.0
        while not self._end.wait(0.01):
            beat = self._beat
            if beat != seen and time.perf_counter() - beat > LONGEST_BLOCK:
                seen = beat
                frame = sys._current_frames().get(self._main)
                self._stacks[_name_of(traceback.extract_stack(frame))] += 1


def _name_of(stack: traceback.StackSummary) -> str:
    """Return the innermost function of this project, and the innermost of all."""
    own = [f for f in stack if "napari_artifact_review" in f.filename]
    names = [own[-1].name] if own else []
    return " > ".join([*names, stack[-1].name])
