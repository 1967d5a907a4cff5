"""The switch that hides predictions until the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.review.queue_summary import revealing_parts
from napari_artifact_review.widgets.parts.line import Line

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class HidingPanel(Container[Widget]):
    """The switch, and a line with what the queue tells about hidden predictions.

    Attributes
    ----------
    hiding_requested : Signal
        Emitted with True to hide predictions until the verdict, otherwise False.
    """

    hiding_requested = Signal(bool)

    def __init__(self) -> None:
        self.switch = CheckBox(
            text="Hide predictions until the verdict",
            tooltip="Show no prediction, label, earlier verdict or column of your own "
            "of a cutout before its verdict",
        )
        self.revealing = Line()
        super().__init__(widgets=[self.switch, self.revealing], labels=False)
        self.margins = (0, 0, 0, 0)
        self.revealing.hide()
        self.switch.changed.connect(lambda on: self.hiding_requested.emit(on))

    def show_hiding(self, session: ReviewSession) -> None:
        """Show whether predictions are hidden, and what the queue tells about them."""
        with self.switch.changed.blocked():
            self.switch.value = session.hide_predictions
        parts: list[str] = []
        if session.hide_predictions and not session.shows_similar:
            parts = revealing_parts(session.review_queue.rule)
        self.revealing.visible = bool(parts)
        self.revealing.show_text(
            f"The queue tells something about them by {', '.join(parts)}"
        )
