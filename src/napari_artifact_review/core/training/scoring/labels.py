"""The labels of the cutouts that a model scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from napari_artifact_review.core.errors import ReviewError, TableError
from napari_artifact_review.core.grid import common_spacing, infer_cutout_size
from napari_artifact_review.core.review.cutout_size import (
    ask_for_stride,
    tile_distance,
)
from napari_artifact_review.core.review.stored_answers import (
    review_notice,
    stored_mapping,
)
from napari_artifact_review.core.tables.mapping import Meaning, TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.running.image_files import ImageList

#: The columns that identify a cutout.
CUTOUT = ["image_name", "grid_x", "grid_y"]

_NOT_NEEDED: tuple[Meaning, ...] = ("preds",)


def read_labels(
    path: Path,
    images: ImageList,
    mapping: TableMapping | None = None,
    size: int | None = None,
    stride: int | None = None,
    notify: Callable[[str], object] = str,
) -> pd.DataFrame:
    """Read the labels of cutouts.

    Parameters
    ----------
    path : Path
        A table with the column `label_new` or `label`; predictions are not needed.
    images : ImageList
        The images that are scored. The table may name them as they are named there, or
        otherwise, if the name means the same file.
    mapping : TableMapping, optional
        Meanings of the columns and values; by default those of the table's review, if
        there is one.
    size : int, optional
        Side length of a cutout in pixels.
    stride : int, optional
        Distance in pixels from one cutout to the next, if the user gave it. Positions
        that may be tile numbers are multiplied by it.
    notify : callable, optional
        Function that gets a message if the table is read as its review was.

    Returns
    -------
    DataFrame
        The columns `image_name`, as in `images`, `grid_x`, `grid_y` and `label`.

    Raises
    ------
    MappingNeededError
        If the positions may be tile numbers, and the stride is not given.
    TableError
        If the table has faults, or none of its images is scored.
    """
    if mapping is None:
        mapping = stored_mapping(path)
        for notice in review_notice(path, mapping):
            notify(notice)
    mapping = mapping or TableMapping()
    table = read_predictions(path, mapping, images.aliases, optional=_NOT_NEEDED)
    distance = _tile_distance(table, size)
    if distance and stride is None:
        raise ask_for_stride(table, distance)
    if distance:
        mapping = replace(mapping, stride=stride)
        table = read_predictions(path, mapping, images.aliases, optional=_NOT_NEEDED)
    if set(images.names).isdisjoint(table.image_names):
        raise TableError(
            "none of its images is among the images to score",
            path=path,
            remedy="Check that it is the table of these images",
        )
    names = pd.array(table.image_names, dtype="str").take(table.image_index)
    return pd.DataFrame(
        {
            "image_name": names,
            "grid_x": table.grid_x,
            "grid_y": table.grid_y,
            "label": table.label_new,
        }
    )


def _tile_distance(table: Predictions, size: int | None) -> str:
    """Return the distance of the labels if they may have tile numbers, else ""."""
    apart = common_spacing(table.grid_x, table.grid_y)
    if table.mapping.stride is not None or (size and apart and apart % size == 0):
        return ""
    spacing = infer_cutout_size(table.grid_x, table.grid_y)
    return tile_distance(table, spacing, size)


def join_labels(
    scores: pd.DataFrame, labels: pd.DataFrame, path: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Join the labels to the scores of the same cutouts.

    Parameters
    ----------
    scores : DataFrame
        The columns `image_name`, `grid_x`, `grid_y` and others.
    labels : DataFrame
        The labels, from `read_labels`.
    path : Path
        The table of the labels, for messages.

    Returns
    -------
    joined : DataFrame
        The scores of the cutouts that have a label, with the column `label` after
        `grid_y`.
    notices : tuple of str
        Messages about cutouts that are left out.

    Raises
    ------
    ReviewError
        If no cutout has a label.
    """
    joined = scores.merge(labels, on=CUTOUT, how="left")
    has_label = joined["label"].notna()
    joined = joined[has_label].reset_index(drop=True)
    if joined.empty:
        raise ReviewError(
            "it has no label for any of the cutouts",
            path=path,
            remedy="Check --cutout-size and --stride; grid_x and grid_y are in pixels",
        )
    notices = []
    missing, unused = int((~has_label).sum()), len(labels) - len(joined)
    if missing:
        have, are = ("has", "is") if missing == 1 else ("have", "are")
        cutouts = counted(len(scores), "cutout")
        notices.append(
            f"{path}: {missing:,} of {cutouts} {have} no label there, and {are} left "
            "out."
        )
    if unused:
        belong = "belongs" if unused == 1 else "belong"
        notices.append(
            f"{path}: {counted(unused, 'label')} {belong} to no cutout that was scored."
        )
    label = joined.pop("label").astype("int8")
    joined.insert(len(CUTOUT), "label", label)
    return joined, tuple(notices)
