"""The window of napari, for commands that open it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.user_folders import settings_folder

if TYPE_CHECKING:
    import napari


def run_napari(start: Callable[[napari.Viewer], None]) -> int:
    """Open a viewer, start a review in it, and return 0 when the viewer is closed."""
    import napari

    viewer = napari.Viewer()
    try:
        start(viewer)
    except ReviewError:
        viewer.close()
        raise
    if napari.current_viewer() is not None:
        # Without a window, which the user may have closed already, this would not end.
        napari.run()
    return 0


def check_settings() -> None:
    """Make napari keep its settings in memory if their folder is not writable.

    Otherwise, napari would not start. Call this function before napari is imported.
    """
    folder = settings_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        os.environ.setdefault("NAPARI_CONFIG", "")
        reason = error.strerror or error
        print(f"{folder}: settings are not saved ({reason}).", file=sys.stderr)


def has_display() -> bool:
    """Return whether Qt can open a window; without a display, it would abort."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    is_linux = sys.platform.startswith("linux")
    return not is_linux or any(os.environ.get(name) for name in names)


def check_display() -> None:
    """Raise a ReviewError if there is no display for a window.

    Call this function before Qt makes an application.
    """
    if not has_display():
        raise ReviewError(
            "a window needs a display, and there is none: neither DISPLAY nor "
            "WAYLAND_DISPLAY is set",
            remedy="Run it on a desktop, or connect with ssh -X; check, report, save "
            "and demo --no-window need no window",
        )


def check_qt() -> None:
    """Raise a ReviewError if Qt, which napari needs for its windows, is missing."""
    try:
        import qtpy  # noqa: F401
    except ImportError as error:
        raise ReviewError(
            'a window needs Qt; pip install "napari-artifact-review[all]" installs it'
        ) from error
