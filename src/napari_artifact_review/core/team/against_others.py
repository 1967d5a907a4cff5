"""Each reviewer against the majority of the other reviewers.

The majority of the others is no truth, so these numbers are not called accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtr

from napari_artifact_review.core.outcomes import OUTCOMES, outcome_codes
from napari_artifact_review.core.scores.jackknife import (
    LEVEL,
    RATIO,
    Estimate,
    estimate_from_sums,
)
from napari_artifact_review.core.scores.parts import (
    BRIGHTNESS_NAMES,
    parts_by_brightness,
    parts_by_text,
)
from napari_artifact_review.core.team.kappas import ratio
from napari_artifact_review.core.team.ratings import Ratings

#: Smallest number of reviewers for a comparison with the others.
FEWEST_REVIEWERS = 3

_TN, _FN, _FP, _TP = range(len(OUTCOMES))

#: Codes of a cutout without a strict majority of the others, with fewer than two votes
#: of them, and without a vote of the reviewer.
_TIE, _TOO_FEW, _NO_VOTE, _CODES = range(len(OUTCOMES), len(OUTCOMES) + 4)

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """Votes of a reviewer by the majority of the others.

    Attributes
    ----------
    tp, fn : int
        Number of cutouts that the others call an artifact, and that the reviewer calls
        an artifact (TP) or not (FN).
    fp, tn : int
        Number of cutouts that the others call no artifact, and that the reviewer calls
        an artifact (FP) or not (TN).
    sensitivity : Estimate
        TP / (TP + FN).
    specificity : Estimate
        TN / (TN + FP).
    """

    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Estimate
    specificity: Estimate


class Part(NamedTuple):
    """Confusion on a part of the cutouts.

    Attributes
    ----------
    name : str
        Name of the part, such as a kind.
    confusion : Confusion
        The votes on this part.
    """

    name: str
    confusion: Confusion


@dataclass(frozen=True)
class SensitivityTest:
    """Test whether a reviewer misses more artifacts than the other reviewers.

    Attributes
    ----------
    others : float or None
        Sensitivity of the other reviewers together, each against all others, in the
        groups where the reviewer has a sensitivity; None if it is undefined.
    difference : Estimate
        Sensitivity of the reviewer minus that of the other reviewers, with its paired
        interval.
    p_value : float or None
        Probability of such a low difference, or a lower one, if the reviewer misses no
        more than the others, adjusted for the number of reviewers; None without an
        interval.
    """

    others: float | None
    difference: Estimate
    p_value: float | None

    @property
    def misses_more(self) -> bool:
        """Whether the reviewer misses more artifacts than the others, beyond chance."""
        return self.p_value is not None and self.p_value < 1 - LEVEL


@dataclass(frozen=True)
class AgainstOthers:
    """Votes of a reviewer against the strict majority of at least two others.

    Attributes
    ----------
    confusion : Confusion
        All votes on cutouts where the others have a strict majority.
    ties : int
        Number of the reviewer's votes where the votes of the others are tied.
    too_few : int
        Number of the reviewer's votes where fewer than two others have a vote.
    by_kind : tuple of Part
        Cutouts that the others call an artifact, by kind. They have no specificity,
        because a cutout without an artifact has no kind.
    by_brightness : tuple of Part
        Cutouts by quarters of the known brightness.
    test : SensitivityTest
        Test whether the reviewer misses more artifacts than the other reviewers.
    """

    confusion: Confusion
    ties: int
    too_few: int
    by_kind: tuple[Part, ...]
    by_brightness: tuple[Part, ...]
    test: SensitivityTest


def compare_with_others(ratings: Ratings, block: _Ints) -> list[AgainstOthers] | None:
    """Compare each reviewer with the strict majority of at least two others.

    Each other reviewer has one vote. Ties, and cutouts with fewer than two other votes,
    are left out and counted.

    Parameters
    ----------
    ratings : Ratings
        The votes.
    block : ndarray of int64, shape (n,)
        Block of each cutout, from 0 without a gap; intervals leave out one at a time.

    Returns
    -------
    list of AgainstOthers or None
        One for each reviewer; None if there are fewer than `FEWEST_REVIEWERS`.
    """
    if len(ratings.names) < FEWEST_REVIEWERS:
        return None
    codes = _codes(ratings.labels)
    kinds = parts_by_text(pd.Series(ratings.kinds, dtype=object))
    brightness = (parts_by_brightness(ratings.brightness), BRIGHTNESS_NAMES)
    counts = _count(codes, block)
    tests = _tests(counts)
    found = []
    for code, count, test in zip(codes.T, counts, tests, strict=True):
        is_artifact = (code == _TP) | (code == _FN)
        found.append(
            AgainstOthers(
                _confusion(count),
                int(count[:, _TIE].sum()),
                int(count[:, _TOO_FEW].sum()),
                tuple(_parts(np.where(is_artifact, code, _NO_VOTE), block, *kinds)),
                tuple(_parts(code, block, *brightness)),
                test,
            )
        )
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of tests.

    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6,
    65, 1979. The probability of any false rejection is at most the level of the tests,
    whatever their dependence.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    factors = np.arange(len(values), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(factors * values[order], 1))
    return [float(value) for value in adjusted]


def _codes(labels: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Return the outcome of each vote against the others, shape (n, m)."""
    is_artifact, is_none = labels == 1, labels == 0
    artifacts, nones = (
        votes.sum(axis=1, keepdims=True) - votes for votes in (is_artifact, is_none)
    )
    majority = (artifacts > nones).astype(np.int8)
    codes = outcome_codes(majority, is_artifact.astype(np.int8))
    codes[artifacts == nones] = _TIE
    codes[artifacts + nones < 2] = _TOO_FEW
    codes[labels < 0] = _NO_VOTE
    return codes


