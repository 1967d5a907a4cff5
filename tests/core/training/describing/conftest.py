"""A program that describes images, and can be held or killed."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Runs the command with descriptors that are noted, and wait or die as a file says.
PROGRAM = """
import os
import signal
import sys
import time
from pathlib import Path

from napari_artifact_review.core.learning import descriptors

FOLDER = Path(__file__).parent
describe_cutouts = descriptors.describe_cutouts


def describe(*arguments):
    with (FOLDER / "calls.txt").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    if (FOLDER / "die").exists():
        (FOLDER / "die").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    while len(calls()) > 1 and (FOLDER / "hold").exists():
        time.sleep(0.02)
    return describe_cutouts(*arguments)


def calls():
    return (FOLDER / "calls.txt").read_text().splitlines()


descriptors.describe_cutouts = describe

if __name__ == "__main__":
    from napari_artifact_review.cli import main

    sys.exit(main(["describe", *sys.argv[1:]]))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return the file of the program."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder to write."""
    return tmp_path / "described"


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return the contents of each file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
