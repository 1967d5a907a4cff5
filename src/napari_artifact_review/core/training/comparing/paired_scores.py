"""Scores of two models on the same cutouts, and their paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import LABEL_NAMES, OUTCOME_DISPLAY_ORDER
from napari_artifact_review.core.scores.jackknife import (
    RATIO,
    Estimate,
    jackknife_t,
)
from napari_artifact_review.core.training.comparing.leave_one_out import (
    LeaveOneOut,
    Sample,
    average_precision,
    outcome_counts,
    ratios,
)

#: Names of the metrics, in display order.
METRICS = ("average_precision", "precision", "recall", "f1")


class Model(NamedTuple):
    """What a model says about cutouts.

    Attributes
    ----------
    preds : ndarray of int8, shape (n,)
        Predictions: 1 artifact, 0 no artifact.
    confidence : ndarray of float64, shape (n,), or None
        Probability of an artifact; NaN for a cutout without a confidence.
    """

    preds: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.float64] | None

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Model:
        """Return the predictions that a mask or an array of indices selects."""
        confidence = None if self.confidence is None else self.confidence[which]
        return Model(self.preds[which], confidence)


class Agreement(NamedTuple):
    """Counts of cutouts by label and by the predictions of both models.

    Attributes
    ----------
    counts : ndarray of int64, shape (2, 2, 2)
        Number of cutouts by label, prediction of the old and prediction of the new
        model; each is 1 for an artifact and 0 for none.
    """

    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, label: npt.NDArray[np.int8], old: Model, new: Model) -> Agreement:
        """Count the cutouts."""
        cells = label.astype(np.int64) * 4 + old.preds * 2 + new.preds
        return cls(np.bincount(cells, minlength=8).reshape(2, 2, 2))

    @property
    def both_right(self) -> int:
        """Number of cutouts that both models predict correctly."""
        return int(self.counts[0, 0, 0] + self.counts[1, 1, 1])

    @property
    def both_wrong(self) -> int:
        """Number of cutouts that both models predict wrongly."""
        return int(self.counts[0, 1, 1] + self.counts[1, 0, 0])

    @property
    def only_old_right(self) -> int:
        """Number of cutouts that only the old model predicts correctly."""
        return int(self.counts[0, 0, 1] + self.counts[1, 1, 0])

    @property
    def only_new_right(self) -> int:
        """Number of cutouts that only the new model predicts correctly."""
        return int(self.counts[0, 1, 0] + self.counts[1, 0, 1])

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON."""
        return {
            "both_right": self.both_right,
            "only_old_right": self.only_old_right,
            "only_new_right": self.only_new_right,
            "both_wrong": self.both_wrong,
            "by_prediction": [
                {
                    "old": LABEL_NAMES[old],
                    "new": LABEL_NAMES[new],
                    "label_artifact": int(self.counts[1, old, new]),
                    "label_no_artifact": int(self.counts[0, old, new]),
                }
                for old in (1, 0)
                for new in (1, 0)
            ],
        }


