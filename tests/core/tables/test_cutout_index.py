"""Look-ups in the table, compared with plain loops."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.tables.reading import read_predictions

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12
)
#: Side of the cutouts. Drawn corners make them overlap, touch, and leave gaps.
SIZE = 6
CORNERS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-9, 30), st.integers(-9, 30)),
    min_size=1,
    max_size=20,
    unique=True,
)
QUARTERS = st.integers(-80, 160).map(lambda number: number / 4)


def read(lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines]))
        return CutoutIndex(read_predictions(path))


def index_of(rows):
    return read(f"{name},{i},0,0,{int(bad)}" for i, (name, bad) in enumerate(rows))


def index_at(corners):
    return read(f"{name},{x},{y},0,0" for name, x, y in corners)


@settings(max_examples=80)
@given(ROWS)
def test_walk_finds_what_a_list_would(rows):
    index = index_of(rows)
    names = list(dict.fromkeys(name for name, _ in rows))
    for row, (name, _) in enumerate(rows):
        key = CutoutKey(name, row, 0)
        assert (index.row_of(key), index.key_of(row), index.image_of(row)) == (
            row,
            key,
            name,
        )
        assert key in index
        assert key._replace(grid_y=1) not in index
    for position, name in enumerate(names):
        of_image = [i for i, row in enumerate(rows) if row[0] == name]
        assert index.cutouts_of(name).tolist() == of_image
        assert index.position_of_image(name) == position
    errors = [i for i, (_, bad) in enumerate(rows) if bad]
    for number, row in enumerate(errors, start=1):
        assert index.row_of_error(number) == row


def test_what_is_not_there_is_a_key_error():
    index = index_of([("a", True)])
    for look in (
        lambda: index.cutouts_of("b"),
        lambda: index.position_of_image("b"),
        lambda: index.row_of_error(2),
        lambda: index.row_of(CutoutKey("a", 1, 0)),
        lambda: index.row_of(CutoutKey("b", 0, 0)),
    ):
        with pytest.raises(KeyError):
            look()


def test_a_pixel_belongs_to_the_cutout_whose_centre_is_nearest():
    index = index_of([("a", False)] * 10)  # at x = 0 .. 9, all of them overlapping
    assert index.row_at("a", 6, 3, 6) == 3
    assert index.row_at("a", 0, 0, 6) == 0
    assert index.row_at("a", 14, 0, 6) == 9
    assert index.row_at("a", 15, 0, 6) is None
    assert index.row_at("a", 3, 6, 6) is None


@given(CORNERS, st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1)]))
def test_a_neighbour_is_the_nearest_one_in_that_direction(corners, direction):
    index = index_at(corners)
    across, down = direction
    for row, (name, x, y) in enumerate(corners):
        ahead = []
        for other, (image, x2, y2) in enumerate(corners):
            right, below = x2 - x, y2 - y
            forward = right * across + below * down
            sideways = abs(below if across else right)
            if image == name and forward > 0 and sideways <= SIZE / 2:
                ahead.append((forward, sideways, other))
        expected = min(ahead)[2] if ahead else None
        assert index.neighbour_of(row, across, down, SIZE) == expected


@given(st.permutations([(x, y) for x in range(4) for y in range(3)]))
def test_on_a_grid_each_step_has_its_way_back(corners):
    index = index_at([("a", SIZE * x, SIZE * y) for x, y in corners])
    for row, (x, y) in enumerate(corners):
        right = index.neighbour_of(row, 1, 0, SIZE)
        assert right == (corners.index((x + 1, y)) if x < 3 else None)
        below = index.neighbour_of(row, 0, 1, SIZE)
        assert below == (corners.index((x, y + 1)) if y < 2 else None)
        if right is not None:
            assert index.neighbour_of(right, -1, 0, SIZE) == row


@given(CORNERS, *[st.tuples(QUARTERS, QUARTERS)] * 2)
def test_a_rectangle_holds_the_cutouts_that_share_a_place_with_it(corners, x12, y12):
    index = index_at(corners)
    (left, right), (top, bottom) = sorted(x12), sorted(y12)
    for name in {name for name, *_ in corners}:
        expected = []
        for row, (image, x, y) in enumerate(corners):
            across = max(left, x), min(right, math.nextafter(x + SIZE, -math.inf))
            down = max(top, y), min(bottom, math.nextafter(y + SIZE, -math.inf))
            if image == name and across[0] <= across[1] and down[0] <= down[1]:
                expected.append(row)
        found = index.rows_in(name, left, top, right, bottom, SIZE)
        assert found == expected


def test_a_cutout_ends_where_the_next_one_begins():
    index = index_at([("a", 0, 0), ("a", SIZE, 0), ("a", 0, SIZE)])
    assert index.rows_in("a", SIZE, 0, SIZE, 0, SIZE) == [1]
    assert index.rows_in("a", 0, SIZE, 0, SIZE, SIZE) == [2]
    assert index.rows_in("a", SIZE - 0.25, 0, SIZE, 0, SIZE) == [0, 1]


@given(st.data())
def test_the_way_between_two_cutouts_is_straight_and_without_a_gap(data):
    across, down = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    grid = [(x, y) for y in range(down) for x in range(across)]
    index = index_at([("a", SIZE * x, SIZE * y) for x, y in grid])
    first, last = (data.draw(st.integers(0, len(grid) - 1)) for _ in range(2))
    found = index.rows_between("a", first, last, SIZE)
    assert (found[0], found[-1]) == (first, last)
    assert len(set(found)) == len(found)
    (x1, y1), (x2, y2) = grid[first], grid[last]
    length = math.hypot(x2 - x1, y2 - y1)
    for row in found:
        x, y = grid[row]
        # The line between the centres crosses the cutout.
        off = abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1))
        assert off <= length * math.sqrt(0.5) + 1e-9
        assert min(x1, x2) <= x <= max(x1, x2)
        assert min(y1, y2) <= y <= max(y1, y2)
    for one, other in itertools.pairwise(found):
        (x, y), (x2, y2) = grid[one], grid[other]
        assert max(abs(x2 - x), abs(y2 - y)) == 1


@given(st.data())
def test_the_way_passes_through_each_cutout_that_it_cuts_deeply(data):
    across, down = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    grid = [(x, y) for y in range(down) for x in range(across)]
    index = index_at([("a", SIZE * x, SIZE * y) for x, y in grid])
    first, last = (data.draw(st.integers(0, len(grid) - 1)) for _ in range(2))
    found = index.rows_between("a", first, last, SIZE)
    (x1, y1), (x2, y2) = grid[first], grid[last]
    fine = 2000
    deep = dict.fromkeys(range(len(grid)), 0)
    for i in range(fine + 1):
        x = x1 + 0.5 + (x2 - x1) * i / fine
        y = y1 + 0.5 + (y2 - y1) * i / fine
        deep[int(y) * across + int(x)] += 1
    # More of a cutout's width than one step.
    one = fine / max(abs(x2 - x1), abs(y2 - y1), 1)
    assert {row for row, count in deep.items() if count > one / 4} <= set(found)
