"""Rows 7 to 9: open, review and save a table of two million rows."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qtpy.QtCore import Qt

from benchmarks import fresh, surveys
from benchmarks.measures import Line, Point, Timings, compare, points
from benchmarks.plan import Plan
from benchmarks.review import Review
from napari_artifact_review.core.review.session import ReviewSession

#: Rows of the table of the limits, and of one with four images.
LARGE, SMALL = 2_100_000, 840


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def opening(plan: Plan) -> Iterable[Line | Point]:
    """Row 7: open the table, compared with reading it with pandas."""
    sizes = (SMALL, 21_000, 210_000, LARGE)
    for rows in plan.pick((SMALL,), (210_000,), sizes):
        survey = surveys.many_rows(plan, rows)
        ours, base = Timings(unit="s"), Timings(unit="s")
        used: dict[str, list[float]] = {"growth": [], "peak": []}
        used_base: dict[str, list[float]] = {"growth": [], "peak": []}
        with _folder(plan) as folder:
            for i in range(plan.pick(1, 2, 3)):
                answer = fresh.run(
                    "open-table", survey.predictions, survey.images, folder / f"{i}.csv"
                )
                other = fresh.run("read-table", survey.predictions)
                ours.add(answer["seconds"])
                base.add(other["seconds"])
                for kind in used:
                    used[kind].append(answer[kind])
                    used_base[kind].append(other[kind])
        yield from points("rows", rows, "open", ours, base)
        if rows == plan.pick(SMALL, 210_000, LARGE):
            yield from compare(7, f"open a table of {rows:,} rows", ours, base, 2.5)
            for kind, work in (("growth", "memory that it keeps"), ("peak", "at most")):
                mine, theirs = (
                    Timings([value / 1e6 for value in values], "MB")
                    for values in (used[kind], used_base[kind])
                )
                yield from compare(7, f"of it, {work}", mine, theirs, 3)


def reviewing(plan: Plan) -> Iterable[Line | Point]:
    """Row 8: steps, jumps and verdicts, compared with those in 840 rows."""
    rows = plan.pick(21_000, 210_000, LARGE)
    yield from _compare_sizes(plan, rows, last=True)
    if plan.form == "long":
        for rows in (21_000, 210_000):
            yield from _compare_sizes(plan, rows, last=False)


def saving(plan: Plan) -> Iterable[Line | Point]:
    """Row 9: save the table, compared with `to_csv`."""
    sizes = (SMALL, 21_000, 210_000, LARGE)
    for rows in plan.pick((SMALL,), (210_000,), sizes):
        survey = surveys.many_rows(plan, rows)
        ours, base = Timings(unit="s"), Timings(unit="s")
        frame = fresh.read_strings(survey.predictions)
        with (
            _folder(plan) as folder,
            ReviewSession.open(
                survey.predictions, survey.images, folder / "out.csv"
            ) as session,
        ):
            for _ in range(100):
                label = session.current_cutout.label_new
                session.set_label("no artifact" if label else "artifact")
                session.next()
            for _ in range(plan.pick(1, 3, 3)):
                label = session.current_cutout.label_new
                session.set_label("no artifact" if label else "artifact")
                begin = time.perf_counter()
                session.save()
                ours.add(time.perf_counter() - begin)
                begin = time.perf_counter()
                frame.to_csv(folder / "baseline.csv", index=False)
                base.add(time.perf_counter() - begin)
        yield from points("rows", rows, "save", ours, base)
        if rows == plan.pick(SMALL, 210_000, LARGE):
            yield from compare(9, f"save a table of {rows:,} rows", ours, base, 2)


ROWS = {7: opening, 8: reviewing, 9: saving}


def _compare_sizes(plan: Plan, rows: int, last: bool) -> Iterable[Line | Point]:
    reviews = [
        Review(plan, surveys.many_rows(plan, rows)),
        Review(plan, surveys.many_rows(plan, SMALL)),
    ]
    times = {
        work: (Timings(), Timings()) for work in ("step", "jump to an error", "verdict")
    }
    chance = random.Random(0)
    for i in range(plan.pick(1, 4, 30) + 1):
        # Both reviews take the same steps.
        seed = chance.random()
        for which, review in enumerate(reviews):
            review.window.bring_up()
            for work, seconds in _round(review, random.Random(seed)):
                if i:
                    times[work][which].add(seconds)
    where = f"in a table of {rows:,} rows"
    for work, (ours, base) in times.items():
        if last:
            yield from compare(8, f"{work} {where}", ours, base, 1.1)
        if work == "step":
            yield from points("rows", rows, "step", ours)
            if last:
                yield from points("rows", SMALL, "step", base)
    if last:
        looked_up = [Timings(), Timings()]
        for which, review in enumerate(reviews):
            for _ in range(500):
                error_id = chance.randrange(len(review.session.review_queue)) + 1
                begin = time.perf_counter()
                row = review.session.cutout_index.row_of_error(error_id)
                review.session.catalog.cutout(row)
                review.session.review_queue.after(row)
                looked_up[which].add(time.perf_counter() - begin)
        yield from compare(
            8, "look up any error of the table, without a frame", *looked_up, None
        )
    for review in reviews:
        review.close()


def _round(review: Review, chance: random.Random) -> Iterator[tuple[str, float]]:
    """Step, jump and decide in one of the first images, on the screen."""
    names = review.session.image_names[:4]
    name = next(n for n in names if len(review.errors_of(n)) > 5)
    review.stay_in(name)
    errors = review.errors_of(name)
    if review.cutout.image_name != name or review.cutout.row != errors[0].row:
        review.go_to(errors[0].error_id)
    for _ in range(3):
        yield "step", review.window.press(Qt.Key.Key_N, review.is_shown)
    for _ in range(3):
        others = [e.error_id for e in errors if e.row != review.cutout.row]
        error_id = chance.choice(others)
        yield (
            "jump to an error",
            review.window.time(
                lambda e=error_id: setattr(review.dock.error_id, "value", e)
            ),
        )
        if review.cutout.error_id != error_id:
            raise RuntimeError(f"{review.cutout.error_id} is shown, not {error_id}")
    for _ in range(3):
        label = review.cutout.label_new
        yield (
            "verdict",
            review.window.press(
                Qt.Key.Key_K if label else Qt.Key.Key_J,
                lambda before=label: review.cutout.label_new != before,
            ),
        )


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    """Yield a temporary folder on the disk of the cache."""
    folder = Path(tempfile.mkdtemp(dir=plan.cache, prefix=".table-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
