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
    images = plan.pick(3, 12, 47)
    survey = surveys.different_ccds(plan, images)
    ours, base, digests = (Timings(unit="s") for _ in range(3))
    memory = Timings(unit="MB")
    for _ in range(plan.pick(1, 3, 5)):
        with _folder(plan) as folder:
            files = (survey.predictions, survey.images, folder)
            answer = fresh.run("export-cutouts", *files)
        with _folder(plan) as folder:
            files = (survey.predictions, survey.images, folder)
            other = fresh.run("write-cutouts", *files)
        ours.add(answer["seconds"])
        base.add(other["seconds"])
        digests.add(answer["digests"])
        memory.values.append(answer["private"] / 1e6)
    work = f"export {images * 210:,} cutouts for training"
    yield from compare(16, work, ours, base, 1.5)
    yield Line(16, "of it, digests, if computed alone", digests)
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
