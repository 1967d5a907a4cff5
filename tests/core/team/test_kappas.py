"""Coefficients of agreement, against scikit-learn, statsmodels and Gwet's example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as fleiss_of_statsmodels

from napari_artifact_review.core.team.kappas import (
    cohen_kappa,
    cross_tables,
    fleiss_kappa,
    gwet_ac1,
    raw_agreement,
    sum_votes,
    sums_of_tables,
)

#: K. L. Gwet, Handbook of Inter-Rater Reliability, 4th ed., 2014: 12 units, 4 raters, 5
#: categories; 0 is a missing vote.
GWET = np.array(
    [
        [1, 1, 0, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2],
        [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [0, 5, 5, 5],
        [0, 0, 1, 1], [0, 0, 3, 0],
    ]
)  # fmt: skip


def counts_of(votes, categories):
    """Return the number of votes for each category from 0 on each cutout."""
    return np.stack([(votes == k).sum(axis=1) for k in range(categories)], axis=1)


def all_sums(votes, categories):
    counts = counts_of(votes, categories)
    return sum_votes(counts, np.zeros(len(votes), dtype=np.int64), 1).sum(axis=0)


def votes(reviewers, categories=3, lowest=0):
    """Return a strategy of votes of shape (n, m)."""
    shape = st.tuples(st.integers(1, 30), reviewers)
    return hnp.arrays(np.int8, shape, elements=st.integers(lowest, categories - 1))


def test_gwets_example_with_missing_votes():
    sums = all_sums(GWET - 1, 5)
    assert gwet_ac1(sums) == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(sums) == pytest.approx(0.76117, abs=5e-6)
    assert raw_agreement(sums) == pytest.approx(9 / 11)


@given(votes(st.integers(2, 6)))
def test_fleiss_kappa_is_that_of_statsmodels(labels):
    found = fleiss_kappa(all_sums(labels, 3))
    if np.ptp(labels) == 0:
        assert np.isnan(found)
    else:
        expected = fleiss_of_statsmodels(counts_of(labels, 3))
        assert found == pytest.approx(expected, abs=1e-12)


@given(votes(st.just(2)))
def test_cohen_kappa_is_that_of_scikit_learn(labels):
    first, second = labels.T
    table = cross_tables(first, second, np.zeros(len(labels), np.int64), 1, 3)[0]
    found = cohen_kappa(table)
    if np.ptp(labels) == 0:
        assert np.isnan(found)
    else:
        expected = cohen_kappa_score(first, second, labels=[0, 1, 2])
        assert found == pytest.approx(expected, abs=1e-12)


@given(votes(st.just(2), categories=2))
def test_ac1_of_two_reviewers_is_gwets_formula_of_2008(labels):
    share = labels.mean()
    agreement, by_chance = (
        np.mean(labels[:, 0] == labels[:, 1]),
        2 * share * (1 - share),
    )
    expected = (agreement - by_chance) / (1 - by_chance)
    assert gwet_ac1(all_sums(labels, 2)) == pytest.approx(expected)


@given(votes(st.just(2), lowest=-1))
def test_sums_of_tables_are_those_of_the_cutouts_with_both_votes(labels):
    block = np.arange(len(labels)) % 3
    tables = cross_tables(labels[:, 0], labels[:, 1], block, 3, 3)
    both = (labels >= 0).all(axis=1)
    expected = sum_votes(counts_of(labels[both], 3), block[both], 3)
    np.testing.assert_allclose(sums_of_tables(tables), expected)


@given(votes(st.integers(2, 6), lowest=-1), st.randoms(use_true_random=False))
def test_the_order_of_reviewers_and_of_cutouts_changes_nothing(labels, random):
    rows, columns = list(range(labels.shape[0])), list(range(labels.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    for coefficient in (raw_agreement, fleiss_kappa, gwet_ac1):
        found = coefficient(all_sums(labels[rows][:, columns], 3))
        expected = coefficient(all_sums(labels, 3))
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_without_two_votes_on_any_cutout_nothing_is_defined():
    sums = all_sums(np.array([[0, -1], [-1, 1]]), 2)
    for coefficient in (raw_agreement, fleiss_kappa, gwet_ac1):
        assert np.isnan(coefficient(sums))
    assert np.isnan(cohen_kappa(np.zeros((2, 2))))


def test_without_the_only_block_of_a_category_kappa_is_not_defined():
    # Thirds and sevenths have rounding errors, which must leave no second category.
    counts = np.array([[3, 0], [7, 0], [1, 2], [5, 2]] + [[3, 0], [7, 0]] * 20)
    block = np.r_[1, 2, 0, 0, np.arange(40) % 5 + 1]
    sums = sum_votes(counts, block, 6)
    without = sums.sum(axis=0) - sums
    assert np.isnan(fleiss_kappa(without)).tolist() == [True] + [False] * 5
    np.testing.assert_allclose(gwet_ac1(without)[0], 1)
