"""The panel of the verdict: label, unsure, kind, note and reviewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import (
    ComboBox,
    Container,
    LineEdit,
    PushButton,
    RadioButtons,
)
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QButtonGroup, QLineEdit, QShortcut

from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.viewer.input.key_choice import KeyChoice
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.decisions.log import LabelState
    from napari_artifact_review.core.review.session import ReviewSession

_BUTTON = """
    border: 2px solid rgba(128, 128, 128, 120); border-radius: 4px;
    padding: 8px 2px; font-weight: bold;
"""
_STYLE = f"""
QGroupBox {{ border: 0; margin: 0; padding: 0 }}
QRadioButton {{ {_BUTTON} }}
QRadioButton::indicator {{ width: 12px; height: 12px; border-radius: 6px }}
QRadioButton::indicator:checked {{ width: 6px; height: 6px; padding: 3px }}
QRadioButton:checked {{ border-color: #ffd60a }}
QGroupBox[reviewed="true"] QRadioButton:checked {{
    background: #ffd60a; color: black;
}}
"""
_UNSURE = f"QPushButton {{ {_BUTTON} }}"
_IS_UNSURE = f"QPushButton {{ {_BUTTON} background: #ffd60a; color: black }}"

#: The item for no kind in the list of kinds.
_NO_KIND = "No kind"


class VerdictPanel(Container[Widget]):
    """The panel to view and change the verdict on the current cutout.

    Attributes
    ----------
    label_requested : Signal
        Emitted with "artifact" or "no artifact" when the toggle changes.
    verdict_requested : Signal
        Emitted with a clicked verdict, even if it confirms the label.
    kind_requested : Signal
        Emitted with the chosen kind of artifact, or an empty text for no kind.
    note_requested : Signal
        Emitted with the key of a cutout, and the text of its note.
    left : Signal
        Emitted when the note field no longer needs the keyboard focus.
    examples_requested : Signal
        Emitted to show or hide examples of each kind.
    """

    label_requested = Signal(str)
    verdict_requested = Signal(str)
    kind_requested = Signal(str)
    note_requested = Signal(object, str)
    left = Signal()
    examples_requested = Signal()

    def __init__(self) -> None:
        self.label_new = RadioButtons(
            choices=["artifact", "no artifact"], orientation="horizontal"
        )
        self.unsure = PushButton(text="unsure")
        self.kind = ComboBox(choices=[_NO_KIND])
        self.examples = PushButton(text="Examples...")
        self.note = LineEdit()
        field: QLineEdit = self.note.native
        field.setPlaceholderText("Note")
        self.history = Line()
        rows = [
            _row(self.label_new, self.unsure),
            _row(self.kind, self.examples, self.note),
            self.history,
        ]
        super().__init__(widgets=rows, labels=False)
        self.margins = (0, 0, 0, 0)
        self.label_new.native.setStyleSheet(_STYLE)
        self.label_new.native.layout().setContentsMargins(0, 4, 0, 4)
        self.kind.native.setMinimumContentsLength(8)
        self._group = self.label_new.native.findChild(QButtonGroup)
        self._is_unsure = False
        self._recording = 0
        self._cutout: Cutout | None = None
        # The cutout's full note, and its text in the field.
        self._note = self._shown_note = ""
        self._keys = KeyChoice()
        self.unsure.native.setStyleSheet(_UNSURE)
        self.unsure.native.setFixedWidth(76)
        self.label_new.changed.connect(lambda label: self.label_requested.emit(label))
        # A click on the checked button confirms the label.
        self._group.buttonClicked.connect(
            lambda button: self.verdict_requested.emit(button.text())
        )
        self.unsure.changed.connect(lambda: self.verdict_requested.emit("unsure"))
        self.kind.changed.connect(self._request_kind)
        field.editingFinished.connect(self._request_note)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), field)
        self._escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._escape.activated.connect(self._discard_note)
        self.examples.changed.connect(lambda: self.examples_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips, and in `history` when it changes."""
        self._keys = keys
        both = (keys[name].hint for name in ("artifact", "no_artifact"))
        self.label_new.tooltip = "\n".join(both)
        self.unsure.tooltip = keys["unsure"].hint
        self.kind.tooltip = keys["kind"].hint
        self.examples.tooltip = keys["examples"].hint
        self.note.tooltip = keys["note"].hint

    def show_session(self, session: ReviewSession) -> None:
        """Offer the kinds of artifact of another session, and clear the note."""
        self._cutout = None
        self._set_note("")
        self._offer([*session.kinds])

    def show_cutout(
        self, cutout: Cutout, given: LabelState, draft: str | None = None
    ) -> None:
        """Show the verdict on a cutout. A filled button marks a reviewed cutout.

        Parameters
        ----------
        cutout : Cutout
            The cutout with its recorded label.
        given : LabelState
            The state after all pending commands; its kind and note are shown.
        draft : str, optional
            A draft of a note, shown in place of the note of `given`.
        """
        if self._cutout is not None and self._cutout.row != cutout.row:
            # Store an unfinished note when another cutout becomes current.
            self._request_note()
        is_unsure = cutout.decision == "unsure"
        with self.label_new.changed.blocked():
            self.label_new.value = LABEL_NAMES[cutout.label_new]
        native, sure = self.label_new.native, cutout.reviewed and not is_unsure
        if native.property("reviewed") != sure:
            native.setProperty("reviewed", sure)
            # Qt evaluates a property in a style sheet only when the sheet is set.
            native.setStyleSheet(_STYLE)
        if is_unsure != self._is_unsure:
            self._is_unsure = is_unsure
            self.unsure.native.setStyleSheet(_IS_UNSURE if is_unsure else _UNSURE)
        self._show_kind(given.kind)
        self._show_note(cutout, given.note if draft is None else draft)
        self._show_history()

    def show_recording(self, count: int) -> None:
        """Show the number of verdicts that are not recorded yet."""
        self._recording = count
        self._show_history()

    def _show_history(self) -> None:
        """Show reviewer and time of the verdict, or the number of pending verdicts."""
        cutout, count = self._cutout, self._recording
        if count:
            what = "1 verdict" if count == 1 else f"{count} verdicts"
            self.history.show_text(f"Recording {what}...")
        elif cutout is not None:
            self.history.show_text(_history(cutout, self._keys))
            if cutout.reviewed_at:
                self.history.tooltip = f"{self.history.value} UTC"

    def kind_and_note(self) -> tuple[str, str]:
        """Return the kind of artifact and the note in the fields."""
        kind = str(self.kind.value)
        return ("" if kind == _NO_KIND else kind), self._written_note()

    def _offer(self, kinds: Sequence[str]) -> None:
        with self.kind.changed.blocked():
            self.kind.choices = [_NO_KIND, *kinds]

    def _show_kind(self, kind: str) -> None:
        kind = kind or _NO_KIND
        if self.kind.value == kind:
            return
        if kind not in self.kind.choices:
            # The team's list does not contain this kind, or no longer contains it.
            self._offer([*map(str, self.kind.choices[1:]), kind])
        with self.kind.changed.blocked():
            self.kind.value = kind

    def _show_note(self, cutout: Cutout, note: str) -> None:
        same = self._cutout is not None and self._cutout.row == cutout.row
        is_edited = same and self._is_edited()
        self._cutout = cutout
        # Do not overwrite an unfinished note.
        if not is_edited:
            self._set_note(note)
        elif self.note.value.strip() == note:
            self._note, self._shown_note = note, self.note.value

    def _set_note(self, note: str) -> None:
        if note != self._note or self._is_edited():
            self._note = self.note.value = note
        # The field shows only part of a note that is long or has several lines.
        self._shown_note = self.note.value

    def _is_edited(self) -> bool:
        return bool(self.note.value != self._shown_note)

    def _written_note(self) -> str:
        """Return the full note, including parts that the field does not show."""
        return str(self.note.value).strip() if self._is_edited() else self._note

    def _request_note(self) -> None:
        if self._cutout is not None and self._is_edited():
            self._note = self._written_note()
            self._shown_note = self.note.value
            self.note_requested.emit(self._cutout.key, self._note)
        self.left.emit()

    def _discard_note(self) -> None:
        """Discard the unfinished changes of the note."""
        self.note.value = self._shown_note
        self.left.emit()

    def _request_kind(self, kind: str) -> None:
        self.kind_requested.emit("" if kind == _NO_KIND else kind)


def _row(*widgets: Widget) -> Container[Widget]:
    row = row_of(*widgets)
    row.native.layout().setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return row


def _history(cutout: Cutout, keys: KeyChoice) -> str:
    if not cutout.reviewed:
        labels = (keys[name].label for name in ("artifact", "no_artifact", "unsure"))
        return "Not reviewed: {} artifact, {} no artifact, {} unsure".format(*labels)
    what = "Changed" if cutout.changed else "Confirmed"
    if cutout.decision == "unsure":
        what = "Marked unsure"
    when = cutout.reviewed_at.replace("T", " ")[:16]
    return f"{what} by {cutout.reviewed_by}, {when}" if when else f"{what} earlier"
