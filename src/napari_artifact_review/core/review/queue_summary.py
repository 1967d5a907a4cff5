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


#: Orders that depend neither on predictions nor on labels.
_BLIND_ORDERS = ("image", "table", "random")


def revealing_parts(rule: QueueRule) -> list[str]:
    """Return the parts of a rule that tell something about hidden predictions.

    The cutouts of a queue of false positives, for example, are known to be false
    positives.
    """
    parts = {
        "outcomes": len(rule.outcomes) < len(OUTCOME_DISPLAY_ORDER),
        "review status": rule.state not in ("all", "unreviewed"),
        "kind": rule.kinds is not None,
        "your columns": bool(rule.columns),
        "order": rule.order not in _BLIND_ORDERS,
    }
    return [name for name, tells in parts.items() if tells]


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
