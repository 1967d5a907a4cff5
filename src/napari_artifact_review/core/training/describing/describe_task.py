"""The task of a worker: describe the cutouts of an image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from napari_artifact_review.core.decoders import one_error
from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.training.running.parts import write_part
from napari_artifact_review.core.training.running.run_kind import RunKind
from napari_artifact_review.core.training.running.tasks import ImageTask
from napari_artifact_review.core.training.running.whole_cutouts import whole_cutouts

DESCRIBE = RunKind(
    "describe",
    "described",
    "a description",
    "the decoder of an image",
    "docs/descriptors.md",
)

#: Version of the parts; another one makes all of them out of date.
_FORMAT = 1


class Positions(NamedTuple):
    """The positions of cutouts of an image.

    Attributes
    ----------
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    """

    grid_x: NDArray[np.int64]
    grid_y: NDArray[np.int64]

    @property
    def digest(self) -> str:
        """SHA-256 of the positions as little-endian int64, in hexadecimal."""
        return hashlib.sha256(np.array(self, dtype="<i8").tobytes()).hexdigest()


@dataclass(frozen=True)
class DescribeSettings:
    """What is the same for all images.

    Attributes
    ----------
    cutout_size : int
        Side length of a cutout in pixels.
    stride : int or None
        Distance in pixels from one cutout to the next; None if a table has the
        positions.
    hdu : int or str or None
        The HDU to read; None for the first image.
    """

    cutout_size: int
    stride: int | None = None
    hdu: int | str | None = None


@dataclass(frozen=True, eq=False)
class DescribeTask(ImageTask):
    """An image to describe, and the part to write.

    Attributes
    ----------
    settings : DescribeSettings
        What is the same for all images.
    positions : Positions or None
        The cutouts to describe; None for all whole ones.
    """

    kind = DESCRIBE
    settings: DescribeSettings
    positions: Positions | None = None

    def key_of(self, file: ImageFile) -> dict[str, Any]:
        """Return what the descriptors of the image depend on, as JSON."""
        return {
            "format": _FORMAT,
            "image_name": self.image.name,
            "size": file.size,
            "modified_ns": file.modified_ns,
            "descriptors": descriptors.VERSION,
            "cutout_size": self.settings.cutout_size,
            "stride": self.settings.stride,
            "hdu": self.settings.hdu,
            "positions": None if self.positions is None else self.positions.digest,
        }

    def write(self) -> None:
        """Describe the cutouts of the image, and write the part."""
        image = read_image(self.image.path, self.settings.hdu, sky=False)
        assert image.file is not None, "the image was read from a file"
        size = self.settings.cutout_size
        if self.positions is not None:
            grid_x, grid_y = self.positions
        else:
            assert self.settings.stride is not None, "no table has the positions"
            grid_x, grid_y = whole_cutouts(image, size, self.settings.stride)
        # Rounding depends on the number of threads, and that on the number of jobs.
        with threadpool_limits(1), one_error(self.image.path):
            found = descriptors.describe_cutouts(image.pixels, grid_x, grid_y, size)
        # One list for each cutout: a column for each descriptor doubles the file, and
        # takes ten times as long to read.
        lists = pa.FixedSizeListArray.from_arrays(
            pa.array(found.ravel()), found.shape[1]
        )
        columns = {"grid_x": grid_x, "grid_y": grid_y, "descriptors": lists}
        key = self.key_of(image.file)
        write_part(self.part, DESCRIBE, key, columns, dictionaries=["image_name"])