def _count(codes: npt.NDArray[np.int8], block: _Ints) -> _Floats:
    """Count the votes of each reviewer by block and code, shape (m, blocks, codes)."""
    reviewers, blocks = codes.shape[1], int(block.max(initial=-1)) + 1
    rows = block[:, np.newaxis] + np.arange(reviewers) * blocks
    counts = np.bincount(
        (rows * _CODES + codes).ravel(), minlength=reviewers * blocks * _CODES
    )
    return counts.reshape(reviewers, blocks, _CODES).astype(np.float64)


def _parts(
    code: npt.NDArray[np.int8], block: _Ints, part: _Ints, names: Sequence[str]
) -> Iterator[Part]:
    """Yield the confusion on each part with any vote against a majority."""
    for i, name in enumerate(names):
        count = _count(code[part == i, np.newaxis], block[part == i])[0]
        if count[:, : len(OUTCOMES)].any():
            yield Part(name, _confusion(count))


def _confusion(count: _Floats) -> Confusion:
    """Return the confusion from counts of shape (blocks, codes)."""
    tn, fn, fp, tp = (int(count[:, code].sum()) for code in (_TN, _FN, _FP, _TP))
    return Confusion(
        tp,
        fp,
        fn,
        tn,
        _share(count[:, [_TP, _FN]], "the others call no cutout an artifact"),
        _share(count[:, [_TN, _FP]], "the others call every cutout an artifact"),
    )


def _share(sums: _Floats, reason: str) -> Estimate:
    """Estimate the first sum as a share of both; the reason is for two zeros."""
    return estimate_from_sums(_first_share, sums, limits=RATIO, undefined=reason)


def _first_share(sums: _Floats) -> _Floats:
    return ratio(sums[..., 0], sums[..., :2].sum(axis=-1))


def _tests(counts: _Floats) -> list[SensitivityTest]:
    """Test each reviewer, from counts of shape (m, blocks, codes)."""
    found = counts[:, :, [_TP, _FN]]
    others = found.sum(axis=0) - found
    tests = [_test(*pair) for pair in zip(found, others, strict=True)]
    known = [i for i, test in enumerate(tests) if test.p_value is not None]
    adjusted = holm([tests[i].p_value or 0.0 for i in known])
    for i, p_value in zip(known, adjusted, strict=True):
        tests[i] = SensitivityTest(tests[i].others, tests[i].difference, p_value)
    return tests


def _test(own: _Floats, others: _Floats) -> SensitivityTest:
    """Test one reviewer by Student's t, from sums of TP and FN by block."""
    is_shared = own.any(axis=1)
    own, others = own[is_shared], others[is_shared]
    difference = estimate_from_sums(
        lambda sums: _first_share(sums[..., :2]) - _first_share(sums[..., 2:]),
        np.concatenate([own, others], axis=1),
        limits=None,
    )
    pooled = float(_first_share(others.sum(axis=0)))
    p_value = None
    if difference.value is not None and difference.standard_error is not None:
        t = difference.value / difference.standard_error
        p_value = float(stdtr(difference.groups - 1, t))
    return SensitivityTest(None if np.isnan(pooled) else pooled, difference, p_value)
