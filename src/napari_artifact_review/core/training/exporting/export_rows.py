"""The cutouts of a review to export, with their labels, images and groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_artifact_review.core.errors import (
    ImageError,
    MissingHduError,
    MissingKeyError,
    ReviewError,
)
from napari_artifact_review.core.outcomes import outcome_names
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.column_names import find_column
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.exporting.array_parts import BadImagesError
from napari_artifact_review.core.training.exporting.export_options import (
    ExportOptions,
    parse_keys,
)
from napari_artifact_review.core.training.exporting.image_reading import (
    CutRule,
    ImageJob,
    read_ahead,
    read_job,
)

#: Columns of the exported table with texts of the verdicts.
_TEXTS = ("decision", "kind", "note", "reviewed_by", "reviewed_at")


def rows_to_export(session: ReviewSession, options: ExportOptions) -> pd.DataFrame:
    """Return the cutouts to export, image by image, in the order of the table.

    Returns
    -------
    DataFrame
        The columns `image_name, grid_x, grid_y, label, label_old, decision, kind, note,
        reviewed_by, reviewed_at, weight, outcome`.

    Raises
    ------
    ReviewError
        If verdicts and table disagree, or if no cutout is left.
    """
    if session.disagreements:
        count = len(session.disagreements)
        raise ReviewError(
            "the table and the recorded verdicts disagree about "
            f"{counted(count, 'label')}",
            path=session.predictions.path,
            remedy="Open the review, and choose which labels to use",
        )
    table, labels = session.predictions, session.catalog.labels
    columns = labels.columns()
    unsure = labels.unsure
    names = np.asarray(table.image_names, dtype=object)
    frame = pd.DataFrame(
        {
            "image_name": pd.Series(names[table.image_index], dtype="str"),
            "grid_x": table.grid_x,
            "grid_y": table.grid_y,
            "label": columns["label_new"],
            "label_old": table.label,
            **{name: columns[name].astype("str") for name in _TEXTS},
            "weight": np.where(unsure & (options.unsure == "0.5"), 0.5, 1.0),
            "outcome": outcome_names(session.catalog.outcomes),
        }
    )
    keep = np.ones(len(frame), dtype=bool)
    if options.unsure == "drop":
        keep &= ~unsure
    if options.only == "reviewed":
        keep &= labels.reviewed
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise ReviewError(
            "no cutout is left to export",
            path=table.path,
            remedy="Review some cutouts, or export all",
        )
    by_image = np.argsort(table.image_index[rows], kind="stable")
    return frame.iloc[rows[by_image]].reset_index(drop=True)


def jobs_of(
    session: ReviewSession,
    rows: pd.DataFrame,
    rule: CutRule,
    options: ExportOptions,
) -> tuple[list[ImageJob], list[ImageError]]:
    """Return the images to read in order, and an error for each that is not found.

    If some are not found, and may not be left out, the others are read too, so that the
    error lists all images that cannot be used.

    The HDU of an image is the one in the options, or else the one that the review
    shows.

    Raises
    ------
    BadImagesError
        If images are not found, unless bad images are skipped.
    MissingHduError, MissingKeyError
        If the first image lacks an HDU or a header key that the options name.
    ImageError
        If the folder of the images cannot be listed.
    """
    session.images.check()
    jobs, faults = [], []
    for name, part in rows.groupby("image_name", sort=False):
        try:
            path, hdu = session.images.place_of(str(name))
        except ImageError as error:
            faults.append(error.without_traceback())
            continue
        grid = (part[axis].to_numpy(np.int64) for axis in ("grid_x", "grid_y"))
        if options.hdu is not None:
            hdu = options.hdu
        jobs.append(ImageJob(str(name), path.absolute(), hdu, *grid))
    if jobs:
        _check_first_image(session, jobs[0], rule, options)
    if faults and not options.skip_bad_images:
        read = (image for _, image in read_ahead(jobs, rule))
        damaged = [image for image in read if isinstance(image, ImageError)]
        raise BadImagesError([*faults, *damaged])
    if not jobs:
        raise BadImagesError(faults)
    return jobs, faults


def _check_first_image(
    session: ReviewSession, job: ImageJob, rule: CutRule, options: ExportOptions
) -> None:
    """Check that an image has the HDU and the header keys that the options name.

    Otherwise, an option with an error would be one error for each image.

    Raises
    ------
    MissingHduError, MissingKeyError
        If the image has not.
    """
    if options.skip_bad_images or (options.hdu is None and not rule.keys):
        return
    try:
        read_job(job, rule)
    except MissingKeyError as error:
        columns = ", ".join(map(str, session.predictions.file.values.columns))
        raise MissingKeyError(
            error.what,
            path=error.path,
            remedy="Name header keys that every image has, or for --group a column of "
            f"the table: {columns}",
        ) from error
    except MissingHduError:
        raise
    except ImageError:
        # It is listed with all other images that cannot be read.
        return


def group_columns(session: ReviewSession, group: str | None) -> list[str]:
    """Return the columns of the table that an option `group` names.

    If the table does not have all of them, the result is empty, and the option names
    header keys.
    """
    columns = [str(name) for name in session.predictions.file.values.columns]
    found = [find_column(name, columns) for name in parse_keys(group or "")]
    named = [name for name in found if name is not None]
    return named if len(named) == len(found) else []


def column_groups(session: ReviewSession, columns: Sequence[str]) -> dict[str, str]:
    """Return the group of each image from columns of the table.

    An image without a value in any of the columns is omitted.

    Raises
    ------
    ReviewError
        If an image has several groups.
    """
    table = session.predictions
    values = table.file.values
    texts: Iterable[tuple[Any, ...]] = zip(
        *(_texts_of(values, column) for column in columns), strict=True
    )
    found: dict[str, str] = {}
    for index, parts in zip(table.image_index.tolist(), texts, strict=True):
        if not any(parts):
            continue
        name, group = table.image_names[index], ",".join(parts)
        if found.setdefault(name, group) != group:
            raise ReviewError(
                f"the image {name!r} has several groups: {found[name]!r} and {group!r}",
                path=table.path,
                where=f"column {', '.join(columns)}",
                remedy="Choose columns in which all cutouts of an image are equal",
            )
    return found


def _texts_of(values: pd.DataFrame, column: str) -> list[str]:
    cells = values.iloc[:, [str(name) for name in values.columns].index(column)]
    texts = cells.astype("str").where(cells.notna(), "").str.strip()
    return [str(text) for text in texts]
