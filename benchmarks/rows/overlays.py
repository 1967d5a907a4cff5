"""Row 5: pan and zoom with every overlay, compared with the image alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import sqrt
from typing import Any

from qtpy.QtCore import Qt

from benchmarks import surveys
from benchmarks.baseline import BareNapari
from benchmarks.measures import Line, Point, Timings, compare, points
from benchmarks.plan import Plan
from benchmarks.review import Review
from benchmarks.stopwatch import wait_until

#: The limits, as ratios to the image alone, by number of cutouts.
LIMITS = {210: 1.15, 1_000: None, 14_000: 1.3, 80_000: 1.3}

Move = Callable[[Any], None]


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; each size opens its own windows."""
    yield plan


def overlays(plan: Plan) -> Iterable[Line | Point]:
    """Row 5: pan and zoom with every overlay on."""
    for cutouts in plan.pick((210,), (210, 80_000), tuple(LIMITS)):
        size = surveys.CUTOUT if plan.full_size or cutouts <= 1_000 else 20
        yield from _measure(plan, cutouts, size)


ROWS = {5: overlays}


def _measure(plan: Plan, cutouts: int, size: int) -> Iterable[Line | Point]:
    review = Review(plan, surveys.one_image(plan, cutouts, size))
    review.controller.show_grid(True)
    bare = BareNapari(review.window.canvas_size)
    image = review.image_layer
    # The data has the same form, so that only the overlays differ.
    bare.show_image(image.data, image.contrast_limits, multiscale=image.multiscale)
    ours = {"pan": Timings(), "zoom": Timings()}
    base = {"pan": Timings(), "zoom": Timings()}
    rounds = plan.pick(1, 2, 10)
    zooms = _zooms(review)
    for zoom in zooms:
        for camera in (review.viewer.scene.camera, bare.camera):
            camera.center = _middle(review)
            camera.zoom = zoom
        for i in range(rounds + 1):
            for window, camera, times in (
                (review.window, review.viewer.scene.camera, ours),
                (bare.window, bare.camera, base),
            ):
                window.bring_up()
                for kind, move in _moves(window.canvas_size[1], zoom):
                    seconds = window.time(lambda m=move, c=camera: m(c))
                    if i:
                        times[kind].add(seconds)
    work = _time_work(review, zooms[0]) if plan.form == "long" and cutouts > 210 else {}
    bare.window.close()
    review.close()
    # Add one of each: a median over both kinds would be that of one kind.
    together = [
        Timings([pan + zoom for pan, zoom in zip(*both, strict=True)])
        for both in ([t.values for t in times.values()] for times in (ours, base))
    ]
    name = f"a pan and a zoom over {cutouts:,} cutouts"
    note = f"{size} px a cutout"
    yield from compare(5, name, *together, LIMITS[cutouts], note=note)
    for kind in ("pan", "zoom"):
        yield from compare(5, f"of it, {kind}", ours[kind], base[kind], None)
    yield from points("cutouts", cutouts, "pan and zoom", *together)
    for kind, times in work.items():
        yield from points("cutouts", cutouts, kind, times)


def _time_work(review: Review, zoom: float) -> dict[str, Timings]:
    """Time steps and verdicts as in rows 1 and 4, for the plot."""
    times = {"step": Timings(), "verdict": Timings()}
    review.controller.show_grid(False)
    review.viewer.scene.camera.zoom = zoom
    review.go_to(review.errors_of(review.cutout.image_name)[0].error_id)
    review.window.bring_up()
    for i in range(22):
        step = review.window.press(Qt.Key.Key_N, review.is_shown)
        # An image in tiles takes no verdict before its own pixels are read.
        wait_until(lambda: review.controller.is_drawn, 30)
        label = review.cutout.label_new
        verdict = review.window.press(
            Qt.Key.Key_K if label else Qt.Key.Key_J,
            lambda before=label: review.cutout.label_new != before,
        )
        # The first rounds fill caches.
        if i > 1:
            times["step"].add(step)
            times["verdict"].add(verdict)
    return times


def _zooms(review: Review) -> tuple[float, float, float]:
    """Return the zoom of a cutout, one between, and that of the whole image."""
    near = float(review.viewer.scene.camera.zoom)
    height, width = review.window.canvas_size
    rows, columns = review.controller.full.pixels.shape
    far = min(height / rows, width / columns) / 1.05
    return near, sqrt(near * far), far


def _middle(review: Review) -> tuple[float, float]:
    rows, columns = review.controller.full.pixels.shape
    return rows / 2, columns / 2


def _moves(width: int, zoom: float) -> list[tuple[str, Move]]:
    """Return moves of a user: to the side and back, in and out."""

    def pan(down: float, right: float) -> Move:
        def move(camera: Any) -> None:
            row, column = camera.center[-2:]
            camera.center = (row + down, column + right)

        return move

    def scale(factor: float) -> Move:
        def move(camera: Any) -> None:
            camera.zoom *= factor

        return move

    far = width / zoom / 20
    return [
        ("pan", pan(0, far)),
        ("pan", pan(far, 0)),
        ("zoom", scale(1.1)),
        ("zoom", scale(1.1)),
        ("pan", pan(0, -far)),
        ("pan", pan(-far, 0)),
        ("zoom", scale(1 / 1.1)),
        ("zoom", scale(1 / 1.1)),
    ]
