"""What a review has changed, in numbers: before, after, and what is still open."""

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

#: The numbers, in the order in which people read them.
NUMBERS = ("tp", "fp", "fn", "tn", "precision", "recall", "f1", "average_precision")

#: Each of `NUMBERS`: the first four are counts; None where it is not defined.
Numbers = dict[str, float | None]

#: The labels of the data set, those of the review, and what they may still become.
When = Literal["before", "after", "lowest", "highest"]

_Labels = npt.NDArray[np.int8]
_Truth = npt.NDArray[np.bool_]


class Flips(NamedTuple):
    """What became of the cutouts of one outcome.

    Attributes
    ----------
    cutouts : int
        How many there are.
    reviewed : int
        Number of them with a verdict.
    to_artifact, to_none : int
        How many labels were changed from 0 to 1, and from 1 to 0.
    unsure : int
        About how many the reviewer was unsure.
    """

    cutouts: int
    reviewed: int
    to_artifact: int
    to_none: int
    unsure: int


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The labels of a review at one moment; can be measured in any thread.

    Attributes
    ----------
    preds, label, label_new : ndarray of int8, shape (n,)
        What the model says at the threshold in force, the data set, and the review.
    reviewed, unsure : ndarray of bool, shape (n,)
        Whether there is a verdict, and whether it is "unsure".
    is_open : ndarray of bool, shape (n,)
        Whose label may still turn out to be either: see `of`.
    ranking : Ranking
        The order of the cutouts by confidence.
    """

    preds: _Labels
    label: _Labels
    label_new: _Labels
    reviewed: _Truth
    unsure: _Truth
    is_open: _Truth
    ranking: Ranking

    def metrics(
        self, given_up: Callable[[], bool] = lambda: False
    ) -> dict[When, Numbers]:
        """Return the numbers before and after the review, and their bounds.

        With tp, fp, fn, tn as the counts of true and false positives and negatives at
        the threshold in force, as in C. J. van Rijsbergen, Information Retrieval,
        2nd ed. 1979, ch. 7:

        - precision = tp / (tp + fp): how many of the model's artifacts are some;
        - recall = tp / (tp + fn): how many of the artifacts the model finds;
        - f1 = 2 tp / (2 tp + fp + fn): their harmonic mean;
        - average_precision: see `Ranking.average_precision`; no threshold is in it.

        Before are the labels of the data set, after those of the review, where an
        unsure verdict leaves the label unchanged. Lowest and highest are, for each
        number on its own, its extremes over all ways to label the open cutouts.

        Parameters
        ----------
        given_up : callable
            Tells whether nobody waits for the numbers any more.

        Returns
        -------
        dict
            The numbers by `NUMBERS`, before, after, lowest and highest. One that is not
            defined is None: a ratio of nothing, or an average precision without a
            confidence or an artifact. The bounds are over the ways in which it is
            defined.

        Raises
        ------
        CancelledError
            If they were given up.
        """
        lowest, highest = self._bounds(given_up)
        return {
            "before": measure(self.label, self.preds, self.ranking),
            "after": measure(self.label_new, self.preds, self.ranking),
            "lowest": lowest,
            "highest": highest,
        }

    def curves(self) -> tuple[Curve | None, Curve | None]:
        """Return the precision-recall curves before and after the review."""
        return self.ranking.curve(self.label), self.ranking.curve(self.label_new)

    def flips(self) -> dict[Outcome, Flips]:
        """Return what became of the cutouts of each outcome that they had before."""
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
        """How many cutouts are open."""
        return int(np.count_nonzero(self.is_open))

    def _bounds(self, given_up: Callable[[], bool]) -> tuple[Numbers, Numbers]:
        """Return the lowest and the highest of each number.

        The counts depend on no more than how many open cutouts turn out to be artifacts
        among those that the model calls so, and among the others. Each ratio rises or
        falls with each of the two, so its extremes are where each is none or all; where
        it is not defined at one of these corners, it is the same wherever it is.
        """
        fixed = ~self.is_open
        tn, fn, fp, tp = _counts(self.label_new[fixed], self.preds[fixed])
        called = int(np.count_nonzero(self.preds[self.is_open]))
        others = self.open_count - called
        corners = [
            _rates(tp + x, fp + called - x, fn + y, tn + others - y)
            for x, y in product((0, called), (0, others))
        ]
        low, high = self.ranking.extremes(self.label_new, self.is_open, given_up)
        names = NUMBERS[:-1]
        return (
            {n: _least(c[n] for c in corners) for n in names}
            | {"average_precision": low},
            {n: _most(c[n] for c in corners) for n in names}
            | {"average_precision": high},
        )


def measure(label: _Labels, preds: _Labels, ranking: Ranking) -> Numbers:
    """Return how good predictions are, if labels are true.

    Parameters
    ----------
    label, preds : ndarray of int8, shape (n,)
        1 artifact, 0 none.
    ranking : Ranking
        The order of the cutouts by confidence.

    Returns
    -------
    dict
        By `NUMBERS`; see `Snapshot.metrics`.
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


def _least(values: Iterable[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def _most(values: Iterable[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)
