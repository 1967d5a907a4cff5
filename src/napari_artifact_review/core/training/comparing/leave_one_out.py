"""Metrics of a model for all cutouts, and without each block of cutouts."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import OUTCOMES, outcome_codes
from napari_artifact_review.core.scores.ranking import Curve

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


class LeaveOneOut(NamedTuple):
    """A metric for all cutouts, and without each block.

    Attributes
    ----------
    value : float or None
        The metric; None if it is undefined.
    left_out : ndarray of float64, shape (b,)
        The metric without each block; NaN if it is undefined.
    contributes : ndarray of bool, shape (b,)
        Whether each block has any cutout that the metric depends on.
    groups : int
        Number of blocks on which an interval can rest. For the average precision, these
        are the blocks with an artifact; otherwise, those that contribute.
    """

    value: float | None
    left_out: _Floats
    contributes: npt.NDArray[np.bool_]
    groups: int


class Sample(NamedTuple):
    """Cutouts with true labels, on which models are compared.

    Attributes
    ----------
    label : ndarray of int8, shape (n,)
        Labels: 1 artifact, 0 no artifact.
    weight : ndarray of float64, shape (n,)
        Weight of each cutout.
    block : ndarray of int64, shape (n,)
        Block of each cutout, from 0 without a gap.
    """

    label: npt.NDArray[np.int8]
    weight: _Floats
    block: _Ints

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return int(self.block.max(initial=-1)) + 1

    def take(self, which: npt.NDArray[np.bool_] | _Ints) -> Sample:
        """Return the cutouts that a mask or an array of indices selects."""
        _, block = np.unique(self.block[which], return_inverse=True)
        return Sample(self.label[which], self.weight[which], block.astype(np.int64))

    @property
    def artifacts_by_block(self) -> _Floats:
        """Weight of the artifacts in each block, shape (b,)."""
        return _sums(self.block, self.weight * self.label, self.blocks)


def outcome_counts(sample: Sample, preds: npt.NDArray[np.int8]) -> dict[str, _Floats]:
    """Return the weight of TN, FN, FP and TP in each block, by outcome."""
    codes = outcome_codes(sample.label, preds).astype(np.int64)
    cells = codes * sample.blocks + sample.block
    counts = _sums(cells, sample.weight, len(OUTCOMES) * sample.blocks)
    return dict(zip(OUTCOMES, counts.reshape(len(OUTCOMES), -1), strict=True))


def ratios(counts: dict[str, _Floats]) -> dict[str, LeaveOneOut]:
    """Compute precision, recall and F1 from the counts of `outcome_counts`."""
    tp, fp, fn = counts["TP"], counts["FP"], counts["FN"]
    return {
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
    }


def _ratio(part: _Floats, whole: _Floats) -> LeaveOneOut:
    left = whole.sum() - whole
    # Sums of fractional weights may leave a rounding error in place of zero.
    left[left < 1e-9 * whole.sum()] = 0
    undefined = np.full(len(left), np.nan)
    left_out = np.divide(part.sum() - part, left, out=undefined, where=left > 0)
    value = float(part.sum() / whole.sum()) if whole.sum() > 0 else None
    return LeaveOneOut(value, left_out, whole > 0, int(np.count_nonzero(whole)))


def average_precision(sample: Sample, confidence: _Floats) -> LeaveOneOut:
    """Compute the average precision for all cutouts, and without each block.

    The definition is that of scikit-learn's `average_precision_score`, also for equal
    confidences and with weights; see `Ranking.average_precision`. The cutouts are
    sorted once. Precision matters only at confidences that an artifact has, so the
    time is proportional to the number of cutouts, plus the number of these confidences
    times the number of blocks.

    Parameters
    ----------
    sample : Sample
        The cutouts.
    confidence : ndarray of float64, shape (n,)
        Probability of an artifact, without NaN.
    """
    by_block = sample.artifacts_by_block
    contributes = _sums(sample.block, sample.weight, sample.blocks) > 0
    groups = int(np.count_nonzero(by_block))
    steps = _Steps.of(sample, confidence)
    if steps is None:
        nothing = np.full(sample.blocks, np.nan)
        return LeaveOneOut(None, nothing, contributes, groups)
    order = np.argsort(sample.block, kind="stable")
    ends = np.searchsorted(sample.block[order], np.arange(sample.blocks + 1))
    left_out = np.empty(sample.blocks)
    for block, (begin, end) in enumerate(pairwise(ends.tolist())):
        left_out[block] = steps.without(order[begin:end], sample)
    left_out[by_block.sum() - by_block < 1e-9 * by_block.sum()] = np.nan
    value = _average_precision(steps.added, steps.found, steps.ranked)
    return LeaveOneOut(value, left_out, contributes, groups)


class _Steps(NamedTuple):
    """The distinct confidences that an artifact has, from the highest to the lowest.

    Attributes
    ----------
    step : ndarray of int64, shape (n,)
        First of these steps at or below the confidence of each cutout; k if none.
    added : ndarray of float64, shape (k,)
        Weight of the artifacts that have the confidence of each step.
    found, ranked : ndarray of float64, shape (k,)
        Weight of the artifacts, and of all cutouts, at or above each step.
    """

    step: _Ints
    added: _Floats
    found: _Floats
    ranked: _Floats

    @classmethod
    def of(cls, sample: Sample, confidence: _Floats) -> _Steps | None:
        """Sort the cutouts; return None if no artifact has a weight."""
        artifacts = (sample.label == 1) & (sample.weight > 0)
        if not artifacts.any():
            return None
        steps = np.unique(-confidence[artifacts])
        step = np.searchsorted(steps, -confidence, side="left")
        added = _sums(step, sample.weight * sample.label, len(steps))
        ranked = np.cumsum(_sums(step, sample.weight, len(steps)))
        return cls(step, added, np.cumsum(added), ranked)

    def without(self, rows: _Ints, sample: Sample) -> float:
        """Return the average precision without some cutouts."""
        count, step, weight = len(self.added), self.step[rows], sample.weight[rows]
        added = _sums(step, weight * sample.label[rows], count)
        ranked = np.cumsum(_sums(step, weight, count))
        return _average_precision(
            self.added - added, self.found - np.cumsum(added), self.ranked - ranked
        )


def _sums(index: _Ints, weight: _Floats, count: int) -> _Floats:
    """Return the sum of the weights at each index below `count`."""
    sums = np.bincount(index, weight, count + 1)[:count]
    return np.asarray(sums, dtype=np.float64)


def _average_precision(added: _Floats, found: _Floats, ranked: _Floats) -> float:
    precision = np.zeros(len(ranked))
    np.divide(found, ranked, out=precision, where=ranked > 0)
    # Differences of sums may leave rounding errors in place of zeros.
    np.clip(precision, 0, 1, out=precision)
    total = found[-1]
    return float(np.sum(added * precision) / total) if total > 0 else np.nan


def weighted_curve(sample: Sample, confidence: _Floats) -> Curve | None:
    """Return the precision-recall curve with weights; None if no artifact has a weight.

    The points are those of scikit-learn's `precision_recall_curve`.
    """
    distinct, step = np.unique(-confidence, return_inverse=True)
    found, ranked = (
        np.cumsum(_sums(step, weight, len(distinct)))
        for weight in (sample.weight * sample.label, sample.weight)
    )
    if not found.size or found[-1] <= 0:
        return None
    precision = np.divide(found, ranked, out=np.zeros(len(found)), where=ranked > 0)
    return Curve(
        np.append(precision[::-1], 1.0),
        np.append((found / found[-1])[::-1], 0.0),
        -distinct[::-1],
    )
