"""View settings, which a session stores and which are restored when a review opens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from napari.components import ViewerModel

from napari_artifact_review.core.review.position import checked_hdu
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.drawing import ReviewDrawing
from napari_artifact_review.viewer.view_state import ViewName


class ViewSettings:
    """The view settings of one review in one viewer.

    Parameters
    ----------
    session : ReviewSession
        The review, which stores the settings as `view_settings`.
    viewer : ViewerModel
        The viewer.
    drawing : ReviewDrawing
        The layers, the image, the overlay and the camera.
    """

    def __init__(
        self, session: ReviewSession, viewer: ViewerModel, drawing: ReviewDrawing
    ) -> None:
        self._session = session
        self._viewer = viewer
        self._drawing = drawing
        self._is_image_due = True
        self._drop_damaged()

    def store(self, hdus: Mapping[str, int | str], view: ViewName) -> None:
        """Store the current view settings in the session.

        Parameters
        ----------
        hdus : mapping of str to int or str
            The HDUs that the reviewer chose, by image name.
        view : str
            The state of the view; settings are stored if it is "shown" or "covered".
        """
        if view == "shown":
            self._store_shown(hdus)
        elif view == "covered":
            self._store_covered()

    def _store_shown(self, hdus: Mapping[str, int | str]) -> None:
        drawing, shape = self._drawing, self._drawing.shape
        # Use a new dict, because a refused verdict refers to the previous one.
        self._session.view_settings = self._session.view_settings | {
            "grid": drawing.layers.is_wanted("grid"),
            "y_up": drawing.overlay.y_up,
            "full_image": drawing.camera.on_full_image(shape),
            "zoom": drawing.camera.chosen_zoom(shape),
            "hdus": dict(hdus),
            **drawing.image.settings(),
        }

    def _store_covered(self) -> None:
        """Store the settings of the gallery, without contrast limits.

        Each thumbnail in the gallery has its own limits.
        """
        view = dict(self._session.view_settings)
        view.pop("contrast_limits", None)
        display = self._drawing.image.display.as_json()
        y_up = self._drawing.overlay.y_up
        self._session.view_settings = view | {"display": display, "y_up": y_up}

    def restore(self) -> None:
        """Restore the settings that do not require an image."""
        stored = self._session.view_settings
        self._drawing.overlay.show_grid(bool(stored.get("grid", False)))
        self._drawing.camera.choose_zoom(stored.get("zoom"))
        self._drawing.image.restore(stored)
        if stored.get("y_up"):
            self.set_y_up(True)

    def restore_image(self) -> None:
        """Show the full image at first if the stored view was the full image."""
        if self._is_image_due:
            self._is_image_due = False
            if self._session.view_settings.get("full_image"):
                self._drawing.camera.show_full_image(self._drawing.shape)

    def _drop_damaged(self) -> None:
        """Remove invalid stored settings, and add a notice to the session."""
        stored = self._session.view_settings
        valid = {key: value for key, value in stored.items() if _is_valid(key, value)}
        if len(valid) < len(stored):
            self._session.view_settings = valid
            names = ", ".join(sorted(stored.keys() - valid.keys()))
            self._session.add_notice(
                f"The stored view settings ({names}) cannot be read and were reset; "
                "verdicts are not affected."
            )

    def set_y_up(self, up: bool) -> None:
        """Draw row 0 at the bottom if `up` is True, otherwise at the top."""
        vertical = "up" if up else "down"
        self._viewer.scene.camera.orientation2d = (vertical, "right")
        self._drawing.overlay.set_y_up(up)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


def _is_zoom(value: Any) -> bool:
    return value is None or (_is_number(value) and value > 0)


def _is_gamma(value: Any) -> bool:
    return _is_number(value) and value > 0


def _are_limits(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 1


def _are_hdus(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_hdu, value.values()))


def _is_hdu(value: Any) -> bool:
    return checked_hdu(value) is not None


#: Validity check of each setting, by name. Unknown settings are valid, because another
#: version may have stored them.
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "auto_advance": _is_a(bool),
    "hide_predictions": _is_a(bool),
    "hidden_share": _is_share,
    "grid": _is_a(bool),
    "y_up": _is_a(bool),
    "full_image": _is_a(bool),
    "zoom": _is_zoom,
    "hdu": lambda value: value is None or _is_hdu(value),
    "hdus": _are_hdus,
    "display": _is_a(dict),
    "contrast_limits": _are_limits,
    "limits_chosen": _is_a(bool),
    "colormap": _is_a(str),
    "gamma": _is_gamma,
}


def _is_valid(name: str, value: Any) -> bool:
    check = _CHECKS.get(name)
    return check is None or check(value)
