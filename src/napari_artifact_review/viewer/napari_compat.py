"""Every place where the viewer works around napari; each names what napari does.

What needs Qt is in `widgets/napari_compat.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari import settings
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes
from napari.layers.utils.layer_utils import (
    compute_multiscale_level_and_corners,
    expand_corners_to_chunk_boundaries,
)
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from napari.utils.events import Event, EventEmitter

if TYPE_CHECKING:
    import pandas as pd

    from napari_artifact_review.viewer.camera import View

#: Keys with which napari's Shapes and Points layers change data or modes.
_EDITING_KEYS = (*"ABDEFILPRSTXZ", *"1234567", "Delete", "Backspace")
_EDITING_KEYS += ("Control-C", "Control-V", "Enter", "Escape")

# The list of layers


@contextmanager
def without_list_updates(viewer: ViewerModel) -> Iterator[None]:
    """Change something of layers that napari's list of layers does not show.

    napari 0.9.2 lays out and paints its list at each event of each layer, in a frame of
    its own.
    """
    with viewer.layers.events.blocker_all():
        yield


def insert_without_selecting(viewer: ViewerModel, index: int, layer: Layer) -> None:
    """Insert a layer and leave the selection of layers as it is.

    napari 0.9.2 selects each new layer. It then lays out its window for the controls
    of that layer and draws the canvas, whose size changes, at once.
    """
    selection = viewer.layers.selection
    selected = set(selection)
    with selection.events.blocker_all():
        viewer.layers.insert(index, layer)
        selection.update(selected)
        selection.intersection_update(selected)


def deselect_all(viewer: ViewerModel) -> None:
    """Deselect all layers before they are removed.

    napari 0.9.2 keeps a reference to a layer that is removed while it is selected.
    """
    viewer.layers.selection.clear()


# Changes of a layer


@contextmanager
def as_one_change(viewer: ViewerModel, layer: Layer) -> Iterator[None]:
    """Change a layer as a whole, and have it drawn once, at the end.

    After each single step napari 0.9.2 draws the layer and its thumbnail, updates the
    extent of all layers and notifies all listeners. An overlay covers nothing that the
    image does not cover, so the extent stays.
    """
    with ExitStack() as stack:
        stack.enter_context(layer.events.blocker_all())
        if isinstance(layer, (Points, Shapes)):
            stack.enter_context(layer.text.events.blocker_all())
        if isinstance(layer, Shapes):
            stack.enter_context(layer.block_thumbnail_update())
        yield
    with without_list_updates(viewer):
        if not layer.visible:
            # `refresh` skips a hidden layer, whose texts then have the old positions.
            layer.set_view_slice()
        layer.refresh(thumbnail=False, highlight=False, extent=False)
        if isinstance(layer, Shapes):
            layer.events.features()


def move_layer(viewer: ViewerModel, layer: Layer, position: npt.ArrayLike) -> None:
    """Move the origin of a layer to (row, column) of the image.

    napari 0.9.2 takes a moved layer for one with new data: it copies the data to the
    graphics card again, which takes as long as a frame of the image, and makes a new
    thumbnail.
    """
    if np.array_equal(layer.translate, position):
        return
    events = layer.events
    with (
        without_list_updates(viewer),
        events.set_data.blocker(),
        events.thumbnail.blocker(),
    ):
        layer.translate = position


def set_pixels_silently(layer: Image, data: Any) -> None:
    """Give an image layer other pixels of the same shape; `emit_data` must follow.

    At the event `data` napari 0.9.2 updates the extent of all layers and slices them.
    """
    with layer.events.data.blocker():
        layer.data = data


def emit_data(layer: Image) -> None:
    """Emit the event `data` that `set_pixels_silently` suppressed.

    The viewer alone does not receive it, since the extent of the layer is the same.
    """
    event = layer.events.data
    with ExitStack() as stack:
        for callback in _extent_callbacks(event):
            stack.enter_context(event.blocker(callback))
        event(value=layer.data)


def skip_extent_updates(layer: Layer) -> None:
    """Let a layer be moved and scaled without an update of the extent of all layers.

    napari 0.9.2 then measures all layers and slices them anew. An overlay covers
    nothing that the image does not cover.
    """
    for event in (layer.events.translate, layer.events.scale):
        for callback in _extent_callbacks(event):
            event.disconnect(callback)


def _extent_callbacks(event: EventEmitter) -> list[Callable[..., object]]:
    """Return the methods of a viewer that an event of one of its layers calls."""
    held = [pair for pair in event.callbacks if isinstance(pair, tuple)]
    owners = [(reference(), name) for reference, name in held]
    # A plugin is given a proxy of the viewer, so the viewer is known by its class.
    return [getattr(o, name) for o, name in owners if isinstance(o, ViewerModel)]


def update_features(layer: Shapes, features: pd.DataFrame) -> bool:
    """Replace the columns of a layer's features that differ; tell whether any did.

    The layer must have as many rows already. napari 0.9.2 lays out all texts of a
    layer anew when its features are replaced as a whole.
    """
    own = layer.features
    changed = {
        name: column
        for name, column in features.items()
        if not column.equals(own.get(name))
    }
    for name, column in changed.items():
        own[name] = column
    return bool(changed)


# What layers do by themselves


def keep_in_pan_zoom_mode(layer: Layer) -> None:
    """Set a layer back to the mode `pan_zoom` whenever the user chooses another mode.

    The other modes of napari 0.9.2 draw, move or delete data that only the session may
    change.
    """
    layer.events.mode.connect(_stay_in_pan_zoom)


def _stay_in_pan_zoom(event: Event) -> None:
    if event.source.mode != "pan_zoom":
        event.source.mode = "pan_zoom"


def disable_editing_keys(layer: Points | Shapes) -> None:
    """Bind the keys that edit points or shapes to nothing.

    In napari 0.9.2 `editable = False` does not protect an active layer from them.
    """
    for key in _EDITING_KEYS:
        layer.bind_key(key, _do_nothing, overwrite=True)


def _do_nothing(layer: Layer) -> None:
    """Take the place of a key binding of the layer's class."""


