"""The rules for stopping without extra looks: looks to a recall, and the last looks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from napari_artifact_review.core.learning.stopping import (
    looks_to_target,
    retrospective_stop,
    seconds_for,
)
from tests.nightly import many

PROBABILITIES = st.lists(st.floats(0, 1, allow_subnormal=False), max_size=30).map(
    np.array
)


def test_the_looks_to_a_recall_follow_the_order_of_the_queue():
    # 6 found and 4 expected: 9 are needed.
    probability = np.array([1.0, 0.5, 0.5, 1.0, 0.5, 0.5])
    assert looks_to_target(probability, 6) == 4
    assert looks_to_target(probability[::-1], 6) == 5
    assert looks_to_target(probability, 6, target=0.6) == 0
    assert looks_to_target(probability, 6, target=1.0) == 6


def test_rounding_asks_for_no_further_look():
    # One tenth eight times, in binary, is a little less than 0.8.
    assert looks_to_target(np.full(10, 0.1), 1) == 8


def test_a_queue_may_be_too_short_for_the_recall_of_the_table():
    probability = np.array([1.0, 1.0])
    assert looks_to_target(probability, 7, outside=1.0) == 2
    assert looks_to_target(probability, 7, outside=1.1) is None


def test_without_a_wrong_label_there_is_no_recall():
    assert looks_to_target(np.zeros(3), 0) is None
    assert looks_to_target(np.array([]), 0) is None
    assert looks_to_target(np.array([]), 1) == 0


@given(PROBABILITIES, st.integers(0, 20), st.floats(0.05, 1))
def test_the_looks_are_the_fewest_that_reach_the_recall(probability, found, target):
    looks = looks_to_target(probability, found, target)
    total = found + probability.sum()
    if total == 0:
        assert looks is None
        return
    reached = [
        (found + probability[:m].sum()) / total >= target - 1e-9
        for m in range(len(probability) + 1)
    ]
    assert looks is not None
    assert reached[looks]
    assert looks == 0 or (found + probability[: looks - 1].sum()) / total < target


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.1])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="from 0 to 1"):
        looks_to_target(np.array([0.5, wrong]), 3)


def test_the_time_of_the_looks():
    assert seconds_for(40, 2.5) == 100
    assert seconds_for(0, 2.5) == 0
    assert seconds_for(None, 2.5) is None
    assert seconds_for(40, None) is None


def smallest_p_value(found, population_left, target):
    """Return the p-value of the rule from all numbers of last looks."""
    total = int(found.sum())
    fewest = int(total / Fraction(str(target))) + 1 - total
    return min(
        (
            stats.hypergeom.cdf(
                found[-n:].sum(), population_left + n, found[-n:].sum() + fewest, n
            )
            for n in range(1, len(found) + 1)
        ),
        default=1.0,
    )


@given(
    st.lists(st.booleans(), max_size=40).map(lambda flags: np.array(flags, bool)),
    st.integers(30, 300),
    st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]),
)
@settings(max_examples=many(300, 3000, few=100))
def test_the_last_looks_are_those_with_the_smallest_p_value(found, left, target):
    total = int(found.sum())
    fewest = int(total / Fraction(str(target))) + 1 - total
    test = retrospective_stop(found, left, target)
    if fewest > left:
        assert test == (0.0, 0, True)
        return
    assert test.p_value == pytest.approx(
        smallest_p_value(found, left, target), abs=1e-9
    )
    assert test.may_stop == (test.p_value < 0.01)
    assert 0 <= test.looks <= len(found)


def test_a_long_row_of_right_labels_ends_the_review():
    found = np.r_[np.ones(90, bool), np.zeros(200, bool)]
    assert retrospective_stop(found, 100).may_stop
    assert not retrospective_stop(found, 1000).may_stop
    assert retrospective_stop(found, 100).looks == 200
    assert not retrospective_stop(found, 100, alpha=1e-9).may_stop


def test_too_few_cutouts_for_a_lower_recall_end_the_review():
    # With 90 found, at least 11 must be left for a recall below 0.9.
    found = np.ones(90, bool)
    assert retrospective_stop(found, 10).may_stop
    assert retrospective_stop(found, 10).p_value == 0
    assert not retrospective_stop(found, 11).may_stop


def test_before_the_first_look_nothing_is_said():
    test = retrospective_stop(np.array([], bool), 100)
    assert (test.p_value, test.looks, test.may_stop) == (1.0, 0, False)
