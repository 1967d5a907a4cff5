"""Coefficients of agreement: raw agreement, Cohen's and Fleiss' kappa, Gwet's AC1.

Each coefficient is a function of sums over cutouts. The jackknife therefore needs the
sums of each group only. The functions work for any number of categories.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def ratio(part: _Floats, whole: _Floats) -> _Floats:
    """Divide element by element; NaN where the whole is zero."""
    part, whole = np.broadcast_arrays(part, whole)
    quotient = np.full(part.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient


def sum_votes(counts: _Ints, block: _Ints, blocks: int) -> _Floats:
    """Sum what the coefficients of all reviewers together depend on.

    Parameters
    ----------
    counts : ndarray of int64, shape (n, q)
        Number of votes for each of the q categories on each cutout. Their sum may
        differ between cutouts.
    block : ndarray of int64, shape (n,)
        Block of each cutout, from 0.
    blocks : int
        Number of blocks.

    Returns
    -------
    ndarray of float64, shape (blocks, 2 + q)
        Number of cutouts with at least two votes; sum over these of the share of pairs
        of votes that agree; and sums over all cutouts of the share of the votes for
        each category.
    """
    votes = counts.sum(axis=1)
    pairs = votes * (votes - 1)
    equal = (counts * (counts - 1)).sum(axis=1)
    columns = np.column_stack(
        [
            votes >= 2,
            equal / np.maximum(pairs, 1),
            counts / np.maximum(votes, 1)[:, None],
        ]
    )
    sums = [np.bincount(block, column, blocks) for column in columns.T]
    return np.stack(sums, axis=1)


def cross_tables(
    first: npt.NDArray[np.int8],
    second: npt.NDArray[np.int8],
    block: _Ints,
    blocks: int,
    categories: int = 2,
) -> _Floats:
    """Count the cutouts by the votes of two reviewers.

    Parameters
    ----------
    first, second : ndarray of int8, shape (n,)
        Categories from 0; negative without a vote. A cutout counts if both vote.
    block : ndarray of int64, shape (n,)
        Block of each cutout, from 0.
    blocks, categories : int
        Number of blocks, and of categories.

    Returns
    -------
    ndarray of float64, shape (blocks, categories, categories)
        Number of cutouts of each block by the first and the second vote.
    """
    both = (first >= 0) & (second >= 0)
    cells = (block[both] * categories + first[both]) * categories + second[both]
    counts = np.bincount(cells, minlength=blocks * categories**2)
    return counts.reshape(blocks, categories, categories).astype(np.float64)


def sums_of_tables(tables: _Floats) -> _Floats:
    """Return the sums of `sum_votes` from the tables of two reviewers.

    Parameters
    ----------
    tables : ndarray of float64, shape (..., q, q)
        Number of cutouts by the first and the second vote.

    Returns
    -------
    ndarray of float64, shape (..., 2 + q)
        The sums of `sum_votes` for cutouts with a vote of both.
    """
    shares = (tables.sum(axis=-1) + tables.sum(axis=-2)) / 2
    equal = np.trace(tables, axis1=-2, axis2=-1)
    return np.concatenate(
        [tables.sum(axis=(-2, -1))[..., None], equal[..., None], shares], axis=-1
    )


def raw_agreement(sums: _Floats) -> _Floats:
    """Return the share of pairs of votes that agree, averaged over cutouts.

    Parameters
    ----------
    sums : ndarray of float64, shape (..., 2 + q)
        Sums of `sum_votes`.

    Returns
    -------
    ndarray of float64, shape (...)
        The agreement, from 0 to 1; NaN without cutouts of two votes.
    """
    return ratio(sums[..., 1], sums[..., 0])


def fleiss_kappa(sums: _Floats) -> _Floats:
    """Return Fleiss' kappa, also for different numbers of votes on each cutout.

    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychol. Bull.
    76, 378, 1971; with missing votes as in K. L. Gwet, Handbook of Inter-Rater
    Reliability, 4th ed., 2014. Cutouts with one vote count for the shares of the
    categories, and those with two or more for the agreement.

    Parameters
    ----------
    sums : ndarray of float64, shape (..., 2 + q)
        Sums of `sum_votes`.

    Returns
    -------
    ndarray of float64, shape (...)
        The coefficient; NaN without cutouts of two votes, or if all votes are equal.
    """
    by_chance = (_shares(sums) ** 2).sum(axis=-1)
    return _beyond_chance(raw_agreement(sums), by_chance)


def gwet_ac1(sums: _Floats) -> _Floats:
    """Return Gwet's AC1, which stays meaningful if one category is rare.

    K. L. Gwet, Computing inter-rater reliability and its variance in the presence of
    high agreement, Br. J. Math. Stat. Psychol. 61, 29, 2008; with missing votes as in
    the Handbook of 2014; see `fleiss_kappa`.

    Parameters
    ----------
    sums : ndarray of float64, shape (..., 2 + q)
        Sums of `sum_votes`, with q of at least 2.

    Returns
    -------
    ndarray of float64, shape (...)
        The coefficient; NaN without cutouts of two votes.
    """
    shares = _shares(sums)
    by_chance = (shares * (1 - shares)).sum(axis=-1) / (shares.shape[-1] - 1)
    return _beyond_chance(raw_agreement(sums), by_chance)


def cohen_kappa(tables: _Floats) -> _Floats:
    """Return Cohen's kappa of two reviewers.

    J. Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20,
    37, 1960.

    Parameters
    ----------
    tables : ndarray of float64, shape (..., q, q)
        Number of cutouts by the first and the second vote; see `cross_tables`.

    Returns
    -------
    ndarray of float64, shape (...)
        The coefficient; NaN without cutouts, or if all votes of both are equal.
    """
    total = tables.sum(axis=(-2, -1))
    first, second = (
        ratio(tables.sum(axis=axis), total[..., None]) for axis in (-1, -2)
    )
    agreement = ratio(np.trace(tables, axis1=-2, axis2=-1), total)
    return _beyond_chance(agreement, (first * second).sum(axis=-1))


def _shares(sums: _Floats) -> _Floats:
    """Return the mean share of each category, shape (..., q)."""
    shares = sums[..., 2:]
    return ratio(shares, shares.sum(axis=-1, keepdims=True))


def _beyond_chance(agreement: _Floats, by_chance: _Floats) -> _Floats:
    """Return the part of the agreement beyond chance, of all that is possible."""
    return ratio(agreement - by_chance, 1 - by_chance)
