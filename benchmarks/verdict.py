"""How long a verdict takes, from the key press to the new frame.

The baseline is the same verdict in the same window with a store that keeps nothing; the
two take turns, so that both meet the same machine. Prints medians and their ratio:

    script/with-display .venv/bin/python benchmarks/verdict.py
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import napari
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review import open_review
from napari_artifact_review.demo import default_folder, make_demo
from napari_artifact_review.widgets import ReviewWidget


class Frames:
    """Counts the frames that a viewer draws."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.count = 0
        canvas = viewer.window._qt_viewer.canvas._scene_canvas
        canvas.events.draw.connect(self._drawn, position="last")

    def _drawn(self, _: object) -> None:
        self.count += 1

    def wait(self, before: int) -> None:
        """Process events until a frame has been drawn since there were `before`."""
        end = time.perf_counter() + 10
        while self.count == before:
            QApplication.processEvents()
            assert time.perf_counter() < end, "no frame was drawn"


def verdict(dock: ReviewWidget, frames: Frames) -> float:
    """Press the key of the other label; return the seconds until it is on screen."""
    label = dock.session.current_cutout.label_new
    before, start = frames.count, time.perf_counter()
    QTest.keyClick(dock.window(), Qt.Key.Key_K if label else Qt.Key.Key_J)
    frames.wait(before)
    seconds = time.perf_counter() - start
    assert dock.session.current_cutout.label_new != label, "the verdict is shown"
    # What follows the frame belongs to neither.
    QTest.qWait(5)
    return seconds


def measure(dock: ReviewWidget, frames: Frames, rounds: int) -> dict[str, list[float]]:
    """Time verdicts with the store and without it, in turns."""
    store = dock.session._store
    append = store.append
    times: dict[str, list[float]] = {"with the store": [], "without": []}
    for i in range(2 * rounds + 10):
        name = ("with the store", "without")[i % 2]
        # What is left out in one turn is made up for in the next, as after a fault.
        store.append = append if name == "with the store" else store._log.extend
        seconds = verdict(dock, frames)
        # The first ones fill caches.
        if i >= 10:
            times[name].append(seconds)
    del store.append
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    survey = make_demo(default_folder(1, 0), 1, 0)
    with tempfile.TemporaryDirectory() as folder:
        viewer = napari.Viewer()
        viewer.window.resize(1400, 900)
        output = Path(folder, "out.csv")
        dock = open_review(viewer, survey.predictions, survey.images, output)
        dock.window().activateWindow()
        QTest.qWait(1000)
        times = measure(dock, Frames(viewer), rounds)
        viewer.close()
        QTest.qWait(500)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, median in medians.items():
        worst = statistics.quantiles(times[name], n=20)[-1]
        print(f"{name:15}  median {median * 1e3:6.1f} ms   95 % {worst * 1e3:6.1f} ms")
    ratio = medians["with the store"] / medians["without"]
    print(f"ratio            {ratio:.2f}   (at most 1.3)")


if __name__ == "__main__":
    main()
