"""Agreement of the reviewers of a team, measured from independent votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.scores.jackknife import (
    COEFFICIENT,
    RATIO,
    Estimate,
    estimate_from_sums,
    join_groups,
)
from napari_artifact_review.core.team.against_others import (
    AgainstOthers,
    compare_with_others,
)
from napari_artifact_review.core.team.kappas import (
    cohen_kappa,
    cross_tables,
    fleiss_kappa,
    gwet_ac1,
    raw_agreement,
    sum_votes,
    sums_of_tables,
)
from napari_artifact_review.core.team.ratings import Ratings

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two reviewers on the cutouts with a vote of both.

    Attributes
    ----------
    first, second : str
        Names of the reviewers.
    cutouts : int
        Number of cutouts with a vote of both.
    both, only_first, only_second, neither : int
        Number of these cutouts that both, one or none of the two call an artifact.
    raw_agreement : Estimate
        Share of the cutouts with equal votes.
    cohen_kappa : Estimate
        Cohen's kappa; without a value if all votes are equal.
    gwet_ac1 : Estimate
        Gwet's AC1.
    """

    first: str
    second: str
    cutouts: int
    both: int
    only_first: int
    only_second: int
    neither: int
    raw_agreement: Estimate
    cohen_kappa: Estimate
    gwet_ac1: Estimate


@dataclass(frozen=True)
class OverallAgreement:
    """Agreement of all reviewers together.

    Attributes
    ----------
    cutouts : int
        Number of cutouts with at least two votes.
    single : int
        Number of cutouts with one vote. They count for the shares of the labels alone.
    votes : int
        Number of votes.
    unanimous : int
        Number of cutouts with at least two votes that are all equal.
    raw_agreement : Estimate
        Share of the pairs of votes that agree, averaged over cutouts.
    fleiss_kappa : Estimate
        Fleiss' kappa; without a value if all votes are equal.
    gwet_ac1 : Estimate
        Gwet's AC1.
    """

    cutouts: int
    single: int
    votes: int
    unanimous: int
    raw_agreement: Estimate
    fleiss_kappa: Estimate
    gwet_ac1: Estimate


@dataclass(frozen=True)
class ReviewerAgreement:
    """Statistics of the verdicts of one reviewer.

    Attributes
    ----------
    name : str
        Name of the reviewer.
    votes, unsure : int
        Number of votes, and of unsure verdicts.
    unsure_rate : Estimate
        Share of the unsure verdicts among both.
    repeats, repeats_equal : int
        Number of repeated cutouts with two votes, and of those with equal votes.
    self_agreement : Estimate
        Share of the repeated cutouts with equal votes.
    timed : int
        Number of verdicts with a known time.
    seconds : float or None
        Median time of a verdict in seconds; None if no time is known.
    against_others : AgainstOthers or None
        Comparison with the majority of the others; None below three reviewers.
    """

    name: str
    votes: int
    unsure: int
    unsure_rate: Estimate
    repeats: int
    repeats_equal: int
    self_agreement: Estimate
    timed: int
    seconds: float | None
    against_others: AgainstOthers | None


@dataclass(frozen=True)
class TeamAgreement:
    """Agreement of the reviewers of a team.

    Attributes
    ----------
    groups, blocks : int
        Number of groups of cutouts, and of the blocks that they are joined into.
    overall : OverallAgreement
        Agreement of all reviewers together.
    pairs : tuple of PairAgreement
        Agreement of each pair of reviewers, in the order of the names.
    reviewers : tuple of ReviewerAgreement
        Each reviewer, in the order of the names.
    """

    groups: int
    blocks: int
    overall: OverallAgreement
    pairs: tuple[PairAgreement, ...]
    reviewers: tuple[ReviewerAgreement, ...]


def measure_agreement(ratings: Ratings) -> TeamAgreement:
    """Measure how well the reviewers of a team agree.

    All intervals are 95 % jackknife-t intervals, which leave out one group of cutouts
    at a time; see `core.scores.jackknife`. A number without an interval says why.

    Parameters
    ----------
    ratings : Ratings
        Independent votes, repeated votes and times.
    """
    distinct, groups = np.unique(ratings.groups, return_inverse=True)
    block = join_groups(groups.astype(np.int64))
    blocks = int(block.max(initial=-1)) + 1
    against = compare_with_others(ratings, block)
    return TeamAgreement(
        len(distinct),
        blocks,
        _overall(ratings.labels, block, blocks),
        tuple(
            _pair(ratings, i, j, block, blocks)
            for i, j in combinations(range(len(ratings.names)), 2)
        ),
        tuple(
            _reviewer(ratings, i, block, None if against is None else against[i])
            for i in range(len(ratings.names))
        ),
    )


