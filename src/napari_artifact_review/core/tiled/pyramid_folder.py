"""Folder in which pyramids of large images are cached between sessions."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_artifact_review.core.decoders import one_error
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.user_folders import cache_folder

if TYPE_CHECKING:
    from napari_artifact_review.core.decoders import Pixels

#: Side length of a chunk in pixels. Each chunk is one file and one tile.
CHUNK = 512
#: Maximum total size of all pyramids, in bytes, enough for about three images of
#: 40,000 x 80,000 pixels.
MOST_BYTES = 10 * 2**30
#: Age in seconds after which temporary files count as leftovers of a crashed process.
_STALE_AGE = 24 * 3600
# Version of the stored levels; increase it with each change of their format.
_VERSION = 1
_PART = ".part"
_IN_USE = "in-use-"


@dataclass(frozen=True)
class PyramidFolder:
    """The folder in which pyramids are stored.

    If the folder is read-only or full, or cannot be created, pyramids are not stored.

    Attributes
    ----------
    path : Path
        The folder; it is created when it is needed.
    most : int
        Maximum total size of all pyramids, in bytes.
    """

    path: Path
    most: int = MOST_BYTES

    @classmethod
    def of_user(cls) -> PyramidFolder:
        """Return the pyramid folder in the user's cache."""
        return cls(cache_folder() / "pyramids")

    def find(
        self, fingerprint: str, shapes: tuple[tuple[int, int], ...], dtype: Any
    ) -> StoredPyramid | None:
        """Return the stored pyramid of an image, or None if there is none.

        A damaged pyramid is removed.

        Parameters
        ----------
        fingerprint : str
            Fingerprint of the image; see `Source.fingerprint`.
        shapes : tuple of tuple of int
            Shapes of all levels, including level 0.
        dtype : dtype
            Type of the pixels.
        """
        import zarr

        path = self._path(fingerprint)
        if not _is_folder(path):
            return None
        stored = StoredPyramid(path, {}, _mark(path))
        try:
            with one_error(path):
                for level, shape in enumerate(shapes[1:], 1):
                    array = zarr.open_array(path / str(level), mode="r")
                    if array.shape != shape or array.dtype != dtype:
                        raise ImageError("it belongs to another image")
                    stored.arrays[level] = array
                stored.read(level, *(slice(0, side) for side in shape))
        # After any error, the pyramid can be built again.
        except ImageError:
            stored.discard()
            return None
        return stored

    def create(
        self, fingerprint: str, shapes: tuple[tuple[int, int], ...], dtype: Any
    ) -> UnfinishedPyramid | None:
        """Create an unfinished pyramid; remove other pyramids if space is short.

        Parameters
        ----------
        fingerprint : str
            Fingerprint of the image; see `Source.fingerprint`.
        shapes : tuple of tuple of int
            Shapes of all levels, including level 0.
        dtype : dtype
            Type of the pixels.

        Returns
        -------
        UnfinishedPyramid or None
            The pyramid; None if it cannot be stored.
        """
        import zarr
        from zarr.codecs import BloscCodec

        size = sum(math.prod(shape) for shape in shapes[1:]) * np.dtype(dtype).itemsize
        path = self._path(fingerprint)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_PART}")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.tidy(size)
            if size > min(self.most, shutil.disk_usage(self.path).free):
                return None
            part.mkdir()
            arrays = {
                level: zarr.create_array(
                    part / str(level),
                    shape=shape,
                    chunks=(CHUNK, CHUNK),
                    dtype=dtype,
                    compressors=BloscCodec(cname="lz4", clevel=1, shuffle="shuffle"),
                    # Write empty chunks too, so that a missing chunk means lost data.
                    config={"write_empty_chunks": True},
                )
                for level, shape in enumerate(shapes[1:], 1)
            }
        except OSError:
            _remove(part)
            return None
        return UnfinishedPyramid(part, path, arrays)

    def tidy(self, room: int = 0) -> None:
        """Remove leftovers, and if space is short, the least recently used pyramids.

        Parameters
        ----------
        room : int
            Space needed for a new pyramid, in bytes.

        Raises
        ------
        OSError
            If the folder cannot be listed.
        """
        sizes = dict[Path, int]()
        for path in self.path.iterdir():
            if path.name.endswith(_PART) and _age(path) > _STALE_AGE:
                _remove(path)
            elif path.is_dir():
                sizes[path] = sum(_sizes(path))
        total = sum(sizes.values())
        for path in sorted(sizes, key=_age, reverse=True):
            if total + room <= self.most:
                return
            if not path.name.endswith(_PART) and not _is_used(path):
                total -= sizes[path]
                _remove(path)

    def _path(self, fingerprint: str) -> Path:
        name = hashlib.sha256(f"{_VERSION} {CHUNK} {fingerprint}".encode()).hexdigest()
        return self.path / name[:32]


