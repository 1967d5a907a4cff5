"""Give verdicts in the real dock without end, until `test_kill_and_resume` kills it.

The script forks a process for each seed that it reads from its input, so that slow
imports are done once. Each process writes what the dock shows, one line at a time.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import napari
import napari._qt.qt_main_window
from napari.components import ViewerModel
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from napari_artifact_review.widgets import ReviewWidget

Key = Qt.Key
_SHIFT = Qt.KeyboardModifier.ShiftModifier
KEYS = {
    "artifact": (Key.Key_J,),
    "none": (Key.Key_K,),
    "next": (Key.Key_N,),
    "back": (Key.Key_Comma,),
    "undo": (Key.Key_U,),
    "redo": (Key.Key_U, _SHIFT),
    "save": (Key.Key_W,),
}
#: Weights of the keys.
WEIGHTS = (5, 4, 8, 2, 2, 1, 1)


def say(*words: object) -> None:
    # In one write, so that a kill leaves no partial line.
    os.write(1, f"{json.dumps(words)}\n".encode())


def until(condition: Callable[[], bool]) -> None:
    """Process events, as between two keys, until a condition holds."""
    QApplication.processEvents()
    while not condition():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)


class Reviewer:
    """Presses keys in napari's window and reads what the dock shows."""

    def __init__(self, dock: ReviewWidget, seed: int) -> None:
        self._dock = dock
        self._chance = random.Random(seed)
        dock.window().activateWindow()
        until(lambda: QApplication.activeWindow() is not None)

    def place(self) -> tuple[str, int, int]:
        """The cutout that the dock shows."""
        dock = self._dock
        return dock.image_name.value, dock.grid_x.value, dock.grid_y.value

    def verdicts(self) -> list[tuple[tuple[str, int, int], int, bool]]:
        """The label and the verdict of each error in the review."""
        catalog = self._dock.session.catalog
        cutouts = [catalog.cutout(row) for row in catalog.errors]
        return [(c.key, c.label_new, c.reviewed) for c in cutouts]

    def press(self, what: str) -> None:
        dock = self._dock
        until(lambda: dock.controller.view == "shown")
        known, before = len(dock.session.log), self.place()
        say("press", what, before)
        QTest.keyClick(dock.window(), *KEYS[what])
        if what in ("artifact", "none"):
            wanted = "artifact" if what == "artifact" else "no artifact"
            until(lambda: self._shows(wanted))
        elif what in ("undo", "redo"):
            nothing = "There is nothing to"
            until(
                lambda: (
                    len(dock.session.log) > known
                    or dock.message.value.startswith(nothing)
                )
            )
        elif what == "save":
            until(lambda: not dock.session.unsaved)
        say("done", self.place(), len(dock.session.log), time.monotonic())

    def _shows(self, verdict: str) -> bool:
        panel = self._dock.panel.verdict
        reviewed = panel.history.value.startswith(("Confirmed by", "Changed by"))
        return reviewed and panel.label_new.value == verdict

    def review(self) -> None:
        dock = self._dock
        say(
            "opened",
            self.place(),
            len(dock.session.log),
            time.monotonic(),
            str(dock.session.problem or ""),
            self.verdicts(),
        )
        if self._chance.random() < 0.5:
            self.press("undo")
        while True:
            self.press(self._chance.choices(list(KEYS), WEIGHTS)[0])


def main(table: Path, images: Path) -> None:
    # Imports that napari does with its first layers.
    model = ViewerModel()
    model.add_shapes()
    model.add_vectors()
    for seed in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                say("began", os.getpid())
                viewer = napari.Viewer(show=True)
                # A small canvas is drawn fast.
                viewer.window.resize(800, 600)
                dock = open_review(viewer, table, images)
                dock.auto_advance.value = False
                Reviewer(dock, int(seed)).review()
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
