"""Frames around the current cutout and the selected cutouts, with a compass."""

from __future__ import annotations

import numpy as np
from napari.layers import Vectors
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.cutout import Cutout, Cutouts, clip
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.boxes import Array, corners, haloed, sides
from napari_artifact_review.viewer.overlay.compass import REACH, Directions, compass
from napari_artifact_review.viewer.overlay.lines import Lines, Screen
from napari_artifact_review.viewer.style import STYLE

_CURRENT_COLOR = transform_color(STYLE.current)
_SELECTION_COLOR = transform_color(STYLE.selection)
_HALO_COLOR = transform_color(STYLE.halo)


class CutoutFrames:
    """The frames around the current cutout and the selected cutouts.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the image.
    current : Cutout or None
        The current cutout; None if it is not on the image.
    directions : tuple or None
        Unit vectors towards north and east at the current cutout; None if unknown.
    selected : Cutouts or None
        The selected cutouts; None before the first selection.
    """

    def __init__(self, layers: ReviewLayers, screen: Screen, lines: Lines) -> None:
        self._layers = layers
        self._screen = screen
        self._lines = lines
        self.shape = (0, 0)
        self.current: Cutout | None = None
        self.directions: Directions | None = None
        self.selected: Cutouts | None = None

    def draw_current(self) -> None:
        """Draw the frame and the compass of the current cutout."""
        if self.current is None and self._layers.find("current") is None:
            # Do not create an empty layer before the first image.
            return
        lines, position = np.empty((0, 2, 2)), np.zeros(2)
        if self.current is not None:
            size, gap = self.current.size, self._screen.to_image(STYLE.current_gap)
            rows, columns = clip(self.current, self.shape)
            position = np.array([rows.start, columns.start])
            height, width = rows.stop - rows.start, columns.stop - columns.start
            frame = corners(0, 0, size, (height, width), gap)
            compass_lines = self._compass(size, width + gap)
            lines = np.concatenate([sides(frame), compass_lines])
        # Move the layer, so that most moves to another cutout need no new data.
        self._layers.move(self._draw("current", lines, _CURRENT_COLOR), position)

    def draw_selected(self) -> None:
        """Draw the frames of the selected cutouts."""
        selected = self.selected
        if selected is None or (
            not len(selected) and self._layers.find("selected") is None
        ):
            return
        frames = corners(selected.grid_x, selected.grid_y, selected.size, self.shape)
        self._draw("selected", sides(frames), _SELECTION_COLOR)
        self._layers.set_useful(selected=len(selected) > 0)

    def _compass(self, size: int, right: float) -> Array:
        """Return the lines of a compass, right of the upper right corner of a frame.

        Return no lines if the directions are unknown, or if the compass would be larger
        than the cutout.

        Parameters
        ----------
        size : int
            Side of the cutout, in image pixels.
        right : float
            Right edge of the frame, in image pixels from the cutout's left edge.
        """
        # After zooming out, the compass would cover a neighbouring cutout.
        if self.directions is None or self._screen.to_image(2 * REACH) > size:
            return np.empty((0, 2, 2))
        y_up, reach = self._screen.y_up, self._screen.to_image(REACH)
        lines = self._screen.to_image(compass(self.directions, y_up))
        lines[:, 0] += (size - reach if y_up else reach, right + reach)
        return lines

    def _draw(self, role: str, lines: Array, color: Array) -> Vectors:
        """Draw lines and their halo in one layer; each layer takes time to draw."""
        colors = np.repeat([_HALO_COLOR[0], color[0]], [4 * len(lines), len(lines)], 0)
        lines = haloed(lines, self._screen.to_image(STYLE.halo_width))
        return self._lines.draw(role, lines, colors, STYLE.current_width)
