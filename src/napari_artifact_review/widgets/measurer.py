"""An updater of results and plots, which computes them in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_artifact_review.widgets.panels.audit import LeftLabels
from napari_artifact_review.widgets.panels.results import Measured, results_summary
from napari_artifact_review.widgets.parts.background import Connections, Latest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from qtpy.QtCore import QObject

    from napari_artifact_review.core.decisions.entry import Entry
    from napari_artifact_review.core.review.remaining_labels import RemainingSnapshot
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.scores.metrics import Snapshot
    from napari_artifact_review.widgets.panels.results import ResultsPanel
    from napari_artifact_review.widgets.parts.fold import Fold
    from napari_artifact_review.widgets.windows.plots import Plots, PlotWish

#: Milliseconds from a verdict until the results are computed. In this time, the frame
#: after the verdict is drawn.
_DELAY_OF_NUMBERS = 60

#: The same delay for the plots, which take half a second to compute.
_DELAY_OF_PLOTS = 500


class Measurer:
    """An updater of the results and the plots while they are visible.

    Parameters
    ----------
    parent : QObject
        The open review. After Qt has deleted this object, no results are shown.
    session : ReviewSession
        The review.
    panel : ResultsPanel
        Shows the results.
    fold : Fold
        Shows or hides the panel.
    plots : Plots
        Shows the plots.
    """

    def __init__(
        self,
        parent: QObject,
        session: ReviewSession,
        panel: ResultsPanel,
        fold: Fold,
        plots: Plots,
    ) -> None:
        self._session = session
        self._panel, self._fold, self._plots = panel, fold, plots
        self._numbers = Latest(parent, self._show)
        self._pictures = Latest(parent, plots.show_pictures)
        self._connections = Connections()
        self._connections.connect(fold.unfolded, self._measure)
        self._connections.connect(plots.wanted, self._draw_soon)
        self.update()

    def close(self) -> None:
        """Stop updating, and drop results that are being computed."""
        self._connections.close()
        self._numbers.give_up()
        self._pictures.give_up()

    def update(self) -> None:
        """Update the visible results and plots."""
        self._measure()
        self._draw(_DELAY_OF_PLOTS)

    def _measure(self) -> None:
        if not self._fold.is_open:
            # Clear the hidden results, which could become outdated.
            self._numbers.give_up()
            self._fold.say("")
            self._panel.show_changes(None)
            return
        audits = self._session.audits
        self._panel.left.show_audit(audits.is_in_queue, *audits.progress)
        self._panel.left.show_second_looks(self._session.shows_surprising)
        job = partial(
            measure_changes,
            self._session.catalog.snapshot(),
            partial(
                _left_labels,
                self._session.remaining_snapshot(),
                self._session.reviewer,
            ),
        )
        self._numbers.want(job, _DELAY_OF_NUMBERS)

    def _draw_soon(self) -> None:
        self._draw(_DELAY_OF_NUMBERS)

    def _draw(self, delay: int) -> None:
        wishes = self._plots.wishes()
        if not wishes:
            self._pictures.give_up()
            return
        snapshot, log = self._session.catalog.snapshot(), self._session.log
        self._pictures.want(partial(_draw_plots, snapshot, log, wishes), delay)

    def _show(self, measured: Measured) -> None:
        self._panel.show_changes(measured)
        self._fold.say(results_summary(measured))


def measure_changes(
    snapshot: Snapshot,
    left: Callable[[], LeftLabels],
    given_up: Callable[[], bool] = lambda: False,
) -> Measured:
    """Compute the results of a review.

    Parameters
    ----------
    snapshot : Snapshot
        The labels of the review.
    left : callable
        Function that computes how many wrong labels are left.
    given_up : callable
        Function that returns whether the computation should be cancelled.

    Raises
    ------
    CancelledError
        If `given_up` returns True during the computation.
    """
    metrics = snapshot.metrics(given_up)
    return Measured(metrics, snapshot.flips(), snapshot.open_count, left())


def _left_labels(snapshot: RemainingSnapshot, reviewer: str) -> LeftLabels:
    return LeftLabels(
        snapshot.remaining(), snapshot.count_to_confirm(reviewer), snapshot.anchoring()
    )


def _draw_plots(
    snapshot: Snapshot,
    log: Sequence[Entry],
    wishes: Sequence[PlotWish],
    _: Callable[[], bool],
) -> list[npt.NDArray[np.uint8]]:
    """Return images of two plots: precision-recall curves and time per verdict."""
    # Import these only in the thread, because they import matplotlib.
    from napari_artifact_review.core.scores.metrics import measure
    from napari_artifact_review.core.scores.pace import pace_of
    from napari_artifact_review.report.figures import (
        Ink,
        draw_curves,
        draw_pace,
        picture,
    )

    labels = (snapshot.label, snapshot.label_new)
    before, after = (
        measure(label, snapshot.preds, snapshot.ranking) for label in labels
    )
    draws: list[Callable[..., Any]] = [
        partial(draw_curves, curves=snapshot.curves(), numbers=(before, after)),
        partial(draw_pace, pace=pace_of(log)),
    ]
    return [
        picture(
            partial(draw, ink=Ink(text=wish.color, paper="none")),
            wish.width,
            wish.height,
            wish.ratio,
        )
        for draw, wish in zip(draws, wishes, strict=True)
    ]
