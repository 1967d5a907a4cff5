"""Where am I: the image, the error, the way to the next one, and how far it is."""

from __future__ import annotations

from heapq import nlargest
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, Container, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_artifact_review.viewer.keys import KEY_OF
from napari_artifact_review.widgets.line import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.session import ReviewSession


#: Room in pixels for a list's scroll bar and margins.
_SCROLL_BAR = 24

#: How many images, or errors, are listed at once.
_LISTED = 24


class NavigationPanel(Container[Widget]):
    """Shows where the review stands, and asks to go elsewhere.

    Attributes
    ----------
    image_requested : Signal
        Emitted with the name of the image to go to.
    error_requested : Signal
        Emitted with the number of the error to go to.
    next_requested, previous_requested : Signal
        Emitted to go to the next or the previous error.
    """

    image_requested = Signal(str)
    error_requested = Signal(int)
    next_requested = Signal()
    previous_requested = Signal()

    def __init__(self) -> None:
        self.image_name = ComboBox(
            label="image_name", tooltip="Every full image, with its number of errors"
        )
        self.error_id = ComboBox(
            label="error_id", tooltip="The errors of this image; empty at other cutouts"
        )
        self.previous = _key_button("previous", "◀  Previous")
        self.next = _key_button("next", "Next  ▶")
        steps = Container(
            widgets=[self.previous, self.next], layout="horizontal", labels=False
        )
        steps.margins = (0, 0, 0, 0)
        self.progress = ProgressBar(min=0, max=1)
        self.place = Line()
        names = Container(widgets=[self.image_name, self.error_id], labels=True)
        names.margins = (0, 0, 0, 0)
        super().__init__(
            widgets=[names, steps, self.progress, self.place], labels=False
        )
        self.margins = (0, 0, 0, 0)
        for combo in (self.image_name, self.error_id):
            _keep_narrow(combo.native)
        self._session: ReviewSession | None = None
        self._listed: tuple[str, bool] | None = None
        self.image_name.changed.connect(self.image_requested)
        self.error_id.changed.connect(self._request_error)
        self.next.changed.connect(lambda: self.next_requested.emit())
        self.previous.changed.connect(lambda: self.previous_requested.emit())

    def show_session(self, session: ReviewSession) -> None:
        """List the images of a session."""
        counts = session.walk.error_counts.tolist()
        names = zip(session.image_names, counts, strict=True)
        with self.image_name.changed.blocked():
            _fill(
                self.image_name, [(f"{name}  ({count})", name) for name, count in names]
            )
        # The dock is narrow, the list need not be: names and counts are read in full.
        native = self.image_name.native
        texts = (native.itemText(i) for i in range(native.count()))
        # To measure every one of ten thousand takes a while.
        longest = nlargest(50, texts, key=len)
        width = max(map(native.fontMetrics().horizontalAdvance, longest))
        native.view().setMinimumWidth(width + _SCROLL_BAR)
        self._listed = None
        self.show_place(session)

    def show_place(self, session: ReviewSession) -> None:
        """Show the current cutout's image and error, and the progress."""
        cutout = session.current_cutout
        # To set a value magicgui looks through all choices; their places are known.
        with self.image_name.changed.blocked(), self.error_id.changed.blocked():
            images = self.image_name.native
            images.setCurrentIndex(session.walk.place_of_image(cutout.image_name))
            self._list_errors(session)
            at = session.walk.place_in_image(cutout.row)
            self.error_id.native.setCurrentIndex(0 if at is None else at)
        if self.image_name.tooltip != images.currentText():
            self.image_name.tooltip = images.currentText()
        reviewed, total = session.progress
        if self.progress.max != max(total, 1):
            self.progress.max = max(total, 1)
        self.progress.value = reviewed
        self.progress.native.setFormat(f"{reviewed} of {total} errors reviewed")
        place = session.walk.place_of(cutout.row)
        here = f"Error {place} of {total}" if place else "Not an error"
        left = f"{total - reviewed} still to be looked at"
        self.place.show_text(f"{here}, {left}" if total else "No cutout is an error")

    def show_label(self, session: ReviewSession, row: int) -> None:
        """Show in the list of errors that something was decided about one."""
        cutout = session.catalog.cutout(row)
        at, listed = session.walk.place_in_image(row), self._listed
        if listed is not None and at is not None and listed[0] == cutout.image_name:
            # Where the current cutout is no error, an empty line stands first.
            self.error_id.native.setItemText(at + (not listed[1]), _error_text(cutout))

    def _list_errors(self, session: ReviewSession) -> None:
        """List the errors of the current image, and nothing, if that is current."""
        cutout = session.current_cutout
        is_error = cutout.error_id is not None
        listed = (cutout.image_name, is_error)
        if self._listed != listed:
            self._listed = listed
            errors = [
                session.catalog.cutout(row)
                for row in session.walk.errors_of(cutout.image_name).tolist()
            ]
            choices: list[tuple[str, object]] = [
                (_error_text(error), error.error_id) for error in errors
            ]
            _fill(self.error_id, choices if is_error else [("", None), *choices])

    def _request_error(self, error_id: int | None) -> None:
        if error_id is not None:
            self.error_requested.emit(error_id)


def _fill(combo: ComboBox, choices: Sequence[tuple[str, object]]) -> None:
    """List choices in their order; magicgui keeps old ones first, and compares all."""
    native: QComboBox = combo.native
    native.clear()
    for text, value in choices:
        native.addItem(text, value)


def _error_text(error: Cutout) -> str:
    return f"{error.error_id}  {error.outcome}{'  ✓' if error.reviewed else ''}"


def _key_button(action: str, text: str) -> PushButton:
    key = KEY_OF[action]
    return PushButton(text=text, tooltip=f"{key.title} (key {key.label})")


def _keep_narrow(combo: QComboBox) -> None:
    """Let no long name widen the dock, and no long list cover the screen."""
    combo.setMaxVisibleItems(_LISTED)
    # Else Qt's own style lists as many as the screen has room for.
    combo.setStyleSheet("QComboBox { combobox-popup: 0 }")
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(8)
