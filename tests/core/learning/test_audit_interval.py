"""The interval of an audit: brute force, exact coverage, false alarms, large tables."""

from __future__ import annotations

from fractions import Fraction
from math import comb, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.audit import coverage, lowest_coverage
from napari_artifact_review.core.learning.audit_interval import (
    at_least,
    at_most,
    audit_alpha,
    hypergeometric_interval,
)
from tests.nightly import many

ALPHA = Fraction(1, 20)


def probability(counts, n, population, wrong):
    """Return the exact probability that a sample holds one of some counts."""
    ways = sum(
        comb(wrong, count) * comb(population - wrong, n - count) for count in counts
    )
    return Fraction(ways, comb(population, n))


def brute_force(k, n, population):
    """Return the ends of the interval from a test of each number of wrong labels."""
    held = [
        wrong
        for wrong in range(population + 1)
        if probability(range(k, n + 1), n, population, wrong) >= ALPHA / 2
        and probability(range(k + 1), n, population, wrong) >= ALPHA / 2
    ]
    assert held == list(range(held[0], held[-1] + 1))
    return held[0], held[-1]


@pytest.mark.parametrize("population", [0, 1, 2, 7, 16])
def test_the_interval_is_that_of_brute_force(population):
    for n in range(population + 1):
        for k in range(n + 1):
            found = hypergeometric_interval(k, n, population)
            assert found == brute_force(k, n, population), (k, n)


def test_rounding_never_shortens_the_interval():
    # The probability of 0 finds in 2 of 16, with 13 wrong, is exactly 1 / 40.
    alpha = np.nextafter(2 * at_most(0, 2, 16, 13), 1)
    assert hypergeometric_interval(0, 2, 16, alpha).high == 13


@pytest.mark.parametrize("population", [1, 5, 20, 61])
def test_the_coverage_is_never_below_95_percent(population):
    for n in {1, population // 3, population // 2, population - 1, population}:
        covered = [coverage(n, population, k)[0] for k in range(population + 1)]
        assert min(covered) >= 0.95 - 1e-12
        # The benchmark does not look at each number of wrong labels.
        assert lowest_coverage(n, population) == pytest.approx(min(covered), abs=1e-12)


@st.composite
def samples(draw, most=3000):
    """Return finds, sample and population."""
    population = draw(st.integers(1, most))
    n = draw(st.integers(0, population))
    return draw(st.integers(0, n)), n, population


@given(samples())
@settings(max_examples=many(200, 2000, few=50))
def test_the_interval_holds_what_is_possible_and_grows_with_the_finds(sample):
    k, n, population = sample
    low, high = hypergeometric_interval(*sample)
    assert k <= low <= high <= population - n + k
    # Beyond either end, one of the two tests rejects.
    assert at_least(k, n, population, low) >= 0.025 - 1e-9
    assert at_most(k, n, population, high) >= 0.025 - 1e-9
    assert low == k or at_least(k, n, population, low - 1) < 0.025
    assert high == population - n + k or at_most(k, n, population, high + 1) < 0.025
    if k < n:
        more = hypergeometric_interval(k + 1, n, population)
        assert more.low >= low + 1
        assert more.high >= high + 1


@given(samples(), st.data())
@settings(max_examples=many(200, 2000, few=50))
def test_the_probabilities_are_those_of_scipy(sample, data):
    k, n, population = sample
    wrong = data.draw(st.integers(0, population))
    cdf = stats.hypergeom.cdf(k, population, wrong, n)
    assert at_most(k, n, population, wrong) == pytest.approx(cdf, abs=1e-10)
    more = stats.hypergeom.sf(k - 1, population, wrong, n)
    assert at_least(k, n, population, wrong) == pytest.approx(more, abs=1e-10)


@pytest.mark.parametrize(
    ("k", "n"), [(0, 300), (3, 400), (1000, 100_000), (5, 9 * 10**6)]
)
def test_a_table_of_ten_million_rows_has_its_interval(k, n):
    population = 10**7
    low, high = hypergeometric_interval(k, n, population)

    def cdf(k, wrong):
        return stats.hypergeom.cdf(k, population, wrong, n)

    assert cdf(k, high) > 0.025 - 1e-7 > cdf(k, high + 1) - 2e-7
    assert k == low or 1 - cdf(k - 1, low - 1) < 0.025 + 1e-7


def test_without_a_find_the_upper_end_is_3_7_over_the_looks():
    high = hypergeometric_interval(0, 400, 10**6).high
    assert high / 10**6 == pytest.approx(3.69 / 400, rel=0.01)


def test_false_alarms_that_are_enumerated_give_the_same_probability():
    k, n, population, wrong, rate = 3, 9, 30, 4, 0.2
    expected = 0.0
    for true in range(wrong + 1):
        false = stats.binom.sf(k - true - 1, n - true, rate)
        expected += float(probability([true], n, population, wrong)) * false
    assert at_least(k, n, population, wrong, rate) == pytest.approx(expected, rel=1e-12)


@given(samples(400), st.floats(0, 0.3))
@settings(max_examples=many(200, 2000, few=40))
def test_false_alarms_only_move_the_lower_end_down(sample, rate):
    without = hypergeometric_interval(*sample)
    found = hypergeometric_interval(*sample, false_alarms=rate)
    more = hypergeometric_interval(*sample, false_alarms=rate + 0.1)
    assert found.high == more.high == without.high
    assert 0 <= more.low <= found.low <= without.low


@pytest.mark.parametrize("true_rate", [0, 0.03, 0.1])
def test_with_false_alarms_the_coverage_stays_for_every_smaller_rate(true_rate):
    population, n, assumed = 60, 25, 0.1
    ends = [
        hypergeometric_interval(k, n, population, false_alarms=assumed)
        for k in range(n + 1)
    ]
    for wrong in range(population + 1):
        finds = np.zeros(n + 1)
        for true in range(min(n, wrong) + 1):
            false = stats.binom.pmf(np.arange(n - true + 1), n - true, true_rate)
            finds[true:] += stats.hypergeom.pmf(true, population, wrong, n) * false
        held = [low <= wrong <= high for low, high in ends]
        assert finds @ held >= 0.95 - 1e-12


def test_all_audits_together_keep_95_percent():
    errors = [audit_alpha(number) for number in range(1, 100_001)]
    assert errors[0] == pytest.approx(0.3 / pi**2)
    assert errors == sorted(errors, reverse=True)
    assert 0.0499 < sum(errors) < 0.05


def test_a_smaller_error_probability_gives_a_wider_interval():
    assert hypergeometric_interval(3, 400, 9288) == (16, 199)
    assert hypergeometric_interval(3, 400, 9288, audit_alpha(1)) == (13, 214)


@pytest.mark.parametrize(
    "arguments",
    [(-1, 3, 9), (4, 3, 9), (1, 10, 9), (1, 3, 9, 0), (1, 3, 9, 1), (1, 3, 9, 0.05, 1)],
)
def test_impossible_numbers_are_refused(arguments):
    with pytest.raises(ValueError, match="is no"):
        hypergeometric_interval(*arguments)


def test_audits_are_numbered_from_1():
    with pytest.raises(ValueError, match="at least 1"):
        audit_alpha(0)
