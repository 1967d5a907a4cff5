"""The review's layers: which there are, at their places, seen and guarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes
from napari.utils.events import Event, EventEmitter

#: Metadata key by which the review knows its own layers.
OWNER = "napari_artifact_review"

#: Keys with which napari's Shapes and Points layers change data or modes.
_EDITING_KEYS = (*"ABDEFILPRSTXZ", *"1234567", "Delete", "Backspace")
_EDITING_KEYS += ("Control-C", "Control-V", "Enter", "Escape")

#: From the bottom to the top.
_IMAGES = ("image", "tiles")
_ROLES = (
    *_IMAGES,
    "map",
    "grid",
    "predictions",
    "current",
    "selected",
    "tags",
    "cutouts",
)

_Layer = TypeVar("_Layer", bound=Layer)


class ReviewLayers:
    """The layers of a review in one viewer.

    They are known by reference and carry the metadata key `OWNER`; what a user does
    to them is undone by drawing them again, and one that is deleted is made anew.

    A layer is seen if all agree: the user, who may hide it, or all overlays for a
    moment; the review, which has nothing true to show while an image is read; and the
    drawing, for which it may be of no use at a zoom.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer to draw in.
    status : callable
        Gives the status bar's text for a (row, column) of the image; called off the
        main thread.
    redraw : callable
        Called when the user changed a drawing, to have it drawn again.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        status: Callable[[float, float], str],
        redraw: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._status = status
        self._redraw = redraw
        self._layers: dict[str, Layer] = {}
        self._wished: dict[str, bool] = {"grid": False}
        self._useless = {"tiles", "map"}
        self._hidden = False
        self._is_bare = False
        self._setting_visible = False
        self._untold: set[str] = set()

    # Which there are

    def find(self, role: str) -> Layer | None:
        """Return the layer of a role, if it was ever made."""
        return self._layers.get(role)

    def get(self, role: str, make: Callable[[], _Layer]) -> _Layer:
        """Return the layer of a role, in the viewer and at its place there."""
        layer = self._layers.get(role) or self._adopted(role) or make()
        if role not in self._layers:
            self._layers[role] = layer
            layer.name = role
            layer.visible = self._is_seen(role)
            self._guard(layer, role)
        if layer not in self._viewer.layers:
            self._insert(layer, role)
        return layer

    def owns(self, layer: Layer | None) -> bool:
        """Tell whether a layer is one of these."""
        return any(layer is own for own in self._layers.values())

    @property
    def are_active(self) -> bool:
        """Whether one of these, and no layer of the user's, is the active one."""
        active = self._viewer.layers.selection.active
        return active is not None and OWNER in active.metadata

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        layers, self._layers = self._layers, {}
        selection = self._viewer.layers.selection
        if all(OWNER in layer.metadata for layer in selection):
            # Of one that is selected napari keeps hold, also when it is gone.
            selection.clear()
        for layer in layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _insert(self, layer: Layer, role: str) -> None:
        below = _ROLES[: _ROLES.index(role)]
        at = [
            self._viewer.layers.index(self._layers[other])
            for other in below
            if self._layers.get(other) in self._viewer.layers
        ]
        selection = self._viewer.layers.selection
        selected = set(selection)
        # napari selects each new layer. It would lay out its window for the controls
        # of each, and draw the canvas, whose size changes, at once.
        with selection.events.blocker_all():
            self._viewer.layers.insert(max(at) + 1 if at else 0, layer)
            selection.update(selected)
            selection.intersection_update(selected)
        self.activate_image()
        if role not in _IMAGES:
            _skip_extent_updates(layer)

    def activate_image(self) -> None:
        """Have the image that is seen active: napari's keys for shapes then sleep."""
        images = [self._layers.get(x) for x in _IMAGES if self._is_seen(x)]
        there = [image for image in images if image in self._viewer.layers]
        self._viewer.layers.selection.active = there[0] if there else None

    def _adopted(self, role: str) -> Any:
        """Return a layer that was put into the viewer for this review."""
        layers = (x for x in self._viewer.layers if x.metadata.get(OWNER) == role)
        return next(layers, None) if role == "image" else None

    # Which are seen

    def hide(self) -> None:
        """Hide everything while there is nothing true to show; told by `tell`."""
        self._set_hidden(True)

    def unhide(self) -> None:
        """End what `hide` began; told by `tell`."""
        self._set_hidden(False)

    def tell(self) -> None:
        """Tell napari's list which layers are seen, if that has changed.

        Its eyes would blink at each image that is not read ahead, and take time from
        the frame that shows it.
        """
        untold, self._untold = self._untold, set()
        self._setting_visible = True
        for role in untold & self._layers.keys():
            self._layers[role].events.visible()
        self._setting_visible = False

    def _set_hidden(self, hidden: bool) -> None:
        before = {role for role, layer in self._layers.items() if layer.visible}
        self._hidden = hidden
        with self.silently():
            self._show_or_hide()
        after = {role for role, layer in self._layers.items() if layer.visible}
        self._untold ^= before ^ after

    def use(self, **roles: bool) -> None:
        """Say of layers whether they are of use to the drawing as it is now."""
        self._useless -= {role for role, useful in roles.items() if useful}
        self._useless |= {role for role, useful in roles.items() if not useful}
        self._show_or_hide(*roles)

    def wish(self, role: str, visible: bool) -> None:
        """Show or hide a layer, as the user wants it."""
        self._wished[role] = visible
        self._show_or_hide(role)

    def is_wished(self, role: str) -> bool:
        """Tell whether the user wants to see a layer."""
        return self._wished.get(role, True)

    def toggle_overlays(self) -> None:
        """Hide all but the image, or show again what was hidden so."""
        self._is_bare = not self._is_bare
        self._show_or_hide()

    def _is_seen(self, role: str) -> bool:
        bared = self._is_bare and role not in _IMAGES
        wished = self.is_wished(role) and role not in self._useless
        return wished and not self._hidden and not bared

    def _show_or_hide(self, *roles: str) -> None:
        self._setting_visible = True
        for role in roles or self._layers:
            layer, seen = self._layers.get(role), self._is_seen(role)
            if layer is not None and layer.visible != seen:
                layer.visible = seen
        self._setting_visible = False

    def _note_wish(self, role: str) -> None:
        """Take what a user does with the eye in napari's list for their wish."""
        if not self._setting_visible:
            self._wished[role] = self._layers[role].visible

    # How they are changed

    @contextmanager
    def drawing(self, layer: Layer) -> Iterator[None]:
        """Change a layer as a whole: napari draws it once, at the end.

        Otherwise it would draw at each of the steps, measure anew what all layers
        cover, and tell everybody. Overlays cover nothing that the image does not.
        """
        with ExitStack() as stack:
            stack.enter_context(layer.events.blocker_all())
            if isinstance(layer, (Points, Shapes)):
                stack.enter_context(layer.text.events.blocker_all())
            if isinstance(layer, Shapes):
                stack.enter_context(layer.block_thumbnail_update())
            yield
        with self.silently():
            if not layer.visible:
                # napari would take the places of the old data for those of the new.
                layer.set_view_slice()
            layer.refresh(thumbnail=False, highlight=False, extent=False)
            if isinstance(layer, Shapes):
                layer.events.features()

    @contextmanager
    def silently(self) -> Iterator[None]:
        """Change what napari's list of layers does not show.

        Otherwise it would be laid out and painted anew, in a frame of its own.
        """
        with self._viewer.layers.events.blocker_all():
            yield

    def move(self, layer: Layer, place: npt.ArrayLike) -> None:
        """Put the origin of a layer at (row, column) of the image.

        What is drawn stays as it is on the graphics card; as new data it would be put
        there again, and take as long as a frame of the image.
        """
        if np.array_equal(layer.translate, place):
            return
        unchanged = layer.events.set_data, layer.events.thumbnail
        with self.silently(), unchanged[0].blocker(), unchanged[1].blocker():
            layer.translate = place

    def _guard(self, layer: Layer, role: str) -> None:
        layer.metadata[OWNER] = role
        # Other modes draw, move or delete what only the session may change.
        layer.events.mode.connect(_stay_in_pan_zoom)
        layer.events.visible.connect(partial(self._note_wish, role))
        layer.get_status = partial(self._layer_status, layer)
        # At each zoom napari would lay out all texts anew, although their size on the
        # screen stays, and paint its list of layers, with the whole window once more.
        layer.events.scale_factor.block()
        if not isinstance(layer, Image):
            layer.events.data.connect(self._redraw)
            # Nor is a picture of a few lines drawn anew for the list, line by line.
            layer.refresh = partial(layer.refresh, thumbnail=False)
        if isinstance(layer, Points):
            # Nor is there a point to be highlighted, which takes a frame as well.
            layer.events.highlight.block()
        if isinstance(layer, (Points, Shapes)):
            for key in _EDITING_KEYS:
                layer.bind_key(key, _do_nothing, overwrite=True)

    def _layer_status(
        self, layer: Layer, position: npt.ArrayLike | None = None, **_: Any
    ) -> dict[str, str]:
        """Stand in for `Layer.get_status`, which knows rows and columns only."""
        status = type(layer).get_status(layer)
        if position is not None:
            row, column = np.asarray(position)[-2:]
            text = self._status(float(row), float(column))
            status |= {"coordinates": text, "coords": text, "layer_base": ""}
        return status


