"""Names of metrics, and numbers formatted as text."""

from __future__ import annotations

#: Displayed name of each metric in `core.scores.metrics.NUMBERS`.
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

#: Text of an undefined number.
UNDEFINED = "—"


def number_text(number: float | None, digits: int = 3) -> str:
    """Format a count, or a ratio with `digits` decimals; None gives `UNDEFINED`."""
    if number is None:
        return UNDEFINED
    if isinstance(number, int):
        return f"{number:,}"
    return f"{number:.{digits}f}"


def range_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """Format a range, or one number if both ends have the same text."""
    first, last = number_text(low, digits), number_text(high, digits)
    return first if first == last else f"{first} to {last}"
