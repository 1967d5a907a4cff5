"""Exact confidence intervals for the number of wrong labels, from a random sample."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: Probability that at least one interval of all audits misses the true number.
ALPHA = 0.05

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval for a number of cutouts; both ends belong to it."""

    low: int
    high: int


def audit_alpha(number: int) -> float:
    """Return the error probability of one audit of a review.

    It is 0.05 * 6 / (pi^2 number^2). The sum over all numbers is 0.05, so that all
    audits of a review together keep 95 % (Bonferroni's inequality and the sum of the
    inverse squares), however many there are and whenever the reviewer asks for them.

    Parameters
    ----------
    number : int
        Number of the audit in its review, from 1. An abandoned audit counts.

    Raises
    ------
    ValueError
        If the number is less than 1.
    """
    if number < 1:
        raise ValueError(f"The number of an audit is at least 1, not {number}.")
    return ALPHA * 6 / (math.pi * number) ** 2


def hypergeometric_interval(
    k: int,
    n: int,
    population: int,
    alpha: float = ALPHA,
    false_alarms: float = 0.0,
) -> Interval:
    """Compute the exact interval for the number of wrong labels in a population.

    Let the population hold K wrong labels, and a simple random sample of n cutouts
    without replacement hold X of them: X is hypergeometric. The interval has all K that
    neither of two one-sided exact tests rejects: P(X >= k | K) >= alpha / 2 and
    P(X <= k | K) >= alpha / 2. This is the method of C. J. Clopper & E. S. Pearson
    (Biometrika 26, 404, 1934) for the hypergeometric distribution. Each end alone is
    the smallest exact one-sided bound at 1 - alpha / 2 (W. Wang, J. Am. Stat. Assoc.
    110, 1491, 2015). Wang's two-sided interval is shorter, but its ends are no such
    bounds, and the decision to stop relies on the upper end alone. The coverage is at
    least 1 - alpha for every K.

    False alarms that the confirmation repeats can only add to k. If each right label of
    the sample counts as a find with probability q, independently of the others, then
    Y = X + Binomial(n - X, q) is observed. Y increases stochastically with K and q.
    The union of the exact intervals for all q from 0 to `false_alarms` is therefore
    the lower end for q = `false_alarms` with the upper end for q = 0, and it keeps the
    coverage for every such q.

    Parameters
    ----------
    k : int
        Number of wrong labels found in the sample.
    n : int
        Size of the sample.
    population : int
        Size of the population, sample included.
    alpha : float
        Largest probability that the interval misses K; between 0 and 1.
    false_alarms : float
        Largest probability, from 0 to below 1, that a right label of the sample
        counts as a find.

    Returns
    -------
    Interval
        Smallest and largest number of wrong labels in the population.

    Raises
    ------
    ValueError
        If 0 <= k <= n <= population, 0 < alpha < 1 or 0 <= false_alarms < 1 is wrong.
    """
    if not 0 <= k <= n <= population:
        raise ValueError(f"{k} of {n} of {population} is no sample of a population.")
    if not (0 < alpha < 1 and 0 <= false_alarms < 1):
        raise ValueError(f"alpha {alpha} or false_alarms {false_alarms} is no rate.")
    highest = population - n + k
    # Rounding never shortens the interval.
    level = alpha / 2 * (1 - 1e-9)

    def may_be_low(wrong: int) -> bool:
        return at_least(k, n, population, wrong, false_alarms) >= level

    def is_too_high(wrong: int) -> bool:
        return at_most(k, n, population, wrong) < level

    lowest = k if false_alarms == 0 else 0
    above_low, above_high = range(lowest, highest), range(k + 1, highest + 1)
    return Interval(
        lowest + bisect_left(above_low, True, key=may_be_low),
        k + bisect_left(above_high, True, key=is_too_high),
    )


def at_most(k: int, n: int, population: int, wrong: int) -> float:
    """Compute the probability that a sample holds at most k wrong labels.

    Parameters
    ----------
    k, n : int
        Number of wrong labels in the sample, and its size.
    population, wrong : int
        Size of the population, and its number of wrong labels.
    """
    counts, probability = _hypergeometric(n, population, wrong)
    return float(probability[counts <= k].sum())


def at_least(
    k: int, n: int, population: int, wrong: int, false_alarms: float = 0.0
) -> float:
    """Compute the probability of at least k finds in a sample.

    Parameters
    ----------
    k, n : int
        Number of finds in the sample, and its size.
    population, wrong : int
        Size of the population, and its number of wrong labels.
    false_alarms : float
        Probability that a right label of the sample counts as a find.
    """
    counts, probability = _hypergeometric(n, population, wrong)
    enough = probability[counts >= k].sum()
    if false_alarms == 0:
        return float(enough)
    # Import scipy here, because the session imports this module and must open fast.
    from scipy.special import bdtrc

    # k <= n, so the right labels are at least as many as the missing finds.
    few, right = counts[counts < k], n - counts[counts < k]
    with_false_alarms = bdtrc(k - few - 1, right, false_alarms)
    return float(enough + probability[counts < k] @ with_false_alarms)


def _hypergeometric(n: int, population: int, wrong: int) -> tuple[_Ints, _Floats]:
    """Return the likely numbers of wrong labels in a sample, and their probabilities.

    The ratios of neighbouring probabilities are exact to rounding, so their products
    from the mode need no factorials. A hypergeometric variable is a sum of independent
    indicators (V. A. Vatutin & V. G. Mikhailov, Theory Probab. Appl. 27, 734, 1982), so
    Bernstein's inequality holds with its own variance: less than 1e-25 is left out.
    """
    right = population - wrong
    mode = (n + 1) * (wrong + 1) // (population + 2)
    pairs = max(population**2 * (population - 1), 1)
    variance = n * wrong * right * (population - n) / pairs
    reach = 40 + int(12 * math.sqrt(variance))
    lowest = max(0, n - right, mode - reach)
    highest = min(n, wrong, mode + reach)
    up = np.arange(mode, highest)
    down = np.arange(mode, lowest, -1)
    above = (wrong - up) * (n - up) / ((up + 1) * (right - n + up + 1))
    below = down * (right - n + down) / ((wrong - down + 1) * (n - down + 1))
    weights = np.concatenate([np.cumprod(below)[::-1], [1.0], np.cumprod(above)])
    return np.arange(lowest, highest + 1), weights / weights.sum()
