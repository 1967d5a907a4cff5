"""The panel of results: metrics before and after, and label changes by outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from magicgui.widgets import Container, PushButton
from magicgui.widgets.bases import Widget
from psygnal import Signal

from napari_artifact_review.core.outcomes import OUTCOME_DISPLAY_ORDER
from napari_artifact_review.report.texts import number_text, range_text
from napari_artifact_review.widgets.panels.audit import AuditPanel
from napari_artifact_review.widgets.panels.team import team_button
from napari_artifact_review.widgets.parts.font import keep_compact
from napari_artifact_review.widgets.parts.line import Line
from napari_artifact_review.widgets.parts.row import row_of
from napari_artifact_review.widgets.parts.text_table import TextTable

if TYPE_CHECKING:
    from napari_artifact_review.core.outcomes import Outcome
    from napari_artifact_review.core.scores.metrics import Flips, Numbers, When
    from napari_artifact_review.widgets.panels.audit import LeftLabels

#: Short titles of the metrics, in their order.
_NUMBERS = {
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "average_precision": "Avg. precision",
    "tp": "TP",
    "fp": "FP",
    "fn": "FN",
    "tn": "TN",
}


class Measured(NamedTuple):
    """The results of a review at one moment.

    Attributes
    ----------
    metrics : dict
        The metrics before and after the review, and their lowest and highest possible
        values.
    flips : dict
        Counts of changed labels for each outcome.
    open_count : int
        Number of undecided cutouts.
    left : LeftLabels
        How many wrong labels are left.
    """

    metrics: dict[When, Numbers]
    flips: dict[Outcome, Flips]
    open_count: int
    left: LeftLabels


class ResultsPanel(Container[Widget]):
    """The panel with the results of the review, and buttons for plots and comparison.

    Attributes
    ----------
    left : AuditPanel
        How many wrong labels are left, and the buttons for audits.
    plots_requested : Signal
        Emitted to show or hide the plots.
    compare_requested : Signal
        Emitted to show the window that compares two models.
    team_requested : Signal
        Emitted to show the window of the team.
    """

    plots_requested = Signal()
    compare_requested = Signal()
    team_requested = Signal()

    def __init__(self) -> None:
        self.numbers = TextTable(("", "Before", "After", "Possible range"), 8, bold=2)
        self.numbers.setToolTip(
            "Metrics by the labels before and after the review, and their possible "
            "range while some cutouts are undecided"
        )
        self.flips = TextTable(
            ("", "Cutouts", "Reviewed", "0 → 1", "1 → 0", "Unsure"), 4
        )
        self.flips.setToolTip("Number of cutouts by their outcome before the review")
        self.open_count = Line()
        self.plots = PushButton(
            text="Plots", tooltip="Show or hide the curves and the time per verdict"
        )
        self.compare = PushButton(
            text="Compare models...",
            tooltip="Compare the model of this review with an older or a newer model",
        )
        keep_compact(self.plots.native)
        keep_compact(self.compare.native)
        self.team = team_button()
        below = row_of(self.open_count, self.plots)
        windows = row_of(self.compare, self.team)
        windows.native.layout().addStretch(1)
        self.left = AuditPanel()
        super().__init__(widgets=[below, windows, self.left], labels=False)
        self.margins = (0, 0, 0, 0)
        for at, table in enumerate((self.numbers, self.flips)):
            self.native.layout().insertWidget(at, table)
        self.plots.changed.connect(lambda: self.plots_requested.emit())
        self.compare.changed.connect(lambda: self.compare_requested.emit())
        self.team.changed.connect(lambda: self.team_requested.emit())

    def show_changes(self, measured: Measured | None) -> None:
        """Show results, or placeholders for None."""
        self.left.show_left(None if measured is None else measured.left)
        if measured is None:
            self.numbers.show_rows([(t, "…", "…", "…") for t in _NUMBERS.values()])
            self.flips.show_rows([(name, *"…" * 5) for name in OUTCOME_DISPLAY_ORDER])
            self.open_count.show_text("")
            return
        before, after, low, high = measured.metrics.values()
        self.numbers.show_rows(
            [
                (
                    title,
                    number_text(before[name]),
                    number_text(after[name]),
                    range_text(low[name], high[name]),
                )
                for name, title in _NUMBERS.items()
            ]
        )
        self.flips.show_rows(
            [
                (name, *map(number_text, measured.flips[name]))
                for name in OUTCOME_DISPLAY_ORDER
            ]
        )
        count = measured.open_count
        self.open_count.show_text(f"{count:,} undecided" if count else "None undecided")
        self.open_count.tooltip = (
            "Errors without a verdict, and cutouts whose verdict is unsure"
        )


def results_summary(measured: Measured) -> str:
    """Return a short text with the precision before and after the review."""
    before, after = (
        number_text(measured.metrics[when]["precision"], 2)
        for when in ("before", "after")
    )
    return f"precision {before}" + (f" → {after}" if after != before else "")
