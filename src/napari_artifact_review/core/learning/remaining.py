"""How many wrong labels are left: estimate and audits, as a sentence and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.learning.audit import (
    AuditResult,
    BySide,
    SideResult,
)
from napari_artifact_review.core.learning.audit_interval import Interval
from napari_artifact_review.core.learning.stopping import checked_probability

_Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """The model's estimate of the wrong labels in a set of cutouts.

    Attributes
    ----------
    found : int
        Number of labels that the review has changed.
    left : float
        Estimated number of wrong labels among the cutouts without a verdict.
    """

    found: int
    left: float

    @property
    def recall(self) -> float | None:
        """Estimated share of the wrong labels that are found; None if there are none.

        It is found / (found + left). It is an estimate, and guarantees nothing.
        """
        total = self.found + self.left
        return self.found / total if total else None


@dataclass(frozen=True)
class Estimates:
    """Estimates for the queue and for the whole table, by side of the label.

    Attributes
    ----------
    queue : BySide of Estimate
        Estimates for missed artifacts, for false ones, and for both together.
    table : BySide of Estimate or None
        The same for the whole table; None if the verdicts say too little about the
        cutouts beside the queue.
    """

    queue: BySide[Estimate]
    table: BySide[Estimate] | None


@dataclass(frozen=True)
class Remaining:
    """All that a review knows about the wrong labels that are left.

    Attributes
    ----------
    looked_at, queue_size : int
        Number of cutouts of the queue with a verdict, and of all in the queue.
    without_verdict : int
        Number of cutouts of the whole table without a verdict.
    queue_name : str
        Name of the cutouts in the queue, such as "the errors".
    estimates : Estimates or None
        The model's estimates; None before the first one.
    audits : sequence of AuditResult
        Results of all audits of the review, finished or not.
    target : float
        Recall to reach.
    looks_to_target : int or None
        Number of looks to the target; see `looks_to_target`.
    seconds_to_target : float or None
        Time of these looks in seconds.
    """

    looked_at: int
    queue_size: int
    without_verdict: int
    queue_name: str = "the errors"
    estimates: Estimates | None = None
    audits: Sequence[AuditResult] = ()
    target: float = 0.9
    looks_to_target: int | None = None
    seconds_to_target: float | None = None

    @property
    def narrowest_audit(self) -> AuditResult | None:
        """The audit with the narrowest interval of what is left; None without audits.

        All audits hold at once with 95 %, so the reviewer may choose among them.
        """

        def width(audit: AuditResult) -> int:
            return audit.sides.together.left.high - audit.sides.together.left.low

        return min(self.audits, key=width, default=None)


def estimate_remaining(
    label: npt.NDArray[np.int8],
    is_looked_at: _Truth,
    is_changed: _Truth,
    in_queue: _Truth,
    probability: npt.NDArray[np.float64],
) -> Estimates:
    """Estimate the wrong labels that are left, in the queue and in the whole table.

    The estimate is the sum of the model's probabilities that a label is wrong. It is as
    good as these are calibrated where the reviewer has not looked; nothing checks that
    but an audit.

    Parameters
    ----------
    label : ndarray of int8, shape (n,)
        Labels of the data set, 0 or 1.
    is_looked_at : ndarray of bool, shape (n,)
        Whether each cutout has a verdict.
    is_changed : ndarray of bool, shape (n,)
        Whether each cutout has a verdict that changed its label.
    in_queue : ndarray of bool, shape (n,)
        Whether each cutout is in the queue.
    probability : ndarray of float64, shape (n,)
        Probability that each label is wrong; cutouts with a verdict may have NaN.

    Raises
    ------
    ValueError
        If a cutout without a verdict has no probability from 0 to 1.
    """
    left = np.zeros(len(label))
    left[~is_looked_at] = checked_probability(probability[~is_looked_at])

    def estimate(which: _Truth) -> Estimate:
        return Estimate(
            int(np.count_nonzero(is_changed[which])), float(left[which].sum())
        )

    def by_side(which: _Truth) -> BySide[Estimate]:
        sides = (which & (label == 0), which & (label == 1), which)
        return BySide(*map(estimate, sides))

    return Estimates(by_side(in_queue), by_side(np.ones(len(label), bool)))


def sentence(remaining: Remaining) -> str:
    """Return one plain sentence for the decision to stop, without a full stop.

    An example is "233 of 582 looked at; about 6 wrong labels left among the errors
    (estimate); 16 to 199 in the whole table (95 %, audit of 400)". 95 % is for all
    audits of the review together; see `audit_alpha`.

    Parameters
    ----------
    remaining : Remaining
        What the review knows.
    """
    if remaining.without_verdict == 0:
        return "The whole table is looked at"
    is_done = remaining.looked_at == remaining.queue_size
    looks = (
        f"All {remaining.queue_size:,} looked at"
        if is_done
        else f"{remaining.looked_at:,} of {remaining.queue_size:,} looked at"
    )
    audit, estimates = remaining.narrowest_audit, remaining.estimates
    phrases = []
    if estimates and not is_done:
        left = f"{estimates.queue.together.left:,.0f}"
        phrases.append((f"about {left}", f"among {remaining.queue_name} (estimate)"))
    if audit:
        low, high = audit.sides.together.left
        interval = f"{low:,} to {high:,}" if low < high else f"{low:,}"
        phrases.append((interval, f"in the whole table (95 %, {_basis(audit)})"))
    elif estimates and estimates.table:
        left = f"{estimates.table.together.left:,.0f}"
        phrases.append((f"about {left}", "in the whole table (estimate)"))
    parts = [looks]
    for count, where in phrases:
        # The noun occurs once, after the first number.
        noun = "wrong label left" if count.split()[-1] == "1" else "wrong labels left"
        parts.append(
            f"{count} {noun} {where}" if len(parts) == 1 else f"{count} {where}"
        )
    if estimates is None:
        parts.append("no estimate yet")
    elif estimates.table is None and not audit:
        parts.append("no estimate for the whole table yet")
    parts += [] if audit else ["no audit yet"]
    return "; ".join(parts)


def target_text(remaining: Remaining) -> str:
    """Return what the estimate says about further looks; empty without an estimate.

    An example is "About 120 more looks in the order of the queue to an estimated recall
    of 0.9, or 8 min".

    Parameters
    ----------
    remaining : Remaining
        What the review knows.
    """
    if remaining.looks_to_target is None:
        return ""
    if remaining.looks_to_target == 0:
        return (
            f"The estimated recall of {remaining.target:g} among "
            f"{remaining.queue_name} is reached"
        )
    text = (
        f"About {remaining.looks_to_target:,} more looks in the order of the queue to "
        f"an estimated recall of {remaining.target:g}"
    )
    if remaining.seconds_to_target is None:
        return text
    return f"{text}, or {max(1, round(remaining.seconds_to_target / 60)):,} min"


def _basis(audit: AuditResult) -> str:
    """Return what an interval rests on, such as "audit of 400"."""
    both = audit.sides.together
    parts = [f"audit of {audit.size:,}"]
    if both.unanswered:
        parts = [f"{audit.answered:,} of {audit.size:,} audited"]
    if both.unconfirmed:
        parts.append(f"{both.unconfirmed:,} not confirmed")
    if audit.is_weaker:
        parts.append(f"{both.weaker:,} confirmed by the same reviewer only")
    return ", ".join(parts)


def as_json(remaining: Remaining) -> dict[str, Any]:
    """Return what a review knows as plain dicts, lists, numbers and strings.

    The keys are always the same; a value that is not known is None. Counts by side are
    under "missed" (label 0), "false" (label 1) and "together". An interval has the keys
    "low" and "high".

    Parameters
    ----------
    remaining : Remaining
        What the review knows.
    """
    estimates = remaining.estimates
    return {
        "sentence": sentence(remaining),
        "looked_at": remaining.looked_at,
        "queue_size": remaining.queue_size,
        "without_verdict": remaining.without_verdict,
        "estimate": estimates
        and {
            name: {
                side: asdict(estimate) | {"recall": estimate.recall}
                for side, estimate in by_side._asdict().items()
            }
            if by_side
            else None
            for name, by_side in (
                ("queue", estimates.queue),
                ("table", estimates.table),
            )
        },
        "target": remaining.target,
        "looks_to_target": remaining.looks_to_target,
        "seconds_to_target": remaining.seconds_to_target,
        "audits": [_audit_as_json(audit) for audit in remaining.audits],
    }


def _audit_as_json(audit: AuditResult) -> dict[str, Any]:
    return {
        "number": audit.number,
        "alpha": audit.alpha,
        "size": audit.size,
        "answered": audit.answered,
        "is_weaker": audit.is_weaker,
        "notes": list(audit.notes),
        **{
            side: _side_as_json(result)
            for side, result in audit.sides._asdict().items()
        },
    }


def _side_as_json(result: SideResult) -> dict[str, Any]:
    return {
        name: value._asdict() if isinstance(value, Interval) else value
        for name, value in vars(result).items()
    }
