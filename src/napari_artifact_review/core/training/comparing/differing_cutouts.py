"""Table of the cutouts on which two models differ, for a review of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_artifact_review.core.atomic_files import Written, replace_or_back_up
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.table_formats import (
    format_for,
    read_table_file,
)
from napari_artifact_review.core.training.comparing.comparison import Comparison

#: Columns that a table of differing cutouts has, and those that it may have.
_NEEDED = {"image_name", "grid_x", "grid_y", "label", "preds", "preds_old"}
_OPTIONAL = {"confidence", "confidence_old"}


def differing_cutouts(comparison: Comparison) -> pd.DataFrame:
    """Return the cutouts without a verdict on which the models differ.

    Returns
    -------
    DataFrame
        A predictions table of the new model, with `preds_old` and `confidence_old`.
        There is no confidence if the new model's table has none.
    """
    rows = comparison.rows
    differ = (rows["old_preds"] != rows["new_preds"]) & (rows["decision"] == "")
    found = rows[differ]
    columns = {
        "image_name": found["image_name"].astype("str"),
        "grid_x": found["grid_x"],
        "grid_y": found["grid_y"],
        "label": found["label"],
        "preds": found["new_preds"],
        "confidence": found["new_confidence"],
        "preds_old": found["old_preds"],
        "confidence_old": found["old_confidence"],
    }
    for title, name in (("new", "confidence"), ("old", "confidence_old")):
        if not comparison.tables[title].has_confidence:
            del columns[name]
    return pd.DataFrame(columns).reset_index(drop=True)


def write_differing(table: pd.DataFrame, comparison: Comparison, path: Path) -> Written:
    """Write the result of `differing_cutouts` as a predictions table.

    An earlier file that is not such a table gets a dated backup.

    Parameters
    ----------
    table : DataFrame
        The cutouts; at least one.
    comparison : Comparison
        The comparison, whose tables are not overwritten.
    path : Path
        The file; its suffix determines the format.

    Raises
    ------
    SaveError
        If the file is a table of the comparison, no format has its suffix, or it cannot
        be written.
    """
    comparison.check_output(path)
    file = format_for(path).from_values(table).suited_to(path.name)
    return replace_or_back_up(
        path, lambda stream: file.write(stream, {}), is_own=_is_differing(path)
    )


def _is_differing(path: Path) -> bool:
    """Return whether a file has the columns of differing cutouts and no others."""
    try:
        found = {str(name) for name in read_table_file(path).values.columns}
    except ReviewError:
        return False
    return _NEEDED <= found <= _NEEDED | _OPTIONAL
