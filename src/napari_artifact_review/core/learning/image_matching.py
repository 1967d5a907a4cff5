"""Match the image names of another file to those of a predictions table."""

from __future__ import annotations

from collections.abc import Sequence

from napari_artifact_review.core.images.name_matching import (
    FindFiles,
    match_names,
    no_files,
)
from napari_artifact_review.core.tables.predictions import Predictions


def match_images(
    names: Sequence[str], table: Predictions, find_files: FindFiles = no_files
) -> dict[str, int]:
    """Find the image of a table that each name means.

    A name is a name of the table, or another name of one of its files, or matches as
    `match_names` says.

    Parameters
    ----------
    names : sequence of str
        All distinct image names of the other file.
    table : Predictions
        The table.
    find_files : callable
        Returns the file of each of the image names that has exactly one.

    Returns
    -------
    dict of str to int
        Index in `table.image_names` of each name that means an image there.
    """
    index = {name: at for at, name in enumerate(table.image_names)}
    known = index | {alias: index[name] for alias, name in table.aliases.items()}
    found = {name: known[name] for name in names if name in known}
    if len(found) < len(names):
        same = match_names(names, table.image_names, find_files)
        found = {name: index[other] for name, other in same.items()} | found
    return found
