"""Runs that were ended go on, and what has changed is scored again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from astropy.io import fits

from napari_artifact_review import score
from tests.core.training.conftest import calls_of


def start(model, images, output, jobs, function="hold"):
    command = [sys.executable, "-m", "napari_artifact_review", "score"]
    command += [f"{model}:{function}", str(images), "--output", str(output)]
    command += ["--jobs", str(jobs)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def parts_of(output):
    return list(output.with_name(f"{output.name}.parts").glob("*.parquet"))


def workers_of(model):
    lines = model.with_name("calls.txt").read_text().splitlines()
    return {int(line.split()[0]) for line in lines}


@pytest.fixture
def expected(model, images, tmp_path):
    """Return the bytes of a run that nothing interrupts."""
    path = tmp_path / "expected.csv"
    score(f"{model}:predict", images, path, jobs=1)
    model.with_name("calls.txt").unlink()
    return path.read_bytes()


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.exhaustive), 2])
def test_killed_in_the_middle_it_goes_on_where_it_was(
    model, images, output, expected, jobs
):
    run = start(model, images, output, jobs)
    # One image is scored, and the others are held.
    wait_until(lambda: len(parts_of(output)) == 1 and calls_of(model) > jobs)
    run.kill()
    run.communicate()
    assert not output.exists()
    begun = calls_of(model)
    wait_until(lambda: not any(map(psutil.pid_exists, workers_of(model))))
    model.with_name("go").touch()
    again = start(model, images, output, jobs)
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert "2 images scored, 1 was current" in out
    assert output.read_bytes() == expected
    assert calls_of(model) == begun + 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.exhaustive), 2])
def test_an_interrupt_ends_it_and_says_how_to_go_on(model, images, output, jobs):
    run = start(model, images, output, jobs)
    wait_until(lambda: len(parts_of(output)) == 1 and calls_of(model) > jobs)
    # As a terminal does, the workers are interrupted too.
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 130
    assert "Stopped after 1 of 3 images. Run the same command again" in err
    assert "Traceback" not in err
    assert not any(map(psutil.pid_exists, workers_of(model)))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_worker_that_dies_is_one_line(model, images, output, expected):
    run = start(model, images, output, 2, "die_once")
    _, err = run.communicate()
    assert run.returncode == 2
    [told] = re.findall(
        "a worker process ended .* one of the images (.*); perhaps",
        err.splitlines()[-1],
    )
    assert {*told.split(", ")} <= {"north", "south", "west"}
    again = start(model, images, output, 2, "die_once")
    assert again.wait() == 0
    again.communicate()
    assert output.read_bytes() == expected


def test_what_is_current_is_not_scored_again(model, images, output):
    first = score(f"{model}:predict", images, output, jobs=1)
    before = output.read_bytes()
    again = score(f"{model}:predict", str(images), output, threshold=0.2, jobs=1)
    assert ((first.scored, first.current), (again.scored, again.current)) == (
        (3, 0),
        (0, 3),
    )
    assert calls_of(model) == 3
    score(f"{model}:predict", images, output, jobs=1)
    assert output.read_bytes() == before


def test_a_model_under_another_name_is_the_same(model, images, output):
    score(f"{model}:predict", images, output, jobs=1)
    model.rename(model.with_name("moved.py"))
    result = score(f"{model.with_name('moved.py')}:predict", images, output, jobs=1)
    assert result.current == 3


@pytest.mark.parametrize(
    "options",
    [{"cutout_size": 100}, {"stride": 100}, {"hdu": 0}, {"model_version": "2"}],
)
def test_other_options_score_all_images_again(model, images, output, options):
    score(f"{model}:predict", images, output, jobs=1)
    assert score(f"{model}:predict", images, output, jobs=1, **options).scored == 3


def test_another_model_or_function_scores_all_images_again(model, images, output):
    score(f"{model}:predict", images, output, jobs=1)
    model.with_name("go").touch()
    assert score(f"{model}:hold", images, output, jobs=1).scored == 3
    model.write_text(model.read_text() + "# changed\n")
    assert score(f"{model}:hold", images, output, jobs=1).scored == 3


def test_an_image_that_changed_is_scored_again(model, images, output):
    score(f"{model}:predict", images, output, jobs=1)
    before = output.read_bytes()
    pixels = fits.getdata(images / "west.fits")
    fits.writeto(images / "west.fits", np.roll(pixels, 7, axis=1), overwrite=True)
    result = score(f"{model}:predict", images, output, jobs=1)
    assert (result.scored, result.current) == (1, 2)
    assert output.read_bytes() != before


def test_a_damaged_part_is_written_again(model, images, output):
    score(f"{model}:predict", images, output, jobs=1)
    before = output.read_bytes()
    part = parts_of(output)[0]
    part.write_bytes(part.read_bytes()[:100])
    assert score(f"{model}:predict", images, output, jobs=1).scored == 1
    assert output.read_bytes() == before


def test_an_array_of_jobs_writes_parts_that_a_last_one_joins(
    model, images, output, expected, tmp_path
):
    paths = sorted(images.iterdir())
    listed = tmp_path / "files.txt"
    listed.write_text(f"{paths[0]}\n\n{paths[1]}\n")
    for given in (f"@{listed}", [paths[2]]):
        result = score(
            f"{model}:predict", given, output, jobs=1, parts_only=True, labels="no.csv"
        )
        assert result.output is None
    assert not output.exists()
    joined = score(f"{model}:predict", images, output, jobs=1)
    assert (joined.scored, joined.current) == (0, 3)
    assert output.read_bytes() == expected
    assert calls_of(model) == 3
