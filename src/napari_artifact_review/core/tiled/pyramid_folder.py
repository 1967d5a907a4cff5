"""The folder in which pyramids are kept for the next time."""

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
from platformdirs import user_cache_path

from napari_artifact_review.core.decoders import one_error
from napari_artifact_review.core.errors import ImageError

if TYPE_CHECKING:
    from napari_artifact_review.core.decoders import Pixels

#: Rows and columns of a chunk: each is a file, and a tile.
CHUNK = 512
#: Bytes that all pyramids together may take: three of 40,000 x 80,000 pixels.
MOST_BYTES_KEPT = 10 * 2**30
#: Seconds after which what nobody touched is taken to be left over.
_STALE = 24 * 3600
# Raised whenever the levels mean something else.
_VERSION = 1
_PART = ".part"
_IN_USE = "in-use-"


@dataclass(frozen=True)
class PyramidFolder:
    """The folder in which pyramids are kept.

    Nothing about it is worth an error: where it is read-only, full or gone, nothing
    is kept.

    Attributes
    ----------
    path : Path
        The folder; made when it is needed.
    most : int
        Bytes that all pyramids together may take.
    """

    path: Path
    most: int = MOST_BYTES_KEPT

    @classmethod
    def of_user(cls) -> PyramidFolder:
        """Return the folder of this user."""
        return cls(user_cache_path("napari-artifact-review") / "pyramids")

    def find(
        self, fingerprint: str, shapes: tuple[tuple[int, int], ...], dtype: Any
    ) -> Kept | None:
        """Return the pyramid of an image, if it is here, whole and sound.

        Parameters
        ----------
        fingerprint : str
            Of the image's file.
        shapes : tuple of tuple of int
            Of all levels, with level 0.
        dtype : dtype
            Of their pixels.
        """
        import zarr

        path = self._place(fingerprint)
        if not path.is_dir():
            return None
        kept = Kept(path, {}, _mark(path))
        try:
            with one_error(path):
                for level, shape in enumerate(shapes[1:], 1):
                    array = zarr.open_array(path / str(level), mode="r")
                    if array.shape != shape or array.dtype != dtype:
                        raise ImageError("it belongs to another image")
                    kept.arrays[level] = array
                kept.read(level, *(slice(0, side) for side in shape))
        # Whatever it is, it can be built again.
        except ImageError:
            kept.discard()
            return None
        return kept

    def begin(
        self, fingerprint: str, shapes: tuple[tuple[int, int], ...], dtype: Any
    ) -> Part | None:
        """Make room for a pyramid, under a name that nobody takes for a whole one.

        Parameters
        ----------
        fingerprint, shapes, dtype
            As for `find`.

        Returns
        -------
        Part or None
            None where nothing can be kept.
        """
        import zarr
        from zarr.codecs import BloscCodec

        size = sum(math.prod(shape) for shape in shapes[1:]) * np.dtype(dtype).itemsize
        path = self._place(fingerprint)
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
                    # For a chunk that is not there to mean that it was lost.
                    config={"write_empty_chunks": True},
                )
                for level, shape in enumerate(shapes[1:], 1)
            }
        except OSError:
            _remove(part)
            return None
        return Part(part, path, arrays)

    def tidy(self, room: int = 0) -> None:
        """Remove what is left over, and those not used for longest if all is too much.

        Parameters
        ----------
        room : int
            Bytes that are to be free within the limit.

        Raises
        ------
        OSError
            If the folder cannot be listed.
        """
        sizes = dict[Path, int]()
        for path in self.path.iterdir():
            if path.name.endswith(_PART) and _age(path) > _STALE:
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

    def _place(self, fingerprint: str) -> Path:
        name = hashlib.sha256(f"{_VERSION} {CHUNK} {fingerprint}".encode()).hexdigest()
        return self.path / name[:32]


@dataclass(frozen=True)
class Kept:
    """A whole pyramid that is in use.

    Attributes
    ----------
    path : Path
        Its folder.
    arrays : dict of int to zarr.Array
        Every level from 1 on.
    mark : Path
        A file that is there as long as it is in use.
    """

    path: Path
    arrays: dict[int, Any]
    mark: Path

    def read(self, level: int, rows: slice, columns: slice) -> Pixels:
        """Read a part of a level.

        Parameters
        ----------
        level : int
            1 or more.
        rows, columns : slice
            With both ends.

        Returns
        -------
        ndarray

        Raises
        ------
        ImageError
            If it is lost or damaged.
        """
        folder = self.path / str(level) / "c"
        for i in range(rows.start // CHUNK, -(-rows.stop // CHUNK)):
            for j in range(columns.start // CHUNK, -(-columns.stop // CHUNK)):
                if not (folder / str(i) / str(j)).exists():
                    # zarr would fill in zeros.
                    raise ImageError("a part of it is lost", path=self.path)
        with one_error(self.path):
            return np.asarray(self.arrays[level][rows, columns])

    def release(self) -> None:
        """Let others remove it."""
        _unlink(self.mark)

    def discard(self) -> None:
        """Remove what turned out to be damaged."""
        self.release()
        _remove(self.path)


@dataclass(frozen=True)
class Part:
    """A pyramid that is being built.

    Attributes
    ----------
    path, goal : Path
        Where it is, and where it will be.
    arrays : dict of int to zarr.Array
        Every level from 1 on.
    """

    path: Path
    goal: Path
    arrays: dict[int, Any]

    def touch(self) -> None:
        """Say that it is still being built.

        Raises
        ------
        OSError
            If it is gone.
        """
        os.utime(self.path)

    def finish(self) -> Kept:
        """Give it its name, unless somebody else was faster.

        Raises
        ------
        OSError
            If neither is there afterwards.
        """
        import zarr

        try:
            self.path.rename(self.goal)
        except OSError:
            # Another process built the same one meanwhile.
            if not self.goal.is_dir():
                raise
        mark = _mark(self.goal)
        levels = {n: zarr.open_array(self.goal / str(n), mode="r") for n in self.arrays}
        return Kept(self.goal, levels, mark)

    def discard(self) -> None:
        """Remove it, if it was not finished."""
        _remove(self.path)


def _mark(path: Path) -> Path:
    """Say that a pyramid is in use, and that it was used last now."""
    mark = path / f"{_IN_USE}{os.getpid()}-{uuid.uuid4().hex}-{socket.gethostname()}"
    try:
        mark.touch()
    # A folder that others fill is only read.
    except OSError:
        return mark
    return mark


def _is_used(path: Path) -> bool:
    """Tell whether a process that lives uses a pyramid, and forget those that died."""
    used = False
    for mark in path.glob(f"{_IN_USE}*"):
        pid, _, rest = mark.name.removeprefix(_IN_USE).partition("-")
        host = rest.partition("-")[2]
        if host == socket.gethostname():
            alive = pid.isdigit() and psutil.pid_exists(int(pid))
        else:
            alive = _age(mark) < _STALE
        if alive:
            used = True
        else:
            _unlink(mark)
    return used


def _age(path: Path) -> float:
    """Return how many seconds ago somebody last touched it."""
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
            # Another process removed it meanwhile.
            except OSError:
                continue
    return sizes


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    # A mark that stays is forgotten when its process is gone.
    except OSError:
        return


def _remove(path: Path) -> None:
    """Remove a pyramid, so that what is left of it is not taken for whole."""
    away = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_PART}")
    try:
        path.rename(away)
    # It is gone already, or not ours to remove.
    except OSError:
        return
    shutil.rmtree(away, ignore_errors=True)
