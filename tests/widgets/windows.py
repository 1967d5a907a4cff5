"""A napari window that the tests of a process share, and more windows for one test.

Making and closing a window takes longer than most tests do. `make_napari_viewer` makes
one for each test. It cannot be used beside this module: it takes every other window for
a leak.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import qtpy
from napari import Viewer
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari._qt.qt_viewer import QtViewer
from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QByteArray, QEvent, QPoint, QPointF
from qtpy.QtGui import QCursor, QEnterEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

#: Seconds in which the threads and docks of a test are to be gone.
PATIENCE = 30

#: The width and height of a window in pixels.
SIZE = (1400, 900)

#: The lists of functions that a viewer calls.
_CALLBACKS = [
    f"mouse_{what}_callbacks" for what in ("move", "wheel", "drag", "double_click")
]


def new_viewer() -> Viewer:
    """Show a new napari window."""
    viewer = Viewer(show=True, show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    return viewer


def has_window(viewer: Viewer) -> bool:
    """Return whether a viewer has not been closed."""
    return hasattr(viewer.window, "_qt_window")


def close(viewer: Viewer) -> None:
    """Close a viewer unless a test did; its size is not to be remembered."""
    if has_window(viewer):
        with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
            viewer.close()
    else:
        viewer.close()


class KeptWindow:
    """A viewer with its window, which is brought back to its first state.

    Attributes
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self) -> None:
        self.viewer = new_viewer()
        QApplication.processEvents()
        self._window: QMainWindow = self.viewer.window._qt_window
        # Docks, tool bars and their sizes.
        self._layout: QByteArray = self._window.saveState()
        self._models = {
            path: model.model_dump() for path, model in self._models_of_viewer()
        }
        self._keymap = dict(self.viewer.keymap)
        self._callbacks = {name: [*getattr(self.viewer, name)] for name in _CALLBACKS}

    def _models_of_viewer(self) -> list[tuple[str, Any]]:
        """Return the parts of the viewer that a test may change, but for the layers."""
        viewer = self.viewer
        found = [
            ("camera", viewer.scene.camera),
            ("cursor", viewer.cursor),
            ("grid", viewer.canvas.grid),
            ("tooltip", viewer.tooltip),
        ]
        for place in (viewer.scene, viewer.canvas):
            for name, overlay in place.overlays.items():
                found.append((f"{type(place).__name__} {name}", overlay))
        return found

    def reset(self) -> list[weakref.ref[QWidget]]:
        """Bring the window back to its first state.

        Returns
        -------
        list of weak references
            The widgets that were docked, which are to be deleted now.
        """
        viewer, window = self.viewer, self._window
        while (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        left = []
        # One at a time: the dock of a review takes that of its plots with it.
        while docked := list(viewer.window.dock_widgets.values()):
            widget = docked.pop(0)
            viewer.window.remove_dock_widget(widget)
            widget.deleteLater()
            left.append(weakref.ref(widget))
        viewer.layers.clear()
        for name, before in self._callbacks.items():
            getattr(viewer, name)[:] = before
        viewer.keymap.clear()
        viewer.keymap.update(self._keymap)
        window._qt_viewer._key_map_handler._key_release_generators.clear()
        viewer.dims.ndisplay = 2
        viewer.dims.reset()
        for path, model in self._models_of_viewer():
            model.update(self._models[path])
        viewer.title, viewer.help, viewer.status = "napari", "", "Ready"
        viewer.mouse_over_canvas = False
        if viewer.theme != get_settings().appearance.theme:
            viewer.theme = get_settings().appearance.theme
        for notification in window.findChildren(NapariQtNotification):
            notification.close()
        # Those of other windows went with them, and napari keeps them here.
        NapariQtNotification._instances.clear()
        notification_manager.records.clear()
        self._reset_window()
        return left

    def _reset_window(self) -> None:
        window = self._window
        if window.isFullScreen() or window.isMaximized() or window.isMinimized():
            window.showNormal()
        window.show()
        window.menuBar().show()
        window.move(QPoint(0, 0))
        window.resize(*SIZE)
        if window.saveState() != self._layout:
            window.restoreState(self._layout)
        # The mouse leaves the window, so that it enters it when a test moves it there.
        QCursor.setPos(window.screen().geometry().bottomRight())
        if (focused := QApplication.focusWidget()) is not None:
            focused.clearFocus()
        window._qt_viewer.setFocus()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


class Windows:
    """The windows of a process: one that is kept, and those that a test makes."""

    def __init__(self) -> None:
        self._kept: KeptWindow | None = None
        self._more: list[Viewer] = []
        self._docked: list[weakref.ref[QWidget]] = []
        self._stuck: set[threading.Thread] = set()

    def begin(self) -> None:
        """Note the threads of reviews that tests without a window have left."""
        gc.collect()
        self._stuck.update(self._threads())

    def viewer(self) -> Viewer:
        """Return the viewer that is kept; make it again where a test closed it."""
        if self._kept is None:
            self._kept = KeptWindow()
        return self._kept.viewer

    def make(self) -> Viewer:
        """Make one more viewer, for this test alone."""
        self._more.append(new_viewer())
        return self._more[-1]

    def end_test(self, has_failed: bool) -> None:
        """Take back what a test did to the windows, so that the next one may come."""
        get_settings().reset()
        while self._more:
            close(self._more.pop())
        if self._kept is None:
            return
        if has_failed or not has_window(self._kept.viewer):
            self.close()
        else:
            # napari would look for garbage at each layer that goes; `check` does it.
            with patch.object(gc, "collect", lambda *_: 0):
                self._docked = self._kept.reset()

    def close(self) -> None:
        """Close the viewer that is kept."""
        if self._kept is not None:
            close(self._kept.viewer)
            self._kept = None
            QApplication.processEvents()

    def check(self) -> None:
        """Check that the test before left no thread, no dock and no window behind."""
        docked, self._docked = self._docked, []
        # PySide keeps a widget's wrapper for as long as it has a function to call.
        docked = docked if qtpy.PYQT6 else []
        expected = int(self._kept is not None)
        gc.collect()
        try:
            _wait_for_none(self._threads)
            _wait_for_none(lambda: [dock for ref in docked if (dock := ref())])
            _wait_for_none(lambda: [*QtViewer._instances][expected:])
        except AssertionError:
            # They are the fault of this test alone: no other test is to meet them.
            self.close()
            QtViewer._instances.clear()
            self._stuck.update(self._threads())
            raise

    def _threads(self) -> list[threading.Thread]:
        """Return the threads of reviews."""
        threads = [
            one for one in threading.enumerate() if "artifact-review" in one.name
        ]
        return [one for one in threads if one not in self._stuck]


#: The windows of this process.
WINDOWS = Windows()


def _wait_for_none(find: Callable[[], list[Any]]) -> None:
    """Wait until nothing is left of a kind, also on a slow machine."""
    end = time.monotonic() + PATIENCE
    while left := [type(one).__name__ for one in find()]:
        assert time.monotonic() < end, f"left behind: {left}"
        QApplication.processEvents()
        time.sleep(0.1)
        gc.collect()


def put_mouse_over_canvas(dock: QWidget) -> None:
    """Have napari find the mouse over its canvas.

    Where another window of the tests is in front, a moved mouse does not enter it.
    """
    middle = QPointF(5, 5)
    enter = QEnterEvent(middle, middle, middle)
    QApplication.sendEvent(dock.window()._qt_viewer.canvas.native, enter)
