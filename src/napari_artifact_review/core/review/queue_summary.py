"""Short description of a queue's rule for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_artifact_review.core.outcomes import OUTCOME_DISPLAY_ORDER

if TYPE_CHECKING:
    # This import reads pandas, which the empty dock does not need.
    from napari_artifact_review.core.review.queue import QueueRule

_ORDERS = {
    "image": "by image",
    "table": "table order",
    "learned": "learned order",
    "mislabelled": "mislabelled first",
    "confident": "most confident first",
    "uncertain": "least confident first",
    "random": "shuffled",
}

_STATES = {
    "next round": "new errors and contradicted verdicts",
    "contradicted": "contradicted verdicts",
    "settled": "settled verdicts",
}


def queue_summary(rule: QueueRule) -> str:
    """Describe the outcomes, conditions and order of a queue in a few words."""
    outcomes = " ".join(name for name in OUTCOME_DISPLAY_ORDER if name in rule.outcomes)
    parts = [outcomes or "no outcome"]
    if rule.state != "all":
        parts.append(_STATES.get(rule.state, rule.state))
    if rule.kinds is not None:
        parts.append(", ".join(rule.kinds))
    if rule.images is not None:
        parts.append(", ".join(rule.images))
    parts.extend(condition.text for condition in rule.columns)
    parts.append(_ORDERS[rule.order])
    return ", ".join(parts)
