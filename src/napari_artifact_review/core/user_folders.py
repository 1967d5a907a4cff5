"""The user's folders for caches, settings and logs, one of each on every system."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path

_NAME = "napari-artifact-review"


def cache_folder() -> Path:
    """Return the folder of files that can be made again: the demo, and pyramids."""
    return user_cache_path(_NAME, appauthor=False)


def settings_folder() -> Path:
    """Return the folder of settings that do not belong to a review."""
    return user_config_path(_NAME, appauthor=False)


def data_folder() -> Path:
    """Return the folder of logs that cannot be beside their output."""
    return user_data_path(_NAME, appauthor=False)


def former_data_folder() -> Path:
    """Return the folder in which earlier versions kept such logs.

    It differs from `data_folder` on Windows, where it has the name twice.
    """
    return user_data_path(_NAME)
