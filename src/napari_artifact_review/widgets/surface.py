"""The surfaces in the middle of the window: canvas and gallery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from qtpy.QtCore import QPointF, QRect, QRectF
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.status import end_of_queue
from napari_artifact_review.widgets.parts.focus import (
    give_keys_to_viewer,
    main_window_of,
)

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.gallery import GalleryPanel

#: Message when the reviewer wants to leave a cutout whose verdict came too early.
STAYS_AT_CUTOUT = (
    "No verdict was given, because the image is still being read. The review stays at "
    "its cutout until the image is shown."
)


class Surface(Protocol):
    """The interface of a widget that shows cutouts and goes to other cutouts."""

    def go_next(self) -> None:
        """Go to the next cutout."""

    def go_previous(self) -> None:
        """Go to the previous cutout."""

    def current_rectangle(self) -> QRect | None:
        """Return the current cutout's rectangle on the screen; None if unknown."""

    def toggle_view(self) -> None:
        """Switch between a closer view and a wider view."""

    def show_display(self) -> None:
        """Apply the current limits, stretch, colours and orientation to the pixels."""


class Canvas:
    """napari's canvas as a surface.

    Parameters
    ----------
    dock : QWidget
        The dock, in the window of the canvas.
    session : ReviewSession
        The review.
    controller : ReviewController
        Draws the review in the canvas.
    say : callable
        Shows a message to the reviewer.
    """

    def __init__(
        self,
        dock: QWidget,
        session: ReviewSession,
        controller: ReviewController,
        say: Callable[[str], object],
    ) -> None:
        self._dock = dock
        self._session = session
        self._controller = controller
        self._say = say

    def go_next(self) -> None:
        """Go to the next cutout of the queue."""
        if self._may_leave() and not self._session.next():
            self._say(end_of_queue(self._session, "last"))

    def go_previous(self) -> None:
        """Go to the previous cutout of the queue."""
        if self._may_leave() and not self._session.previous():
            self._say(end_of_queue(self._session, "first"))

    def _may_leave(self) -> bool:
        """Return whether the reviewer may leave the cutout; explain a refusal."""
        if self._controller.waits_for_image:
            self._controller.said.emit(STAYS_AT_CUTOUT)
        return not self._controller.waits_for_image

    def current_rectangle(self) -> QRect | None:
        """Return the current cutout's rectangle on the screen; None if unknown."""
        window = self._dock.window()
        if not isinstance(window, QMainWindow):
            # A floating dock is a separate window.
            return None
        canvas = window.centralWidget()
        left, top, right, bottom = self._controller.rectangle_on_canvas()
        middle = canvas.mapToGlobal(canvas.rect().center())
        cutout = QRectF(QPointF(left, top), QPointF(right, bottom)).toRect()
        return QRect(cutout.translated(middle))

    def toggle_view(self) -> None:
        """Switch between the current cutout and the full image."""
        self._controller.toggle_view()

    def show_display(self) -> None:
        """Do nothing, because napari redraws its layers itself."""


class Surfaces:
    """The canvas, and the gallery that can cover it.

    Parameters
    ----------
    dock : QWidget
        The dock, in the window of the canvas.
    session : ReviewSession
        The review.
    controller : ReviewController
        Draws the review in the canvas.
    say : callable
        Shows a message to the reviewer.
    show_selection : callable
        Shows the rows of the selected cutouts in the dock.

    Attributes
    ----------
    gallery : GalleryPanel or None
        The gallery; None before its first use.
    """

    def __init__(
        self,
        dock: QWidget,
        session: ReviewSession,
        controller: ReviewController,
        say: Callable[[str], object],
        show_selection: Callable[[Sequence[int]], object],
    ) -> None:
        self._dock = dock
        self._session = session
        self._controller = controller
        self._canvas = Canvas(dock, session, controller, say)
        self._keys = KeyChoice()
        self._show_selection = show_selection
        self.gallery: GalleryPanel | None = None

    @property
    def front(self) -> Surface:
        """The surface that is visible to the reviewer."""
        if self.gallery is None or self._controller.view != "covered":
            return self._canvas
        return self.gallery

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the gallery, now or when the gallery is created."""
        self._keys = keys
        if self.gallery is not None:
            self.gallery.show_keys(keys)

    def toggle_gallery(self) -> None:
        """Cover the canvas with the gallery, or uncover the canvas."""
        if self.gallery is None:
            self.gallery = self._make_gallery()
        if self.front is self.gallery:
            self.gallery.close_page()
            self._show_selection(())
            self._controller.uncover()
            give_keys_to_viewer(self._dock)
        else:
            self._controller.cover(self.gallery.target)
            self.gallery.open()

    def drop_gallery(self) -> None:
        """Remove the gallery and its thumbnails."""
        if self.gallery is not None:
            self.gallery.release()
            self.gallery = None

    def _make_gallery(self) -> GalleryPanel:
        # Import the gallery only here, because it imports the readers of images.
        from napari_artifact_review.widgets.gallery import GalleryPanel

        window = main_window_of(self._dock)
        assert window is not None, "the dock must be in a window"
        gallery = GalleryPanel(window.centralWidget(), self._session, self._controller)
        gallery.show_keys(self._keys)
        gallery.left.connect(self.toggle_gallery)
        gallery.selection_changed.connect(
            # The current cutout alone is no selection for the dock.
            lambda rows: self._show_selection(rows if len(rows) > 1 else ())
        )
        return gallery
