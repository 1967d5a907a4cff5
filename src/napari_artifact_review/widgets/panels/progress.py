"""The panel to go through the queue, with the progress of the review."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container, ProgressBar, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QSizePolicy

from napari_artifact_review.widgets.parts.font import fit_to_font
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.queue import Queue
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.viewer.input.key_choice import KeyChoice
    from napari_artifact_review.viewer.preferences import AdvanceTo


class ProgressPanel(Container[Widget]):
    """The panel with buttons to go through the queue, and the progress of the review.

    Attributes
    ----------
    next_requested, previous_requested : Signal
        Emitted to go to the next or the previous cutout of the queue.
    auto_advance_requested : Signal
        Emitted with True to go to another cutout after each verdict, otherwise False.
    """

    next_requested = Signal()
    previous_requested = Signal()
    auto_advance_requested = Signal(bool)

    def __init__(self) -> None:
        self.previous = PushButton(text="◀  Previous")
        self.next = PushButton(text="Next  ▶")
        self.progress = ProgressBar(min=0, max=1)
        self.position = Line()
        self.auto_advance = CheckBox(text="Auto-advance", value=True)
        # The text beside the check box takes the remaining space.
        self.auto_advance.native.setSizePolicy(
            QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed
        )
        super().__init__(
            widgets=[
                row_of(self.previous, self.next),
                self.progress,
                row_of(self.position, self.auto_advance),
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        bar = self.progress.native
        # napari's style gives every bar the same height.
        fit_to_font(bar, lambda: bar.setFixedHeight(bar.fontMetrics().height() + 4))
        self.next.changed.connect(lambda: self.next_requested.emit())
        self.previous.changed.connect(lambda: self.previous_requested.emit())
        self.auto_advance.changed.connect(
            lambda on: self.auto_advance_requested.emit(on)
        )

    def show_keys(self, keys: KeyChoice) -> None:
        """Show the current keys in the tooltips."""
        self.previous.tooltip = keys["previous"].hint
        self.next.tooltip = keys["next"].hint

    def show_advance(self, to: AdvanceTo) -> None:
        """Show in the tooltip which cutout follows a verdict."""
        kind = "unreviewed cutout" if to == "next unreviewed" else "cutout in queue"
        self.auto_advance.tooltip = f"Move to the next {kind} after each verdict"

    def show_session(self, session: ReviewSession) -> None:
        """Show the auto-advance setting and the progress of a session."""
        with self.auto_advance.changed.blocked():
            self.auto_advance.value = session.view_settings.get("auto_advance", True)
        self.show_progress(session)

    def show_progress(self, session: ReviewSession) -> None:
        """Show the position in the queue, and the number of reviewed cutouts.

        While disputed cutouts are adjudicated, show the number of settled ones.
        """
        queue = session.review_queue
        position = queue.position_of(session.current_cutout.row)
        if session.is_adjudicating:
            left, total = session.still_disputed, len(queue)
            done, what = total - left, "settled"
            where = f"{position:,} of {total:,}" if position else "Not in queue"
            text = f"{where}, {left:,} disputed"
        else:
            (done, total), what = session.progress, "reviewed"
            text = _position_text(position, queue)
        if self.progress.max != max(total, 1):
            self.progress.max = max(total, 1)
        self.progress.value = done
        self.progress.native.setFormat(f"{done:,} of {total:,} {what}")
        self.position.show_text(text)


def _position_text(position: int | None, queue: Queue) -> str:
    if not len(queue):
        return "The queue is empty"
    text = f"{position:,} of {len(queue):,}" if position else "Not in queue"
    if queue.rule.state in ("unreviewed", "new errors"):
        return f"{text} unreviewed" if position else f"{text}, {queue.left:,} left"
    if not queue.left and (others := queue.errors_elsewhere):
        return f"{text}, {others:,} errors elsewhere"
    return f"{text}, {queue.left:,} unreviewed"
