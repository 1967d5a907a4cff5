"""Saves the reviewer's position now and then; tries again after a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Slot

from napari_artifact_review.core.errors import HeldError

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController

#: Milliseconds after a move until the position is saved: not at each step of a walk.
_DELAY = 400

#: Milliseconds between tries while nothing can be saved.
_RETRY = 2000


class PositionKeeper(QObject):
    """Has a session save its position, and its view, while a review is open.

    Parameters
    ----------
    parent : QObject
        The object that the keeper ends with.
    session : ReviewSession
        The review.
    controller : ReviewController
        Notes how the review is viewed.
    """

    def __init__(
        self, parent: QObject, session: ReviewSession, controller: ReviewController
    ) -> None:
        super().__init__(parent)
        self._session, self._controller = session, controller
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.save)

    def stop(self) -> None:
        """Save no position that is not saved yet."""
        self._timer.stop()

    def save_soon(self) -> None:
        """Save the position once the reviewer has stayed there for a moment."""
        if not self._timer.isActive():
            self._timer.start(_DELAY)

    def try_again_later(self) -> None:
        """Try again after a while if the session can save nothing now."""
        problem = self._session.problem
        if problem is not None and not isinstance(problem, HeldError):
            self._timer.start(_RETRY)

    @Slot()
    def save(self) -> None:
        """Save the position now."""
        if isinstance(self._session.problem, HeldError):
            return
        self._controller.note_view()
        self._session.save_position()
        self.try_again_later()
