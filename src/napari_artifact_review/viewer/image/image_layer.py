"""The layer of the full image: pixels, contrast limits and colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils import Colormap
from napari.utils.colormaps import AVAILABLE_COLORMAPS, ensure_colormap
from napari.utils.events import Event
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.images.display import (
    COLORMAPS,
    Brightness,
    Display,
    Stretch,
)
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.limits import Limits
from napari_artifact_review.core.tiled.tiles import TiledImage
from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.image.cutout_pixels import drawn_pixels
from napari_artifact_review.viewer.image.smooth_tiles import smooth_levels
from napari_artifact_review.viewer.layers import ReviewLayers, layer_name
from napari_artifact_review.viewer.napari_compat import (
    emit_data,
    forget_colormap,
    set_pixels_silently,
    slice_ahead,
)
from napari_artifact_review.viewer.overlay.boxes import Array
from napari_artifact_review.viewer.overlay.text_colors import luminance_of

# Colormap, stretch and inversion by the name of a stretched colormap in napari's list.
_STRETCHED: dict[str, tuple[str, Stretch, bool]] = {}


class ImageLayer:
    """The layer of the full image, with display settings that apply to all images.

    A napari layer is either single-scale or multiscale. The review therefore has one
    layer of each kind, and shows only one of the two. A stretch changes the colormap
    of the layer instead of the pixels, so that camera moves stay fast.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    cutout : callable
        Returns the current cutout, or None. Its pixels can determine the limits.

    Attributes
    ----------
    display_changed : Signal
        Emitted with the new display settings after the user has changed them on the
        canvas or in napari's layer controls.
    drawn : Signal
        Emitted when the drawn pixels or the current cutout may have changed.
    repainted : Signal
        Emitted when limits, colormap or gamma may have changed.
    """

    display_changed = Signal(Display)
    drawn = Signal()
    repainted = Signal()

    def __init__(
        self, layers: ReviewLayers, cutout: Callable[[], Cutout | None] = lambda: None
    ) -> None:
        self._layers = layers
        self._cutout = cutout
        self._role = "image"
        self._loaded: LoadedImage | None = None
        # The image that determines the luminance, and its contrast limits.
        self._under: tuple[LoadedImage, Limits] | None = None
        self._display = Display()
        self._gamma = 1.0
        self._painted: tuple[object, ...] = ()
        self._is_acting = False
        self._is_data_event_due = False
        # The tiled image that was shown last, its smoothing, and its smoothed levels.
        self._smoothed: tuple[TiledImage | None, float] = None, 0.0
        self._levels: list[Any] = []

    @property
    def exists(self) -> bool:
        """Whether an image has been shown."""
        return self.layer is not None

    def expect(self, loaded: LoadedImage) -> None:
        """Set the image for `luminance_at` before the image is shown."""
        self._under = loaded, loaded.brightness.limits(self._display)

    def show(self, loaded: LoadedImage, name: str) -> None:
        """Show a full image; call `emit_postponed_events` afterwards."""
        full = loaded.full
        role = "image" if full.tiles is None else "tiles"
        had, self._gamma = self.layer, self.gamma
        changes_role, self._role = had is not None and role != self._role, role
        data = self._data(loaded)
        self._loaded = loaded
        low, high = loaded.brightness.zscale
        # Without `contrast_limits` napari 0.9.2 scans all pixels.
        layer = self._layers.get(
            role,
            lambda: Image(
                data,
                rgb=False,
                multiscale=full.tiles is not None,
                contrast_limits=(low, high),
            ),
        )
        # napari ignores a second connection of the same method.
        layer.events.contrast_limits.connect(self._on_limits)
        layer.events.colormap.connect(self._on_colormap)
        layer.events.gamma.connect(self._on_gamma)
        with self._acting():
            layer.name = layer_name(name)
            self._replace(layer, data)
            layer.contrast_limits_range = (low - (high - low), high + 4 * (high - low))
            if layer.gamma != self._gamma:
                layer.gamma = self._gamma
        self._apply()
        self._layers.set_useful(image=full.tiles is None, tiles=full.tiles is not None)
        if changes_role:
            self._layers.activate_image()
        self.drawn.emit()

    def follow(self) -> None:
        """Update the limits after the current cutout changes within the same image."""
        if self._display.scope == "cutout":
            self._apply()
        self.drawn.emit()

    @property
    def level(self) -> int:
        """The level of detail at which a tiled image is drawn; 0 is the finest."""
        layer = self._layers.find("tiles")
        return 0 if layer is None else int(layer.data_level)

    def emit_postponed_events(self) -> None:
        """Emit the events that were postponed until after the first frame of the image.

        napari's layer list needs another frame to show the name and the thumbnail.
        """
        layer = self.layer
        if layer is not None:
            layer.events.name()
            layer.events.thumbnail()
            if self._is_data_event_due:
                self._is_data_event_due = False
                emit_data(layer)

    def luminance_at(self, rows: Array, columns: Array) -> Array:
        """Return the luminance of pixels on the screen.

        For a tiled image, return the luminance of the median pixel value at all
        positions, without reading pixels.

        Parameters
        ----------
        rows, columns : ndarray of float
            Positions on the image, with broadcastable shapes. For a position outside
            the image, the nearest pixel is used.

        Returns
        -------
        ndarray
            Luminances of the broadcast shape: 0 is black, 1 is white.
        """
        layer, shape = self.layer, np.broadcast_shapes(rows.shape, columns.shape)
        if self._under is None or layer is None:
            return np.zeros(shape)
        loaded, (low, high) = self._under
        if loaded.full.tiles is None:
            height, width = loaded.drawable.shape
            nearest = (
                np.clip(np.rint(rows), 0, height - 1).astype(int),
                np.clip(np.rint(columns), 0, width - 1).astype(int),
            )
            pixels = np.asarray(loaded.drawable[nearest], dtype=float)
        else:
            pixels = np.full(shape, loaded.brightness.middle)
        levels = np.clip((pixels - low) / (high - low), 0, 1)
        return luminance_of(levels**self.gamma, layer.colormap)

    def prepare_view(self, view: View) -> None:
        """Slice a tiled image for a new view, before the next frame is drawn."""
        layer = self.layer
        if layer is not None and layer.multiscale:
            with self._layers.without_list_updates():
                slice_ahead(layer, view)

    def refresh(self) -> None:
        """Redraw the image after more of its pixels have been read."""
        layer = self.layer
        if layer is not None:
            with self._layers.without_list_updates():
                layer.refresh(thumbnail=False, highlight=False, extent=False)
            self.follow()

    # The display of pixels

    @property
    def display(self) -> Display:
        """The current display settings."""
        return self._display

    def set_display(self, display: Display) -> None:
        """Change the display settings, and apply them to the image.

        A different smoothing takes effect, with all other settings, when the smoothed
        image is shown. An unknown colormap is replaced by "gray".
        """
        if not _is_known(display.colormap):
            # The plugin that provides this colormap may not be installed.
            display = replace(display, colormap="gray")
        self._display = display
        if display == Display():
            # The default settings include napari's default gamma.
            self._gamma = 1.0
            if self.layer is not None:
                self.layer.gamma = 1.0
        if self._loaded is not None and self._loaded.sigma == display.sigma:
            self._apply()

    def choose_display(self, display: Display) -> None:
        """Apply a display that the user chose on the canvas; emit `display_changed`."""
        if display != self._display:
            self._accept(display)

    def settings(self) -> dict[str, Any]:
        """Return display, contrast limits and gamma as JSON values."""
        layer = self.layer
        if layer is None:
            return {}
        return {
            "display": self._display.as_json(),
            "contrast_limits": [float(limit) for limit in layer.contrast_limits],
            "gamma": float(layer.gamma),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Restore the values that `settings` returned."""
        self.set_display(Display.from_view(stored))
        self._gamma = float(stored.get("gamma", 1.0))

    @property
    def limits(self) -> Limits | None:
        """Contrast limits (low, high) on the screen, or None before the first image."""
        layer = self.layer
        if layer is None:
            return None
        low, high = layer.contrast_limits
        return float(low), float(high)

    @property
    def layer(self) -> Image | None:
        """The layer that shows the image, or None before the first image."""
        return self._layers.find(self._role)

    @property
    def gamma(self) -> float:
        """The gamma of napari's layer, which persists between images."""
        return self._gamma if self.layer is None else float(self.layer.gamma)

    def _data(self, loaded: LoadedImage) -> Any:
        """Return the data of the layer: an array, or the levels of a tiled image."""
        tiles = loaded.full.tiles
        if tiles is None:
            return loaded.drawable
        if (tiles, loaded.sigma) != self._smoothed:
            self._smoothed = tiles, loaded.sigma
            self._levels = smooth_levels(tiles, loaded.sigma)
        return self._levels

    def _replace(self, layer: Image, data: Any) -> None:
        shown, new = (
            (layer.data[0], data[0]) if layer.multiscale else (layer.data, data)
        )
        if shown is new:
            return
        self._is_data_event_due = shown.shape == new.shape
        if self._is_data_event_due:
            set_pixels_silently(layer, data)
        else:
            layer.data = data

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """Return a context in which changes do not count as changes by the user."""
        was_acting, self._is_acting = self._is_acting, True
        try:
            with self._layers.without_list_updates():
                yield
        finally:
            self._is_acting = was_acting

    def _apply(self) -> None:
        """Set the limits and the colormap of the layer if they have changed."""
        layer, brightness = self.layer, self._brightness()
        if layer is None or brightness is None:
            return
        limits = brightness.limits(self._display)
        with self._acting():
            if tuple(layer.contrast_limits) != limits:
                layer.contrast_limits = limits
            self._paint(layer, brightness, limits)
        if self._loaded is not None:
            self._under = self._loaded, limits
        self.repainted.emit()

    def _paint(self, layer: Image, brightness: Brightness, limits: Limits) -> None:
        display = self._display
        look = display.colormap, display.stretch, display.inverted
        # Only the stretch "histogram" depends on the pixels.
        pixels = (brightness, limits) if display.stretch == "histogram" else ()
        wanted = (layer, look, *pixels)
        if wanted == self._painted:
            return
        self._painted = wanted
        base = ensure_colormap(display.colormap)
        if look[1:] == ("linear", False):
            layer.colormap = base
            return
        inverted = ", inverted" if display.inverted else ""
        name = f"{base.name} ({display.stretch}{inverted})"
        _STRETCHED[name] = look
        forget_colormap(name)
        layer.colormap = Colormap(
            base.map(brightness.curve(display, limits)),
            name=name,
            nan_color=base.nan_color,
        )

    def _brightness(self) -> Brightness | None:
        """Return the brightness for the limits, from image or current cutout."""
        loaded = self._loaded
        if loaded is None or self._display.scope == "image":
            return None if loaded is None else loaded.brightness
        cutout = self._cutout()
        pixels = None if cutout is None else drawn_pixels(loaded, cutout)
        if pixels is None:
            return loaded.brightness
        brightness = Brightness.of(pixels)
        return brightness if brightness.sample.size else loaded.brightness

    # Changes by the user in napari's layer controls

    def _on_limits(self, event: Event) -> None:
        layer = self.layer
        if layer is not None and layer is event.source and not self._is_acting:
            low, high = map(float, layer.contrast_limits)
            self._accept(self._display.with_limits(low, high))

    def _on_colormap(self, event: Event) -> None:
        layer = self.layer
        if layer is not None and layer is event.source and not self._is_acting:
            name = layer.colormap.name
            look = self._display.stretch, self._display.inverted
            # The user may choose a colormap that `_paint` created for a stretch.
            colormap, stretch, inverted = _STRETCHED.get(name, (name, *look))
            self._painted = ()
            self._accept(
                replace(
                    self._display,
                    colormap=colormap,
                    stretch=stretch,
                    inverted=inverted,
                )
            )

    def _on_gamma(self) -> None:
        if not self._is_acting:
            self.repainted.emit()

    def _accept(self, display: Display) -> None:
        is_other, self._display = display != self._display, display
        self._apply()
        # napari emits the limits twice if they extend the range of the slider.
        if is_other:
            self.display_changed.emit(display)


def _is_known(colormap: str) -> bool:
    return colormap in AVAILABLE_COLORMAPS or colormap in COLORMAPS
