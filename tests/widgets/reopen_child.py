"""Open one review again and again in napari's window, in a process of its own.

A crash of the window ends the process, so `test_reopen` starts it and reads its
output. Each image takes two seconds to read.
"""

from __future__ import annotations

import faulthandler
import gc
import sys
import time
from collections.abc import Callable
from itertools import cycle, islice, permutations
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QListView,
    QMainWindow,
    QPushButton,
    QWidget,
)

from napari_artifact_review import open_review
from napari_artifact_review.core.images import image_cache
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.widgets import ReviewWidget

READING_TIME = 2
CONTROL = Qt.KeyboardModifier.ControlModifier


def read_slowly(*args: Any, **options: Any) -> Any:
    time.sleep(READING_TIME)
    return read_image(*args, **options)


def until(condition: Callable[[], bool]) -> None:
    """Process events until a condition holds."""
    QApplication.processEvents()
    while not condition():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)


class Reviewer:
    """Uses mouse and keys in napari's window."""

    def __init__(self, dock: ReviewWidget) -> None:
        self._dock = dock
        self._window: QMainWindow = dock.window()
        self._window.activateWindow()
        until(lambda: QApplication.activeWindow() is not None)

    def wait_for_the_image(self) -> None:
        until(lambda: self._dock.controller.view == "shown")

    def reopen(self) -> None:
        """Reopen the review, and return while its first image is being read."""
        before = self._dock.session
        self._click(self._find(QPushButton, lambda b: "another table" in b.toolTip()))
        self._click(self._dock.open.native)
        until(lambda: self._dock.session is not before)
        assert self._dock.controller.view == "loading"

    def tick_y_up(self) -> None:
        self._tick("y up")

    def tick_grid(self) -> None:
        self._tick("Grid")

    def toggle_full_image(self) -> None:
        QTest.keyClick(self._window, Qt.Key.Key_G)

    def delete_all_layers(self) -> None:
        """Select all in napari's list of layers, and press the button below it."""
        layers = self._find(QListView, lambda v: type(v).__name__ == "QtLayerList")
        QTest.keyClick(layers, Qt.Key.Key_A, CONTROL)
        self._click(
            self._find(QPushButton, lambda b: b.property("mode") == "delete_button")
        )

    def _tick(self, text: str) -> None:
        self._click(self._find(QCheckBox, lambda box: box.text() == text))

    def _find(self, kind: type[QWidget], fits: Callable[[Any], bool]) -> Any:
        return next(w for w in self._window.findChildren(kind) if fits(w))

    def _click(self, widget: QWidget) -> None:
        assert widget.isVisible()
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        # A few frames, as between two clicks.
        QTest.qWait(30)


def look_at_an_image(viewer: napari.Viewer) -> None:
    """Pan over an image that the user adds after the review."""
    viewer.add_image(np.zeros((400, 500), np.float32))
    for row in range(20):
        viewer.scene.camera.center = (row, 0)
        QTest.qWait(30)


def main(table: str, times: int) -> None:
    image_cache.read_image = read_slowly
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1000, 700)
    dock = open_review(viewer, table)
    user = Reviewer(dock)
    user.wait_for_the_image()
    # napari collects garbage at each removal of a layer; its modules are exempt.
    gc.freeze()
    user.tick_y_up()
    acts = (user.delete_all_layers, user.tick_grid, user.toggle_full_image)
    orders = list(permutations(acts))
    # While an image is shown, of ten times in each order; then while it is read.
    shown = times * 3 // 5
    for number, order in enumerate(islice(cycle(orders), times)):
        user.reopen()
        if number < shown:
            user.wait_for_the_image()
        for act in order:
            act()
        user.wait_for_the_image()
        print("reopened", viewer.scene.camera.orientation2d[0], flush=True)
    viewer.window.remove_dock_widget(dock)
    look_at_an_image(viewer)
    print("closed", flush=True)
    viewer.close()


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], int(sys.argv[2]))
