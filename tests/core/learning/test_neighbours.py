"""The cutouts beside each cutout."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.learning.neighbours import (
    STEPS,
    grid_neighbours,
    neighbour_maximum,
    neighbour_mean,
)


def integers(values):
    return np.array(values, np.int64)


@given(
    places=st.lists(
        st.tuples(st.integers(0, 2), st.integers(-3, 3), st.integers(-3, 3)),
        min_size=1,
        unique=True,
    )
)
def test_neighbours_are_those_that_a_search_of_all_cutouts_finds(places):
    image, x, y = integers(places).T
    # Two more cutouts fix the spacing of the grid.
    image, x, y = (
        np.append(a, b) for a, b in ((image, [9, 9]), (x, [0, 1]), (y, [0, 0]))
    )
    found = grid_neighbours(image, x * 50, y * 50, 50)
    at = {key: row for row, key in enumerate(zip(image, x, y, strict=True))}
    expected = [
        [at.get((i, a + dx, b + dy), -1) for dx, dy in STEPS]
        for i, a, b in zip(image, x, y, strict=True)
    ]
    np.testing.assert_array_equal(found, expected)


def test_neighbours_in_an_overlapping_grid_are_a_whole_cutout_away():
    x = np.arange(0, 1000, 100)
    found = grid_neighbours(np.zeros(10, np.int64), x, 0 * x, 200)
    assert found[4].tolist() == [-1, 2, -1, -1, -1, -1, 6, -1]


def test_positions_near_the_ends_of_64_bits_have_neighbours_too():
    far = 2**62
    x = integers([-far, -far + 200, far])
    found = grid_neighbours(np.zeros(3, np.int64), x, 0 * x, 200)
    assert found[0].max() == 1
    assert found[2].max() == -1


def test_no_cutouts_have_no_neighbours():
    none = integers([])
    assert grid_neighbours(none, none, none, 200).shape == (0, 8)


def row_of(values):
    """Return values of cutouts in one row of the grid, and their neighbours."""
    x = np.arange(len(values)) * 200
    near = grid_neighbours(np.zeros(len(x), np.int64), x, 0 * x, 200)
    return np.array(values, np.float32)[:, None], near


def test_means_and_maxima_leave_out_unknown_values():
    values, near = row_of([1, 5, np.nan, 2, 4])
    mean = neighbour_mean(values, near)[:, 0]
    highest = neighbour_maximum(values, near)[:, 0]
    np.testing.assert_array_equal(mean, [5, 1, 3.5, 4, 2])
    np.testing.assert_array_equal(highest, [5, 1, 5, 4, 2])


def test_a_cutout_alone_has_no_mean():
    values, near = row_of([3])
    assert np.isnan(neighbour_mean(values, near)).all()
    assert np.isnan(neighbour_maximum(values, near)).all()
