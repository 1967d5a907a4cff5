"""Connects a session to a viewer: layers follow the one, the mouse steers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
from napari.components import ViewerModel
from napari.utils.events import Event
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutouts
from napari_artifact_review.core.decisions import PATIENCE
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.full_image import FullImage
from napari_artifact_review.core.session import ReviewSession, Verdict
from napari_artifact_review.viewer.camera import ReviewCamera, View
from napari_artifact_review.viewer.image_layer import ImageLayer
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.loader import ImageLoader, LoadedImage
from napari_artifact_review.viewer.overlay import Overlay
from napari_artifact_review.viewer.settings import ViewSettings
from napari_artifact_review.viewer.status import describe_cutout, describe_pixel

#: Seconds that a zoom has to rest until lines and texts are fitted to it, which
#: meanwhile grow and shrink with the image.
_REST = 0.25

#: Seconds that an image may be read before the reviewer is told; until then the one
#: before, and all that is said of it, stays.
_GRACE = 0.25

#: Seconds after an image is shown until napari's list of layers and others are told.
_BREATH = 0.3

#: Seconds between looks whether tiles have come: who waits does not notice them.
_BLINK = 0.05

#: A mouse that moves further than this between press and release drags.
_CLICK_RADIUS = 4.0

ViewState = Literal["loading", "shown", "failed"]


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
        self.image = ImageLayer(self.layers)
        self.overlay = Overlay(self.layers, self._views_ahead)
        self.camera = ReviewCamera(viewer)
        self.view: ViewState = "loading"
        self.full: FullImage | None = None
        self._loaded: LoadedImage | None = None
        self._run_in_main = run_in_main
        self._run_later = run_later
        self._loader = ImageLoader(session.images, run_in_main)
        self._image_name = ""
        self._hdus: dict[str, int] = {}
        self._error: ImageError | None = None
        self._outside: set[int] = set()
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
        self.session.answer_through(self._run_in_main)
        self.session.current_changed.connect(self._follow)
        self.session.label_changed.connect(self._on_label_changed)
        self.viewer.scene.camera.events.zoom.connect(self._on_zoom)
        self.viewer.scene.camera.events.center.connect(self._look)
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
        self.viewer.scene.camera.events.center.disconnect(self._look)
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

    def decide(self, value: Verdict) -> None:
        """Set the label of the cutout on the screen; without pixels, nothing is set."""
        if self.view == "loading" or not self._is_drawn():
            self.waits_for_image = True
            self.said.emit("The image is still being read; nothing was decided.")
            self._run_later(_BLINK, self._wait_no_more)
        elif self.problem is not None:
            self.said.emit("This cutout cannot be shown; nothing was decided.")
        else:
            self.note_view()
            self.session.set_label(value, wait=PATIENCE)

    def _is_drawn(self) -> bool:
        """Tell whether what is in view of the current cutout is no coarser than that.

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
        if self._is_drawn():
            self.waits_for_image = False
            self.view_changed.emit()
        else:
            self._run_later(_BLINK, self._wait_no_more)

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
        self.overlay.settle(self.camera.view)

    def choose_hdu(self, index: int) -> None:
        """Show another HDU of the current image's file."""
        self._hdus[self._image_name] = index
        self._load(self._image_name)

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
        if name != self._image_name:
            self._load(name)
        elif self.view == "shown":
            self.waits_for_image = False
            self._look_at_current()
            self._draw_current()
            self.overlay.settle(self.camera.view)
            self.view_changed.emit()
            self._run_later(0, self._read_next_tiles)

    def _load(self, name: str) -> None:
        self._request += 1
        self._image_name = name
        future = self._loader.load(name, self._hdus.get(name))
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
            self._run_later(_GRACE, partial(self._say_loading, self._images))

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
        elif isinstance(error, ImageError):
            self._set_view("failed", error)
        else:
            raise error
        # The frame with this image comes first: to read and to list take time from it.
        self._run_later(0, partial(self._if_latest, request, self._read_next_tiles))
        self._run_later(0, partial(self._if_latest, request, self._read_ahead))
        self._run_later(_BREATH, partial(self._if_latest, request, self.image.tell))

    def _show(self, loaded: LoadedImage) -> None:
        self._loaded, self.full, self._error = loaded, loaded.full, None
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
        self._look_at_current()
        self.overlay.show(inside, self._shape, self.camera.view)
        self._draw_current()
        # The image comes last: with it napari measures anew what all layers cover.
        self.image.show(loaded, self._image_name)
        self._settings.restore_image(self._shape)
        self._set_view("shown")
        self._look()
        self.overlay.settle(self.camera.view)
        self.camera.tell_again()

    def _set_view(self, view: ViewState, error: ImageError | None = None) -> None:
        self.view, self.waits_for_image = view, False
        self.says_loading = False
        self._images += 1
        if view != "shown":
            self._forget_image()
            self.layers.hide()
        self._error = error
        self.view_changed.emit()

    def _forget_image(self) -> None:
        self.full, self._loaded, self._outside = None, None, set()
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

    def _draw_current(self) -> None:
        cutout = self.session.current_cutout
        self.overlay.show_current(None if cutout.row in self._outside else cutout)

    def _views_ahead(self) -> Iterator[View]:
        """Return what the next errors of this image will bring into view."""
        walk = self.session.walk
        row = walk.error_after(self.session.current_cutout.row)
        while row is not None and walk.image_of(row) == self._image_name:
            yield self.camera.view_of(self.session.catalog.cutout(row))
            row = walk.error_after(row)

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
        """Read the next two images of the walk, and the previous one."""
        walk, name = self.session.walk, self._image_name
        names = [walk.image_after(name), None, walk.image_before(name)]
        if names[0] is not None:
            names[1] = walk.image_after(names[0])
        self._loader.read_ahead(
            [(name, self._hdus.get(name)) for name in names if name is not None]
        )

    def _on_label_changed(self, row: int) -> None:
        if (
            self.full is not None
            and self.session.walk.image_of(row) == self._image_name
        ):
            self.overlay.update(self._cutouts_inside())
            self.camera.tell_again()

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

    def _look(self) -> None:
        if self.view == "shown":
            self.overlay.look(self.camera.view)

    def _on_zoom(self) -> None:
        if self.view == "shown":
            self._look()
            self._zooms += 1
            self._run_later(_REST, partial(self._rest, self._zooms))

    def _rest(self, zooms: int) -> None:
        if zooms == self._zooms and self.view == "shown":
            self.overlay.settle(self.camera.view)

    def _on_tiles_read(self) -> None:
        """Draw what has been read of an image in tiles; called from its thread."""
        self._run_in_main(self._draw_tiles)

    def _draw_tiles(self) -> None:
        if self.full is None or self.full.tiles is None:
            return
        if self.full.tiles.problem is not None:
            self._set_view("failed", self.full.tiles.problem)
        else:
            self.image.refresh()

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
        if self._connected and self._loaded is not None:
            self._show(self._loaded)

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
