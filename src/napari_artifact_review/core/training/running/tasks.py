"""The task of a worker: read an image, and write its part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from napari_artifact_review.core.atomic_files import NotDurableError
from napari_artifact_review.core.errors import (
    ImageError,
    ModelError,
    ReviewError,
    SaveError,
)
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.training.running.image_files import NamedImage
from napari_artifact_review.core.training.running.run_kind import RunKind


@dataclass(frozen=True)
class ImageTask(ABC):
    """An image, and the part to write for it. Any process can run the task.

    Attributes
    ----------
    kind : RunKind
        The run that the task belongs to.
    image : NamedImage
        The image.
    part : Path
        The part to write.
    """

    kind: ClassVar[RunKind]
    image: NamedImage
    part: Path

    @abstractmethod
    def key_of(self, file: ImageFile) -> dict[str, Any]:
        """Return what the part depends on, as JSON, with "image_name"."""

    @abstractmethod
    def write(self) -> None:
        """Read the image, and write the part.

        Raises
        ------
        ImageError
            If the image cannot be used; the other images go on.
        ModelError
            If the model fails, which ends the run.
        SaveError
            If the part cannot be written, which ends the run.
        """

    def check(self) -> None:  # noqa: B027
        """Check in a worker, before any task is run, what all tasks need.

        Raises
        ------
        ModelError
            If the run cannot begin.
        """


class Outcome(NamedTuple):
    """The outcome of a task, which any process can send.

    Attributes
    ----------
    name : str
        Name of the image.
    kind : str
        "" if the part is written, "image" if the image cannot be used, "model" or
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


def check_task(task: ImageTask) -> Outcome:
    """Check what all tasks need, and return whether the run can begin."""
    try:
        task.check()
    except ModelError as error:
        return Outcome.of("", "model", error)
    return Outcome("")


def run_task(task: ImageTask) -> Outcome:
    """Run the task of an image."""
    name = task.image.name
    try:
        task.write()
    except ImageError as error:
        return Outcome.of(name, "image", error)
    except ModelError as error:
        where = ", ".join(filter(None, [error.where, f"image {name}"]))
        told = ModelError(error.what, path=error.path, where=where, remedy=error.remedy)
        return Outcome.of(name, "model", told)
    except NotDurableError:
        # After a power cut, the part is written again.
        pass
    except SaveError as error:
        remedy = "Free the disk, and run the same command again to go on"
        full = SaveError(error.what, path=error.path, remedy=remedy)
        return Outcome.of(name, "part", full)
    return Outcome(name)
