"""Ranking of cutouts by confidence, with precision, recall and average precision."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_Counts = npt.NDArray[np.int64]
_Truth = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]


class Curve(NamedTuple):
    """Precision-recall curve, with a point for each threshold.

    Attributes
    ----------
    precision, recall : ndarray of float64, shape (t + 1,)
        Values in the order of `thresholds`. The last values, precision 1 and recall 0,
        are those without any predicted artifact.
    thresholds : ndarray of float64, shape (t,)
        Distinct confidences, ascending.
    """

    precision: _Floats
    recall: _Floats
    thresholds: _Floats


class Ranking:
    """A ranking of cutouts by descending confidence.

    Cutouts with equal confidence form a group. The order does not depend on labels. It
    is computed by the first method that is called, in any thread, and then cached.

    Parameters
    ----------
    confidence : ndarray of float64, shape (n,), or None
        The model's probability of an artifact; NaN for cutouts without a confidence.
    """

    def __init__(self, confidence: _Floats | None) -> None:
        self._confidence = np.empty(0) if confidence is None else confidence

    @cached_property
    def _groups(self) -> tuple[npt.NDArray[np.intp], _Counts]:
        """Rows by descending confidence, and row count at the end of each group."""
        rows = np.flatnonzero(~np.isnan(self._confidence))
        rows = rows[np.argsort(-self._confidence[rows], kind="stable")]
        steps = np.diff(self._confidence[rows], append=np.nan)
        return rows, np.flatnonzero(steps != 0) + 1

    def _count(self, which: _Truth) -> _Counts:
        """Return the cumulative count of a mask at the end of each group."""
        rows, ends = self._groups
        return np.cumsum(which[rows], dtype=np.int64)[ends - 1]

    def curve(self, label: npt.NDArray[np.int8]) -> Curve | None:
        """Return the precision-recall curve.

        Parameters
        ----------
        label : ndarray of int8, shape (n,)
            1 artifact, 0 no artifact.

        Returns
        -------
        Curve or None
            The same points as `sklearn.metrics.precision_recall_curve`; None if no
            artifact has a confidence.
        """
        rows, ends = self._groups
        found = self._count(label == 1)
        if not found.size or not found[-1]:
            return None
        return Curve(
            np.append((found / ends)[::-1], 1.0),
            np.append((found / found[-1])[::-1], 0.0),
            self._confidence[rows[ends - 1]][::-1],
        )

    def average_precision(self, label: npt.NDArray[np.int8]) -> float | None:
        """Return the average precision of the ranking.

        The average precision is the sum of (R_n - R_(n-1)) P_n over the groups of equal
        confidence, where P_n and R_n are precision and recall at group n. This is the
        definition of scikit-learn's `average_precision_score` (M. Zhu, Recall,
        Precision and Average Precision, Univ. of Waterloo 2004). The area under the
        linearly interpolated curve would be too optimistic (J. Davis & M. Goadrich,
        ICML 2006).

        Parameters
        ----------
        label : ndarray of int8, shape (n,)
            1 artifact, 0 no artifact.

        Returns
        -------
        float or None
            The average precision; None if no artifact has a confidence.
        """
        found = self._count(label == 1)
        if not found.size or not found[-1]:
            return None
        added = np.diff(found, prepend=0)
        return float(np.sum(added * found / self._groups[1]) / found[-1])

    def extremes(
        self,
        label: npt.NDArray[np.int8],
        is_open: _Truth,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[float | None, float | None]:
        """Return the lowest and highest possible average precision after the review.

        Parameters
        ----------
        label : ndarray of int8, shape (n,)
            1 artifact, 0 no artifact; ignored for open cutouts.
        is_open : ndarray of bool, shape (n,)
            Whether the label of each cutout is undecided: it may become 0 or 1.
        is_cancelled : callable
            Function that returns whether the computation should be cancelled. The
            computation takes about 10 s for 100,000 open cutouts of equal confidence.

        Returns
        -------
        lowest, highest : float or None
            Extremes over all possible labels of the open cutouts, except labels for
            which the average precision is undefined; None if it is always undefined.

        Raises
        ------
        CancelledError
            If the computation was cancelled.
        """
        _, ends = self._groups
        fixed = self._count((label == 1) & ~is_open)
        opened = self._count(is_open)
        if not fixed.size or not fixed[-1] + opened[-1]:
            return None, None
        share = np.diff(fixed, prepend=0) / ends
        counts = np.diff(opened, prepend=0)
        at = np.flatnonzero(counts)
        # Sum by which an additional artifact increases the precision at the fixed
        # artifacts of its group and of the groups below.
        below = np.cumsum(share[::-1])[::-1][at]
        groups = OpenGroups(counts[at], ends[at], fixed[at], below)
        sums = groups.sums(bool(np.any(share[at])), is_cancelled)
        sums += np.sum(share * fixed)
        artifacts = fixed[-1] + np.arange(opened[-1] + 1)
        start = int(artifacts[0] == 0)
        means = sums[:, start:] / artifacts[start:]
        return float(means[0].min()), float(means[1].max())


class OpenGroups(NamedTuple):
    """Groups of equal confidence with open cutouts, by descending confidence.

    Let group j have p_j artifacts, and let the groups from the top to j have C_j
    artifacts and N_j cutouts. The average precision times the number of artifacts is
    the sum of p_j C_j / N_j over all groups. Let f_j and F_j be the parts of p_j and
    C_j from fixed labels, and let t_j and c_j be the parts from open labels. Then the
    sum is a constant plus the sum of t_j (F_j + c_j) / N_j + t_j B_j over the groups
    with open cutouts. B_j is the sum of f_i / N_i from group j to the bottom.

    Attributes
    ----------
    counts : ndarray of int64, shape (g,)
        Number of open cutouts in each group.
    ends, fixed : ndarray of int64, shape (g,)
        N_j and F_j of each group.
    below : ndarray of float64, shape (g,)
        B_j of each group.
    """

    counts: _Counts
    ends: _Counts
    fixed: _Counts
    below: _Floats

    def sums(self, with_fixed: bool, is_cancelled: Callable[[], bool]) -> _Floats:
        """Return the lowest and highest sum, by number of artifacts in open cutouts.

        Parameters
        ----------
        with_fixed : bool
            Whether any group with open cutouts has fixed artifacts too.
        is_cancelled : callable
            Function that returns whether the computation should be cancelled.

        Returns
        -------
        ndarray of float64, shape (2, k + 1)
            Lowest and highest sum, without the constant, if 0 to k of the k open
            cutouts are artifacts.
        """
        if with_fixed or np.any(self.counts > 1):
            return self.searched_sums(is_cancelled)
        return self.ordered_sums()

    def ordered_sums(self) -> _Floats:
        """Return the sums if each group has one open cutout and no fixed artifact.

        If an artifact moves up from group b to group a, which has no artifact, the sum
        loses C_b / N_b. It gains (C_a + 1) / N_a, and p_j / N_j for each group between.
        The gained numerators add up to C_b, and N decreases towards the top, so the sum
        never decreases. The sum is therefore highest if artifacts fill the groups from
        the top, and lowest if they fill the groups from the bottom.
        """
        rank = np.arange(1, len(self.counts) + 1)
        highest = (self.fixed + rank) / self.ends + self.below
        # Each additional artifact increases the terms of the artifacts below it.
        raised = np.cumsum(1 / self.ends[::-1])
        lowest = self.fixed[::-1] / self.ends[::-1] + raised + self.below[::-1]
        return np.pad(np.cumsum([lowest, highest], axis=1), ((0, 0), (1, 0)))

    def searched_sums(
        self, is_cancelled: Callable[[], bool] = lambda: False
    ) -> _Floats:
        """Return the sums in the general case, by dynamic programming over the groups.

        If confidences are equal, the sum need not be extreme when artifacts fill the
        groups from the top or the bottom. The term of a group depends only on the
        number of artifacts above it, so only the extremes for each number are stored
        (R. Bellman, Dynamic Programming, 1957). For k open cutouts, the time is
        proportional to k squared, and the memory to k.
        """
        # The lowest sum is the highest sum with the opposite sign.
        sign = np.array([[-1.0], [1.0]])
        numbers = sign * np.arange(np.sum(self.counts) + 1)
        best = np.full(numbers.shape, -np.inf)
        best[:, 0] = 0
        width = 1
        groups = (values.tolist() for values in self)
        for count, end, fixed, below in zip(*groups, strict=True):
            before = best[:, :width].copy()
            gain = numbers[:, : width + count] / end + sign * (fixed / end + below)
            for chosen in range(1, count + 1):
                if is_cancelled():
                    raise CancelledError
                part = slice(chosen, chosen + width)
                others = before + chosen * gain[:, part]
                np.maximum(best[:, part], others, out=best[:, part])
            width += count
        sums: _Floats = sign * best
        return sums
