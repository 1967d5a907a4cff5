"""A napari window that times each action until its last frame."""

from __future__ import annotations

from collections.abc import Callable

import napari
from qtpy.QtTest import QTest

from .stopwatch import Stopwatch

#: Width and height of every measured window, in pixels.
SIZE = (1400, 900)


class Window:
    """A napari window of the common size."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.native = self.viewer.window._qt_window
        self.viewer.window.resize(*SIZE)
        self.watch = Stopwatch(self.native)
        self.canvas = self.viewer.window._qt_viewer.canvas._scene_canvas
        self.canvas.events.draw.connect(self.watch.note_frame, position="last")

    @property
    def canvas_size(self) -> tuple[int, int]:
        """Height and width of the canvas, in pixels."""
        height, width = self.viewer.canvas.size
        return int(height), int(width)

    def bring_up(self) -> None:
        """Raise and activate the window, so that it gets the keys."""
        self.native.raise_()
        self.native.activateWindow()
        QTest.qWait(50)

    def time(
        self, action: Callable[[], object], shown: Callable[[], bool] | None = None
    ) -> float:
        """Run an action; return the seconds until its result is on the screen."""
        return self.watch.time(action, shown)

    def press(self, key: int, shown: Callable[[], bool] | None = None) -> float:
        """Press a key; return the seconds until its result is on the screen."""
        return self.time(lambda: QTest.keyClick(self.native, key), shown)

    def close(self) -> None:
        """Close the window, and wait for its threads and timers to end."""
        self.viewer.close()
        QTest.qWait(100)
