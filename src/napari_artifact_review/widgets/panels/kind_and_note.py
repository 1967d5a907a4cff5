"""The panel for the kind of artifact and the note."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, Container, LineEdit, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QLineEdit, QShortcut

from napari_artifact_review.widgets.parts.font import fit_height
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_artifact_review.core.cutout import Cutout
    from napari_artifact_review.core.decisions.decision import LabelState
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice

#: The item in the list of kinds that means no kind.
_NO_KIND = "No kind"


class KindAndNotePanel(Container[Widget]):
    """The panel to view and change the kind of artifact and the note.

    Attributes
    ----------
    kind_requested : Signal
        Emitted with the chosen kind of artifact, or an empty string for no kind.
    note_requested : Signal
        Emitted with the key of a cutout, the note about this cutout, and whether the
        note belongs to an adjudication.
    left : Signal
        Emitted when the note field releases the keyboard.
    examples_requested : Signal
        Emitted to show or hide examples of each kind.
    """

    kind_requested = Signal(str)
    note_requested = Signal(object, str, bool)
    left = Signal()
    examples_requested = Signal()

    def __init__(self) -> None:
        self.kind = ComboBox(choices=[_NO_KIND])
        self.examples = PushButton(text="Examples...")
        self.note = LineEdit()
        field: QLineEdit = self.note.native
        field.setPlaceholderText("Note")
        fit_height(field)
        super().__init__(
            widgets=[row_of(self.kind, self.examples), self.note], labels=False
        )
        self.margins = (0, 0, 0, 0)
        self.kind.native.setMinimumContentsLength(8)
        self._cutout: Cutout | None = None
        self._is_adjudication = False
        # The full note of the cutout, and the part that the field shows.
        self._note = self._shown_note = ""
        self.kind.changed.connect(self._request_kind)
        field.editingFinished.connect(self._end_note)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), field)
        self._escape.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._escape.activated.connect(self._discard_note)
        self.examples.changed.connect(lambda: self.examples_requested.emit())

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.kind.tooltip = keys["kind"].hint
        self.examples.tooltip = keys["examples"].hint
        self.note.tooltip = keys["note"].hint

    def show_session(self, session: ReviewSession) -> None:
        """Offer the kinds of artifact of a session, and clear the note."""
        self._cutout = None
        self._set_note("")
        self._offer([*session.kinds])

    def show_cutout(
        self,
        cutout: Cutout,
        given: LabelState,
        draft: str | None = None,
        *,
        is_adjudication: bool = False,
    ) -> None:
        """Show the kind and the note of a cutout.

        Parameters
        ----------
        cutout : Cutout
            The cutout.
        given : LabelState
            The last verdict on the cutout, recorded or pending.
        draft : str, optional
            A note that does not belong to a verdict yet.
        is_adjudication : bool
            Whether the verdict is an adjudication.
        """
        is_same = self._cutout is not None and self._cutout.row == cutout.row
        if not is_same or self._is_adjudication != is_adjudication:
            # Store an unfinished note when another verdict becomes current.
            self._request_note()
            self._cutout, self._is_adjudication = None, is_adjudication
        self._show_kind(given.kind)
        self._show_note(cutout, given.note if draft is None else draft)

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
        is_edited = self._cutout is not None and self._is_edited()
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
            key, note = self._cutout.key, self._note
            self.note_requested.emit(key, note, self._is_adjudication)

    def _end_note(self) -> None:
        self._request_note()
        self.left.emit()

    def _discard_note(self) -> None:
        """Discard the changes in the note field."""
        self.note.value = self._shown_note
        self.left.emit()

    def _request_kind(self, kind: str) -> None:
        self.kind_requested.emit("" if kind == _NO_KIND else kind)
