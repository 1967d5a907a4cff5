"""Functions that show napari's notifications, with HTML in texts escaped."""

from __future__ import annotations

from napari.utils import notifications

from napari_artifact_review.core.texts import not_html


def show_error(text: str) -> None:
    """Show an error as a notification of napari."""
    notifications.show_error(not_html(text))


def show_warning(text: str) -> None:
    """Show a warning as a notification of napari."""
    notifications.show_warning(not_html(text))


def show_info(text: str) -> None:
    """Show information as a notification of napari."""
    notifications.show_info(not_html(text))
