"""A writer of files that the user names in a window, which works in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_artifact_review.core.atomic_files import stem_and_suffix
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.widgets.parts.background import Background

_Written = TypeVar("_Written")


class WritingWindow(Protocol):
    """A window with a line for messages, which shows that a file is being written."""

    def show_message(self, text: str = "", *, error: str = "") -> None:
        """Show a message, or an error."""

    def show_writing(self, is_writing: bool) -> None:
        """Show whether a file is being written."""


def ask_for_file(
    parent: QWidget, title: str, suggested: Path, suffixes: str
) -> Path | None:
    """Return the file to write that the user chooses; None if the user chooses none.

    A name without a suffix gets that of the suggested file.
    """
    chosen, _ = QFileDialog.getSaveFileName(parent, title, str(suggested), suffixes)
    if not chosen:
        return None
    path = Path(chosen)
    suffix = "" if path.suffix else stem_and_suffix(suggested)[1]
    return path.with_name(path.name + suffix)


class FileWriter:
    """A writer of files that the user names.

    Parameters
    ----------
    window : WritingWindow
        The window, which is also the parent of the dialog.
    background : Background
        Runs the jobs.
    """

    def __init__(self, window: WritingWindow, background: Background) -> None:
        self._window = window
        self._background = background

    def ask(self, title: str, suggested: Path, suffixes: str) -> Path | None:
        """Ask for a file in front of the window; see `ask_for_file`."""
        return ask_for_file(cast(QWidget, self._window), title, suggested, suffixes)

    def write(
        self,
        job: Callable[[], _Written],
        path: Path,
        show: Callable[[_Written], object],
    ) -> None:
        """Run a job that writes a file, and show its result, or why there is none."""

        def done(written: _Written) -> None:
            self._window.show_writing(False)
            show(written)

        def failed(error: Exception) -> None:
            self._window.show_writing(False)
            self._window.show_message()
            if not isinstance(error, ReviewError):
                raise error
            self._window.show_message(error=f"Nothing was written. {error}")

        self._window.show_writing(True)
        self._window.show_message(f"Writing {path}...")
        self._background.start(job, done, failed)
