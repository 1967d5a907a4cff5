"""Audits: random samples of the cutouts without a verdict, and what they prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from napari_artifact_review.core.learning.audit_interval import (
    Interval,
    audit_alpha,
    hypergeometric_interval,
)

#: Largest share of right labels that confirmed false alarms are assumed to turn into
#: finds, in the intervals "with false alarms".
RECURRING = 0.01

#: Answer of the reviewer about a cutout of the sample.
Answer = Literal["changed", "kept", "unsure"]

#: Result of a second, blind look at a changed label. "rejected": the second look, by
#: either reviewer, did not change the label.
Confirmation = Literal["second reviewer", "same reviewer", "rejected"]

T = TypeVar("T")


class BySide(NamedTuple, Generic[T]):
    """One value for each side of the label.

    Attributes
    ----------
    missed : object
        Value for cutouts with label 0: a wrong label is a missed artifact.
    false : object
        Value for cutouts with label 1: a wrong label is a false artifact.
    together : object
        Value for all cutouts.
    """

    missed: T
    false: T
    together: T


class SampledCutout(NamedTuple):
    """A cutout of an audit.

    Attributes
    ----------
    label : int
        Label of the data set, 0 or 1.
    answer : str or None
        "changed", "kept" or "unsure"; None as long as there is no verdict.
    confirmation : str or None
        Result of the second look at a changed label; None as long as there is none, or
        if it was unsure. The blind verdict of a second reviewer weighs more than
        that of the same reviewer at a later time.
    """

    label: int
    answer: Answer | None = None
    confirmation: Confirmation | None = None


@dataclass(frozen=True)
class Audit:
    """The facts of one audit.

    Attributes
    ----------
    number : int
        Number of the audit in its review, from 1. An abandoned audit counts.
    population : tuple of int
        Number of cutouts with label 0, and with label 1, that had no verdict when the
        sample was drawn, sample included.
    sample : sequence of SampledCutout
        The cutouts of the sample: a simple random sample of the population.
    found_later : tuple of int
        Number of cutouts of the population with label 0, and with label 1, outside the
        sample, whose labels were changed after the sample was drawn.
    found_later_confirmed : tuple of int
        Number of those that a second look confirmed.

    Raises
    ------
    ValueError
        If the sample is larger than its population, a label is neither 0 nor 1, a
        confirmation is without a changed label, or confirmed finds exceed all finds.
    """

    number: int
    population: tuple[int, int]
    sample: Sequence[SampledCutout]
    found_later: tuple[int, int] = (0, 0)
    found_later_confirmed: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        for side, population in enumerate(self.population):
            sampled = sum(cutout.label == side for cutout in self.sample)
            unsampled = population - sampled
            later, confirmed = self.found_later[side], self.found_later_confirmed[side]
            if not 0 <= confirmed <= later <= unsampled:
                raise ValueError(
                    f"Label {side}: {sampled} sampled, {later} found later and "
                    f"{confirmed} confirmed do not fit a population of {population}."
                )
        for cutout in self.sample:
            if cutout.label not in (0, 1):
                raise ValueError(f"A label is 0 or 1, not {cutout.label}.")
            if cutout.confirmation is not None and cutout.answer != "changed":
                raise ValueError("Only a changed label can be confirmed or rejected.")


@dataclass(frozen=True)
class SideResult:
    """The result of an audit for one side of the label, or for both together.

    Attributes
    ----------
    population, sampled : int
        Number of cutouts in the population, and in the sample.
    confirmed, weaker : int
        Number of finds that a second reviewer confirmed, and of those that only the
        same reviewer confirmed later.
    unconfirmed, rejected : int
        Number of changed labels without a second look, and with one that disagreed.
    unsure, unanswered : int
        Number of cutouts with an unsure verdict, and without a verdict.
    wrong : Interval
        Number of wrong labels in the population when the sample was drawn.
    wrong_with_false_alarms : Interval
        The same if up to `RECURRING` of the right labels became confirmed finds.
    left, left_with_false_alarms : Interval
        The same two without the wrong labels that have been changed since.
    """

    population: int
    sampled: int
    confirmed: int
    weaker: int
    unconfirmed: int
    rejected: int
    unsure: int
    unanswered: int
    wrong: Interval
    wrong_with_false_alarms: Interval
    left: Interval
    left_with_false_alarms: Interval


@dataclass(frozen=True)
class AuditResult:
    """The result of an audit.

    Attributes
    ----------
    number : int
        Number of the audit in its review, from 1.
    alpha : float
        Largest probability that one of its intervals misses the true number, for each
        side, and for both together, on its own.
    sides : BySide of SideResult
        Results for missed artifacts, for false ones, and for both together.
    """

    number: int
    alpha: float
    sides: BySide[SideResult]

    @property
    def size(self) -> int:
        """Number of cutouts in the sample."""
        return self.sides.together.sampled

    @property
    def answered(self) -> int:
        """Number of cutouts in the sample with a verdict."""
        return self.size - self.sides.together.unanswered

    @property
    def is_weaker(self) -> bool:
        """Whether a find counts that only the same reviewer confirmed."""
        return self.sides.together.weaker > 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that belong to the intervals, without a number that is 0."""
        side = self.sides.together
        notes = [
            "The intervals do not correct for wrong labels that the reviewers miss in "
            "the sample: if they miss some, more are left."
        ]
        for count, note in (
            (side.weaker, "{} confirmed only by the same reviewer later."),
            (side.unconfirmed, "{} not confirmed: counted as right and as wrong."),
            (side.unsure, "{} unsure: counted as right and as wrong."),
            (side.unanswered, "{} without a verdict: counted as right and as wrong."),
        ):
            if count:
                notes.append(note.format(f"{count:,}"))
        return tuple(notes)


