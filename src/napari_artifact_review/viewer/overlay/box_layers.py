"""The layers of the boxes: outlines, confidences, tags and inner boxes."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from napari.layers import Points, Shapes

from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.napari_compat import update_features
from napari_artifact_review.viewer.overlay.boxes import LETTERS, Array, Boxes, sides
from napari_artifact_review.viewer.overlay.lines import Lines, Screen
from napari_artifact_review.viewer.overlay.text_colors import Luminance, text_colors
from napari_artifact_review.viewer.style import STYLE

#: Anchors that put confidences at the upper left and tags at the lower right of a box
#: on the screen. The key is True if row 0 is at the bottom.
_ANCHORS = {
    "cutouts": {False: "upper_left", True: "lower_left"},
    "tags": {False: "lower_right", True: "upper_right"},
}
#: Index in `Boxes.corners` of the corner at which a text is; the keys are the same.
_CORNERS = {"cutouts": {False: 0, True: 3}, "tags": {False: 2, True: 1}}

_Layer = TypeVar("_Layer", Points, Shapes)


class BoxLayers:
    """The layers of the boxes and their texts.

    Confidences are texts of the boxes. Tags are at another corner, so they are texts of
    a separate layer of points.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    screen : Screen
        Zoom and orientation of the image on the screen.
    lines : Lines
        Draws the inner boxes.
    luminance : callable
        Returns the screen's luminance, 0 to 1, at image rows and columns.

    Attributes
    ----------
    boxes : Boxes or None
        The drawn boxes; None before the boxes of an image are drawn.
    """

    def __init__(
        self, layers: ReviewLayers, screen: Screen, lines: Lines, luminance: Luminance
    ) -> None:
        self._layers = layers
        self._screen = screen
        self._lines = lines
        self._luminance = luminance
        self._text_colors: dict[str, Array] = {}
        self._are_texts_legible = True
        self.boxes: Boxes | None = None

    def draw_letters(self) -> None:
        """Draw all letters invisibly, before the first image is shown.

        napari needs as long as a frame to draw a letter for the first time. Without
        this preparation, the first verdicts and moves to other cutouts would be slower.
        """
        tags = self._tags_layer()
        with self._layers.as_one_change(tags):
            tags.data = np.zeros((1, 2))
            tags.text.string = {"constant": LETTERS}
            tags.text.color = "transparent"

    def draw(self, boxes: Boxes, text_region: View) -> None:
        """Draw all boxes, and write the texts of those in `text_region`.

        If the cutouts are the same as before, only update colours, features and texts.
        """
        before, self.boxes = self.boxes, boxes
        if before is not None and np.array_equal(before.rows, boxes.rows):
            self._recolor(before, boxes, text_region)
        else:
            self._replace(boxes, text_region)

    def draw_predictions(self, boxes: Boxes) -> None:
        """Draw the inner boxes, which mark predictions and pending verdicts."""
        self._lines.draw(
            "predictions",
            sides(boxes.predictions),
            np.repeat(boxes.prediction_colors, 4, axis=0),
            STYLE.box_width,
        )

    def write_texts(self, text_region: View, *roles: str) -> None:
        """Write the texts in a region, and clear the texts outside the region.

        `roles` can be "cutouts" (confidences) or "tags"; the default is both.
        """
        boxes = self.boxes
        if boxes is None or not len(boxes.rows):
            return
        for role in roles or _ANCHORS:
            layer = self._layers.find(role)
            if layer is not None:
                layer.text.string = _strings(role, boxes, text_region)

    def set_legible(self, are_legible: bool) -> None:
        """Show all texts if they are legible; otherwise hide them."""
        self._are_texts_legible = are_legible
        self._layers.set_useful(tags=are_legible)
        boxes = self._layers.find("cutouts")
        if boxes is not None and boxes.text.visible != are_legible:
            boxes.text.visible = are_legible

    def fit_texts(self) -> None:
        """Make texts pale on dark pixels and dark on bright pixels."""
        boxes = self.boxes
        if boxes is None or not len(boxes.rows) or not self._are_texts_legible:
            return
        for role, before in self._text_colors.items():
            layer, colors = self._layers.find(role), self._colors_of(role, boxes)
            if layer is not None and not np.array_equal(colors, before):
                self._text_colors[role] = colors
                layer.text.color = colors

    def fit_to_zoom(self) -> None:
        """Adjust the widths of lines and the positions of texts to the current zoom."""
        for role in _ANCHORS:
            layer = self._layers.find(role)
            if layer is not None:
                with self._layers.as_one_change(layer):
                    layer.text.translation = self._text_offset(role)
                    if isinstance(layer, Shapes):
                        layer.edge_width = self._screen.to_image(STYLE.box_width)
        self._lines.fit_width("predictions", STYLE.box_width)

    def _replace(self, boxes: Boxes, text_region: View) -> None:
        layer = self._boxes_layer()
        with self._layers.as_one_change(layer):
            layer.data = []
            layer.add_rectangles(
                list(boxes.corners),
                edge_width=self._screen.to_image(STYLE.box_width),
                edge_color=boxes.colors,
                face_color="transparent",
            )
            # napari makes a layer editable again when its data is set.
            layer.editable = False
            layer.features = boxes.features
            self._set_texts(layer, "cutouts", boxes, text_region)
        tags = self._tags_layer()
        with self._layers.as_one_change(tags):
            tags.data = boxes.corners[:, _CORNERS["tags"][self._screen.y_up]]
            tags.editable = False
            self._set_texts(tags, "tags", boxes, text_region)

    def _recolor(self, before: Boxes, boxes: Boxes, text_region: View) -> None:
        """Update colours, features and texts after verdicts on the same boxes."""
        layer = self._boxes_layer()
        has_changed = update_features(layer, boxes.features)
        if not np.array_equal(before.colors, boxes.colors):
            with self._layers.as_one_change(layer):
                layer.edge_color = boxes.colors
        elif has_changed:
            with self._layers.without_list_updates():
                layer.events.features()
        if before.tags != boxes.tags:
            self.write_texts(text_region, "tags")
        if before.confidences != boxes.confidences:
            # A verdict has shown the prediction of a hidden cutout.
            self.write_texts(text_region, "cutouts")
        if not np.array_equal(before.text_colors, boxes.text_colors):
            self.fit_texts()

    def _boxes_layer(self) -> Shapes:
        return self._layers.get("cutouts", lambda: _without_fill(Shapes))

    def _tags_layer(self) -> Points:
        # In napari, a text belongs to a shape or a point. These points are invisible.
        return self._layers.get("tags", lambda: _without_fill(Points, border_width=0))

    def _set_texts(
        self, layer: Points | Shapes, role: str, boxes: Boxes, text_region: View
    ) -> None:
        # Setting `layer.text` as a whole would take several times as long in napari.
        strings = _strings(role, boxes, text_region)
        layer.text.string = strings or {"constant": ""}
        colors = self._text_colors[role] = self._colors_of(role, boxes)
        layer.text.color = colors if len(boxes.rows) else "white"
        layer.text.anchor = _ANCHORS[role][self._screen.y_up]
        layer.text.translation = self._text_offset(role)

    def _colors_of(self, role: str, boxes: Boxes) -> Array:
        corner = _CORNERS[role][self._screen.y_up]
        return text_colors(boxes, corner, self._screen.to_image(1.0), self._luminance)

    def _text_offset(self, role: str) -> tuple[float, float]:
        """Return the offset (rows, columns) that puts a text just inside its box.

        The offset is in image pixels. Without an offset, napari draws texts outside the
        box if row 0 is at the top, and inside the box otherwise.
        """
        margin = STYLE.box_width + 2
        rows = -margin if self._screen.y_up else margin + STYLE.text_height
        inwards = 1 if role == "cutouts" else -1
        return (
            inwards * self._screen.to_image(rows),
            inwards * self._screen.to_image(margin),
        )


def _strings(role: str, boxes: Boxes, region: View) -> list[str]:
    """Return the text of each box, which is empty outside a region."""
    strings = boxes.tags if role == "tags" else boxes.confidences
    top, left = boxes.corners[:, 0].T
    bottom, right = boxes.corners[:, 2].T
    near = (bottom >= region.top) & (right >= region.left)
    near &= (top <= region.bottom) & (left <= region.right)
    return [text if n else "" for text, n in zip(strings, near, strict=True)]


def _without_fill(kind: type[_Layer], **more: Any) -> _Layer:
    return kind(
        ndim=2,
        opacity=1,
        face_color="transparent",
        text={"size": STYLE.text_size},
        **more,
    )
