"""The command that opens a table with a mapping."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.mapping_command import command_of

TABLE = Path("/data/my tables/a.csv")


def test_a_command_names_table_mapping_and_options():
    mapping = TableMapping(
        columns={"image_name": "File name", "label": "it's"},
        label_values={"artifact": "bogus", "no artifact": "real"},
        decimal=",",
        stride=100,
    )
    command = command_of(TABLE, mapping, ("--cutout-size", "200"))
    assert shlex.split(command) == [
        "napari-artifact-review",
        "open",
        str(TABLE),
        "--columns",
        "image_name=File name,label=it's",
        "--label-values",
        "artifact=bogus,no artifact=real",
        "--decimal",
        ",",
        "--stride",
        "100",
        "--cutout-size",
        "200",
    ]


@pytest.mark.parametrize("word", ["a|b", "x,no artifact=y", "a\nb"])
def test_no_command_is_made_that_would_be_read_differently(word):
    values = {"artifact": word, "no artifact": "real"}
    assert command_of(TABLE, TableMapping(label_values=values)) is None


def test_a_name_that_looks_like_two_columns_is_not_written():
    mapping = TableMapping(columns={"label": "a,preds=b"})
    assert command_of(TABLE, mapping) is None
