"""The question before a file shows verdicts of others that are still hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.texts import counted
from napari_artifact_review.widgets.notifications import show_error

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


def confirm_unblinding(session: ReviewSession, parent: QWidget) -> bool:
    """Ask before a file shows hidden verdicts of others, and record a consent.

    Return whether to write the file: True without a question if no verdict is hidden.
    """
    unseen = session.reviewers.unseen
    if not unseen:
        return True
    if isinstance(session.problem, HeldError):
        show_error(
            "The file has verdicts of others that are hidden from you, and a read-only "
            "review cannot record that you saw them. Reopen the review for editing."
        )
        return False
    question = QMessageBox(parent)
    question.setIcon(QMessageBox.Icon.Question)
    question.setWindowTitle("Verdicts of others")
    question.setText(
        f"The file has verdicts of others on {counted(len(unseen), 'cutout')} "
        "without a verdict of yours. Write it?"
    )
    question.setInformativeText(
        "The log records that you saw them. If you review these cutouts later, your "
        "verdicts do not count for the agreement."
    )
    write = question.addButton("Write", QMessageBox.ButtonRole.AcceptRole)
    question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))
    question.exec()
    is_agreed = question.clickedButton() is write
    question.deleteLater()
    if is_agreed:
        session.record_seen_votes(unseen)
    return is_agreed
