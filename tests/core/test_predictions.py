"""What the columns of a predictions table mean; test_bad_tables has the faults."""

from __future__ import annotations

import numpy as np

from napari_artifact_review.core.predictions import read_predictions

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
