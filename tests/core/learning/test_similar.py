"""The search for similar cutouts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.learning.similar import SimilarCutouts
from tests.nightly import many

#: Three clusters of cutouts that look alike; row r is in cluster r % 3.
CLUSTERS = 3


def descriptors(count=60, width=2, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, width)) * 10
    noise = rng.normal(size=(count, width))
    return (centres[np.arange(count) % CLUSTERS] + noise).astype(np.float16)


def rows_of(*rows):
    return np.array(rows, np.int64)


def test_the_nearest_cutouts_are_those_of_the_same_cluster():
    found, similarity = SimilarCutouts(descriptors()).nearest(rows_of(4), 10)
    assert (found % CLUSTERS == 1).all()
    assert 4 not in found
    assert (np.diff(similarity) <= 0).all()


def test_several_cutouts_stand_for_their_mean():
    found, _ = SimilarCutouts(descriptors()).nearest(rows_of(0, 3, 6), 17)
    assert sorted(found) == sorted({*range(0, 60, 3)} - {0, 3, 6})


def test_only_allowed_cutouts_are_returned():
    allowed = np.arange(60) >= 30
    found, similarity = SimilarCutouts(descriptors()).nearest(rows_of(4), 100, allowed)
    assert sorted(found) == list(range(30, 60))
    assert np.isfinite(similarity).all()


def test_cutouts_without_descriptors_are_left_out():
    table = descriptors()
    table[7] = np.nan
    similar = SimilarCutouts(table)
    found, _ = similar.nearest(rows_of(4), 100)
    assert sorted({*range(60)} - {*found}) == [4, 7]
    assert similar.nearest(rows_of(7), 5)[0].size == 0
    assert similar.nearest(rows_of(59, 7), 3)[0].size == 3


def test_equal_cutouts_come_in_the_order_of_the_table():
    table = np.repeat(descriptors(2), 10, axis=0)
    found, _ = SimilarCutouts(table).nearest(rows_of(5), 4)
    assert found.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_cutouts_are_enough(count):
    similar = SimilarCutouts(descriptors(count))
    for row in range(count):
        found, _ = similar.nearest(rows_of(row), 5)
        assert sorted(found) == [other for other in range(count) if other != row]


def test_no_query_and_no_result_are_empty():
    similar = SimilarCutouts(descriptors())
    assert similar.nearest(rows_of(), 5)[0].size == 0
    assert similar.nearest(rows_of(3), 0)[0].size == 0


@settings(max_examples=many(100, 2000, few=30))
@given(st.integers(0, 999), st.integers(1, 50), st.integers(1, 20), st.integers(0, 49))
def test_the_result_is_that_of_a_full_sort(seed, count, number, row):
    similar = SimilarCutouts(np.random.default_rng(seed).normal(size=(count, 5)))
    row = row % count
    every, similarity = similar.nearest(rows_of(row), count)
    assert sorted(every) == [other for other in range(count) if other != row]
    found, best = similar.nearest(rows_of(row), number)
    np.testing.assert_array_equal(found, every[:number])
    np.testing.assert_array_equal(best, similarity[:number])
