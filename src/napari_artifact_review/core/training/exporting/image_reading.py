"""Read full images ahead, with the facts that an export needs, and cut out of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import are_beyond
from napari_artifact_review.core.decoders import Pixels, decoding
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_header_values
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.identity import ImageFile, pixel_identity
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels

#: Number of images that are read at the same time.
_AT_ONCE = 2

#: Size of a file in bytes above which the next image is not read ahead.
_MOST_BYTES = 64 * 2**20

#: Size in bytes of cutouts to cut at once: they fit into a cache of the processor.
_BLOCK_BYTES = 4 * 2**20

#: The same for an image that is read tile by tile, in rows of many cutouts.
_LAZY_BLOCK_BYTES = 64 * 2**20

Cutouts: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CutRule:
    """What to read from each image.

    Attributes
    ----------
    size : int
        Side length of a reviewed cutout in pixels.
    context : int
        Width of the surroundings to include, in pixels.
    keys : tuple of str
        Header keys whose values are needed.
    """

    size: int
    context: int = 0
    keys: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        """Side length of an exported cutout in pixels."""
        return self.size + 2 * self.context


@dataclass(frozen=True, eq=False)
class ImageJob:
    """A full image and the positions of its cutouts to export.

    Attributes
    ----------
    name : str
        Name of the image in the table.
    path : Path
        Absolute path of its file.
    hdu : int, str or None
        Index or name of the HDU; None for the default.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    """

    name: str
    path: Path
    hdu: int | str | None
    grid_x: npt.NDArray[np.int64]
    grid_y: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.grid_x)


@dataclass(frozen=True)
class ImageFacts:
    """Facts about an image that was read.

    Attributes
    ----------
    name, file : str
        Name of the image in the table, and name of its file.
    size : int
        Size of the file in bytes.
    modified_at : str
        Modification time of the file in UTC, ISO 8601.
    hdu : int or None
        Index of the HDU that was read.
    pixels : str or None
        Identity by pixels; None if the image is constant or is read tile by tile.
    values : tuple of str
        Values of the header keys.
    ra, dec : tuple of float or None
        Sky coordinates of the centre of each cutout in degrees (ICRS); None where they
        are unknown.
    """

    name: str
    file: str
    size: int
    modified_at: str
    hdu: int | None
    pixels: str | None
    values: tuple[str, ...]
    ra: tuple[float | None, ...]
    dec: tuple[float | None, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the facts that `as_json` returned as JSON."""
        lists = {name: tuple(data[name]) for name in ("values", "ra", "dec")}
        return cls(**{**data, **lists})


