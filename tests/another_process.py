"""Another process that holds a lock, or has a review open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(
    code: str, path: Path, first_line: str = "None"
) -> Iterator[subprocess.Popen[str]]:
    """Run code with a path as argument until the context ends, then kill it.

    The context begins when the code has printed its first line: by default "None", as
    it has no problem.
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{first_line}\n"
        yield process
        process.kill()
