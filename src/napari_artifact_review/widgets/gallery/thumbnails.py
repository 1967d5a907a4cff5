"""Requests for the thumbnails of the gallery, and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import ensure_colormap
from qtpy.QtCore import QTimer

from napari_artifact_review.core.images.display import LEVELS, Display
from napari_artifact_review.core.images.thumbnails import Look

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.viewer.image.picture_loader import PictureLoader
    from napari_artifact_review.widgets.gallery.model import GalleryModel
    from napari_artifact_review.widgets.gallery.view import GalleryView

#: Milliseconds from a scroll until the thumbnails in view are requested.
_DELAY_OF_REQUEST = 15

#: Milliseconds from the last missing thumbnail in view until thumbnails outside the
#: view are requested.
_DELAY_OF_READ_AHEAD = 150

#: Maximum number of thumbnails requested in advance below the view.
_MOST_AHEAD = 200


class Thumbnails:
    """A scheduler of requests for thumbnails: first in the view, then around the view.

    Parameters
    ----------
    loader : PictureLoader
        Makes the thumbnails.
    view : GalleryView
        Shows the thumbnails. While the view is hidden, no thumbnails are requested.
    model : GalleryModel
        The cutouts by position.
    session : ReviewSession
        The review.
    controller : ReviewController
        Provides the display and the orientation of the full image.
    """

    def __init__(
        self,
        loader: PictureLoader,
        view: GalleryView,
        model: GalleryModel,
        session: ReviewSession,
        controller: ReviewController,
    ) -> None:
        self._loader, self._view, self._model = loader, view, model
        self._session, self._controller = session, controller
        self._shrink = 1
        self._request_timer = QTimer(view, singleShot=True, interval=_DELAY_OF_REQUEST)
        self._ahead_timer = QTimer(view, singleShot=True, interval=_DELAY_OF_READ_AHEAD)
        self._request_timer.timeout.connect(self.request)
        self._ahead_timer.timeout.connect(self._request_ahead)
        loader.made.connect(self._on_made)
        view.range_changed.connect(self.request_soon)

    def set_side(self, side: int) -> None:
        """Change the side of the thumbnails, in Qt pixels."""
        self._view.set_side(side)
        if self._possible_shrink() != self._shrink:
            self.show_display()

    def show_display(self) -> None:
        """Apply the display and the orientation of the full image to the thumbnails."""
        self._shrink = self._possible_shrink()
        self._loader.show_as(current_look(self._controller, self._shrink))
        self.request_soon()

    def request_soon(self) -> None:
        """Request the thumbnails in view when the user has stopped scrolling."""
        self._request_timer.start()

    def request(self) -> None:
        """Request the missing thumbnails in view."""
        if not self._view.isVisible():
            return
        missing = self._missing(self._view.positions_in_view())
        self._loader.want(missing)
        if missing:
            self._ahead_timer.stop()
        else:
            self._ahead_timer.start()

    def _request_ahead(self) -> None:
        """Request the missing thumbnails below the view, then those above the view."""
        if not self._view.isVisible():
            return
        view, count = self._view.positions_in_view(), self._model.rowCount()
        above = range(max(view.start - len(view), 0), view.start)
        # Leave memory for the thumbnails in view.
        room = self._loader.room_for(self._session.cutout_size) - 2 * len(view)
        below = range(view.stop, min(view.stop + min(max(room, 0), _MOST_AHEAD), count))
        self._loader.want([*self._missing(below), *self._missing(above)])

    def _on_made(self, rows: list[int]) -> None:
        if not self._view.isVisible():
            return
        view = self._view.positions_in_view()
        # Thumbnails outside the view cause no further requests.
        is_in_view = np.isin(self._model.positions(rows), view).any()
        if is_in_view and not self._missing(view):
            self._ahead_timer.start()

    def _missing(self, positions: range) -> list[Cutout]:
        """Return the cutouts at positions that have no up-to-date thumbnail."""
        rows = self._model.rows(positions).tolist()
        return [
            self._model.cutout(position)
            for position, row in zip(positions, rows, strict=True)
            if not self._loader.has(row)
        ]

    def _possible_shrink(self) -> int:
        """Return the largest binning factor that loses no detail on the screen."""
        side = self._view.side * self._view.devicePixelRatioF()
        return max(1, int(self._session.cutout_size / side))


def current_look(controller: ReviewController, shrink: int = 1) -> Look:
    """Return the thumbnail settings that match the full image.

    `shrink` is the binning factor.
    """
    image = controller.image
    display: Display = image.display
    levels: Any = np.linspace(0, 1, LEVELS)
    colors = ensure_colormap(display.colormap).map(levels)[:, :3]
    return Look(display, colors, controller.overlay.y_up, shrink, image.gamma)
