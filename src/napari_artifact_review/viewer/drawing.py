"""The drawing of the current image with its cutouts, and the camera."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from napari.components import ViewerModel

from napari_artifact_review.core.cutout import Cutout, Cutouts
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.camera import ReviewCamera, View
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.image.tiles_in_view import are_read, prefetch
from napari_artifact_review.viewer.input.selection import Selection
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.overlay import Overlay


class ReviewDrawing:
    """Draw the current image and its cutouts in the layers of the review.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : ReviewSession
        The review.
    layers : ReviewLayers
        The layers of the review.
    selection : Selection
        The selected cutouts.

    Attributes
    ----------
    image, overlay, camera : ImageLayer, Overlay, ReviewCamera
        The parts of the drawing.
    loaded : LoadedImage or None
        The image on the screen.
    name : str
        The name of the image.
    keeps_camera : bool
        Whether the camera keeps its position when the current cutout changes.
    marks_pending : bool
        Whether cutouts with unrecorded verdicts are marked.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        layers: ReviewLayers,
        selection: Selection,
    ) -> None:
        self._session = session
        self._selection = selection
        self.layers = layers
        self.image = ImageLayer(layers, self._current_inside)
        self.overlay = Overlay(layers, self._views_ahead, self.image.luminance_at)
        self.camera = ReviewCamera(viewer)
        self.loaded: LoadedImage | None = None
        self.name = ""
        self.keeps_camera = False
        self.marks_pending = False
        self._outside: set[int] = set()
        self._outcomes = session.catalog.outcomes

    @property
    def full(self) -> FullImage | None:
        """The image on the screen, as read from its file, or None."""
        return None if self.loaded is None else self.loaded.full

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns of the image on the screen."""
        assert self.full is not None, "an image must be shown"
        rows, columns = self.full.pixels.shape
        return rows, columns

    @property
    def problem(self) -> ImageError | None:
        """The error if the current cutout lies outside the image, or None."""
        cutout = self._session.current_cutout
        if self.full is None or cutout.row not in self._outside:
            return None
        rows, columns = self.shape
        return ImageError(
            f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
            f"the image of {columns} x {rows} pixels",
            path=self.full.path,
            remedy="Check grid_x and grid_y in the table",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Short messages for the reviewer about the image on the screen."""
        if self.full is None:
            return ()
        count = len(self._outside)
        if not count:
            return self.full.notes
        lie = "cutout lies" if count == 1 else "cutouts lie"
        return (*self.full.notes, f"{count:,} {lie} wholly outside this image")

    # The image

    def show(self, loaded: LoadedImage, name: str) -> None:
        """Draw an image with its cutouts."""
        self.loaded, self.name = loaded, name
        if not self.image.exists:
            # Insert the first layer before the camera is set, because napari moves the
            # camera at this insertion.
            self.image.show(loaded, name)
        # Show the layers before their data changes. napari does not slice hidden
        # layers, so their texts would not match the data.
        self.layers.unhide()
        inside = self._cutouts_inside()
        self._outcomes = self._session.catalog.outcomes
        self._show_current()
        self.image.expect(loaded)
        self.overlay.show(inside, self.shape, self.camera.view)
        self._draw_current()
        self.draw_selection()
        # Change the image last, because napari then updates the extent of all layers.
        self.image.show(loaded, name)

    def show_smoothed(self, loaded: LoadedImage) -> None:
        """Show the current image with a different smoothing."""
        self.loaded = loaded
        self.image.show(loaded, self.name)

    def forget(self) -> None:
        """Drop the image without changing the layers."""
        self.loaded, self._outside = None, set()

    def emit_postponed_events(self) -> None:
        """Emit the napari events that were postponed until after the first frame."""
        self.layers.emit_postponed_events()
        self.image.emit_postponed_events()

    # The cutouts

    def follow(self) -> None:
        """Show the current cutout, which must be on the drawn image."""
        self._show_current()
        self._draw_current()
        self.image.follow()
        self.overlay.fit_to_zoom(self.camera.view)

    def update(self) -> None:
        """Redraw the boxes of the image's cutouts after new verdicts."""
        self.overlay.update(self._cutouts_inside())

    def update_outcomes(self) -> bool:
        """Redraw the boxes if outcomes have changed; return whether they have."""
        outcomes = self._session.catalog.outcomes
        if outcomes is self._outcomes:
            return False
        self._outcomes = outcomes
        self.overlay.show(self._cutouts_inside(), self.shape, self.camera.view)
        return True

    def update_hidden(self) -> None:
        """Redraw all boxes after cutouts were hidden or shown."""
        if self.full is not None:
            self.overlay.show(self._cutouts_inside(), self.shape, self.camera.view)

    def mark_pending(self) -> None:
        """Mark cutouts with unrecorded verdicts, and unmark all other cutouts."""
        pending = bool(self._session.pending)
        if self.full is not None:
            if pending or self.marks_pending:
                self.update()
            self.marks_pending = pending

    def draw_selection(self) -> None:
        """Draw frames around the selected cutouts, if an image is on the screen."""
        if self.full is not None:
            rows = np.array(self._selection.rows, dtype=np.int64)
            cutouts = self._session.catalog.cutouts(self.name, rows)
            self.overlay.show_selection(cutouts)

    def _cutouts_inside(self) -> Cutouts:
        """Return the cutouts inside the image, and store the rows of those outside."""
        cutouts = self._session.catalog.cutouts_of(self.name)
        outside = cutouts.outside(self.shape)
        self._outside = set(cutouts.rows[outside].tolist())
        return cutouts.take(~outside)

    def _current_inside(self) -> Cutout | None:
        """Return the current cutout, or None if it is outside the image."""
        cutout = self._session.current_cutout
        return None if cutout.row in self._outside else cutout

    def _draw_current(self) -> None:
        cutout, directions = self._current_inside(), None
        sky = None if self.full is None else self.full.sky
        if cutout is not None and sky is not None:
            half = cutout.size / 2 - 0.5
            directions = sky.directions(cutout.grid_x + half, cutout.grid_y + half)
        self.overlay.show_current(cutout, directions)

    # The view

    def draw_view(self) -> None:
        """Draw the parts of the image and the overlay that have come into view."""
        view = self.camera.view
        self.image.prepare_view(view)
        self.overlay.draw_view(view)

    def fit_to_zoom(self) -> None:
        """Adjust lines and texts to the zoom."""
        self.overlay.fit_to_zoom(self.camera.view)

    def toggle_view(self) -> None:
        """Switch between the current cutout and the full image."""
        if self.camera.on_full_image(self.shape):
            self.camera.show_cutout(self._session.current_cutout, self.shape)
        else:
            self.camera.show_full_image(self.shape)
        self.fit_to_zoom()

    @property
    def is_in_full_detail(self) -> bool:
        """Whether all visible tiles of the current cutout have been read."""
        tiles = None if self.full is None else self.full.tiles
        if tiles is None:
            return True
        cutout, view = self._session.current_cutout, self.camera.view
        return are_read(tiles, self.image.level, cutout, view)

    def prefetch_next(self) -> None:
        """Request the tiles around the next cutout if it is in the same tiled image."""
        if self.full is not None and self.full.tiles is not None:
            for view in islice(self._views_ahead(), 1):
                prefetch(self.full.tiles, view)

    def _views_ahead(self) -> Iterator[View]:
        """Yield the views of the next cutouts in the queue until the image changes."""
        queue, index = self._session.review_queue, self._session.cutout_index
        row = queue.after(self._session.current_cutout.row)
        while row is not None and index.image_of(row) == self.name:
            yield self.camera.view_of(self._session.catalog.cutout(row))
            row = queue.after(row)

    def _show_current(self) -> None:
        """Move the camera to the current cutout, unless `keeps_camera` is set."""
        cutout = self._current_inside()
        if cutout is not None and not self.keeps_camera:
            self.camera.show_cutout(cutout, self.shape)
