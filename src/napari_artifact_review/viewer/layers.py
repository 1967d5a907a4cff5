"""The review's layers: drawings of the session, made and changed only here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer, Shapes, Vectors
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from napari.utils.events import Event

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.full_image import FullImage
from napari_artifact_review.viewer.boxes import (
    Array,
    Boxes,
    corners,
    is_marked,
    label_boxes,
    sides,
    tag_boxes,
)
from napari_artifact_review.viewer.style import STYLE

#: Metadata key by which the review knows its own layers.
OWNER = "napari_artifact_review"

#: Keys with which napari's Shapes layers change shapes or modes.
_EDITING_KEYS = (*"ABDEFILPRSTXZ", *"1234567", "Delete", "Backspace")
_EDITING_KEYS += ("Control-C", "Control-V", "Enter", "Escape")


#: From the bottom to the top.
_ROLES = ("image", "grid", "current", "tags", "cutouts")

#: Where a text stands in the data so that it is at the top left, or the bottom right,
#: on the screen: with row 0 at the top, and with row 0 at the bottom.
_ANCHORS = {
    "cutouts": {False: "upper_left", True: "lower_left"},
    "tags": {False: "lower_right", True: "upper_right"},
}
_LINE_WIDTHS = {"grid": STYLE.grid_width, "current": STYLE.current_width}


class ReviewLayers:
    """The layers of a review in one viewer.

    They are known by reference and carry the metadata key `OWNER`; what a user does
    to them is undone by drawing them again, and one that is deleted is made anew.

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
        self._visible: dict[str, bool] = {}
        self._drawn: dict[str, Boxes] = {}
        self._drawing = False
        self._zoom = 1.0
        self._legible = True
        self._own_limits: tuple[float, ...] | None = None
        self._grid_shown = False
        self.y_up = False

    # Which layers there are

    @property
    def image(self) -> Image | None:
        """The full image, if it was ever shown."""
        return self._layers.get("image")

    def owns(self, layer: Layer | None) -> bool:
        """Tell whether a layer is one of these."""
        return any(layer is own for own in self._layers.values())

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        layers, self._layers = self._layers, {}
        for layer in layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def hide(self) -> None:
        """Hide everything while there is nothing true to show."""
        if not self._visible:
            self._visible = {role: ly.visible for role, ly in self._layers.items()}
            for layer in self._layers.values():
                layer.visible = False

    def unhide(self) -> None:
        """Show again what was visible before `hide`."""
        for role, visible in self._visible.items():
            self._layers[role].visible = visible
        self._visible = {}

    def show_grid(self, visible: bool) -> None:
        """Show or hide the grid of all cutouts."""
        self._grid_shown = visible
        if self._visible:
            self._visible["grid"] = visible
        elif "grid" in self._layers:
            self._layers["grid"].visible = visible

    @property
    def grid_is_shown(self) -> bool:
        """Whether the grid of all cutouts is shown."""
        if self._visible or "grid" not in self._layers:
            return self._visible.get("grid", self._grid_shown)
        return bool(self._layers["grid"].visible)

    def display(self) -> dict[str, Any]:
        """Return how pixels become colours, as plain JSON."""
        image = self.image
        if image is None:
            return {}
        return {
            "contrast_limits": [float(limit) for limit in image.contrast_limits],
            "limits_chosen": self._chosen_limits() is not None,
            "gamma": float(image.gamma),
            "colormap": image.colormap.name,
        }

    def set_display(self, kept: Mapping[str, Any]) -> None:
        """Let pixels become colours as they did when `display` was asked."""
        image = self.image
        if image is None or "gamma" not in kept:
            return
        image.gamma = kept["gamma"]
        # A colormap of a plugin may be gone since.
        if kept["colormap"] in AVAILABLE_COLORMAPS:
            image.colormap = kept["colormap"]
        if kept["limits_chosen"]:
            low, high = kept["contrast_limits"]
            below, above = image.contrast_limits_range
            image.contrast_limits_range = (min(low, below), max(high, above))
            image.contrast_limits = (low, high)

    # What they show

    def show_image(self, full: FullImage, name: str) -> None:
        """Show a full image; the layer stays the same one from image to image."""
        layer = self.image or self._adopted_image()
        chosen = self._chosen_limits()
        if layer is None:
            layer = Image(full.pixels, rgb=False, contrast_limits=full.limits)
        self._keep("image", layer)
        # napari scans all pixels for limits that are not given, so they are given.
        if layer.data is not full.pixels:
            layer.data = full.pixels
        low, high = full.limits
        layer.contrast_limits_range = (low - (high - low), high + 4 * (high - low))
        layer.contrast_limits = chosen or (low, high)
        self._own_limits = None if chosen else tuple(layer.contrast_limits)
        layer.name = name

    def _chosen_limits(self) -> tuple[float, float] | None:
        """Return the contrast limits that the user set, to keep from image to image."""
        limits = None if self.image is None else tuple(self.image.contrast_limits)
        return None if limits == self._own_limits else limits

    def show_cutouts(self, cutouts: Sequence[Cutout], shape: tuple[int, int]) -> None:
        """Draw the boxes, tags and the grid of one image's cutouts."""
        marked = [c for c in cutouts if is_marked(c)]
        self._draw_boxes("tags", tag_boxes(marked, shape))
        self._draw_boxes("cutouts", label_boxes(marked, shape))
        grid = sides(np.array([corners(c, shape) for c in cutouts]))
        self._draw_lines("grid", grid, STYLE.grid)

    def show_current(self, cutout: Cutout, shape: tuple[int, int]) -> None:
        """Draw the frame around the current cutout."""
        gap = self._image_pixels(STYLE.current_gap)
        frame = sides(corners(cutout, shape, gap))
        self._draw_lines("current", frame, STYLE.current)

    def hide_current(self) -> None:
        """Draw no frame: the current cutout is not on the image."""
        self._draw_lines("current", np.empty((0, 2, 2)), STYLE.current)

    def set_zoom(self, zoom: float, cutout_size: int) -> None:
        """Fit lines and texts to a zoom: pixels of the screen for one of the image."""
        self._zoom = zoom
        self._legible = cutout_size * zoom >= STYLE.smallest_labelled_cutout
        for role, layer in self._layers.items():
            if isinstance(layer, Shapes):
                layer.text.visible = self._legible
                layer.text.translation = self._text_offset(role)
                with self._own_drawing():
                    layer.edge_width = self._image_pixels(STYLE.box_width)
                # The setter leaves the mesh as it was drawn (napari 0.9).
                layer.refresh(thumbnail=False, highlight=False)
            elif isinstance(layer, Vectors):
                layer.edge_width = self._image_pixels(_LINE_WIDTHS[role])

    def set_y_up(self, up: bool) -> None:
        """Keep texts at their corners on the screen when row 0 moves to the bottom."""
        self.y_up = up
        for role in _ANCHORS:
            if role in self._layers:
                text = self._layers[role].text
                text.anchor = _ANCHORS[role][up]
                text.translation = self._text_offset(role)
                self._layers[role].refresh(thumbnail=False, highlight=False)

    def forget_drawings(self) -> None:
        """Draw everything anew next time: somebody else has drawn in the layers."""
        self._drawn = {}

    def _draw_boxes(self, role: str, boxes: Boxes) -> None:
        layer = self._layers.get(role)
        if not isinstance(layer, Shapes):
            layer = Shapes(ndim=2, name=role, opacity=1)
        self._keep(role, layer)
        before = self._drawn.get(role)
        self._drawn[role] = boxes
        with self._own_drawing():
            if before is None or not boxes.same_places(before):
                # Texts are laid out at each change of the data, so they come last.
                layer.text = {"string": {"constant": ""}}
                layer.data = []
                layer.add_rectangles(
                    boxes.corners,
                    edge_width=self._image_pixels(STYLE.box_width),
                    edge_color=boxes.colors,
                    face_color="transparent",
                )
                layer.editable = False
            elif not np.array_equal(boxes.colors, before.colors):
                layer.edge_color = boxes.colors
            layer.features = boxes.features
            layer.text = {
                "string": boxes.texts,
                "color": boxes.text_colors,
                "size": STYLE.text_size,
                "anchor": _ANCHORS[role][self.y_up],
                "translation": self._text_offset(role),
                "visible": self._legible,
            }

    def _draw_lines(self, role: str, lines: Array, color: str) -> None:
        layer = self._layers.get(role)
        if not isinstance(layer, Vectors):
            layer = Vectors(ndim=2, name=role, opacity=1, vector_style="line")
            layer.visible = role != "grid" or self._grid_shown
        self._keep(role, layer)
        layer.data = lines
        layer.edge_color = color
        layer.edge_width = self._image_pixels(_LINE_WIDTHS[role])

    def _text_offset(self, role: str) -> tuple[float, float]:
        """Return the step (rows, columns) that puts a text just inside its box.

        With row 0 at the top napari draws the texts outside, else inside already.
        """
        margin = STYLE.box_width + 2
        rows = -margin if self.y_up else margin + STYLE.text_height
        inwards = 1 if role == "cutouts" else -1
        return (
            inwards * self._image_pixels(rows),
            inwards * self._image_pixels(margin),
        )

    def _image_pixels(self, screen_pixels: float) -> float:
        return screen_pixels / self._zoom

    # How they are kept

    def _keep(self, role: str, layer: Layer) -> None:
        """Have a layer in the viewer, at its place, and guard it from the first day."""
        if self._layers.get(role) is not layer:
            self._layers[role] = layer
            self._guard(layer, role)
        if layer in self._viewer.layers:
            return
        below = _ROLES[: _ROLES.index(role)]
        at = [
            self._viewer.layers.index(self._layers[other])
            for other in below
            if self._layers.get(other) in self._viewer.layers
        ]
        self._viewer.layers.insert(max(at) + 1 if at else 0, layer)
        # With the image active, napari's keys for shapes and vectors are asleep.
        self._viewer.layers.selection.active = self.image

    def _adopted_image(self) -> Image | None:
        """Return an image layer that was put into the viewer for this review."""
        layers = [x for x in self._viewer.layers if x.metadata.get(OWNER) == "image"]
        return layers[0] if layers and isinstance(layers[0], Image) else None

    def _guard(self, layer: Layer, role: str) -> None:
        layer.metadata[OWNER] = role
        # Other modes draw, move or delete what only the session may change.
        layer.events.mode.connect(_stay_in_pan_zoom)
        layer.get_status = partial(self._layer_status, layer)
        if isinstance(layer, Shapes):
            layer.events.data.connect(self._on_data)
            for key in _EDITING_KEYS:
                layer.bind_key(key, _do_nothing, overwrite=True)

    def _on_data(self) -> None:
        if not self._drawing:
            self._redraw()

    @contextmanager
    def _own_drawing(self) -> Iterator[None]:
        self._drawing = True
        try:
            yield
        finally:
            self._drawing = False

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


def _stay_in_pan_zoom(event: Event) -> None:
    if event.source.mode != "pan_zoom":
        event.source.mode = "pan_zoom"


def _do_nothing(layer: Layer) -> None:
    """Stand in front of a key that napari binds to the class of the layer."""
