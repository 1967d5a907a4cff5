"""The meaning of a predictions table's columns; test_bad_tables has the faults."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.tables.reading import read_predictions

HEADER = "image_name,grid_x,grid_y,label,preds,confidence"


def put(folder, header, *rows):
    path = folder / "t.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *rows)))
    return path


def test_without_preds_the_confidence_decides_from_095_on(tmp_path):
    header = "image_name,grid_x,grid_y,label,confidence"
    rows = [f"a,{i},0,0,{c}" for i, c in enumerate(("0.95", "0.9499999999999999", "1"))]
    assert read_predictions(put(tmp_path, header, *rows)).preds.tolist() == [1, 0, 1]


def test_errors_are_numbered_in_the_order_of_the_table(tmp_path):
    rows = ["b,0,0,1,0,", "a,0,0,0,0,", "b,1,0,0,1,", "a,1,0,1,0,"]
    table = read_predictions(put(tmp_path, HEADER, *rows))
    assert table.error_id.tolist() == [1, 0, 2, 3]
    assert table.image_names == ("b", "a")
    assert np.isnan(table.confidence).all()


@given(
    st.lists(
        st.floats(0, 1).map(repr)
        | st.decimals(0, 1, places=25).map(str)
        | st.from_regex(r"[+]?0{0,3}[.][0-9]{1,30}([eE]-[0-9]{1,3})?", fullmatch=True)
        | st.sampled_from(["+1", "1.", "+.5", "-0.0", "5e-324", " 0.25 ", "+1e-5"]),
        min_size=1,
        max_size=20,
    )
)
def test_a_confidence_is_read_as_the_nearest_number(texts):
    rows = [f"a,{i},0,0,0,{text}" for i, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        table = read_predictions(put(Path(folder), HEADER, *rows))
    assert table.confidence.tolist() == [float(text) for text in texts]
