"""Opening a review again and again while its images are read slowly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.nightly import many

_CHILD = Path(__file__).with_name("reopen_child.py")


def test_a_review_that_is_reopened_with_slow_images_never_ends_napari(survey, tmp_path):
    # Another napari that starts meanwhile would make the same icons.
    own = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    times = many(10, 10, few=2)
    command = [sys.executable, "-W", "ignore", _CHILD, survey, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=own)
    assert (done.returncode, done.stderr) == (0, "")
    words = [line for line in done.stdout.splitlines() if not line.startswith("INFO")]
    assert words == ["reopened up"] * times + ["closed"]
