"""Play a short review of the demo with key presses; save table and picture.

Usage: python play_review.py FOLDER
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review
from napari_artifact_review.demo import make_demo

KEYS = "KJKHJNUK"


def main(folder: Path) -> None:
    survey = make_demo(
        folder / "survey",
        progress=lambda done, total, what: print(
            f"[{done}/{total}] {what}", flush=True
        ),
    )
    output = folder / "test_outputs.csv"
    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window.resize(1600, 960)
    dock = open_review(viewer, survey.predictions, survey.images, output)
    for key in KEYS:
        wait_for(lambda: dock.controller.view == "shown")
        QTest.keyClick(dock.window(), getattr(Qt.Key, f"Key_{key}"))
    wait_for(lambda: dock.controller.view == "shown")
    QTest.keyClick(dock.window(), Qt.Key.Key_W)
    wait_for(lambda: not dock.session.unsaved)
    QTest.qWait(500)
    picture = folder / "review.png"
    dock.window().grab().save(str(picture))
    reviewed, errors = dock.session.progress
    print(f"Reviewed {reviewed} of {errors} errors with the keys {' '.join(KEYS)}")
    print(f"Saved table: {output.resolve()}")
    print(f"Screenshot:  {picture.resolve()}")
    viewer.close()


def wait_for(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("The review made no progress within a minute.")
        QTest.qWait(20)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
