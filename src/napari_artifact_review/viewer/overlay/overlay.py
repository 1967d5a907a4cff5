"""The cutouts drawn over the image: as far as they are in view, and can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Points, Shapes, Vectors
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.cutout import Cutout, Cutouts, clip
from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.boxes import (
    LETTERS,
    Array,
    Boxes,
    are_marked,
    boxes_of,
    corners,
    grid_lines,
    haloed,
    map_of,
    sides,
)
from napari_artifact_review.viewer.overlay.compass import REACH, Directions, compass
from napari_artifact_review.viewer.overlay.ink import Luminance, text_colors
from napari_artifact_review.viewer.style import STYLE

#: Boxes are Python objects to napari. So many are all drawn, wherever they are; of
#: more, those in view,
_MOST_BOXES = 120
#: and those around it and ahead as far as they are no more than these.
_FEW_BOXES = 40

#: A change of the zoom that no eye sees at a line of two pixels.
_UNNOTICED = 0.05
#: A zoom by more than this has lines too wide, or too thin, before it comes to rest.
_MOST_ZOOM = 1.5

#: A grid of more lines than these slows down each frame.
_MOST_LINES = 4000

#: Where a text stands in the data so that it is at the top left, or the bottom right,
#: on the screen: with row 0 at the top, and with row 0 at the bottom.
_ANCHORS = {
    "cutouts": {False: "upper_left", True: "lower_left"},
    "tags": {False: "lower_right", True: "upper_right"},
}
#: Which of a box's `corners` a text is at, in the same two cases.
_CORNERS = {"cutouts": {False: 0, True: 3}, "tags": {False: 2, True: 1}}

_Layer = TypeVar("_Layer", Points, Shapes)
_Number = TypeVar("_Number", float, Array)

_CURRENT_COLOR = transform_color(STYLE.current)
_SELECTION_COLOR = transform_color(STYLE.selection)
_HALO_COLOR = transform_color(STYLE.halo)
_GRID_COLOR = transform_color(STYLE.grid)
_EVERYWHERE = View(-np.inf, -np.inf, np.inf, np.inf, 1.0)
_NOWHERE = View(np.inf, np.inf, -np.inf, -np.inf, 1.0)


class Overlay:
    """Draws the cutouts of one image: near by as boxes with text, far out as a map.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    ahead : callable
        Gives what will soon be in view, the next first; asked when boxes are drawn, so
        that they need not be drawn anew at each step.
    luminance : callable
        See `Luminance`.
    """

    def __init__(
        self,
        layers: ReviewLayers,
        ahead: Callable[[], Iterable[View]],
        luminance: Luminance,
    ) -> None:
        self._layers = layers
        self._ahead = ahead
        self._luminance = luminance
        self._cutouts: Cutouts | None = None
        self._marked: Cutouts | None = None
        self._shape = (0, 0)
        self._current: Cutout | None = None
        self._directions: Directions | None = None
        self._selected: Cutouts | None = None
        self._boxes: Boxes | None = None
        self._text_colors: dict[str, Array] = {}
        self._regions: list[View] = []
        self._zoom = 1.0
        self._fade = 0.0
        self._map_is_drawn = False
        self._legible = True
        self._readable = _NOWHERE
        self.y_up = False

    # What there is

    def prepare(self) -> None:
        """Have all letters drawn, unseen, while there is no image yet.

        Each takes napari as long as a frame when it is drawn for the first time, and
        would take it from the first steps and verdicts.
        """
        tags = self._tags_layer()
        with self._layers.drawing(tags):
            tags.data = np.zeros((1, 2))
            tags.text.string = {"constant": LETTERS}
            tags.text.color = "transparent"

    def show(self, cutouts: Cutouts, shape: tuple[int, int], view: View) -> None:
        """Draw the cutouts of another image of `shape` (rows, columns)."""
        self._shape, self._boxes, self._regions = shape, None, []
        self._readable = _NOWHERE
        self._zoom = view.zoom
        self._take(cutouts)
        self.look(view)

    def update(self, cutouts: Cutouts) -> None:
        """Draw the same cutouts after something was decided about them."""
        self._take(cutouts)
        if self._regions:
            self._draw_near()
        if self._fade:
            self._draw_map()

    def show_current(
        self, cutout: Cutout | None, directions: Directions | None = None
    ) -> None:
        """Draw the frame around the current cutout, and where north and east are.

        Parameters
        ----------
        cutout : Cutout or None
            None if it is not on the image.
        directions : tuple, optional
            Steps towards north and east, if they are known.
        """
        self._current, self._directions = cutout, directions
        self._draw_current()

    def show_selection(self, cutouts: Cutouts) -> None:
        """Draw frames around the selected cutouts."""
        self._selected = cutouts
        self._draw_picked()

    def _take(self, cutouts: Cutouts) -> None:
        self._cutouts = cutouts
        self._marked = cutouts.take(are_marked(cutouts))
        self._map_is_drawn = False

    def show_grid(self, shown: bool) -> None:
        """Show or hide the grid of all cutouts."""
        self._layers.wish("grid", shown)
        if self._regions:
            self._draw_grid()

    def set_y_up(self, up: bool) -> None:
        """Keep texts at their corners on the screen when row 0 moves to the bottom."""
        self.y_up = up
        self._draw_current()
        if self._boxes is not None:
            boxes, self._boxes = self._boxes, None
            self._draw_boxes(boxes)

    def fit_texts(self) -> None:
        """Have texts pale on dark pixels and dark on bright ones, as they are shown."""
        boxes = self._boxes
        if boxes is None or not len(boxes.rows) or not self._legible:
            return
        for role, before in self._text_colors.items():
            layer, colors = self._layers.find(role), self._colors_of(role, boxes)
            if layer is not None and not np.array_equal(colors, before):
                self._text_colors[role] = colors
                layer.text.color = colors

    # What is in view

    def look(self, view: View) -> None:
        """Draw what has come into view; cheap where that is nothing new."""
        if self._cutouts is None or self._marked is None:
            return
        side = self._cutouts.size * view.zoom
        few = len(self._marked) <= _MOST_BOXES
        # Where not all boxes are drawn, the map takes over before they are too many.
        lowest = STYLE.smallest_box if few else STYLE.smallest_labelled_cutout / 1.5
        fade = float(np.clip(3 - 2 * side / lowest, 0, 1))
        self._set_legible(side >= STYLE.smallest_labelled_cutout)
        unread = self._legible and not self._readable.contains(view)
        if unread:
            # Those of few boxes come with the image: no step has to wait for them.
            self._readable = _EVERYWHERE if few else view.grown(0.5)
        if fade < 1 and not any(near.contains(view) for near in self._regions):
            self._regions = self._near(view)
            self._draw_near()
            self._draw_grid()
        elif unread:
            self._write(*_ANCHORS)
        self._set_fade(fade)
        if not 1 / _MOST_ZOOM < view.zoom / self._zoom < _MOST_ZOOM:
            self.settle(view)

    def settle(self, view: View) -> None:
        """Fit widths of lines and places of texts to a zoom that is there to stay."""
        if abs(view.zoom / self._zoom - 1) < _UNNOTICED:
            return
        self._zoom = view.zoom
        for role in ("cutouts", "tags"):
            layer = self._layers.find(role)
            if layer is not None:
                with self._layers.drawing(layer):
                    layer.text.translation = self._text_offset(role)
                    if isinstance(layer, Shapes):
                        layer.edge_width = self._image_pixels(STYLE.box_width)
        for role, width in (
            ("grid", STYLE.grid_width),
            ("predictions", STYLE.box_width),
        ):
            layer = self._layers.find(role)
            if layer is not None:
                with self._layers.drawing(layer):
                    layer.edge_width = self._image_pixels(width)
        self._draw_current()
        self._draw_picked()
        self.fit_texts()

    def _near(self, view: View) -> list[View]:
        """Return a view with what is around it and ahead, as far as it can be drawn."""
        assert self._marked is not None, "asked for while an image is shown"
        if len(self._marked) <= _MOST_BOXES:
            return [_EVERYWHERE]
        for margin in (1.0, 0.5, 0.25):
            regions = [view.grown(margin)]
            near = _in_view(self._marked, regions)
            if np.count_nonzero(near) <= _FEW_BOXES:
                break
        for other in self._ahead():
            near |= _in_view(self._marked, [other])
            if np.count_nonzero(near) > _FEW_BOXES:
                break
            regions.append(other)
        return regions

    def _draw_near(self) -> None:
        assert self._marked is not None, "asked for while an image is shown"
        near = self._marked.take(_in_view(self._marked, self._regions))
        self._draw_boxes(boxes_of(near, self._shape))

    def _set_fade(self, fade: float) -> None:
        """Let the map take the boxes' place by degrees."""
        self._fade = fade
        if fade and not self._map_is_drawn:
            self._draw_map()
        self._use()
        opacities = {
            "cutouts": 1 - fade,
            "predictions": 1 - fade,
            "map": fade * STYLE.map_opacity,
        }
        for role, opacity in opacities.items():
            layer = self._layers.find(role)
            if layer is not None and layer.opacity != opacity:
                layer.opacity = opacity

    def _use(self) -> None:
        """Hide what shows nothing: each layer takes time in each frame."""
        near = self._fade < 1
        both = self._boxes is not None and len(self._boxes.predictions) > 0
        self._layers.use(
            map=self._fade > 0, cutouts=near, grid=near, predictions=near and both
        )

    def _set_legible(self, legible: bool) -> None:
        self._legible = legible
        self._layers.use(tags=legible)
        boxes = self._layers.find("cutouts")
        if boxes is not None and boxes.text.visible != legible:
            boxes.text.visible = legible

    # How it is drawn

    def _draw_boxes(self, boxes: Boxes) -> None:
        before, self._boxes = self._boxes, boxes
        if before is not None and np.array_equal(before.rows, boxes.rows):
            self._recolor(before, boxes)
        else:
            self._replace(boxes)
        self._use()
        self._draw_lines(
            "predictions",
            sides(boxes.predictions),
            np.repeat(boxes.prediction_colors, 4, axis=0),
            STYLE.box_width,
        )

    def _replace(self, boxes: Boxes) -> None:
        layer = self._layers.get("cutouts", lambda: _without_fill(Shapes))
        with self._layers.drawing(layer):
            layer.data = []
            layer.add_rectangles(
                list(boxes.corners),
                edge_width=self._image_pixels(STYLE.box_width),
                edge_color=boxes.colors,
                face_color="transparent",
            )
            layer.editable = False
            layer.features = boxes.features
            self._set_texts(layer, "cutouts", boxes)
        tags = self._tags_layer()
        with self._layers.drawing(tags):
            tags.data = boxes.corners[:, _CORNERS["tags"][self.y_up]]
            tags.editable = False
            self._set_texts(tags, "tags", boxes)

    def _tags_layer(self) -> Points:
        # To napari a text belongs to a shape or a point; these are not to be seen.
        return self._layers.get("tags", lambda: _without_fill(Points, border_width=0))

    def _recolor(self, before: Boxes, boxes: Boxes) -> None:
        """Show of the same cutouts what has been decided since."""
        layer = self._layers.get("cutouts", lambda: _without_fill(Shapes))
        features = layer.features
        changed = {
            name: column
            for name, column in boxes.features.items()
            if not column.equals(features.get(name))
        }
        # For new features as a whole napari lays out all texts anew.
        for name, column in changed.items():
            features[name] = column
        if not np.array_equal(before.colors, boxes.colors):
            with self._layers.drawing(layer):
                layer.edge_color = boxes.colors
        elif changed:
            with self._layers.silently():
                layer.events.features()
        if before.tags != boxes.tags:
            self._write("tags")

    def _draw_grid(self) -> None:
        assert self._cutouts is not None, "asked for while an image is shown"
        if self._layers.find("grid") is None and not self._layers.is_wished("grid"):
            return
        near = self._cutouts.take(_in_view(self._cutouts, self._regions))
        squares = corners(near.grid_x, near.grid_y, near.size, self._shape)
        grid = grid_lines(squares)
        if len(grid) > _MOST_LINES:
            grid = grid[:0]
        self._draw_lines("grid", grid, _GRID_COLOR, STYLE.grid_width)

    def _draw_current(self) -> None:
        if self._current is None and self._layers.find("current") is None:
            # Before the first image no layer is made that has nothing to show.
            return
        lines, place = np.empty((0, 2, 2)), np.zeros(2)
        if self._current is not None:
            size, gap = self._current.size, self._image_pixels(STYLE.current_gap)
            rows, columns = clip(self._current, self._shape)
            place = np.array([rows.start, columns.start])
            height, width = rows.stop - rows.start, columns.stop - columns.start
            frame = corners(0, 0, size, (height, width), gap)
            lines = np.concatenate([sides(frame), self._compass(width + gap)])
        layer = self._draw_frames("current", lines, _CURRENT_COLOR)
        self._layers.move(layer, place)

    def _compass(self, right: float) -> Array:
        """Return the lines of a compass beside the upper right corner of the frame."""
        size = 0 if self._current is None else self._current.size
        # Far out it would cover a neighbour.
        if self._directions is None or self._image_pixels(2 * REACH) > size:
            return np.empty((0, 2, 2))
        lines = self._image_pixels(compass(self._directions, self.y_up))
        away = self._image_pixels(REACH)
        lines[:, 0] += (size - away if self.y_up else away, right + away)
        return lines

    def _draw_picked(self) -> None:
        selected = self._selected
        if selected is None or (
            not len(selected) and self._layers.find("selected") is None
        ):
            return
        frames = corners(selected.grid_x, selected.grid_y, selected.size, self._shape)
        self._draw_frames("selected", sides(frames), _SELECTION_COLOR)
        self._layers.use(selected=len(selected) > 0)

    def _draw_frames(self, role: str, lines: Array, color: Array) -> Vectors:
        """Draw lines with a halo, in one layer: each layer takes time in each frame."""
        colors = np.repeat([_HALO_COLOR[0], color[0]], [4 * len(lines), len(lines)], 0)
        lines = haloed(lines, self._image_pixels(STYLE.halo_width))
        return self._draw_lines(role, lines, colors, STYLE.current_width)

    def _draw_lines(
        self, role: str, lines: Array, color: Array, width: float
    ) -> Vectors:
        """Draw lines, as far as they are others than those that are drawn."""
        layer = self._layers.get(
            role, lambda: Vectors(ndim=2, vector_style="line", opacity=1)
        )
        colors = np.broadcast_to(color, (len(lines), 4)).astype(np.float32)
        width = self._image_pixels(width)
        moved = not np.array_equal(layer.data, lines)
        alike = np.array_equal(layer.edge_color, colors)
        if alike and not moved and layer.edge_width == width:
            return layer
        # napari makes a thumbnail at each of these.
        with self._layers.drawing(layer):
            if moved:
                layer.data = lines
            if len(lines) and not np.array_equal(layer.edge_color, colors):
                layer.edge_color = colors
            if layer.edge_width != width:
                layer.edge_width = width
        return layer

    def _draw_map(self) -> None:
        assert self._marked is not None, "asked for while an image is shown"
        self._map_is_drawn = True
        drawn = map_of(self._marked)
        layer = self._layers.get(
            "map", lambda: Image(drawn.pixels, rgb=True, opacity=0)
        )
        layer.data = drawn.pixels
        layer.scale = (drawn.pitch, drawn.pitch)
        layer.translate = drawn.origin

    def _write(self, *roles: str) -> None:
        """Give the texts in view their words, and take those of others."""
        for role in roles:
            layer = self._layers.find(role)
            if layer is not None and self._boxes is not None and len(self._boxes.rows):
                layer.text.string = self._strings(role, self._boxes)

    def _strings(self, role: str, boxes: Boxes) -> list[str]:
        strings = boxes.tags if role == "tags" else boxes.confidences
        top, left = boxes.corners[:, 0].T
        bottom, right = boxes.corners[:, 2].T
        view = self._readable
        below = (bottom >= view.top) & (right >= view.left)
        near = below & (top <= view.bottom) & (left <= view.right)
        return [text if n else "" for text, n in zip(strings, near, strict=True)]

    def _set_texts(self, layer: Points | Shapes, role: str, boxes: Boxes) -> None:
        # To set the text as a whole takes napari several times as long.
        layer.text.string = self._strings(role, boxes) or {"constant": ""}
        colors = self._text_colors[role] = self._colors_of(role, boxes)
        layer.text.color = colors if len(boxes.rows) else "white"
        layer.text.anchor = _ANCHORS[role][self.y_up]
        layer.text.translation = self._text_offset(role)

    def _colors_of(self, role: str, boxes: Boxes) -> Array:
        corner = _CORNERS[role][self.y_up]
        return text_colors(boxes, corner, self._image_pixels(1.0), self._luminance)

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

    def _image_pixels(self, screen_pixels: _Number) -> _Number:
        return screen_pixels / self._zoom


def _in_view(cutouts: Cutouts, views: Sequence[View]) -> npt.NDArray[np.bool_]:
    """Tell which cutouts reach into one of some views."""
    x, y, size = cutouts.grid_x, cutouts.grid_y, cutouts.size
    inside = np.zeros(len(cutouts), dtype=bool)
    for view in views:
        inside |= (
            (y + size >= view.top)
            & (y <= view.bottom)
            & (x + size >= view.left)
            & (x <= view.right)
        )
    return inside


def _without_fill(kind: type[_Layer], **more: Any) -> _Layer:
    return kind(
        ndim=2,
        opacity=1,
        face_color="transparent",
        text={"size": STYLE.text_size},
        **more,
    )
