"""How a review is looked at: read off the viewer, kept with the session, put back."""

from __future__ import annotations

from collections.abc import Mapping

from napari.components import ViewerModel

from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.viewer.camera import ReviewCamera
from napari_artifact_review.viewer.image_layer import ImageLayer
from napari_artifact_review.viewer.layers import ReviewLayers
from napari_artifact_review.viewer.overlay import Overlay


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

    def note(self, hdus: Mapping[str, int], shape: tuple[int, int]) -> None:
        """Note the view of an image of `shape` (rows, columns)."""
        self._session.view_settings = {
            "grid": self._layers.is_wished("grid"),
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

    def set_y_up(self, up: bool) -> None:
        """Draw row 0 at the bottom, or at the top."""
        vertical = "up" if up else "down"
        self._viewer.scene.camera.orientation2d = (vertical, "right")
        self._overlay.set_y_up(up)
