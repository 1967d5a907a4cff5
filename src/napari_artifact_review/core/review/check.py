"""Check a predictions table and its images, and list all faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_artifact_review.core.cutout import are_beyond
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.errors import (
    ImageError,
    ImageNotFoundError,
    ReviewError,
    StoreError,
)
from napari_artifact_review.core.grid import (
    DEFAULT_CUTOUT_SIZE,
    infer_cutout_size,
)
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.images.image_names import (
    BYTES_REMEDY,
    is_bytes_literal,
)
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.review.paths import (
    default_output,
    image_folder,
    table_notices,
)
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.review.table_opening import Given, what_was_given
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.reading import (
    Inspection,
    inspect_predictions,
)
from napari_artifact_review.core.texts import counted, on_one_line
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from napari_artifact_review.core.user_folders import absolute_path


def check_review(
    predictions: str | Path,
    images: str | Path | None = None,
    output: str | Path | None = None,
    *,
    mapping: TableMapping | None = None,
    cutout_size: int | None = None,
    previous: str | Path | None = None,
    hdu: int | str | None = None,
) -> tuple[str, list[ReviewError]]:
    """Check a predictions table and all its full images.

    No file is written, and only one image at a time is in memory.

    Parameters
    ----------
    predictions : path-like
        The predictions table, or a reviewed table.
    images : path-like, optional
        Folder of the full images. By default, the folder of the table, or its subfolder
        `images` if the first image is not in the folder of the table.
    output : path-like, optional
        Path of the reviewed table; by default `test_outputs.csv` in the folder of the
        predictions. It must exist, or have a log, unless `previous` is given: a new
        round has no output yet.
    mapping : TableMapping, optional
        Meanings of the columns and values of the table; by default that of the review,
        if there is one.
    cutout_size : int, optional
        Side length of a cutout in pixels; by default that of the review, or inferred.
    previous : path-like, optional
        Previous round, whose verdicts would be carried; see `ReviewSession.open`.
    hdu : int or str, optional
        HDU of FITS files; by default that of the review, or the first image of each.

    Returns
    -------
    summary : str
        Line with the numbers of images, cutouts, classifier errors and reviewed errors;
        empty if there are faults. If the file has several tables, a line follows that
        says which one was read. With a previous round, a line follows with its
        summary, and then a line for each verdict that cannot be carried. A line follows
        for each note on images, such as which of several HDUs or planes is read.
    faults : list of ReviewError
        All faults of the table (with row and column), of its images, and of the log of
        decisions.
    """
    path = absolute_path(predictions)
    reviewed = absolute_path(output or default_output(path))
    unreadable = [*_missing_output(output, previous)]
    given = Given(mapping, cutout_size, hdu)
    try:
        given = what_was_given(given, reviewed)
    except ReviewError as error:
        unreadable.append(error)

    def find_aliases(names: Sequence[str]) -> Mapping[str, str]:
        return image_folder(images, path, names, given.hdu).aliases()

    found = inspect_predictions(path, given.mapping or TableMapping(), find_aliases)
    faults = [*unreadable, *found.faults]
    cutouts = found.cutouts()
    size = given.cutout_size or _cutout_size(cutouts)
    notes = _ImageNotes()
    if found.file is not None and len(cutouts):
        faults += _image_faults(path, images, found, cutouts, size, given, notes)
    if found.predictions is None or unreadable:
        return "", faults
    try:
        lines = _lines_of(path, images, output, given, previous)
    except ReviewError as error:
        faults.append(error)
    if faults:
        return "", faults
    return "\n".join([*lines, *notes.lines()]), []


class _ImageNotes:
    """What is unusual about images that can be read, with the names of the images."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, name: str, notes: Iterable[str]) -> None:
        """Add the notes on an image."""
        for note in notes:
            self._names.setdefault(note, []).append(name)

    def lines(self) -> Iterator[str]:
        """Yield one line for each note, with the first of its images."""
        for note, names in self._names.items():
            first = (
                names[0]
                if len(names) == 1
                else f"{names[0]} and {len(names) - 1:,} more"
            )
            yield on_one_line(f"{first}: {note}")


def _lines_of(
    path: Path,
    images: str | Path | None,
    output: str | Path | None,
    given: Given,
    previous: str | Path | None,
) -> list[str]:
    """Open a review read-only, and return the lines of its summary."""
    with ReviewSession.open(
        path,
        images,
        output,
        read_only=True,
        mapping=given.mapping,
        cutout_size=given.cutout_size,
        previous=previous,
        hdu=given.hdu,
    ) as session:
        notices = table_notices(session.predictions)
        return [_summary(session), *notices, *_round_lines(session)]


def _missing_output(
    output: str | Path | None, previous: str | Path | None
) -> Iterator[ReviewError]:
    """Yield an error if the user names an output that does not exist."""
    if output is None or previous is not None:
        return
    path = absolute_path(output)
    files = (path, log_path_beside(path), log_path_in_user_data(path))
    if not any(file.exists() for file in files):
        yield StoreError(
            "there is neither such a table nor a log of verdicts beside it",
            path=path,
            remedy="Name the output that was used in the review",
        )


