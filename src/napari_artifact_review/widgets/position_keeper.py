"""A timer that saves the reviewer's position after moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Slot

from napari_artifact_review.core.errors import HeldError

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController

#: Milliseconds from the first of several moves until the position is saved.
_DELAY_OF_SAVE = 400

#: Milliseconds between attempts while saving is impossible.
_DELAY_OF_RETRY = 2000


class PositionKeeper(QObject):
    """A timer that saves a session's position and view while its review is open.

    Parameters
    ----------
    parent : QObject
        The owner; Qt deletes this object together with the owner.
    session : ReviewSession
        The review.
    controller : ReviewController
        Adds the view to the position.
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
        """Cancel a scheduled save."""
        self._timer.stop()

    def save_soon(self) -> None:
        """Save the position after a short delay."""
        if not self._timer.isActive():
            self._timer.start(_DELAY_OF_SAVE)

    def try_again_later(self) -> None:
        """Schedule another save if the log has a problem, but is not read-only."""
        problem = self._session.problem
        if problem is not None and not isinstance(problem, HeldError):
            self._timer.start(_DELAY_OF_RETRY)

    @Slot()
    def save(self) -> None:
        """Save the position now, unless the log is read-only."""
        if isinstance(self._session.problem, HeldError):
            return
        self._controller.note_view()
        self._session.save_position()
        self.try_again_later()