def skip_zoom_updates(layer: Layer) -> None:
    """Let a layer ignore the zoom.

    At each zoom napari 0.9.2 lays out all texts of a layer anew (napari #7732), though
    their size on the screen stays, and paints its list of layers, with the whole window
    once more.
    """
    layer.events.scale_factor.block()


def skip_thumbnails(layer: Layer) -> None:
    """Let a refresh of a layer leave its thumbnail as it is.

    For its list of layers napari 0.9.2 draws a thumbnail line by line at each refresh.
    """
    layer.refresh = partial(layer.refresh, thumbnail=False)


def skip_highlights(layer: Points) -> None:
    """Let a layer highlight no point; napari 0.9.2 takes a frame for it."""
    layer.events.highlight.block()


# The status bar


def replace_status(layer: Layer, describe: Callable[[float, float], str]) -> None:
    """Have the status bar show a text of the review while a layer is active.

    `Layer.get_status` of napari 0.9.2 knows only the row and the column. napari calls
    it in a thread (napari #7146).

    Parameters
    ----------
    layer : Layer
        The layer.
    describe : callable
        Returns the text for a (row, column) of the image.
    """
    layer.get_status = partial(_status, layer, describe)


def _status(
    layer: Layer,
    describe: Callable[[float, float], str],
    position: npt.ArrayLike | None = None,
    **_: Any,
) -> dict[str, str]:
    status = type(layer).get_status(layer)
    if position is not None:
        row, column = np.asarray(position)[-2:]
        text = describe(float(row), float(column))
        status |= {"coordinates": text, "coords": text, "layer_base": ""}
    return status


def update_status(viewer: ViewerModel) -> None:
    """Update the status bar for a mouse that rests, in the frame that is drawn next.

    napari 0.9.2 updates it in a thread, and only when the mouse moves; its later update
    paints the whole window once more. Nothing happens if the user has switched such
    texts off.
    """
    is_wanted = settings.get_settings().appearance.update_status_based_on_layer
    if is_wanted and viewer.mouse_over_canvas:
        viewer.update_status_from_cursor()


def update_status_in_thread(viewer: ViewerModel) -> None:
    """Have the thread of napari update the status bar for a mouse that rests.

    The thread of napari 0.9.2 starts at this event; an update that it has begun may
    still describe what was under the mouse before.
    """
    if viewer.mouse_over_canvas:
        viewer.cursor.events.position()


def move_cursor_silently(viewer: ViewerModel, position: tuple[float, ...]) -> None:
    """Set where the mouse is in the data, without an update of the status bar.

    napari 0.9.2 computes that position only when the mouse moves, not when the camera
    does.
    """
    with viewer.cursor.events.position.blocker():
        viewer.cursor.position = position


# Mouse, colormaps, preferences, multiscale images


@contextmanager
def without_panning(viewer: ViewerModel) -> Iterator[None]:
    """Keep the image in place during a drag, which pans the image in napari 0.9.2."""
    viewer.scene.camera.mouse_pan = False
    try:
        yield
    finally:
        viewer.scene.camera.mouse_pan = True


def forget_colormap(name: str) -> None:
    """Remove a colormap from those that napari offers.

    napari 0.9.2 keeps each colormap that was ever given to a layer; one that differs
    from an older one of its name is kept under a new name.
    """
    AVAILABLE_COLORMAPS.pop(name, None)


def plugin_settings() -> Mapping[str, Any]:
    """Return the preferences of plugins; napari before 0.9 has none."""
    read: Callable[[], Mapping[str, Any]]
    read = getattr(settings, "get_plugin_settings", dict)
    return read()


def slice_ahead(layer: Image, view: View) -> None:
    """Have a multiscale layer slice what comes into view, at the level that it draws.

    napari 0.9.2 does so while it draws a frame, and then draws another one to show it.
    What it would draw at another level is left to it.

    Parameters
    ----------
    layer : Image
        A multiscale layer of two dimensions.
    view : View
        What will be in view in the next frame.
    """
    box = np.array([[view.top, view.left], [view.bottom, view.right]])
    canvas = np.rint((box[1] - box[0]) * view.zoom)
    level, corners = compute_multiscale_level_and_corners(
        np.array([np.floor(box[0]), np.ceil(box[1])]), canvas, layer.downsample_factors
    )
    if level != layer.data_level:
        return
    pixels = layer.data[level]
    corners = np.clip(corners, 0, np.subtract(pixels.shape, 1))
    first, last = expand_corners_to_chunk_boundaries(corners, pixels, (0, 1))
    shown = layer.corner_pixels
    is_sliced = (first >= shown[0]).all() and (last <= shown[1]).all()
    if not is_sliced and (first < last).all():
        layer.corner_pixels = np.array([first, last])
        layer.refresh(thumbnail=False, highlight=False, extent=False)
