"""The labels by which models are judged, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.comparing.model_tables import CutoutTable

_Ints = npt.NDArray[np.int64]


class LabelSource(NamedTuple):
    """A table with cutouts, and their positions in a list of cutouts.

    Attributes
    ----------
    title : str
        "labels", "test", "new" or "old".
    table : CutoutTable
        The table.
    row : ndarray of int64, shape (n,)
        Row of each cutout of the list in `table.cutouts`; -1 if it is not there.
    """

    title: str
    table: CutoutTable
    row: _Ints


class TrueLabels(NamedTuple):
    """The label of each cutout after review.

    Attributes
    ----------
    label : ndarray of int8, shape (n,)
        1 artifact, 0 no artifact.
    decision, kind : ndarray of object, shape (n,)
        Verdict and kind of artifact, as texts; empty without a verdict.
    label_before : ndarray of int8, shape (n,)
        Label before the review.
    sources : tuple of dict
        `source`, `path` and `cutouts` (their number) of each table that gave labels.
    differing : dict of str to int
        Numbers of cutouts for which the two models' tables have different labels, by
        the title of the model's table whose label counts.
    """

    label: npt.NDArray[np.int8]
    decision: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    label_before: npt.NDArray[np.int8]
    sources: tuple[dict[str, Any], ...]
    differing: dict[str, int]

    @property
    def notices(self) -> tuple[str, ...]:
        """One line on models' tables with different labels; none if these agree."""
        if not self.differing:
            return ()
        count = counted(sum(self.differing.values()), "cutout")
        parts = [
            f"{number:,} from the {title} model's table"
            for title, number in self.differing.items()
        ]
        return (
            f"The labels of the two models' tables differ for {count}; the labels that "
            f"count: {', '.join(parts)}.",
        )

    @property
    def reviewed(self) -> npt.NDArray[np.bool_]:
        """Mask of the cutouts with a verdict."""
        return np.asarray(self.decision != "", dtype=bool)


def find_labels(
    count: int, given: Sequence[LabelSource], models: Sequence[LabelSource]
) -> TrueLabels:
    """Find the label of each cutout.

    The first of these decides: a verdict in the tables that the user gave, a label in
    these tables (the last one first, because its labels were chosen for this purpose),
    a verdict in a model's table, a label in a model's table.

    Parameters
    ----------
    count : int
        Number of cutouts.
    given : sequence of LabelSource
        Tables that the user gave for their labels: the reviewed table, and the export.
    models : sequence of LabelSource
        Tables of the models, the first one with priority.

    Raises
    ------
    TableError
        If a cutout has no label.
    """
    label = np.full(count, -1, dtype=np.int8)
    texts = {name: np.full(count, "", dtype=object) for name in ("decision", "kind")}
    taken = {source.title: 0 for source in (*given, *models)}
    differ, differing = _differ(count, models), dict[str, int]()
    steps = [
        *((source, True) for source in given),
        *((source, False) for source in reversed(given)),
        *((source, True) for source in models),
        *((source, False) for source in models),
    ]
    for source, needs_verdict in steps:
        if not source.table.has_labels:
            continue
        open_ = (label < 0) & (source.row >= 0)
        if needs_verdict:
            open_[open_] = source.table.reviewed[source.row[open_]]
        cutouts, rows = source.table.cutouts, source.row[open_]
        label[open_] = cutouts["label"].to_numpy(np.int8)[rows]
        for name, column in texts.items():
            column[open_] = cutouts[name].to_numpy(object)[rows]
        taken[source.title] += int(np.count_nonzero(open_))
        if any(source is model for model in models) and (open_ & differ).any():
            number = int(np.count_nonzero(open_ & differ))
            differing[source.title] = differing.get(source.title, 0) + number
    _check_labels(label, models[0])
    return TrueLabels(
        label,
        **texts,
        label_before=_labels_before(count, [*given, *reversed(models)]),
        sources=_describe((*given, *models), taken),
        differing=differing,
    )


def _differ(count: int, models: Sequence[LabelSource]) -> npt.NDArray[np.bool_]:
    """Return the mask of the cutouts for which tables have different labels."""
    differ = np.zeros(count, dtype=bool)
    labels = [
        source.table.cutouts["label"].to_numpy(np.int8)[source.row]
        for source in models
        if source.table.has_labels
    ]
    for label in labels[1:]:
        differ |= label != labels[0]
    return differ


def _labels_before(count: int, sources: Sequence[LabelSource]) -> npt.NDArray[np.int8]:
    """Return the labels before the review, from the first table that has each."""
    label = np.full(count, -1, dtype=np.int8)
    for source in sources:
        if source.table.has_labels:
            open_ = (label < 0) & (source.row >= 0)
            before = source.table.cutouts["label_before"].to_numpy(np.int8)
            label[open_] = before[source.row[open_]]
    return label


def _check_labels(label: npt.NDArray[np.int8], new: LabelSource) -> None:
    missing = np.flatnonzero(label < 0)
    if missing.size:
        first = new.table.cutouts.iloc[new.row[missing[0]]]
        raise TableError(
            f"{missing.size:,} of {len(label):,} cutouts have no label; the first one "
            f"is {first['image_name']} ({first['grid_x']}, {first['grid_y']})",
            path=new.table.path,
            remedy="Give a reviewed table that has them (--labels), or add a column "
            "label",
        )


def _describe(
    sources: Sequence[LabelSource], taken: dict[str, int]
) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "source": source.title,
            "path": str(source.table.path),
            "cutouts": taken[source.title],
        }
        for source in sources
        if taken[source.title]
    )


def cutout_keys(tables: Sequence[CutoutTable]) -> list[_Ints]:
    """Return a number for each cutout, which is the same in all tables.

    Raises
    ------
    TableError
        If a table has a cutout twice.
    """
    columns = ["image_name", "grid_x", "grid_y"]
    every = pd.concat([table.cutouts[columns] for table in tables], ignore_index=True)
    numbers = every.groupby(columns, sort=True).ngroup().to_numpy(np.int64)
    ends = np.cumsum([len(table.cutouts) for table in tables])
    keys = [part.astype(np.int64) for part in np.split(numbers, ends[:-1])]
    for table, each in zip(tables, keys, strict=True):
        again = pd.Series(each).duplicated().to_numpy(bool)
        if again.any():
            first = table.cutouts.iloc[int(again.argmax())]
            raise TableError(
                f"the cutout {first['image_name']} ({first['grid_x']}, "
                f"{first['grid_y']}) has more than one row",
                path=table.path,
                remedy="Keep one row for each cutout",
            )
    return keys


def rows_of(keys: _Ints, wanted: _Ints) -> _Ints:
    """Return the position of each wanted number in `keys`; -1 if it is not there."""
    return np.asarray(pd.Index(keys).get_indexer(pd.Index(wanted)), dtype=np.int64)