@dataclass(frozen=True)
class PairedScores:
    """Scores of two models on the same cutouts.

    Attributes
    ----------
    cutouts, artifacts : int
        Number of cutouts, and of those with the label 1.
    weight : float
        Sum of the weights of the cutouts.
    old_counts, new_counts : dict of str to float
        Weight of the cutouts of each outcome (TP, FP, FN and TN) of each model.
    old, new : dict of str to Estimate
        Metrics of each model, by the names in `METRICS`.
    difference : dict of str to Estimate
        New minus old, with the interval of the paired difference.
    agreement : Agreement
        Counts of cutouts on which the models agree and differ.
    notes : tuple of str
        Reasons why a metric is missing or rests on fewer cutouts.
    """

    cutouts: int
    artifacts: int
    weight: float
    old_counts: dict[str, float]
    new_counts: dict[str, float]
    old: dict[str, Estimate]
    new: dict[str, Estimate]
    difference: dict[str, Estimate]
    agreement: Agreement
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the scores as plain JSON."""
        return {
            "cutouts": self.cutouts,
            "artifacts": self.artifacts,
            "weight": self.weight,
            "confusion": {"old": self.old_counts, "new": self.new_counts},
            "metrics": {
                name: {
                    "old": self.old[name]._asdict(),
                    "new": self.new[name]._asdict(),
                    "difference": self.difference[name]._asdict(),
                }
                for name in self.old
            },
            "agreement": self.agreement.as_json(),
            "notes": list(self.notes),
        }


def pair_scores(
    sample: Sample,
    old: Model,
    new: Model,
    metrics: Sequence[str] = METRICS,
) -> PairedScores:
    """Compute the scores of two models on the same cutouts.

    Parameters
    ----------
    sample : Sample
        The cutouts.
    old, new : Model
        What the models say about these cutouts.
    metrics : sequence of str
        Metrics to compute. If all cutouts have the same label, there are no intervals,
        unless recall is the only metric.
    """
    counts = [outcome_counts(sample, model.preds) for model in (old, new)]
    found = [ratios(each) for each in counts]
    notes: tuple[str, ...] = ()
    if "average_precision" in metrics:
        ranked, notes = _average_precisions(sample, old, new)
        for each, one in zip(found, ranked, strict=True):
            each["average_precision"] = one
    reason = "" if list(metrics) == ["recall"] else _one_class(sample.label)
    pairs = {name: (found[0][name], found[1][name]) for name in metrics}
    return PairedScores(
        len(sample.label),
        int(np.count_nonzero(sample.label)),
        float(sample.weight.sum()),
        _totals(counts[0]),
        _totals(counts[1]),
        {name: _estimate(pair[0], reason) for name, pair in pairs.items()},
        {name: _estimate(pair[1], reason) for name, pair in pairs.items()},
        {name: _difference(*pair, reason) for name, pair in pairs.items()},
        Agreement.of(sample.label, old, new),
        notes,
    )


def _totals(counts: dict[str, npt.NDArray[np.float64]]) -> dict[str, float]:
    return {name: float(counts[name].sum()) for name in OUTCOME_DISPLAY_ORDER}


def _average_precisions(
    sample: Sample, old: Model, new: Model
) -> tuple[tuple[LeaveOneOut, LeaveOneOut], tuple[str, ...]]:
    """Return the average precision of both models, and notes about it."""
    if old.confidence is None or new.confidence is None:
        missing = LeaveOneOut(
            None,
            np.full(sample.blocks, np.nan),
            np.zeros(sample.blocks, dtype=bool),
            0,
        )
        names = [
            name
            for name, model in (("old", old), ("new", new))
            if model.confidence is None
        ]
        note = (
            "There is no average precision, because the table of the "
            f"{' and the '.join(names)} model has no confidence."
        )
        return (missing, missing), (note,)
    confidences = (old.confidence, new.confidence)
    both = ~np.isnan(confidences[0] + confidences[1])
    some = sample if both.all() else sample.take(both)
    first, second = (average_precision(some, one[both]) for one in confidences)
    if both.all():
        return (first, second), ()
    left_out = np.count_nonzero(~both)
    note = (
        f"The average precision is without {left_out:,} "
        f"{'cutout' if left_out == 1 else 'cutouts'} that one of the models gives no "
        "confidence."
    )
    return (first, second), (note,)


def _one_class(label: npt.NDArray[np.int8]) -> str:
    """Return the reason why there is no interval if all cutouts have one label."""
    if label.size and (label == label[0]).all():
        return f"all cutouts have the label {LABEL_NAMES[int(label[0])]}"
    return ""


def _estimate(one: LeaveOneOut, reason: str) -> Estimate:
    if reason:
        return Estimate(one.value, groups=one.groups, reason=reason)
    return jackknife_t(
        one.value, one.left_out, one.contributes, one.groups, limits=RATIO
    )


def _difference(old: LeaveOneOut, new: LeaveOneOut, reason: str) -> Estimate:
    value = None
    if old.value is not None and new.value is not None:
        value = new.value - old.value
    groups = min(old.groups, new.groups)
    if reason:
        return Estimate(value, groups=groups, reason=reason)
    contributes = old.contributes | new.contributes
    left_out = new.left_out - old.left_out
    return jackknife_t(value, left_out, contributes, groups, limits=None)
