"""The part of the results that says how many wrong labels are left, with audits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.learning.anchoring import anchoring_text
from napari_artifact_review.core.learning.remaining import sentence, target_text
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.wrapped_text import WrappedText

if TYPE_CHECKING:
    from napari_artifact_review.core.learning.anchoring import Agreement
    from napari_artifact_review.core.learning.remaining import Remaining


class LeftLabels(NamedTuple):
    """How many wrong labels are left, at one moment.

    Attributes
    ----------
    remaining : Remaining
        How many wrong labels are left.
    to_confirm : int
        Number of finds of the last audit that this reviewer may confirm.
    anchoring : Agreement or None
        How often verdicts agree with the model if its word is shown, and if not.
    """

    remaining: Remaining
    to_confirm: int
    anchoring: Agreement | None = None


class AuditPanel(Container[Widget]):
    """Sentences on the wrong labels that are left, and buttons for more looks.

    Attributes
    ----------
    audit_requested : Signal
        Emitted to begin an audit, to continue the last one, or to go back from it.
    confirm_requested : Signal
        Emitted to look at the finds of the last audit again.
    second_looks_requested : Signal
        Emitted to look at the most surprising verdicts again, or to go back.
    """

    audit_requested = Signal()
    confirm_requested = Signal()
    second_looks_requested = Signal()

    def __init__(self) -> None:
        self.sentence, self.target, self.anchoring = (WrappedText() for _ in range(3))
        self.audit = PushButton(text="Audit...")
        self.confirm = PushButton(
            text="Confirm finds",
            tooltip="Look again at the labels that the audit changed, mixed with as "
            "many that it kept",
        )
        self.second_looks = PushButton(text="Second looks")
        self._to_confirm = 0
        self._is_in_queue = False
        # Three buttons side by side would be wider than the dock.
        below = row_of(self.confirm, self.second_looks)
        super().__init__(widgets=[self.audit, below], labels=False)
        self.margins = (0, 0, 0, 0)
        for at, text in enumerate((self.sentence, self.target, self.anchoring)):
            self.native.layout().insertWidget(at, text)
        for button in (self.audit, self.confirm, self.second_looks):
            keep_compact(button.native)
        self.audit.changed.connect(lambda: self.audit_requested.emit())
        self.confirm.changed.connect(lambda: self.confirm_requested.emit())
        self.second_looks.changed.connect(lambda: self.second_looks_requested.emit())
        self.show_left(None)

    def show_left(self, left: LeftLabels | None) -> None:
        """Show what is left; None shows that it is not known yet."""
        self.sentence.show_text("…" if left is None else sentence(left.remaining))
        _show_if_any(self.target, "" if left is None else target_text(left.remaining))
        word = None if left is None else left.anchoring
        _show_if_any(self.anchoring, "" if word is None else anchoring_text(word))
        self._to_confirm = 0 if left is None else left.to_confirm
        self._show_confirm()

    def show_audit(self, is_in_queue: bool, answered: int, size: int) -> None:
        """Show what the first button does.

        Parameters
        ----------
        is_in_queue : bool
            Whether the queue has cutouts of an audit.
        answered, size : int
            Number of answered cutouts of the last audit, and of all its cutouts.
        """
        text = "Audit..."
        tooltip = "Judge random cutouts, for an exact interval of what is left"
        if is_in_queue:
            text, tooltip = "Back from audit", "Return to the queue before the audit"
        elif answered < size:
            text = f"Continue audit ({answered:,} of {size:,})"
            tooltip = "Judge the cutouts of the audit that have no verdict yet"
        if self.audit.text != text:
            self.audit.text, self.audit.tooltip = text, tooltip
        self._is_in_queue = is_in_queue
        self._show_confirm()

    def show_second_looks(self, are_in_queue: bool) -> None:
        """Show what the button for second looks does."""
        text, tooltip = (
            ("Back from second looks", "Return to the queue before the second looks")
            if are_in_queue
            else (
                "Second looks",
                "Look again, blind, at those of your verdicts that surprise a model of "
                "all the others most",
            )
        )
        if self.second_looks.text != text:
            self.second_looks.text = text
        self.second_looks.tooltip = tooltip

    def _show_confirm(self) -> None:
        text = f"Confirm finds ({self._to_confirm:,})"
        if self.confirm.text != text:
            self.confirm.text = text
        # A new visibility causes a layout, so that it is set only if it changes.
        visible = bool(self._to_confirm) and not self._is_in_queue
        if self.confirm.native.isHidden() == visible:
            self.confirm.visible = visible


def _show_if_any(label: WrappedText, text: str) -> None:
    """Show a text, or hide its widget if the text is empty."""
    label.show_text(text)
    label.setVisible(bool(text))