def _cutout_size(cutouts: pd.DataFrame) -> int:
    located = cutouts.dropna()
    if located.empty:
        return DEFAULT_CUTOUT_SIZE
    grid = (located[name].to_numpy(np.int64) for name in ("grid_x", "grid_y"))
    return infer_cutout_size(*grid) or DEFAULT_CUTOUT_SIZE


def _image_faults(
    table: Path,
    images: str | Path | None,
    found: Inspection,
    cutouts: pd.DataFrame,
    size: int,
    given: Given,
    notes: _ImageNotes,
) -> Iterator[ReviewError]:
    """Yield the faults of all images, and add what is unusual to the notes."""
    try:
        names = [str(name) for name in cutouts["image_name"].unique()]
        folder = image_folder(images, table, names, given.hdu, given.hdus)
        folder.check()
    except ImageError as error:
        yield error
        return
    groups = cutouts.groupby("image_name", sort=False)
    if len(groups) > 1 and all(_is_missing(folder, str(name)) for name, _ in groups):
        first = cutouts["image_name"].iloc[0]
        yield ImageError(
            f"none of the {len(groups):,} images of {table.name} is found; the first "
            f"one is {first!r}",
            path=folder.folder,
            remedy=BYTES_REMEDY
            if is_bytes_literal(first)
            else "Choose the folder that holds the images",
        )
        return
    for name, rows in groups:
        try:
            shape = _shape(folder, str(name), notes)
        except ImageError as error:
            yield _needed_by(table, _where(found, rows.index[0], "image_name"), error)
            continue
        origins = rows[["grid_x", "grid_y"]].dropna().astype(np.int64)
        for row, axes in _rows_beyond(origins, size, shape):
            x, y = origins.loc[row]
            yield ImageError(
                f"the cutout {name} ({x}, {y}) lies wholly outside the image of "
                f"{shape[1]} x {shape[0]} pixels",
                path=table,
                where=_where(found, row, *axes),
                remedy="Correct that cell, or choose the folder with the right images",
            )


def _rows_beyond(
    origins: pd.DataFrame, size: int, shape: tuple[int, int]
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row whose cutout lies outside an image, and the axes at fault."""
    beyond = {
        axis: are_beyond(origins[axis].to_numpy(), size, length)
        for axis, length in (("grid_x", shape[1]), ("grid_y", shape[0]))
    }
    for i in np.flatnonzero(beyond["grid_x"] | beyond["grid_y"]).tolist():
        yield origins.index[i], [axis for axis in beyond if beyond[axis][i]]


def _where(found: Inspection, row: int, *meanings: str) -> str:
    """Return the location of cells of a row, with the names of columns in the file."""
    assert found.file is not None, "a table with rows has a file"
    names = [found.columns.get(meaning, meaning) for meaning in meanings]
    return f"{found.file.describe_row(row)}, column {' and '.join(names)}"


def _is_missing(folder: ImageFolder, name: str) -> bool:
    try:
        folder.find(name)
    except ImageNotFoundError:
        return True
    except ImageError:
        return False
    return False


def _shape(folder: ImageFolder, name: str, notes: _ImageNotes) -> tuple[int, int]:
    """Read a whole image to find all its faults; return its shape (rows, columns)."""
    image = folder.read(name)
    if isinstance(image.pixels, LazyPixels):
        image.pixels.check()
    notes.add(name, image.notes)
    rows, columns = image.pixels.shape
    return rows, columns


def _needed_by(table: Path, where: str, error: ImageError) -> ImageError:
    """Convert an image error to an error for the table row that names the image."""
    parts = (error.path, error.where)
    file = ", ".join(str(part) for part in parts if part is not None)
    return ImageError(
        f"{file}: {error.what}" if file else error.what,
        path=table,
        where=where,
        remedy=error.remedy,
    )


def _summary(session: ReviewSession) -> str:
    """Return one line about a table, and the number of errors with a verdict.

    A verdict may be in the table or in the log. A carried verdict does not count.
    """
    table = session.predictions
    is_error = table.label != table.preds
    reviewed = is_error & session.catalog.labels.answered
    summary = (
        f"{table.path}: {counted(len(table.image_names), 'image')}, "
        f"{counted(len(table.label), 'cutout')} of {session.cutout_size} px, "
        f"{counted(int(np.count_nonzero(is_error)), 'error')}, "
        f"{np.count_nonzero(reviewed):,} of them reviewed"
    )
    if "preds" in table.columns:
        return summary
    return f"{summary}; without preds, confidence >= {DEFAULT_THRESHOLD} decides"


def _round_lines(session: ReviewSession) -> Iterator[str]:
    """Yield the summary of the previous round, and what could not be carried."""
    summary = session.round_summary
    if summary is not None:
        yield summary.text
        for one in summary.not_carried:
            yield on_one_line(one.text)
