"""Tables of cutouts to compare: those of two models, of a review, and of an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.name_matching import match_names
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.review.paths import default_output, find_output
from napari_artifact_review.core.review.stored_answers import stored_mapping
from napari_artifact_review.core.tables.column_names import find_column
from napari_artifact_review.core.tables.column_reader import ColumnReader
from napari_artifact_review.core.tables.mapping import Meaning, TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import read_table_file

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession

#: Name of the table in the folder of an export.
EXPORTED_TABLE = "cutouts.csv"

#: Columns of an exported table that a comparison needs.
_EXPORTED = ("image_name", "grid_x", "grid_y", "label", "split")

#: Value of the column `split` for the cutouts that no model was trained on.
_TEST = "test"

#: Columns that a model's table, and a table of labels, need not have.
_NO_LABEL: tuple[Meaning, ...] = ("label",)
_NO_PREDS: tuple[Meaning, ...] = ("preds",)

_Mask = npt.NDArray[np.bool_]


class CutoutTable(NamedTuple):
    """A table of cutouts to compare.

    Attributes
    ----------
    path : Path
        Path of the table.
    file : TableFile
        The table in its file format.
    cutouts : DataFrame
        A row for each cutout with the columns `image_name`, `grid_x` and `grid_y`;
        `label` (0 or 1, unless the table has no labels); `label_before`, the label
        before the review; `decision` and `kind` (texts,
        empty without a verdict); for a model, also `preds` and `confidence` (NaN
        without one); for an export, `weight`.
    has_labels, has_confidence : bool
        Whether the table has labels, and whether it has confidences.
    threshold : float or None
        Confidence from which an artifact is predicted; None if the table has its own
        predictions.
    image_names : mapping of str to str
        Name in `cutouts` of each image that has another name in the file.
    mapping : TableMapping or None
        Mapping with which the table was read; None for the usual names and values.
    """

    path: Path
    file: TableFile
    cutouts: pd.DataFrame
    has_labels: bool = True
    has_confidence: bool = False
    threshold: float | None = None
    image_names: Mapping[str, str] = MappingProxyType({})
    mapping: TableMapping | None = None

    @property
    def reviewed(self) -> _Mask:
        """Mask of the cutouts with a verdict."""
        return (self.cutouts["decision"] != "").to_numpy(bool)

    def own_column(self, name: str) -> pd.Series[Any] | None:
        """Return a column of the file as texts, or None if it does not exist."""
        values = self.file.values
        column = find_column(name, list(values.columns))
        if column is None:
            return None
        cells = values[column].iloc[self.cutouts.index].astype("object")
        texts = cells.where(cells.notna(), "").map(str).str.strip()
        return texts.set_axis(self.cutouts.index)


def read_model_table(path: Path, mapping: TableMapping | None) -> CutoutTable:
    """Read the predictions of a model, with or without labels.

    Parameters
    ----------
    path : Path
        The table.
    mapping : TableMapping or None
        Meanings of the columns and values; by default those of the table's review, if
        there is one.

    Raises
    ------
    ReviewError
        If the table or the log of its review has faults.
    """
    used = stored_mapping(path) if mapping is None else mapping
    table = read_predictions(path, used or TableMapping(), optional=_NO_LABEL)
    return model_table(table)._replace(mapping=used)


def model_table(table: Predictions) -> CutoutTable:
    """Return the predictions of a model from a table that was read."""
    has_preds = "preds" in table.columns
    return CutoutTable(
        table.path,
        table.file,
        _cutouts(table),
        has_labels="label" in table.columns,
        has_confidence=table.confidence is not None,
        threshold=None if has_preds else DEFAULT_THRESHOLD,
        mapping=table.mapping,
    )


def read_reviewed_table(
    path: Path, mapping: TableMapping | None, cutout_size: int | None = None
) -> CutoutTable:
    """Read the labels of a review, from its log if there is one.

    Parameters
    ----------
    path : Path
        A reviewed table, the predictions of a review, or any table with labels.
    mapping : TableMapping, optional
        Meanings of the columns and values; by default those of the review.
    cutout_size : int, optional
        Side length of a cutout; by default that of the review, or inferred.

    Raises
    ------
    ReviewError
        If the table or the log has faults.
    """
    logs = map(log_path_beside, (path, default_output(path)))
    if not any(log.exists() for log in logs):
        used = stored_mapping(path) if mapping is None else mapping
        table = read_predictions(path, used or TableMapping(), optional=_NO_PREDS)
        return CutoutTable(path, table.file, _cutouts(table), mapping=used)
    # Import here, because most tables to compare have no log.
    from napari_artifact_review.core.review.session import ReviewSession

    with ReviewSession.open(
        path,
        None,
        find_output(path, None),
        mapping=mapping,
        cutout_size=cutout_size,
        read_only=True,
    ) as session:
        return read_session(session)._replace(path=path)


def read_session(session: ReviewSession) -> CutoutTable:
    """Return the cutouts of an open review, with their labels after review."""
    table, reviewed = session.predictions, session.table
    cutouts = _cutouts(table)
    for name in ("decision", "kind"):
        cutouts[name] = reviewed[name].to_numpy(object)
    cutouts["label"] = reviewed["label_new"].to_numpy(np.int8)
    return CutoutTable(table.path, table.file, cutouts, mapping=table.mapping)


def read_test_set(folder: Path) -> CutoutTable:
    """Read the test set of an export: its cutouts with the split "test".

    Parameters
    ----------
    folder : Path
        Folder of the export, or its table `cutouts.csv`.

    Raises
    ------
    TableError
        If the folder has no table of an export, or the table has faults or no test set.
    """
    path = folder / EXPORTED_TABLE if folder.is_dir() else folder
    if not path.is_file():
        raise TableError(
            f"this is no export: it has no {EXPORTED_TABLE}",
            path=folder,
            remedy="Name a folder that the command export has written",
        )
    file = read_table_file(path, _EXPORTED)
    columns = _exported_columns(file, path)
    reader = ColumnReader(path, file, columns, TableMapping())
    index, names = reader.names("image_name")
    cutouts = pd.DataFrame({"image_name": np.array(names, dtype=object)[index]})
    for name in ("grid_x", "grid_y"):
        cutouts[name] = reader.whole_numbers(
            name, "a whole number of pixels", "Export again"
        )
    cutouts["label"] = reader.labels("label", None)
    before = "label_old" if "label_old" in columns else "label"
    cutouts["label_before"] = reader.labels(before, None)
    for name in ("decision", "kind"):
        texts = reader.texts(name)
        cutouts[name] = "" if texts is None else texts
    cutouts["weight"] = 1.0
    if "weight" in columns:
        cutouts["weight"] = reader.probabilities("weight")
    if reader.faults:
        raise reader.faults[0]
    is_test = reader.values["split"].astype("str").str.strip() == _TEST
    if not is_test.any():
        raise TableError(
            f"no cutout of the export has the split {_TEST}",
            path=path,
            remedy="Export again with a share for the test split",
        )
    return CutoutTable(path, file, cutouts[is_test.to_numpy(bool)])


def _exported_columns(file: TableFile, path: Path) -> dict[str, str]:
    """Return the names in the file of the columns that a comparison reads."""
    names = list(file.values.columns)
    missing = [name for name in _EXPORTED if name not in names]
    if missing:
        raise TableError(
            f"this is no table of an export: it has no column {', '.join(missing)}",
            path=path,
            remedy="Name a folder that the command export has written",
        )
    more = ("label_old", "decision", "kind", "weight")
    return {name: name for name in (*_EXPORTED, *more) if name in names}


def _cutouts(table: Predictions) -> pd.DataFrame:
    """Return the cutouts of a table; see `CutoutTable`."""
    names = np.array(table.image_names, dtype=object)[table.image_index]
    count = len(table.label)
    confidence = table.confidence
    nothing = np.full(count, "", dtype=object)
    decision = nothing if table.decision is None else table.decision
    kind = nothing if table.kind is None else table.kind
    return pd.DataFrame(
        {
            "image_name": names,
            "grid_x": table.grid_x,
            "grid_y": table.grid_y,
            "label": table.label_new,
            "label_before": table.label,
            "preds": table.preds,
            "confidence": np.full(count, np.nan) if confidence is None else confidence,
            "decision": decision,
            "kind": kind,
        }
    )


def unify_names(
    tables: Mapping[str, CutoutTable],
    folder_for: Callable[[Sequence[str]], ImageFolder],
) -> dict[str, CutoutTable]:
    """Give each image the same name in all tables, that of the first table that has it.

    Names match as in `match_names`.

    Parameters
    ----------
    tables : mapping of str to CutoutTable
        The tables by title.
    folder_for : callable
        Returns the folder of the images for all names of a table.
    """
    unified: dict[str, CutoutTable] = {}
    earlier: list[dict[str, str]] = []
    for title, table in tables.items():
        names = list(map(str, table.cutouts["image_name"].unique()))
        matched: dict[str, str] = {}
        for known in earlier:
            same = match_names(
                names, list(known), lambda some: folder_for(some).files()
            )
            matched = {name: known[other] for name, other in same.items()} | matched
        first = {name: name for name in names} | folder_for(names).aliases()
        final = {
            name: matched.get(name) or matched.get(first[name], first[name])
            for name in names
        }
        earlier.append(final)
        unified[title] = _renamed(table, final)
    return unified


def _renamed(table: CutoutTable, names: Mapping[str, str]) -> CutoutTable:
    if all(name == other for name, other in names.items()):
        return table
    images = table.cutouts["image_name"].map(names)
    cutouts = table.cutouts.assign(image_name=images)
    return table._replace(cutouts=cutouts, image_names=names)
