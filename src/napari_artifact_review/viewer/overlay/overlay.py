"""The overlay of cutouts: boxes with texts, or a map after zooming out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from napari.layers import Image
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.cutout import Cutout, Cutouts
from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.box_layers import BoxLayers
from napari_artifact_review.viewer.overlay.boxes import (
    Boxes,
    boxes_of,
    corners,
    grid_lines,
    map_of,
)
from napari_artifact_review.viewer.overlay.compass import Directions
from napari_artifact_review.viewer.overlay.cutout_frames import CutoutFrames
from napari_artifact_review.viewer.overlay.detail import LevelOfDetail
from napari_artifact_review.viewer.overlay.lines import Lines, Screen
from napari_artifact_review.viewer.overlay.text_colors import Luminance
from napari_artifact_review.viewer.style import STYLE

#: Relative change of zoom below which a line of two pixels does not visibly change.
_INVISIBLE_ZOOM = 0.05
#: Factor of a change of zoom above which lines and texts are adjusted while the user is
#: still zooming.
_MOST_ZOOM = 1.5

#: Maximum number of lines in a grid. A larger grid is not drawn, because it would slow
#: down each frame.
_MOST_LINES = 4000

_GRID_COLOR = transform_color(STYLE.grid)


class Overlay:
    """The marks of cutouts that are drawn over one image.

    These are boxes with texts, or a map of the cutouts after zooming out; the grid of
    all cutouts; frames around the current and the selected cutouts; and a compass.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    ahead : callable
        Returns the views of the next cutouts, in the order of the queue. The boxes in
        these views are drawn in advance, so that most moves need no new boxes.
    luminance : callable
        Returns the screen's luminance, 0 to 1, at image rows and columns.
    """

    def __init__(
        self,
        layers: ReviewLayers,
        ahead: Callable[[], Iterable[View]],
        luminance: Luminance,
    ) -> None:
        self._layers = layers
        self._screen = Screen()
        self._lines = Lines(layers, self._screen)
        self._frames = CutoutFrames(layers, self._screen, self._lines)
        self._boxes = BoxLayers(layers, self._screen, self._lines, luminance)
        self._detail = LevelOfDetail(ahead)
        self._cutouts: Cutouts | None = None
        self._fade = 0.0
        self._is_map_drawn = False

    @property
    def y_up(self) -> bool:
        """Whether row 0 is at the bottom of the screen."""
        return self._screen.y_up

    # The cutouts

    def prepare(self) -> None:
        """Draw all letters invisibly, so that napari draws them faster later."""
        self._boxes.draw_letters()

    def show(self, cutouts: Cutouts, shape: tuple[int, int], view: View) -> None:
        """Draw the cutouts of a new image of `shape` (rows, columns)."""
        self._frames.shape, self._boxes.boxes = shape, None
        self._detail.reset()
        self._screen.zoom = view.zoom
        self._set_cutouts(cutouts)
        self.draw_view(view)

    def update(self, cutouts: Cutouts) -> None:
        """Redraw the cutouts of the same image after verdicts."""
        self._set_cutouts(cutouts)
        if self._detail.regions:
            self._draw_marked()
        if self._fade:
            self._draw_map()

    def _set_cutouts(self, cutouts: Cutouts) -> None:
        self._cutouts = cutouts
        self._detail.set_cutouts(cutouts)
        self._is_map_drawn = False

    def show_current(
        self, cutout: Cutout | None, directions: Directions | None = None
    ) -> None:
        """Draw the frame and the compass of the current cutout.

        Parameters
        ----------
        cutout : Cutout or None
            The current cutout, or None if it is not on the image.
        directions : tuple, optional
            Unit vectors towards north and east; None if unknown.
        """
        self._frames.current, self._frames.directions = cutout, directions
        self._frames.draw_current()

    def show_selection(self, cutouts: Cutouts) -> None:
        """Draw frames around the selected cutouts."""
        self._frames.selected = cutouts
        self._frames.draw_selected()

    def show_grid(self, shown: bool) -> None:
        """Show or hide the grid, which contains all cutouts."""
        self._layers.set_wanted("grid", shown)
        if self._detail.regions:
            self._draw_grid()

    def set_y_up(self, up: bool) -> None:
        """Set whether row 0 is at the bottom, and redraw the frames and texts."""
        self._screen.y_up = up
        self._frames.draw_current()
        boxes, self._boxes.boxes = self._boxes.boxes, None
        if boxes is not None:
            self._draw_boxes(boxes)

    # The view

    def draw_view(self, view: View) -> None:
        """Draw the cutouts that have come into view."""
        marked = self._detail.marked
        if marked is None:
            return
        detail = self._detail.of(view, marked)
        self._boxes.set_legible(detail.are_texts_legible)
        if detail.needs_boxes:
            self._draw_marked()
            self._draw_grid()
        elif detail.needs_texts:
            self._boxes.write_texts(self._detail.text_region)
        self._set_fade(detail.fade)
        if not 1 / _MOST_ZOOM < view.zoom / self._screen.zoom < _MOST_ZOOM:
            self.fit_to_zoom(view)

    def fit_to_zoom(self, view: View) -> None:
        """Adjust the widths of lines and the positions of texts to a view's zoom."""
        if abs(view.zoom / self._screen.zoom - 1) < _INVISIBLE_ZOOM:
            return
        self._screen.zoom = view.zoom
        self._boxes.fit_to_zoom()
        self._lines.fit_width("grid", STYLE.grid_width)
        self._frames.draw_current()
        self._frames.draw_selected()
        self.fit_texts()

    def fit_texts(self) -> None:
        """Make texts pale on dark pixels and dark on bright pixels."""
        self._boxes.fit_texts()

    def _draw_marked(self) -> None:
        assert self._detail.marked is not None, "an image must be shown"
        marked = self._detail.drawn(self._detail.marked)
        self._draw_boxes(boxes_of(marked, self._frames.shape))

    def _draw_boxes(self, boxes: Boxes) -> None:
        self._boxes.draw(boxes, self._detail.text_region)
        self._hide_useless_layers()
        self._boxes.draw_predictions(boxes)

    def _draw_grid(self) -> None:
        assert self._cutouts is not None, "an image must be shown"
        if self._layers.find("grid") is None and not self._layers.is_wanted("grid"):
            return
        near = self._detail.drawn(self._cutouts)
        squares = corners(near.grid_x, near.grid_y, near.size, self._frames.shape)
        grid = grid_lines(squares)
        if len(grid) > _MOST_LINES:
            grid = grid[:0]
        self._lines.draw("grid", grid, _GRID_COLOR, STYLE.grid_width)

    def _draw_map(self) -> None:
        assert self._detail.marked is not None, "an image must be shown"
        self._is_map_drawn = True
        drawn = map_of(self._detail.marked)
        layer = self._layers.get(
            "map", lambda: Image(drawn.pixels, rgb=True, opacity=0)
        )
        layer.data = drawn.pixels
        layer.scale = (drawn.pitch, drawn.pitch)
        layer.translate = drawn.origin

    def _set_fade(self, fade: float) -> None:
        """Set the fade from boxes (0) to map (1)."""
        self._fade = fade
        if fade and not self._is_map_drawn:
            self._draw_map()
        self._hide_useless_layers()
        opacities = {
            "cutouts": 1 - fade,
            "predictions": 1 - fade,
            "map": fade * STYLE.map_opacity,
        }
        for role, opacity in opacities.items():
            layer = self._layers.find(role)
            if layer is not None and layer.opacity != opacity:
                layer.opacity = opacity

    def _hide_useless_layers(self) -> None:
        """Hide layers without content; each visible layer takes time to draw."""
        near, boxes = self._fade < 1, self._boxes.boxes
        has_predictions = boxes is not None and len(boxes.predictions) > 0
        self._layers.set_useful(
            map=self._fade > 0,
            cutouts=near,
            grid=near,
            predictions=near and has_predictions,
        )
