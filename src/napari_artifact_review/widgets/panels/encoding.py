"""The panel that offers UTF-8 for the reviewed table."""

from __future__ import annotations

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.errors import EncodingError
from napari_artifact_review.widgets.panels.banner import alarm
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import html_text, tooltip_text


class EncodingPanel(Container[Widget]):
    """A panel that offers UTF-8 when the encoding of the output lacks a character.

    Attributes
    ----------
    utf8_requested : Signal
        Emitted to write the reviewed table as UTF-8, now and at later saves.
    """

    utf8_requested = Signal()

    def __init__(self) -> None:
        self.text = alarm()
        self.save_as_utf8 = PushButton(
            text="Save as UTF-8",
            tooltip="Write the output in UTF-8, now and at later saves",
        )
        super().__init__(widgets=[self.text, self.save_as_utf8], labels=False)
        self.margins = (0, 0, 0, 0)
        self.save_as_utf8.changed.connect(lambda: self.utf8_requested.emit())
        self.hide()

    def show_error(self, error: EncodingError) -> None:
        """Show the panel with the character that is missing in the encoding."""
        name = "The output" if error.path is None else error.path.name
        what = breakable(html_text(f"{name}: {error.what}"))
        self.text.value = f"<b>Not saved.</b> {what}. Nothing was overwritten."
        self.text.tooltip = tooltip_text(str(error))
        self.show()
