"""napari's notifications, with texts from files as plain text."""

from __future__ import annotations

from napari.utils import notifications

from napari_artifact_review.core.texts import not_html


def show_error(text: str) -> None:
    """Show an error in the viewer's window, and in the terminal."""
    notifications.show_error(not_html(text))


def show_warning(text: str) -> None:
    """Show a warning in the viewer's window, and in the terminal."""
    notifications.show_warning(not_html(text))


def show_info(text: str) -> None:
    """Show a fact in the viewer's window, and in the terminal."""
    notifications.show_info(not_html(text))
