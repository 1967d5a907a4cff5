"""Row 10: memory and objects after thousands of steps."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psutil
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from benchmarks import memory, surveys
from benchmarks.measures import Line, Timings
from benchmarks.plan import Plan
from benchmarks.review import Review


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def endurance(plan: Plan) -> Iterable[Line]:
    """Row 10: step through the images many times."""
    steps, images = plan.pick((40, 2), (250, 12), (5_000, 47))
    review = Review(plan, surveys.demo(plan, images))
    # Press the next key as soon as the frame is drawn.
    review.window.watch.quiet = 0
    first = int(review.session.errors.error_id.iloc[0])
    times = Timings()
    before: dict[str, int] = {}
    began = 0
    for step in range(1, steps + 1):
        if review.session.review_queue.after(review.cutout.row) is None:
            review.go_to(first)
        times.add(review.window.press(Qt.Key.Key_N, review.is_shown))
        if step == steps // 10:
            before, began = _count_objects(review), _settled_memory()
    after, ended = _count_objects(review), _settled_memory()
    more = {name: after[name] - count for name, count in before.items()}
    grown = {name: count for name, count in more.items() if count > 0}
    work = f"{steps:,} steps over {images} images"
    yield Line(
        10,
        f"{work}: growth of memory after the first {steps // 10}",
        times,
        value=(ended / began - 1) * 100,
        limit=5,
        unit="%",
        note=f"from {began / 1e6:.0f} to {ended / 1e6:.0f} MB",
    )
    yield Line(
        10,
        "of it, added layers, connections, threads and files",
        value=sum(grown.values()),
        limit=0,
        unit="",
        note=", ".join(f"{count} {name}" for name, count in grown.items()),
    )
    review.close()


ROWS = {10: endurance}


def _settled_memory() -> int:
    for _ in range(3):
        gc.collect()
        QTest.qWait(20)
    return memory.current()


def _count_objects(review: Review) -> dict[str, int]:
    """Count the objects that must not become more."""
    review.settle()
    # A thread that opens files saves the position from time to time.
    QTest.qWait(600)
    gc.collect()
    process = psutil.Process()
    viewer, session = review.viewer, review.session
    found = {
        "layers": len(viewer.layers),
        "threads": threading.active_count(),
        "files": len(process.open_files()),
        "children": len(process.children()),
        "callbacks of the camera": _callbacks(viewer.scene.camera.events),
        "callbacks of the layers": _callbacks(viewer.layers.events),
        "callbacks of the dims": _callbacks(viewer.dims.events),
        "mouse callbacks": len(viewer.mouse_drag_callbacks),
    }
    for layer in viewer.layers:
        key = f"callbacks of the layer {layer.metadata}"
        found[key] = _callbacks(layer.events)
    for name in ("current_changed", "label_changed", "saved", "problem_changed"):
        found[f"slots of {name}"] = len(getattr(session, name))
    found["slots of view_changed"] = len(review.controller.view_changed)
    return found


def _callbacks(events: object) -> int:
    emitters = getattr(events, "emitters", {})
    return sum(len(emitter.callbacks) for emitter in emitters.values())
