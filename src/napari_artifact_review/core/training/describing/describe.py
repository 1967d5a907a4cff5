"""Describe the cutouts of full images by numbers, one file for each image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.grid import DEFAULT_CUTOUT_SIZE
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.training.describing.describe_task import (
    DESCRIBE,
    DescribeSettings,
    DescribeTask,
)
from napari_artifact_review.core.training.describing.table_cutouts import (
    TableCutouts,
    read_cutouts,
)
from napari_artifact_review.core.training.running.image_files import (
    NamedImage,
    list_images,
)
from napari_artifact_review.core.training.running.image_run import (
    ImageRun,
    check_numbers,
)
from napari_artifact_review.core.training.running.parts import PartsFolder
from napari_artifact_review.core.training.running.run_listener import RunListener
from napari_artifact_review.core.user_folders import absolute_path

#: Packages on which the descriptors may depend.
_PACKAGES = ("napari-artifact-review", "numpy", "scipy")


@dataclass(frozen=True)
class DescribeResult:
    """The result of a description.

    Attributes
    ----------
    output : Path
        The folder that was written.
    described, current : int
        Number of images that were described now, and of those whose part was current.
    failed : tuple of ImageError
        The errors of images that could not be described.
    cutouts : int or None
        Number of cutouts of all images; None if only parts were written.
    """

    output: Path
    described: int
    current: int
    failed: tuple[ImageError, ...] = ()
    cutouts: int | None = None


def describe(
    images: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    predictions: str | Path | None = None,
    mapping: TableMapping | None = None,
    cutout_size: int | None = None,
    stride: int | None = None,
    hdu: int | str | None = None,
    root: str | Path | None = None,
    scheduler: str | None = None,
    jobs: int | None = None,
    parts_only: bool = False,
    listener: RunListener | None = None,
) -> DescribeResult:
    """Describe cutouts of full images by numbers, for the learned order of a review.

    The descriptors of each image are a Parquet file in the folder `output`. If it is
    current, the image is not described again, so a run that was ended goes on where it
    was. ``about.json`` describes the last complete run.

    Parameters
    ----------
    images : path-like or iterable of path-like
        Folders, image files, and texts such as "@files.txt" with a path on each line.
    output : path-like
        The folder to write.
    predictions : path-like, optional
        A table whose cutouts are described; by default all whole cutouts are.
    mapping : TableMapping, optional
        Meanings of the columns and values of `predictions`.
    cutout_size : int, optional
        Side length of a cutout in pixels; by default 200, or that of `predictions`.
    stride : int, optional
        Distance in pixels from one cutout to the next, by default `cutout_size`. With
        `predictions`, positions that are tile numbers are multiplied by it.
    hdu : int or str, optional
        Index or name of the HDU of FITS files; by default the first image.
    root : path-like, optional
        Folder to which the image names are relative; by default the given folder, and
        for a file the folder that holds it.
    scheduler : str, optional
        Address of a dask scheduler, whose workers describe the images. They need the
        same files under the same paths.
    jobs : int, optional
        Number of local processes; by default one for each core. With 1, this process
        describes the images itself.
    parts_only : bool
        Whether the images are a part of all, so that ``about.json`` is left to a later
        call for all images.
    listener : RunListener, optional
        Receives messages and the progress.

    Returns
    -------
    DescribeResult
        The counts, and the images that could not be described.

    Raises
    ------
    ReviewError
        If the table or an option is wrong, or a file cannot be written. Parts that are
        written stay.
    """
    listener = listener or RunListener()
    output = absolute_path(output)
    check_numbers(cutout_size, stride, jobs)
    table = None
    if predictions is None:
        found = list_images(images, root)
        size = cutout_size or DEFAULT_CUTOUT_SIZE
        settings = DescribeSettings(size, stride or size, hdu)
    else:
        path = absolute_path(predictions)
        found = list_images(images, root, [path])
        table = read_cutouts(path, found, mapping, cutout_size, stride)
        found = table.images
        settings = DescribeSettings(table.size, None, hdu)

    def make_task(image: NamedImage, part: Path) -> DescribeTask:
        positions = None if table is None else table.positions[image.name]
        return DescribeTask(image, part, settings, positions)

    run = ImageRun(PartsFolder(output, DESCRIBE), found, listener)
    run.run(make_task, jobs, scheduler)
    cutouts = None if parts_only else _finish(run, settings, table)
    return DescribeResult(output, run.done, run.current, run.failed, cutouts)


def _finish(
    run: ImageRun, settings: DescribeSettings, table: TableCutouts | None
) -> int:
    """Write the description of the folder, and return the number of cutouts.

    Raises
    ------
    ReviewError
        If no image could be described, or a file cannot be read or written.
    """
    names = run.finished()
    run.report_others()
    cutouts = sum(map(run.parts.count_rows, names))
    facts: dict[str, Any] = {
        "versions": {package: version(package) for package in _PACKAGES},
        "descriptors": {"version": descriptors.VERSION, "names": descriptors.NAMES},
        "cutout_size": settings.cutout_size,
        "stride": settings.stride,
        "hdu": settings.hdu,
        "predictions_sha256": None if table is None else table.digest,
        "images": len(names),
        "cutouts": cutouts,
        "failed": len(run.failed),
    }
    run.parts.write_description(facts)
    return cutouts
