"""Notifications when the dock of a review is closed or hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.widgets.notifications import show_info

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


def tell_closed(session: ReviewSession) -> None:
    """Notify the user where a review's verdicts are, before the review closes."""
    name, pending = session.predictions.path.name, len(session.pending)
    if isinstance(session.problem, HeldError):
        show_info(f"The review of {name} is closed here. It was read-only.")
        return
    if pending:
        count = "1 verdict is" if pending == 1 else f"{pending} verdicts are"
        stored = (
            f"{count} still being recorded in {session.store}; another message names "
            "what cannot be recorded."
        )
    else:
        stored = f"Every verdict is stored in {session.store}."
    show_info(
        f"The review of {name} is closed. {stored} Open the table again to continue."
    )


def tell_if_hidden(content: QWidget, session: ReviewSession) -> None:
    """Notify the user that a review continues while its dock is hidden.

    Do nothing if the window is hidden, but not the dock itself.
    """
    dock = content.parentWidget()
    if dock is not None and dock.isHidden():
        show_info(
            "The keys still give verdicts while the dock is hidden. To show the dock, "
            "choose Plugins > Artifact Review; to end the review of "
            f"{session.predictions.path.name}, close the dock."
        )
