"""Row 15: score full images, compared with a loop of numpy, and with two workers."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy.io import fits

from benchmarks import surveys
from benchmarks.measures import Line, Timings, compare
from benchmarks.models import COST, free
from benchmarks.plan import Plan
from napari_artifact_review import score

_SIZE = surveys.CUTOUT


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; this row needs no more."""
    yield plan


def scoring(plan: Plan) -> Iterable[Line]:
    """Row 15: reading, cutting and a free model; then two workers."""
    survey = surveys.demo(plan, plan.pick(3, 6, 12))
    with _folder(plan) as folder:
        yield from _free(plan, survey, folder)
        yield from _workers(plan, survey, folder)


def _free(plan: Plan, survey: surveys.Survey, folder: Path) -> Iterator[Line]:
    """Compare an image with a free model with a loop of numpy."""
    files = sorted(survey.images.glob("*.fits"))
    ours, baseline = Timings(), Timings()
    for i in range(plan.pick(1, 5, 10) + 1):
        begin = time.perf_counter()
        score("benchmarks.models:free", files, folder / f"{i}.csv", jobs=1)
        middle = time.perf_counter()
        for file in files:
            _score_with_numpy(file)
        end = time.perf_counter()
        # The first round imports and fills caches.
        if i:
            ours.add((middle - begin) / len(files))
            baseline.add((end - middle) / len(files))
    work = "read and cut an image of 4200 x 2000 px, with a free model"
    yield from compare(15, work, ours, baseline, 2)


def _score_with_numpy(file: Path) -> float:
    pixels = fits.getdata(file).astype(np.float32)
    rows, columns = pixels.shape
    cutouts = np.stack(
        [
            pixels[y : y + _SIZE, x : x + _SIZE]
            for y in range(0, rows - _SIZE + 1, _SIZE)
            for x in range(0, columns - _SIZE + 1, _SIZE)
        ]
    )
    return float(free(cutouts).sum())


def _workers(plan: Plan, survey: surveys.Survey, folder: Path) -> Iterator[Line]:
    """Compare two worker processes with one, with a model of 0.2 s an image."""
    count = plan.pick(2, 24, 200)
    images = folder / "images"
    images.mkdir()
    files = sorted(survey.images.glob("*.fits"))
    for number in range(count):
        # Links to one file would be scored once.
        shutil.copyfile(files[number % len(files)], images / f"{number:04d}.fits")
    if plan.form == "tiny":
        os.environ[COST] = "0.01"
    two, one = Timings(unit="s"), Timings(unit="s")
    for i in range(plan.pick(1, 3, 3)):
        for timings, jobs in ((two, 2), (one, 1)):
            begin = time.perf_counter()
            output = folder / f"{i}-{jobs}.csv"
            score("benchmarks.models:costly", images, output, jobs=jobs)
            timings.add(time.perf_counter() - begin)
    work = f"score {count} images with a model of 0.2 s: two workers beside one"
    yield from compare(15, work, two, one, 0.75, note=f"load {os.getloadavg()[0]:.1f}")


ROWS = {15: scoring}


@contextmanager
def _folder(plan: Plan) -> Iterator[Path]:
    """Yield a temporary folder on the disk of the cache."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=plan.cache, prefix=".score-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
