"""Row 16: export the cutouts of a review for training."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import fresh, surveys
from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan

#: Most private memory, in MB.
_MOST_MEMORY = 1000


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; this row needs no more."""
    yield plan


def exporting(plan: Plan) -> Iterable[Line]:
    """Row 16: export all cutouts, compared with reading and writing with numpy."""
    images = plan.pick(3, 47, 47)
    survey = surveys.different_ccds(plan, images)
    times = {kind: Timings(unit="s") for kind in ("with", "without", "numpy")}
    memory = Timings(unit="MB")
    for _ in range(plan.pick(1, 2, 5)):
        for kind, timings in times.items():
            with _folder(plan) as folder:
                files = (survey.predictions, survey.images, folder)
                if kind == "numpy":
                    answer = fresh.run("write-cutouts", *files)
                else:
                    answer = fresh.run("export-cutouts", *files, kind)
                    memory.values.append(answer["private"] / 1e6)
                timings.add(answer["seconds"])
    work = f"export {images * 210:,} cutouts for training"
    numpy = times["numpy"]
    yield from compare(16, f"{work}, digests apart", times["without"], numpy, 1.5)
    yield from compare(16, "the same, with its digests", times["with"], numpy, None)
    yield Line(
        16,
        "of it, private memory",
        memory,
        None,
        max(memory.values),
        _MOST_MEMORY,
        "MB",
    )


ROWS = {16: exporting}


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    """Yield a temporary folder on the disk of the cache."""
    folder = Path(tempfile.mkdtemp(dir=plan.cache, prefix=".export-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
