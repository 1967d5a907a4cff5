"""Names and numbers as people read them."""

from __future__ import annotations

#: What people call each number of `core.metrics.NUMBERS`.
NAMES = {
    "tp": "true positives (TP)",
    "fp": "false positives (FP)",
    "fn": "false negatives (FN)",
    "tn": "true negatives (TN)",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "average_precision": "average precision",
}

#: What stands where a number is not defined.
UNDEFINED = "—"


def number_text(number: float | None, digits: int = 3) -> str:
    """Return a count, or a ratio with some digits."""
    if number is None:
        return UNDEFINED
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:.{digits}f}"


def range_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """Return the range of a number: one of them where both read the same."""
    first, last = number_text(low, digits), number_text(high, digits)
    return first if first == last else f"{first} to {last}"
