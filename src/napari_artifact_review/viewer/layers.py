"""The review's layers, their order and their visibility."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Image, Layer, Points, Shapes

from napari_artifact_review.core.texts import not_html
from napari_artifact_review.viewer import napari_compat

#: Metadata key that marks the review's own layers.
OWNER = "napari_artifact_review"

#: Roles of the layers, from bottom to top.
_IMAGES = ("image", "tiles")
_ROLES = (
    *_IMAGES,
    "map",
    "grid",
    "predictions",
    "current",
    "selected",
    "tags",
    "cutouts",
)


def layer_name(content: str) -> str:
    """Return a layer name with the prefix of the review's layers."""
    return not_html(f"Review: {content}")


_Layer = TypeVar("_Layer", bound=Layer)


class ReviewLayers:
    """The layers of a review in one viewer.

    Each layer has the metadata key `OWNER`. The review redraws a layer that the user
    changes, and restores a layer that the user deletes.

    A layer is visible if the user wants to see it and it has content at the current
    zoom, unless the overlays or all layers are hidden.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer that shows the layers.
    describe : callable
        Returns the status bar's text for a (row, column) of the image; called in any
        thread.
    redraw : callable
        Called to redraw the review after the user has changed the data of a layer.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        describe: Callable[[float, float], str],
        redraw: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._describe = describe
        self._redraw = redraw
        self._layers: dict[str, Layer] = {}
        self._wanted: dict[str, bool] = {"grid": False}
        self._useless = {"tiles", "map"}
        self._are_hidden = False
        self._is_bare = False
        self._is_setting_visible = False
        # Roles of layers whose event `visible` has not been emitted yet.
        self._postponed: set[str] = set()

    # The layers

    def find(self, role: str) -> Layer | None:
        """Return the layer of a role, or None if it does not exist yet."""
        return self._layers.get(role)

    def get(self, role: str, make: Callable[[], _Layer]) -> _Layer:
        """Return the layer of a role; create or insert a missing layer."""
        layer = self._layers.get(role) or self._adopted(role) or make()
        if role not in self._layers:
            self._layers[role] = layer
            layer.name = layer_name(role)
            layer.visible = self._is_visible(role)
            self._guard(layer, role)
        if layer not in self._viewer.layers:
            self._insert(layer, role)
        return layer

    def owns(self, layer: Layer | None) -> bool:
        """Return whether a layer belongs to the review."""
        return any(layer is own for own in self._layers.values())

    @property
    def are_active(self) -> bool:
        """Whether the active layer has the metadata key of the review."""
        active = self._viewer.layers.selection.active
        return active is not None and OWNER in active.metadata

    def remove(self) -> None:
        """Remove the review's layers from the viewer."""
        layers, self._layers = self._layers, {}
        if all(OWNER in layer.metadata for layer in self._viewer.layers.selection):
            napari_compat.deselect_all(self._viewer)
        for layer in layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _insert(self, layer: Layer, role: str) -> None:
        below = _ROLES[: _ROLES.index(role)]
        indices = [
            self._viewer.layers.index(self._layers[other])
            for other in below
            if self._layers.get(other) in self._viewer.layers
        ]
        napari_compat.insert_without_selecting(
            self._viewer, max(indices, default=-1) + 1, layer
        )
        self.activate_image()
        if role not in _IMAGES:
            napari_compat.skip_extent_updates(layer)

    def activate_image(self) -> None:
        """Make the visible image the active layer, so that no key edits shapes."""
        images = [self._layers.get(x) for x in _IMAGES if self._is_visible(x)]
        present = [image for image in images if image in self._viewer.layers]
        self._viewer.layers.selection.active = present[0] if present else None

    def _adopted(self, role: str) -> Any:
        """Return an image layer that was added for this review, or None."""
        layers = (x for x in self._viewer.layers if x.metadata.get(OWNER) == role)
        return next(layers, None) if role == "image" else None

    # Visibility

    def hide(self) -> None:
        """Hide all layers; call `emit_postponed_events` later."""
        self._set_hidden(True)

    def unhide(self) -> None:
        """Show the layers after `hide`; call `emit_postponed_events` later."""
        self._set_hidden(False)

    def emit_postponed_events(self) -> None:
        """Emit the postponed events `visible`, which update napari's layer list.

        Without the delay, the eye icons in the list would flicker whenever an image was
        not read in advance. The updates would also slow down the first frame of the
        image.
        """
        roles, self._postponed = self._postponed, set()
        self._is_setting_visible = True
        for role in roles & self._layers.keys():
            self._layers[role].events.visible()
        self._is_setting_visible = False

    def _set_hidden(self, are_hidden: bool) -> None:
        before = {role for role, layer in self._layers.items() if layer.visible}
        self._are_hidden = are_hidden
        with self.without_list_updates():
            self._show_or_hide()
        after = {role for role, layer in self._layers.items() if layer.visible}
        self._postponed ^= before ^ after

    def set_useful(self, **roles: bool) -> None:
        """Set for each role whether its layer has content at the current zoom."""
        self._useless -= {role for role, is_useful in roles.items() if is_useful}
        self._useless |= {role for role, is_useful in roles.items() if not is_useful}
        self._show_or_hide(*roles)

    def set_wanted(self, role: str, is_wanted: bool) -> None:
        """Set whether the user wants to see the layer of a role."""
        self._wanted[role] = is_wanted
        self._show_or_hide(role)

    def is_wanted(self, role: str) -> bool:
        """Return whether the user wants to see the layer of a role."""
        return self._wanted.get(role, True)

    def toggle_overlays(self) -> None:
        """Hide all layers except the image, or show them again."""
        self._is_bare = not self._is_bare
        self._show_or_hide()

    def _is_visible(self, role: str) -> bool:
        is_bared = self._is_bare and role not in _IMAGES
        is_wanted = self.is_wanted(role) and role not in self._useless
        return is_wanted and not self._are_hidden and not is_bared

    def _show_or_hide(self, *roles: str) -> None:
        self._is_setting_visible = True
        for role in roles or self._layers:
            layer, is_visible = self._layers.get(role), self._is_visible(role)
            if layer is not None and layer.visible != is_visible:
                layer.visible = is_visible
        self._is_setting_visible = False

    def _on_visible(self, role: str) -> None:
        """Store whether the user has shown or hidden a layer in napari's layer list."""
        if not self._is_setting_visible:
            self._wanted[role] = self._layers[role].visible

    # Changes of layers

    def as_one_change(self, layer: Layer) -> AbstractContextManager[None]:
        """Return a context in which a layer is drawn once, after several changes."""
        return napari_compat.as_one_change(self._viewer, layer)

    def without_list_updates(self) -> AbstractContextManager[None]:
        """Return a context in which napari does not update its layer list."""
        return napari_compat.without_list_updates(self._viewer)

    def move(self, layer: Layer, position: npt.ArrayLike) -> None:
        """Move the origin of a layer to a position (row, column) of the image."""
        napari_compat.move_layer(self._viewer, layer, position)

    def _guard(self, layer: Layer, role: str) -> None:
        layer.metadata[OWNER] = role
        napari_compat.keep_in_pan_zoom_mode(layer)
        layer.events.visible.connect(partial(self._on_visible, role))
        napari_compat.replace_status(layer, self._describe)
        napari_compat.skip_zoom_updates(layer)
        if not isinstance(layer, Image):
            layer.events.data.connect(self._redraw)
            napari_compat.skip_thumbnails(layer)
        if isinstance(layer, Points):
            napari_compat.skip_highlights(layer)
        if isinstance(layer, (Points, Shapes)):
            napari_compat.disable_editing_keys(layer)
