"""Notices about a review whose dock is closed or hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_artifact_review.core.errors import HeldError

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


def closed_notice(session: ReviewSession) -> str:
    """Say where the verdicts of a review are, whose dock is being closed."""
    name, pending = session.predictions.path.name, len(session.pending)
    if isinstance(session.problem, HeldError):
        return f"The review of {name} is closed here. It was read-only."
    if pending:
        count = "1 verdict is" if pending == 1 else f"{pending} verdicts are"
        stored = (
            f"{count} still being recorded in {session.store}; another message names "
            "what cannot be recorded."
        )
    else:
        stored = f"Every verdict is stored in {session.store}."
    return f"The review of {name} is closed. {stored} Open the table again to continue."


def hidden_notice(session: ReviewSession) -> str:
    """Say that a review whose dock is hidden goes on, and how to show the dock."""
    return (
        f"The review of {session.predictions.path.name} goes on while its dock is "
        "hidden: the keys still give verdicts. To show the dock, choose Plugins > "
        "Artifact Review; to end the review, close the dock."
    )


def is_hidden_by_user(content: QWidget) -> bool:
    """Return whether a dock itself is hidden, and not its window or its parent."""
    dock = content.parentWidget()
    return dock is not None and dock.isHidden()
