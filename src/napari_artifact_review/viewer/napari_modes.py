"""Modes of napari that are turned off during a review and restored afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel

_FLAT = "The 3-D view is disabled during a review."
_ORDER = "The order of the axes is fixed during a review."
_GRID = "The grid of layers is disabled during a review."


class NapariModes:
    """A controller of napari's modes in which the boxes would not lie on the image.

    These modes are the 3-D view, another order of the axes, and the grid of layers.
    When the review closes, the user's modes and the orientation of the camera are
    restored.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer, or a proxy of it.
    say : callable
        Shows a message to the reviewer.
    run_later : callable
        Schedules a function after a delay in seconds; called in the main thread.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        say: Callable[[str], object],
        run_later: Callable[[float, Callable[[], object]], None],
    ) -> None:
        self._viewer = viewer
        self._say = say
        self._run_later = run_later
        # The centre and the zoom that the user or the review chose last.
        self._camera = self._view()
        self._is_undoing = False
        self._orientation = viewer.scene.camera.orientation2d
        self._ndisplay = viewer.dims.ndisplay
        self._order = tuple(viewer.dims.order)
        self._is_grid = viewer.canvas.grid.enabled

    def turn_off(self) -> None:
        """Turn off the modes, and keep them off until `restore` is called."""
        for event, slot in self._slots():
            slot()
            event.connect(slot)

    def restore(self) -> None:
        """Restore the modes that the user had before `turn_off`."""
        for event, slot in self._slots():
            event.disconnect(slot)
        viewer = self._viewer
        viewer.scene.camera.orientation2d = self._orientation
        if len(self._order) == viewer.dims.ndim:
            viewer.dims.order = self._order
        viewer.dims.ndisplay = self._ndisplay
        viewer.canvas.grid.enabled = self._is_grid

    def _slots(self) -> tuple[tuple[Any, Callable[[], None]], ...]:
        viewer = self._viewer
        camera = viewer.scene.camera
        return (
            (viewer.dims.events.ndisplay, self._stay_flat),
            (viewer.dims.events.order, self._keep_order),
            (viewer.canvas.grid.events.enabled, self._stay_together),
            (camera.events.center, self._note_camera),
            (camera.events.zoom, self._note_camera),
        )

    def _stay_flat(self) -> None:
        self._keep(self._viewer.dims, "ndisplay", 2, _FLAT)

    def _keep_order(self) -> None:
        self._keep(self._viewer.dims, "order", self._plain_order(), _ORDER)

    def _stay_together(self) -> None:
        self._keep(self._viewer.canvas.grid, "enabled", False, _GRID)

    def _plain_order(self) -> tuple[int, ...]:
        return tuple(range(self._viewer.dims.ndim))

    def _keep(self, model: Any, name: str, value: object, notice: str) -> None:
        """Undo a change of a mode with a notice, and restore the camera."""
        if getattr(model, name) != value:
            self._is_undoing = True
            setattr(model, name, value)
            self._run_later(0, self._end_undo)
            self._say(notice)
        if self._is_undoing:
            # napari moves the camera at the change, and again when the change is
            # undone.
            camera = self._viewer.scene.camera
            camera.center, camera.zoom = self._camera

    def _end_undo(self) -> None:
        self._is_undoing = False

    def _view(self) -> tuple[tuple[float, ...], float]:
        camera = self._viewer.scene.camera
        return tuple(camera.center), camera.zoom

    def _note_camera(self) -> None:
        """Store centre and zoom, unless napari moves the camera because of a mode."""
        dims, grid = self._viewer.dims, self._viewer.canvas.grid
        modes = dims.ndisplay, tuple(dims.order), grid.enabled
        if not self._is_undoing and modes == (2, self._plain_order(), False):
            self._camera = self._view()
