"""Connects a session to a viewer: layers follow the one, the mouse steers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, Literal

import numpy as np
from napari.components import ViewerModel
from napari.utils.events import Event
from psygnal import Signal

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.full_image import FullImage
from napari_artifact_review.core.session import ReviewSession, Verdict
from napari_artifact_review.viewer.camera import ReviewCamera
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.loader import ImageLoader
from napari_artifact_review.viewer.settings import ViewSettings
from napari_artifact_review.viewer.status import describe_cutout, describe_pixel

#: Lines and texts are fitted anew when the zoom has changed by this factor.
_ZOOM_STEP = 1.1

#: A mouse that moves further than this between press and release drags.
_CLICK_RADIUS = 4.0

#: Seconds that the window waits for the disk to take a decision, so that the next frame
#: shows it. A slower disk does not hold it up: less than this is felt as at once
#: (J. Nielsen, Usability Engineering, 1993, ch. 5).
PATIENCE = 0.1

View = Literal["loading", "shown", "failed"]


class ReviewController:
    """Shows a session's current cutout in a viewer and acts on keys and mouse.

    Used in the main thread only. The image on the screen is always the one of the
    current cutout, or none: while it is read, and if it cannot be read.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, or a proxy of it.
    session : ReviewSession
        The review.
    run_in_main : callable
        Runs a function in the main thread, soon; called from any thread.

    Attributes
    ----------
    view_changed : Signal
        Emitted when an image is being read, is on the screen, or cannot be shown.
    said : Signal
        Emitted with a sentence for the reviewer.
    """

    view_changed = Signal()
    said = Signal(str)

    #: Whether a verdict came before its image: who walked on now would skip a cutout.
    waits_for_image = False

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        run_in_main: Callable[[Callable[[], object]], None],
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.layers = ReviewLayers(viewer, self._describe, self._restore_soon)
        self.camera = ReviewCamera(viewer)
        self.view: View = "loading"
        self.full: FullImage | None = None
        self._run_in_main = run_in_main
        self._loader = ImageLoader(session.images)
        self._image_name = ""
        self._hdus: dict[str, int] = {}
        self._error: ImageError | None = None
        self._outside: dict[int, ImageError] = {}
        self._request = 0
        self._fitted_zoom = 1.0
        self._orientation = viewer.scene.camera.orientation2d
        self._settings = ViewSettings(session, viewer, self.layers, self.camera)
        self._camera_stays = False
        self._connected = False

    # Life

    def connect(self) -> None:
        """Start to follow the session."""
        if self._connected:
            return
        self._connected = True
        self.session.answer_through(self._run_in_main)
        self.session.current_changed.connect(self._follow)
        self.session.label_changed.connect(self._on_label_changed)
        self.viewer.scene.camera.events.zoom.connect(self._on_zoom)
        self.viewer.layers.events.removed.connect(self._on_layer_removed)
        self.viewer.mouse_drag_callbacks.append(self._on_mouse_press)
        self.viewer.dims.events.ndisplay.connect(self._stay_flat)
        self.viewer.dims.ndisplay = 2
        self._hdus = self._settings.hdus()
        self._settings.restore()
        self._follow()

    def disconnect(self) -> None:
        """Let go of session and viewer, and take the layers away."""
        if not self._connected:
            return
        self.abandon()
        self.viewer.dims.events.ndisplay.disconnect(self._stay_flat)
        self.viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.mouse_drag_callbacks.remove(self._on_mouse_press)
        self.viewer.scene.camera.orientation2d = self._orientation
        self.layers.remove()

    def abandon(self) -> None:
        """Let go of the session, but leave a viewer alone whose window is gone."""
        if not self._connected:
            return
        self._connected = False
        self._request += 1
        self.session.current_changed.disconnect(self._follow)
        self.session.label_changed.disconnect(self._on_label_changed)
        self._loader.close()

    # What the reviewer asks for

    @property
    def problem(self) -> ImageError | None:
        """Why the current cutout cannot be shown, if it cannot."""
        return self._error or self._outside.get(self.session.current_cutout.row)

    def decide(self, value: Verdict) -> None:
        """Set the label of the cutout on the screen; without pixels, nothing is set."""
        if self.view == "loading":
            self.waits_for_image = True
            self.said.emit("The image is still being read; nothing was decided.")
        elif self.problem is not None:
            self.said.emit("This cutout cannot be shown; nothing was decided.")
        else:
            self.note_view()
            self.session.set_label(value, wait=PATIENCE)

    def note_view(self) -> None:
        """Note how the review is looked at now, to be kept with it."""
        if self.view == "shown":
            self._settings.note(self._hdus, self._shape)

    def toggle_view(self) -> None:
        """Switch between the current cutout and the full image."""
        if self.full is None:
            return
        if self.camera.on_full_image(self._shape):
            self.camera.show_cutout(self.session.current_cutout, self._shape)
        else:
            self.camera.show_full_image(self._shape)

    def choose_hdu(self, index: int) -> None:
        """Show another HDU of the current image's file."""
        self._hdus[self._image_name] = index
        self._load(self._image_name)

    def show_grid(self, shown: bool) -> None:
        """Show or hide the grid of all cutouts."""
        self.layers.show_grid(shown)

    def set_y_up(self, up: bool) -> None:
        """Draw row 0 at the bottom, as FITS viewers do, or at the top."""
        self._settings.set_y_up(up)

    # What follows the session

    @property
    def _shape(self) -> tuple[int, int]:
        assert self.full is not None, "asked for while an image is shown"
        rows, columns = self.full.pixels.shape
        return rows, columns

    def _follow(self) -> None:
        name = self.session.current_cutout.image_name
        if name != self._image_name:
            self._load(name)
        elif self.view == "shown":
            self._show_current()
            self.view_changed.emit()

    def _load(self, name: str) -> None:
        self._request += 1
        self._image_name = name
        future = self._loader.load(name, self._hdus.get(name))
        if future.done():
            self._receive(self._request, future)
            return
        self._set_view("loading")
        receive = partial(self._receive, self._request, future)
        future.add_done_callback(lambda _: self._run_in_main(receive))

    def _receive(self, request: int, future: Future[FullImage]) -> None:
        """Take an image, unless another one has been asked for since."""
        if request != self._request:
            return
        error = future.exception()
        if error is None:
            self._show(future.result())
        elif isinstance(error, ImageError):
            self._set_view("failed", error)
        else:
            raise error
        self._read_ahead()

    def _show(self, full: FullImage) -> None:
        self.full = full
        self._error = None
        name, shape = self._image_name, self._shape
        self._outside = {
            cutout.row: ImageError(
                f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
                f"the image of {shape[1]} x {shape[0]} pixels",
                path=full.path,
                remedy="Check grid_x and grid_y in the table",
            )
            for cutout in self.session.catalog.cutouts_outside(name, shape)
        }
        self.view = "loading"
        self.layers.show_image(full, name)
        self._draw_cutouts()
        self._show_current()
        self._fit_to_zoom()
        self.layers.unhide()
        self._settings.restore_image(self._shape)
        self._set_view("shown")

    def _set_view(self, view: View, error: ImageError | None = None) -> None:
        self.view, self._error = view, error
        self.waits_for_image = False
        if view != "shown":
            self.full, self._outside = None, {}
            self.layers.hide()
        self.view_changed.emit()

    def _show_current(self) -> None:
        cutout = self.session.current_cutout
        if cutout.row in self._outside:
            self.layers.hide_current()
            return
        if not self._camera_stays:
            self.camera.show_cutout(cutout, self._shape)
        self.layers.show_current(cutout, self._shape)

    def _draw_cutouts(self) -> None:
        cutouts = self.session.catalog.cutouts_of(self._image_name)
        inside = [c for c in cutouts if c.row not in self._outside]
        self.layers.show_cutouts(inside, self._shape)

    def _read_ahead(self) -> None:
        session, row = self.session, self.session.current_cutout.row
        errors = session.walk.errors_of(self._image_name)
        first, last = (errors[0], errors[-1]) if len(errors) else (row, row)
        near = (session.walk.error_after(last), session.walk.error_before(first))
        self._loader.read_ahead(
            [session.catalog.cutout(row).image_name for row in near if row is not None]
        )

    def _on_label_changed(self, row: int) -> None:
        shown = self.full is not None
        if shown and self.session.catalog.cutout(row).image_name == self._image_name:
            self._draw_cutouts()

    # What the viewer tells

    def _describe(self, row: float, column: float) -> str:
        """Describe the place under the mouse; runs off the main thread."""
        full, name = self.full, self._image_name
        if full is None:
            return ""
        x, y = round(column), round(row)
        cutout = self.session.catalog.cutout_at(name, x, y)
        text = describe_pixel(full, x, y)
        return f"{text}  |  {describe_cutout(cutout)}" if cutout else text

    def _on_zoom(self) -> None:
        # napari zooms by itself while the first layer goes in.
        change = self.viewer.scene.camera.zoom / self._fitted_zoom
        if self.view == "shown" and not 1 / _ZOOM_STEP < change < _ZOOM_STEP:
            self._fit_to_zoom()

    def _fit_to_zoom(self) -> None:
        self._fitted_zoom = self.viewer.scene.camera.zoom
        self.layers.set_zoom(self._fitted_zoom, self.session.cutout_size)
        cutout = self.session.current_cutout
        if cutout.row not in self._outside:
            self.layers.show_current(cutout, self._shape)

    def _stay_flat(self) -> None:
        if self.viewer.dims.ndisplay != 2:
            self.viewer.dims.ndisplay = 2
            self.said.emit(
                "A review is two-dimensional; close it for napari's 3-D view."
            )

    def _on_layer_removed(self, event: Event) -> None:
        if self.layers.owns(event.value):
            self.said.emit(
                f"The review needs its layer “{event.value.name}”: it is back."
            )
            self._restore_soon()

    def _restore_soon(self) -> None:
        # Later, since napari is in the midst of telling others of the change.
        self._run_in_main(self._restore)

    def _restore(self) -> None:
        if self._connected and self.full is not None:
            self.layers.forget_drawings()
            self._show(self.full)

    def _on_mouse_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        """Make the cutout that is clicked the current one; a drag is none of ours."""
        active = viewer.layers.selection.active
        idle = active is None or active.mode == "pan_zoom"
        if self.full is None or event.button != 1 or event.modifiers or not idle:
            return
        pressed = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.hypot(*(np.array(event.pos) - pressed)) > _CLICK_RADIUS:
            return
        row, column = event.position[-2:]
        cutout = self.session.catalog.cutout_at(
            self._image_name, round(column), round(row)
        )
        if cutout is not None:
            self._camera_stays = True
            try:
                self.session.select(*cutout.key)
            finally:
                self._camera_stays = False
