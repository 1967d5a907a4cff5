"""Where am I: the image, the error, the way to the next one, and how far it is."""

from __future__ import annotations

from magicgui.widgets import ComboBox, Container, Label, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox

from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.viewer.keys import KEY_OF


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
        self.place = Label()
        names = Container(widgets=[self.image_name, self.error_id], labels=True)
        names.margins = (0, 0, 0, 0)
        super().__init__(
            widgets=[names, steps, self.progress, self.place], labels=False
        )
        self.margins = (0, 0, 0, 0)
        for combo in (self.image_name, self.error_id):
            _keep_narrow(combo.native)
        self._session: ReviewSession | None = None
        self._listed: object = None
        self.image_name.changed.connect(self.image_requested)
        self.error_id.changed.connect(self._request_error)
        self.next.changed.connect(lambda: self.next_requested.emit())
        self.previous.changed.connect(lambda: self.previous_requested.emit())

    def show_session(self, session: ReviewSession) -> None:
        """List the images of a session."""
        choices = [
            (f"{name}  ({len(session.walk.errors_of(name))})", name)
            for name in session.image_names
        ]
        with self.image_name.changed.blocked():
            self.image_name.choices = choices
        # The dock is narrow, the list need not be: names and counts are read in full.
        names = self.image_name.native.view()
        names.setMinimumWidth(names.sizeHintForColumn(0) + 24)
        self.show_place(session)

    def show_place(self, session: ReviewSession) -> None:
        """Show the current cutout's image and error, and the progress."""
        cutout = session.current_cutout
        with self.image_name.changed.blocked():
            self.image_name.value = cutout.image_name
        self.image_name.tooltip = self.image_name.native.currentText()
        errors = [
            session.catalog.cutout(int(r))
            for r in session.walk.errors_of(cutout.image_name)
        ]
        choices: list[tuple[str, int | None]] = [
            (f"{e.error_id}  {e.outcome}{'  ✓' if e.reviewed else ''}", e.error_id)
            for e in errors
        ]
        if cutout.error_id is None:
            choices.insert(0, ("", None))
        with self.error_id.changed.blocked():
            if choices != self._listed:
                self.error_id.choices = self._listed = choices
            self.error_id.value = cutout.error_id
        reviewed, total = session.progress
        self.progress.max = max(total, 1)
        self.progress.value = reviewed
        self.progress.native.setFormat(f"{reviewed} of {total} errors reviewed")
        place = session.walk.place_of(cutout.row)
        here = f"Error {place} of {total}" if place else "Not an error"
        left = f"{total - reviewed} still to be looked at"
        self.place.value = f"{here}, {left}" if total else "No cutout here is an error"

    def _request_error(self, error_id: int | None) -> None:
        if error_id is not None:
            self.error_requested.emit(error_id)


def _key_button(action: str, text: str) -> PushButton:
    key = KEY_OF[action]
    return PushButton(text=text, tooltip=f"{key.title} (key {key.label})")


def _keep_narrow(combo: QComboBox) -> None:
    """Do not let a long name widen the dock."""
    combo.setSizeAdjustPolicy(
        QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    )
    combo.setMinimumContentsLength(8)
