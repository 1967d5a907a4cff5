"""Bare napari: the least that can show the same pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QWidget

from .window import Window

Array = npt.NDArray[Any]

#: Number of boxes that the baseline draws on an image.
BOXES = 40

_CURRENT = "#ffd60a"


def box_sides(corners: Sequence[tuple[float, float]], size: float) -> Array:
    """Return four vectors a box, from the (row, column) of its top left corner."""
    top_left = np.asarray(corners, dtype=float).reshape(-1, 2) - 0.5
    points = top_left[:, None] + size * np.array([[0, 0], [0, 1], [1, 1], [1, 0]])
    steps = np.roll(points, -1, axis=1) - points
    return np.stack([points, steps], axis=2).reshape(-1, 2, 2)


class BareNapari:
    """A window with only an image, boxes and a current box.

    An empty dock makes the canvas as large as the review's, because the time of a frame
    depends on its size.
    """

    def __init__(self, canvas_size: tuple[int, int]) -> None:
        self.window = Window()
        self.viewer = self.window.viewer
        self.camera = self.viewer.scene.camera
        self.image: Any = None
        self.boxes: Any = None
        self.current: Any = None
        self._dock = QWidget()
        self.viewer.window.add_dock_widget(self._dock, name="empty", area="right")
        self._resize_canvas(canvas_size)

    def _resize_canvas(self, canvas_size: tuple[int, int]) -> None:
        """Resize the canvas by the width of the dock beside it."""
        self._dock.setFixedWidth(320)
        for _ in range(5):
            self.window.bring_up()
            excess = self.window.canvas_size[1] - canvas_size[1]
            if not excess:
                break
            self._dock.setFixedWidth(self._dock.width() + excess)
        if self.window.canvas_size != canvas_size:
            raise RuntimeError(f"{self.window.canvas_size} is not {canvas_size}")

    def show_image(self, pixels: Any, limits: Sequence[float], **more: Any) -> None:
        """Show the first image, without boxes."""
        self.image = self.viewer.add_image(
            pixels, rgb=False, contrast_limits=tuple(limits), **more
        )

    def show_boxes(self, boxes: Array, current: Array, width: float) -> None:
        """Draw the first boxes; `width` is that of the lines in pixels of the image."""
        self.boxes = self.viewer.add_vectors(
            boxes, edge_color="#4d9dff", edge_width=width, vector_style="line"
        )
        self.current = self.viewer.add_vectors(
            current, edge_color=_CURRENT, edge_width=width, vector_style="line"
        )

    def copy_camera(self, camera: Any) -> None:
        """Copy centre and zoom of another camera."""
        self.camera.center = camera.center
        self.camera.zoom = camera.zoom

    def step(self, center: tuple[float, float], current: Array) -> None:
        """Move the camera and the current box to another cutout."""
        self.camera.center = center
        self.current.data = current

    def switch(
        self, pixels: Array, boxes: Array, center: tuple[float, float], current: Array
    ) -> None:
        """Show another image with its boxes."""
        self.image.data = pixels
        self.boxes.data = boxes
        self.step(center, current)

    def recolor(self, colors: Array) -> None:
        """Change the colours of the boxes."""
        self.boxes.edge_color = colors
