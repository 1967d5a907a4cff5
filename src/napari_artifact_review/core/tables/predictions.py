"""A predictions table that was read, with the meanings of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.outcomes import VERDICTS
from napari_artifact_review.core.tables.column_names import find_column
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.table_file import TableFile

#: Columns of strings that a review adds to the table, in this order.
REVIEW_TEXTS = ("reviewed_by", "reviewed_at", "decision", "kind", "note")

#: Columns that a table may have for other purposes than a review.
_OFTEN_OWN = ("decision", "kind", "note")

_AS_NAMED = TableMapping()


@dataclass(frozen=True)
class Predictions:
    """A valid predictions table, with the rows in file order.

    Attributes
    ----------
    path : Path
        Path of the file.
    file : TableFile
        The table in its file format.
    image_names : tuple of str, length m
        Names of the full images, in order of first appearance.
    image_index : ndarray of int64, shape (n,)
        Index of the image of each cutout in `image_names`.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    label, preds, label_new : ndarray of int8, shape (n,)
        Label, prediction and label after review: 1 artifact, 0 no artifact. A missing
        `label_new` equals `label`.
    confidence : ndarray of float64, shape (n,), or None
        Probability of an artifact; NaN for an empty cell.
    error_id : ndarray of int64, shape (n,)
        Number of each error; 0 for a cutout that is not an error.
    reviewed_by, reviewed_at : ndarray of object, shape (n,), or None
        Reviewer and time of each verdict, as strings; empty without a verdict. None if
        the column does not exist.
    decision, kind, note : ndarray of object, shape (n,), or None
        Verdict (one of `VERDICTS`), kind of artifact and note, as strings; often empty.
        None if the column does not exist. A missing `decision` is derived from
        `label_new` for reviewed rows, if there are any.
    mapping : TableMapping
        Mapping with which the table was read.
    columns : mapping of str to str
        Name in the file of each column that the table has, by meaning.
    aliases : mapping of str to str
        Name in `image_names` for each other name of an image.
    """

    path: Path
    file: TableFile
    image_names: tuple[str, ...]
    image_index: npt.NDArray[np.int64]
    grid_x: npt.NDArray[np.int64]
    grid_y: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    preds: npt.NDArray[np.int8]
    confidence: npt.NDArray[np.float64] | None
    error_id: npt.NDArray[np.int64]
    label_new: npt.NDArray[np.int8]
    reviewed_by: npt.NDArray[np.object_] | None = None
    reviewed_at: npt.NDArray[np.object_] | None = None
    decision: npt.NDArray[np.object_] | None = None
    kind: npt.NDArray[np.object_] | None = None
    note: npt.NDArray[np.object_] | None = None
    mapping: TableMapping = _AS_NAMED
    columns: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def column_name(self, meaning: str) -> str:
        """Return the name of a column in the file, or in the reviewed table.

        If a column of the user's own has the name of a column that a review adds, the
        latter has the prefix `review_`.
        """
        if meaning in self.columns:
            return self.columns[meaning]
        is_own = meaning in self.file.values.columns
        return f"review_{meaning}" if is_own else meaning

    @property
    def are_opposed(self) -> bool:
        """Whether predicted artifacts have lower confidences than all other cutouts."""
        if self.confidence is None or "preds" not in self.columns:
            return False
        known = ~np.isnan(self.confidence)
        of_artifacts = self.confidence[known & (self.preds == 1)]
        of_others = self.confidence[known & (self.preds == 0)]
        # With fewer of either, chance may do the same.
        is_enough = min(len(of_artifacts), len(of_others)) > 1
        return is_enough and bool(of_artifacts.max() < of_others.min())

    def are_reviewed(self) -> npt.NDArray[np.bool_]:
        """Return the mask of rows that have a verdict, shape (n,)."""
        texts = (self.reviewed_by, self.reviewed_at, self.decision)
        return have_text(texts, len(self.label))


def have_text(
    columns: Iterable[npt.NDArray[np.object_] | None], count: int
) -> npt.NDArray[np.bool_]:
    """Return the mask of rows with a value in at least one column, shape (count,)."""
    filled = np.zeros(count, dtype=bool)
    for texts in columns:
        if texts is not None:
            filled |= np.asarray(texts != "", dtype=bool)
    return filled


def review_columns(values: pd.DataFrame) -> dict[str, str]:
    """Return the name of each column that an earlier review has added, by meaning."""
    names = list(values.columns)
    found = {}
    for meaning in ("label_new", *REVIEW_TEXTS):
        column = find_column(meaning, names)
        if meaning in _OFTEN_OWN:
            column = find_column(f"review_{meaning}", names) or column
        if column is not None:
            found[meaning] = column
    if found.get("decision") == "decision":
        texts = set(values["decision"].dropna().astype("str").str.strip()) - {""}
        if texts.isdisjoint(VERDICTS) and texts:
            del found["decision"]
    if "decision" not in found:
        # Without a decision, these columns are not of a review.
        for meaning in ("kind", "note"):
            found.pop(meaning, None)
    return found
