"""The window that tests share: none finds anything of the one before."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager, show_info
from qtpy.QtWidgets import QApplication, QLabel

from tests.widgets.windows import SIZE, KeptWindow, close


@pytest.fixture
def kept(windows):
    """Keep one more window, for this test alone."""
    kept = KeptWindow()
    yield kept
    close(kept.viewer)


def state(viewer):
    """Return what a test may find of a viewer and its window."""
    window = viewer.window._qt_window
    return {
        "camera": viewer.scene.camera.model_dump(),
        "cursor": viewer.cursor.model_dump(),
        "dims": viewer.dims.model_dump(),
        "grid": viewer.canvas.grid.model_dump(),
        "scale bar": viewer.canvas.overlays["scale_bar"].visible,
        "theme": viewer.theme,
        "title": window.windowTitle(),
        "keys": dict(viewer.keymap),
        "mouse": [*viewer.mouse_drag_callbacks],
        "layers": [*viewer.layers],
        "docks": [*viewer.window.dock_widgets],
        "controls": window._qt_viewer.dockLayerControls.isVisible(),
        "menu": window.menuBar().isVisible(),
        "size": (window.width(), window.height()),
    }


def test_a_window_that_is_kept_is_as_good_as_new(kept, qtbot):
    viewer = kept.viewer
    before, told = state(viewer), len(notification_manager.records)
    window = viewer.window._qt_window
    viewer.add_image(np.zeros((3, 40, 40)), scale=(1, 2, 2))
    viewer.window.add_dock_widget(QLabel("a test's own"), name="own")
    viewer.scene.camera.zoom = 7
    viewer.scene.camera.orientation2d = ("up", "left")
    viewer.dims.ndisplay = 3
    viewer.canvas.grid.enabled = True
    viewer.canvas.overlays["scale_bar"].visible = True
    viewer.cursor.position = (1, 2, 3)
    viewer.theme = "light"
    viewer.title = "another"
    viewer.bind_key("F7", lambda _: None)
    viewer.mouse_drag_callbacks.append(lambda *_: None)
    window._qt_viewer.dockLayerControls.hide()
    window.menuBar().hide()
    viewer.window.resize(1000, 700)
    show_info("a notification")
    QApplication.processEvents()
    kept.reset()
    qtbot.waitUntil(lambda: (window.width(), window.height()) == SIZE)
    assert state(viewer) == before
    assert len(notification_manager.records) <= told


def test_a_viewer_that_a_test_closes_is_made_again(windows):
    first = windows.viewer()
    assert windows.viewer() is first
    first.close()
    windows.end_test(has_failed=False)
    assert windows.viewer() is not first


def test_what_a_test_leaves_behind_is_found(windows, monkeypatch):
    monkeypatch.setattr("tests.widgets.windows.PATIENCE", 0)
    canvas = windows.make().window._qt_viewer
    windows.end_test(has_failed=False)
    with pytest.raises(AssertionError, match="left behind"):
        windows.check()
    del canvas
    windows.check()
