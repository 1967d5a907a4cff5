"""Two rules for stopping that need no extra looks: an estimate, and a test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.learning.audit_interval import at_most

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RetrospectiveTest:
    """The result of the retrospective rule.

    Attributes
    ----------
    p_value : float
        Smallest p-value over all numbers of last looks.
    looks : int
        Number of last looks that gives it.
    may_stop : bool
        Whether the p-value is less than alpha.
    """

    p_value: float
    looks: int
    may_stop: bool


def looks_to_target(
    probability: _Floats, found: int, target: float = 0.9, outside: float = 0.0
) -> int | None:
    """Return how many further looks bring the estimated recall to a target.

    After m looks, (found + the sum of the first m probabilities) / (found + the sum of
    all probabilities + outside) is the estimated recall. It is an estimate of the
    model, and guarantees nothing.

    Parameters
    ----------
    probability : ndarray of float64, shape (n,)
        Probability that the label is wrong, for each cutout without a verdict, in the
        order of the queue.
    found : int
        Number of wrong labels found so far.
    target : float
        Recall to reach, from 0 to 1.
    outside : float
        Estimated number of wrong labels outside the queue; 0 for the recall of the
        queue alone.

    Returns
    -------
    int or None
        Number of looks; None if the whole queue does not reach the target, or if no
        wrong label is found or expected.

    Raises
    ------
    ValueError
        If a probability is not from 0 to 1.
    """
    expected = found + np.cumsum(np.append(0.0, checked_probability(probability)))
    total = expected[-1] + outside
    if total == 0:
        return None
    # A tolerance for rounding: a cumulative sum depends on its order.
    is_reached = expected >= target * total * (1 - 1e-12)
    return int(np.argmax(is_reached)) if is_reached[-1] else None


def seconds_for(looks: int | None, pace: float | None) -> float | None:
    """Return the time for a number of looks in seconds; None if an argument is.

    Parameters
    ----------
    looks : int or None
        Number of looks.
    pace : float or None
        Time per look in seconds, for example the median of the verdicts so far.
    """
    return None if looks is None or pace is None else looks * pace


def retrospective_stop(
    found: npt.NDArray[np.bool_],
    population_left: int,
    target: float = 0.9,
    alpha: float = 0.01,
) -> RetrospectiveTest:
    """Test whether the last looks found too few wrong labels for a low recall.

    Suppose that the recall is below the target, so that a certain number of wrong
    labels at least is left. If the last looks had been a random sample of what was
    left before them, so few finds among them would have the probability p, which is
    hypergeometric. The rule stops if p < alpha for any number of last looks (M. W.
    Callaghan & F. Müller-Hansen, Systematic Reviews 9, 273, 2020, "ranked
    quasi-sampling").

    It assumes that the order was no worse than random, which makes few finds less
    probable still. It assumes that the reviewer misses nothing. Because it takes the
    smallest of many p-values, and is asked again and again, alpha is no guaranteed
    error probability; docs/stopping.md says how often the rule stops short in random
    orders.

    Parameters
    ----------
    found : ndarray of bool, shape (n,)
        Whether each look found a wrong label, oldest look first.
    population_left : int
        Number of cutouts without a look.
    target : float
        Recall to reach, above 0 and at most 1.
    alpha : float
        p-value below which the rule stops.

    Returns
    -------
    RetrospectiveTest
        The smallest p-value, and whether the review may stop. If too few cutouts are
        left for a lower recall, the p-value is 0.
    """
    looks, total = len(found), int(np.count_nonzero(found))
    # The fewest wrong labels left with total / (total + fewest) < target.
    fewest = math.floor(total / target) + 1 - total
    if fewest > population_left:
        return RetrospectiveTest(0.0, 0, True)
    best = RetrospectiveTest(1.0, 0, False)
    # One more look without a find lowers p, so the runs begin just after a find.
    starts = np.concatenate([[0], np.flatnonzero(found) + 1])
    for finds_before, start in enumerate(starts.tolist()):
        n, k = looks - start, total - finds_before
        p_value = at_most(k, n, population_left + n, k + fewest)
        if p_value < best.p_value:
            best = RetrospectiveTest(p_value, n, p_value < alpha)
    return best


def checked_probability(probability: _Floats) -> _Floats:
    """Return probabilities unchanged, or raise ValueError.

    Parameters
    ----------
    probability : ndarray of float64, shape (n,)
        Numbers that must be from 0 to 1, and not NaN.
    """
    values = np.asarray(probability, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("A probability is a number from 0 to 1.")
    return values
