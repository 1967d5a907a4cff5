"""How a review is looked at: read off the viewer, kept with the session, put back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from napari.components import ViewerModel

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.camera import ReviewCamera
from napari_artifact_review.viewer.image.image_layer import ImageLayer
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay.overlay import Overlay


class ViewSettings:
    """The view of one review in one viewer.

    Parameters
    ----------
    session : ReviewSession
        Keeps them, as its `view_settings`.
    viewer : ViewerModel
        The viewer.
    layers, image, overlay, camera : ReviewLayers, ImageLayer, Overlay, ReviewCamera
        The review's own.
    """

    def __init__(
        self,
        session: ReviewSession,
        viewer: ViewerModel,
        layers: ReviewLayers,
        image: ImageLayer,
        overlay: Overlay,
        camera: ReviewCamera,
    ) -> None:
        self._session = session
        self._viewer = viewer
        self._layers = layers
        self._image = image
        self._overlay = overlay
        self._camera = camera
        self._image_is_due = True
        self._drop_damaged()

    def note(self, hdus: Mapping[str, int], shape: tuple[int, int]) -> None:
        """Note the view of an image of `shape` (rows, columns)."""
        self._session.view_settings = {
            "grid": self._layers.is_wanted("grid"),
            "y_up": self._overlay.y_up,
            "full_image": self._camera.on_full_image(shape),
            "zoom": self._camera.chosen_zoom(shape),
            "hdus": dict(hdus),
            **self._image.settings(),
        }

    def hdus(self) -> dict[str, int]:
        """Return the HDUs that the reviewer chose, by image."""
        return dict(self._session.view_settings.get("hdus", {}))

    def restore(self) -> None:
        """Put back what needs no image."""
        kept = self._session.view_settings
        self._overlay.show_grid(bool(kept.get("grid", False)))
        self._camera.choose_zoom(kept.get("zoom"))
        self._image.restore(kept)
        if kept.get("y_up"):
            self.set_y_up(True)

    def restore_image(self, shape: tuple[int, int]) -> None:
        """Put back, once, what the first image of `shape` (rows, columns) has."""
        if self._image_is_due:
            self._image_is_due = False
            if self._session.view_settings.get("full_image"):
                self._camera.show_full_image(shape)

    def _drop_damaged(self) -> None:
        """Drop the settings that the review's log gives with a wrong type."""
        kept = self._session.view_settings
        sound = {name: value for name, value in kept.items() if _is_sound(name, value)}
        if len(sound) < len(kept):
            self._session.view_settings = sound
            names = ", ".join(sorted(kept.keys() - sound.keys()))
            self._session.add_notice(
                f"The stored view settings ({names}) cannot be read and were reset; "
                "verdicts are not affected."
            )

    def set_y_up(self, up: bool) -> None:
        """Draw row 0 at the bottom, or at the top."""
        vertical = "up" if up else "down"
        self._viewer.scene.camera.orientation2d = (vertical, "right")
        self._overlay.set_y_up(up)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_zoom(value: Any) -> bool:
    return value is None or (_is_number(value) and value > 0)


def _is_gamma(value: Any) -> bool:
    return _is_number(value) and value > 0


def _are_limits(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _are_hdus(value: Any) -> bool:
    return isinstance(value, dict) and all(type(hdu) is int for hdu in value.values())


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


#: What each setting may be. Those of another version are kept as they are.
_SOUND: Mapping[str, Callable[[Any], bool]] = {
    "grid": _is_bool,
    "y_up": _is_bool,
    "full_image": _is_bool,
    "zoom": _is_zoom,
    "hdus": _are_hdus,
    "display": _is_mapping,
    "contrast_limits": _are_limits,
    "limits_chosen": _is_bool,
    "colormap": _is_text,
    "gamma": _is_gamma,
}


def _is_sound(name: str, value: Any) -> bool:
    check = _SOUND.get(name)
    return check is None or check(value)
