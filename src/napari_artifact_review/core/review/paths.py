"""Where the files of a review are, and what is to be known of what is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from napari_artifact_review.core.images.folder import ImageFolder
    from napari_artifact_review.core.review.output import Output
    from napari_artifact_review.core.tables.predictions import Predictions

DEFAULT_OUTPUT_NAME = "test_outputs.csv"


def default_output(predictions: Path) -> Path:
    """Return where the reviewed table goes if no output is named."""
    return predictions.with_name(DEFAULT_OUTPUT_NAME)


def default_images(predictions: Path, first_image: str) -> ImageFolder:
    """Find the folder of the images: the table's own, or `images` beside it."""
    # The dock knows the name above; it opens without the readers of images.
    from napari_artifact_review.core.images.folder import ImageFolder

    own = ImageFolder(predictions.parent)
    beside = predictions.parent / "images"
    if not beside.is_dir():
        return own
    try:
        own.find(first_image)
    except ImageError:
        return ImageFolder(beside)
    return own


def notices_on(predictions: Predictions, output: Output) -> tuple[str, ...]:
    """Return what a reviewer should know of table and output, in sentences."""
    notices = []
    if "preds" not in predictions.file.values:
        notices.append(
            "The table has no preds: cutouts with a confidence of "
            f"{DEFAULT_THRESHOLD} or above are predicted artifacts."
        )
    if output.is_strange and output.path != predictions.path:
        notices.append(
            f"{output.path.name} exists already; saving keeps it as a dated backup. "
            "To resume that review, open it instead."
        )
    return tuple(notices)