@dataclass(frozen=True)
class StoredPyramid:
    """A finished pyramid that is in use.

    Attributes
    ----------
    path : Path
        Folder of the pyramid.
    arrays : dict of int to zarr.Array
        Arrays of level 1 and coarser.
    mark : Path
        Marker file that exists while the pyramid is in use.
    """

    path: Path
    arrays: dict[int, Any]
    mark: Path

    def read(self, level: int, rows: slice, columns: slice) -> Pixels:
        """Read a part of a level.

        Parameters
        ----------
        level : int
            Pyramid level, at least 1.
        rows, columns : slice
            Range of pixels at that level, with explicit start and stop.

        Returns
        -------
        ndarray
            The pixels.

        Raises
        ------
        ImageError
            If the requested part is lost or damaged.
        """
        folder = self.path / str(level) / "c"
        for i in range(rows.start // CHUNK, -(-rows.stop // CHUNK)):
            for j in range(columns.start // CHUNK, -(-columns.stop // CHUNK)):
                if not (folder / str(i) / str(j)).exists():
                    # zarr would return zeros for a missing chunk.
                    raise ImageError("a part of it is missing", path=self.path)
        with one_error(self.path):
            return np.asarray(self.arrays[level][rows, columns])

    def release(self) -> None:
        """Remove the marker file, so that other processes may remove the pyramid."""
        _unlink(self.mark)

    def discard(self) -> None:
        """Remove a damaged pyramid."""
        self.release()
        _remove(self.path)


@dataclass(frozen=True)
class UnfinishedPyramid:
    """A pyramid that is being built.

    Attributes
    ----------
    path, goal : Path
        Folder of the pyramid while it is being built, and afterwards.
    arrays : dict of int to zarr.Array
        Arrays of level 1 and coarser.
    """

    path: Path
    goal: Path
    arrays: dict[int, Any]

    def touch(self) -> None:
        """Update the modification time of the folder, so that it does not become stale.

        Raises
        ------
        OSError
            If the folder no longer exists.
        """
        os.utime(self.path)

    def finish(self) -> StoredPyramid:
        """Rename the folder to `goal`, and return the stored pyramid.

        If another process has stored the same pyramid at `goal`, return that pyramid.

        Raises
        ------
        OSError
            If the folder cannot be renamed, and `goal` does not exist.
        """
        import zarr

        try:
            self.path.rename(self.goal)
        except OSError:
            # Another process may have built the same pyramid meanwhile.
            if not self.goal.is_dir():
                raise
        mark = _mark(self.goal)
        levels = {n: zarr.open_array(self.goal / str(n), mode="r") for n in self.arrays}
        return StoredPyramid(self.goal, levels, mark)

    def discard(self) -> None:
        """Remove the folder, if it was not renamed by `finish`."""
        _remove(self.path)


def _mark(path: Path) -> Path:
    """Create a marker file for a pyramid that is in use, and return its path."""
    mark = path / f"{_IN_USE}{os.getpid()}-{uuid.uuid4().hex}-{socket.gethostname()}"
    try:
        mark.touch()
    # The folder may be read-only.
    except OSError:
        return mark
    return mark


def _is_used(path: Path) -> bool:
    """Return whether any process uses a pyramid; remove obsolete marker files."""
    used = False
    for mark in path.glob(f"{_IN_USE}*"):
        pid, _, rest = mark.name.removeprefix(_IN_USE).partition("-")
        host = rest.partition("-")[2]
        if host == socket.gethostname():
            is_alive = pid.isdigit() and psutil.pid_exists(int(pid))
        else:
            is_alive = _age(mark) < _STALE_AGE
        if is_alive:
            used = True
        else:
            _unlink(mark)
    return used


def _is_folder(path: Path) -> bool:
    """Return whether a folder exists and can be examined."""
    try:
        return path.is_dir()
    # The cache may belong to another user.
    except OSError:
        return False


def _age(path: Path) -> float:
    """Return the seconds since a path was modified; infinity if it does not exist."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return math.inf


def _sizes(path: Path) -> list[int]:
    sizes = []
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                sizes.append((Path(folder) / name).stat().st_size)
            # Another process has removed the file meanwhile.
            except OSError:
                continue
    return sizes


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    # Other processes ignore a remaining marker file after this process has ended.
    except OSError:
        return


def _remove(path: Path) -> None:
    """Remove the folder of a pyramid.

    The folder is renamed first, so that no process finds an incomplete pyramid.
    """
    away = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_PART}")
    try:
        path.rename(away)
    # The pyramid was already removed, or belongs to another user.
    except OSError:
        return
    shutil.rmtree(away, ignore_errors=True)
