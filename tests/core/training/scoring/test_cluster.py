"""Scores by the workers of a dask cluster, which the tests start."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from distributed import LocalCluster

from napari_artifact_review import score
from napari_artifact_review.cli import main
from napari_artifact_review.core.errors import ModelError, ReviewError
from tests.core.training.conftest import calls_of


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes; their nannies replace one that dies."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    ) as cluster:
        yield cluster


def test_with_a_worker_killed_and_an_image_missing_it_gives_the_same(
    cluster, model, images, tmp_path, capsys
):
    given = [*map(str, sorted(images.iterdir())), str(images / "missing.fits")]
    outputs = [tmp_path / "here.csv", tmp_path / "there.csv"]
    options = [
        ["--jobs", "1"],
        ["--scheduler", cluster.scheduler_address],
    ]
    functions = ["predict", "die_once"]
    for output, more, function in zip(outputs, options, functions, strict=True):
        arguments = ["score", f"{model}:{function}", *given, "--output", str(output)]
        assert main([*arguments, *more]) == 1
        told = capsys.readouterr()
        assert "missing.fits: cannot be read" in told.err
        assert "3 images scored, 0 were current; 1 failed" in told.out
    assert (tmp_path / "dead").exists()
    assert calls_of(model) == 3 + 1 + 3
    here, there = (output.read_bytes() for output in outputs)
    assert here == there


def test_what_is_current_needs_no_worker(cluster, model, images, output):
    address = cluster.scheduler_address
    assert score(f"{model}:predict", images, output, scheduler=address).scored == 3
    # Without images to score, the scheduler is not asked.
    again = score(f"{model}:predict", images, output, scheduler="tcp://127.0.0.1:1")
    assert again.current == 3


def test_a_fault_of_the_model_is_one_error(cluster, images, output, tmp_path):
    path = tmp_path / "wrong.py"
    address = cluster.scheduler_address
    for text, told in (
        ("def other(c): ...", "no function predict"),
        ("def predict(c):\n    return c", r"shape \(12, 200, 200\)"),
    ):
        path.write_text(text)
        with pytest.raises(ModelError, match=told):
            score(f"{path}:predict", images, output, scheduler=address)


def test_no_scheduler_is_one_error(model, images, output, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 1)
    for wrong in (address, "tcp://no.such.host.invalid:1", "nonsense://x"):
        with pytest.raises(ReviewError, match="no scheduler answers"):
            score(f"{model}:predict", images, output, scheduler=wrong)
    assert calls_of(model) == 0


def test_a_scheduler_without_workers_is_one_error(model, images, output, monkeypatch):
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 1)
    with (
        LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(ReviewError, match="has no workers"),
    ):
        score(f"{model}:predict", images, output, scheduler=empty.scheduler_address)


def test_without_distributed_it_says_what_to_install(
    model, images, output, monkeypatch
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ReviewError, match=r"napari-artifact-review\[cluster\]"):
        score(f"{model}:predict", images, output, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    "address",
    [
        "foo",
        pytest.param("tcp://127.0.0.1", marks=pytest.mark.exhaustive),
        pytest.param("nonsense://x:1", marks=pytest.mark.exhaustive),
    ],
)
def test_an_address_of_another_form_is_one_line_at_once(model, images, output, address):
    # The connection is not tried, or this would take longer than the time limit.
    code = (
        "import sys; from napari_artifact_review.cli import main\n"
        "from napari_artifact_review.core.training import cluster\n"
        "cluster.TIMEOUT = 1000\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    command = ["score", f"{model}:predict", str(images), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--scheduler", address],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"no scheduler answers at {address} (")


def test_a_server_of_another_kind_is_one_error(model, images, output, monkeypatch):
    monkeypatch.setattr("napari_artifact_review.core.training.cluster.TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ReviewError, match="no scheduler answers"):
            score(f"{model}:predict", images, output, scheduler=address)
