"""Workarounds for napari in the viewer, with the behaviour that requires each of them.

Workarounds that need Qt are in `widgets/napari_compat.py`.
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

#: Keys that change data or modes of napari's Shapes and Points layers.
_EDITING_KEYS = (*"ABDEFILPRSTXZ", *"1234567", "Delete", "Backspace")
_EDITING_KEYS += ("Control-C", "Control-V", "Enter", "Escape")

# The list of layers


@contextmanager
def without_list_updates(viewer: ViewerModel) -> Iterator[None]:
    """Suppress updates of napari's layer list during a change.

    Use this only for changes that the list does not show. After each layer event,
    napari 0.9.2 lays out and paints the list in an extra frame.
    """
    with viewer.layers.events.blocker_all():
        yield


def insert_without_selecting(viewer: ViewerModel, index: int, layer: Layer) -> None:
    """Insert a layer without changing the selection of layers.

    napari 0.9.2 selects each new layer. It then adapts its window to the controls of
    the layer, and immediately draws the resized canvas.
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
    """Draw a layer only once, after a change in several steps.

    After each step, napari 0.9.2 draws the layer and its thumbnail, updates the extent
    of all layers and notifies all listeners. An overlay lies within the image, so the
    extent does not change.
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
            # `refresh` skips a hidden layer, so its texts would keep their old
            # positions.
            layer.set_view_slice()
        layer.refresh(thumbnail=False, highlight=False, extent=False)
        if isinstance(layer, Shapes):
            layer.events.features()


def move_layer(viewer: ViewerModel, layer: Layer, position: npt.ArrayLike) -> None:
    """Move the origin of a layer to a position (row, column) of the image.

    napari 0.9.2 treats a moved layer as a layer with new data. It makes a new thumbnail
    and copies the data to the graphics card, which takes as long as a frame.
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
    """Replace the pixels of an image layer by pixels of the same shape.

    Call `emit_data` afterwards. At the event `data`, napari 0.9.2 updates the extent of
    all layers and slices all layers.
    """
    with layer.events.data.blocker():
        layer.data = data


def emit_data(layer: Image) -> None:
    """Emit the event `data` that `set_pixels_silently` suppressed.

    The viewer does not receive the event, because the extent is unchanged.
    """
    event = layer.events.data
    with ExitStack() as stack:
        for callback in _extent_callbacks(event):
            stack.enter_context(event.blocker(callback))
        event(value=layer.data)


def skip_extent_updates(layer: Layer) -> None:
    """Stop updating the extent of all layers when this layer is moved or scaled.

    At these changes, napari 0.9.2 measures and slices all layers again. An overlay lies
    within the image, so the extent does not change.
    """
    for event in (layer.events.translate, layer.events.scale):
        for callback in _extent_callbacks(event):
            event.disconnect(callback)


def _extent_callbacks(event: EventEmitter) -> list[Callable[..., object]]:
    """Return the methods of a viewer that are connected to an event of a layer."""
    held = [pair for pair in event.callbacks if isinstance(pair, tuple)]
    owners = [(reference(), name) for reference, name in held]
    # Recognize the viewer by its class, because a plugin gets only a proxy of the
    # viewer.
    return [getattr(o, name) for o, name in owners if isinstance(o, ViewerModel)]


def update_features(layer: Shapes, features: pd.DataFrame) -> bool:
    """Replace the feature columns that differ; return whether any column differed.

    The number of rows must be the same. If all features are replaced, napari 0.9.2 lays
    out all texts of the layer again.
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


# Automatic updates and modes of layers


def keep_in_pan_zoom_mode(layer: Layer) -> None:
    """Restore the mode `pan_zoom` of a layer whenever the user chooses another mode.

    The other modes of napari 0.9.2 draw, move or delete data that only the session may
    change.
    """
    layer.events.mode.connect(_stay_in_pan_zoom)


def _stay_in_pan_zoom(event: Event) -> None:
    if event.source.mode != "pan_zoom":
        event.source.mode = "pan_zoom"


def disable_editing_keys(layer: Points | Shapes) -> None:
    """Disable the keys that edit points or shapes.

    In napari 0.9.2, `editable = False` does not protect an active layer from these
    keys.
    """
    for key in _EDITING_KEYS:
        layer.bind_key(key, _do_nothing, overwrite=True)


def _do_nothing(layer: Layer) -> None:
    """Do nothing, in place of a key binding of the layer's class."""


def skip_zoom_updates(layer: Layer) -> None:
    """Suppress updates of a layer when the zoom changes.

    At each change of zoom, napari 0.9.2 lays out all texts of a layer (napari #7732),
    although the size of the texts on the screen is constant. It also paints the layer
    list and the whole window.
    """
    layer.events.scale_factor.block()


def skip_thumbnails(layer: Layer) -> None:
    """Suppress updates of a layer's thumbnail.

    At each refresh, napari 0.9.2 draws a thumbnail for its layer list, line by line.
    """
    layer.refresh = partial(layer.refresh, thumbnail=False)


def skip_highlights(layer: Points) -> None:
    """Suppress highlights of points, which take an extra frame in napari 0.9.2."""
    layer.events.highlight.block()


# The status bar


