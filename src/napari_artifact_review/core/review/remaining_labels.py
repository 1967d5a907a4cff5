"""How many wrong labels a review has left, computed from its state at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.learning.anchoring import Agreement
from napari_artifact_review.core.learning.audit import (
    Audit,
    SampledCutout,
    audit_result,
)
from napari_artifact_review.core.learning.order import Ranked
from napari_artifact_review.core.learning.remaining import (
    Estimates,
    Remaining,
    estimate_remaining,
)
from napari_artifact_review.core.learning.stopping import looks_to_target, seconds_for
from napari_artifact_review.core.outcomes import ERRORS, OUTCOMES
from napari_artifact_review.core.review.anchored_verdicts import agreement_of
from napari_artifact_review.core.review.audit_looks import VerdictHistory
from napari_artifact_review.core.review.audit_record import AuditRecord
from napari_artifact_review.core.review.audits import finds_to_confirm
from napari_artifact_review.core.review.queue import QueueRule
from napari_artifact_review.core.scores.pace import pace_of
from napari_artifact_review.core.tables.cutout_index import CutoutIndex

#: Share of the wrong labels at which the estimate of looks to go ends.
TARGET = 0.9

#: Fewest verdicts on errors, and on agreements, for an estimate of the whole table, or
#: half of them. On the demo without images, a model of verdicts on errors alone
#: estimated 1,500 to 2,300 wrong labels where 76 to 100 were left; with 100 random
#: agreements, 220 to 300.
_FEWEST = 100


@dataclass(frozen=True, eq=False)
class RemainingSnapshot:
    """What the wrong labels that are left depend on; methods can run in any thread.

    Attributes
    ----------
    label, preds, label_new : ndarray of int8, shape (n,)
        Original labels, predictions at the threshold in use, and labels after review.
    reviewed : ndarray of bool, shape (n,)
        Whether each cutout has a verdict.
    queue_rows : ndarray of int64, shape (m,)
        Rows of the queue, in its order.
    rule : QueueRule
        Rule of the queue.
    ranked : Ranked or None
        The last learned order; None if none was learned.
    history : VerdictHistory
        The recorded verdicts.
    records : sequence of AuditRecord
        All audits of the review.
    cutout_index : CutoutIndex
        Index for looking up cutouts.
    initial_state : callable
        Function that returns the label state of a row before its first decision.
    """

    label: npt.NDArray[np.int8]
    preds: npt.NDArray[np.int8]
    label_new: npt.NDArray[np.int8]
    reviewed: npt.NDArray[np.bool_]
    queue_rows: npt.NDArray[np.int64]
    rule: QueueRule
    ranked: Ranked | None
    history: VerdictHistory
    records: Sequence[AuditRecord]
    cutout_index: CutoutIndex
    initial_state: Callable[[int], LabelState]

    def remaining(self) -> Remaining:
        """Compute what the review knows about the wrong labels that are left."""
        estimates, looks = self._estimate()
        pace = None if looks is None else pace_of(self.history.entries).median
        return Remaining(
            looked_at=int(np.count_nonzero(self.reviewed[self.queue_rows])),
            queue_size=len(self.queue_rows),
            without_verdict=int(np.count_nonzero(~self.reviewed)),
            queue_name=queue_name(self.rule),
            estimates=estimates,
            audits=[audit_result(self.audit(record)) for record in self.records],
            target=TARGET,
            looks_to_target=looks,
            seconds_to_target=seconds_for(looks, pace),
        )

    def audit(self, record: AuditRecord) -> Audit:
        """Return the facts of an audit, as far as its cutouts are answered."""
        looks = self.history.looks(record.sample, record.last_numbers)
        sample = [
            SampledCutout(label, looks[cutout].answer, looks[cutout].confirmation)
            for cutout, label in record.sample.items()
        ]
        later, confirmed = self._found_later(record)
        # A verdict that was pending at the draw is found later, but outside the
        # population.
        most = [n - k for n, k in zip(record.population, _sides(record), strict=True)]
        later = min(later[0], most[0]), min(later[1], most[1])
        confirmed = min(confirmed[0], later[0]), min(confirmed[1], later[1])
        return Audit(record.number, record.population, sample, later, confirmed)

    def anchoring(self) -> Agreement | None:
        """Compare verdicts with and without the model's word; see `agreement_of`."""
        row_of = self.cutout_index.row_of
        return agreement_of(
            self.history, lambda cutout: int(self.preds[row_of(cutout)])
        )

    def count_to_confirm(self, reviewer: str) -> int:
        """Return how many finds of the last audit a reviewer may confirm."""
        if not self.records:
            return 0
        record = self.records[-1]
        looks = self.history.looks(record.sample, record.last_numbers)
        return len(finds_to_confirm(looks, reviewer))

    def _estimate(self) -> tuple[Estimates | None, int | None]:
        """Return the estimates, and the number of looks to the target."""
        if self.ranked is None or self.ranked.of_table is None:
            return None, None
        probability = self.ranked.of_table.astype(np.float64)
        is_changed = self._are_changed()
        in_queue = np.zeros(len(self.label), dtype=bool)
        in_queue[self.queue_rows] = True
        estimates = estimate_remaining(
            self.label, self.reviewed, is_changed, in_queue, probability
        )
        if not self._covers_table():
            estimates = replace(estimates, table=None)
        ahead = self.queue_rows[~self.reviewed[self.queue_rows]]
        found = estimates.queue.together.found
        return estimates, looks_to_target(probability[ahead], found, TARGET)

    def _covers_table(self) -> bool:
        """Return whether there are enough verdicts on errors and on agreements."""
        is_error = self.label != self.preds
        parts = (is_error, ~is_error)
        return all(
            np.count_nonzero(self.reviewed & part) >= min(_FEWEST, part.sum() / 2)
            for part in parts
        )

    def _are_changed(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.reviewed & (self.label_new != self.label), dtype=bool)

    def _found_later(
        self, record: AuditRecord
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Count changed labels of the population outside the sample, and confirmed.

        Each count is for label 0 and for label 1.
        """
        changed = {
            self.cutout_index.key_of(row): int(self.label[row])
            for row in np.flatnonzero(self._are_changed()).tolist()
            if not self.initial_state(row).reviewed
        }
        candidates = changed.keys() - record.sample.keys()
        before = self.history.with_verdict(candidates, record.last_numbers)
        later = {cutout: changed[cutout] for cutout in candidates - before}
        looks = self.history.looks(later, record.last_numbers)
        confirmed = [
            label
            for cutout, label in later.items()
            if looks[cutout].confirmation in ("second reviewer", "same reviewer")
        ]
        return _by_label([*later.values()]), _by_label(confirmed)


def queue_name(rule: QueueRule) -> str:
    """Return what the cutouts of a queue are called in a sentence."""
    is_whole = rule.state == "all" and not (rule.images or rule.kinds or rule.columns)
    outcomes = {*rule.outcomes}
    if is_whole and outcomes == {*ERRORS}:
        return "the errors"
    if is_whole and outcomes == {*OUTCOMES} - {*ERRORS}:
        return "the agreements"
    return "the cutouts of the queue"


def _sides(record: AuditRecord) -> tuple[int, int]:
    return _by_label([*record.sample.values()])


def _by_label(labels: Sequence[int]) -> tuple[int, int]:
    return labels.count(0), labels.count(1)
