"""Lines over the image, with widths in screen pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from napari.layers import Vectors

from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.boxes import Array

_Number = TypeVar("_Number", float, Array)


@dataclass
class Screen:
    """The zoom and the orientation of the image on the screen.

    Attributes
    ----------
    zoom : float
        Screen pixels per image pixel when lines and texts were last adjusted. While the
        user zooms, the camera's zoom may differ.
    y_up : bool
        Whether row 0 is at the bottom.
    """

    zoom: float = 1.0
    y_up: bool = False

    def to_image(self, screen_pixels: _Number) -> _Number:
        """Convert a length from screen pixels to image pixels."""
        return screen_pixels / self.zoom


class Lines:
    """Lines in napari's Vectors layers, with widths in screen pixels."""

    def __init__(self, layers: ReviewLayers, screen: Screen) -> None:
        self._layers = layers
        self._screen = screen

    def draw(self, role: str, lines: Array, color: Array, width: float) -> Vectors:
        """Draw lines in the layer of a role, and return the layer.

        Change only the properties that differ.

        Parameters
        ----------
        role : str
            Role of the layer.
        lines : ndarray, shape (n, 2, 2)
            Start and step of each line, in image pixels.
        color : ndarray, shape (4,), (1, 4) or (n, 4)
            Red, green, blue and opacity.
        width : float
            Width in screen pixels.
        """
        layer = self._layers.get(
            role, lambda: Vectors(ndim=2, vector_style="line", opacity=1)
        )
        colors = np.broadcast_to(color, (len(lines), 4)).astype(np.float32)
        width = self._screen.to_image(width)
        has_moved = not np.array_equal(layer.data, lines)
        is_alike = np.array_equal(layer.edge_color, colors)
        if is_alike and not has_moved and layer.edge_width == width:
            return layer
        with self._layers.as_one_change(layer):
            if has_moved:
                layer.data = lines
            if len(lines) and not np.array_equal(layer.edge_color, colors):
                layer.edge_color = colors
            if layer.edge_width != width:
                layer.edge_width = width
        return layer

    def fit_width(self, role: str, width: float) -> None:
        """Set the line width of a role's layer, in screen pixels."""
        layer = self._layers.find(role)
        if layer is not None:
            with self._layers.as_one_change(layer):
                layer.edge_width = self._screen.to_image(width)
