"""A napari window in which each action is timed until its last frame."""

from __future__ import annotations

from collections.abc import Callable

import napari
from qtpy.QtTest import QTest

from .stopwatch import Stopwatch

#: Width and height of every window that is measured.
SIZE = (1400, 900)


class Window:
    """A napari window of the size that everything is measured in."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        self.native = self.viewer.window._qt_window
        self.viewer.window.resize(*SIZE)
        self.watch = Stopwatch(self.native)
        self.canvas = self.viewer.window._qt_viewer.canvas._scene_canvas
        self.canvas.events.draw.connect(self.watch.note_frame, position="last")

    @property
    def canvas_size(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        height, width = self.viewer.canvas.size
        return int(height), int(width)

    def bring_up(self) -> None:
        """Have the window before all others, and its keys alive."""
        self.native.raise_()
        self.native.activateWindow()
        QTest.qWait(50)

    def time(
        self, action: Callable[[], object], shown: Callable[[], bool] | None = None
    ) -> float:
        """Do something; return the seconds until it is on the screen."""
        return self.watch.time(action, shown)

    def press(self, key: int, shown: Callable[[], bool] | None = None) -> float:
        """Press a key; return the seconds until its outcome is on the screen."""
        return self.time(lambda: QTest.keyClick(self.native, key), shown)

    def close(self) -> None:
        """Close the window, and let what it leaves behind come to an end."""
        self.viewer.close()
        QTest.qWait(100)
