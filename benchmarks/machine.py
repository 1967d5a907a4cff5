"""The machine and the software of a run."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = ("napari", "vispy", "numpy", "pandas", "astropy", "PyQt6", "PySide6")
_PACKAGES += ("ginga", "matplotlib")


def describe() -> dict[str, Any]:
    """Return the facts about machine and software that a reader needs."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in psutil.getloadavg()],
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def opengl() -> str:
    """Return the name of the OpenGL renderer; a canvas must have been drawn."""
    from vispy.gloo import gl

    return str(gl.glGetParameter(gl.GL_RENDERER))


def as_sentence(machine: dict[str, Any]) -> str:
    """Return the description as one sentence."""
    packages = ", ".join(f"{n} {v}" for n, v in machine["packages"].items())
    return (
        f"{machine['date'][:10]}, commit {machine['commit']}: {machine['processor']}, "
        f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
        f"OpenGL by {machine.get('opengl') or 'an unknown renderer'}, "
        f"Python {machine['python']}, {packages}; load average before "
        f"{machine['load'][0]}."
    )


def _commit() -> str:
    """Return the commit, and whether files differ from it."""
    git = ["git", "-C", str(Path(__file__).parents[1])]
    try:
        commit = _output([*git, "rev-parse", "--short", "HEAD"])
        changed = _output([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit


def _output(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return ended.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