def _overall(
    labels: npt.NDArray[np.int8], block: _Ints, blocks: int
) -> OverallAgreement:
    counts = np.stack([(labels == label).sum(axis=1) for label in (0, 1)], axis=1)
    votes = counts.sum(axis=1)
    has_several = votes >= 2
    sums = sum_votes(counts, block, blocks)
    none = "no cutout has two votes"
    return OverallAgreement(
        int(np.count_nonzero(has_several)),
        int(np.count_nonzero(votes == 1)),
        int(votes.sum()),
        int(np.count_nonzero(has_several & (counts.max(axis=1) == votes))),
        _estimate(raw_agreement, sums, none, RATIO),
        _kappa(fleiss_kappa, sums, sums, none),
        _estimate(gwet_ac1, sums, none),
    )


def _pair(ratings: Ratings, i: int, j: int, block: _Ints, blocks: int) -> PairAgreement:
    tables = cross_tables(ratings.labels[:, i], ratings.labels[:, j], block, blocks)
    (neither, only_second), (only_first, both) = tables.sum(axis=0).astype(int).tolist()
    sums = sums_of_tables(tables)
    none = "no cutout has a vote of both"
    return PairAgreement(
        ratings.names[i],
        ratings.names[j],
        both + only_first + only_second + neither,
        both,
        only_first,
        only_second,
        neither,
        _estimate(raw_agreement, sums, none, RATIO),
        _kappa(cohen_kappa, tables, sums, none),
        _estimate(gwet_ac1, sums, none),
    )


def _reviewer(
    ratings: Ratings, i: int, block: _Ints, against_others: AgainstOthers | None
) -> ReviewerAgreement:
    name = ratings.names[i]
    has_vote, unsure = ratings.labels[:, i] >= 0, ratings.unsure[:, i]
    repeats, equal, self_agreement = _self_agreement(ratings, name)
    seconds = ratings.seconds.get(name, np.zeros(0))
    return ReviewerAgreement(
        name,
        int(np.count_nonzero(has_vote)),
        int(np.count_nonzero(unsure)),
        _share_of(unsure, has_vote | unsure, block, "there is no verdict"),
        repeats,
        equal,
        self_agreement,
        len(seconds),
        float(np.median(seconds)) if len(seconds) else None,
        against_others,
    )


def _self_agreement(ratings: Ratings, name: str) -> tuple[int, int, Estimate]:
    """Return the number of repeats, of equal ones, and their share."""
    pairs = ratings.repeats.get(name, np.zeros((0, 2), dtype=np.int8))
    groups = ratings.repeat_groups.get(name, np.zeros(0, dtype=np.int64))
    has_both = np.asarray((pairs >= 0).all(axis=1))
    is_equal = has_both & (pairs[:, 0] == pairs[:, 1])
    block = join_groups(np.unique(groups, return_inverse=True)[1].astype(np.int64))
    share = _share_of(is_equal, has_both, block, "no cutout has a repeated vote")
    return int(np.count_nonzero(has_both)), int(np.count_nonzero(is_equal)), share


def _share_of(
    part: npt.NDArray[np.bool_], whole: npt.NDArray[np.bool_], block: _Ints, none: str
) -> Estimate:
    """Estimate the share of the cutouts of a whole that belong to a part."""
    blocks = int(block.max(initial=-1)) + 1
    sums = [np.bincount(block, each, blocks) for each in (whole, part)]
    return _estimate(raw_agreement, np.stack(sums, axis=1), none, RATIO)


def _estimate(
    compute: Callable[[_Floats], _Floats],
    sums: _Floats,
    none: str,
    limits: tuple[float, float] = COEFFICIENT,
    groups: int | None = None,
) -> Estimate:
    """Estimate a coefficient; `none` is the reason why it has no value."""
    return estimate_from_sums(
        compute, sums, limits=limits, groups=groups, undefined=none
    )


def _kappa(
    compute: Callable[[_Floats], _Floats], data: _Floats, sums: _Floats, none: str
) -> Estimate:
    """Estimate a kappa from data by block, and from the sums of the same votes."""
    cutouts, votes = sums[:, 0].sum(), sums[:, 2:] > 0
    if cutouts and np.count_nonzero(votes.any(axis=0)) == 1:
        label = LABEL_NAMES[int(votes.any(axis=0).argmax())]
        none = f'all votes are "{label}"'
    # A kappa rests on the groups that have the rarer of the two labels.
    rarer = int(np.count_nonzero(votes, axis=0).min())
    return _estimate(compute, data, none, groups=rarer)
