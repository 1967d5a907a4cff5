"""The size of a cutout: inferred where the grid determines it, and asked otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import MappingNeededError
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.mapping import TableMapping


def survey(folder, positions, shape=(2000, 4200)):
    rows = [f"a,{x},{y},{i % 2},{i // 2 % 2}" for i, (x, y) in enumerate(positions)]
    path = folder / "t.csv"
    path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *rows, ""]))
    if shape:
        fits.writeto(folder / "a.fits", np.zeros(shape, dtype=np.uint8))
    return path


def grid(stride, columns, rows):
    return [(stride * x, stride * y) for y in range(rows) for x in range(columns)]


def opened_size(path, **options):
    with ReviewSession.open(path, **options) as session:
        return session.cutout_size


ANSWERS = {
    "200 px": (grid(200, 5, 2), (2000, 4200), 200),
    "200 px, of which few are in the table": (
        [(0, 0), (4000, 1800), (1000, 200), (2000, 800)],
        (2000, 4200),
        200,
    ),
    "64 px, to the right border": (grid(64, 5, 2), (500, 320), 64),
    "64 px, beyond the lower border": (grid(64, 5, 2), (100, 500), 64),
    "no image": (grid(64, 5, 2), None, 64),
    "far apart, off the grid": ([(0, 0), (317, 5), (900, 300)], (2000, 4200), 200),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_size_that_the_grid_determines_is_taken(tmp_path, case):
    positions, shape, size = ANSWERS[case]
    path = survey(tmp_path, positions, shape)
    assert opened_size(path) == size
    if shape:
        assert f"cutouts of {size} px" in check_review(path)[0]


QUESTIONS = {
    "tile numbers": (grid(1, 10, 4), (2000, 4200), "1 px apart; .* tile numbers"),
    "a fine stride": (grid(10, 20, 20), (2000, 4200), "10 px apart; .* tile numbers"),
    "overlapping cutouts": (
        grid(100, 41, 19),
        (2000, 4200),
        "100 px apart, but cutouts of 100 px would end before the borders",
    ),
    "larger overlapping cutouts": (
        grid(150, 26, 13),
        (2000, 4200),
        "150 px apart, but",
    ),
    "few overlapping cutouts": (
        [(0, 0), (100, 0), (1700, 1200), (3100, 400)],
        (2000, 4200),
        "no regular grid, and cutouts of 200 px would overlap",
    ),
    "few tile numbers": (
        [(0, 0), (3, 7), (20, 9), (11, 2)],
        (2000, 4200),
        "few pixels apart; .* tile numbers",
    ),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_what_the_grid_does_not_determine_is_asked(tmp_path, case):
    positions, shape, asked = QUESTIONS[case]
    path = survey(tmp_path, positions, shape)
    with pytest.raises(MappingNeededError, match=asked) as caught:
        ReviewSession.open(path)
    assert "cutout size" in caught.value.remedy
    assert [each.name for each in tmp_path.iterdir() if "sqlite" in each.name] == []
    _, faults = check_review(path)
    assert [fault for fault in faults if isinstance(fault, MappingNeededError)]


def test_overlapping_cutouts_have_the_size_that_was_given(tmp_path):
    path = survey(tmp_path, grid(100, 41, 19))
    assert opened_size(path, cutout_size=200) == 200
    assert "779 cutouts of 200 px" in check_review(path, cutout_size=200)[0]


def test_tile_numbers_need_a_stride_even_with_a_size(tmp_path):
    few, all_ = tmp_path / "few", tmp_path / "all"
    few.mkdir()
    all_.mkdir()
    path = survey(few, [(0, 0), (3, 7), (20, 9), (11, 2)])
    with pytest.raises(MappingNeededError, match="tile numbers"):
        ReviewSession.open(path, cutout_size=200)
    assert opened_size(path, mapping=TableMapping(stride=200)) == 200
    path = survey(all_, grid(1, 21, 10))
    with pytest.raises(MappingNeededError, match="tile numbers"):
        ReviewSession.open(path, cutout_size=200)
    mapping = TableMapping(stride=200)
    with ReviewSession.open(path, mapping=mapping) as session:
        assert session.cutout_size == 200
        assert session.table["grid_x"].max() == 4000
        assert session.table["grid_y"].max() == 1800
    summary, faults = check_review(path, mapping=mapping)
    assert faults == []
    assert "210 cutouts of 200 px" in summary


def test_positions_that_are_no_tile_numbers_need_only_a_size(tmp_path):
    path = survey(tmp_path, [(0, 0), (64, 0), (128, 128), (64, 128)])
    with pytest.raises(MappingNeededError, match="no regular grid"):
        ReviewSession.open(path)
    assert opened_size(path, cutout_size=64) == 64


def test_overlapping_tiles_have_a_size_and_a_stride(tmp_path):
    path = survey(tmp_path, grid(1, 41, 19))
    mapping = TableMapping(stride=100)
    with pytest.raises(MappingNeededError, match="100 px apart"):
        ReviewSession.open(path, mapping=mapping)
    with ReviewSession.open(path, mapping=mapping, cutout_size=200) as session:
        assert session.cutout_size == 200
        assert session.table["grid_x"].max() == 4000


def test_a_sliding_window_is_accepted_if_both_numbers_are_given(tmp_path):
    path = survey(tmp_path, grid(8, 10, 10))
    mapping = TableMapping(stride=8)
    assert opened_size(path, mapping=mapping, cutout_size=64) == 64
