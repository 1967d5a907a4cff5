"""The task of a worker: score the cutouts of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.training.running.parts import write_part
from napari_artifact_review.core.training.running.run_kind import RunKind
from napari_artifact_review.core.training.running.tasks import ImageTask
from napari_artifact_review.core.training.scoring.cutting import cut
from napari_artifact_review.core.training.scoring.models import (
    ModelSource,
    loaded_model,
)

SCORE = RunKind("score", "scored", "a score", "the model", "docs/rounds.md")

#: Version of the method; another one makes all parts out of date.
_FORMAT = 1


@dataclass(frozen=True)
class ScoreSettings:
    """What is the same for all images.

    Attributes
    ----------
    source : ModelSource
        The model.
    cutout_size, stride : int
        Side length of a cutout, and distance from one to the next, in pixels.
    hdu : int or str or None
        The HDU to read; None for the first image.
    model_version : str
        The user's text for the version of the model.
    """

    source: ModelSource
    cutout_size: int
    stride: int
    hdu: int | str | None = None
    model_version: str = ""

    @property
    def key(self) -> dict[str, Any]:
        """What the scores of all images depend on, as JSON."""
        return {
            "format": _FORMAT,
            "model": self.source.identity,
            "model_version": self.model_version,
            "cutout_size": self.cutout_size,
            "stride": self.stride,
            "hdu": self.hdu,
        }


@dataclass(frozen=True)
class ScoreTask(ImageTask):
    """An image to score, and the part to write."""

    kind = SCORE
    settings: ScoreSettings

    def key_of(self, file: ImageFile) -> dict[str, Any]:
        """Return what the scores of the image depend on, as JSON."""
        return {
            **self.settings.key,
            "image_name": self.image.name,
            "size": file.size,
            "modified_ns": file.modified_ns,
        }

    def check(self) -> None:
        """Load the model of this process.

        Raises
        ------
        ModelError
            If the model cannot be loaded.
        """
        loaded_model(self.settings.source, self.settings.cutout_size)

    def write(self) -> None:
        """Score the cutouts of the image, and write the part."""
        settings = self.settings
        model = loaded_model(settings.source, settings.cutout_size)
        image = read_image(self.image.path, settings.hdu, sky=False)
        assert image.file is not None, "the image was read from a file"
        grid_x, grid_y, confidence = [], [], []
        for batch in cut(image, settings.cutout_size, settings.stride):
            confidence.append(model.score(batch.cutouts))
            grid_x.append(batch.grid_x)
            grid_y.append(batch.grid_y)
        columns = {
            "grid_x": np.concatenate(grid_x),
            "grid_y": np.concatenate(grid_y),
            "confidence": np.concatenate(confidence),
        }
        write_part(self.part, SCORE, self.key_of(image.file), columns)
