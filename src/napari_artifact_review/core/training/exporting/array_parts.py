"""Write cutouts as arrays: one, or several parts of whole images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from napari_artifact_review.core.atomic_files import replace_file
from napari_artifact_review.core.errors import ImageError, ReviewError, SaveError
from napari_artifact_review.core.texts import counted
from napari_artifact_review.core.training.exporting.image_reading import (
    CutRule,
    ImageFacts,
    ImageJob,
    read_ahead,
)

#: Version of the contents of a part, for parts that an earlier version wrote.
_VERSION = 1

#: Length in bytes of the header of a .npy file with three dimensions.
_HEADER = 128


class BadImagesError(ImageError):
    """Error raised if images of an export cannot be used.

    Parameters
    ----------
    faults : sequence of ReviewError
        The error of each image.
    """

    def __init__(self, faults: Sequence[ReviewError]) -> None:
        count = counted(len(faults), "image")
        listed = " ".join(str(fault) for fault in faults)
        super().__init__(f"{count} cannot be exported, and nothing was: {listed}")
        self.faults = tuple(faults)


class Fault(NamedTuple):
    """An error that another process can send; see `ReviewError`."""

    what: str
    path: str | None
    where: str | None
    remedy: str | None

    @classmethod
    def of(cls, error: ReviewError) -> Self:
        """Return the fault for an error."""
        path = None if error.path is None else str(error.path)
        return cls(error.what, path, error.where, error.remedy)

    def as_error(self, kind: type[ReviewError] = ImageError) -> ReviewError:
        """Return the error."""
        return kind(self.what, path=self.path, where=self.where, remedy=self.remedy)


@dataclass(frozen=True)
class PartTask:
    """The task to write one array, whole or not at all.

    Attributes
    ----------
    folder : Path
        Absolute path of the folder to write to.
    file : str
        Name of the array's file.
    jobs : tuple of ImageJob
        The images, in order.
    rule : CutRule
        Size and surroundings of the cutouts.
    skip : bool
        Whether to leave out images that cannot be used.
    """

    folder: Path
    file: str
    jobs: tuple[ImageJob, ...]
    rule: CutRule
    skip: bool

    @property
    def count(self) -> int:
        """Number of cutouts."""
        return sum(map(len, self.jobs))

    @property
    def bytes(self) -> int:
        """Size of the file in bytes."""
        return _HEADER + 4 * self.count * self.rule.side**2

    def inputs(self) -> str:
        """Return a digest of everything that determines the array.

        It has the size and time of each image's file instead of its pixels.
        """
        digest = hashlib.sha256(json.dumps([_VERSION, asdict(self.rule)]).encode())
        for job in self.jobs:
            try:
                status = job.path.stat()
                state = [status.st_size, status.st_mtime_ns]
            except OSError:
                state = []
            about = [job.name, job.path.name, job.hdu, len(job), *state]
            digest.update(json.dumps(about).encode())
            digest.update(job.grid_x.tobytes())
            digest.update(job.grid_y.tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Part:
    """An array that was written, or the faults that prevented it.

    Attributes
    ----------
    file : str
        Name of the array's file.
    inputs, sha256 : str
        Digests of the inputs and of the file.
    images : tuple of ImageFacts
        Facts about the images in the array, in order.
    faults : tuple of Fault
        Errors of images that are not in the array.
    failure : Fault or None
        Error that prevented writing.
    """

    file: str
    inputs: str = ""
    sha256: str = ""
    images: tuple[ImageFacts, ...] = ()
    faults: tuple[Fault, ...] = ()
    failure: Fault | None = None

    @property
    def count(self) -> int:
        """Number of cutouts."""
        return sum(len(facts.ra) for facts in self.images)

    def as_json(self) -> dict[str, Any]:
        """Return the part as plain JSON, for the file beside the array."""
        return {
            "file": self.file,
            "inputs": self.inputs,
            "sha256": self.sha256,
            "images": [facts.as_json() for facts in self.images],
        }


@dataclass
class _Writing:
    """The progress of a part: facts of images written, and faults by image name."""

    images: list[ImageFacts] = field(default_factory=list)
    faults: dict[str, ImageError] = field(default_factory=dict)


def write_part(task: PartTask, on_image: Callable[[], object] = lambda: None) -> Part:
    """Write an array and the file beside it, whole or not at all.

    Every image is read once. If images are left out, the others are read twice.

    Parameters
    ----------
    task : PartTask
        The task.
    on_image : callable
        Called after each image.

    Returns
    -------
    Part
        The part. If it was not written, it has `failure`, or `faults` but no digest.
    """
    done = _Writing()
    inputs = task.inputs()
    try:
        try:
            written = replace_file(
                task.folder / task.file,
                lambda stream: _write_array(stream, task, done, on_image),
            )
        except BadImagesError:
            faults = tuple(map(Fault.of, done.faults.values()))
            good = tuple(job for job in task.jobs if job.name not in done.faults)
            if not task.skip or not good:
                return Part(task.file, faults=faults)
            rest = write_part(replace(task, jobs=good))
            return replace(rest, faults=(*faults, *rest.faults))
        part = Part(task.file, inputs, written.digest, tuple(done.images))
        text = json.dumps(part.as_json()).encode()
        replace_file(side_file(task), lambda stream: stream.write(text))
    except SaveError as error:
        return Part(task.file, failure=Fault.of(error))
    return part


def current_part(task: PartTask, folder: Path) -> Part | None:
    """Return the part that an earlier run wrote in a folder, if it is current."""
    array = folder / task.file
    try:
        found = json.loads(side_file(task, folder).read_bytes())
        if array.stat().st_size != task.bytes or found["inputs"] != task.inputs():
            return None
        images = tuple(map(ImageFacts.from_json, found["images"]))
        return Part(task.file, found["inputs"], found["sha256"], images)
    except (OSError, ValueError, KeyError, TypeError):
        # The part is missing, incomplete or not from this version: write it again.
        return None


def side_file(task: PartTask, folder: Path | None = None) -> Path:
    """Return the path of the file beside an array, with the facts about its images."""
    return (folder or task.folder) / Path(task.file).with_suffix(".json")


def plan_parts(
    folder: Path,
    jobs: Sequence[ImageJob],
    rule: CutRule,
    *,
    skip: bool,
    largest_array: int,
    largest_shard: int,
) -> list[PartTask]:
    """Return the tasks for one array, or for several if one would be too large."""
    whole = PartTask(folder, "cutouts.npy", tuple(jobs), rule, skip)
    if whole.bytes <= largest_array:
        return [whole]
    tasks = []
    for number, shard in enumerate(_shards(jobs, rule, largest_shard)):
        file = f"cutouts-{number:04d}.npy"
        tasks.append(PartTask(folder, file, tuple(shard), rule, skip))
    return tasks


def _shards(
    jobs: Sequence[ImageJob], rule: CutRule, most: int
) -> Iterator[list[ImageJob]]:
    """Yield the images of each shard; an image is in a single shard."""
    shard: list[ImageJob] = []
    size = 0
    for job in jobs:
        added = 4 * len(job) * rule.side**2
        if shard and size + added > most:
            yield shard
            shard, size = [], 0
        shard.append(job)
        size += added
    if shard:
        yield shard


def _write_array(
    stream: BinaryIO,
    task: PartTask,
    done: _Writing,
    on_image: Callable[[], object],
) -> None:
    """Write the header and the cutouts, image by image.

    Raises
    ------
    BadImagesError
        After all images were read, if one of them cannot be used.
    """
    side = task.rule.side
    header = {"descr": "<f4", "fortran_order": False, "shape": (task.count, side, side)}
    np.lib.format.write_array_header_1_0(stream, header)
    with closing(read_ahead(task.jobs, task.rule)) as images:
        for job, image in images:
            if isinstance(image, ImageError):
                done.faults[job.name] = image
            elif not done.faults:
                try:
                    for block in image.blocks(task.rule):
                        stream.write(block.data)
                    done.images.append(image.facts)
                except ImageError as error:
                    done.faults[job.name] = error
            on_image()
    if done.faults:
        raise BadImagesError([*done.faults.values()])
