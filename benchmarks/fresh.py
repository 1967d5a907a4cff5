"""Tasks for a fresh process: `python -m benchmarks.fresh TASK [PATH ...]`.

Each task prints its answer as one line of JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PLUGIN = "napari-artifact-review"


def run(task: str, *args: object, timeout: float = 600) -> dict[str, Any]:
    """Run a task in a fresh process and return its answer."""
    command = [sys.executable, "-m", "benchmarks.fresh", task, *map(str, args)]
    # Let Python cache the bytecode, as for an installed package.
    environment = {
        k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"
    }
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=environment,
        cwd=Path(__file__).parents[1],
    )
    if ended.returncode:
        raise RuntimeError(f"{task}: {ended.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(ended.stdout.strip().splitlines()[-1]))


def open_table(path: str, images: str, output: str) -> dict[str, float]:
    """Open a table as a review."""
    from napari_artifact_review.core.review.session import ReviewSession

    from . import memory

    before = memory.current()
    with memory.Peak() as peak:
        begin = time.perf_counter()
        session = ReviewSession.open(path, images, output)
        seconds = time.perf_counter() - begin
    after = memory.current()
    session.close()
    return _memory(seconds, before, after, peak.bytes)


def read_table(path: str) -> dict[str, float]:
    """Read a table with pandas alone, every cell as a string."""
    import pandas as pd

    # Import everything first, as for the review.
    import napari_artifact_review.core.review.session  # noqa: F401

    from . import memory

    before = memory.current()
    with memory.Peak() as peak:
        begin = time.perf_counter()
        table = read_strings(path)
        seconds = time.perf_counter() - begin
    after = memory.current()
    assert isinstance(table, pd.DataFrame)
    return _memory(seconds, before, after, peak.bytes)


def read_strings(path: str | Path) -> Any:
    """Read a table with pandas so that no cell changes."""
    import pandas as pd

    return pd.read_csv(
        path, dtype=str, keep_default_na=False, na_filter=False, index_col=False
    )


def export_cutouts(
    path: str, images: str, folder: str, digests: str
) -> dict[str, float]:
    """Export the cutouts of a table, "with" or "without" computing digests."""
    import hashlib
    from contextlib import nullcontext
    from unittest.mock import patch

    from napari_artifact_review.core.training.exporting.export import export

    from . import memory

    without = patch.object(hashlib, "sha256", _NoDigest)
    context = nullcontext() if digests == "with" else without
    with memory.Private() as private, context:
        begin = time.perf_counter()
        export(path, images, folder)
        seconds = time.perf_counter() - begin
    return {"seconds": seconds, "private": private.bytes}


class _NoDigest:
    """A stand-in for a SHA-256, which differs for each object and costs nothing."""

    _numbers = itertools.count(1)

    def __init__(self, _data: bytes = b"") -> None:
        self._number = next(self._numbers)

    def update(self, _data: object) -> None:
        """Do nothing."""

    def digest(self) -> bytes:
        """Return the number of the object as bytes."""
        return self._number.to_bytes(32, "big")

    def hexdigest(self) -> str:
        """Return the number of the object with 16 digits, and zeros."""
        return f"{self._number:016x}".ljust(64, "0")


def write_cutouts(path: str, images: str, folder: str) -> dict[str, float]:
    """Read the images with astropy, and write their cutouts with numpy, to the disk."""
    import numpy as np
    import pandas as pd
    from astropy.io import fits

    begin = time.perf_counter()
    table = pd.read_csv(path)
    array = np.lib.format.open_memmap(
        Path(folder, "cutouts.npy"), "w+", "<f4", (len(table), 200, 200)
    )
    row = 0
    for name, part in table.groupby("image_name", sort=False):
        pixels = fits.getdata(Path(images, f"{name}.fits"), memmap=False)
        for x, y in zip(part["grid_x"], part["grid_y"], strict=True):
            array[row] = pixels[y : y + 200, x : x + 200]
            row += 1
    array.flush()
    return {"seconds": time.perf_counter() - begin}


def start(installed: str) -> dict[str, float]:
    """Start napari until its first frame, with or without the plugin."""
    if installed == "without":
        _hide_plugin()
    begin = time.perf_counter()
    import napari

    from .window import Window

    window = Window()
    window.time(window.canvas.update)
    seconds = window.watch.ended - begin
    import npe2

    known = PLUGIN in [m.name for m in npe2.PluginManager.instance().iter_manifests()]
    assert known == (installed == "with"), (
        "the plugin is installed when it should not be, or the reverse"
    )
    window.close()
    assert napari
    return {"seconds": seconds}


def dock() -> dict[str, float]:
    """Open the dock in a fresh napari."""
    from .window import Window

    window = Window()
    window.time(window.canvas.update)
    window.bring_up()
    seconds = window.time(
        lambda: window.viewer.window.add_plugin_dock_widget(PLUGIN, "Artifact Review")
    )
    window.close()
    return {"seconds": seconds}


def _hide_plugin() -> None:
    """Hide this plugin's distribution from importlib."""
    import importlib.metadata as metadata

    every = metadata.distributions

    def others(**given: Any) -> Any:
        return (d for d in every(**given) if d.metadata["Name"] != PLUGIN)

    metadata.distributions = others


def _memory(seconds: float, before: int, after: int, peak: int) -> dict[str, float]:
    return {"seconds": seconds, "growth": after - before, "peak": peak - before}


_TASKS = {
    "open-table": open_table,
    "read-table": read_table,
    "export-cutouts": export_cutouts,
    "write-cutouts": write_cutouts,
    "start": start,
    "dock": dock,
}

if __name__ == "__main__":
    print(json.dumps(_TASKS[sys.argv[1]](*sys.argv[2:])))
