"""Metrics of the predictions before and after a review, and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import (
    OUTCOMES,
    Outcome,
    outcome_codes,
)
from napari_artifact_review.core.scores.ranking import Curve, Ranking

#: Names of the metrics, in display order.
NUMBERS = ("tp", "fp", "fn", "tn", "precision", "recall", "f1", "average_precision")

#: Metrics by the names in `NUMBERS`; None if undefined. The first four are counts.
Numbers = dict[str, float | None]

#: Labels for which metrics are computed: original, after review, and extreme labels.
When = Literal["before", "after", "lowest", "highest"]

_Labels = npt.NDArray[np.int8]
_Truth = npt.NDArray[np.bool_]


class Flips(NamedTuple):
    """Counts of changed labels among the cutouts of one outcome.

    Attributes
    ----------
    cutouts : int
        Number of cutouts.
    reviewed : int
        Number of cutouts with a verdict.
    to_artifact, to_none : int
        Number of labels changed from 0 to 1, and from 1 to 0.
    unsure : int
        Number of cutouts with the verdict "unsure".
    """

    cutouts: int
    reviewed: int
    to_artifact: int
    to_none: int
    unsure: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Snapshot of the labels of a review; its methods can run in any thread.

    Attributes
    ----------
    preds, label, label_new : ndarray of int8, shape (n,)
        Predictions at the current threshold, original labels, and labels after review.
    reviewed, unsure : ndarray of bool, shape (n,)
        Whether each cutout has a verdict, and whether this verdict is "unsure".
    is_open : ndarray of bool, shape (n,)
        Whether the label of each cutout is undecided: it may become 0 or 1.
    ranking : Ranking
        Ranking of the cutouts by confidence.
    """

    preds: _Labels
    label: _Labels
    label_new: _Labels
    reviewed: _Truth
    unsure: _Truth
    is_open: _Truth
    ranking: Ranking

    def metrics(
        self, is_cancelled: Callable[[], bool] = lambda: False
    ) -> dict[When, Numbers]:
        """Compute the metrics before and after the review, and their bounds.

        tp, fp, fn and tn are the counts of true and false positives and negatives at
        the current threshold (C. J. van Rijsbergen, Information Retrieval, 2nd ed.
        1979, ch. 7):

        - precision = tp / (tp + fp): the share of predicted artifacts that are real;
        - recall = tp / (tp + fn): the share of real artifacts that are predicted;
        - f1 = 2 tp / (2 tp + fp + fn): the harmonic mean of precision and recall;
        - average_precision: see `Ranking.average_precision`; it needs no threshold.

        "before" uses the original labels, and "after" uses the labels after review. An
        unsure verdict leaves the label unchanged. "lowest" and "highest" are the
        extremes over all possible labels of the open cutouts, for each metric
        separately.

        Parameters
        ----------
        is_cancelled : callable
            Function that returns whether the computation should be cancelled.

        Returns
        -------
        dict
            Metrics for "before", "after", "lowest" and "highest", by the names in
            `NUMBERS`. A ratio with denominator 0 is None. The average precision is None
            if no artifact has a confidence. The bounds ignore labels for which a metric
            is None.

        Raises
        ------
        CancelledError
            If the computation was cancelled.
        """
        lowest, highest = self._bounds(is_cancelled)
        return {
            "before": measure(self.label, self.preds, self.ranking),
            "after": measure(self.label_new, self.preds, self.ranking),
            "lowest": lowest,
            "highest": highest,
        }

    def curves(self) -> tuple[Curve | None, Curve | None]:
        """Return the precision-recall curves before and after the review.

        A curve is None if no artifact has a confidence.
        """
        return self.ranking.curve(self.label), self.ranking.curve(self.label_new)

    def flips(self) -> dict[Outcome, Flips]:
        """Count the changed labels for each outcome before the review."""
        codes = outcome_codes(self.label, self.preds)
        changed = self.label_new - self.label
        counts = [
            np.bincount(codes[which], minlength=len(OUTCOMES)).tolist()
            for which in (
                np.ones(len(codes), bool),
                self.reviewed,
                changed == 1,
                changed == -1,
                self.unsure,
            )
        ]
        return dict(
            zip(OUTCOMES, map(Flips._make, zip(*counts, strict=True)), strict=True)
        )

    @property
    def open_count(self) -> int:
        """Number of open cutouts."""
        return int(np.count_nonzero(self.is_open))

    def _bounds(self, is_cancelled: Callable[[], bool]) -> tuple[Numbers, Numbers]:
        """Return the lowest and highest value of each metric.

        The counts depend on two numbers: the artifacts among the open cutouts that are
        predicted artifacts, and the artifacts among the other open cutouts. Each ratio
        is monotonic in both numbers, so its extremes are at the corners, where each
        number is zero or maximal. If a ratio is undefined at a corner, it is constant
        along the edges from that corner, so the other corners give the extremes.
        """
        fixed = ~self.is_open
        tn, fn, fp, tp = _counts(self.label_new[fixed], self.preds[fixed])
        predicted = int(np.count_nonzero(self.preds[self.is_open]))
        others = self.open_count - predicted
        corners = [
            _rates(tp + x, fp + predicted - x, fn + y, tn + others - y)
            for x, y in product((0, predicted), (0, others))
        ]
        low, high = self.ranking.extremes(self.label_new, self.is_open, is_cancelled)
        names = NUMBERS[:-1]
        return (
            {n: _extreme(min, (c[n] for c in corners)) for n in names}
            | {"average_precision": low},
            {n: _extreme(max, (c[n] for c in corners)) for n in names}
            | {"average_precision": high},
        )


def measure(label: _Labels, preds: _Labels, ranking: Ranking) -> Numbers:
    """Compute the metrics of predictions for given true labels.

    Parameters
    ----------
    label, preds : ndarray of int8, shape (n,)
        Labels and predictions: 1 artifact, 0 no artifact.
    ranking : Ranking
        Ranking of the cutouts by confidence.

    Returns
    -------
    dict
        Metrics by the names in `NUMBERS`; see `Snapshot.metrics`.
    """
    tn, fn, fp, tp = _counts(label, preds)
    ap = ranking.average_precision(label)
    return _rates(tp, fp, fn, tn) | {"average_precision": ap}


def _counts(label: _Labels, preds: _Labels) -> list[int]:
    """Count the cutouts of each outcome, in the order of `OUTCOMES`."""
    counts: list[int] = np.bincount(outcome_codes(label, preds), minlength=4).tolist()
    return counts


def _rates(tp: int, fp: int, fn: int, tn: int) -> Numbers:
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _extreme(choose: Callable[..., Any], values: Iterable[Any]) -> Any:
    return choose((value for value in values if value is not None), default=None)
