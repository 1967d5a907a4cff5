"""The two possible paths of a review's log; `log_opening` chooses between them."""

from __future__ import annotations

# The dock imports this module when it opens, and must not wait for a database library:
# code that needs one belongs in log_opening.
import hashlib
from pathlib import Path

from platformdirs import user_data_path


def log_path_beside(output: Path) -> Path:
    """Return the default path, in the folder of the output."""
    return output.with_name(f"{output.name}.review.sqlite")


def log_path_in_user_data(output: Path) -> Path:
    """Return the path for an output in a folder that does not support locks."""
    digest = hashlib.sha256(str(output).encode(errors="backslashreplace")).hexdigest()
    folder = user_data_path("napari-artifact-review") / "reviews" / digest[:16]
    return folder / f"{output.name}.review.sqlite"
