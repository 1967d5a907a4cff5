"""The panel to change the view of the image and to choose an HDU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox, Container, Label, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.images.full_image import FullImage
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice


class FullImagePanel(Container[Widget]):
    """The panel to change the view of the image.

    Attributes
    ----------
    view_requested : Signal
        Emitted to switch between the current cutout and the full image.
    gallery_requested : Signal
        Emitted to show or hide the gallery.
    grid_requested : Signal
        Emitted with True to show the grid, and with False to hide it.
    y_up_requested : Signal
        Emitted with True to draw row 0 at the bottom, and with False at the top.
    hdu_requested : Signal
        Emitted with the index of the HDU to show.
    hdu_for_all_requested : Signal
        Emitted with the index or name of the HDU to show in all images.
    """

    view_requested = Signal()
    gallery_requested = Signal()
    grid_requested = Signal(bool)
    y_up_requested = Signal(bool)
    hdu_requested = Signal(int)
    hdu_for_all_requested = Signal(object)

    def __init__(self) -> None:
        self.view = PushButton(text="Cutout / full image")
        self.gallery = PushButton(text="Gallery")
        self.grid = CheckBox(text="Grid", tooltip="Show the grid of all cutouts")
        self.y_up = CheckBox(
            text="y up",
            tooltip="Draw row 0 at the bottom, as FITS viewers do, without changing "
            "coordinates",
        )
        self.hdu = ComboBox(tooltip="Choose which image HDU of the file is shown")
        switches = row_of(self.view, self.gallery, self.grid, self.y_up)
        # With this spacing, all four switches fit into the narrowest dock.
        switches.native.layout().setSpacing(4)
        self.for_all = PushButton(
            text="In all images", tooltip="Show this HDU in all images"
        )
        keep_compact(self.for_all.native)
        self._keys: dict[int, int | str] = {}
        self._hdu_row = row_of(Label(value="HDU"), self.hdu, self.for_all)
        super().__init__(widgets=[switches, self._hdu_row], labels=False)
        self.margins = (0, 0, 0, 0)
        self.view.changed.connect(lambda: self.view_requested.emit())
        self.gallery.changed.connect(lambda: self.gallery_requested.emit())
        self.grid.changed.connect(lambda on: self.grid_requested.emit(on))
        self.y_up.changed.connect(lambda up: self.y_up_requested.emit(up))
        self.hdu.changed.connect(lambda hdu: self.hdu_requested.emit(hdu))
        self.for_all.changed.connect(
            lambda: self.hdu_for_all_requested.emit(self._keys[self.hdu.value])
        )
        self._hdu_row.hide()

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.view.tooltip = keys["toggle_view"].hint
        self.gallery.tooltip = keys["gallery"].hint

    def show_session(self, session: ReviewSession) -> None:
        """Set the check boxes to the stored view settings; the default is off."""
        with self.grid.changed.blocked(), self.y_up.changed.blocked():
            self.grid.value = bool(session.view_settings.get("grid", False))
            self.y_up.value = bool(session.view_settings.get("y_up", False))

    def show_image(self, full: FullImage | None) -> None:
        """Offer the image HDUs of a file that has several."""
        several = full is not None and len(full.hdus) > 1
        if full is not None and several:
            with self.hdu.changed.blocked():
                self.hdu.choices = [(str(hdu), hdu.index) for hdu in full.hdus]
                self.hdu.value = full.hdu
            self._keys = full.hdu_keys
        self._hdu_row.visible = several
