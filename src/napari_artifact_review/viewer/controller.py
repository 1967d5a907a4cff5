"""Connects a session to a viewer: layers follow the one, the mouse steers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Literal

import numpy as np
from napari.components import ViewerModel
from napari.utils.events import Event
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout, Cutouts
from napari_artifact_review.core.decisions.command import NOTICEABLE
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.camera import ReviewCamera, View
from napari_artifact_review.viewer.image.cutout_pixels import CutoutPixels
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.image.loader import ImageLoader
from napari_artifact_review.viewer.input.mouse import Mouse
from napari_artifact_review.viewer.input.selection import Selection
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.napari_compat import (
    update_status,
    update_status_in_thread,
)
from napari_artifact_review.viewer.overlay.compass import Directions
from napari_artifact_review.viewer.overlay.overlay import Overlay
from napari_artifact_review.viewer.settings import ViewSettings
from napari_artifact_review.viewer.status import describe_cutout, describe_pixel
from napari_artifact_review.viewer.verdicts import Verdicts, VerdictTarget

#: Seconds that a zoom has to rest until lines and texts are fitted to it, which
#: meanwhile grow and shrink with the image.
_REST = 0.25

#: Seconds after an image is shown until napari's list of layers and others are told.
_BREATH = 0.3

#: Seconds that somebody rests at a cutout of the gallery until its image is read, to be
#: there when it is asked for.
_PAUSE = 0.2

#: Seconds between looks whether tiles have come: who waits does not notice them.
_BLINK = 0.05

ViewState = Literal["loading", "shown", "failed", "covered"]


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
    run_later : callable
        Runs a function in the main thread after some seconds; called from that thread.

    Attributes
    ----------
    loader : ImageLoader
        Reads the images, some of them ahead.
    loaded : LoadedImage or None
        The image on the screen, if there is one.
    advance : callable
        Moves on after a verdict; called with `skip`, the rows that it was about.
    hdus : dict of str to int
        The HDU that was chosen of an image, by its name.
    view_changed : Signal
        Emitted when an image is being read, or cannot be shown, or when the current
        cutout is on the screen.
    said : Signal
        Emitted with a sentence for the reviewer.
    """

    view_changed = Signal()
    said = Signal(str)

    #: Whether the reviewer has been told that an image is read; before the first one
    #: there is nothing else that could be shown.
    says_loading = True

    #: Seconds that an image may be read before the reviewer is told; until then the one
    #: before, and all that is said of it, stays.
    loading_notice_delay = 0.25

    #: Whether a verdict came before its image: who walked on now would skip a cutout.
    waits_for_image = False

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        run_in_main: Callable[[Callable[[], object]], None],
        run_later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.layers = ReviewLayers(viewer, self._describe, self._restore_soon)
        self.image = ImageLayer(self.layers, self._cutout_inside)
        self.overlay = Overlay(self.layers, self._views_ahead, self.image.luminance_at)
        self.camera = ReviewCamera(viewer)
        self.selection = Selection(session)
        self.advance: Callable[..., bool] = session.next
        self.verdicts = Verdicts(session, self.target, self.note_view)
        self._mouse = Mouse(
            viewer,
            session,
            self.selection,
            lambda: None if self.full is None else self._image_name,
            self._select_in_view,
        )
        self.view: ViewState = "loading"
        self.full: FullImage | None = None
        self.loaded: LoadedImage | None = None
        self._run_in_main = run_in_main
        self._run_later = run_later
        self.loader = ImageLoader(session.images, run_in_main)
        self._image_name = ""
        self._cover: Callable[[], VerdictTarget] | None = None
        self.hdus: dict[str, int] = {}
        self._error: ImageError | None = None
        self._outside: set[int] = set()
        self._drawn_outcomes = session.catalog.outcomes
        self._marks_pending = False
        self._request = 0
        self._images = 0
        self._zooms = 0
        self._orientation = viewer.scene.camera.orientation2d
        self._settings = ViewSettings(
            session, viewer, self.layers, self.image, self.overlay, self.camera
        )
        self._camera_stays = False
        self._connected = False

    # Life

    def connect(self) -> None:
        """Start to follow the session."""
        if self._connected:
            return
        self._connected = True
        self.session.set_dispatcher(self._run_in_main)
        self.session.current_changed.connect(self._follow)
        self.session.decided.connect(self._on_decided)
        self.session.queue_changed.connect(self._on_queue_changed)
        self.session.turned.connect(self._on_turned)
        self.session.pending_changed.connect(self._on_pending_changed)
        self.selection.changed.connect(self._draw_selection)
        self.image.repainted.connect(self.overlay.fit_texts)
        self.verdicts.said.connect(lambda text: self.said.emit(text))
        self.viewer.scene.camera.events.zoom.connect(self._on_zoom)
        self.viewer.scene.camera.events.center.connect(self._look)
        self.viewer.layers.events.removed.connect(self._on_layer_removed)
        self._mouse.connect()
        self.viewer.dims.events.ndisplay.connect(self._stay_flat)
        self.viewer.dims.ndisplay = 2
        self.hdus.update(self._settings.hdus())
        self._settings.restore()
        self.loader.smooth(self.image.display.sigma)
        self._follow()
        self._run_later(0, self._prepare)

    def disconnect(self) -> None:
        """Let go of session and viewer, and take the layers away."""
        if not self._connected:
            return
        self.abandon()
        self.viewer.dims.events.ndisplay.disconnect(self._stay_flat)
        self.viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self.viewer.scene.camera.events.center.disconnect(self._look)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._mouse.disconnect()
        self.viewer.scene.camera.orientation2d = self._orientation
        self.layers.remove()

    def abandon(self) -> None:
        """Let go of the session, but leave a viewer alone whose window is gone."""
        if not self._connected:
            return
        self._connected = False
        self._request += 1
        self.session.current_changed.disconnect(self._follow)
        self.session.decided.disconnect(self._on_decided)
        self.session.turned.disconnect(self._on_turned)
        self.session.pending_changed.disconnect(self._on_pending_changed)
        self.session.set_dispatcher(None)
        self.session.queue_changed.disconnect(self._on_queue_changed)
        self.loader.close()

    # What the reviewer asks for

    @property
    def problem(self) -> ImageError | None:
        """Why the current cutout cannot be shown, if it cannot."""
        cutout = self.session.current_cutout
        if self._error is not None or cutout.row not in self._outside:
            return self._error
        assert self.full is not None, "cutouts are known to lie outside of an image"
        rows, columns = self._shape
        return ImageError(
            f"the cutout ({cutout.grid_x}, {cutout.grid_y}) lies wholly outside "
            f"the image of {columns} x {rows} pixels",
            path=self.full.path,
            remedy="Check grid_x and grid_y in the table",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reviewer should know of the image on the screen, in a few words."""
        if self.full is None:
            return ()
        count = len(self._outside)
        if not count:
            return self.full.notes
        lie = "cutout lies" if count == 1 else "cutouts lie"
        return (*self.full.notes, f"{count:,} {lie} wholly outside this image")

    def target(self) -> VerdictTarget:
        """Return the target of a verdict: the selection, or the current cutout.

        While something covers the canvas, the cutouts that are selected there.
        """
        if self._cover is not None:
            return self._cover()
        rows = self.selection.rows or (self.session.current_cutout.row,)
        advance = partial(self.advance, skip=frozenset(rows))
        return VerdictTarget(rows, self._refusal, self.selection.clear, advance)

    def cover(self, target: Callable[[], VerdictTarget]) -> None:
        """Draw nothing for a while: something else is shown in the canvas' place.

        Parameters
        ----------
        target : callable
            Returns the target of a verdict meanwhile.
        """
        self.note_view()
        self.selection.clear()
        self._cover = target
        self._request += 1
        self.view, self.waits_for_image = "covered", False
        self._forget_image()
        self.view_changed.emit()

    def uncover(self) -> None:
        """Draw the current cutout; until its image is read, nothing."""
        self._cover = None
        # What was drawn before belongs to another cutout than the dock's.
        self.view, self.says_loading = "loading", True
        self.layers.hide()
        self._load(self.session.current_cutout.image_name)

    def _refusal(self) -> str:
        """Say why nothing on the screen can be judged now; without pixels, nothing."""
        if self.view == "loading" or not self.is_drawn:
            self.waits_for_image = True
            self._run_later(_BLINK, self._wait_no_more)
            return "The image is still being read."
        if self.problem is not None and not len(self.selection):
            return "This cutout cannot be shown."
        return ""

    def step(self, across: int, down: int) -> None:
        """Go to the nearest cutout of the image in a direction; each -1, 0 or 1."""
        session = self.session
        row = session.cutout_index.neighbour_of(
            session.current_cutout.row, across, down, session.cutout_size
        )
        if row is None:
            self.said.emit("There is no further cutout in this direction.")
        else:
            session.select(*session.cutout_index.key_of(row))

    def toggle_overlays(self) -> None:
        """Hide all boxes, or show them again."""
        self.layers.toggle_overlays()

    @property
    def is_drawn(self) -> bool:
        """Whether what is in view of the current cutout is drawn in full detail.

        Before its tiles are read, coarser ones stand in their place.
        """
        if self.full is None or self.full.tiles is None:
            return True
        cutout, view = self.session.current_cutout, self.camera.view
        level = self.image.level
        parts = (
            (cutout.grid_y, view.top, view.bottom),
            (cutout.grid_x, view.left, view.right),
        )
        rows, columns = (
            slice(
                int(max(start, first, 0)) >> level,
                -(-int(min(start + cutout.size, last + 1)) >> level),
            )
            for start, first, last in parts
        )
        return self.full.tiles.has(level, rows, columns)

    def _wait_no_more(self) -> None:
        """Let the walk go on as soon as the tiles that it waited for are drawn."""
        if self.view != "shown" or not self.waits_for_image:
            return
        if self.is_drawn:
            self.waits_for_image = False
            self.view_changed.emit()
        else:
            self._run_later(_BLINK, self._wait_no_more)

    def note_view(self) -> None:
        """Note how the review is looked at now, to be kept with it."""
        if self.view == "shown":
            self._settings.note(self.hdus, self._shape)

    def toggle_view(self) -> None:
        """Switch between the current cutout and the full image."""
        if self.full is None:
            return
        if self.camera.on_full_image(self._shape):
            self.camera.show_cutout(self.session.current_cutout, self._shape)
        else:
            self.camera.show_full_image(self._shape)
        self.overlay.fit_to_zoom(self.camera.view)
        self._tell_what_is_under_the_mouse()

    def choose_hdu(self, index: int) -> None:
        """Show another HDU of the current image's file."""
        self.hdus[self._image_name] = index
        self._load(self._image_name)

    def set_display(self, display: Display) -> None:
        """Let pixels become colours in another way, from cutout to cutout.

        Pixels are smoothed in a thread; until they are, the image stays as it is.
        """
        self.image.set_display(display)
        self.loader.smooth(self.image.display.sigma)
        self._smooth()

    def place_on_canvas(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the current cutout, from the middle.

        In pixels of the screen, as the canvas shows it now.
        """
        cutout, camera = self.session.current_cutout, self.viewer.scene.camera
        row, column = camera.center[-2:]
        left, top = cutout.grid_x - column, cutout.grid_y - row
        right, bottom = left + cutout.size, top + cutout.size
        if self.overlay.y_up:
            top, bottom = -bottom, -top
        zoom = camera.zoom
        return left * zoom, top * zoom, right * zoom, bottom * zoom

    def at_hand(self, name: str) -> LoadedImage | None:
        """Return an image that is on the screen, or was read ahead; None without."""
        return self.loader.at_hand(name, self.hdus.get(name))

    def cutout_pixels(self) -> CutoutPixels | None:
        """Return the current cutout and what is around it, if its image is at hand."""
        cutout = self.session.current_cutout
        covered = self._cover is not None
        loaded = self.at_hand(cutout.image_name) if covered else self.loaded
        return None if loaded is None else CutoutPixels.of(loaded, cutout)

    def _smooth(self) -> None:
        """Have the image on the screen smoothed as it is wished by now."""
        if self.loaded is None or self.loaded.sigma == self.image.display.sigma:
            return
        future = self.loader.load(self._image_name, self.hdus.get(self._image_name))
        receive = partial(self._take_smoothed, self._request, future)
        future.add_done_callback(lambda _: self._run_in_main(receive))

    def _take_smoothed(self, request: int, future: Future[LoadedImage]) -> None:
        """Show the same image with other pixels; where that fails, it stays."""
        if request != self._request or self.loaded is None or future.cancelled():
            return
        error = future.exception()
        if error is None:
            self.loaded = future.result()
            self.image.show(self.loaded, self._image_name)
            self._run_later(0, partial(self._if_latest, request, self._read_ahead))
            # Another smoothing may have been wished for since.
            self._smooth()
        elif isinstance(error, ImageError):
            self.said.emit(str(error))
            shown = self.loaded.sigma
            self.set_display(replace(self.image.display, sigma=shown))
            self.image.display_changed.emit(self.image.display)
        else:
            raise error

    def show_grid(self, shown: bool) -> None:
        """Show or hide the grid of all cutouts."""
        self.overlay.show_grid(shown)

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
        if self._cover is not None:
            self.view_changed.emit()
            rested = partial(self._read_covered, name)
            self._run_later(_PAUSE, partial(self._if_latest, self._request, rested))
        elif name != self._image_name:
            self.selection.clear()
            self._load(name)
        elif self.view == "shown":
            self.waits_for_image = False
            self._look_at_current()
            self._draw_current()
            self.image.follow()
            self.overlay.fit_to_zoom(self.camera.view)
            self._tell_what_is_under_the_mouse()
            self.view_changed.emit()
            self._run_later(0, self._read_next_tiles)

    def _read_covered(self, name: str) -> None:
        """Have the image under the cover read, if that is still another one."""
        if name != self.session.current_cutout.image_name or self.at_hand(name):
            return
        future = self.loader.load(name, self.hdus.get(name))
        self.loader.read_ahead([])
        tell = partial(self._if_latest, self._request, self.view_changed.emit)
        future.add_done_callback(lambda _: self._run_in_main(tell))

    def _load(self, name: str) -> None:
        self._request += 1
        self._image_name = name
        future = self.loader.load(name, self.hdus.get(name))
        if future.done():
            self._receive(self._request, future)
            return
        was_shown = self.view != "loading"
        self.view, self.waits_for_image = "loading", False
        self._forget_image()
        receive = partial(self._receive, self._request, future)
        future.add_done_callback(lambda _: self._run_in_main(receive))
        if self.says_loading:
            self.view_changed.emit()
        elif was_shown:
            # Picture and dock stay as they were, both, unless it takes longer.
            say = partial(self._say_loading, self._images)
            self._run_later(self.loading_notice_delay, say)

    def _prepare(self) -> None:
        """Do what can be done before an image is there."""
        if self._connected and not self._images:
            self.overlay.prepare()

    def _say_loading(self, images: int) -> None:
        """Tell that an image is being read, if none has come since so many."""
        if images == self._images and self.view == "loading":
            self.says_loading = True
            self.layers.hide()
            self.view_changed.emit()

    def _receive(self, request: int, future: Future[LoadedImage]) -> None:
        """Take an image, unless another one has been asked for since."""
        if request != self._request:
            return
        error = future.exception()
        if error is None:
            self._show(future.result())
            self._smooth()
        elif isinstance(error, ImageError):
            self._set_view("failed", error)
        else:
            raise error
        # The frame with this image comes first: to read and to list take time from it.
        self._run_later(0, partial(self._if_latest, request, self._read_next_tiles))
        self._run_later(0, partial(self._if_latest, request, self._read_ahead))
        self._run_later(_BREATH, partial(self._if_latest, request, self._tell))

    def _tell(self) -> None:
        """Tell napari of what is shown, once it is on the screen."""
        self.layers.emit_postponed_events()
        self.image.emit_postponed_events()

    def _show(self, loaded: LoadedImage) -> None:
        self.loaded, self.full, self._error = loaded, loaded.full, None
        # Nobody is to follow the camera before all is in its place.
        self.view = "loading"
        if loaded.full.tiles is not None:
            # Before the first look at them, which has them read.
            loaded.full.tiles.changed.connect(self._on_tiles_read, unique=True)
        if not self.image.exists:
            # napari moves the camera when the first layer goes in.
            self.image.show(loaded, self._image_name)
        # napari does not slice hidden layers: their texts would not fit to their data.
        self.layers.unhide()
        inside = self._cutouts_inside()
        self._drawn_outcomes = self.session.catalog.outcomes
        self._look_at_current()
        self.image.expect(loaded)
        self.overlay.show(inside, self._shape, self.camera.view)
        self._draw_current()
        self._draw_selection()
        # The image comes last: with it napari measures anew what all layers cover.
        self.image.show(loaded, self._image_name)
        self._settings.restore_image(self._shape)
        self._set_view("shown")
        self._look()
        self.overlay.fit_to_zoom(self.camera.view)
        self._tell_what_is_under_the_mouse()

    def _set_view(self, view: ViewState, error: ImageError | None = None) -> None:
        self.view, self.waits_for_image = view, False
        self.says_loading = False
        self._images += 1
        if view != "shown":
            self._forget_image()
            # Nobody judges what cannot be seen.
            self.selection.clear()
            self.layers.hide()
        self._error = error
        self.view_changed.emit()

    def _forget_image(self) -> None:
        self.full, self.loaded, self._outside = None, None, set()
        self._error = None

    def _cutouts_inside(self) -> Cutouts:
        """Return the cutouts that are on the image; note which are not."""
        cutouts = self.session.catalog.cutouts_of(self._image_name)
        outside = cutouts.outside(self._shape)
        self._outside = set(cutouts.rows[outside].tolist())
        return cutouts.take(~outside)

    def _look_at_current(self) -> None:
        """Move the camera to the current cutout, unless it was clicked in view."""
        cutout = self.session.current_cutout
        if not self._camera_stays and cutout.row not in self._outside:
            self.camera.show_cutout(cutout, self._shape)

    def _cutout_inside(self) -> Cutout | None:
        """Return the current cutout, if it is on the image."""
        cutout = self.session.current_cutout
        return None if cutout.row in self._outside else cutout

    def _draw_current(self) -> None:
        cutout = self._cutout_inside()
        directions = None if cutout is None else self._directions_at(cutout)
        self.overlay.show_current(cutout, directions)

    def _directions_at(self, cutout: Cutout) -> Directions | None:
        """Return where north and east are in the middle of a cutout, if known."""
        sky = None if self.full is None else self.full.sky
        half = cutout.size / 2 - 0.5
        if sky is None:
            return None
        return sky.directions(cutout.grid_x + half, cutout.grid_y + half)

    def _views_ahead(self) -> Iterator[View]:
        """Return what the next cutouts of the queue in this image bring into view."""
        queue, index = self.session.review_queue, self.session.cutout_index
        row = queue.after(self.session.current_cutout.row)
        while row is not None and index.image_of(row) == self._image_name:
            yield self.camera.view_of(self.session.catalog.cutout(row))
            row = queue.after(row)

    def _read_next_tiles(self) -> None:
        """Have what lies around the next error read, if the image is in tiles."""
        if self.full is None or self.full.tiles is None:
            return
        for view in islice(self._views_ahead(), 1):
            self.full.tiles.prefetch(
                0,
                slice(int(view.top), int(view.bottom) + 1),
                slice(int(view.left), int(view.right) + 1),
            )

    def _if_latest(self, request: int, function: Callable[[], object]) -> None:
        if request == self._request and self._connected:
            function()

    def _read_ahead(self) -> None:
        """Read the next two images of the queue, and the previous one."""
        queue, name = self.session.review_queue, self._image_name
        row = self.session.current_cutout.row
        names = [queue.image_after(row, name)]
        if names[0] is not None:
            names.append(queue.image_after(row, name, names[0]))
        before = queue.image_before(row, name)
        names += [before] if before not in names else []
        self.loader.read_ahead(
            [(name, self.hdus.get(name)) for name in names if name is not None]
        )

    def _on_queue_changed(self) -> None:
        """Draw other outcomes, and read ahead along another queue."""
        if self.view != "shown":
            return
        outcomes = self.session.catalog.outcomes
        if outcomes is not self._drawn_outcomes:
            self._drawn_outcomes = outcomes
            self.overlay.show(self._cutouts_inside(), self._shape, self.camera.view)
            self._tell_what_is_under_the_mouse()
        self._run_later(0, partial(self._if_latest, self._request, self._read_ahead))

    def _draw_selection(self) -> None:
        if self.full is None:
            # They are drawn with their image.
            return
        catalog = self.session.catalog
        self.overlay.show_selection(
            catalog.cutouts(
                self._image_name, np.array(self.selection.rows, dtype=np.int64)
            )
        )

    def _on_decided(self, rows: list[int]) -> None:
        images = {self.session.cutout_index.image_of(row) for row in rows}
        if self.full is not None and self._image_name in images:
            self.overlay.update(self._cutouts_inside())
            self._tell_what_is_under_the_mouse()

    def _on_pending_changed(self) -> None:
        """Mark the cutouts of commands that take noticeably long, or mark them no more.

        What is recorded is drawn with its label; a refused one only loses its mark.
        """
        if self._marks_pending and not self.session.pending:
            self._draw_pending()
        elif self.session.pending:
            self._run_later(NOTICEABLE, self._draw_pending)

    def _draw_pending(self) -> None:
        pending = bool(self.session.pending)
        if self._connected and self.full is not None:
            if pending or self._marks_pending:
                self.overlay.update(self._cutouts_inside())
            self._marks_pending = pending

    def _on_turned(self, rows: list[int], action: str) -> None:
        if self._cover is None:
            self.selection.take_turn(rows, action)

    # What the viewer tells

    def _tell_what_is_under_the_mouse(self) -> None:
        # Pixels in tiles, and those of a user's own layer, may have to be read.
        in_memory = self.full is not None and self.full.tiles is None
        if in_memory and self.layers.are_active:
            update_status(self.viewer)
        self._run_later(0, partial(update_status_in_thread, self.viewer))

    def _describe(self, row: float, column: float) -> str:
        """Describe the place under the mouse; of an image in tiles, in a thread."""
        full, name = self.full, self._image_name
        if full is None:
            return ""
        x, y = round(column), round(row)
        cutout = self.session.catalog.cutout_at(name, x, y)
        text = describe_pixel(full, x, y)
        return f"{text}  |  {describe_cutout(cutout)}" if cutout else text

    def _look(self) -> None:
        if self.view == "shown":
            view = self.camera.view
            self.image.prepare_view(view)
            self.overlay.draw_view(view)

    def _on_zoom(self) -> None:
        if self.view == "shown":
            self._look()
            self._zooms += 1
            self._run_later(_REST, partial(self._rest, self._zooms))

    def _rest(self, zooms: int) -> None:
        if zooms == self._zooms and self.view == "shown":
            self.overlay.fit_to_zoom(self.camera.view)

    def _on_tiles_read(self) -> None:
        """Draw what has been read of an image in tiles; called from its thread."""
        self._run_in_main(self._draw_tiles)

    def _draw_tiles(self) -> None:
        if self.full is None or self.full.tiles is None:
            return
        if self.full.tiles.problem is not None:
            self._set_view("failed", self.full.tiles.problem)
            self._tell()
        else:
            self.image.refresh()

    def _stay_flat(self) -> None:
        if self.viewer.dims.ndisplay != 2:
            self.viewer.dims.ndisplay = 2
            self.said.emit("The 3-D view is disabled during a review.")

    def _on_layer_removed(self, event: Event) -> None:
        if self.layers.owns(event.value):
            self.said.emit(
                f"Restored the layer “{event.value.name}”, which the review needs."
            )
            self._restore_soon()

    def _restore_soon(self) -> None:
        # Later, since napari is in the midst of telling others of the change.
        self._run_in_main(self._restore)

    def _restore(self) -> None:
        if self._connected and self.loaded is not None:
            self._show(self.loaded)

    def _select_in_view(self, row: int) -> None:
        """Go to a cutout that is clicked, without moving the image under the mouse."""
        self._camera_stays = True
        try:
            self.session.select(*self.session.cutout_index.key_of(row))
        finally:
            self._camera_stays = False
