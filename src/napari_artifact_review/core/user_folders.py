"""Paths that users write, and their folders for caches, settings and logs."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

from napari_artifact_review.core.errors import ReviewError

_NAME = "napari-artifact-review"

#: Maximum length of the name of a file or folder: bytes, on Windows characters.
_MOST_IN_NAME = 255


def expanded_path(path: str | Path) -> Path:
    """Return a path with `~` or `~name` as the home folder of that user, if known."""
    # Path.expanduser raises a RuntimeError if the user is not known.
    return Path(os.path.expanduser(path))  # noqa: PTH111


def absolute_path(path: str | Path) -> Path:
    """Return an absolute path, with `~` as the home folder; see `expanded_path`.

    Raises
    ------
    ReviewError
        If a name in the path is longer than file systems allow. The file is not looked
        for.
    """
    found = expanded_path(path).absolute()
    for part in found.parts:
        length = len(part if os.name == "nt" else os.fsencode(part))
        if length > _MOST_IN_NAME:
            raise ReviewError(
                f"the file name is too long ({length} bytes, at most {_MOST_IN_NAME})",
                path=found,
                remedy="Choose another name",
            )
    return found


def cache_folder() -> Path:
    """Return the folder for files that can be recreated, such as pyramids."""
    return user_cache_path(_NAME, appauthor=False)


def settings_folder() -> Path:
    """Return the folder for settings that do not belong to a review."""
    return user_config_path(_NAME, appauthor=False)


def data_folder() -> Path:
    """Return the folder for logs that cannot be stored in the output folder."""
    return user_data_path(_NAME, appauthor=False)


def former_data_folder() -> Path:
    """Return the folder in which earlier versions stored these logs.

    On Windows, the path contains the name of the plugin twice. On other systems, the
    path is that of `data_folder`.
    """
    return user_data_path(_NAME)
