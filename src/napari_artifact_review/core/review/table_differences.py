"""Compare a table on disk with an open review, cutout by cutout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.review.reviewed_table import ReviewedTable
from napari_artifact_review.core.tables.column_names import unique_names
from napari_artifact_review.core.tables.predictions import (
    REVIEW_TEXTS,
    Predictions,
)
from napari_artifact_review.core.tables.reading import read_again

#: Columns whose values are compared, not their notation in the file.
_REVIEW_COLUMNS = ["label_new", *REVIEW_TEXTS]

#: Columns of a verdict, without reviewer and time.
_VERDICT_COLUMNS = ("label_new", "decision", "kind", "note")


@dataclass(frozen=True)
class Difference:
    """A difference between a file on disk and this review.

    Attributes
    ----------
    where : str
        Cutout and column, or another part of the file.
    theirs, ours : str
        Text on disk, and text that this review has read or would write.
    """

    where: str
    theirs: str
    ours: str


@dataclass(frozen=True)
class Changes:
    """Changes that another program made to the output.

    Attributes
    ----------
    differences : list of Difference
        All differences; empty if the files differ only in notation.
    labels : dict of CutoutKey to LabelState
        Label states in the file, for cutouts with a different verdict.
    readable : bool
        Whether the file is a readable table.
    """

    differences: list[Difference]
    labels: dict[CutoutKey, LabelState]
    readable: bool = True


def count_of(differences: list[Difference]) -> str:
    """Return the number of differences as text, such as "3 differences"."""
    count = len(differences)
    return f"{count} {'difference' if count == 1 else 'differences'}"


def compare_output(path: Path, table: ReviewedTable) -> Changes:
    """Compare the file at `path` with a reviewed table, cutout by cutout.

    If a row has the label state that this review last read or saved, its labels are
    older than the review, and do not count as a difference.
    """
    try:
        theirs = read_again(table.predictions, path)
    except TableError as error:
        unsound = Difference("the file", _fault_text(error), "a sound table")
        return Changes([unsound], {}, readable=False)
    ours = table.predictions
    differences, here, there = _row_differences(ours, theirs)
    names = {ours.column_name(name): name for name in _REVIEW_COLUMNS}
    left = _cells(table, table.as_written(path), names).iloc[here]
    right = _cells(_as_read(theirs), theirs.file.values, names).iloc[there]
    differences += _column_differences(left, right)
    is_older = np.array(
        [
            table.states_in_output.get(row) == state
            for row, state in zip(here.tolist(), _label_states(right), strict=True)
        ],
        dtype=bool,
    )
    keys = [_key(cutout) for cutout in _cutouts(table.predictions)[here]]
    labels = {}
    for at, column, difference in _cell_differences(keys, left, right):
        if column in _REVIEW_COLUMNS and is_older[at]:
            continue
        differences.append(difference)
        if column in _VERDICT_COLUMNS:
            labels[keys[at]] = _label_states(right.iloc[[at]])[0]
    return Changes(differences, labels)


def compare_table(table: Predictions) -> list[Difference]:
    """Compare a predictions table as read with its current file, cell by cell.

    The result has at least one difference, even if all cells are equal.
    """
    try:
        now = read_again(table, table.path)
    except TableError as error:
        return [Difference("the table", _fault_text(error), "a sound table")]
    differences, here, there = _row_differences(table, now)
    left, right = (
        _as_texts(one.file.values).iloc[rows]
        for one, rows in ((table, here), (now, there))
    )
    differences += _column_differences(left, right)
    keys = [_key(cutout) for cutout in _cutouts(table)[here]]
    differences += [each for _, _, each in _cell_differences(keys, left, right)]
    # If all cells are equal, line endings, another HDU or vector columns may differ.
    same = Difference("the table", "other bytes, the same cells", "as it was read")
    return differences or [same]


def _fault_text(error: TableError) -> str:
    return error.what if error.where is None else f"{error.where}: {error.what}"


def _row_differences(
    ours: Predictions, theirs: Predictions
) -> tuple[list[Difference], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Compare the cutouts of two tables; also return the rows of shared cutouts."""
    mine, other = _cutouts(ours), _cutouts(theirs)
    found = other.get_indexer(mine)
    differences = [
        Difference(_name(key), "no such row", "a row") for key in mine[found < 0]
    ] + [
        Difference(_name(key), "a row", "no such row")
        for key in other[mine.get_indexer(other) < 0]
    ]
    here = np.flatnonzero(found >= 0)
    there = found[here]
    if (np.diff(there) < 0).any():
        words = ("another one", "that of the predictions")
        differences.append(Difference("the order of the rows", *words))
    return differences, here, there


def _column_differences(left: pd.DataFrame, right: pd.DataFrame) -> list[Difference]:
    words = ("a column", "no such column")
    return [
        Difference(f"column {column}", *words[:: 1 if column in right else -1])
        for column in left.columns.symmetric_difference(right.columns)
    ]


def _cell_differences(
    keys: list[CutoutKey], left: pd.DataFrame, right: pd.DataFrame
) -> Iterator[tuple[int, str, Difference]]:
    """Yield row index, column and difference for each unequal cell, by column."""
    for column in left.columns.intersection(right.columns):
        a, b = left[column].to_numpy(object), right[column].to_numpy(object)
        for at in np.flatnonzero(a != b).tolist():
            where = f"{_name(keys[at])}, {column}"
            yield at, column, Difference(where, str(b[at]), str(a[at]))


def _cutouts(table: Predictions) -> pd.MultiIndex:
    names = pd.Index(table.image_names, dtype=object).take(table.image_index)
    return pd.MultiIndex.from_arrays([names, table.grid_x, table.grid_y])


def _key(cutout: tuple[str, int, int]) -> CutoutKey:
    return CutoutKey(cutout[0], int(cutout[1]), int(cutout[2]))


def _name(cutout: tuple[str, int, int]) -> str:
    return f"{cutout[0]} ({cutout[1]}, {cutout[2]})"


def _as_read(table: Predictions) -> ReviewedTable:
    return ReviewedTable(table, table.label_new, {}, {})


def _cells(
    table: ReviewedTable, values: pd.DataFrame, names: Mapping[str, str]
) -> pd.DataFrame:
    """Return the cells of a table in a form that can be compared.

    `names` are the names of `_REVIEW_COLUMNS`, by their names in the file.
    """
    texts = {}
    for name in REVIEW_TEXTS:
        read = getattr(table.predictions, name)
        texts[name] = (
            np.full(len(values), "", dtype=object) if read is None else read.copy()
        )
        for row, state in table.states.items():
            texts[name][row] = getattr(state, name)
    cells = _as_texts(values)
    # A column of the user's own can have the name of a column of the review.
    cells.columns = pd.Index(
        [
            names.get(name, f"{name} " if name in _REVIEW_COLUMNS else name)
            for name in cells.columns
        ]
    )
    return cells.assign(label_new=table.label_new, **texts)


def _as_texts(values: pd.DataFrame) -> pd.DataFrame:
    names = unique_names([str(name) for name in values.columns])
    return values.set_axis(names, axis=1).astype("str").fillna("")


def _label_states(cells: pd.DataFrame) -> list[LabelState]:
    rows = cells[_REVIEW_COLUMNS].itertuples(index=False)
    return [
        LabelState(int(label), *map(str, texts)).with_verdict()
        for label, *texts in rows
    ]
