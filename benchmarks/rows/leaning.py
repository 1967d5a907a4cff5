"""Row 12: a reviewer who leans on the key; a watchdog looks on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtTest import QTest

from benchmarks import surveys
from benchmarks.baseline import BOXES, Bare, box_sides
from benchmarks.measures import Line, Timings
from benchmarks.plan import Plan
from benchmarks.review import Review
from benchmarks.surveys import Survey
from benchmarks.watchdog import LONGEST_BLOCK, Watchdog
from napari_artifact_review.viewer.layers import OWNER


@contextmanager
def stage(plan: Plan) -> Iterator[Plan]:
    """Need nothing but the plan."""
    yield plan


def leaning(plan: Plan) -> Iterable[Line]:
    """Row 12: lean on Next, ten steps a second."""
    seconds = plan.pick(2, 5, 60)
    yield from _lean(plan, surveys.walk(plan), "generated images", seconds)
    sdss = surveys.sdss()
    if sdss is not None and plan.form != "tiny":
        yield from _lean(plan, sdss, "SDSS frames", seconds)


ROWS = {12: leaning}


def _lean(plan: Plan, survey: Survey, what: str, seconds: float) -> Iterable[Line]:
    review = Review(plan, survey)
    window = review.window.native
    review.go_to(int(review.session.errors.error_id.iloc[0]))
    liar = _Liar(review)
    watchdog = Watchdog(review.window, review.shown)
    steps = Counter[str]()
    review.session.current_changed.connect(lambda: steps.update(["step"]))
    ends = {int(review.session.review_queue.rows[at]) for at in (0, -1)}
    review.window.bring_up()
    keys = cycle([Qt.Key.Key_N, Qt.Key.Key_Comma])
    watchdog.start()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        # At an end of the walk the reviewer turns round.
        key, at = next(keys), review.cutout.row
        QTest.keyPress(window, key)
        while time.perf_counter() < end and review.cutout.row not in ends - {at}:
            QTest.qWait(10)
        QTest.keyRelease(window, key)
    done = steps["step"]
    released = time.perf_counter()
    while not review.is_shown():
        QTest.qWait(1)
    idle = time.perf_counter() - released
    review.settle()
    watchdog.stop()
    queued = steps["step"] - done
    blocks = Timings([block * 1e3 for block in watchdog.within])
    switches = Timings([block * 1e3 for block in watchdog.into])
    longest = max(blocks.values, default=0.0)
    yield Line(
        12,
        f"lean on Next, {what}: longest block in steps within an image",
        blocks if blocks.values else None,
        None,
        longest,
        LONGEST_BLOCK * 1e3,
        "ms",
        note=watchdog.said(),
    )
    bare = _bare(review, seconds)
    yield Line(
        12,
        "of it, beside bare napari, which steps as often: longest beside longest",
        blocks if blocks.values else None,
        bare,
        longest / max(bare.values),
    )
    yield Line(
        12,
        "of it, blocks while an image is replaced",
        switches if switches.values else None,
        None,
        max(switches.values, default=0.0),
        None,
        "ms",
    )
    yield Line(
        12,
        "of it, until idle after the key is let go",
        value=idle * 1e3,
        unit="ms",
        note=f"{done} steps in {seconds} s",
    )
    yield Line(
        12,
        f"of it, frames of {liar.frames} that show something untrue",
        value=sum(liar.lies.values()),
        limit=0,
        unit="",
        note="; ".join(f"{count} x {lie}" for lie, count in liar.lies.items()),
    )
    yield Line(
        12,
        "of it, steps after the key was let go",
        value=queued,
        limit=0,
        unit="",
    )
    review.close()


def _bare(review: Review, seconds: float) -> Timings:
    """Return the blocks of bare napari, from error to error of the image in view."""
    full, camera = review.controller.full, review.viewer.scene.camera
    cutouts = review.marked_of(review.cutout.image_name)[:BOXES]
    size = cutouts[0].size
    places = [(cutout.grid_y, cutout.grid_x) for cutout in cutouts]
    bare = Bare(review.window.canvas_size)
    bare.show_image(full.pixels, review.image_layer.contrast_limits)
    bare.show_boxes(
        box_sides(places, size), box_sides(places[:1], size), 2 / camera.zoom
    )
    bare.look_like(camera)
    bare.window.bring_up()
    QTest.qWait(500)
    watchdog = Watchdog(bare.window, str)
    watchdog.start()
    end = time.perf_counter() + seconds
    for y, x in cycle(places):
        if time.perf_counter() > end:
            break
        bare.step((y + size / 2 - 0.5, x + size / 2 - 0.5), box_sides([(y, x)], size))
        QTest.qWait(100)
    watchdog.stop()
    bare.window.close()
    return Timings([block * 1e3 for block in watchdog.within])


class _Liar(QObject):
    """Looks at each frame for what does not belong together.

    Attributes
    ----------
    frames : int
        How many frames it has seen.
    lies : Counter of str
        What was wrong in them, and how often.
    """

    def __init__(self, review: Review) -> None:
        super().__init__()
        self.frames = 0
        self.lies: Counter[str] = Counter()
        self._review = review
        self._painted = review.cutout.image_name
        review.window.canvas.events.draw.connect(self._look, position="last")
        review.dock.image_name.native.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Note which image's name is on the screen."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self._painted = str(self._review.dock.image_name.value)
        return False

    def _look(self, _: Any) -> None:
        self.frames += 1
        review = self._review
        image = review.image_layer
        if not image.visible:
            shown = [x.name for x in self._layers() if x.visible]
            if shown:
                self.lies["overlays without an image"] += 1
            return
        dock, cutout = review.dock, review.cutout
        # While the next image is read for a moment, the window stays as it was.
        if review.is_kept:
            name = self._painted
        else:
            name = cutout.image_name
            if dock.image_name.value != cutout.image_name:
                self.lies["another image's name in the dock"] += 1
            if dock.error_id.value != cutout.error_id:
                self.lies["another error's number in the dock"] += 1
        if image.name != name:
            self.lies["pixels of another image than the dock's"] += 1
        for layer in self._layers():
            features = getattr(layer, "features", None)
            if layer is image or features is None or "image_name" not in features:
                continue
            if layer.visible and set(features["image_name"]) - {image.name}:
                self.lies["boxes of another image"] += 1
        full = review.controller.full
        if full is not None and full.path.stem.partition(".")[0] != image.name:
            self.lies["pixels of another file"] += 1

    def _layers(self) -> list[Any]:
        return [x for x in self._review.viewer.layers if OWNER in x.metadata]
