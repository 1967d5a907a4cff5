"""Where the viewer looks: at one cutout and its surroundings, or at the full image."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from napari.components import ViewerModel
from napari.settings import get_settings

from napari_artifact_review.core.cutout import Cutout

#: How many times its own side the view of a cutout spans.
SURROUNDINGS = 2.0

_FULL_IMAGE_MARGIN = 1.05


class View(NamedTuple):
    """What is in view, in pixels of the image.

    Attributes
    ----------
    top, left, bottom, right : float
        Its first and last row and column.
    zoom : float
        Pixels of the screen for one of the image.
    """

    top: float
    left: float
    bottom: float
    right: float
    zoom: float

    def grown(self, margin: float) -> View:
        """Return it with so many times its own height and width more on each side."""
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
        """Tell whether nothing of another view lies outside of this one."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.bottom >= other.bottom
            and self.right >= other.right
        )


class ReviewCamera:
    """Moves the viewer's camera, and leaves the zoom alone once the user changed it."""

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._own_zoom = math.nan
        self._chosen_zoom: float | None = None

    @property
    def view(self) -> View:
        """What is in view now."""
        return self._view_around(*self._viewer.scene.camera.center[-2:])

    def view_of(self, cutout: Cutout) -> View:
        """Return what would be in view around a cutout, at the zoom of now."""
        half = cutout.size / 2 - 0.5
        return self._view_around(cutout.grid_y + half, cutout.grid_x + half)

    def _view_around(self, row: float, column: float) -> View:
        zoom = float(self._viewer.scene.camera.zoom)
        height, width = (side / zoom / 2 for side in self._viewer.canvas.size)
        return View(row - height, column - width, row + height, column + width, zoom)

    def on_full_image(self, shape: tuple[int, int]) -> bool:
        """Tell whether about all of an image of `shape` (rows, columns) is in view."""
        return bool(self._viewer.scene.camera.zoom < 1.1 * self._fit_image(shape))

    def show_cutout(self, cutout: Cutout, shape: tuple[int, int]) -> None:
        """Bring a cutout and its surroundings into view, at the user's zoom if any."""
        self._remember_chosen_zoom(shape)
        half = cutout.size / 2 - 0.5
        zoom = self._chosen_zoom or self._fit(cutout.size, cutout.size, SURROUNDINGS)
        self._look_at(cutout.grid_y + half, cutout.grid_x + half, zoom)

    def chosen_zoom(self, shape: tuple[int, int]) -> float | None:
        """Return the zoom that the user chose, if they did."""
        self._remember_chosen_zoom(shape)
        return self._chosen_zoom

    def choose_zoom(self, zoom: float | None) -> None:
        """Show cutouts at a zoom from now on; None for their own."""
        self._chosen_zoom = zoom

    def show_full_image(self, shape: tuple[int, int]) -> None:
        """Bring the whole of an image of `shape` (rows, columns) into view."""
        self._remember_chosen_zoom(shape)
        rows, columns = shape
        self._look_at(rows / 2 - 0.5, columns / 2 - 0.5, self._fit_image(shape))

    def _remember_chosen_zoom(self, shape: tuple[int, int]) -> None:
        """Take a zoom that is not ours for the user's wish; a look at all is none."""
        zoom = self._viewer.scene.camera.zoom
        ours = math.isnan(self._own_zoom) or math.isclose(zoom, self._own_zoom)
        if not ours and not self.on_full_image(shape):
            self._chosen_zoom = zoom

    def _fit_image(self, shape: tuple[int, int]) -> float:
        return self._fit(*shape, _FULL_IMAGE_MARGIN)

    def _fit(self, rows: float, columns: float, margin: float) -> float:
        height, width = self._viewer.canvas.size
        return float(min(height / rows, width / columns) / margin)

    def tell(self) -> None:
        """Tell in the status bar what is under a mouse that rests.

        At once, and so in the frame that comes: what napari's own thread tells, later,
        has the whole window painted once more. Not where the user wants no such text.
        """
        wanted = get_settings().appearance.update_status_based_on_layer
        if wanted and self._viewer.mouse_over_canvas:
            self._viewer.update_status_from_cursor()

    def tell_again(self) -> None:
        """Have napari's thread do so, which may have begun with what was before."""
        if self._viewer.mouse_over_canvas:
            self._viewer.cursor.events.position()

    def _look_at(self, row: float, column: float, zoom: float) -> None:
        camera, cursor = self._viewer.scene.camera, self._viewer.cursor
        off_centre = np.subtract(cursor.position[-2:], camera.center[-2:])
        off_centre = off_centre * camera.zoom / zoom
        camera.center = (row, column)
        if not math.isclose(camera.zoom, zoom):
            camera.zoom = zoom
        self._own_zoom = zoom
        if self._viewer.mouse_over_canvas:
            # napari looks where it is only when it moves; `tell` says what is there.
            with cursor.events.position.blocker():
                cursor.position = tuple(np.add(off_centre, (row, column)))
