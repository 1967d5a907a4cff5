"""Write the arrays of an export that are not current, here or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from napari_artifact_review.core.errors import ReviewError, SaveError
from napari_artifact_review.core.training.cluster import run_on_cluster
from napari_artifact_review.core.training.exporting.array_parts import (
    BadImagesError,
    Part,
    PartTask,
    current_part,
    side_file,
    write_part,
)
from napari_artifact_review.core.training.exporting.export_folder import ExportFolder


def write_parts(
    folder: ExportFolder,
    tasks: Sequence[PartTask],
    scheduler: str | None,
    on_image: Callable[[int, int], object],
) -> list[Part]:
    """Write all arrays to the subfolder of an export, except those that are current.

    An array in the folder itself is current only if it is one of several. It stays
    there.

    Parameters
    ----------
    folder : ExportFolder
        The folder.
    tasks : sequence of PartTask
        The arrays.
    scheduler : str or None
        Address of a Dask scheduler, which is used for several arrays.
    on_image : callable
        Called with the numbers of finished images and of all images.

    Returns
    -------
    list of Part
        The arrays in the order of the tasks, without those that have no image.

    Raises
    ------
    BadImagesError
        If images cannot be used and are not to be left out.
    SaveError
        If the disk is full, or a file cannot be written.
    ReviewError
        If the cluster fails.
    """
    found, keep = _current_parts(folder, tasks)
    folder.begin(keep)
    missing = [task for task in tasks if task.file not in found]
    folder.check_space(sum(task.bytes for task in missing))
    all_images = sum(len(task.jobs) for task in tasks)
    done = all_images - sum(len(task.jobs) for task in missing)

    def report() -> None:
        nonlocal done
        done += 1
        on_image(done, all_images)

    for part in _write(missing, scheduler, report):
        if part.failure is not None:
            raise part.failure.as_error(SaveError)
        found[part.file] = part
    parts = [found[task.file] for task in tasks]
    _check_faults(tasks, parts)
    return [part for part in parts if part.sha256]


def _current_parts(
    folder: ExportFolder, tasks: Sequence[PartTask]
) -> tuple[dict[str, Part], list[str]]:
    """Return the parts that are current, and names of unfinished files to keep."""
    found: dict[str, Part] = {}
    keep = []
    is_single = [task.file for task in tasks] == ["cutouts.npy"]
    for task in tasks:
        unfinished = current_part(task, folder.unfinished)
        if unfinished is not None:
            found[task.file] = unfinished
            keep += [task.file, side_file(task).name]
        elif not is_single:
            finished = current_part(task, folder.path)
            if finished is not None:
                found[task.file] = finished
    return found, keep


def _write(
    tasks: Sequence[PartTask], scheduler: str | None, on_image: Callable[[], None]
) -> Iterator[Part]:
    if scheduler is None or len(tasks) < 2:
        yield from map(partial(write_part, on_image=on_image), tasks)
        return
    images = {task.file: len(task.jobs) for task in tasks}
    for part in run_on_cluster(write_part, tasks, scheduler):
        for _ in range(images[part.file]):
            on_image()
        yield part


def _check_faults(tasks: Sequence[PartTask], parts: Sequence[Part]) -> None:
    """Check that no image was left out, unless it may be, and that one is left.

    Raises
    ------
    BadImagesError
        If images cannot be used.
    """
    faults: list[ReviewError] = [
        fault.as_error() for part in parts for fault in part.faults
    ]
    is_any = any(part.sha256 for part in parts)
    if faults and not (tasks[0].skip and is_any):
        raise BadImagesError(faults)
