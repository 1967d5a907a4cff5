"""The section of the report that says how many wrong labels are left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_artifact_review.core.learning.anchoring import anchoring_text
from napari_artifact_review.core.learning.audit import RECURRING, SideResult
from napari_artifact_review.core.learning.audit_interval import Interval
from napari_artifact_review.core.learning.remaining import (
    Remaining,
    sentence,
    target_text,
)
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.report.texts import number_text, range_text

#: Names of the two sides of the label, and of both, as in `BySide`.
_SIDES = {"missed": "missed artifacts", "false": "false ones", "together": "together"}


def left_labels(session: ReviewSession) -> dict[str, Any]:
    """Return the texts and tables of the section, for the template.

    The keys are "sentence", "estimates" and "audits" (rows of texts), "verdicts" (the
    number from which the estimate is learned), "target", "anchoring", "recurring" and
    "notes".
    """
    remaining, word = session.remaining, session.anchoring
    return {
        "sentence": f"{sentence(remaining)}.",
        "estimates": list(_estimates(remaining)),
        "verdicts": session.learned_queue.facts.get("verdicts", 0),
        "target": target_text(remaining),
        "anchoring": "" if word is None else anchoring_text(word),
        "audits": list(_audits(remaining)),
        "recurring": f"{RECURRING:.0%}",
        "notes": [
            f"Audit {audit.number}: {note}"
            for audit in remaining.audits
            for note in audit.notes
        ],
    }


def _estimates(remaining: Remaining) -> Iterator[tuple[str, ...]]:
    """Yield the name, and the numbers found, left and their recall."""
    estimates = remaining.estimates
    if estimates is None:
        return
    for where, sides in (
        (remaining.queue_name, estimates.queue),
        ("the whole table", estimates.table),
    ):
        if sides is None:
            continue
        for side, name in _SIDES.items():
            one = getattr(sides, side)
            yield (
                f"{where}: {name}",
                number_text(one.found),
                f"{one.left:,.1f}",
                number_text(one.recall, 2),
            )


def _audits(remaining: Remaining) -> Iterator[tuple[str, ...]]:
    """Yield the name, counts and intervals for each side of each audit."""
    for audit in remaining.audits:
        for side, name in _SIDES.items():
            one: SideResult = getattr(audit.sides, side)
            yield (
                f"audit {audit.number}: {name}",
                number_text(one.population),
                f"{one.sampled - one.unanswered:,} of {one.sampled:,}",
                number_text(one.confirmed),
                number_text(one.weaker),
                number_text(one.unconfirmed),
                _interval_text(one.left),
                _interval_text(one.left_with_false_alarms),
            )


def _interval_text(interval: Interval) -> str:
    return range_text(interval.low, interval.high)
