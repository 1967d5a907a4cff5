"""The tables of a comparison, and the cutouts that they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.grid import infer_cutout_size
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.review.paths import image_folder
from napari_artifact_review.core.training.comparing.model_tables import (
    CutoutTable,
    model_table,
    read_model_table,
    read_reviewed_table,
    read_session,
    read_test_set,
    unify_names,
)
from napari_artifact_review.core.training.comparing.table_mappings import GivenMapping
from napari_artifact_review.core.training.comparing.true_labels import (
    LabelSource,
    cutout_keys,
    rows_of,
)
from napari_artifact_review.core.user_folders import absolute_path

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


@dataclass(frozen=True)
class Overlap:
    """Numbers of cutouts in the tables.

    Attributes
    ----------
    common, only_old, only_new : int
        Numbers of cutouts in both models' tables, and in only one of them.
    test : int or None
        Number of cutouts in the test set; None without an export.
    test_missing : int
        Number of cutouts of the test set that are not in both models' tables.
    """

    common: int
    only_old: int
    only_new: int
    test: int | None = None
    test_missing: int = 0


def read_tables(
    models: Mapping[str, str | Path | ReviewSession],
    labels: str | Path | ReviewSession | None,
    test: str | Path | None,
    given: GivenMapping,
    cutout_size: int | None,
) -> dict[str, CutoutTable]:
    """Read the tables of a comparison, by title; see `compare` for the errors."""
    tables = {}
    for title, model in models.items():
        if not isinstance(model, str | Path):
            tables[title] = model_table(model.predictions)
            continue
        path = absolute_path(model)
        tables[title] = given.read(title, partial(read_model_table, path))
    if isinstance(labels, str | Path):
        path = absolute_path(labels)
        read = partial(read_reviewed_table, path, cutout_size=cutout_size)
        tables["labels"] = given.read("labels", read)
    elif labels is not None:
        tables["labels"] = read_session(labels)
    if test is not None:
        tables["test"] = read_test_set(absolute_path(test))
    return tables


def with_equal_names(
    tables: dict[str, CutoutTable], images: str | Path | None
) -> dict[str, CutoutTable]:
    """Give each image the name that it has in the new model's table."""
    new = tables["new"]
    names = list(map(str, new.cutouts["image_name"].unique()))
    folder = image_folder(images, new.path, names).folder
    new_first = {"new": new} | tables
    named = unify_names(new_first, lambda some: ImageFolder(folder, some))
    return {title: named[title] for title in tables}


def match_cutouts(tables: dict[str, CutoutTable]) -> tuple[list[LabelSource], Overlap]:
    """Find the cutouts to compare, in each table.

    Raises
    ------
    TableError
        If a table has a cutout twice, the models have none in common, or the test set
        or the table of labels has none of these.
    """
    keys = dict(zip(tables, cutout_keys(list(tables.values())), strict=True))
    common = np.intersect1d(keys["old"], keys["new"], assume_unique=True)
    if not common.size:
        raise TableError(
            f"no cutout is in both tables; the first one here is "
            f"{_first(tables['new'])}, and the first one in {tables['old'].path} is "
            f"{_first(tables['old'])}",
            path=tables["new"].path,
            remedy="Give the predictions of two models for the same images; if their "
            "names differ, give the folder of the images (--images)",
        )
    overlap = Overlap(
        len(common), len(keys["old"]) - len(common), len(keys["new"]) - len(common)
    )
    wanted = common
    if "test" in tables:
        wanted = np.intersect1d(common, keys["test"], assume_unique=True)
        count = len(keys["test"])
        overlap = Overlap(
            len(common), overlap.only_old, overlap.only_new, count, count - len(wanted)
        )
        if not wanted.size:
            raise TableError(
                f"none of the {count:,} cutouts of the test set is in both models' "
                f"tables; the first one is {_first(tables['test'])}",
                path=tables["test"].path,
                remedy="Score the images of the test set with both models",
            )
    sources = [
        LabelSource(title, table, rows_of(keys[title], wanted))
        for title, table in tables.items()
    ]
    for source in sources:
        if source.title == "labels" and not (source.row >= 0).any():
            raise TableError(
                "it has no label for any of the cutouts",
                path=source.table.path,
                remedy=f"Give the review of these images; the first cutout here is "
                f"{_first(source.table)}",
            )
    return sources, overlap


def spacing_of(cutouts: pd.DataFrame) -> int | None:
    """Return the cutout size by the spacing of the positions; None if it is unclear."""
    grid = (cutouts[name].to_numpy(np.int64) for name in ("grid_x", "grid_y"))
    return infer_cutout_size(*grid)


def check_sizes(old: CutoutTable, new: CutoutTable) -> None:
    """Raise a TableError if the models have cutouts of different sizes."""
    before, after = spacing_of(old.cutouts), spacing_of(new.cutouts)
    if before and after and before != after:
        raise TableError(
            f"its cutouts are {after} px wide, and those in {old.path} {before} px, by "
            "the spacing of their positions",
            path=new.path,
            remedy="Score both models on the same cutouts; if these have the same "
            "size, give it (--cutout-size)",
        )


def _first(table: CutoutTable) -> str:
    return CutoutKey(*table.cutouts[list(CutoutKey._fields)].iloc[0]).title
