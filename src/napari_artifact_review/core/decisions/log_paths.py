"""The two paths that a review's log can have.

`log_opening` chooses between them and opens the log.
"""

from __future__ import annotations

# The dock imports this module when it is docked, and must not wait for a database
# library: what needs one belongs into log_opening.
import hashlib
from pathlib import Path

from platformdirs import user_data_path


def log_path_beside(output: Path) -> Path:
    """Return the path beside the output, which is the default."""
    return output.with_name(f"{output.name}.review.sqlite")


def log_path_in_user_data(output: Path) -> Path:
    """Return the path for outputs in folders that cannot lock files."""
    digest = hashlib.sha256(str(output).encode(errors="backslashreplace")).hexdigest()
    folder = user_data_path("napari-artifact-review") / "reviews" / digest[:16]
    return folder / f"{output.name}.review.sqlite"
