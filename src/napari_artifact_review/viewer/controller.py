"""The controller, which shows a review session in a viewer and handles the mouse."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.components import ViewerModel
from napari.utils.events import Event

from napari_artifact_review.core.decisions.command import PENDING_DELAY
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.canvas_cover import Cover
from napari_artifact_review.viewer.drawing import ReviewDrawing
from napari_artifact_review.viewer.image.cutout_pixels import CutoutPixels
from napari_artifact_review.viewer.image_flow import ImageFlow
from napari_artifact_review.viewer.input.mouse import Mouse
from napari_artifact_review.viewer.input.selection import Selection
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.napari_modes import NapariModes
from napari_artifact_review.viewer.settings import ViewSettings
from napari_artifact_review.viewer.status import MouseStatus
from napari_artifact_review.viewer.verdicts import (
    Verdicts,
    VerdictTarget,
    advance_from,
)
from napari_artifact_review.viewer.view_state import Delays, Phase, ViewName


class ReviewController:
    """A controller that connects a review session to a viewer.

    All methods run in the main thread. `full` and `loaded` are None while the image of
    the current cutout is being read, and if the image cannot be read.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, or a proxy of it.
    session : ReviewSession
        The review.
    run_in_main : callable
        Schedules a function in the main thread; callable from any thread.
    run_later : callable
        Schedules a function after a delay in seconds; called in the main thread.

    Attributes
    ----------
    layers, image, overlay, camera : ReviewLayers, ImageLayer, Overlay, ReviewCamera
        The parts of the drawing.
    toggle_overlays : callable
        Hides all layers except the image, or shows them again.
    show_grid : callable
        Shows or hides the grid of all cutouts.
    set_y_up : callable
        Draws row 0 at the bottom for True, otherwise at the top.
    at_hand : callable
        Returns the untiled image of a name if it is in memory, otherwise None.
    selection : Selection
        The selected cutouts.
    verdicts : Verdicts
        The commands that give verdicts.
    loader : ImageLoader
        Reads the current image, and the next images in advance.
    hdus : dict of str to int
        The HDU that the reviewer chose for each image, by image name.
    delays : Delays
        The viewer's delays.
    view_changed : Signal
        Emitted when `view`, `waits_for_image` or the current cutout has changed.
    said : Signal
        Emitted with a message for the reviewer.
    watch : ImageWatch
        Identifies the image on the screen, and detects changes of its file.
    read_again : callable
        Reads the file of the current image again.
    choose_hdu : callable
        Shows another HDU of the current image's file, by its index.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        run_in_main: Callable[[Callable[[], object]], None],
        run_later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self.viewer = viewer
        self.session = session
        self._run_in_main = run_in_main
        self._run_later = run_later
        self.delays = Delays()
        self.selection = Selection(session)
        self.layers = ReviewLayers(
            viewer, lambda *position: self._status.describe(*position), self._draw_soon
        )
        self._drawing = ReviewDrawing(viewer, session, self.layers, self.selection)
        self.image, self.overlay = self._drawing.image, self._drawing.overlay
        self.camera = self._drawing.camera
        self._status = MouseStatus(viewer, session, self._drawing, run_later)
        run = run_in_main, run_later
        self._flow = ImageFlow(
            session, self._drawing, self.delays, *run, self._show, self._fail
        )
        self._state, self.view_changed = self._flow.state, self._flow.view_changed
        self.said, self.at_hand = self._flow.said, self._flow.at_hand
        self.loader, self.hdus = self._flow.loader, self._flow.hdus
        self.watch, self.read_again = self._flow.watch, self._flow.read_again
        self.choose_hdu = self._flow.choose_hdu
        self._cover = Cover(session, self._flow)
        self.verdicts = Verdicts(session, self.target, self.note_view)
        self._mouse = Mouse(
            viewer,
            session,
            self.selection,
            self.image,
            lambda: None if self.full is None else self._drawing.name,
            self._select_in_view,
        )
        self._settings = ViewSettings(session, viewer, self._drawing)
        self.toggle_overlays = self.layers.toggle_overlays
        self.show_grid, self.set_y_up = self.overlay.show_grid, self._settings.set_y_up
        self._zooms = 0
        self._modes = NapariModes(viewer, self.said.emit, run_later)
        self._is_connected = False

    # Connecting and disconnecting

    def connect(self) -> None:
        """Connect to the session and the viewer, and draw the current cutout."""
        if self._is_connected:
            return
        self._is_connected = True
        self.session.set_dispatcher(self._run_in_main)
        for signal, slot in (*self._session_slots(), *self._viewer_slots()):
            signal.connect(slot)
        self.selection.changed.connect(self._on_selection_changed)
        self.image.repainted.connect(self.overlay.fit_texts)
        self.verdicts.said.connect(lambda text: self.said.emit(text))
        self._mouse.connect()
        self._status.connect()
        self._modes.turn_off()
        self._settings.restore()
        self._flow.smooth()
        self._follow()
        self._run_later(0, self._prepare)

    def disconnect(self) -> None:
        """Disconnect from the session and the viewer, and remove the layers."""
        if not self._is_connected:
            return
        self.abandon()
        for event, slot in self._viewer_slots():
            event.disconnect(slot)
        self._mouse.disconnect()
        self._status.disconnect()
        self.layers.remove()
        self._modes.restore()

    def abandon(self) -> None:
        """Disconnect from the session only, because the viewer may be closed."""
        if not self._is_connected:
            return
        self._is_connected = False
        self._flow.cancel()
        for signal, slot in self._session_slots():
            signal.disconnect(slot)
        self.session.set_dispatcher(None)
        self._flow.close()

    def _session_slots(self) -> tuple[tuple[Any, Callable[..., object]], ...]:
        return (
            (self.session.current_changed, self._follow),
            (self.session.decided, self._on_decided),
            (self.session.queue_changed, self._on_queue_changed),
            (self.session.hidden_changed, self._drawing.update_hidden),
            (self.session.hdu_changed, self._flow.request_again),
            (self.session.undo_or_redo_given, self._on_turned),
            (self.session.pending_changed, self._on_pending_changed),
        )

    def _viewer_slots(self) -> tuple[tuple[Any, Callable[..., object]], ...]:
        camera = self.viewer.scene.camera
        return (
            (camera.events.zoom, self._on_zoom),
            (camera.events.center, self._draw_view),
            (self.viewer.layers.events.removed, self._on_layer_removed),
        )

    def _prepare(self) -> None:
        """Prepare the overlay for the first image, if no image has been shown yet."""
        if self._is_connected and not self._state.arrivals:
            self.overlay.prepare()

    # The view

    @property
    def view(self) -> ViewName:
        """The state of the view: "loading", "shown", "failed" or "covered"."""
        return self._state.name

    @property
    def says_loading(self) -> bool:
        """Whether the dock announces that an image is being read."""
        return self._state.phase is Phase.LOADING_ANNOUNCED

    @property
    def waits_for_image(self) -> bool:
        """Whether a verdict was refused because the current cutout is not drawn yet."""
        return self._state.waits_for_image

    @property
    def full(self) -> FullImage | None:
        """The image on the screen, as read from its file, or None."""
        return self._drawing.full

    @property
    def loaded(self) -> LoadedImage | None:
        """The image on the screen, prepared for drawing, or None."""
        return self._drawing.loaded

    @property
    def is_drawn(self) -> bool:
        """Whether all visible tiles of the current cutout have been read."""
        return self._drawing.is_in_full_detail

    @property
    def problem(self) -> ImageError | None:
        """The reason why the current cutout cannot be shown, or None."""
        return self._state.error or self._drawing.problem

    @property
    def notes(self) -> tuple[str, ...]:
        """Short messages for the reviewer about the image on the screen."""
        return (*self._drawing.notes, *self.watch.notes)

    def cutout_pixels(self) -> CutoutPixels | None:
        """Return the pixels of the current cutout and its surroundings, or None.

        The pixels are unavailable while the image is being read, and if the cutout is
        outside the image.
        """
        cutout, loaded = self.session.current_cutout, self.loaded
        if self._cover.target is not None:
            loaded = self.at_hand(cutout.image_name)
        return None if loaded is None else CutoutPixels.of(loaded, cutout)

    def rectangle_on_canvas(self) -> tuple[float, float, float, float]:
        """Return the edges of the current cutout; see `ReviewCamera.rectangle_of`."""
        return self.camera.rectangle_of(self.session.current_cutout, self.overlay.y_up)

    # Actions of the reviewer

    def target(self) -> VerdictTarget:
        """Return the target of the next verdict: the selection, or the current cutout.

        While the canvas is covered, the covering widget provides the target.
        """
        if self._cover.target is not None:
            return self._cover.target()
        rows = self.selection.rows or (self.session.current_cutout.row,)
        advance = partial(advance_from, self.session, rows)
        return VerdictTarget(rows, self._refusal, self.selection.clear, advance)

    def _refusal(self) -> str:
        """Return the reason why no verdict can be given now, or an empty string.

        If the image is still being read, also set `waits_for_image`.
        """
        if self.view == "loading" or not self.is_drawn:
            self._flow.hold_verdict()
            return "The image is still being read."
        if self.problem is not None and not len(self.selection):
            return "This cutout cannot be shown."
        return ""

    def cover(self, target: Callable[[], VerdictTarget]) -> None:
        """Stop drawing while another widget, such as the gallery, covers the canvas.

        Parameters
        ----------
        target : callable
            Returns the target of a verdict while the canvas is covered.
        """
        self.note_view()
        self.selection.clear()
        self.watch.forget()
        self._cover.target = target
        self._flow.cancel()
        self._state.enter(Phase.COVERED)
        self._drawing.forget()
        self.view_changed.emit()

    def uncover(self) -> None:
        """Resume drawing when the current image has been read."""
        self._cover.target = None
        # The layers still show the previous cutout, but the dock shows the current one.
        self._state.enter(Phase.LOADING_ANNOUNCED)
        self.layers.hide()
        self._flow.request(self.session.current_cutout.image_name)

    def _select_in_view(self, row: int) -> None:
        """Go to a clicked cutout without moving the camera."""
        self._drawing.keeps_camera = True
        try:
            self.session.select(*self.session.cutout_index.key_of(row))
        finally:
            self._drawing.keeps_camera = False

    def note_view(self) -> None:
        """Store the view settings in the session; see `ViewSettings.store`."""
        self._settings.store(self.hdus, self.view)

    def toggle_view(self) -> None:
        """Switch between the current cutout and the full image."""
        if self.full is None:
            self.said.emit("The image is still being read.")
        else:
            self._drawing.toggle_view()
            self._status.update()

    def set_display(self, display: Display) -> None:
        """Change how the pixels of all images are displayed.

        If the smoothing changes, a thread first smooths the current image.
        """
        self.image.set_display(display)
        self._flow.smooth()

    # The image

    def _show(self, loaded: LoadedImage) -> None:
        self._state.enter(Phase.DRAWING)
        # Connect before drawing, because drawing starts reading tiles.
        self._flow.draw_tiles_as_they_come(loaded)
        self._drawing.show(loaded, self._flow.name)
        self._settings.restore_image()
        self._state.enter(Phase.SHOWN)
        self.view_changed.emit()
        self._draw_view()
        self._drawing.fit_to_zoom()
        self._status.update()

    def _fail(self, error: ImageError) -> None:
        self._state.enter(Phase.FAILED, error)
        self._drawing.forget()
        # A cutout that is not visible must not get a verdict.
        self.selection.clear()
        self.layers.hide()
        self.view_changed.emit()

    # Responses to the session

    def _follow(self) -> None:
        name = self.session.current_cutout.image_name
        if self._cover.target is not None:
            self.view_changed.emit()
            self._cover.read_after(self.delays.rest_in_gallery)
        elif name != self._flow.name:
            self.selection.clear()
            self._flow.request(name)
        elif self.view == "shown":
            if self.session.current_cutout.row not in self.selection.rows:
                self.selection.clear()
            self._state.waits_for_image = False
            self._drawing.follow()
            self._status.update()
            self.view_changed.emit()
            self._run_later(0, self._drawing.prefetch_next)

    def _on_selection_changed(self) -> None:
        """Include the current cutout, which the dock describes, in the selection."""
        rows = self.selection.rows
        if rows and self.session.current_cutout.row not in rows:
            self._select_in_view(rows[-1])
        self._drawing.draw_selection()

    def _on_decided(self, rows: list[int]) -> None:
        images = {self.session.cutout_index.image_of(row) for row in rows}
        if self.full is not None and self._drawing.name in images:
            self._drawing.update()
            self._status.update()

    def _on_queue_changed(self) -> None:
        """Redraw the cutouts if outcomes changed, and read the next images."""
        if self.view == "shown":
            if self._drawing.update_outcomes():
                self._status.update()
            self._flow.run_later(0, self._flow.read_ahead)

    def _on_pending_changed(self) -> None:
        """Mark cutouts whose verdicts remain pending, or remove the marks."""
        if self._drawing.marks_pending and not self.session.pending:
            self._mark_pending()
        elif self.session.pending:
            self._run_later(PENDING_DELAY, self._mark_pending)

    def _mark_pending(self) -> None:
        if self._is_connected:
            self._drawing.mark_pending()

    def _on_turned(self, rows: list[int], action: str) -> None:
        if self._cover.target is None:
            self.selection.take_turn(rows, action)

    # Responses to the viewer

    def _draw_view(self) -> None:
        if self.view == "shown":
            self._drawing.draw_view()

    def _on_zoom(self) -> None:
        if self.view == "shown":
            self._draw_view()
            self._zooms += 1
            self._run_later(self.delays.zoom_end, partial(self._end_zoom, self._zooms))

    def _end_zoom(self, zooms: int) -> None:
        if zooms == self._zooms and self.view == "shown":
            self._drawing.fit_to_zoom()

    def _on_layer_removed(self, event: Event) -> None:
        if self.layers.owns(event.value):
            self.said.emit(
                f"Restored the layer “{event.value.name}”, which the review needs."
            )
            self._draw_soon()

    def _draw_soon(self) -> None:
        # Redraw after napari has notified all listeners of the change.
        self._run_in_main(self._draw_again)

    def _draw_again(self) -> None:
        if self._is_connected and self.loaded is not None:
            self._show(self.loaded)