def _skip_extent_updates(layer: Layer) -> None:
    """Let a layer be moved without all layers being measured and sliced anew.

    Overlays cover nothing that the image does not.
    """
    for moved in (layer.events.translate, layer.events.scale):
        for callback in _measuring(moved):
            moved.disconnect(callback)


@contextmanager
def unmeasured(emitter: EventEmitter) -> Iterator[None]:
    """Tell all of a change but the viewer, which would measure and slice all layers.

    What the layer covers must be what it was.
    """
    with ExitStack() as stack:
        for callback in _measuring(emitter):
            stack.enter_context(emitter.blocker(callback))
        yield


def _measuring(emitter: EventEmitter) -> list[Callable[..., object]]:
    """Return what a viewer has called at an event of one of its layers."""
    held = [pair for pair in emitter.callbacks if isinstance(pair, tuple)]
    owners = [(reference(), name) for reference, name in held]
    # A plugin is given a stand-in for the viewer, so it is known by its kind.
    return [getattr(o, name) for o, name in owners if isinstance(o, ViewerModel)]


def _stay_in_pan_zoom(event: Event) -> None:
    if event.source.mode != "pan_zoom":
        event.source.mode = "pan_zoom"


def _do_nothing(layer: Layer) -> None:
    """Stand in front of a key that napari binds to the class of the layer."""
