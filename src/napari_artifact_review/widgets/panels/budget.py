"""The field for the number of looks after which the reviewer stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.widgets.parts.font import fit_width
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.number_field import NumberField

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class BudgetPanel(Container[Widget]):
    """The field for the number of looks, and a line with those that are left.

    Attributes
    ----------
    budget_requested : Signal
        Emitted with a number of looks, or with None for no limit.
    said : Signal
        Emitted with a message for the reviewer.
    left : Signal
        Emitted when the field releases the keyboard.
    """

    budget_requested = Signal(object)
    said = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        self.field = NumberField(
            "Number of cutouts to look at, from now, before you stop; empty for no "
            "limit",
            _fault,
        )
        self.looks_left = Line()
        super().__init__(
            widgets=[self.field, self.looks_left], layout="horizontal", labels=False
        )
        self.margins = (0, 0, 0, 0)
        # With room for the margins of the field around its placeholder.
        fit_width(self.field.native, "Stop after … 00")
        self.field.entered.connect(
            lambda value: self.budget_requested.emit(value and int(value))
        )
        self.field.refused.connect(lambda text: self.said.emit(text))
        self.field.left.connect(lambda: self.left.emit())

    def show_budget(self, session: ReviewSession) -> None:
        """Show the number of looks, and how many are left."""
        budget, left = session.budget, session.looks_left
        self.field.show_number(None if budget is None else budget.looks, "Stop after …")
        text = "looks (no limit)"
        if left is not None:
            text = f"looks; {left:,} left" if left > 0 else "looks; all done"
        self.looks_left.show_text(text)


def _fault(value: float | None) -> str:
    if value is None or (value >= 1 and value == int(value)):
        return ""
    return f"Looks are a whole number from 1, not {value:g}. Nothing was changed."
