"""The full image as a layer: the same one from image to image, and its grey scale."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from napari.layers import Image
from napari.utils.colormaps import AVAILABLE_COLORMAPS

from napari_artifact_review.viewer.layers import ReviewLayers, unmeasured
from napari_artifact_review.viewer.loader import LoadedImage


class ImageLayer:
    """Shows full images; what the user set stays from one to the next.

    napari's layers are either in memory or of several scales, so there is one for each
    kind, and one of them is seen.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    """

    def __init__(self, layers: ReviewLayers) -> None:
        self._layers = layers
        self._role = "image"
        self._own_limits: tuple[float, ...] | None = None
        self._is_untold = False

    @property
    def exists(self) -> bool:
        """Whether an image was ever shown."""
        return self._layer is not None

    def show(self, loaded: LoadedImage, name: str) -> None:
        """Show a full image; others are told of it by `tell`."""
        full, drawable = loaded
        chosen, role = self._chosen_limits(), "tiles" if full.tiles else "image"
        kept = {} if role == self._role else self.display()
        self._role = role
        data = drawable if full.tiles is None else list(full.tiles.levels)
        # napari scans all pixels for limits that are not given, so they are given.
        layer = self._layers.get(
            role,
            lambda: Image(
                data,
                rgb=False,
                multiscale=full.tiles is not None,
                contrast_limits=full.limits,
            ),
        )
        low, high = full.limits
        with self._layers.silently():
            layer.name = name
            self._replace(layer, data)
            layer.contrast_limits_range = (low - (high - low), high + 4 * (high - low))
            self._show_as(layer, kept)
            layer.contrast_limits = chosen or (low, high)
        self._own_limits = None if chosen else tuple(layer.contrast_limits)
        self._layers.use(image=full.tiles is None, tiles=full.tiles is not None)
        if kept:
            self._layers.activate_image()

    @property
    def level(self) -> int:
        """The level of detail that is drawn of an image in tiles."""
        layer = self._layers.find("tiles")
        return 0 if layer is None else int(layer.data_level)

    def tell(self) -> None:
        """Tell napari, and who else listens, of the image that is shown.

        Its list of layers takes a frame of its own to show name and thumbnail, which
        may come after the frame with the image.
        """
        layer = self._layer
        if layer is not None:
            layer.events.name()
            layer.events.thumbnail()
            if self._is_untold:
                self._is_untold = False
                with unmeasured(layer.events.data):
                    layer.events.data(value=layer.data)

    def refresh(self) -> None:
        """Draw again what is in view: more of its pixels have been read."""
        layer = self._layer
        if layer is not None:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def display(self) -> dict[str, Any]:
        """Return how pixels become colours, as plain JSON."""
        layer = self._layer
        if layer is None:
            return {}
        return {
            "contrast_limits": [float(limit) for limit in layer.contrast_limits],
            "limits_chosen": self._chosen_limits() is not None,
            "gamma": float(layer.gamma),
            "colormap": layer.colormap.name,
        }

    def set_display(self, kept: Mapping[str, Any]) -> None:
        """Let pixels become colours as they did when `display` was asked."""
        layer = self._layer
        if layer is None or "gamma" not in kept:
            return
        self._show_as(layer, kept)
        if kept["limits_chosen"]:
            low, high = kept["contrast_limits"]
            below, above = layer.contrast_limits_range
            layer.contrast_limits_range = (min(low, below), max(high, above))
            layer.contrast_limits = (low, high)

    @property
    def _layer(self) -> Image | None:
        return self._layers.find(self._role)

    def _replace(self, layer: Image, data: Any) -> None:
        shown, new = (
            (layer.data[0], data[0]) if layer.multiscale else (layer.data, data)
        )
        if shown is new:
            return
        # What the layers cover is the same then.
        self._is_untold = shown.shape == new.shape
        with layer.events.data.blocker() if self._is_untold else nullcontext():
            layer.data = data

    def _chosen_limits(self) -> tuple[float, ...] | None:
        """Return the contrast limits that the user set, to keep from image to image."""
        limits = None if self._layer is None else tuple(self._layer.contrast_limits)
        return None if limits == self._own_limits else limits

    @staticmethod
    def _show_as(layer: Image, kept: Mapping[str, Any]) -> None:
        if "gamma" in kept:
            layer.gamma = kept["gamma"]
        # A colormap of a plugin may be gone since.
        if kept.get("colormap") in AVAILABLE_COLORMAPS:
            layer.colormap = kept["colormap"]
