"""Where the files of a review are, and what is to be known of what is there."""

from __future__ import annotations

import os
from pathlib import Path

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import ImageFolder
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.predictions import Predictions

DEFAULT_OUTPUT_NAME = "test_outputs.csv"


def default_output(predictions: Path) -> Path:
    """Return where the reviewed table goes if no output is named."""
    return predictions.with_name(DEFAULT_OUTPUT_NAME)


def rescue_path(output: Path) -> Path:
    """Return where a review that ended without being saved is kept."""
    stem, _, suffix = output.name.partition(".")
    return output.with_name(f"{stem}.unsaved.{suffix}")


def default_images(predictions: Path, first_image: str) -> ImageFolder:
    """Find the folder of the images: the table's own, or `images` beside it."""
    own = ImageFolder(predictions.parent)
    beside = predictions.parent / "images"
    if not beside.is_dir():
        return own
    try:
        own.find(first_image)
    except ImageError:
        return ImageFolder(beside)
    return own


def _is_newer(path: Path, other: Path) -> bool:
    """Tell whether a file is there and no older than another, which may not be."""
    if not path.exists():
        return False
    return not other.exists() or path.stat().st_mtime >= other.stat().st_mtime


def remarks_on(predictions: Predictions, output: Path) -> tuple[str, ...]:
    """Return what a reviewer should know of table and output, in sentences."""
    remarks = []
    if "preds" not in predictions.file.values:
        remarks.append(
            f"The table has no preds: a confidence from {DEFAULT_THRESHOLD} counts as "
            "an artifact."
        )
    if output.exists() and output != predictions.path:
        remarks.append(
            f"{output.name} is there already: to go on with that review, open it "
            "instead. Saving keeps it as a dated backup."
        )
    if not os.access(output.resolve().parent, os.W_OK):
        # Whoever only wants to look may go on, but knows it before the first verdict.
        remarks.append(
            f"Nothing can be written to {output.parent}: name another output before "
            "you decide anything."
        )
    rescued = rescue_path(output)
    if rescued != predictions.path and _is_newer(rescued, output):
        remarks.append(
            f"A review ended before it was saved; its decisions are in {rescued.name}: "
            "open it to go on with them."
        )
    return tuple(remarks)