@dataclass(frozen=True, eq=False)
class JobImage:
    """An image that was read for its job, with its facts."""

    job: ImageJob
    facts: ImageFacts
    pixels: Pixels | LazyPixels

    def blocks(self, rule: CutRule) -> Iterator[Cutouts]:
        """Yield the cutouts in the order of the job, in blocks of limited size.

        Raises
        ------
        ImageError
            If the pixels of a very large image cannot be read.
        """
        lazy = self.pixels if isinstance(self.pixels, LazyPixels) else None
        most = _BLOCK_BYTES if lazy is None else _LAZY_BLOCK_BYTES
        count = max(1, most // (4 * rule.side**2))
        with nullcontext() if lazy is None else lazy.held_open():
            for first in range(0, len(self.job), count):
                which = slice(first, first + count)
                x, y = self.job.grid_x[which], self.job.grid_y[which]
                yield cut(self.pixels, x, y, rule)


def cut(
    pixels: Pixels | LazyPixels,
    grid_x: npt.NDArray[np.int64],
    grid_y: npt.NDArray[np.int64],
    rule: CutRule,
) -> Cutouts:
    """Cut out raw pixels as little-endian float32, NaN where there is no pixel.

    Parameters
    ----------
    pixels : ndarray or LazyPixels
        Pixels of the full image, shape (rows, columns).
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    rule : CutRule
        Size and surroundings of the cutouts.

    Returns
    -------
    ndarray of float32, shape (n, side, side)
        The cutouts with their surroundings.
    """
    cutouts = np.empty((len(grid_x), rule.side, rule.side), dtype="<f4")
    x, y = grid_x - rule.context, grid_y - rule.context
    if not isinstance(pixels, LazyPixels):
        _cut(pixels, cutouts, x, y)
        return cutouts
    # A compressed image decodes whole rows of tiles, so read each row of cutouts once.
    starts = np.flatnonzero(np.diff(y, prepend=y[0] - 1))
    for first, last in pairwise([*starts.tolist(), len(y)]):
        left, top = max(0, int(x[first:last].min())), max(0, int(y[first]))
        right = max(0, int(x[first:last].max()) + rule.side)
        strip = pixels[top : max(0, int(y[first]) + rule.side), left:right]
        _cut(strip, cutouts[first:last], x[first:last] - left, y[first:last] - top)
    return cutouts


def _cut(
    pixels: Pixels,
    cutouts: Cutouts,
    x: npt.NDArray[np.int64],
    y: npt.NDArray[np.int64],
) -> None:
    """Fill cutouts whose top left pixels are given; they may begin before the image."""
    side = cutouts.shape[-1]
    rows, columns = pixels.shape
    for one, left, top in zip(cutouts, x.tolist(), y.tolist(), strict=True):
        x_range = slice(max(left, 0), min(left + side, columns))
        y_range = slice(max(top, 0), min(top + side, rows))
        inside = one[
            y_range.start - top : y_range.stop - top,
            x_range.start - left : x_range.stop - left,
        ]
        if inside.shape != one.shape:
            one.fill(np.nan)
        # Values beyond float32 become infinite.
        with np.errstate(all="ignore"):
            inside[...] = pixels[y_range, x_range]


def read_job(job: ImageJob, rule: CutRule) -> JobImage:
    """Read the image of a job, with its facts.

    Raises
    ------
    ImageError
        If the image cannot be read, lacks a header key, or does not contain a pixel of
        one of the cutouts.
    """
    full = read_image(job.path, job.hdu)
    outside = are_beyond(job.grid_x, rule.size, full.pixels.shape[1])
    outside |= are_beyond(job.grid_y, rule.size, full.pixels.shape[0])
    for index in np.flatnonzero(outside)[:1].tolist():
        rows, columns = full.pixels.shape
        raise ImageError(
            f"the cutout {job.name} ({job.grid_x[index]}, {job.grid_y[index]}) lies "
            f"wholly outside the image of {columns} x {rows} pixels",
            path=job.path,
            remedy="Correct the table, or choose the folder with the right images",
        )
    values: tuple[str, ...] = ()
    if rule.keys:
        values = read_header_values(job.path, rule.keys, full.hdu)
    pixels = full.pixels
    identity = pixel_identity(pixels) if isinstance(pixels, np.ndarray) else None
    file = full.file or ImageFile.at(job.path)
    facts = ImageFacts(
        job.name,
        job.path.name,
        file.size,
        file.modified_at,
        full.hdu,
        identity,
        values,
        *_centres(full, job, rule),
    )
    return JobImage(job, facts, pixels)


def read_ahead(
    jobs: Sequence[ImageJob], rule: CutRule
) -> Generator[tuple[ImageJob, JobImage | ImageError]]:
    """Read the images of jobs in order, the next ones ahead in threads.

    Yields
    ------
    job : ImageJob
        The job.
    image : JobImage or ImageError
        Its image, or the error from reading it.
    """
    waiting = deque[tuple[ImageJob, Future[JobImage]]]()
    rest = deque(jobs)
    executor = ThreadPoolExecutor(_AT_ONCE, "artifact-review-export")
    try:
        while rest or waiting:
            while rest and len(waiting) < _AT_ONCE and _may_begin(waiting, rest[0]):
                job = rest.popleft()
                waiting.append((job, executor.submit(read_job, job, rule)))
            job, future = waiting.popleft()
            try:
                yield job, future.result()
            except ImageError as error:
                yield job, error.without_traceback()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _may_begin(waiting: Sequence[object], job: ImageJob) -> bool:
    """Return whether an image may be read while others are in memory."""
    if not waiting:
        return True
    try:
        return job.path.stat().st_size <= _MOST_BYTES
    except OSError:
        # Reading it gives the error for the user.
        return True


def _centres(
    full: FullImage, job: ImageJob, rule: CutRule
) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Return the sky coordinates of the centres of a job's cutouts."""
    unknown = (None,) * len(job)
    if full.sky is None:
        return unknown, unknown
    # The centre of the first pixel is (0, 0).
    x, y = (
        np.asarray(grid + (rule.size - 1) / 2, dtype=np.float64)
        for grid in (job.grid_x, job.grid_y)
    )
    try:
        with decoding(job.path, doing="no sky coordinates"):
            radec = full.sky.to_icrs(np.column_stack([x, y]))
    except ImageError:
        # A faulty WCS does not make the pixels unusable.
        return unknown, unknown
    ra, dec = (tuple(map(_finite, column)) for column in radec.T.tolist())
    return ra, dec


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
