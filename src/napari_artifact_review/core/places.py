"""Where the files of a review are, and what is to be known of what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD

if TYPE_CHECKING:
    from napari_artifact_review.core.images import ImageFolder
    from napari_artifact_review.core.output import Output
    from napari_artifact_review.core.predictions import Predictions

DEFAULT_OUTPUT_NAME = "test_outputs.csv"


def default_output(predictions: Path) -> Path:
    """Return where the reviewed table goes if no output is named."""
    return predictions.with_name(DEFAULT_OUTPUT_NAME)


def store_beside(output: Path) -> Path:
    """Return the file of a review's log, unless another one is named."""
    return output.with_name(f"{output.name}.review.sqlite")


def store_apart(output: Path) -> Path:
    """Return the file of the log where the folder of the output cannot lock files."""
    digest = hashlib.sha256(str(output).encode(errors="backslashreplace")).hexdigest()
    folder = user_data_path("napari-artifact-review") / "reviews" / digest[:16]
    return folder / f"{output.name}.review.sqlite"


def default_images(predictions: Path, first_image: str) -> ImageFolder:
    """Find the folder of the images: the table's own, or `images` beside it."""
    # The dock knows the name above; it opens without the readers of images.
    from napari_artifact_review.core.images import ImageFolder

    own = ImageFolder(predictions.parent)
    beside = predictions.parent / "images"
    if not beside.is_dir():
        return own
    try:
        own.find(first_image)
    except ImageError:
        return ImageFolder(beside)
    return own


def remarks_on(predictions: Predictions, output: Output) -> tuple[str, ...]:
    """Return what a reviewer should know of table and output, in sentences."""
    remarks = []
    if "preds" not in predictions.file.values:
        remarks.append(
            f"The table has no preds: a confidence from {DEFAULT_THRESHOLD} counts as "
            "an artifact."
        )
    if output.is_strange and output.path != predictions.path:
        remarks.append(
            f"{output.path.name} is there already: to go on with that review, open it "
            "instead. Saving keeps it as a dated backup."
        )
    return tuple(remarks)
