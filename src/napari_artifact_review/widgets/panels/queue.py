"""The panel for the filters and the order of the queue."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Container, PushButton, SpinBox
from magicgui.widgets.bases import Widget
from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_artifact_review.core.outcomes import (
    ERRORS,
    OUTCOME_DISPLAY_ORDER,
    OUTCOMES,
)
from napari_artifact_review.viewer.status import describe_reason
from napari_artifact_review.widgets.panels.budget import BudgetPanel
from napari_artifact_review.widgets.panels.conditions import ConditionsPanel
from napari_artifact_review.widgets.panels.hiding import HidingPanel
from napari_artifact_review.widgets.panels.threshold import ThresholdPanel
from napari_artifact_review.widgets.parts.font import fit_width, keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.wrapped_text import WrappedText

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

_STATES = {
    "all": "All",
    "unreviewed": "Unreviewed",
    "reviewed": "Reviewed",
    "changed": "Changed",
    "unsure": "Unsure",
}

#: States that a review has if it has verdicts of a previous round.
_ROUND_STATES = {
    "next round": "New errors and contradicted",
    "new errors": "New errors",
    "contradicted": "Contradicted",
    "settled": "Settled",
}

_ORDERS = {
    "image": "By image",
    "table": "Table order",
    "learned": "Learned from your verdicts",
    "mislabelled": "Most likely mislabelled first",
    "confident": "Most confident first",
    "uncertain": "Least confident first",
    "random": "Shuffled",
}

_ANY_KIND = "All kinds"

#: Outcomes of hidden errors, whose label and prediction may be wrong together.
_AGREEMENTS = tuple(name for name in OUTCOMES if name not in ERRORS)


class QueuePanel(Container[Widget]):
    """The panel to view and change the filters and the order of the queue.

    Attributes
    ----------
    queue_requested : Signal
        Emitted with the arguments of `ReviewSession.set_queue`.
    """

    queue_requested = Signal(dict)

    def __init__(self) -> None:
        self.outcomes = {
            name: CheckBox(text=name, value=name in ERRORS)
            for name in OUTCOME_DISPLAY_ORDER
        }
        self.agreements = PushButton(text="Hidden errors")
        self.state = _choice(_STATES, "Review status")
        self.this_image = CheckBox(
            text="This image", tooltip="Keep only the cutouts of the current image"
        )
        # Use Qt's signal, because magicgui emits none for a choice without a value.
        self.kind = ComboBox(
            choices=[(_ANY_KIND, None)], tooltip="Filter by kind of artifact"
        )
        self.order = _choice(_ORDERS, "Sort by")
        self.seed = SpinBox(min=0, max=2**31 - 1, tooltip="Seed of the shuffled order")
        self.learning, self.reason = Line(), WrappedText()
        self.budget = BudgetPanel()
        self.hiding = HidingPanel()
        self.threshold = ThresholdPanel()
        super().__init__(
            widgets=[
                row_of(*self.outcomes.values(), self.agreements),
                row_of(self.state, self.this_image),
                self.kind,
                row_of(self.order, self.seed),
                self.learning,
                self.budget,
                self.hiding,
                self.threshold,
            ],
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        self.native.layout().insertWidget(5, self.reason)
        self._insert_conditions()
        self._fix_widths()
        for hidden in (self.seed, self.learning, self.reason):
            hidden.hide()
        self._connect_fields()
        self._images: tuple[str, ...] | None = None
        self._current_image = ""
        # The state of the current queue.
        self._state = "all"

    def _connect_fields(self) -> None:
        choices = (self.state, self.this_image, self.order, self.seed)
        self._fields: list[Any] = [*self.outcomes.values(), *choices]
        for widget in self._fields:
            widget.changed.connect(self._request)
        self.kind.native.activated.connect(self._request)
        self.agreements.changed.connect(self._request_agreements)

    def _insert_conditions(self) -> None:
        """Insert the conditions between the filters and the order."""
        self.conditions = ConditionsPanel()
        self.conditions.changed.connect(self._request)
        self.native.layout().insertWidget(3, self.conditions)

    def _fix_widths(self) -> None:
        fit_width(self.seed.native, "0" * 10)
        keep_compact(self.agreements.native)
        # The list beside the check box takes the remaining space.
        self.this_image.native.setSizePolicy(
            QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed
        )
        for combo in (self.state, self.kind, self.order):
            # Long texts must not widen the dock.
            combo.native.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            combo.native.setMinimumContentsLength(8)

    def show_session(self, session: ReviewSession) -> None:
        """Show the queue, the threshold and the columns of a session."""
        self.threshold.show_session(session)
        self.conditions.show_columns(session.own_columns)
        self.show_queue(session)

    def show_queue(self, session: ReviewSession) -> None:
        """Show the filters and the order of the current queue."""
        rule = session.review_queue.rule
        self.note_image(session)
        self._images = rule.images
        kinds = sorted({*session.kinds, *session.catalog.shown_kinds.values()})
        states = dict(_STATES)
        if session.catalog.labels.carried_decisions or rule.state in _ROUND_STATES:
            states |= _ROUND_STATES
        listed: list[tuple[str, Any]] = [(kind, (kind,)) for kind in kinds]
        if rule.kinds is not None and len(rule.kinds) != 1:
            listed.append((", ".join(rule.kinds) or "No kind", rule.kinds))
        with ExitStack() as stack:
            for widget in self._fields:
                stack.enter_context(widget.changed.blocked())
            for name, box in self.outcomes.items():
                box.value = name in rule.outcomes
            self.kind.choices = [(_ANY_KIND, None), *listed]
            self.kind.native.setCurrentText(
                next((t for t, kinds in listed if kinds == rule.kinds), _ANY_KIND)
            )
            self.state.choices = [(text, name) for name, text in states.items()]
            self.state.value, self.order.value = rule.state, rule.order
            self._state = rule.state
            self.seed.value = rule.seed
            self.this_image.value = rule.images is not None
        self.conditions.show_conditions(rule.columns)
        self.seed.visible = rule.order == "random"
        self._show_agreements()
        self.show_learning(session)
        self.budget.show_budget(session)
        self.hiding.show_hiding(session)
        self.threshold.show_threshold(session)

    def show_learning(self, session: ReviewSession) -> None:
        """Show what the learned order is based on, if the queue has this order."""
        is_learned = session.review_queue.rule.order == "learned"
        self.learning.native.setVisible(is_learned)
        self.reason.setVisible(is_learned)
        if is_learned:
            self.learning.show_text(session.learned_queue.text)
            self.reason.show_text(describe_reason(session))

    def _show_agreements(self) -> None:
        """Show what the button for hidden errors does."""
        chosen = {name for name, box in self.outcomes.items() if box.value}
        self._is_at_agreements = chosen == {*_AGREEMENTS}
        text, tooltip = (
            ("Errors", "Show the errors (FP and FN) again")
            if self._is_at_agreements
            else (
                "Hidden errors",
                "Show the agreements (TP and TN), first those that your verdicts say "
                "are mislabelled",
            )
        )
        if self.agreements.text != text:
            self.agreements.text = text
        self.agreements.tooltip = tooltip

    def note_image(self, session: ReviewSession) -> None:
        """Store the current image for the filter "This image"."""
        self._current_image = session.cutout_index.image_of(session.current_cutout.row)

    def _request_agreements(self) -> None:
        """Request the agreements in the learned order, or the errors again."""
        outcomes = [*ERRORS] if self._is_at_agreements else [*_AGREEMENTS]
        self.queue_requested.emit({"outcomes": outcomes, "order": "learned"})

    def _request(self) -> None:
        images = None
        if self.this_image.value:
            images = self._images or (self._current_image,)
        outcomes = [n for n, box in self.outcomes.items() if box.value]
        # A contradicted verdict may be on a cutout with any outcome.
        crosses = (self.state.value in _ROUND_STATES) != (self._state in _ROUND_STATES)
        self.queue_requested.emit(
            {
                "outcomes": None if crosses else outcomes,
                "state": self.state.value,
                "images": images,
                "kinds": self.kind.native.currentData(),
                "order": self.order.value,
                "seed": self.seed.value,
                "columns": self.conditions.conditions,
            }
        )


def _choice(names: dict[str, str], tooltip: str) -> ComboBox:
    choices: list[Any] = [(text, name) for name, text in names.items()]
    return ComboBox(choices=choices, tooltip=tooltip)
