"""Read full images from Zarr arrays and OME-Zarr groups."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from napari_artifact_review.core.decoders import (
    Pixels,
    check_memory,
    check_sides,
    decoding,
    is_large,
    plain_pixels,
)
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.full_image import FullImage, plane_notes
from napari_artifact_review.core.images.zarr_chunks import (
    METADATA,
    ChunkCheck,
    check_codecs,
    read_json,
)
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.core.tiled.pyramid import level_shapes
from napari_artifact_review.core.tiled.sources import Source
from napari_artifact_review.core.tiled.tiles import open_tiled

_COPY = "Copy it again from its source"
# Each chunk takes about a millisecond: an image that is read whole has at most so many,
# and a chunk of one that is read by tiles has at least so many pixels.
_MOST_CHUNKS, _LEAST_PIXELS = 20_000, 1_024


def read_zarr(path: Path) -> FullImage:
    """Read a full image from a Zarr folder of version 2 or 3.

    Parameters
    ----------
    path : Path
        The folder of an array or of an OME-Zarr group. In a group, the finest level of
        the first image is read.

    Returns
    -------
    FullImage
        The image, with a message in `notes` if it is an array of a group, or if only
        the first plane of a stack was read.

    Raises
    ------
    ImageError
        If the folder does not contain an image of real numbers, or the image cannot be
        decoded.
    """
    with decoding(path):
        folders, notes = [path], tuple[str, ...]()
        if not _is_array(path):
            folders = _first_image(path)
            notes = (f"array {folders[0].relative_to(path)} of the group",)
        array = _open(folders[0])
        notes += plane_notes(array.shape)
        if is_large(array.shape):
            check_sides(array.shape)
            source = ZarrSource(path, folders[0], array)
            source.coarser = _coarser(source, folders[1:])
            pixels, limits, tiles = open_tiled(source)
            return FullImage(path, pixels, limits, notes, tiles=tiles)
        check_memory(math.prod(array.shape[-2:]) * array.dtype.itemsize)
        rows, columns = (slice(0, length) for length in array.shape[-2:])
        ChunkCheck(folders[0], array).check(rows, columns)
        plane = np.asarray(array[(0,) * (array.ndim - 2)])
        values = plain_pixels(plane)
        return FullImage(path, values, zscale_limits(values), notes)


def _open(folder: Path) -> Any:
    """Open an array; check that it is an image and that decoding is safe."""
    # Import zarr here, because the import takes 0.2 s.
    import zarr

    check_codecs(folder)
    array = zarr.open_array(folder, mode="r")
    _check_array(array)
    return array


class ZarrSource:
    """Source of a large image in a Zarr array.

    Parameters
    ----------
    path : Path
        Folder of the image, for error messages.
    folder : Path
        Folder of the array.
    array : zarr.Array
        The array, with at least two axes.
    """

    def __init__(self, path: Path, folder: Path, array: Any) -> None:
        self.path = path
        self._folder = folder
        self._array = array
        self._plane = (0,) * (array.ndim - 2)
        self.shape: tuple[int, int] = array.shape[-2:]
        self.block: tuple[int, int] = array.chunks[-2:]
        self.coarser: tuple[Source, ...] = ()
        self._metadata = _metadata_state(folder)
        self._chunks = ChunkCheck(folder, array)
        self.dtype = self.read(slice(0, 1), slice(0, 1)).dtype

    def read(self, rows: slice, columns: slice) -> Pixels:
        """Read a window; missing chunks have the fill value of the array."""
        if _metadata_state(self._folder) != self._metadata:
            raise ImageError(
                "the image was changed while it was shown",
                remedy="Open the image again",
            )
        self._chunks.check(rows, columns)
        return plain_pixels(np.asarray(self._array[(*self._plane, rows, columns)]))

    def fingerprint(self) -> str:
        """Return a string that changes when a file of the array changes."""
        count = size = newest = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                found = (Path(folder) / name).stat()
                count += 1
                size += found.st_size
                newest = max(newest, found.st_mtime_ns)
        return repr((str(self._folder.resolve()), count, size, newest))

    def close(self) -> None:
        """Do nothing, because files are only open during `read`."""


def _is_array(folder: Path) -> bool:
    if (folder / ".zarray").is_file():
        return True
    return read_json(folder / "zarr.json").get("node_type") == "array"


def _first_image(path: Path) -> list[Path]:
    """Return the folders of all levels of the first image in an OME-Zarr group."""
    metadata = read_json(path / "zarr.json").get("attributes") or read_json(
        path / ".zattrs"
    )
    # OME-Zarr has the key "ome" since version 0.5.
    ome = metadata.get("ome", metadata)
    try:
        names = [level["path"] for level in ome["multiscales"][0]["datasets"]]
    except (KeyError, IndexError, TypeError):
        names = []
    if not names:
        raise ImageError(
            "this is neither a Zarr array nor an OME-Zarr image",
            remedy="Choose the folder of the array itself",
        )
    for name in map(str, names):
        folder = (path / name).resolve()
        if not folder.is_relative_to(path.resolve()) or not _is_array(folder):
            raise ImageError(f"it has no array {name!r} inside it", remedy=_COPY)
    return [path / str(name) for name in names]


def _coarser(finest: ZarrSource, folders: list[Path]) -> tuple[ZarrSource, ...]:
    """Open the coarser levels; return () unless their shapes match `level_shapes`."""
    shapes = level_shapes(finest.shape)[1:]
    arrays = [_open(folder) for folder in folders[: len(shapes)]]
    if tuple(array.shape[-2:] for array in arrays) != shapes:
        return ()
    levels = tuple(
        ZarrSource(finest.path, folder, array)
        for folder, array in zip(folders, arrays, strict=False)
    )
    return levels if {level.dtype for level in levels} == {finest.dtype} else ()


def _check_array(array: Any) -> None:
    """Raise an error if an array is not an image or its chunks are too large."""
    if array.dtype.kind not in "buif" or array.ndim < 2 or 0 in array.shape:
        raise ImageError(
            f"its array of type {array.dtype} and shape {array.shape} is no image of "
            "real numbers",
            remedy="Check that it is the full image",
        )
    # Each chunk is decoded as a whole. In a sharded array, this is an inner chunk.
    check_memory(math.prod(array.chunks) * array.dtype.itemsize)
    sides = tuple(zip(array.shape[-2:], array.chunks[-2:], strict=True))
    count = math.prod(-(-length // chunk) for length, chunk in sides)
    pixels = math.prod(chunk for _, chunk in sides)
    is_slow = pixels < _LEAST_PIXELS if is_large(array.shape) else count > _MOST_CHUNKS
    if is_slow:
        raise ImageError(
            f"its {count:,} chunks of {pixels:,} pixels are too many to read",
            remedy="Store it with larger chunks, for example of 512 x 512 pixels",
        )


def _metadata_state(folder: Path) -> tuple[tuple[int, int] | None, ...]:
    """Return the size and modification time of each metadata file; None if missing."""
    states = list[tuple[int, int] | None]()
    for name in METADATA:
        try:
            found = (folder / name).stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_size, found.st_mtime_ns))
    return tuple(states)
