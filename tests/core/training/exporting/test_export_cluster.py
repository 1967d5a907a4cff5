"""Shards that the workers of a cluster write."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator

import psutil
import pytest

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.training.exporting.array_parts import BadImagesError
from tests.core.training.small import contents, export_small, load

SHARDS = {"largest_array": 10_000, "largest_shard": 10_000}


@pytest.fixture
def cluster() -> Iterator[object]:
    """Start a scheduler and two workers in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        # Of the libraries below the cluster.
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as started:
            yield started


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_writes_the_same(reviewed, tmp_path, cluster):
    export_small(reviewed, tmp_path / "here", **SHARDS)
    seen = []
    export_small(
        reviewed,
        tmp_path / "there",
        scheduler=cluster.scheduler_address,
        on_image=lambda *counts: seen.append(counts),
        **SHARDS,
    )
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert seen[-1] == (6, 6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_worker_that_is_killed_loses_nothing(reviewed, tmp_path, cluster):
    export_small(reviewed, tmp_path / "here", **SHARDS)
    killed = []

    def kill_a_worker(done: int, of: int) -> None:
        if not killed:
            worker = next(iter(cluster.workers.values()))
            killed.append(worker.pid)
            for child in psutil.Process(worker.pid).children(recursive=True):
                child.send_signal(signal.SIGKILL)
            os.kill(worker.pid, signal.SIGKILL)

    export_small(
        reviewed,
        tmp_path / "there",
        scheduler=cluster.scheduler_address,
        on_image=kill_a_worker,
        **SHARDS,
    )
    assert killed
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.filterwarnings("ignore")
def test_bad_images_on_a_cluster_are_told(small, tmp_path, cluster):
    (tmp_path / "c1.fits").write_bytes(b"")
    out, address = tmp_path / "out", cluster.scheduler_address
    with pytest.raises(BadImagesError) as found:
        export_small(small, out, scheduler=address, **SHARDS)
    assert [error.path.name for error in found.value.faults] == ["c1.fits"]
    export_small(small, out, scheduler=address, skip_bad_images=True, **SHARDS)
    _, table, _ = load(out)
    assert len(table) == 30


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer(small, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 1)
    with pytest.raises(ReviewError, match="no scheduler answers"):
        export_small(small, tmp_path / "out", scheduler="tcp://127.0.0.1:9", **SHARDS)


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_without_workers_is_told(small, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 1)
    out = tmp_path / "out"
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(ReviewError, match="has no workers"),
    ):
        export_small(small, out, scheduler=empty.scheduler_address, **SHARDS)
