"""Rows 1 to 4: steps, switches and verdicts in a survey of CCD images."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
from astropy.io import fits
from qtpy.QtCore import Qt

from benchmarks import surveys
from benchmarks.baseline import BOXES, Array, BareNapari, box_sides
from benchmarks.measures import Line, Point, Timings, compare, points
from benchmarks.plan import Plan
from benchmarks.review import Review
from napari_artifact_review.core.cutout import Cutout

#: Number of actions before the other program takes its turn.
ROUND = 4


class WindowPair:
    """A review and bare napari with the same images."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.survey = surveys.ccds(plan)
        self.review = Review(plan, self.survey)
        self.bare = BareNapari(self.review.window.canvas_size)
        self.pixels: dict[str, Array] = {}
        image = self.review.image_layer
        name = self.review.cutout.image_name
        self.bare.show_image(self.pixels_of(name), image.contrast_limits)
        width = 2 / self.review.viewer.scene.camera.zoom
        self.bare.show_boxes(self.boxes_of(name), self.box(self.review.cutout), width)
        self.bare.copy_camera(self.review.viewer.scene.camera)

    def pixels_of(self, name: str) -> Array:
        """Return the pixels of an image, from memory if it was read lately."""
        if name not in self.pixels:
            # All images would fill the memory.
            while len(self.pixels) > 12:
                self.pixels.pop(next(iter(self.pixels)))
            self.pixels[name] = read(self.survey.file(name))
        return self.pixels[name]

    def boxes_of(self, name: str) -> Array:
        """Return the sides of an image's boxes."""
        cutouts = self.review.marked_of(name)[:BOXES]
        return box_sides([(c.grid_y, c.grid_x) for c in cutouts], cutouts[0].size)

    def box(self, cutout: Cutout) -> Array:
        """Return the sides of a box around a cutout."""
        return box_sides([(cutout.grid_y, cutout.grid_x)], cutout.size)

    def center(self, cutout: Cutout) -> tuple[float, float]:
        """Return the middle of a cutout."""
        half = cutout.size / 2 - 0.5
        return cutout.grid_y + half, cutout.grid_x + half

    def close(self) -> None:
        """Close both windows."""
        self.bare.window.close()
        self.review.close()


@contextmanager
def prepare(plan: Plan) -> Iterator[WindowPair]:
    """Yield both windows, and close them at the end."""
    opened = WindowPair(plan)
    try:
        yield opened
    finally:
        opened.close()


def read(path: Path) -> Array:
    """Read the pixels of an image with astropy, in native byte order."""
    with fits.open(path, memmap=False) as hdus:
        pixels = hdus[0].data
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def step(pair: WindowPair) -> Iterable[Line | Point]:
    """Row 1: step from error to error within an image."""
    review, bare = pair.review, pair.bare
    ours, base, camera = Timings(), Timings(), Timings()
    wanted = pair.plan.pick(8, 40, 300)
    for name in review.session.image_names:
        review.stay_in(name)
        errors = review.errors_of(name)
        if len(ours.values) >= wanted:
            break
        if len(errors) < ROUND:
            continue
        review.go_to(errors[0].error_id)
        review.window.bring_up()
        bare.window.bring_up()
        bare.window.time(
            lambda n=name, e=errors: bare.switch(
                pair.pixels_of(n),
                pair.boxes_of(n),
                pair.center(e[0]),
                pair.box(e[0]),
            )
        )
        # The first steps after a switch fill caches.
        warm = len(errors) // ROUND > 1 and not ours.values
        for begin in range(1, len(errors), ROUND):
            turn = errors[begin : begin + ROUND]
            review.window.bring_up()
            for _ in turn:
                following = review.next_row()
                seconds = review.window.press(Qt.Key.Key_N, review.is_shown)
                _check(review, following)
                if not warm:
                    ours.add(seconds)
            bare.window.bring_up()
            for cutout in turn:
                at, box = pair.center(cutout), pair.box(cutout)
                seconds = bare.window.time(lambda a=at, b=box: bare.step(a, b))
                if not warm:
                    base.add(seconds)
            for cutout in turn:
                at = pair.center(cutout)
                seconds = bare.window.time(
                    lambda a=at: setattr(bare.camera, "center", (a[0] + 9, a[1]))
                )
                if not warm:
                    camera.add(seconds)
            warm = False
    yield from compare(1, "step to the next error", ours, base, 1.25, 1.6)
    yield Line(
        1,
        "the same, beside the bare camera move alone",
        ours,
        camera,
        ours.median / camera.median,
    )
    yield from points("cutouts", 210, "step", ours, base)


