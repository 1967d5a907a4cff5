"""Identity of a full image, computed from its pixels, and state of its file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

#: Prefix of identities that are computed from pixels, with the version of the method.
_PREFIX = "px1-"

#: Number of pixels to convert at once.
_BLOCK = 2**20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ImageFile:
    """Path, size and modification time of a file, to detect changes.

    Attributes
    ----------
    path : Path
        The file, or the folder of a Zarr image.
    size : int
        Size in bytes.
    modified_ns : int
        Modification time in nanoseconds since 1970 (UTC).
    """

    path: Path
    size: int
    modified_ns: int

    @classmethod
    def at(cls, path: Path) -> Self:
        """Look up the present state of a file.

        Raises
        ------
        OSError
            If the file does not exist or cannot be examined.
        """
        found = path.stat()
        return cls(path, found.st_size, found.st_mtime_ns)

    @property
    def modified_at(self) -> str:
        """Modification time in UTC, ISO 8601, with microseconds."""
        time = _EPOCH + timedelta(microseconds=self.modified_ns // 1000)
        return time.isoformat(timespec="microseconds")


def pixel_identity(pixels: npt.NDArray[Any]) -> str | None:
    """Compute the identity of an image from its pixels.

    The identity does not depend on the file's name, format or lossless compression. It
    is the start of the SHA-256 of the shape (two little-endian int64) and the pixels
    (little-endian float32), with a single NaN and without negative zero.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Physical values.

    Returns
    -------
    str or None
        "px1-" and 16 hexadecimal digits; None if all pixels except NaN have the same
        value, because such images cannot be distinguished.
    """
    digest = hashlib.sha256(np.array(pixels.shape, dtype="<i8").tobytes())
    lowest, highest = np.float32(np.nan), np.float32(np.nan)
    step = max(1, _BLOCK // max(1, pixels.shape[1]))
    for first in range(0, pixels.shape[0], step):
        # Values beyond float32 become infinite.
        with np.errstate(all="ignore"):
            block = pixels[first : first + step].astype("<f4")
        # Negative zero plus zero is zero.
        block += np.float32(0)
        block[np.isnan(block)] = np.nan
        digest.update(block.data)
        lowest = np.fmin(lowest, np.fmin.reduce(block, axis=None))
        highest = np.fmax(highest, np.fmax.reduce(block, axis=None))
    is_constant = np.isnan(lowest) or lowest == highest
    return None if is_constant else _PREFIX + digest.hexdigest()[:16]


def cutout_id(image_identity: str, grid_x: int, grid_y: int, size: int) -> str:
    """Return the id of a cutout: the identity of its image and its reviewed footprint.

    Parameters
    ----------
    image_identity : str
        Identity of the full image.
    grid_x, grid_y : int
        Column and row of the cutout's top left pixel.
    size : int
        Side length of the cutout in pixels.
    """
    return f"{image_identity}_x{grid_x}_y{grid_y}_s{size}"
