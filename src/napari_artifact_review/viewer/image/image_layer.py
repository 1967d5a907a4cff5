"""The full image as a layer: the same one from image to image, and its colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
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
from napari_artifact_review.viewer.image.multiscale import slice_ahead
from napari_artifact_review.viewer.image.smooth_tiles import smooth_levels
from napari_artifact_review.viewer.layers import ReviewLayers, unmeasured
from napari_artifact_review.viewer.overlay.boxes import Array
from napari_artifact_review.viewer.overlay.ink import luminance_of

# napari lists colours by name, so those of a stretch have one: what it stands for.
_STRETCHED: dict[str, tuple[str, Stretch, bool]] = {}


class ImageLayer:
    """Shows full images; what the user set stays from one to the next.

    napari's layers are either in memory or of several scales, so there is one for each
    kind, and one of them is seen. A stretch changes the colours of the layer, not its
    pixels: it costs nothing while one looks around.

    Parameters
    ----------
    layers : ReviewLayers
        The layers of the review.
    cutout : callable
        Gives the current cutout, whose pixels give limits if that is wished.

    Attributes
    ----------
    display_changed : Signal
        Emitted with the display when the user changed it in napari's own controls.
    drawn : Signal
        Emitted when other pixels are shown, or another cutout of them.
    repainted : Signal
        Emitted when pixels become colours in another way.
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
        # What lies under whatever is drawn over it, and between which limits.
        self._under: tuple[LoadedImage, Limits] | None = None
        self._display = Display()
        self._gamma = 1.0
        self._painted: tuple[object, ...] = ()
        self._is_acting = False
        self._is_untold = False
        # The levels of the image in tiles that was shown last, and what they are of.
        self._smoothed: tuple[TiledImage | None, float] = None, 0.0
        self._levels: list[Any] = []

    @property
    def exists(self) -> bool:
        """Whether an image was ever shown."""
        return self.layer is not None

    def expect(self, loaded: LoadedImage) -> None:
        """Know an image before it is shown: what is drawn over it comes first."""
        self._under = loaded, loaded.brightness.limits(self._display)

    def show(self, loaded: LoadedImage, name: str) -> None:
        """Show a full image; others are told of it by `tell`."""
        full = loaded.full
        role = "image" if full.tiles is None else "tiles"
        had, self._gamma = self.layer, self._gamma_now()
        changes_role, self._role = had is not None and role != self._role, role
        data = self._data(loaded)
        self._loaded = loaded
        low, high = loaded.brightness.zscale
        # napari scans all pixels for limits that are not given, so they are given.
        layer = self._layers.get(
            role,
            lambda: Image(
                data,
                rgb=False,
                multiscale=full.tiles is not None,
                contrast_limits=(low, high),
            ),
        )
        # A second time, napari does not connect them again.
        layer.events.contrast_limits.connect(self._on_limits)
        layer.events.colormap.connect(self._on_colormap)
        layer.events.gamma.connect(self._on_gamma)
        with self._acting():
            layer.name = name
            self._replace(layer, data)
            layer.contrast_limits_range = (low - (high - low), high + 4 * (high - low))
            if layer.gamma != self._gamma:
                layer.gamma = self._gamma
        self._apply()
        self._layers.use(image=full.tiles is None, tiles=full.tiles is not None)
        if changes_role:
            self._layers.activate_image()
        self.drawn.emit()

    def follow(self) -> None:
        """Show the same image as it is wished for the cutout that is current now."""
        if self._display.scope == "cutout":
            self._apply()
        self.drawn.emit()

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
        layer = self.layer
        if layer is not None:
            layer.events.name()
            layer.events.thumbnail()
            if self._is_untold:
                self._is_untold = False
                with unmeasured(layer.events.data):
                    layer.events.data(value=layer.data)

    def luminance_at(self, rows: Array, columns: Array) -> Array:
        """Return how bright pixels are on the screen.

        Never waits: of an image in tiles it is what most of the sky is.

        Parameters
        ----------
        rows, columns : ndarray of float
            Places on the image, of shapes that go together; those beside it count as
            the pixels nearest to them.

        Returns
        -------
        ndarray
            Of their common shape: 0 is black, 1 is white.
        """
        layer, shape = self.layer, np.broadcast_shapes(rows.shape, columns.shape)
        if self._under is None or layer is None:
            return np.zeros(shape)
        loaded, (low, high) = self._under
        if loaded.full.tiles is None:
            height, width = loaded.drawable.shape
            places = (
                np.clip(np.rint(rows), 0, height - 1).astype(int),
                np.clip(np.rint(columns), 0, width - 1).astype(int),
            )
            pixels = np.asarray(loaded.drawable[places], dtype=float)
        else:
            pixels = np.full(shape, loaded.brightness.middle)
        levels = np.clip((pixels - low) / (high - low), 0, 1)
        return luminance_of(levels ** self._gamma_now(), layer.colormap)

    def look(self, view: View) -> None:
        """Have what comes into view ready when its frame is drawn."""
        layer = self.layer
        if layer is not None and layer.multiscale:
            with self._layers.silently():
                slice_ahead(layer, view)

    def refresh(self) -> None:
        """Draw again what is in view: more of its pixels have been read."""
        layer = self.layer
        if layer is not None:
            with self._layers.silently():
                layer.refresh(thumbnail=False, highlight=False, extent=False)
            self.follow()

    # How pixels become colours

    @property
    def display(self) -> Display:
        """How pixels become colours, as the user wishes it."""
        return self._display

    def set_display(self, display: Display) -> None:
        """Let pixels become colours in another way.

        What needs pixels that are smoothed in another way waits, as a whole, until
        they are shown.
        """
        if not _is_known(display.colormap):
            # One of a plugin may be gone since.
            display = replace(display, colormap="gray")
        self._display = display
        if display == Display():
            # As in a new review, whatever napari's own controls were set to.
            self._gamma = 1.0
            if self.layer is not None:
                self.layer.gamma = 1.0
        if self._loaded is not None and self._loaded.sigma == display.sigma:
            self._apply()

    def settings(self) -> dict[str, Any]:
        """Return how pixels become colours, as plain JSON."""
        layer = self.layer
        if layer is None:
            return {}
        return {
            "display": self._display.as_json(),
            "contrast_limits": [float(limit) for limit in layer.contrast_limits],
            "gamma": float(layer.gamma),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Let pixels become colours as they did when `settings` was asked."""
        # Before there were stretches, limits and colours were kept one by one.
        manual = kept.get("contrast_limits") if kept.get("limits_chosen") else None
        old = {"colormap": kept.get("colormap"), "by_hand": manual}
        display = kept.get("display")
        known = display if isinstance(display, Mapping) else old
        self.set_display(Display.from_json(known))
        self._gamma = float(kept.get("gamma", 1.0))

    @property
    def layer(self) -> Image | None:
        """The layer that shows the image, once there is one."""
        return self._layers.find(self._role)

    def _gamma_now(self) -> float:
        return self._gamma if self.layer is None else float(self.layer.gamma)

    def _data(self, loaded: LoadedImage) -> Any:
        """Return what the layer is given to draw."""
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
        # What the layers cover is the same then.
        self._is_untold = shown.shape == new.shape
        with layer.events.data.blocker() if self._is_untold else nullcontext():
            layer.data = data

    @contextmanager
    def _acting(self) -> Iterator[None]:
        """Change the layer ourselves, unlike the user with napari's own controls."""
        was_acting, self._is_acting = self._is_acting, True
        try:
            with self._layers.silently():
                yield
        finally:
            self._is_acting = was_acting

    def _apply(self) -> None:
        """Give the layer its limits and colours, as far as they are others."""
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
        # Of all stretches, only the histogram depends on the pixels.
        seen = (brightness, limits) if display.stretch == "histogram" else ()
        wanted = (layer, look, *seen)
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
        # napari would keep those of each histogram, under a new name each time.
        AVAILABLE_COLORMAPS.pop(name, None)
        layer.colormap = Colormap(
            base.map(brightness.curve(display, limits)),
            name=name,
            nan_color=base.nan_color,
        )

    def _brightness(self) -> Brightness | None:
        """Return the brightness of the pixels that limits are to come from."""
        loaded = self._loaded
        if loaded is None or self._display.scope == "image":
            return None if loaded is None else loaded.brightness
        cutout = self._cutout()
        pixels = None if cutout is None else drawn_pixels(loaded, cutout)
        if pixels is None:
            return loaded.brightness
        brightness = Brightness.of(pixels)
        return brightness if brightness.sample.size else loaded.brightness

    # What the user does in napari's own controls of the layer

    def _on_limits(self, event: Event) -> None:
        layer = self.layer
        if layer is not None and layer is event.source and not self._is_acting:
            low, high = map(float, layer.contrast_limits)
            self._take(replace(self._display, manual=(low, high)))

    def _on_colormap(self, event: Event) -> None:
        layer = self.layer
        if layer is not None and layer is event.source and not self._is_acting:
            name = layer.colormap.name
            look = self._display.stretch, self._display.inverted
            # One of ours brings its own stretch.
            colormap, stretch, inverted = _STRETCHED.get(name, (name, *look))
            self._painted = ()
            self._take(
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

    def _take(self, display: Display) -> None:
        is_other, self._display = display != self._display, display
        self._apply()
        # napari tells of limits twice if they widen the range of their slider.
        if is_other:
            self.display_changed.emit(display)


def _is_known(colormap: str) -> bool:
    return colormap in AVAILABLE_COLORMAPS or colormap in COLORMAPS
