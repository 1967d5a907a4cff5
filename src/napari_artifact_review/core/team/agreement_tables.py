"""The agreement of a team as tables of texts, for windows, pages and the clipboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from napari_artifact_review.core.scores.jackknife import Estimate
from napari_artifact_review.core.scores.parts import BRIGHTNESS_NAMES
from napari_artifact_review.core.team.against_others import (
    AgainstOthers,
    Confusion,
    Part,
)
from napari_artifact_review.core.team.agreement import (
    PairAgreement,
    ReviewerAgreement,
    TeamAgreement,
)
from napari_artifact_review.core.team.agreement_texts import estimate_text, sentences
from napari_artifact_review.core.team.texts_table import TextsTable
from napari_artifact_review.core.texts import counted, on_one_line


def agreement_tables(agreement: TeamAgreement) -> list[TextsTable]:
    """Return all tables of an agreement; a table without rows is left out.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    """
    tables = (
        _all(agreement),
        _pairs(agreement.pairs),
        _themselves(agreement.reviewers),
        *_against_others(agreement.reviewers),
    )
    return [table for table in tables if table.rows]


def agreement_as_text(agreement: TeamAgreement) -> str:
    """Return the sentences, and the tables with tabs between their columns.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    """
    tables = (table.as_text() for table in agreement_tables(agreement))
    return "\n\n".join(["\n".join(sentences(agreement)), *tables]) + "\n"


def _all(agreement: TeamAgreement) -> TextsTable:
    overall = agreement.overall
    named = (
        ("Raw agreement", overall.raw_agreement),
        ("Fleiss' kappa", overall.fleiss_kappa),
        ("Gwet's AC1", overall.gwet_ac1),
    )
    return TextsTable(
        f"All reviewers, on {counted(overall.cutouts, 'cutout')} with at least two "
        "votes",
        ("", "Value"),
        tuple((title, estimate_text(found)) for title, found in named),
        _notes(found for _, found in named),
    )


def _pairs(pairs: Sequence[PairAgreement]) -> TextsTable:
    found = [(one.raw_agreement, one.cohen_kappa, one.gwet_ac1) for one in pairs]
    return TextsTable(
        "Pairs of reviewers",
        ("", "Cutouts", "Raw agreement", "Cohen's kappa", "Gwet's AC1"),
        tuple(
            (
                f"{on_one_line(one.first)} and {on_one_line(one.second)}",
                f"{one.cutouts:,}",
                *map(estimate_text, numbers),
            )
            for one, numbers in zip(pairs, found, strict=True)
        ),
        _notes(number for numbers in found for number in numbers),
    )


def _themselves(reviewers: Sequence[ReviewerAgreement]) -> TextsTable:
    return TextsTable(
        "Each reviewer",
        ("", "Votes", "Unsure", "Repeats", "Equal repeats", "Seconds a verdict"),
        tuple(
            (
                on_one_line(one.name),
                f"{one.votes:,}",
                f"{one.unsure:,}",
                f"{one.repeats:,}",
                estimate_text(one.self_agreement) if one.repeats else "",
                "" if one.seconds is None else f"{one.seconds:.1f}",
            )
            for one in reviewers
        ),
    )


def _against_others(reviewers: Sequence[ReviewerAgreement]) -> Iterator[TextsTable]:
    """Yield each reviewer against the others, on all cutouts and on parts of them."""
    known = [
        (on_one_line(one.name), one.against_others)
        for one in reviewers
        if one.against_others is not None
    ]
    counts = ("Both", "Only the others", "Only the reviewer", "Neither")
    ratios = ("Sensitivity", "Specificity")
    yield TextsTable(
        "Artifacts of each reviewer, and of the majority of the others",
        ("", *counts, *ratios, "Ties left out"),
        tuple(
            (name, *_counts(one.confusion), *_ratios(one.confusion), f"{one.ties:,}")
            for name, one in known
        ),
        _notes(
            found
            for _, one in known
            for found in (one.confusion.sensitivity, one.confusion.specificity)
        ),
    )
    rows = _part_rows(known, lambda one: one.by_kind, str)
    # Without an artifact, a cutout has no kind, so that there is no specificity.
    yield TextsTable(
        "By kind: artifacts of the majority of the others",
        ("", *counts[:2], "Sensitivity"),
        tuple((title, *_counts(c)[:2], _ratios(c)[0]) for title, c in rows),
    )
    rows = _part_rows(known, lambda one: one.by_brightness, BRIGHTNESS_NAMES.index)
    yield TextsTable(
        "By brightness: artifacts of the reviewer, and of the majority of the others",
        ("", *counts, *ratios),
        tuple((title, *_counts(c), *_ratios(c)) for title, c in rows),
    )


def _part_rows(
    known: Iterable[tuple[str, AgainstOthers]],
    parts_of: Callable[[AgainstOthers], Sequence[Part]],
    order: Callable[[str], Any],
) -> list[tuple[str, Confusion]]:
    """Return the titled confusion on each part, with the reviewers of a part together.

    `order` returns the sort key of the name of a part.
    """
    rows = [
        (order(part.name), f"{on_one_line(part.name)}: {name}", part.confusion)
        for name, one in known
        for part in parts_of(one)
    ]
    return [row[1:] for row in sorted(rows, key=itemgetter(0))]


def _counts(confusion: Confusion) -> tuple[str, str, str, str]:
    """Return how many cutouts both, one or neither of the two call an artifact."""
    one = confusion
    return f"{one.tp:,}", f"{one.fn:,}", f"{one.fp:,}", f"{one.tn:,}"


def _ratios(confusion: Confusion) -> tuple[str, str]:
    return estimate_text(confusion.sensitivity), estimate_text(confusion.specificity)


def _notes(estimates: Iterable[Estimate]) -> tuple[str, ...]:
    """Return why numbers or their intervals are missing, each reason once."""
    found = dict.fromkeys(
        f"{'Not defined' if one.value is None else 'No interval'}, because {one.reason}"
        for one in estimates
        if one.reason
    )
    return tuple(f"{note}." for note in found)
