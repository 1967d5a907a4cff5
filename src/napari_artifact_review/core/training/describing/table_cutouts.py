"""The cutouts of a predictions table, by image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from napari_artifact_review.core.errors import TableError
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.review.cutout_size import find_grid
from napari_artifact_review.core.review.stored_answers import (
    review_notice,
    stored_answers,
)
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.reading import read_predictions
from napari_artifact_review.core.training.describing.describe_task import Positions
from napari_artifact_review.core.training.running.image_files import ImageList


class TableCutouts(NamedTuple):
    """The cutouts of a table.

    Attributes
    ----------
    size : int
        Side length of a cutout in pixels.
    digest : str or None
        SHA-256 of the file, in hexadecimal.
    images : ImageList
        The images that have cutouts in the table.
    positions : dict of str to Positions
        The positions of the cutouts of each image, row by row from the top left.
    """

    size: int
    digest: str | None
    images: ImageList
    positions: dict[str, Positions]


def read_cutouts(
    path: Path,
    images: ImageList,
    mapping: TableMapping | None = None,
    size: int | None = None,
    stride: int | None = None,
) -> TableCutouts:
    """Read the cutouts of a table, for those images that are in it.

    Parameters
    ----------
    path : Path
        A table with labels or predictions.
    images : ImageList
        The images. The table may name them otherwise, if the name means the same file.
    mapping : TableMapping, optional
        Meanings of the columns and values; by default those of the table's review, if
        there is one.
    size : int, optional
        Side length of a cutout in pixels; by default that of the review whose mapping
        is used, or else inferred as for a review.
    stride : int, optional
        Distance in pixels from one cutout to the next, if the positions are tile
        numbers.

    Raises
    ------
    TableError
        If the table has faults, or none of its images is among `images`.
    """
    stored = stored_answers(path) if mapping is None else None
    used = mapping
    if stored is not None:
        used, size = stored.mapping, size or stored.cutout_size
    notices = [*images.notices, *(review_notice(path, used) if stored else ())]
    used = used or TableMapping()
    if stride is not None:
        used = replace(used, stride=stride)
    table = read_predictions(path, used, images.aliases, ("label", "preds"))
    found = _positions(table)
    known = set(images.names)
    if known.isdisjoint(found):
        raise TableError(
            "none of its images is among the images to describe",
            path=path,
            remedy="Check that it is the table of these images",
        )
    names = ImageFolder(images.root, table.image_names)
    absent, unused = len(found.keys() - known), len(known - found.keys())
    if absent:
        notices.append(
            f"{path}: {absent:,} of its {len(found):,} images are not among the images "
            "to describe."
        )
    if unused:
        notices.append(
            f"{path}: {unused:,} of {len(known):,} images have no cutouts there, and "
            "are left out."
        )
    wanted = tuple(image for image in images.images if image.name in found)
    return TableCutouts(
        find_grid(table, names, size).size,
        table.file.digest,
        replace(images, images=wanted, notices=tuple(notices)),
        found,
    )


def _positions(table: Predictions) -> dict[str, Positions]:
    """Return the positions by image, in an order that the table's does not change."""
    order = np.lexsort((table.grid_x, table.grid_y, table.image_index))
    counts = np.bincount(table.image_index, minlength=len(table.image_names))
    ends = np.cumsum(counts)[:-1]
    columns = (np.split(grid[order], ends) for grid in (table.grid_x, table.grid_y))
    return {
        name: Positions(x, y)
        for name, x, y in zip(table.image_names, *columns, strict=True)
    }