def audit_result(audit: Audit) -> AuditResult:
    """Compute the intervals of an audit.

    The sample is random, and nothing else is: the intervals assume no model, and it
    does not matter that cutouts of one image resemble each other. Given how many
    cutouts of the sample have label 0, these are a simple random sample of all with
    label 0, so the same formula holds for each side.

    A changed label is a find if a second, blind look confirms it. A cutout counts both
    ways if it is unsure, without a verdict, or changed without a second look: the
    interval is the union of the intervals with any number of these as finds. Both ends
    increase with the number of finds, so the union is the lower end without them and
    the upper end with all of them. Each further verdict and each confirmation can only
    narrow it; it holds before the audit is complete, however often it is looked at.

    A find that the second look rejects counts as a right label. Wrong labels that the
    reviewers miss are not corrected for: if they miss a share m, K is about the number
    found divided by 1 - m.

    What is left now are the wrong labels of the population without those that have been
    changed. The lower end subtracts all changed labels, the upper end only confirmed
    ones outside the sample. In the sample, the upper end counts each unconfirmed find
    as a wrong label that has been changed. This is valid, because each end of the
    interval increases by at least 1 with each find: one more wrong label in the
    population puts at most one more into the sample.

    Parameters
    ----------
    audit : Audit
        The facts of the audit.

    Returns
    -------
    AuditResult
        The intervals at 1 - `audit_alpha`, with what they rest on.
    """
    alpha = audit_alpha(audit.number)
    parts = [
        _side_result(
            audit.population[side],
            [cutout for cutout in audit.sample if cutout.label == side],
            (audit.found_later[side], audit.found_later_confirmed[side]),
            alpha,
        )
        for side in (0, 1)
    ]
    later = sum(audit.found_later), sum(audit.found_later_confirmed)
    together = _side_result(sum(audit.population), audit.sample, later, alpha)
    return AuditResult(audit.number, alpha, BySide(parts[0], parts[1], together))


def _side_result(
    population: int,
    sample: Sequence[SampledCutout],
    later: tuple[int, int],
    alpha: float,
) -> SideResult:
    """Compute the result for a part of the sample, from its own population."""

    def count(answer: Answer | None, confirmation: Confirmation | None = None) -> int:
        return sum(cutout[1:] == (answer, confirmation) for cutout in sample)

    confirmed, weaker = (
        count("changed", "second reviewer"),
        count("changed", "same reviewer"),
    )
    unconfirmed, unsure, unanswered = count("changed"), count("unsure"), count(None)
    fewest = confirmed + weaker
    changed = fewest + unconfirmed
    most = changed + unsure + unanswered
    n = len(sample)
    low = hypergeometric_interval(fewest, n, population, alpha).low
    lower = hypergeometric_interval(fewest, n, population, alpha, RECURRING).low
    high = hypergeometric_interval(most, n, population, alpha).high
    high_left = max(0, high - changed - later[1])
    return SideResult(
        population=population,
        sampled=n,
        confirmed=confirmed,
        weaker=weaker,
        unconfirmed=unconfirmed,
        rejected=count("changed", "rejected"),
        unsure=unsure,
        unanswered=unanswered,
        wrong=Interval(low, high),
        wrong_with_false_alarms=Interval(lower, high),
        left=Interval(max(0, low - fewest - later[0]), high_left),
        left_with_false_alarms=Interval(max(0, lower - fewest - later[0]), high_left),
    )
