"""The part of the results that says how many wrong labels are left, with audits."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.learning.remaining import sentence
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.wrapped_text import WrappedText

if TYPE_CHECKING:
    from napari_artifact_review.core.learning.remaining import Remaining


class LeftLabels(NamedTuple):
    """How many wrong labels are left, at one moment.

    Attributes
    ----------
    remaining : Remaining
        How many wrong labels are left.
    to_confirm : int
        Number of finds of the last audit that this reviewer may confirm.
    """

    remaining: Remaining
    to_confirm: int


class AuditPanel(Container[Widget]):
    """A sentence on the wrong labels that are left, and buttons for audits.

    Attributes
    ----------
    audit_requested : Signal
        Emitted to begin an audit, to continue the last one, or to go back from it.
    confirm_requested : Signal
        Emitted to look at the finds of the last audit again.
    """

    audit_requested = Signal()
    confirm_requested = Signal()

    def __init__(self) -> None:
        self.sentence = WrappedText()
        self.audit = PushButton(text="Audit...")
        self.confirm = PushButton(
            text="Confirm finds",
            tooltip="Look again at the labels that the audit changed, mixed with as "
            "many that it kept",
        )
        self._to_confirm = 0
        self._is_in_queue = False
        super().__init__(widgets=[row_of(self.audit, self.confirm)], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(0, self.sentence)
        for button in (self.audit, self.confirm):
            keep_compact(button.native)
        self.audit.changed.connect(lambda: self.audit_requested.emit())
        self.confirm.changed.connect(lambda: self.confirm_requested.emit())
        self.show_left(None)

    def show_left(self, left: LeftLabels | None) -> None:
        """Show what is left; None shows that it is not known yet."""
        self.sentence.show_text("…" if left is None else sentence(left.remaining))
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

    def _show_confirm(self) -> None:
        text = f"Confirm finds ({self._to_confirm:,})"
        if self.confirm.text != text:
            self.confirm.text = text
        # A new visibility causes a layout, so that it is set only if it changes.
        visible = bool(self._to_confirm) and not self._is_in_queue
        if self.confirm.native.isHidden() == visible:
            self.confirm.visible = visible
