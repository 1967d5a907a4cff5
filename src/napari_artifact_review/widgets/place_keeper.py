"""Remembers, now and then, where the review stands; tries again what cannot be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer, Slot

from napari_artifact_review.core.errors import HeldError

if TYPE_CHECKING:
    from napari_artifact_review.core.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController

#: Milliseconds after a move until the place is kept: not at each step of a fast walk.
_PATIENCE = 400

#: Milliseconds between tries while nothing can be kept.
_RETRY = 2000


class PlaceKeeper(QObject):
    """Has a session keep its place, and its view, while it is looked at."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._session: ReviewSession | None = None
        self._controller: ReviewController | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.keep)

    def follow(self, session: ReviewSession, controller: ReviewController) -> None:
        """Keep the place of a session from now on."""
        self._session, self._controller = session, controller

    def stop(self) -> None:
        """Keep no place any more."""
        self._session = self._controller = None
        self._timer.stop()

    def keep_soon(self) -> None:
        """Keep the place when the reviewer has stood there for a moment."""
        if not self._timer.isActive():
            self._timer.start(_PATIENCE)

    def look_after(self, session: ReviewSession) -> None:
        """Try again from time to time if a session can keep nothing."""
        if session.problem is not None and not isinstance(session.problem, HeldError):
            self._timer.start(_RETRY)

    @Slot()
    def keep(self) -> None:
        """Keep the place now."""
        if self._session is None or self._controller is None:
            return
        if isinstance(self._session.problem, HeldError):
            return
        self._controller.note_view()
        self._session.save_position()
        self.look_after(self._session)
