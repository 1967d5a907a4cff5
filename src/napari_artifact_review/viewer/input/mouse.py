"""Mouse actions on the image: go to a cutout, select several, change the contrast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
from napari.components import ViewerModel

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.input.contrast_drag import ContrastDrag
from napari_artifact_review.viewer.input.selection import Selection
from napari_artifact_review.viewer.napari_compat import without_panning

#: Maximum mouse movement during a click, in screen pixels; a drag is longer.
_CLICK_RADIUS = 4.0


class Mouse:
    """A handler of mouse clicks and drags on the image.

    A click goes to a cutout. A click with Shift selects the cutouts on the line from
    the last selected cutout to the clicked cutout. A drag with Shift selects the
    cutouts in a rectangle. A click with Control selects or deselects a cutout. Nothing
    happens while the active layer is not in the mode `pan_zoom`. A drag with the right
    button changes the contrast and the bias; see `ContrastDrag`.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : ReviewSession
        The review.
    selection : Selection
        The selected cutouts.
    image : ImageLayer
        The layer of the image.
    image_name : callable
        Returns the name of the image on the screen, or None if there is no image.
    go_to : callable
        Called with the row of a clicked cutout.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: ReviewSession,
        selection: Selection,
        image: ImageLayer,
        image_name: Callable[[], str | None],
        go_to: Callable[[int], None],
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._selection = selection
        self._image_name = image_name
        self._contrast_drag = ContrastDrag(
            viewer, image, lambda: image_name() is not None
        )
        self._go_to = go_to

    def connect(self) -> None:
        """Start handling mouse events."""
        self._contrast_drag.connect()
        self._viewer.mouse_drag_callbacks.append(self._on_press)

    def disconnect(self) -> None:
        """Stop handling mouse events."""
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        self._contrast_drag.disconnect()

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        active = viewer.layers.selection.active
        idle = active is None or active.mode == "pan_zoom"
        held = {getattr(key, "name", str(key)) for key in event.modifiers}
        if event.button != 1 or not idle or len(held) > 1 or not self._image_name():
            return
        pressed, start = np.array(event.pos), np.array(event.position[-2:])
        before = self._selection.rows
        selects = held == {"Shift"}
        has_moved = False
        with without_panning(viewer) if selects else nullcontext():
            yield
            while event.type == "mouse_move":
                has_moved |= np.hypot(*(np.array(event.pos) - pressed)) > _CLICK_RADIUS
                if selects and has_moved:
                    self._select_between(start, event.position[-2:], before)
                yield
        if not has_moved:
            self._click(event.position[-2:], held)

    def _select_between(self, start: Any, end: Any, before: tuple[int, ...]) -> None:
        name, session = self._image_name(), self._session
        if name is not None:
            top, left = np.minimum(start, end)
            bottom, right = np.maximum(start, end)
            inside = session.cutout_index.rows_in(
                name, left, top, right, bottom, session.cutout_size
            )
            self._selection.set([*before, *inside])

    def _click(self, position: Any, held: set[str]) -> None:
        name, (row, column) = self._image_name(), position
        if name is None:
            return
        cutout = self._session.catalog.cutout_at(name, round(column), round(row))
        if cutout is None:
            return
        if not held:
            self._go_to(cutout.row)
        elif held == {"Shift"}:
            self._selection.run_to(cutout.row)
        elif held == {"Control"}:
            self._selection.toggle(cutout.row)
