"""The child process of long computations."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.learning.child_process import (
    ChildProcess,
    ProcessEndedError,
)


@pytest.fixture
def child():
    child = ChildProcess()
    yield child
    child.close()


def test_it_runs_functions_in_another_process(child):
    assert child.run(os.getpid) != os.getpid()
    assert child.run(os.getpid) == child.run(os.getpid)
    assert child.run(math.hypot, 3, 4) == 5
    assert child.run(np.linspace, 0, 1, num=3).tolist() == [0, 0.5, 1]


def test_an_error_of_the_function_is_raised_here(child, tmp_path):
    path = tmp_path / "none.fits"
    with pytest.raises(ImageError, match="cannot be read") as found:
        child.run(read_image, path)
    assert found.value.path == path
    assert child.run(math.sqrt, 4) == 2


def test_printed_text_is_no_answer(child):
    child.run(print, "text")
    assert child.run(os.system, "echo more") == 0
    assert child.run(math.sqrt, 4) == 2


def test_a_process_that_is_killed_is_one_error_and_another_one_starts(child):
    pid = child.run(os.getpid)
    threading.Timer(0.2, os.kill, [pid, signal.SIGTERM]).start()
    with pytest.raises(ProcessEndedError, match="ended"):
        child.run(time.sleep, 60)
    assert child.run(os.getpid) != pid


def test_closing_ends_a_running_computation(child):
    errors = []

    def run():
        with pytest.raises(ProcessEndedError):
            child.run(time.sleep, 60)
        errors.append(True)

    child.run(os.getpid)
    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.1)
    child.close()
    thread.join(20)
    assert errors == [True]
    with pytest.raises(ProcessEndedError, match="closed"):
        child.run(os.getpid)


def test_the_process_ends_with_its_parent():
    code = (
        "import os\n"
        "from napari_artifact_review.core.learning.child_process import ChildProcess\n"
        "child = ChildProcess()\n"
        "print(child.run(os.getpid), flush=True)\n"
        "os._exit(0)\n"
    )
    # The script has no guard, and must not run a second time.
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    [pid] = map(int, done.stdout.split())
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if _is_zombie(pid):
            return
        time.sleep(0.1)
    pytest.fail("the child process is still there")


def _is_zombie(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False
