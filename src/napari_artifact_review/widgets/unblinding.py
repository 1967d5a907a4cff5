"""The question before a file shows verdicts of others that are still hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_artifact_review.core.texts import counted

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


def may_show_votes(session: ReviewSession, parent: QWidget) -> bool:
    """Ask whether to write a file with verdicts that are hidden from the reviewer.

    The log records that the reviewer has seen them, if the reviewer agrees. Return True
    without a question if no verdict is hidden.
    """
    unseen = session.reviewers.unseen
    if not unseen:
        return True
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
        session.see_votes(unseen)
    return is_agreed
