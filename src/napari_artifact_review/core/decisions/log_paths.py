"""Paths of a review's log: beside the output, or in the user's data folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from platformdirs import user_data_path


def store_beside(output: Path) -> Path:
    """Return the file of a review's log, unless another one is named."""
    return output.with_name(f"{output.name}.review.sqlite")


def store_apart(output: Path) -> Path:
    """Return the file of the log where the folder of the output cannot lock files."""
    digest = hashlib.sha256(str(output).encode(errors="backslashreplace")).hexdigest()
    folder = user_data_path("napari-artifact-review") / "reviews" / digest[:16]
    return folder / f"{output.name}.review.sqlite"
