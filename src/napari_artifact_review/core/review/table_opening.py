"""Read the table of a review with its images, as the user said or says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from napari_artifact_review.core.decisions.log_opening import (
    find_log_path,
    stored_state,
)
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.review.paths import image_folder
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.reading import read_predictions

if TYPE_CHECKING:
    from napari_artifact_review.core.review.session import ReviewSession


class Given(NamedTuple):
    """What the user said about the table, now or when the review began.

    Attributes
    ----------
    mapping : TableMapping or None
        Meanings of the columns and values; None for the default.
    cutout_size : int or None
        Side length of a cutout in pixels; None to infer it.
    hdu : int, str or None
        HDU of FITS files; None for the first image of each.
    hdus : mapping of str to int or str
        HDUs that were chosen for single images.
    """

    mapping: TableMapping | None
    cutout_size: int | None
    hdu: int | str | None = None
    hdus: Mapping[str, int | str] = MappingProxyType({})


def what_was_given(
    now: Given,
    output: Path,
    log: Path | None = None,
    replaced: ReviewSession | None = None,
) -> Given:
    """Return what the user says about the table, or said when the review began.

    Parameters
    ----------
    now : Given
        What the user says now.
    output : Path
        Output of the review.
    log : Path, optional
        File of its log, if it has another path than the default.
    replaced : ReviewSession, optional
        Session to replace, which may have the same log.

    Raises
    ------
    StoreError
        If the log cannot be read.
    """
    log = log or find_log_path(None, output)
    if replaced is not None and replaced.open_log.store.path == log:
        position = replaced.position
    else:
        position, _ = Position.from_json(stored_state(log, output) or {})
    return Given(
        position.mapping if now.mapping is None else now.mapping,
        position.cutout_size if now.cutout_size is None else now.cutout_size,
        position.hdu if now.hdu is None else now.hdu,
        position.hdus,
    )


def read_with_images(
    path: Path, images: str | Path | None, given: Given
) -> tuple[Predictions, ImageFolder]:
    """Read a predictions table, and find the folder of its full images.

    Names of the same image file become one name.

    Parameters
    ----------
    path : Path
        Path of the table.
    images : path-like or None
        Folder of the full images; None for the default.
    given : Given
        Meanings of the columns and values, and HDUs of the images.

    Raises
    ------
    TableError
        If the table has faults.
    """
    folder = None

    def find_aliases(names: Sequence[str]) -> Mapping[str, str]:
        nonlocal folder
        folder = image_folder(images, path, names, given.hdu, given.hdus)
        return folder.aliases()

    table = read_predictions(path, given.mapping or TableMapping(), find_aliases)
    assert folder is not None, "a table without faults has images"
    return table, folder
