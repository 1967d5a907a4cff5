"""The benchmarks run; how long anything takes is nobody's failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def test_the_tiniest_run_writes_its_rows(demo, tmp_path):
    # The demo that other tests have made already is the source of its images.
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "demo-3").symlink_to(demo.predictions.parent)
    command = [sys.executable, "-m", "benchmarks", "--only", "1,13,14", "--tiny"]
    command += ["--no-peers", "--cache", str(cache), "--output", str(tmp_path / "out")]
    ended = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "step to the next error" in ended.stdout
    assert "open the gallery of" in ended.stdout
    assert "send 500 entries" in ended.stdout
    (file,) = (tmp_path / "out").glob("*.json")
    told = json.loads(file.read_text())
    assert {line["row"] for line in told["lines"]} == {1, 13, 14}
    assert told["lines"][0]["ours"]["median"] > 0
    assert told["machine"]["cores"]
