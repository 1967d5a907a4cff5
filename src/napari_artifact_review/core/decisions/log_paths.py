"""Default paths of a review's log; `log_opening` chooses one of the two."""

from __future__ import annotations

# The dock imports this module when it opens. To open the dock fast, do not import a
# database library here; code that needs a database belongs in log_opening.
import hashlib
from pathlib import Path

from napari_artifact_review.core.user_folders import data_folder, former_data_folder

#: What the name of a log has after the name of the output.
LOG_SUFFIX = ".review.sqlite"


def log_path_beside(output: Path) -> Path:
    """Return the path of the log in the output folder."""
    return output.parent / f"{output.name}{LOG_SUFFIX}"


def log_path_in_user_data(output: Path) -> Path:
    """Return the path of the log in the user's data folder.

    The log is stored there if the output folder does not support file locks. If the
    log exists only in the data folder of an earlier version, return that path.
    """
    digest = hashlib.sha256(str(output).encode(errors="backslashreplace")).hexdigest()
    within = Path("reviews", digest[:16], f"{output.name}{LOG_SUFFIX}")
    path, former = data_folder() / within, former_data_folder() / within
    return former if former.exists() and not path.exists() else path
