"""Measures what the review has changed, in a thread, while somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_artifact_review.widgets.panels.changes import summary
from napari_artifact_review.widgets.parts.background import Connections, Latest
from napari_artifact_review.widgets.windows.plots import PlotWish

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from qtpy.QtCore import QObject

    from napari_artifact_review.core.decisions.entry import Entry
    from napari_artifact_review.core.outcomes import Outcome
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.scores.metrics import (
        Flips,
        Numbers,
        Snapshot,
        When,
    )
    from napari_artifact_review.widgets.panels.changes import ChangesPanel
    from napari_artifact_review.widgets.parts.fold import Fold
    from napari_artifact_review.widgets.windows.plots import Plots

#: Milliseconds after a verdict until the numbers are computed: its frame comes first.
_BREATH = 60

#: The same for the plots, which take half a second: whoever goes on does not wait.
_LONG_BREATH = 500


class Measured(NamedTuple):
    """What a review had changed at one moment.

    Attributes
    ----------
    metrics : dict
        The numbers before, after, lowest and highest.
    flips : dict
        What became of the cutouts of each outcome.
    open_count : int
        How many cutouts are open.
    """

    metrics: dict[When, Numbers]
    flips: dict[Outcome, Flips]
    open_count: int


class Measurer:
    """Keeps the fold and the plots up to date, as far as they are looked at.

    Parameters
    ----------
    parent : QObject
        The open review; once it is gone, nothing is shown.
    session : ReviewSession
        The review that is measured.
    panel : ChangesPanel
        Where the numbers are shown.
    fold : Fold
        What it is in.
    plots : Plots
        Where the plots are shown.
    """

    def __init__(
        self,
        parent: QObject,
        session: ReviewSession,
        panel: ChangesPanel,
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
        """Measure nothing any more."""
        self._connections.close()
        self._numbers.give_up()
        self._pictures.give_up()

    def update(self) -> None:
        """Show what is so now, where anybody looks."""
        self._measure()
        self._draw(_LONG_BREATH)

    def _measure(self) -> None:
        if not self._fold.is_open:
            # What is not kept up to date is not shown.
            self._numbers.give_up()
            self._fold.say("")
            self._panel.show_changes(None)
            return
        job = partial(measure_changes, self._snapshot(self._session))
        self._numbers.want(job, _BREATH)

    def _draw_soon(self) -> None:
        self._draw(_BREATH)

    def _draw(self, breath: int) -> None:
        wishes = self._plots.wishes()
        if not wishes:
            self._pictures.give_up()
            return
        snapshot, log = self._snapshot(self._session), self._session.log
        self._pictures.want(partial(_drawn, snapshot, log, wishes), breath)

    def _snapshot(self, session: ReviewSession) -> Snapshot:
        # A review is open, so it is imported.

        return session.catalog.snapshot()

    def _show(self, measured: Measured) -> None:
        self._panel.show_changes(measured)
        self._fold.say(summary(measured))


def measure_changes(
    snapshot: Snapshot, given_up: Callable[[], bool] = lambda: False
) -> Measured:
    """Measure what a review has changed; end early once the answer is not wanted."""
    metrics = snapshot.metrics(given_up)
    return Measured(metrics, snapshot.flips(), snapshot.open_count)


def _drawn(
    snapshot: Snapshot,
    log: Sequence[Entry],
    wishes: Sequence[PlotWish],
    _: Callable[[], bool],
) -> list[npt.NDArray[np.uint8]]:
    """Draw the curves, and the time per verdict."""
    # In the thread: with them comes matplotlib.
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
