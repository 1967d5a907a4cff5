"""What the columns of a predictions table mean, and every fault in them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.predictions import (
    inspect_predictions,
    read_predictions,
)

HEADER = "image_name,grid_x,grid_y,label,preds,confidence"


def put(folder, header, *rows):
    path = folder / "t.csv"
    path.write_text("".join(f"{line}\n" for line in (header, *rows)))
    return path


def faults(folder, header, *rows):
    return [str(fault) for fault in inspect_predictions(put(folder, header, *rows))[1]]


@pytest.mark.parametrize("spelling", ["0 1", "0.0 1.0", "False True", "FALSE tRuE"])
def test_labels_are_read_however_they_are_spelled(tmp_path, spelling):
    none, artifact = spelling.split()
    path = put(
        tmp_path, HEADER + ",label_new", f"a,0,0,{none}, {artifact} ,1,{artifact}",
        f"a,1,0,{artifact},{none},0,",
    )  # fmt: skip
    table = read_predictions(path)
    assert table.label.tolist() == [0, 1]
    assert table.preds.tolist() == [1, 0]
    assert table.label_new.tolist() == [1, 1]


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


def test_numbers_of_the_table_are_kept_and_read_exactly(tmp_path):
    rows = ["a,2E2,-0.0,1,0,,9223372036854775807", "a,0,200.0,0,1,,7.0", "a,1,1,0,0,,"]
    table = read_predictions(put(tmp_path, HEADER + ",error_id", *rows))
    assert table.grid_x.tolist() == [200, 0, 1]
    assert table.grid_y.tolist() == [0, 200, 1]
    assert table.error_id.tolist() == [2**63 - 1, 7, 0]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        *((f"a,0,0,{label},0,0.5", "label") for label in ("2", "pos", "", "nan", "01")),
        ("a,0,0,0,yes,0.5", "preds"),
        *(
            (f'a,0,0,0,0,"{c}"', "confidence")
            for c in (
                "NaN",
                "nan",
                "inf",
                "-0.1",
                "1.7",
                "93%",
                "0,95",
                "1_0",
                "x",
                "1e",
            )
        ),
        *(
            (f"a,{x},0,0,0,0.5", "grid_x")
            for x in ("0.5", "", "1_000", "x", "9223372036854775808", "1e999999999999")
        ),
        ("a,0,1.25,0,0,0.5", "grid_y"),
        (",0,0,0,0,0.5", "image_name"),
    ],
)
def test_a_bad_cell_is_one_fault_with_line_and_column(tmp_path, row, column):
    [fault] = faults(tmp_path, HEADER, "z,9,9,0,0,0.5", row)
    assert fault.startswith(f"{tmp_path / 't.csv'}, line 3, column {column}: ")


@pytest.mark.parametrize("error_id", ["9223372036854775808", "1.5", "one"])
def test_a_bad_error_id_is_a_fault(tmp_path, error_id):
    [fault] = faults(tmp_path, HEADER + ",error_id", f"a,0,0,0,1,0.5,{error_id}")
    assert "line 2, column error_id" in fault


@pytest.mark.parametrize(
    ("ids", "what"),
    [(("3", "3"), "3 is used twice"), (("3", ""), "no id"), (("3", "0"), "no id")],
)
def test_error_ids_are_there_once(tmp_path, ids, what):
    rows = [f"a,{i},0,0,1,0.5,{error_id}" for i, error_id in enumerate(ids)]
    [fault] = faults(tmp_path, HEADER + ",error_id", *rows, "a,9,0,0,0,0.5,3")
    assert "line 3, column error_id" in fault
    assert what in fault


def test_a_cutout_stands_in_the_table_once(tmp_path):
    rows = ["b,0,0,0,0,", "a,0,0,0,0,", "a,200,0,0,0,", "a,0.0,0,0,1,", "a,0,0,1,1,"]
    found = faults(tmp_path, HEADER, *rows)
    assert ["line 5" in found[0], "line 6" in found[1], len(found)] == [True, True, 2]
    assert all("the cutout a (0, 0) stands in line 3 already" in f for f in found)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("image_name,grid_x,grid_y,preds", "no column label"),
        ("image_name,grid_x,grid_y,label", "preds (or confidence)"),
        (HEADER + ",note,note", "more than one column is named 'note'"),
        (HEADER + ',"label"', "more than one column is named 'label'"),
        (HEADER, "a header and no row"),
    ],
)
def test_columns_that_are_missing_or_there_twice_are_named(tmp_path, header, what):
    [fault] = faults(tmp_path, header)
    assert what in fault


def test_all_faults_are_listed(tmp_path):
    found = faults(
        tmp_path,
        HEADER + ",error_id",
        "a,0,0,2,0,0.5,1",
        "a,0,0,0,1,7,x",
        ",1,1,1,1,0.5,",
        "b,x,0,0,no,0.5,",
    )
    places = [fault.split(", ", 1)[1].split(":")[0] for fault in found]
    assert places == [
        "line 4, column image_name", "line 5, column grid_x", "line 2, column label",
        "line 3, column confidence", "line 5, column preds", "line 3, column error_id",
    ]  # fmt: skip
    with pytest.raises(TableError, match=r"line 4.*and 5 more faults"):
        read_predictions(tmp_path / "t.csv")


def test_a_missing_confidence_is_a_fault_only_without_preds(tmp_path):
    [fault] = faults(tmp_path, "image_name,grid_x,grid_y,label,confidence", "a,0,0,0,")
    assert "line 2, column confidence: no confidence" in fault
    assert faults(tmp_path, HEADER, "a,0,0,0,0,") == []


def test_a_bad_confidence_is_one_fault_without_preds_too(tmp_path):
    header = "image_name,grid_x,grid_y,label,confidence"
    [fault] = faults(tmp_path, header, "a,0,0,0,93%")
    assert "'93%' is not a probability" in fault