def replace_status(layer: Layer, describe: Callable[[float, float], str]) -> None:
    """Show the review's text in the status bar while a layer is active.

    `Layer.get_status` of napari 0.9.2 describes only the row and the column. napari
    calls this method in a thread (napari #7146).

    Parameters
    ----------
    layer : Layer
        A layer of the review.
    describe : callable
        Returns the text for a (row, column) of the image; called in any thread.
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


def add_to_status(
    layer: Layer, describe: Callable[[float, float], str]
) -> Callable[[], None]:
    """Add the review's text to the status bar while a layer of the user is selected.

    napari 0.9.2 shows the status of the selected layers only. The added text is
    followed by the name and the value of the user's layer.

    Parameters
    ----------
    layer : Layer
        A layer of the user.
    describe : callable
        Returns the text for a (row, column) of the image; called in any thread. An
        empty string adds nothing.

    Returns
    -------
    callable
        Removes the text.
    """
    layer.get_status = partial(_status_with_review, layer, layer.get_status, describe)
    # Without this attribute, the method of the layer's class is used again.
    return partial(delattr, layer, "get_status")


def _status_with_review(
    layer: Layer,
    get_status: Callable[..., dict[str, str]],
    describe: Callable[[float, float], str],
    position: npt.ArrayLike | None = None,
    **options: Any,
) -> dict[str, str]:
    status = get_status(position, **options)
    if position is not None:
        row, column = np.asarray(position)[-2:]
        text = describe(float(row), float(column))
        if text:
            value = status.get("value")
            both = f"{text}  |  {layer.name}: {value}" if value else text
            status |= {"coordinates": both, "coords": text}
    return status


def update_status(viewer: ViewerModel) -> None:
    """Update the status bar for the next frame, even if the mouse does not move.

    napari 0.9.2 updates the status bar in a thread, and only when the mouse moves. Such
    a late update paints the whole window again. Do nothing if the user has turned off
    status updates in napari's preferences.

    If the mouse has left the canvas, clear a text about the last pixel under the mouse.
    The thread of napari 0.9.2 can write this text after the mouse has left.
    """
    if not settings.get_settings().appearance.update_status_based_on_layer:
        return
    if viewer.mouse_over_canvas:
        viewer.update_status_from_cursor()
    elif isinstance(viewer.status, dict):
        # Only a text about a layer is a dict.
        viewer.status = ""


def update_status_in_thread(viewer: ViewerModel) -> None:
    """Update the status bar in napari's thread, even if the mouse does not move.

    The event `position` starts an update in the thread of napari 0.9.2. An earlier
    update may still describe the previous image.
    """
    if viewer.mouse_over_canvas:
        viewer.cursor.events.position()


def move_cursor_silently(viewer: ViewerModel, position: tuple[float, ...]) -> None:
    """Set the cursor position, in data coordinates, without updating the status bar.

    napari 0.9.2 computes this position when the mouse moves, but not when the camera
    moves.
    """
    with viewer.cursor.events.position.blocker():
        viewer.cursor.position = position


# Mouse, colormaps, preferences, multiscale images


@contextmanager
def without_panning(viewer: ViewerModel) -> Iterator[None]:
    """Return a context without panning by the mouse.

    napari 0.9.2 pans the image at each drag.
    """
    viewer.scene.camera.mouse_pan = False
    try:
        yield
    finally:
        viewer.scene.camera.mouse_pan = True


def take_right_double_clicks(
    viewer: ViewerModel, handle: Callable[[Any], None]
) -> Callable[[], None]:
    """Handle double clicks of the right mouse button in place of napari's handlers.

    napari 0.9.2 zooms at a double click of any button, and calls all its handlers.

    Returns
    -------
    callable
        Restores napari's handlers.
    """
    callbacks = viewer.mouse_double_click_callbacks
    given_back = {partial(_unless_right, callback): callback for callback in callbacks}

    def on_double_click(_: ViewerModel, event: Any) -> None:
        if event.button == 2:
            handle(event)

    callbacks[:] = [*given_back, on_double_click]

    def give_back() -> None:
        callbacks[:] = [
            given_back.get(callback, callback)
            for callback in callbacks
            if callback is not on_double_click
        ]

    return give_back


def _unless_right(
    callback: Callable[[ViewerModel, Any], object], viewer: ViewerModel, event: Any
) -> None:
    """Call a handler of double clicks, unless the button is the right button."""
    if event.button != 2:
        callback(viewer, event)


def forget_colormap(name: str) -> None:
    """Remove a colormap from napari's list of available colormaps.

    napari 0.9.2 adds each colormap that a layer uses to this list. If the list already
    has a colormap of the same name, napari renames the new colormap.
    """
    AVAILABLE_COLORMAPS.pop(name, None)


def plugin_settings() -> Mapping[str, Any]:
    """Return the preferences of all plugins, which are empty before napari 0.9."""
    read: Callable[[], Mapping[str, Any]]
    read = getattr(settings, "get_plugin_settings", dict)
    return read()


def slice_ahead(layer: Image, view: View) -> None:
    """Slice a multiscale layer for a new view, unless the level of detail changes.

    napari 0.9.2 slices while it draws a frame, and needs another frame to show the
    result. If the level of detail changes, napari slices the layer as usual.

    Parameters
    ----------
    layer : Image
        A multiscale layer of two dimensions.
    view : View
        The view in the next frame.
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
