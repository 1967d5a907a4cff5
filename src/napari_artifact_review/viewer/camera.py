"""The camera, which shows either one cutout with its surroundings or the full image."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from napari.components import ViewerModel

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.viewer.napari_compat import move_cursor_silently

#: Shorter side of the default view, as a multiple of the cutout's side.
SURROUNDINGS = 2.0

_FULL_IMAGE_MARGIN = 1.05


class View(NamedTuple):
    """The part of the image in view, in image pixels.

    Attributes
    ----------
    top, left, bottom, right : float
        First and last row and column in view.
    zoom : float
        Screen pixels per image pixel.
    """

    top: float
    left: float
    bottom: float
    right: float
    zoom: float

    def grown(self, margin: float) -> View:
        """Return a larger view, extended on each side by `margin` times the size."""
        rows = margin * (self.bottom - self.top)
        columns = margin * (self.right - self.left)
        return View(
            self.top - rows,
            self.left - columns,
            self.bottom + rows,
            self.right + columns,
            self.zoom,
        )

    def contains(self, other: View) -> bool:
        """Return whether another view lies completely inside this one."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )


class ReviewCamera:
    """A controller of napari's camera that remembers the zoom that the user chose.

    Zooms are in screen pixels per image pixel. A `shape` is the number of rows and
    columns of an image.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._own_zoom = math.nan
        self._chosen_zoom: float | None = None

    @property
    def view(self) -> View:
        """The current view."""
        return self._view_around(*self._viewer.scene.camera.center[-2:])

    def view_of(self, cutout: Cutout) -> View:
        """Return the view centred on a cutout, at the current zoom."""
        half = cutout.size / 2 - 0.5
        return self._view_around(cutout.grid_y + half, cutout.grid_x + half)

    def _view_around(self, row: float, column: float) -> View:
        zoom = float(self._viewer.scene.camera.zoom)
        height, width = (side / zoom / 2 for side in self._viewer.canvas.size)
        return View(row - height, column - width, row + height, column + width, zoom)

    def on_full_image(self, shape: tuple[int, int]) -> bool:
        """Return whether almost all of an image of `shape` fits into the view."""
        return bool(self._viewer.scene.camera.zoom < 1.1 * self._fit_image(shape))

    def show_cutout(self, cutout: Cutout, shape: tuple[int, int]) -> None:
        """Centre the view on a cutout, at the chosen zoom or else the default zoom.

        `shape` is the shape of the cutout's image.
        """
        self._remember_chosen_zoom(shape)
        half = cutout.size / 2 - 0.5
        zoom = self._chosen_zoom or self._fit(cutout.size, cutout.size, SURROUNDINGS)
        self._look_at(cutout.grid_y + half, cutout.grid_x + half, zoom)

    def rectangle_of(
        self, cutout: Cutout, y_up: bool
    ) -> tuple[float, float, float, float]:
        """Return the left, top, right and bottom edges of a cutout, in screen pixels.

        Positions are relative to the centre of the canvas. With `y_up`, row 0 of the
        image is at the bottom.
        """
        camera = self._viewer.scene.camera
        row, column = camera.center[-2:]
        left, top = cutout.grid_x - column, cutout.grid_y - row
        right, bottom = left + cutout.size, top + cutout.size
        if y_up:
            top, bottom = -bottom, -top
        zoom = camera.zoom
        return left * zoom, top * zoom, right * zoom, bottom * zoom

    def chosen_zoom(self, shape: tuple[int, int]) -> float | None:
        """Return the zoom that the user chose, or None for the default zoom.

        `shape` is the shape of the current image.
        """
        self._remember_chosen_zoom(shape)
        return self._chosen_zoom

    def choose_zoom(self, zoom: float | None) -> None:
        """Set the zoom for cutouts; None means the default zoom."""
        self._chosen_zoom = zoom

    def show_full_image(self, shape: tuple[int, int]) -> None:
        """Fit a full image of `shape` into the view."""
        self._remember_chosen_zoom(shape)
        rows, columns = shape
        self._look_at(rows / 2 - 0.5, columns / 2 - 0.5, self._fit_image(shape))

    def _remember_chosen_zoom(self, shape: tuple[int, int]) -> None:
        """Store the zoom that the user set, unless it shows the full image."""
        zoom = self._viewer.scene.camera.zoom
        is_own = math.isnan(self._own_zoom) or math.isclose(zoom, self._own_zoom)
        if not is_own and not self.on_full_image(shape):
            self._chosen_zoom = zoom

    def _fit_image(self, shape: tuple[int, int]) -> float:
        return self._fit(*shape, _FULL_IMAGE_MARGIN)

    def _fit(self, rows: float, columns: float, margin: float) -> float:
        height, width = self._viewer.canvas.size
        return float(min(height / rows, width / columns) / margin)

    def _look_at(self, row: float, column: float, zoom: float) -> None:
        camera, cursor = self._viewer.scene.camera, self._viewer.cursor
        off_centre = np.subtract(cursor.position[-2:], camera.center[-2:])
        off_centre = off_centre * camera.zoom / zoom
        camera.center = (row, column)
        if not math.isclose(camera.zoom, zoom):
            camera.zoom = zoom
        self._own_zoom = zoom
        if self._viewer.mouse_over_canvas:
            position = tuple(np.add(off_centre, (row, column)))
            move_cursor_silently(self._viewer, position)
