"""Other viewers with the same images and steps, each in its own process.

Each peer prints a line `ROW SECONDS` for each action.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import surveys
from benchmarks.measures import Timings
from benchmarks.plan import Plan

_MODULES = {"Ginga": "ginga_canvas", "matplotlib": "matplotlib_notebook", "DS9": "ds9"}

#: The rows of the peers: step, switch in memory, switch with reading.
ROWS = (1, 2, 3)

Answers = dict[int, Timings | str]


def measure(plan: Plan) -> dict[str, Answers]:
    """Return the times of each peer by row, or the reason why there are none."""
    predictions = surveys.ccds(plan).predictions
    return {name: _run(module, predictions, plan) for name, module in _MODULES.items()}


def versions() -> dict[str, str]:
    """Return the versions of the installed peers."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("ginga", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _run(module: str, predictions: Path, plan: Plan) -> Answers:
    counts = plan.pick((4, 2), (40, 12), (200, 60))
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", str(predictions)]
    command += map(str, counts)
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=plan.pick(60, 60, 300),
            check=False,
            cwd=Path(__file__).parents[2],
        )
    except subprocess.TimeoutExpired:
        return dict.fromkeys(ROWS, "not measured: it took too long")
    found: dict[int, Timings | str] = {}
    for line in ended.stdout.splitlines():
        row, _, seconds = line.partition(" ")
        if row in ("1", "2", "3"):
            timings = found.setdefault(int(row), Timings())
            assert isinstance(timings, Timings)
            timings.add(float(seconds))
    message = (ended.stderr.strip().splitlines() or ["no message"])[-1]
    return {row: found.get(row, f"not measured: {message}") for row in ROWS}


class PeerImages:
    """The images of a peer with their marked cutouts.

    Attributes
    ----------
    images : list of (Path, DataFrame)
        The file of each image, and its marked cutouts, including errors.
    """

    def __init__(self, predictions: Path) -> None:
        survey = surveys.Survey(predictions, predictions.parent / "images")
        marked = surveys.marked(survey)
        found = [(survey.file(name), table) for name, table in marked.items()]
        # After these, the same files follow under other names.
        self.images = [pair for pair in found if pair[1].error.any()][:12]


def read(path: Path) -> Any:
    """Read the pixels of an image."""
    from astropy.io import fits

    with fits.open(path, memmap=False) as hdus:
        pixels = hdus[0].data
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def zscale(pixels: Any) -> tuple[float, float]:
    """Return the limits of the grey scale, from a sample of the pixels."""
    from astropy.visualization import ZScaleInterval

    low, high = ZScaleInterval().get_limits(pixels[::20, ::20])
    return float(low), float(high)


def print_time(row: int, seconds: float) -> None:
    """Print the time of one action."""
    print(row, seconds, flush=True)


__all__ = ["ROWS", "Answers", "PeerImages", "measure", "print_time", "read", "zscale"]
