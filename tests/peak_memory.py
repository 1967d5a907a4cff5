"""The peak memory of a function that refuses a file, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import sys
from importlib import import_module
from pathlib import Path

from napari_artifact_review.core.errors import ReviewError

module, name, path = sys.argv[1:]
read = getattr(import_module(module), name)
try:
    read(Path(path))
except ReviewError as error:
    print(error.what)
# The peak of this program alone; that of `resource` begins with its parent's.
status = Path("/proc/self/status").read_text()
print(status.split("VmHWM:")[1].split()[0])
"""


def refusal_and_peak(read, path):
    """Return the error of a function for a path, and the peak in kilobytes."""
    ended = subprocess.run(
        [sys.executable, "-c", _CODE, read.__module__, read.__name__, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    what, peak = ended.stdout.splitlines()
    return what, int(peak)
