"""Tables without labels or without predictions, where these are optional."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.errors import MappingNeededError
from napari_artifact_review.core.tables.reading import read_predictions

HEAD = "image_name,grid_x,grid_y"


def put(tmp_path, *lines):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_missing_labels_equal_the_predictions(tmp_path):
    path = put(tmp_path, f"{HEAD},confidence,error_id", "a,0,0,0.99,", "a,200,0,0.1,")
    table = read_predictions(path, optional=("label",))
    assert table.preds.tolist() == table.label.tolist() == [1, 0]
    assert "label" not in table.columns
    with pytest.raises(MappingNeededError, match="no column label"):
        read_predictions(path)


def test_missing_predictions_equal_the_labels(tmp_path):
    path = put(tmp_path, f"{HEAD},label", "a,0,0,1", "a,200,0,0")
    table = read_predictions(path, optional=("preds",))
    assert table.preds.tolist() == table.label.tolist() == [1, 0]
    with pytest.raises(MappingNeededError, match="no column preds"):
        read_predictions(path)


def test_one_of_both_is_needed(tmp_path):
    path = put(tmp_path, HEAD, "a,0,0")
    for optional in (("label",), ("label", "preds")):
        with pytest.raises(MappingNeededError, match="no column preds"):
            read_predictions(path, optional=optional)
