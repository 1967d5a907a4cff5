"""Inputs that several tests share: a small survey, the demo, real files."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import settings

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.demo import DemoSurvey, make_demo
from tests import postgres, promised
from tests.meeting_places import meeting_place
from tests.nightly import EXTENT
from tests.slow_disk import slow_disk

__all__ = ["meeting_place", "slow_disk"]

# Tests assert behaviour and never a time; the machine may be busy. With each change the
# examples are the same on all machines; `script/test --all` looks for new ones.
settings.register_profile("this project", deadline=None, derandomize=not EXTENT)
settings.load_profile("this project")

# A shell starts a job in the background with interrupts ignored. Processes that tests
# start would inherit that, and wait for ever for the interrupt that a test sends.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = Path(__file__).parents[2] / "shared" / "data"

#: The marked cutouts of the small survey: (image, x, y) with label and prediction.
MARKED = {
    ("north", 200, 0): (1, 0),
    ("north", 400, 200): (0, 1),
    ("north", 0, 400): (1, 1),
    ("south", 0, 0): (0, 1),
    ("south", 600, 400): (1, 0),
    ("south", 200, 200): (1, 1),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which `script/test` chooses tests of windows."""
    parser.addoption(
        "--promised",
        action="store_true",
        help="of the tests with a napari window, run those that docs/promises.md "
        "names, and the first of each file",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out the tests that need real inputs, or a server, where there are none.

    Those that are marked as exhaustive are left out unless `script/test --all` runs.
    """
    postgres.leave_out(config, items)
    left_out = {item for item in items if _is_left_out(item)}
    if config.getoption("promised"):
        left_out.update(promised.to_leave_out(items))
    if left_out:
        config.hook.pytest_deselected(items=[i for i in items if i in left_out])
        items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    if not _SHARED.is_dir() and "shared_data" in getattr(item, "fixturenames", ()):
        return True
    return not EXTENT and item.get_closest_marker("exhaustive") is not None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that tests were left out, also where other processes collected them."""
    for line in postgres.header():
        terminalreporter.write_line(line)
    if not _SHARED.is_dir():
        terminalreporter.write_line(
            "../shared/data is not here: tests of real files were left out."
        )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """Start a PostgreSQL server for all tests of this process."""
    server = postgres.PostgresServer()
    yield server
    server.close()


@pytest.fixture
def server(postgres_server: postgres.PostgresServer) -> postgres.PostgresServer:
    """Return the server, at work again whatever the test before did to it."""
    postgres_server.thaw()
    postgres_server.start()
    return postgres_server


@pytest.fixture
def shared_data() -> Path:
    """Return the folder with real inputs beside the repository."""
    return _SHARED


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoSurvey:
    """Three images of the demo survey, made once; leave its files as they are."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # The folder that the processes of this run have in common.
        folder = folder.parent
    # One process makes it, and the others wait: a lock that each system has.
    with closing(sqlite3.connect(folder / "demo.lock", timeout=300)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        return make_demo(folder / "demo", images=3, seed=0)


@pytest.fixture(scope="session")
def _small_survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the small survey once for all tests of this process; return its folder."""
    folder = tmp_path_factory.mktemp("small_survey")
    lines = ["image_name,grid_x,grid_y,label,preds,confidence,observer"]
    for number, name in enumerate(("north", "west", "south")):
        rows, columns = np.mgrid[:600, :800]
        pixels = (number * 1e6 + rows * 1000 + columns).astype(np.float32)
        fits.PrimaryHDU(pixels, _header()).writeto(folder / f"{name}.fits")
        for y in range(0, 600, 200):
            for x in range(0, 800, 200):
                label, preds = MARKED.get((name, x, y), (0, 0))
                confidence = 0.97 if preds else 0.1250
                lines.append(f"{name},{x},{y},{label},{preds},{confidence:.4f},007")
    (folder / "predictions.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def survey(_small_survey: Path, tmp_path: Path) -> Path:
    """Copy the table of a small survey: 3 images of 800 x 600 pixels, 4 errors.

    The images are `north`, `west` (without an error) and `south`; each pixel's value
    tells its image, row and column.
    """
    for file in _small_survey.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path / "predictions.csv"


@pytest.fixture
def session(survey: Path) -> ReviewSession:
    """Open the small survey."""
    return ReviewSession.open(survey, reviewer="ada")


def _header() -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = 150.0, 2.0
    header["CRPIX1"], header["CRPIX2"] = 1.0, 1.0
    header["CDELT1"], header["CDELT2"] = -1e-4, 1e-4
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["BUNIT"] = "adu"
    return header


class MainLoop:
    """Stands in for the event loop: runs what threads post, when it is asked to."""

    def __init__(self) -> None:
        self._posted: Queue[Callable[[], None]] = Queue()
        self._later: list[Callable[[], None]] = []
        self.thread = threading.current_thread()

    def post(self, function: Callable[[], None]) -> None:
        self._posted.put(function)

    def post_later(self, _: float, function: Callable[[], None]) -> None:
        self._later.append(function)

    def let_time_pass(self) -> None:
        """Run what was to be run later."""
        later, self._later = self._later, []
        for function in later:
            function()

    def run_until(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        """Run what was posted until a condition holds."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "it never came to that"
            try:
                self._posted.get(timeout=0.02)()
            except Empty:
                continue

    def run_all(self) -> None:
        """Run what has been posted so far."""
        while not self._posted.empty():
            self._posted.get()()


@pytest.fixture
def main_loop() -> MainLoop:
    return MainLoop()
