"""Columns of float16 and float32 mean the same as their text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.short_floats import as_doubles

CONFIDENCES = [0.95, 0.94, 0.951, 0.2, 0.95]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "image_name": ["a"] * 5,
            "grid_x": range(0, 1000, 200),
            "grid_y": [0] * 5,
            "label": [1, 0, 0, 1, 0],
            "confidence": np.array(CONFIDENCES, dtype=np.float32),
        }
    )


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".ecsv", ".csv"])
def test_a_short_confidence_predicts_as_its_text_does(table, tmp_path, suffix):
    path = tmp_path / f"predictions{suffix}"
    if suffix == ".csv":
        table.to_csv(path, index=False)
    elif suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        Table.from_pandas(table).write(path)
    with ReviewSession.open(path, output=tmp_path / "out.csv") as session:
        assert session.table.preds.tolist() == [1, 0, 1, 0, 1]
        session.set_label("artifact")
        session.save()
    saved = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert saved.confidence.tolist() == [str(one) for one in CONFIDENCES]


def test_conditions_on_short_numbers_are_those_of_their_text(table, tmp_path):
    path = tmp_path / "predictions.parquet"
    table.assign(mag=table.confidence).to_parquet(path, index=False)
    with ReviewSession.open(path) as session:
        session.set_queue(["FP", "FN", "TP", "TN"], columns=[("mag", ">=", "0.95")])
        assert len(session.queue) == 3


@given(st.lists(st.none() | st.floats(width=32, allow_nan=False)))
def test_the_nearest_short_number_is_the_same(numbers):
    for dtype in ("float32", "Float32", pd.ArrowDtype(pa.float32())):
        column = pd.Series(numbers, dtype=dtype)
        doubles = as_doubles(column)
        short = column.to_numpy(np.float32, na_value=np.nan)
        np.testing.assert_array_equal(doubles.to_numpy(np.float32), short)
        texts = [float(str(value)) for value in short]
        np.testing.assert_array_equal(doubles.to_numpy(np.float64), texts)
