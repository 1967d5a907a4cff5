"""The order of a review, against a list."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.predictions import read_predictions
from napari_artifact_review.core.walk import Walk

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12
)


def walk_of(rows):
    lines = [f"{name},{i},0,0,{int(bad)}" for i, (name, bad) in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines]))
        table = read_predictions(path)
    return Walk(table, table.label != table.preds)


@settings(max_examples=80)
@given(ROWS)
def test_walk_goes_as_a_list_would(rows):
    walk = walk_of(rows)
    names = list(dict.fromkeys(name for name, _ in rows))
    order = sorted(range(len(rows)), key=lambda i: (names.index(rows[i][0]), i))
    errors = [i for i in order if rows[i][1]]
    assert walk.errors.tolist() == errors
    for place, row in enumerate(order):
        after = [i for i in order[place + 1 :] if i in errors]
        before = [i for i in order[:place] if i in errors]
        assert walk.error_after(row) == (after[0] if after else None)
        assert walk.error_before(row) == (before[-1] if before else None)
        assert walk.place_of(row) == (errors.index(row) + 1 if row in errors else None)
        assert walk.row_of(CutoutKey(rows[row][0], row, 0)) == row
        in_image = [i for i in errors if rows[i][0] == rows[row][0]]
        assert walk.place_in_image(row) == (
            in_image.index(row) if row in errors else None
        )
    of_errors = [rows[i][0] for i in errors]
    assert walk.error_counts.tolist() == [of_errors.count(name) for name in names]
    for i, name in enumerate(names):
        after = [other for other in names[i + 1 :] if other in of_errors]
        before = [other for other in names[:i] if other in of_errors]
        assert walk.image_after(name) == (after[0] if after else None)
        assert walk.image_before(name) == (before[-1] if before else None)
        of_image = [i for i in order if rows[i][0] == name]
        assert walk.cutouts_of(name).tolist() == of_image
        assert walk.errors_of(name).tolist() == [i for i in of_image if i in errors]
    for number, row in enumerate(sorted(errors), start=1):
        assert walk.row_of_error(number) == row


def test_what_is_not_there_is_a_key_error():
    walk = walk_of([("a", True)])
    for look in (
        lambda: walk.cutouts_of("b"),
        lambda: walk.errors_of("b"),
        lambda: walk.row_of_error(2),
        lambda: walk.row_of(CutoutKey("a", 1, 0)),
        lambda: walk.row_of(CutoutKey("b", 0, 0)),
    ):
        with pytest.raises(KeyError):
            look()


def test_a_pixel_belongs_to_the_cutout_whose_centre_is_nearest():
    walk = walk_of([("a", False)] * 10)  # at x = 0 .. 9, all of them overlapping
    assert walk.row_at("a", 6, 3, 6) == 3
    assert walk.row_at("a", 0, 0, 6) == 0
    assert walk.row_at("a", 14, 0, 6) == 9
    assert walk.row_at("a", 15, 0, 6) is None
    assert walk.row_at("a", 3, 6, 6) is None
