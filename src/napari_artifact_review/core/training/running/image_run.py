"""A run over many images, which writes the parts that are not current."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from napari_artifact_review.core.errors import ImageError, ReviewError
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.training.running.image_files import (
    ImageList,
    NamedImage,
)
from napari_artifact_review.core.training.running.parts import PartsFolder
from napari_artifact_review.core.training.running.run_listener import RunListener
from napari_artifact_review.core.training.running.tasks import ImageTask
from napari_artifact_review.core.training.running.workers import run_tasks


class ImageRun:
    """A run over many images; a run that was ended goes on where it was.

    Parameters
    ----------
    parts : PartsFolder
        The folder to write to.
    images : ImageList
        The images.
    listener : RunListener
        Receives messages and the progress.

    Attributes
    ----------
    parts : PartsFolder
        The folder.
    done, current : int
        Number of parts that were written now, and of those that were current.
    """

    def __init__(
        self, parts: PartsFolder, images: ImageList, listener: RunListener
    ) -> None:
        self.parts = parts
        self.done = self.current = 0
        self._images = images
        self._listener = listener
        self._failed: dict[str, ImageError] = {}

    @property
    def failed(self) -> tuple[ImageError, ...]:
        """The errors of images that could not be used, in the order of their names."""
        return tuple(self._failed[name] for name in sorted(self._failed))

    def run(
        self,
        make_task: Callable[[NamedImage, Path], ImageTask],
        jobs: int | None = None,
        scheduler: str | None = None,
    ) -> None:
        """Write the parts that are not current.

        Parameters
        ----------
        make_task : callable
            Returns the task for an image and the path of its part.
        jobs, scheduler
            Where to run the tasks; see `run_tasks`.

        Raises
        ------
        ReviewError
            If the run ends early. Parts that are written stay.
        """
        self.parts.prepare()
        for notice in self._images.notices:
            self._listener.notice(notice)
        tasks = self._tasks(make_task)
        count = len(self._images.images)
        self.current = count - len(tasks) - len(self._failed)
        self._listener.begin(count, self.current)
        for _ in self._failed:
            self._listener.advance()
        if not tasks:
            return
        with closing(run_tasks(tasks, jobs, scheduler)) as outcomes:
            for outcome in outcomes:
                if not outcome.kind:
                    # The first outcome is that of the check before all tasks.
                    self.done += bool(outcome.name)
                elif outcome.kind == "image":
                    self._fail(outcome.name, outcome.as_error())
                else:
                    raise outcome.as_error()
                if outcome.name:
                    self._listener.advance()

    def finished(self) -> list[str]:
        """Return the names of the images that have a current part now.

        Raises
        ------
        ReviewError
            If there are none.
        """
        names = [name for name in self._images.names if name not in self._failed]
        if not names:
            raise ReviewError(
                f"none of the images ({len(self._failed):,}) could be "
                f"{self.parts.kind.done}",
                remedy="The lines above say why",
            )
        return names

    def report_others(self) -> None:
        """Tell the listener what the folder holds besides the parts of these images."""
        folder, kind = self.parts.path, self.parts.kind
        others, foreign = self.parts.others(self._images.names)
        if others:
            belong = "part belongs" if others == 1 else "parts belong"
            self._listener.notice(
                f"{folder}: {others:,} {belong} to images that are not {kind.done} "
                "now; nothing is changed there."
            )
        if foreign:
            named = ", ".join(foreign[:5]) + (" and others" if foreign[5:] else "")
            self._listener.notice(
                f"{folder}: {named}: not written by {kind.command}, and left alone."
            )

    def _tasks(
        self, make_task: Callable[[NamedImage, Path], ImageTask]
    ) -> list[ImageTask]:
        """Return the tasks of the images whose parts are not current."""
        tasks = []
        for image in self._images.images:
            try:
                file = ImageFile.at(image.path)
                image.name.encode()
            except OSError as error:
                what = f"cannot be read ({error.strerror or error})"
                remedy = "Check the path and your rights to it"
                wrong = ImageError(what, path=image.path, remedy=remedy)
                self._fail(image.name, wrong)
                continue
            except UnicodeEncodeError:
                what, remedy = "its name is not Unicode", "Rename the file"
                wrong = ImageError(what, path=image.path, remedy=remedy)
                self._fail(image.name, wrong)
                continue
            task = make_task(image, self.parts.path_of(image.name))
            if not self.parts.is_current(image.name, task.key_of(file)):
                tasks.append(task)
        return tasks

    def _fail(self, name: str, error: ReviewError) -> None:
        assert isinstance(error, ImageError)
        self._failed[name] = error
        self._listener.fault(error)


def check_numbers(
    cutout_size: int | None, stride: int | None, jobs: int | None
) -> None:
    """Check that numbers of pixels and processes are positive, if they are given.

    Parameters
    ----------
    cutout_size, stride : int or None
        Side length of a cutout, and distance from one to the next, in pixels.
    jobs : int or None
        Number of local processes.

    Raises
    ------
    ReviewError
        If a number is less than 1.
    """
    for name, value in (
        ("cutout size", cutout_size),
        ("stride", stride),
        ("number of jobs", jobs),
    ):
        if value is not None and value < 1:
            raise ReviewError(
                f"the {name} is {value}", remedy="Choose a whole number from 1"
            )
