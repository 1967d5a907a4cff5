"""The panel with the Save button and the number of unsaved verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.widgets.parts.line import Line

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class SavePanel(Container[Widget]):
    """The panel with the Save button and the number of unsaved verdicts.

    Attributes
    ----------
    save_requested : Signal
        Emitted to write the reviewed table.
    """

    save_requested = Signal()

    def __init__(self) -> None:
        self.save = PushButton(text="Save")
        self.save.native.setFixedWidth(100)
        self._keys = KeyChoice()
        self.state = Line()
        super().__init__(
            widgets=[self.save, self.state], layout="horizontal", labels=False
        )
        self.margins = (0, 0, 0, 0)
        # Do not pass the button's value, which a slot could take as its argument.
        self.save.changed.connect(lambda: self.save_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Store the current keys for the tooltip of the next `show_state`."""
        self._keys = keys

    def show_state(self, session: ReviewSession, saving: bool = False) -> None:
        """Show the number of unsaved verdicts, or that they are being saved."""
        key = self._keys["save"]
        self.save.tooltip = f"{key.title} to {session.output} ({key.label})"
        count = session.unsaved
        if saving:
            self.state.show_text("Saving...")
        else:
            self.state.show_text(
                f"● {count} not yet exported" if count else "Nothing to save"
            )
        # This colour is legible in the dark and the light theme.
        self.state.emphasize("#c27000" if count else None)
        self.state.tooltip = f"Every verdict is already recorded in {session.store}"