def switch(pair: WindowPair) -> Iterable[Line | Point]:
    """Row 2: step from an image's last error into the next image, read ahead."""
    review = pair.review
    ours, base = Timings(), Timings()
    names = [n for n in review.session.image_names if review.errors_of(n)]
    count = pair.plan.pick(2, 14, 80)
    waited = 0
    for i, (before, name) in enumerate(pairwise(names)):
        if i == count + 2:
            break
        first = review.errors_of(name)[0]
        last = review.errors_of(before)[-1]
        # The review shows the image before, and meanwhile reads the next one ahead.
        review.go_to(last.error_id)
        review.window.bring_up()
        ready = review.has_read(name)
        seconds = review.window.press(Qt.Key.Key_N, review.is_shown)
        _check(review, first.row)
        waited += not ready
        other = _bare_switch(pair, name, first)
        if i > 1:
            ours.add(seconds)
            base.add(other)
    note = f"the review waited for {waited} of {i} images" if waited else ""
    yield from compare(
        2, "step into the next image, read ahead", ours, base, 1.5, note=note
    )
    yield from points("megapixels", 8.4, "switch", ours, base)


def jump(pair: WindowPair) -> Iterable[Line]:
    """Row 3: jump to an image that was not read ahead."""
    review = pair.review
    ours, base, reading = Timings(), Timings(), Timings()
    names = list(review.session.image_names)
    # Take every fourth name from the end of the list, so that none is read ahead.
    far = names[::-4][: pair.plan.pick(2, 10, 40) + 1]
    waited = 0
    for i, name in enumerate(far):
        review.window.bring_up()
        review.settle()
        ready = review.has_read(name)
        seconds = review.window.time(
            lambda n=name: setattr(review.dock.image_name, "value", n), review.is_shown
        )
        if review.cutout.image_name != name:
            raise RuntimeError(f"{review.cutout.image_name} is shown, not {name}")
        waited += not ready
        # Reading ahead must not disturb the baseline.
        review.settle()
        cutout, boxes = review.cutout, pair.boxes_of(name)
        at, box = pair.center(cutout), pair.box(cutout)
        file = pair.survey.file(name)
        took: list[float] = []

        def show(file=file, boxes=boxes, at=at, box=box, took=took) -> None:
            from time import perf_counter

            begin = perf_counter()
            pixels = read(file)
            took.append(perf_counter() - begin)
            pair.bare.switch(pixels, boxes, at, box)

        pair.bare.window.bring_up()
        other = pair.bare.window.time(show)
        if i:
            ours.add(seconds)
            base.add(other)
            reading.add(took[0])
    note = f"reading takes {reading.median:.0f} ms of the baseline"
    if waited < len(far):
        note += f"; {len(far) - waited} of {len(far)} were in memory already"
    yield from compare(
        3, "step into an image, not read ahead", ours, base, 1.15, note=note
    )


def verdict(pair: WindowPair) -> Iterable[Line | Point]:
    """Row 4: a verdict, durable, drawn and counted."""
    review, bare = pair.review, pair.bare
    ours, base = Timings(), Timings()
    review.settle()
    rng = np.random.default_rng(0)
    palette = cycle([rng.random((4 * BOXES, 4)) for _ in range(2)])
    commit = _Commits(review.folder / "baseline.sqlite")
    rounds = pair.plan.pick(2, 8, 60)

    def recolor() -> None:
        commit()
        bare.recolor(next(palette)[: len(bare.boxes.data)])

    for i in range(rounds + 1):
        review.window.bring_up()
        for _ in range(ROUND):
            label = review.cutout.label_new
            key = Qt.Key.Key_K if label else Qt.Key.Key_J
            seconds = review.window.press(
                key, lambda before=label: review.cutout.label_new != before
            )
            if i:
                ours.add(seconds)
        bare.window.bring_up()
        for _ in range(ROUND):
            seconds = bare.window.time(recolor)
            if i:
                base.add(seconds)
    commit.close()
    yield from compare(4, "a verdict", ours, base, 1.3)
    yield from points("cutouts", 210, "verdict", ours, base)


ROWS = {1: step, 2: switch, 3: jump, 4: verdict}


class _Commits:
    """Commits rows one by one to a database as safe as the review's log."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.execute("PRAGMA synchronous = EXTRA")
        self._db.execute(
            "CREATE TABLE decisions (number INTEGER PRIMARY KEY, what TEXT)"
        )
        self._db.commit()

    def __call__(self) -> None:
        with self._db:
            self._db.execute("INSERT INTO decisions (what) VALUES ('no artifact')")

    def close(self) -> None:
        self._db.close()


def _check(review: Review, row: int | None) -> None:
    if review.cutout.row != row:
        raise RuntimeError(f"row {review.cutout.row} is shown, not {row}")


def _bare_switch(pair: WindowPair, name: str, cutout: Cutout) -> float:
    # Copy the array; the same array again would cause no work.
    pixels, boxes = pair.pixels_of(name).copy(), pair.boxes_of(name)
    at, box = pair.center(cutout), pair.box(cutout)
    pair.bare.window.bring_up()
    return pair.bare.window.time(lambda: pair.bare.switch(pixels, boxes, at, box))
