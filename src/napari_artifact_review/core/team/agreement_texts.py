"""The agreement of a team in sentences that a paper can quote, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from napari_artifact_review.core.atomic_files import Written, replace_or_back_up
from napari_artifact_review.core.scores.jackknife import (
    FEWEST_GROUPS,
    LEVEL,
    Estimate,
)
from napari_artifact_review.core.team.against_others import (
    FEWEST_REVIEWERS,
    Part,
)
from napari_artifact_review.core.team.agreement import (
    PairAgreement,
    ReviewerAgreement,
    TeamAgreement,
)
from napari_artifact_review.core.texts import counted, on_one_line

#: Version of the JSON's structure.
FORMAT = 1

#: Sources of the methods, for the report and for a paper.
REFERENCES = (
    "J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20, "
    "37, 1960",
    "J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychol. Bull. "
    "76, 378, 1971",
    "K. L. Gwet, Computing inter-rater reliability and its variance in the presence of "
    "high agreement, Br. J. Math. Stat. Psychol. 61, 29, 2008",
    "K. L. Gwet, Handbook of Inter-Rater Reliability, 4th ed., 2014",
    "S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. "
    "6, 65, 1979",
    "J. W. Tukey, Bias and confidence in not-quite large samples, Ann. Math. Stat. 29, "
    "614, 1958",
)


def sentences(agreement: TeamAgreement) -> list[str]:
    """Return the agreement as plain sentences with counts and intervals.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    """
    return [
        *_about_all(agreement),
        *_about_pairs(agreement),
        *_about_misses(agreement),
        *_about_reviewers(agreement),
        *_about_intervals(agreement),
    ]


def main_sentence(agreement: TeamAgreement) -> str:
    """Return the agreement of all reviewers in one sentence.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    """
    overall = agreement.overall
    if not overall.cutouts:
        return "The reviewers have no agreement yet, because no cutout has two votes."
    ac1 = overall.gwet_ac1
    return (
        f"{counted(len(agreement.reviewers), 'reviewer')} agree in "
        f"{_percent(overall.raw_agreement)} of the pairs of votes, averaged over "
        f"{_cutouts(overall.cutouts)}; Gwet's AC1 is {estimate_text(ac1)}."
    )


def missing_sentence(reviewer: ReviewerAgreement) -> str | None:
    """Return that a reviewer misses more artifacts than the others; None if not.

    The interval of the paired difference in sensitivity must support it: a one-sided
    test at 5 % over all reviewers together, adjusted by Holm's method.

    Parameters
    ----------
    reviewer : ReviewerAgreement
        The reviewer.
    """
    against = reviewer.against_others
    if against is None or not against.test.misses_more:
        return None
    confusion, test = against.confusion, against.test
    return (
        f"{on_one_line(reviewer.name)} misses more artifacts than the other reviewers: "
        f"against the majority of the others, the sensitivity is "
        f"{estimate_text(confusion.sensitivity)} on "
        f"{_cutouts(confusion.tp + confusion.fn)}, and that of the other reviewers "
        f"together is {test.others:.3f} (difference {estimate_text(test.difference)}, "
        f"{_p_value(test.p_value)} by Holm's method)."
    )


def estimate_text(estimate: Estimate) -> str:
    """Return a number with its interval, such as "0.931 (0.920 to 0.941)".

    A number without a value is "not defined".
    """
    if estimate.value is None:
        return "not defined"
    if not estimate.has_interval:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def as_json(agreement: TeamAgreement) -> dict[str, Any]:
    """Return the agreement as plain JSON for scripts and reports, without NaN.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    """
    return {
        "format": FORMAT,
        "sentences": sentences(agreement),
        "intervals": {
            "method": "jackknife-t",
            "level": LEVEL,
            "groups": agreement.groups,
            "blocks": agreement.blocks,
            "fewest_groups": FEWEST_GROUPS,
        },
        "all": _plain(agreement.overall),
        "pairs": _plain(agreement.pairs),
        "reviewers": _plain(agreement.reviewers),
        "misses_more": [
            one.name for one in agreement.reviewers if missing_sentence(one)
        ],
        "references": list(REFERENCES),
    }


def write_json(agreement: TeamAgreement, path: Path) -> Written:
    """Write the agreement as JSON, completely or not at all.

    Any earlier file is kept under a dated name.

    Parameters
    ----------
    agreement : TeamAgreement
        The result of `measure_agreement`.
    path : Path
        Path of the file.

    Raises
    ------
    SaveError
        If the file cannot be written.
    """
    text = json.dumps(as_json(agreement), indent=1, allow_nan=False) + "\n"
    contents = text.encode()
    return replace_or_back_up(path, lambda stream: stream.write(contents), is_own=False)


def _about_all(agreement: TeamAgreement) -> Iterator[str]:
    overall = agreement.overall
    yield (
        f"{counted(len(agreement.reviewers), 'reviewer')} gave "
        f"{counted(overall.votes, 'vote')}; {_cutouts(overall.cutouts)} with at least "
        f"two votes, {overall.unanimous:,} of them with equal votes."
    )
    if not overall.cutouts:
        yield "There is no agreement to measure, because no cutout has two votes."
        return
    yield (
        "Averaged over cutouts, the share of pairs of votes that agree is "
        f"{_percent(overall.raw_agreement)}{_no_interval(overall.raw_agreement)}."
    )
    yield _coefficient("Fleiss' kappa", overall.fleiss_kappa)
    yield _coefficient("Gwet's AC1", overall.gwet_ac1)


def _about_pairs(agreement: TeamAgreement) -> Iterator[str]:
    if len(agreement.reviewers) == 2:
        (pair,) = agreement.pairs
        if pair.cutouts:
            yield _coefficient("Cohen's kappa", pair.cohen_kappa)
        return
    known = [
        (pair.cohen_kappa.value, pair)
        for pair in agreement.pairs
        if pair.cohen_kappa.value is not None
    ]
    if len(known) == 1:
        [(kappa, pair)] = known
        yield f"Cohen's kappa of {_names(pair)} is {kappa:.3f}."
    elif known:
        lowest, highest = (
            choose(known, key=lambda one: one[0]) for choose in (min, max)
        )
        yield (
            f"Cohen's kappa of two reviewers is from {lowest[0]:.3f} "
            f"({_names(lowest[1])}) to {highest[0]:.3f} ({_names(highest[1])})."
        )


def _about_misses(agreement: TeamAgreement) -> Iterator[str]:
    against = [one.against_others for one in agreement.reviewers if one.against_others]
    if not against:
        yield (
            "No reviewer is compared with the majority of the others, because that "
            f"needs {FEWEST_REVIEWERS} reviewers."
        )
        return
    for one in agreement.reviewers:
        sentence = missing_sentence(one)
        if sentence is not None:
            yield sentence
    ties = sum(each.ties for each in against)
    if ties:
        yield (
            "Comparisons with the majority of the others leave out "
            f"{counted(ties, 'vote')} where the others are tied."
        )


def _about_reviewers(agreement: TeamAgreement) -> Iterator[str]:
    for one in agreement.reviewers:
        name = on_one_line(one.name)
        if one.repeats:
            yield (
                f"{name} gave the same label again on {one.repeats_equal:,} of "
                f"{_cutouts(one.repeats)} ({_percent(one.self_agreement)})."
            )
        if one.unsure:
            yield (
                f"{name} was unsure about {one.unsure:,} of "
                f"{_cutouts(one.votes + one.unsure)} ({_percent(one.unsure_rate)})."
            )
        if one.seconds is not None:
            yield (
                f"{name} took {one.seconds:.1f} s for a verdict (median of "
                f"{counted(one.timed, 'verdict')})."
            )


def _about_intervals(agreement: TeamAgreement) -> Iterator[str]:
    if not agreement.overall.raw_agreement.has_interval:
        return
    blocks, groups = agreement.blocks, agreement.groups
    joined = f", joined into {blocks} blocks" if blocks < groups else ""
    yield (
        "The 95 % intervals, in parentheses, leave out one group of cutouts at a time "
        f"(jackknife-t; {counted(groups, 'group')}{joined})."
    )


def _coefficient(title: str, found: Estimate) -> str:
    """Return a coefficient as a sentence, with the reason for a missing number."""
    if found.value is None:
        return f"{title} is not defined, because {found.reason}."
    return f"{title} is {estimate_text(found)}{_no_interval(found)}."


def _no_interval(found: Estimate) -> str:
    return f"; there is no interval, because {found.reason}" if found.reason else ""


def _names(pair: PairAgreement) -> str:
    return f"{on_one_line(pair.first)} and {on_one_line(pair.second)}"


def _percent(estimate: Estimate) -> str:
    value = f"{100 * (estimate.value or 0):.1f} %"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f} %)"


def _p_value(value: float | None) -> str:
    return "p < 0.001" if value is None or value < 0.001 else f"p = {value:.3f}"


def _cutouts(count: int) -> str:
    return counted(count, "cutout")


def _plain(value: Any) -> Any:
    """Return dataclasses and named tuples as dictionaries, and tuples as lists."""
    if isinstance(value, tuple) and not isinstance(value, (Estimate, Part)):
        return [_plain(one) for one in value]
    if isinstance(value, (Estimate, Part)):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value
