"""Row 12: a held key, with a watchdog and a check of each frame."""

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
from benchmarks.baseline import BOXES, BareNapari, box_sides
from benchmarks.measures import Line, Timings
from benchmarks.plan import Plan
from benchmarks.review import Review
from benchmarks.surveys import Survey
from benchmarks.watchdog import LONGEST_BLOCK, Watchdog
from napari_artifact_review.viewer.layers import OWNER


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def hold_next(plan: Plan) -> Iterable[Line]:
    """Row 12: hold Next, ten steps a second."""
    seconds = plan.pick(2, 5, 60)
    yield from _hold(plan, surveys.ccds(plan), "generated images", seconds)
    sdss = surveys.sdss()
    if sdss is not None and plan.form != "tiny":
        yield from _hold(plan, sdss, "SDSS frames", seconds)


ROWS = {12: hold_next}


def _hold(plan: Plan, survey: Survey, what: str, seconds: float) -> Iterable[Line]:
    review = Review(plan, survey)
    window = review.window.native
    review.go_to(int(review.session.errors.error_id.iloc[0]))
    checker = _FrameChecker(review)
    watchdog = Watchdog(review.window, review.shown)
    steps = Counter[str]()
    review.session.current_changed.connect(lambda: steps.update(["step"]))
    ends = {int(review.session.review_queue.rows[at]) for at in (0, -1)}
    review.window.bring_up()
    keys = cycle([Qt.Key.Key_N, Qt.Key.Key_Comma])
    watchdog.start()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        # At an end of the queue, go in the other direction.
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
    blocks = Timings([block * 1e3 for block in watchdog.blocks])
    switches = Timings([block * 1e3 for block in watchdog.switch_blocks])
    longest = max(blocks.values, default=0.0)
    yield Line(
        12,
        f"hold Next, {what}: longest block in steps within an image",
        blocks if blocks.values else None,
        None,
        longest,
        LONGEST_BLOCK * 1e3,
        "ms",
        note=watchdog.summary(),
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
        "of it, until idle after the key is released",
        value=idle * 1e3,
        unit="ms",
        note=f"{done} steps in {seconds} s",
    )
    yield Line(
        12,
        f"of it, frames of {checker.frames} with a mismatch",
        value=sum(checker.mismatches.values()),
        limit=0,
        unit="",
        note="; ".join(
            f"{count} x {mismatch}" for mismatch, count in checker.mismatches.items()
        ),
    )
    yield Line(
        12,
        "of it, steps after the key was released",
        value=queued,
        limit=0,
        unit="",
    )
    review.close()


def _bare(review: Review, seconds: float) -> Timings:
    """Return the blocks of bare napari, from cutout to cutout of the image in view."""
    full, camera = review.controller.full, review.viewer.scene.camera
    cutouts = review.marked_of(review.cutout.image_name)[:BOXES]
    size = cutouts[0].size
    corners = [(cutout.grid_y, cutout.grid_x) for cutout in cutouts]
    bare = BareNapari(review.window.canvas_size)
    bare.show_image(full.pixels, review.image_layer.contrast_limits)
    bare.show_boxes(
        box_sides(corners, size), box_sides(corners[:1], size), 2 / camera.zoom
    )
    bare.copy_camera(camera)
    bare.window.bring_up()
    QTest.qWait(500)
    watchdog = Watchdog(bare.window, str)
    watchdog.start()
    end = time.perf_counter() + seconds
    for y, x in cycle(corners):
        if time.perf_counter() > end:
            break
        bare.step((y + size / 2 - 0.5, x + size / 2 - 0.5), box_sides([(y, x)], size))
        QTest.qWait(100)
    watchdog.stop()
    bare.window.close()
    return Timings([block * 1e3 for block in watchdog.blocks])


class _FrameChecker(QObject):
    """Check each frame for mismatches between pixels, boxes and dock.

    Attributes
    ----------
    frames : int
        The number of frames checked.
    mismatches : Counter of str
        The mismatches, and their counts.
    """

    def __init__(self, review: Review) -> None:
        super().__init__()
        self.frames = 0
        self.mismatches: Counter[str] = Counter()
        self._review = review
        self._painted = review.cutout.image_name
        review.window.canvas.events.draw.connect(self._check, position="last")
        review.dock.image_name.native.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Record the name of the image that the dock shows on the screen."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self._painted = str(self._review.dock.image_name.value)
        return False

    def _check(self, _: Any) -> None:
        self.frames += 1
        review = self._review
        image = review.image_layer
        if not image.visible:
            shown = [x.name for x in self._layers() if x.visible]
            if shown:
                self.mismatches["overlays without an image"] += 1
            return
        dock, cutout = review.dock, review.cutout
        # While the next image is read for a short time, the screen stays unchanged.
        if review.shows_previous_image:
            name = self._painted
        else:
            name = cutout.image_name
            if dock.image_name.value != cutout.image_name:
                self.mismatches["another image's name in the dock"] += 1
            if dock.error_id.value != cutout.error_id:
                self.mismatches["another error's number in the dock"] += 1
        if image.name != name:
            self.mismatches["pixels of another image than the dock's"] += 1
        for layer in self._layers():
            features = getattr(layer, "features", None)
            if layer is image or features is None or "image_name" not in features:
                continue
            if layer.visible and set(features["image_name"]) - {image.name}:
                self.mismatches["boxes of another image"] += 1
        full = review.controller.full
        if full is not None and full.path.stem.partition(".")[0] != image.name:
            self.mismatches["pixels of another file"] += 1

    def _layers(self) -> list[Any]:
        return [x for x in self._review.viewer.layers if OWNER in x.metadata]
