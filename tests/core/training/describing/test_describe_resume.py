"""Descriptions that were ended go on, and what has changed is described again."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import psutil
import pytest
from astropy.io import fits

from napari_artifact_review import describe
from napari_artifact_review.core.learning import descriptors
from tests.core.training.conftest import calls_of
from tests.core.training.describing.conftest import bytes_of
from tests.core.training.scoring.test_resume import wait_until, workers_of


def start(program, images, folder):
    command = [sys.executable, str(program), str(images), "--output", str(folder)]
    return subprocess.Popen(
        [*command, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def parts_of(folder):
    return list(folder.glob("*.parquet"))


@pytest.fixture
def expected(images, tmp_path):
    """Return the bytes of a run that nothing interrupts."""
    describe(images, tmp_path / "expected", jobs=1)
    return bytes_of(tmp_path / "expected")


def test_killed_in_the_middle_it_goes_on_where_it_was(
    program, images, folder, expected
):
    program.with_name("hold").touch()
    run = start(program, images, folder)
    # One image is described, and the others are held.
    wait_until(lambda: len(parts_of(folder)) == 1 and calls_of(program) > 2)
    run.kill()
    run.communicate()
    begun = calls_of(program)
    wait_until(lambda: not any(map(psutil.pid_exists, workers_of(program))))
    program.with_name("hold").unlink()
    again = start(program, images, folder)
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert "2 images described, 1 was current" in out
    assert bytes_of(folder) == expected
    assert calls_of(program) == begun + 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_worker_that_dies_is_one_line(program, images, folder, expected):
    program.with_name("die").touch()
    run = start(program, images, folder)
    _, err = run.communicate()
    assert run.returncode == 2
    assert "a worker process ended" in err.splitlines()[-1]
    assert "the decoder of an image crashed" in err.splitlines()[-1]
    assert "calls describe() needs" in err.splitlines()[-1]
    describe(images, folder, jobs=1)
    assert bytes_of(folder) == expected


def test_what_is_current_is_not_described_again(images, survey, folder):
    first = describe(images, folder, jobs=1)
    before = bytes_of(folder)
    again = describe(str(images), folder, jobs=1)
    assert ((first.described, first.current), (again.described, again.current)) == (
        (3, 0),
        (0, 3),
    )
    assert bytes_of(folder) == before


@pytest.mark.parametrize("options", [{"cutout_size": 100}, {"stride": 100}, {"hdu": 0}])
def test_other_options_describe_all_images_again(images, folder, options):
    describe(images, folder, jobs=1)
    assert describe(images, folder, jobs=1, **options).described == 3
    assert describe(images, folder, jobs=1, **options).current == 3


def test_other_cutouts_describe_only_their_images_again(images, survey, folder):
    describe(images, folder, predictions=survey, jobs=1)
    lines = survey.read_text().splitlines()
    lines.remove(next(line for line in lines if line.startswith("west,")))
    survey.write_text("\n".join(lines) + "\n")
    result = describe(images, folder, predictions=survey, jobs=1)
    assert (result.described, result.current, result.cutouts) == (1, 2, 35)


def test_another_version_describes_all_images_again(images, folder, monkeypatch):
    describe(images, folder, jobs=1)
    monkeypatch.setattr(descriptors, "VERSION", "another")
    assert describe(images, folder, jobs=1).described == 3


def test_an_image_that_changed_is_described_again(images, folder):
    describe(images, folder, jobs=1)
    pixels = fits.getdata(images / "west.fits")
    fits.writeto(images / "west.fits", np.roll(pixels, 7, axis=1), overwrite=True)
    result = describe(images, folder, jobs=1)
    assert (result.described, result.current) == (1, 2)


def test_a_damaged_part_is_written_again(images, folder):
    describe(images, folder, jobs=1)
    before = bytes_of(folder)
    part = parts_of(folder)[0]
    part.write_bytes(part.read_bytes()[:100])
    assert describe(images, folder, jobs=1).described == 1
    assert bytes_of(folder) == before


def test_an_array_of_jobs_writes_parts_and_a_last_one_the_description(
    images, folder, expected, tmp_path
):
    paths = sorted(images.iterdir())
    listed = tmp_path / "files.txt"
    listed.write_text(f"{paths[0]}\n\n{paths[1]}\n")
    for given in (f"@{listed}", [paths[2]]):
        result = describe(given, folder, jobs=1, parts_only=True)
        assert result.cutouts is None
    assert len(parts_of(folder)) == 3
    assert bytes_of(folder)["about.json"] != expected["about.json"]
    last = describe(images, folder, jobs=1)
    assert (last.described, last.current) == (0, 3)
    assert bytes_of(folder) == expected
