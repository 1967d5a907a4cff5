"""The panel to save, to report and to open a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.viewer.style import ATTENTION_COLOR
from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.plain_text import tooltip_text
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class SavePanel(Container[Widget]):
    """The buttons to save, to report and to open, and the number of exported verdicts.

    A verdict is *stored* when it is in the log on this disk. A verdict is *exported*
    when it is in the reviewed table.

    Attributes
    ----------
    save_requested : Signal
        Emitted to write the reviewed table.
    report_requested : Signal
        Emitted to write the report.
    open_requested : Signal
        Emitted to show the form that opens a review.
    """

    save_requested = Signal()
    report_requested = Signal()
    open_requested = Signal()

    def __init__(self) -> None:
        self.save = PushButton(text="Save")
        self.report = PushButton(
            text="Report...", tooltip="Write the results as a page for the browser"
        )
        self.open_another = PushButton(
            text="Open another...", tooltip="Choose another table to review"
        )
        self._keys = KeyChoice()
        self.state = Line()
        self.help = PushButton(text="?")
        fit_width(self.help.native, "0000")
        buttons = row_of(self.save, self.report, self.open_another, self.help)
        super().__init__(widgets=[buttons, self.state], labels=False)
        self.margins = (0, 0, 0, 0)
        # Do not pass the button's value, which a slot could take as its argument.
        self.save.changed.connect(lambda: self.save_requested.emit())
        self.report.changed.connect(lambda: self.report_requested.emit())
        self.open_another.changed.connect(lambda: self.open_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Store the current keys, which the next `show_state` shows in the tooltip."""
        self._keys = keys

    def show_state(self, session: ReviewSession, saving: bool = False) -> None:
        """Show how many verdicts are stored and exported, or that a save is running."""
        key = self._keys["save"]
        self.save.tooltip = tooltip_text(
            f"{key.title} to {session.output} ({key.label})"
        )
        self.state.show_text("Saving..." if saving else _state_text(session))
        # The colour is legible in the dark theme and in the light theme.
        self.state.emphasize(ATTENTION_COLOR if session.unsaved else None)
        self.state.tooltip = tooltip_text(
            f"Stored in {session.store}\nExported to {session.output}"
        )


def _state_text(session: ReviewSession) -> str:
    stored, missing = session.stored, session.unsaved
    if not stored and not missing:
        return "No verdicts yet"
    text = f"{stored:,} {'verdict' if stored == 1 else 'verdicts'} stored"
    return f"● {text}, {missing:,} not yet exported" if missing else f"{text}, exported"
