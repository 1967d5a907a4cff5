"""Descriptions by the workers of a dask cluster, which the tests start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster

from napari_artifact_review import describe
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ReviewError
from tests.core.training.describing.conftest import bytes_of


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes; their nannies replace one that dies."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


def test_with_a_worker_killed_and_an_image_missing_it_gives_the_same(
    cluster, program, images, tmp_path, capsys
):
    given = [*map(str, sorted(images.iterdir())), str(images / "missing.fits")]
    address = cluster.scheduler_address
    folders = [tmp_path / "here", tmp_path / "there"]
    options = [["--jobs", "1"], ["--scheduler", address]]
    # The first worker that describes an image dies; the one that replaces it does not.
    program.with_name("die").touch()
    with Client(address, set_as_default=False) as client:
        code = program.read_text().partition("if __name__")[0]
        client.run(exec, code, {"__file__": str(program)})
    for folder, more in zip(folders, options, strict=True):
        assert main(["describe", *given, "--output", str(folder), *more]) == 1
        told = capsys.readouterr()
        assert "missing.fits: cannot be read" in told.err
        assert "3 images described, 0 were current; 1 failed" in told.out
    assert not program.with_name("die").exists()
    here, there = map(bytes_of, folders)
    assert here == there


def test_what_is_current_needs_no_worker(cluster, images, folder):
    address = cluster.scheduler_address
    assert describe(images, folder, scheduler=address).described == 3
    # Without images to describe, the scheduler is not asked.
    again = describe(images, folder, scheduler="tcp://127.0.0.1:1")
    assert again.current == 3


def test_no_scheduler_is_one_error(images, folder, monkeypatch):
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 1)
    with pytest.raises(ReviewError, match="no scheduler answers"):
        describe(images, folder, scheduler="nonsense://x")
