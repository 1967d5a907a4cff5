"""Folders of the user for caches, settings and logs, on each operating system."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

_NAME = "napari-artifact-review"


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
