"""Row 10: thousands of steps; nothing grows."""

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
def stage(plan: Plan) -> Iterator[Plan]:
    """Need nothing but the plan."""
    yield plan


def endurance(plan: Plan) -> Iterable[Line]:
    """Row 10: walk on and on through the images."""
    steps, images = plan.pick((40, 2), (250, 12), (5_000, 47))
    review = Review(plan, surveys.demo(plan, images))
    # The next press comes as soon as the frame is there.
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
            before, began = _things(review), _memory()
    after, ended = _things(review), _memory()
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
        "of it, layers, connections, threads and files more than then",
        value=sum(grown.values()),
        limit=0,
        unit="",
        note=", ".join(f"{count} {name}" for name, count in grown.items()),
    )
    review.close()


ROWS = {10: endurance}


def _memory() -> int:
    for _ in range(3):
        gc.collect()
        QTest.qWait(20)
    return memory.now()


def _things(review: Review) -> dict[str, int]:
    """Count what must not grow in number."""
    review.settle()
    # The place is kept now and then, by a thread that opens files.
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
