"""Row 6: one image file of a whole focal plane."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from qtpy.QtCore import Qt

from benchmarks import memory, surveys
from benchmarks.baseline import BOXES, BareNapari, box_sides
from benchmarks.measures import Line, Point, Timings, compare
from benchmarks.plan import Plan
from benchmarks.review import Review


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Give this process an empty cache, as at the first opening of an image."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plan.cache, prefix=".caches-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        yield plan


def opening(plan: Plan) -> Iterable[Line | Point]:
    """Row 6: open the image, then step."""
    cutouts = plan.pick(1_000, 5_000, 80_000)
    size = surveys.CUTOUT
    rows, columns = surveys.grid_shape(cutouts)
    survey = surveys.focal_plane(plan, cutouts, size)
    review = Review(plan, survey)
    shape = f"{rows * size:,} x {columns * size:,} px"
    opened = Timings(unit="s")
    with memory.Peak() as peak:
        opened.add(
            review.window.time(
                lambda: review.session.select_image("plane"), review.is_shown
            )
        )
        review.settle()
    work = f"open an image of {cutouts:,} cutouts, {shape}"
    yield Line(6, work, opened, None, opened.median, 2, "s")
    yield Line(
        6,
        "of it, memory of the whole process",
        value=peak.bytes / 1e9,
        limit=2,
        unit="GB",
        note=f"of it {peak.mapped / 1e9:.2f} GB mapped files and libraries",
    )
    yield from _steps(plan, review)
    review.close()


def _steps(plan: Plan, review: Review) -> Iterable[Line]:
    bare = BareNapari(review.window.canvas_size)
    image = review.image_layer
    bare.show_image(image.data, image.contrast_limits, multiscale=image.multiscale)
    bare.copy_camera(review.viewer.scene.camera)
    errors = review.errors_of("plane")
    boxes = review.marked_of("plane")[:BOXES]
    size = boxes[0].size
    bare.show_boxes(
        box_sides([(c.grid_y, c.grid_x) for c in boxes], size),
        box_sides([(errors[0].grid_y, errors[0].grid_x)], size),
        2 / bare.camera.zoom,
    )
    ours, base = Timings(), Timings()
    steps = errors[1 : plan.pick(9, 41, 201)]
    for begin in range(0, len(steps), 4):
        turn = steps[begin : begin + 4]
        review.window.bring_up()
        for cutout in turn:
            seconds = review.window.press(Qt.Key.Key_N, review.is_shown)
            if review.cutout.row != cutout.row:
                raise RuntimeError(f"{review.cutout.key} is shown, not {cutout.key}")
            if begin:
                ours.add(seconds)
        bare.window.bring_up()
        for cutout in turn:
            at = (cutout.grid_y + size / 2, cutout.grid_x + size / 2)
            box = box_sides([(cutout.grid_y, cutout.grid_x)], size)
            seconds = bare.window.time(lambda a=at, b=box: bare.step(a, b))
            if begin:
                base.add(seconds)
    bare.window.close()
    yield from compare(6, "step to the next error there", ours, base, 1.5)


ROWS = {6: opening}
