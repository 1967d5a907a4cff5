"""Changes of contrast and bias by right-button drags, as in DS9."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel

from napari_artifact_review.core.images.display import Display
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.napari_compat import (
    take_right_double_clicks,
    without_panning,
)

#: Factor by which a drag over the height of the canvas changes the contrast.
_FULL_HEIGHT = 10.0


class ContrastDrag:
    """A handler of right-button drags and double clicks on the image.

    As in DS9, a drag to the right increases the bias, and a drag down increases the
    contrast. A double click resets contrast and bias, and computes the limits again.
    napari's zoom by a right drag is suppressed; the wheel still zooms. Nothing happens
    while a modifier key is held, or while the active layer is not in the mode
    `pan_zoom`.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image : ImageLayer
        The layer of the image.
    is_shown : callable
        Returns whether an image is on the screen.
    """

    def __init__(
        self, viewer: ViewerModel, image: ImageLayer, is_shown: Callable[[], bool]
    ) -> None:
        self._viewer = viewer
        self._image = image
        self._is_shown = is_shown
        self._give_back: Callable[[], None] | None = None

    def connect(self) -> None:
        """Start handling mouse events."""
        self._viewer.mouse_drag_callbacks.append(self._on_press)
        self._give_back = take_right_double_clicks(self._viewer, self._on_double_click)

    def disconnect(self) -> None:
        """Stop handling mouse events, and restore napari's double clicks."""
        self._viewer.mouse_drag_callbacks.remove(self._on_press)
        if self._give_back is not None:
            self._give_back()
            self._give_back = None

    def _is_meant(self, event: Any) -> bool:
        if not self._is_shown():
            return False
        active = self._viewer.layers.selection.active
        is_idle = active is None or active.mode == "pan_zoom"
        return event.button == 2 and is_idle and not event.modifiers

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if not self._is_meant(event):
            return
        pressed, before = np.array(event.pos), self._image.display
        with without_panning(viewer):
            yield
            while event.type == "mouse_move":
                self._change(before, np.array(event.pos) - pressed)
                yield
        self._change(before, np.array(event.pos) - pressed)

    def _change(self, before: Display, distance: npt.NDArray[np.float64]) -> None:
        """Apply a drag to `before`, the display at the start of the drag.

        `distance` is (right, down) in screen pixels.
        """
        height, width = self._viewer.canvas.size
        across, down = distance.tolist()
        if across or down:
            contrast = before.contrast * _FULL_HEIGHT ** (down / height)
            bias = before.bias + across / width
            self._image.choose_display(before.with_contrast(contrast, bias))

    def _on_double_click(self, event: Any) -> None:
        if self._is_meant(event):
            display = self._image.display.with_limits(None, None)
            self._image.choose_display(display)
