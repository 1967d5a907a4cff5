"""ECSV: cells and header stay, and astropy reads what was saved."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.tables.table_formats import read_table_file
from tests.core.tables.test_round_trip import open_with_any_grid


def table() -> Table:
    made = Table(
        {
            "image_name": ["a b", "a b", "c"],
            "grid_x": [0, 200, 0],
            "grid_y": [0, 0, 0],
            "label": [False, True, False],
            "preds": [1, 1, 1],
            "flux": np.array([1.5, 2.5, 3.5]) * units.mJy,
            "night": MaskedColumn([1, 2, 3], mask=[False, True, False]),
        },
        meta={"survey": "north", "notes": ["one", "two"]},
    )
    made["flux"].info.description = "total flux"
    return made


def saved(path, verdict="artifact"):
    output = path.with_name("out.ecsv")
    session = open_with_any_grid(path, output=output, reviewer="me")
    session.set_label(verdict)
    session.save()
    return output


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_astropy_reads_the_saved_table_with_types_units_and_metadata(
    tmp_path, delimiter
):
    path = tmp_path / "in.ecsv"
    table().write(path, format="ascii.ecsv", delimiter=delimiter)
    before, after = Table.read(path), Table.read(saved(path))
    added = ["error_id", "label_new", "reviewed_by", "reviewed_at"]
    added += ["decision", "kind", "note"]
    assert after.colnames == [*before.colnames, *added]
    assert after.meta == before.meta
    for name in before.colnames:
        assert after[name].dtype == before[name].dtype
        assert after[name].unit == before[name].unit
        assert after[name].description == before[name].description
        assert after[name].tolist() == before[name].tolist()
    assert after["label_new"].tolist() == [True, True, False]
    assert after["error_id"].tolist() == [1, None, 2]
    assert after["reviewed_by"].tolist()[0] == "me"


def test_cells_and_header_lines_stay(tmp_path):
    path = tmp_path / "in.ecsv"
    table().write(path, format="ascii.ecsv")
    lines, out = path.read_text().splitlines(), saved(path).read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert [line for line in out if line in header] == header
    rows = [line for line in lines if line not in header]
    assert [o[: len(r)] for o, r in zip(out[-4:], rows, strict=True)] == rows


def test_a_header_in_yaml_blocks_takes_the_new_columns_too(tmp_path):
    names = ("image_name", "grid_x", "grid_y", "label", "preds")
    types = ("string", *["int64"] * 4)
    columns = [
        line
        for name, kind in zip(names, types, strict=True)
        for line in (f"# - name: {name}", f"#   datatype: {kind}")
    ]
    head = ["# %ECSV 1.0", "# ---", "# datatype:", *columns, "# meta: {a: 1}"]
    path = tmp_path / "in.ecsv"
    path.write_text("\n".join([*head, " ".join(names), "a 0 0 0 1", ""]))
    after = Table.read(saved(path))
    assert after["label_new"].tolist() == [1]
    assert after.meta == {"a": 1}


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["False", "True", "True"], [False, True, True]),
        (["0", " 1", "1"], [0, 1, 1]),
        (["0.0", "1.0", "1.0"], ["0.0", "1.0", "1.0"]),
    ],
)
def test_new_labels_have_a_type_if_no_column_is_named_label(tmp_path, cells, values):
    path = tmp_path / "in.ecsv"
    other = table()
    other.rename_column("label", "is_artifact")
    other.write(path, format="ascii.ecsv")
    with (tmp_path / "out.ecsv").open("wb") as stream:
        read_table_file(path).write(stream, {"label_new": pd.Series(cells)})
    assert Table.read(tmp_path / "out.ecsv")["label_new"].tolist() == values


def test_padded_cells_keep_their_blanks(tmp_path):
    path = tmp_path / "in.ecsv"
    table().write(path, format="ascii.ecsv")
    text = path.read_text().replace(" 200 ", "   200 ").replace("\n", "  \n")
    header, _, rows = text.rpartition("\nimage_name")
    path.write_text(header.replace("  \n", "\n").rstrip() + "\n  image_name" + rows)
    assert Table.read(path)["grid_x"].tolist() == [0, 200, 0]
    file = read_table_file(path)
    assert file.values["grid_x"].tolist() == ["0", "200", "0"]
    stream = io.BytesIO()
    file.write(stream, {})
    assert stream.getvalue() == path.read_bytes()


def test_a_csv_can_be_saved_as_ecsv_and_resumed(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\nb,0,0,1,1\n")
    output = saved(path)
    assert Table.read(output)["label_new"].tolist() == [1, 1]
    assert ReviewSession.open(output).progress == (1, 1)


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        ("# %ECSV 1.0\n# ---\n", "no table after it"),
        ("# %ECSV 1.0\n# ---\n# datatype: [\na b\n", "not YAML"),
        ("# %ECSV 1.0\n# ---\n# delimiter: ;\na;b\n", "as delimiter"),
        ("# %ECSV 1.0\n# ---\n# meta: 1\na b\n", "no list 'datatype'"),
        ("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a}\na\n", "lacks the name"),
        (
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int8}\nb\n1\n",
            "names other columns",
        ),
        (
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int8}\n\n\n",
            "empty",
        ),
    ],
)
def test_a_header_that_does_not_fit_is_a_fault(tmp_path, contents, what):
    path = tmp_path / "in.ecsv"
    path.write_text(contents)
    with pytest.raises(TableError, match=what):
        read_predictions(path)
