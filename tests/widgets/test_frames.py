"""Notice that a change has been on the screen."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_artifact_review.widgets.frames import Frames


class Canvas(QWidget):
    """A stand-in for a canvas."""

    frameSwapped = Signal()  # noqa: N815


@pytest.fixture
def window(qtbot):
    """Show a window with a canvas in its middle."""
    window = QMainWindow()
    window.setCentralWidget(QWidget())
    window.canvas = Canvas(window.centralWidget())
    window.canvas.resize(50, 50)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


@pytest.fixture
def frames(window):
    """Watch the canvas of the window."""
    frames = Frames(QObject(window))
    frames.watch(window)
    return frames


def test_a_change_is_shown_by_the_next_frame_of_the_canvas(window, frames, qtbot):
    assert frames.are_shown
    window.canvas.setUpdatesEnabled(False)
    frames.expect()
    window.centralWidget().repaint()
    QApplication.sendEvent(window.canvas, QEvent(QEvent.Type.Enter))
    qtbot.wait(50)
    assert not frames.are_shown, "only what is around it was drawn"
    window.canvas.setUpdatesEnabled(True)
    qtbot.waitUntil(lambda: frames.are_shown)


def test_a_frame_comes_also_where_nothing_else_changes(window, frames, qtbot):
    qtbot.wait(50)
    frames.expect()
    qtbot.waitUntil(lambda: frames.are_shown)


def test_of_a_canvas_that_is_hidden_no_frame_is_expected(window, frames):
    window.hide()
    frames.expect()
    assert frames.are_shown


def test_without_a_canvas_nothing_is_waited_for(frames):
    for empty in (None, QMainWindow()):
        frames.watch(empty)
        frames.expect()
        assert frames.are_shown
