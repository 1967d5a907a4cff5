"""A comparison of two models as sentences and as a plain table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_artifact_review.core.scores.jackknife import Estimate
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.comparing.comparison import Comparison
from napari_artifact_review.core.training.comparing.paired_scores import PairedScores
from napari_artifact_review.core.training.comparing.slices import Slice

#: Displayed name of each metric.
METRIC_NAMES = {
    "average_precision": "average precision",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}

#: Warning about labels without a verdict.
UNREVIEWED = (
    "Unreviewed labels may be wrong, and a comparison by wrong labels can rank a "
    "better model lower."
)

#: Title of the scores of the reviewed cutouts alone.
VERDICTS_ALONE = "Verdicts alone"

#: Warning about the scores of parts of the cutouts.
SLICES_NOTE = (
    "Scores of parts of the cutouts are exploratory: with many parts, some differ by "
    "chance."
)


def headline(comparison: Comparison) -> str:
    """Return the result in one sentence.

    The sentence is about the average precision, or about F1 if there is none.
    """
    scores, groups = comparison.headline, comparison.groups.total
    name = "average_precision"
    if scores.difference[name].value is None:
        name = "f1"
    old, new = scores.old[name].value, scores.new[name].value
    title = METRIC_NAMES[name]
    difference = scores.difference[name]
    if old is None or new is None or difference.value is None:
        return (
            "The models cannot be compared: no label and no prediction is an artifact."
        )
    is_same = not scores.agreement.only_new_right + scores.agreement.only_old_right
    if is_same and difference.value == 0:
        return f"The models do not differ: {title} is {old:.3f} for both."
    if not difference.has_interval:
        return (
            f"{_capital(title)} is {old:.3f} for the old and {new:.3f} for the new "
            f"model (difference {difference.value:+.3f}); no interval: "
            f"{difference.reason}."
        )
    interval = f"95 % interval {_range(difference)}; {counted(groups, 'group')}"
    if _is_clear(difference):
        verb = "rose" if difference.value > 0 else "fell"
        return (
            f"{_capital(title)} {verb} from {old:.3f} to {new:.3f} "
            f"(difference {difference.value:.3f}, {interval})."
        )
    return (
        f"No difference in {title} can be told: {old:.3f} for the old and {new:.3f} "
        f"for the new model (difference {difference.value:.3f}, {interval})."
    )


def label_sentences(comparison: Comparison) -> list[str]:
    """Return sentences about the cutouts and the labels that were used."""
    overlap, rows = comparison.overlap, comparison.rows
    count = len(rows)
    if comparison.is_test_set:
        first = f"Compared on the test set of the export: {_cutouts(count)}."
    else:
        first = (
            f"Compared on all {_cutouts(count)} that both tables have. Without a test "
            "set (--test), a model may have been trained on them."
        )
    sentences = [first]
    if overlap.test_missing:
        sentences.append(
            f"{_cutouts(overlap.test_missing)} of the test set are left out, because a "
            "model did not score them."
        )
    for only, title in ((overlap.only_old, "old"), (overlap.only_new, "new")):
        if only:
            sentences.append(f"Only the {title} model's table has {_cutouts(only)}.")
    names = {
        "labels": "the reviewed table",
        "test": "the export",
        "new": "the new model's table",
        "old": "the old model's table",
    }
    used = (f"{one['cutouts']:,} from {names[one['source']]}"
            for one in comparison.labels.sources)  # fmt: skip
    reviewed = int(np.count_nonzero(comparison.labels.reviewed))
    sentences.append(f"Labels: {', '.join(used)}; {reviewed:,} of {count:,} reviewed.")
    unsure = int(np.count_nonzero(comparison.labels.decision == "unsure"))
    if unsure:
        sentences.append(
            f"{_cutouts(unsure)} with the verdict unsure: the label is unchanged."
        )
    if reviewed < count:
        sentences.append(UNREVIEWED)
    return sentences


def verdict_sentences(comparison: Comparison) -> list[str]:
    """Return sentences about the choice of the reviewed cutouts."""
    choice = comparison.verdict_choice
    among = 100 * choice.verdicts_on_errors / max(1, choice.verdicts)
    of_all = 100 * choice.errors / max(1, choice.cutouts)
    sentences = [
        "By the labels before the review, the old model has "
        f"{choice.verdicts_on_errors:,} of these {choice.verdicts:,} cutouts wrong "
        f"({among:.0f} %), and {choice.errors:,} of all {choice.cutouts:,} "
        f"({of_all:.0f} %)."
    ]
    if choice.prefers_errors:
        sentences.append(
            "On these cutouts alone, the old model looks worse than it is."
        )
    return sentences


def prediction_sentences(comparison: Comparison) -> list[str]:
    """Return sentences about the predictions of tables without predictions."""
    return [
        f"The {title} model's table has no predictions: cutouts with a confidence of "
        f"{table.threshold} or above are predicted artifacts."
        for title, table in comparison.tables.items()
        if title in ("old", "new") and table.threshold is not None
    ]


def change_sentence(scores: PairedScores) -> str:
    """Return the numbers of cutouts on which the models agree and differ."""
    agreement = scores.agreement
    return (
        f"Both right: {agreement.both_right:,}; both wrong: {agreement.both_wrong:,}; "
        f"only new right (mended): {agreement.only_new_right:,}; "
        f"only old right (broken): {agreement.only_old_right:,}."
    )


def group_sentence(comparison: Comparison) -> str:
    """Return how the intervals were computed."""
    groups = comparison.groups
    blocks = comparison.headline_blocks
    joined = f", joined into {blocks} blocks" if blocks < groups.total else ""
    return (
        f"The 95 % intervals leave out one group of cutouts at a time (jackknife-t); "
        f"{counted(groups.total, 'group')} by {groups.by}{joined}."
    )


def slice_sentences(comparison: Comparison) -> list[str]:
    """Return a sentence for each part of the cutouts where the new model is worse."""
    found: list[str] = []
    for part in comparison.slices:
        found += [_worse(part, name) for name in part.lower()]
    return found


def interval_reasons(scores: PairedScores) -> list[str]:
    """Return the reasons why numbers have no interval, each as a sentence."""
    columns = {"old": scores.old, "new": scores.new, "difference": scores.difference}
    reasons: dict[str, list[str]] = {}
    for name, title in METRIC_NAMES.items():
        without: dict[str, list[str]] = {}
        for column, estimates in columns.items():
            estimate = estimates.get(name)
            if estimate is not None and estimate.reason and estimate.value is not None:
                without.setdefault(estimate.reason, []).append(column)
        for reason, found in without.items():
            which = "" if len(found) == len(columns) else f" ({', '.join(found)})"
            reasons.setdefault(reason, []).append(f"{title}{which}")
    return [
        f"No interval for {', '.join(names)}: {reason}."
        for reason, names in reasons.items()
    ]


def estimate_text(estimate: Estimate) -> str:
    """Return a number with its interval, such as "0.931 (0.920 to 0.941)"."""
    if estimate.value is None:
        return "—"
    if not estimate.has_interval:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({_range(estimate)})"


def count_text(count: float) -> str:
    """Return a number of cutouts, with a decimal if their weights are fractions."""
    return f"{count:,.0f}" if float(count).is_integer() else f"{count:,.1f}"


def as_text(comparison: Comparison) -> str:
    """Return the comparison as text for a terminal."""
    lines = [headline(comparison), "", *label_sentences(comparison)]
    lines += prediction_sentences(comparison)
    lines += [group_sentence(comparison), ""]
    lines += _table(comparison.headline)
    lines += ["", change_sentence(comparison.headline)]
    if comparison.verdicts is not None:
        verdicts = comparison.verdicts
        lines += ["", f"{VERDICTS_ALONE}: {_cutouts(verdicts.cutouts)}"]
        lines += [*_table(verdicts), *verdict_sentences(comparison)]
    worse = slice_sentences(comparison)
    if worse:
        lines += ["", SLICES_NOTE, *worse]
    lines += comparison.notices
    return "\n".join(lines)


def _table(scores: PairedScores) -> Iterator[str]:
    """Yield the lines of an aligned table, and reasons for missing numbers."""
    rows: list[tuple[str, ...]] = [("", "old", "new", "difference")]
    for name, title in METRIC_NAMES.items():
        parts = (scores.old[name], scores.new[name], scores.difference[name])
        rows.append((title, *map(estimate_text, parts)))
    for name in scores.old_counts:
        old, new = scores.old_counts[name], scores.new_counts[name]
        rows.append((name, *map(count_text, (old, new, new - old))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for title, *cells in rows:
        aligned = (
            cell.ljust(width) for cell, width in zip(cells, widths[1:], strict=True)
        )
        yield f"{title.ljust(widths[0])}  {'  '.join(aligned)}".rstrip()
    yield from interval_reasons(scores)
    yield from scores.notes


def _worse(part: Slice, name: str) -> str:
    old, new = part.scores.old[name], part.scores.new[name]
    difference = part.scores.difference[name]
    details = [f"difference {difference.value:.3f}"]
    if difference.has_interval:
        details.append(f"95 % interval {_range(difference)}")
    return (
        f"By {part.by}, {part.name}: {METRIC_NAMES[name]} of the new model is lower, "
        f"{estimate_text(new)} after {estimate_text(old)} "
        f"({', '.join(details)}; {_cutouts(part.scores.cutouts)})."
    )


def _is_clear(difference: Estimate) -> bool:
    low, high = difference.low, difference.high
    return low is not None and high is not None and (low > 0 or high < 0)


def _range(estimate: Estimate) -> str:
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _cutouts(count: int) -> str:
    return counted(count, "cutout")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
