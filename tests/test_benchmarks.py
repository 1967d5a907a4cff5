"""The benchmarks run; their durations are not checked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]

#: What a row of the table is called.
ROWS = {
    1: "step to the next error",
    13: "open the gallery of",
    14: "send 500 entries",
    15: "read and cut an image",
    16: "export 630 cutouts",
    17: "a verdict in a team with a folder",
    18: "open a log with 400 entries",
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("rows", [(14, 15, 17, 18), (1, 13, 14, 15, 16, 17, 18)])
def test_the_tiniest_run_writes_its_rows(rows, demo, tmp_path):
    # The demo that other tests have made already is the source of its images.
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "demo-3").symlink_to(demo.predictions.parent)
    only = ",".join(map(str, rows))
    command = [sys.executable, "-m", "benchmarks", "--only", only, "--tiny"]
    command += ["--no-peers", "--cache", str(cache), "--output", str(tmp_path / "out")]
    ended = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for row in rows:
        assert ROWS[row] in ended.stdout
    (file,) = (tmp_path / "out").glob("*.json")
    told = json.loads(file.read_text())
    assert {line["row"] for line in told["lines"]} == set(rows)
    assert told["lines"][0]["ours"]["median"] > 0
    assert told["machine"]["cores"]


@pytest.mark.exhaustive
def test_the_benchmark_of_the_learned_order_prints_its_tables(demo, tmp_path):
    (tmp_path / "demo-3-0").symlink_to(demo.predictions.parent)
    command = [sys.executable, "-m", "benchmarks.learning", "--seeds", "0", "--quick"]
    command += ["--images", "3", "--cache", str(tmp_path)]
    ended = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert ended.returncode == 0, ended.stderr
    titles = [line for line in ended.stdout.splitlines() if line.startswith("### ")]
    assert len(titles) == 7
