"""The task of a worker: read an image, score its cutouts, and write the part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_artifact_review.core.atomic_files import NotDurableError
from napari_artifact_review.core.errors import (
    ImageError,
    ModelError,
    ReviewError,
    SaveError,
)
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.training.scoring.cutting import cut
from napari_artifact_review.core.training.scoring.image_files import NamedImage
from napari_artifact_review.core.training.scoring.models import (
    ModelSource,
    loaded_model,
)
from napari_artifact_review.core.training.scoring.parts import write_part

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

    def key_of(self, name: str, file: ImageFile) -> dict[str, Any]:
        """Return what the scores of an image depend on, as JSON."""
        return {
            **self.key,
            "image_name": name,
            "size": file.size,
            "modified_ns": file.modified_ns,
        }


class ScoreTask(NamedTuple):
    """An image to score, and the part to write."""

    image: NamedImage
    part: Path
    settings: ScoreSettings


class Outcome(NamedTuple):
    """The outcome of a task, which any process can send.

    Attributes
    ----------
    name : str
        Name of the image.
    kind : str
        "" if the part is written, "image" if the image cannot be scored, "model" or
        "part" if the run must end.
    error : tuple
        Arguments of the error: what, path, where, remedy.
    """

    name: str
    kind: str = ""
    error: tuple[str | None, ...] = ()

    @classmethod
    def of(cls, name: str, kind: str, error: ReviewError) -> Outcome:
        """Create the outcome of a task that failed."""
        path = None if error.path is None else str(error.path)
        return cls(name, kind, (error.what, path, error.where, error.remedy))

    def as_error(self) -> ReviewError:
        """Return the error of a task that failed."""
        what, path, where, remedy = self.error
        kinds = {"image": ImageError, "model": ModelError, "part": SaveError}
        return kinds[self.kind](what or "", path=path, where=where, remedy=remedy)


def check_model(settings: ScoreSettings) -> Outcome:
    """Load the model of a process, and return whether that succeeds."""
    try:
        loaded_model(settings.source, settings.cutout_size)
    except ModelError as error:
        return Outcome.of("", "model", error)
    return Outcome("")


def score_image(task: ScoreTask) -> Outcome:
    """Score the cutouts of an image, and write its part."""
    name = task.image.name
    try:
        _score_image(task)
    except ImageError as error:
        return Outcome.of(name, "image", error)
    except ModelError as error:
        where = ", ".join(filter(None, [error.where, f"image {name}"]))
        told = ModelError(error.what, path=error.path, where=where, remedy=error.remedy)
        return Outcome.of(name, "model", told)
    except NotDurableError:
        # After a power cut, the image is scored again.
        pass
    except SaveError as error:
        remedy = "Free the disk, and run the same command again to go on"
        full = SaveError(error.what, path=error.path, remedy=remedy)
        return Outcome.of(name, "part", full)
    return Outcome(name)


def _score_image(task: ScoreTask) -> None:
    settings = task.settings
    model = loaded_model(settings.source, settings.cutout_size)
    image = read_image(task.image.path, settings.hdu, sky=False)
    assert image.file is not None, "the image was read from a file"
    grid_x, grid_y, confidence = [], [], []
    for batch in cut(image, settings.cutout_size, settings.stride):
        confidence.append(model.score(batch.cutouts))
        grid_x.append(batch.grid_x)
        grid_y.append(batch.grid_y)
    write_part(
        task.part,
        settings.key_of(task.image.name, image.file),
        np.concatenate(grid_x),
        np.concatenate(grid_y),
        np.concatenate(confidence),
    )
