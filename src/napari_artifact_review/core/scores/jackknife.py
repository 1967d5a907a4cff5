"""Confidence intervals that leave out one group of cutouts at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

#: Coverage of the intervals.
LEVEL = 0.95

#: Smallest number of groups that gives an interval.
FEWEST_GROUPS = 6

#: Largest number of blocks. More groups are joined into this number of blocks.
MOST_BLOCKS = 200

#: Reason why there is no interval of a number that is undefined.
UNDEFINED = "the number is undefined"

#: Seed of the order in which groups are joined into blocks.
_SEED = 0

#: Limits of a ratio, and of a coefficient of agreement or correlation.
RATIO, COEFFICIENT = (0.0, 1.0), (-1.0, 1.0)

_Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A number with its confidence interval.

    Attributes
    ----------
    value : float or None
        The number; None if it is undefined.
    low, high : float or None
        Ends of the 95 % interval; None if there is no interval.
    groups : int
        Number of groups, or of blocks of groups, that contribute to the number.
    standard_error : float or None
        The standard error of the number; None if there is no interval.
    reason : str
        The reason why there is no interval; otherwise empty.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    groups: int = 0
    standard_error: float | None = None
    reason: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None


def join_groups(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Join groups into at most `MOST_BLOCKS` blocks of about equal numbers of groups.

    The order in which the groups are joined is random, but always the same for the same
    number of groups.

    Parameters
    ----------
    groups : ndarray of int64, shape (n,)
        Group of each cutout, from 0 without a gap.

    Returns
    -------
    ndarray of int64, shape (n,)
        Block of each cutout, from 0 without a gap.
    """
    count = int(groups.max(initial=-1)) + 1
    if count <= MOST_BLOCKS:
        return groups
    block_of_group = np.random.default_rng(_SEED).permutation(count) % MOST_BLOCKS
    return block_of_group[groups]


def jackknife_t(
    value: float | None,
    left_out: _Floats,
    contributes: npt.NDArray[np.bool_],
    groups: int,
    *,
    limits: tuple[float, float] | None,
    undefined: str = UNDEFINED,
) -> Estimate:
    """Compute the jackknife-t interval of a number.

    Let m groups contribute, and let t_i be the number without group i. The standard
    error is the square root of (m - 1) / m times the sum of (t_i - mean)^2 (J. W.
    Tukey, Bias and confidence in not-quite large samples, Ann. Math. Stat. 29, 614,
    1958; B. Efron & R. J. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11).
    The interval of a difference is the number plus or minus the standard error times
    the quantile of Student's t distribution with m - 1 degrees of freedom.

    The interval of a ratio r is computed in the same way for its log odds, whose
    standard error is that of the ratio divided by r (1 - r), and transformed back (the
    delta method; on such transformations, see op. cit., ch. 12). Its ends lie
    between 0 and 1, and it covers the true ratio more often: with few groups, the
    distribution of a ratio near 1 is skewed. The same holds for a coefficient k from -1
    to 1, whose (k + 1) / 2 takes the place of the ratio (R. A. Fisher's z, Metron 1, 3,
    1921).

    The cutouts of an image, or of an exposure, resemble each other. The interval is
    therefore valid only if groups, and not cutouts, are left out.

    Parameters
    ----------
    value : float or None
        The number for all groups.
    left_out : ndarray of float64, shape (g,)
        The number without each group; NaN if it is undefined.
    contributes : ndarray of bool, shape (g,)
        Whether the number depends on any cutout of each group.
    groups : int
        Number of groups on which the interval can rest.
    limits : tuple of float or None
        Lowest and highest possible number, such as `RATIO` or `COEFFICIENT`; None for a
        difference of ratios.
    undefined : str
        Reason why there is no interval if the number is None.

    Returns
    -------
    Estimate
        The number with its interval, or with the reason why there is none.
    """
    if value is None:
        return Estimate(None, groups=groups, reason=undefined)
    values = left_out[contributes]
    count, reason = len(values), ""
    if groups < FEWEST_GROUPS:
        only = "1 group contributes" if groups == 1 else f"{groups} groups contribute"
        reason = f"only {only} to it, and an interval needs {FEWEST_GROUPS}"
    elif np.isnan(values).any():
        reason = "it is undefined without one of the groups"
    elif np.ptp(values) <= 1e-12:
        reason = "it is the same without any one of the groups"
    if reason:
        return Estimate(value, groups=groups, reason=reason)
    error = np.sqrt((count - 1) / count * np.sum((values - values.mean()) ** 2))
    margin = float(stdtrit(count - 1, (1 + LEVEL) / 2) * error)
    if limits is not None and limits[0] < value < limits[1]:
        low, high = _ends_between(limits, value, margin)
    else:
        low, high = max(-1.0, value - margin), min(1.0, value + margin)
    return Estimate(value, low, high, groups, float(error))


def _ends_between(
    limits: tuple[float, float], value: float, margin: float
) -> tuple[float, float]:
    """Return the ends of the interval of a number with limits, from its log odds."""
    lowest, width = limits[0], limits[1] - limits[0]
    ratio = (value - lowest) / width
    spread = margin / width / (ratio * (1 - ratio))
    low, high = expit(logit(ratio) + np.array([-spread, spread])) * width + lowest
    return float(low), float(high)


def estimate_from_sums(
    compute: Callable[[_Floats], _Floats],
    sums: _Floats,
    *,
    limits: tuple[float, float] | None,
    groups: int | None = None,
    undefined: str = UNDEFINED,
) -> Estimate:
    """Estimate a number that depends on the cutouts through sums alone.

    The sums without a group are all sums minus those of the group, so the numbers
    without each group take no second pass over the cutouts.

    Parameters
    ----------
    compute : callable
        Function from sums of shape (k, ...) to the k numbers; NaN where a number is
        undefined.
    sums : ndarray of float64, shape (g, ...)
        Sums over the cutouts of each group. A group with zeros alone does not
        contribute.
    limits : tuple of float or None
        Lowest and highest possible number; see `jackknife_t`.
    groups : int, optional
        Number of groups on which the interval can rest; by default, the number of
        groups that contribute.
    undefined : str
        Reason why there is no interval if the number is undefined.

    Returns
    -------
    Estimate
        The number with its interval, or with the reason why there is none; see
        `jackknife_t`.
    """
    contributes = np.asarray(sums.any(axis=tuple(range(1, sums.ndim))))
    total = sums.sum(axis=0)
    numbers = compute(np.concatenate([total[np.newaxis], total - sums]))
    value = None if np.isnan(numbers[0]) else float(numbers[0])
    if groups is None:
        groups = int(np.count_nonzero(contributes))
    return jackknife_t(
        value,
        numbers[1:],
        contributes,
        groups,
        limits=limits,
        undefined=undefined,
    )
