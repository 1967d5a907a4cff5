"""Name every fault of a table and its images in one go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_artifact_review.core.errors import ImageError, ReviewError
from napari_artifact_review.core.images import read_image
from napari_artifact_review.core.predictions import inspect_predictions
from napari_artifact_review.core.session import ReviewSession


def check_review(
    predictions: Path, images: Path | None = None
) -> tuple[str, list[ReviewError]]:
    """Check a predictions table and every full image that it names.

    Parameters
    ----------
    predictions, images : Path
        As for `ReviewSession.open`.

    Returns
    -------
    summary : str
        What is in the review; empty if there are faults.
    faults : list of ReviewError
        Everything that is wrong, each with its place.
    """
    table, faults = inspect_predictions(predictions)
    if table is None:
        return "", list(faults)
    try:
        session = ReviewSession.open(predictions, images)
    except ReviewError as error:
        return "", [error]
    image_faults = list(_image_faults(session))
    if image_faults:
        return "", image_faults
    reviewed, errors = session.progress
    return (
        f"{table.path}: {len(session.image_names)} images, {len(table.label)} cutouts "
        f"of {session.cutout_size} px, {errors} errors, {reviewed} of them reviewed"
        + "".join(f"\n{remark}" for remark in session.remarks),
        [],
    )


def _image_faults(session: ReviewSession) -> Iterator[ReviewError]:
    for name in session.image_names:
        try:
            full = read_image(session.images.find(name))
        except ImageError as error:
            yield error
            continue
        rows, columns = full.pixels.shape
        for cutout in session.cutouts_outside(name, (rows, columns)):
            yield ImageError(
                f"the cutout {name} ({cutout.grid_x}, {cutout.grid_y}) lies wholly "
                f"outside the image of {columns} x {rows} pixels",
                path=session.predictions.path,
                where=session.predictions.file.place(cutout.row),
                remedy="Check grid_x and grid_y",
            )
