"""The switch that hides predictions until the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container, Label
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.review.queue_summary import revealing_parts
from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.number_field import NumberField
from napari_artifact_review.widgets.parts.row import row_of

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class HidingPanel(Container[Widget]):
    """The switch, and a line with what the queue tells about hidden predictions.

    Attributes
    ----------
    hiding_requested : Signal
        Emitted with True to hide predictions until the verdict, otherwise False.
    share_requested : Signal
        Emitted with the share of the cutouts to hide.
    said : Signal
        Emitted with a message for the reviewer.
    left : Signal
        Emitted when the field releases the keyboard.
    """

    hiding_requested = Signal(bool)
    share_requested = Signal(float)
    said = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        self.switch = CheckBox(
            text="Hide predictions until the verdict",
            tooltip="Show no prediction, label, earlier verdict or column of your own "
            "of a cutout before its verdict",
        )
        self.share = NumberField(
            "Percentage of the cutouts to hide, drawn at random. With less than 100, "
            "the results compare how often you agree with the model.",
            _fault,
        )
        self.revealing = Line()
        self.percent = Label(value="%")
        fit_width(self.share.native, "0" * 5)
        row = row_of(self.switch, self.share, self.percent)
        super().__init__(widgets=[row, self.revealing], labels=False)
        self.margins = (0, 0, 0, 0)
        self.revealing.hide()
        self.switch.changed.connect(lambda on: self.hiding_requested.emit(on))
        self.share.entered.connect(
            lambda value: self.share_requested.emit((value or 100) / 100)
        )
        self.share.refused.connect(lambda text: self.said.emit(text))
        self.share.left.connect(lambda: self.left.emit())

    def show_hiding(self, session: ReviewSession) -> None:
        """Show whether predictions are hidden, and what the queue tells about them."""
        with self.switch.changed.blocked():
            self.switch.value = session.hide_predictions
        for widget in (self.share, self.percent):
            widget.native.setVisible(session.hide_predictions)
        self.share.show_number(100 * session.hidden_share)
        parts: list[str] = []
        if session.hide_predictions and not session.shows_similar:
            parts = revealing_parts(session.review_queue.rule)
        self.revealing.visible = bool(parts)
        self.revealing.show_text(
            f"The queue tells something about them by {', '.join(parts)}"
        )


def _fault(value: float | None) -> str:
    if value is None or 0 < value <= 100:
        return ""
    return f"A percentage is above 0 and at most 100, not {value:g}. Nothing changed."
