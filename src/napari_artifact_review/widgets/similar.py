"""The page of cutouts that look like the current one or like the selected ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_artifact_review.core.cutout import CutoutKey
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.controller import ReviewController
    from napari_artifact_review.widgets.surface import Surfaces


class SimilarPage:
    """The gallery with similar cutouts, and the way back from it.

    Parameters
    ----------
    session : ReviewSession
        The review.
    controller : ReviewController
        Knows the selected cutouts.
    surfaces : Surfaces
        The canvas and the gallery.
    say : callable
        Shows a message to the reviewer.
    """

    def __init__(
        self,
        session: ReviewSession,
        controller: ReviewController,
        surfaces: Surfaces,
        say: Callable[[str], object],
    ) -> None:
        self._session = session
        self._controller = controller
        self._surfaces = surfaces
        self._say = say
        self._opened_gallery = False
        self._examples: list[CutoutKey] = []
        #: Whether to leave out the images of the cutouts that are compared with.
        self.other_images = False
        #: Label of the key that shows this page and goes back.
        self.key = ""

    def toggle(self) -> None:
        """Show similar cutouts in the gallery, or go back to the previous queue."""
        if self._session.shows_similar:
            self._go_back()
        else:
            self._show()

    def _show(self) -> None:
        session = self._session
        rows = self._controller.target().rows or (session.current_cutout.row,)
        self._examples = [session.cutout_index.key_of(row) for row in rows]
        if not self._queue():
            self._say(self._reason())
            return
        self._controller.selection.clear()
        in_gallery = self._surfaces.front is self._surfaces.gallery
        self._opened_gallery = not in_gallery
        if self._opened_gallery:
            self._surfaces.toggle_gallery()
        self._say(f"Similar cutouts, the nearest first. {self.key} goes back.")

    def leave_out_images(self, on: bool) -> None:
        """Leave out the images of the cutouts that are compared with, or include them.

        If similar cutouts are shown, they are searched again.
        """
        self.other_images = on
        if self._session.shows_similar and self._examples:
            self._queue()

    def _queue(self) -> bool:
        return self._session.show_similar(
            cutouts=self._examples, other_images=self.other_images
        )

    def _go_back(self) -> None:
        in_gallery = self._surfaces.front is self._surfaces.gallery
        if self._opened_gallery and in_gallery:
            self._surfaces.toggle_gallery()
        self._session.end_similar()
        self._say("")

    def _reason(self) -> str:
        """Return the reason why no similar cutouts are known."""
        known = self._session.descriptors
        done, total = known.progress
        if known.is_ready:
            return "The image of this cutout could not be read for a comparison."
        return (
            f"Similar cutouts are known once the images are read: {done:,} of "
            f"{total:,} so far. Try again soon."
        )
