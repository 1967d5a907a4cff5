"""The question for the name of the reviewer, in the form."""

from __future__ import annotations

from collections.abc import Sequence

from magicgui.widgets import Container, Label, LineEdit, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCompleter, QLabel, QLineEdit, QPushButton, QSizePolicy

from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import counted, printable
from napari_artifact_review.widgets.parts.font import fit_height, set_bold
from napari_artifact_review.widgets.parts.message import breakable
from napari_artifact_review.widgets.parts.plain_text import (
    button_text,
    show_as_plain,
    tooltip_text,
)
from napari_artifact_review.widgets.parts.row import row_of

#: Maximum number of names with a button. The field completes all names.
_MOST = 8


class ReviewerQuestion(Container[Widget]):
    """The question for the name of the reviewer; hidden until a review needs it.

    Attributes
    ----------
    answered : Signal
        Emitted with the name, which is valid.
    cancelled : Signal
        Emitted if the user does not want to open the review.
    field : LineEdit
        The field for the name. Enter takes the name in it.
    buttons : list of PushButton
        A button for each name in the log.
    is_asking : bool
        Whether the question waits for an answer.
    """

    answered = Signal(str)
    cancelled = Signal()

    def __init__(self) -> None:
        self.is_asking = False
        self._names: Sequence[str] = ()
        self.title = Label(value="Name of the reviewer?")
        self.text, self.error = Label(), Label()
        self.buttons = [PushButton(text="") for _ in range(_MOST)]
        self.field = LineEdit(tooltip="Name written with each verdict")
        self.accept = PushButton(text="Continue", tooltip="Review under this name")
        self.cancel = PushButton(text="Cancel", tooltip="Do not open this review")
        super().__init__(
            widgets=[
                self.title,
                self.text,
                *self.buttons,
                self.field,
                self.error,
                row_of(self.accept, self.cancel),
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self._style()
        for line, button in enumerate(self.buttons):
            button.changed.connect(lambda _, line=line: self._answer(self._names[line]))
        self.accept.changed.connect(lambda: self._answer(self.field.value))
        self.cancel.changed.connect(lambda: self.cancelled.emit())
        native: QLineEdit = self.field.native
        native.returnPressed.connect(lambda: self._answer(self.field.value))
        self.hide()

    def _style(self) -> None:
        set_bold(self.title.native)
        for label in (self.text, self.error):
            native: QLabel = label.native
            show_as_plain(native)
            native.setWordWrap(True)
            native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        for button in self.buttons:
            flat: QPushButton = button.native
            flat.setStyleSheet("text-align: left; padding: 4px")
            flat.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        # Enter presses a button while it has the focus.
        for button in (*self.buttons, self.accept, self.cancel):
            button.native.setAutoDefault(True)
        fit_height(self.field.native)

    def ask(self, names: Sequence[str], proposed: str) -> None:
        """Show the question.

        Parameters
        ----------
        names : sequence of str
            Names of the reviewers in the log, to choose from.
        proposed : str
            Name in the field, which Enter takes.
        """
        self.is_asking, self._names = True, names
        self.text.value = (
            f"This review has verdicts of {counted(len(names), 'reviewer')}. Choose "
            "your name, or type it and press Enter."
        )
        self._show_error("")
        for line, button in enumerate(self.buttons):
            if line < len(names):
                button.text = button_text(names[line])
                button.tooltip = tooltip_text(f"Review as {names[line]}")
        self.show()
        for line, button in enumerate(self.buttons):
            button.visible = line < len(names)
        offer_names(self.field.native, names)
        self.field.value = proposed
        self.field.native.setFocus()
        self.field.native.selectAll()

    def close(self) -> None:
        """Hide the question, which no longer waits for an answer."""
        self.is_asking = False
        self.hide()

    def _answer(self, name: str) -> None:
        """Emit a name, or show why it is not valid."""
        try:
            valid = check_reviewer(name)
        except ReviewError as error:
            self._show_error(str(error))
            return
        self.close()
        self.answered.emit(valid)

    def _show_error(self, text: str) -> None:
        self.error.value = breakable(printable(text))
        self.error.visible = bool(text)


def offer_names(field: QLineEdit, names: Sequence[str]) -> None:
    """Complete what is typed in a text field to one of several names."""
    completer = QCompleter([*names], field)
    completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    completer.setFilterMode(Qt.MatchFlag.MatchContains)
    field.setCompleter(completer)
