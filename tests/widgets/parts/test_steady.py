"""Changes in the dock that cause no layout of the window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QLabel, QMainWindow, QVBoxLayout, QWidget

from napari_artifact_review.widgets.parts.steady import SteadyBox


class Events(QObject):
    """Records the events of a kind that widgets get."""

    def __init__(self, kind: QEvent.Type) -> None:
        super().__init__()
        self._kind = kind
        self.came_to: list[str] = []
        QApplication.instance().installEventFilter(self)

    def eventFilter(self, widget, event):  # noqa: N802
        if event.type() == self._kind:
            self.came_to.append(type(widget).__name__)
        return False

    def stop(self) -> None:
        """Stop recording."""
        QApplication.instance().removeEventFilter(self)


@pytest.fixture
def note():
    """Record events of a kind from now on."""
    noted: list[Events] = []

    def begin(kind: QEvent.Type) -> list[str]:
        noted.append(Events(kind))
        return noted[-1].came_to

    yield begin
    for events in noted:
        events.stop()


@pytest.fixture
def window(qtbot):
    """Show a window with a label in a box."""
    box, window = SteadyBox(), QMainWindow()
    QVBoxLayout(box.content).addWidget(QLabel("a text"))
    around = QWidget()
    QVBoxLayout(around).addWidget(box)
    window.setCentralWidget(around)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    return window


def test_a_window_hears_of_what_takes_another_size_alone(window, note, qtbot):
    box, label = window.findChild(SteadyBox), window.findChild(QLabel)
    # The first request is passed on in any case.
    label.updateGeometry()
    qtbot.wait(50)
    laid_out = note(QEvent.Type.LayoutRequest)
    label.setStyleSheet("color: red")
    qtbot.wait(50)
    assert "SteadyBox" in laid_out
    assert "QMainWindow" not in laid_out
    label.setText("a much longer text " * 20)
    qtbot.waitUntil(lambda: "QMainWindow" in laid_out)
    qtbot.waitUntil(lambda: window.width() >= label.sizeHint().width())
    assert box.content.size() == box.size()


def test_a_verdict_has_the_window_laid_out_no_more(dock, press, note, qtbot):
    laid_out = note(QEvent.Type.LayoutRequest)
    for keys in ("K", "NJ"):
        # The first request reaches the window in any case.
        laid_out.clear()
        press(dock, *keys)
        # The colour differs.
        qtbot.waitUntil(lambda: "ReviewWidget" in laid_out)
        qtbot.wait(200)
    assert "_QtMainWindow" not in laid_out


def test_a_zoom_has_the_list_of_layers_painted_no_more(dock, note, qtbot):
    camera = dock.viewer.scene.camera
    qtbot.wait(500)
    painted = note(QEvent.Type.Paint)
    camera.zoom *= 1.1
    qtbot.waitUntil(lambda: "CanvasBackendDesktop" in painted)
    qtbot.wait(100)
    assert "QtLayerList" not in painted
