"""The user's cache of descriptors, so that an image is described only once."""

from __future__ import annotations

import hashlib
import io
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.atomic_files import NotDurableError, replace_file
from napari_artifact_review.core.errors import CacheError, SaveError
from napari_artifact_review.core.learning import descriptors
from napari_artifact_review.core.user_folders import cache_folder

#: Maximum total size of the cache in bytes, enough for about 30,000 images.
MOST_BYTES = 2**30

# Share of the maximum that this process writes before it looks at the folder again:
# other processes write to it too.
_SHARE = 1 / 16
# Age in seconds after which a temporary file is a leftover of a process that ended.
_STALE_AGE = 24 * 3600
_SUFFIX = ".descriptors"
_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass
class DescriptorCache:
    """The folder in which descriptors are stored, one file for an image and its grid.

    Several processes may use the folder. The files that were not used for the longest
    time are removed if the folder grows too large.

    Parameters
    ----------
    path : Path
        The folder; it is created when it is needed.
    most : int
        Maximum total size of the files, in bytes; with 0, nothing is stored.
    """

    path: Path
    most: int = MOST_BYTES
    # Bytes that may still be written before the folder is tidied.
    _room: float = field(default=0, init=False, repr=False)

    @classmethod
    def of_user(cls, most: int = MOST_BYTES) -> Self:
        """Return the folder in the user's cache."""
        return cls(cache_folder() / "descriptors", most)

    def get(
        self,
        identity: str,
        grid_x: NDArray[np.int64],
        grid_y: NDArray[np.int64],
        size: int,
    ) -> NDArray[np.float16] | None:
        """Return the descriptors of an image's cutouts, or None if they are not there.

        A damaged file counts as one that is not there.

        Parameters
        ----------
        identity : str
            Text that changes with the pixels of the image, such as `pixel_identity`.
        grid_x, grid_y : ndarray of int64, shape (n,)
            Column and row of the top left pixel of each cutout. Their order does not
            matter.
        size : int
            Side length of a cutout in pixels.

        Returns
        -------
        ndarray of float16, shape (n, len(NAMES)), or None
            What `describe_cutouts` returned, row by row as in `grid_x` and `grid_y`.

        Raises
        ------
        CacheError
            If the file is there and cannot be read.
        """
        order = np.lexsort((grid_x, grid_y))
        key = _key(identity, grid_x[order], grid_y[order], size)
        path = self._path(key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _cache_error("cannot be read", path, error) from error
        stored = _decode(data, key, len(grid_x))
        if stored is None:
            return None
        _mark_used(path)
        found = np.empty_like(stored)
        found[order] = stored
        return found

    def put(
        self,
        identity: str,
        grid_x: NDArray[np.int64],
        grid_y: NDArray[np.int64],
        size: int,
        values: NDArray[np.float16],
    ) -> None:
        """Store the descriptors of an image's cutouts, and remove others if needed.

        A file that is larger than the whole cache may be is not stored.

        Parameters
        ----------
        identity, grid_x, grid_y, size
            The cutouts; see `get`.
        values : ndarray of float16, shape (n, len(NAMES))
            Their descriptors.

        Raises
        ------
        CacheError
            If the folder is read-only or the disk is full. The review can go on without
            the cache.
        """
        order = np.lexsort((grid_x, grid_y))
        key = _key(identity, grid_x[order], grid_y[order], size)
        data = _encode(values[order], key)
        if len(data) > self.most:
            return
        path = self._path(key)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if len(data) > self._room:
                self.tidy(len(data))
            replace_file(path, lambda stream: stream.write(data))
        except NotDurableError:
            # After a power cut, the image is described again.
            pass
        except SaveError as error:
            raise CacheError(error.what, path=path, remedy=_REMEDY) from error
        except OSError as error:
            raise _cache_error("cannot be written", self.path, error) from error
        self._room -= len(data)

    def tidy(self, room: int = 0) -> None:
        """Remove leftovers, and the least recently used files if space is short.

        Parameters
        ----------
        room : int
            Space needed for a new file, in bytes.

        Raises
        ------
        OSError
            If the folder cannot be listed, or a file cannot be removed.
        """
        now, found = time.time(), []
        for path in self.path.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                # Another process has removed the file meanwhile.
                continue
            if path.suffix == _SUFFIX:
                found.append((status.st_mtime_ns, path.name, status.st_size))
            elif path.suffix == ".part" and now - status.st_mtime > _STALE_AGE:
                path.unlink(missing_ok=True)
        share = max(room, self.most * _SHARE)
        total = sum(size for _, _, size in found)
        is_full = total + share > self.most
        for _, name, size in sorted(found) if is_full else ():
            if total <= max(0, self.most - share):
                break
            (self.path / name).unlink(missing_ok=True)
            total -= size
        self._room = share

    def _path(self, key: bytes) -> Path:
        return self.path / f"{hashlib.sha256(key).hexdigest()[:32]}{_SUFFIX}"


_REMEDY = (
    "The review goes on without it; free the disk, or check your rights to the folder"
)


def _cache_error(what: str, path: Path, error: OSError) -> CacheError:
    reason = error.strerror or error
    return CacheError(
        f"the cache of descriptors {what} ({reason})", path=path, remedy=_REMEDY
    )


def _key(
    identity: str, grid_x: NDArray[np.int64], grid_y: NDArray[np.int64], size: int
) -> bytes:
    """Return what the descriptors depend on, as bytes."""
    grid = hashlib.sha256(np.array([grid_x, grid_y], dtype="<i8").tobytes()).hexdigest()
    return f"{descriptors.VERSION}\n{size}\n{grid}\n{identity}".encode()


def _encode(values: NDArray[np.float16], key: bytes) -> bytes:
    """Return the contents of a file: a SHA-256, and an array in NumPy's format."""
    stream = io.BytesIO()
    np.save(stream, values.astype("<f2"), allow_pickle=False)
    payload = stream.getvalue()
    return hashlib.sha256(key + payload).digest() + payload


def _decode(data: bytes, key: bytes, count: int) -> NDArray[np.float16] | None:
    """Return the array in a file; None if the file is damaged or of another key."""
    digest, payload = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if digest != hashlib.sha256(key + payload).digest():
        return None
    values = np.load(io.BytesIO(payload), allow_pickle=False)
    is_right = values.shape == (count, len(descriptors.NAMES))
    return values.astype(np.float16) if is_right else None


def _mark_used(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:
        # A read-only cache can be read, and another process may remove the file.
        return
