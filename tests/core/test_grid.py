"""The cutout size from the grid, and cutouts outside their image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import Cutouts
from napari_artifact_review.core.grid import cutout_numbers, infer_cutout_size


def cutouts_at(x, y, size):
    of_each = np.zeros((11, len(x)), dtype=np.int8)
    return Cutouts("a", size, size, of_each[0], np.array(x), np.array(y), *of_each[1:])


def size_of(cutouts):
    x, y = np.array(cutouts, dtype=np.int64).reshape(-1, 2).T
    return infer_cutout_size(x, y)


@given(
    st.integers(1, 500), st.integers(2, 6), st.integers(2, 6), st.integers(-9, 9),
    st.randoms(),
)  # fmt: skip
def test_a_grid_tells_its_size(size, across, down, start, random):
    grid = [(start + size * i, size * j) for i in range(across) for j in range(down)]
    random.shuffle(grid)
    assert size_of(grid) == size
    if len(grid) > 8:
        assert size_of(grid[1:]) == size


@pytest.mark.parametrize(
    "cutouts",
    [
        [(0, 0)],
        [(0, 0), (200, 0), (400, 0)],
        [(0, 0), (100, 0), (0, 200), (100, 200)],
        [(0, 0), (200, 0), (300, 0), (0, 100), (0, 200)],
        [(0, 0), (600, 600)],
        [(x, y) for x in (1 - 2**63, 2**63 - 1) for y in (1 - 2**63, 2**63 - 1)],
    ],
)
def test_a_grid_that_leaves_doubt_tells_nothing(cutouts):
    assert size_of(cutouts) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            *[st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1)] * 2,
        ),
        max_size=9,
    )
)
def test_cutouts_are_numbered_in_the_order_of_image_x_and_y(cutouts):
    columns = np.array(cutouts, dtype=np.int64).reshape(-1, 3).T
    numbers = cutout_numbers(*columns)
    if numbers is None:
        spans = [int(max(c)) - int(min(c)) + 1 for c in columns.tolist()]
        assert math.prod(spans) >= 2**63
    else:
        assert sorted(cutouts) == [cutouts[i] for i in np.argsort(numbers)]
        assert len(set(numbers.tolist())) == len(set(cutouts))


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 5))
def test_a_cutout_lies_outside_if_no_pixel_is_inside(x, y, size):
    rows, columns = 4, 6
    pixels = [(x + i, y + j) for i in range(size) for j in range(size)]
    inside = any(0 <= i < columns and 0 <= j < rows for i, j in pixels)
    assert cutouts_at([x], [y], size).outside((rows, columns)).tolist() == [not inside]
