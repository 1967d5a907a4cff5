"""Read full images from Zarr arrays and OME-Zarr groups."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

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
from napari_artifact_review.core.expansion import (
    Codec,
    check_expansion,
    may_expand,
    tells_size,
)
from napari_artifact_review.core.images.full_image import FullImage, plane_notes
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.core.small_files import read_small_file
from napari_artifact_review.core.tiled.pyramid import level_shapes
from napari_artifact_review.core.tiled.sources import Source
from napari_artifact_review.core.tiled.tiles import open_tiled

_COPY = "Copy it again from its source"
# Metadata files in the folder of an array, and the maximum size of each in bytes.
_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_MOST_METADATA = 2**26
# Codecs that only convert bytes to numbers. Other codecs can run code in the file (such
# as pickle) or in an installed package with the name of the codec.
_CODECS = {
    *("bytes", "transpose", "sharding_indexed", "crc32c", "default", "endian"),
    *("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd"),
    *("adler32", "astype", "bitround", "crc32", "delta", "fixedscaleoffset"),
    *("fletcher32", "packbits", "quantize", "shuffle"),
}
_NUMCODECS = "numcodecs."
# Codecs that expand chunks, by their names in Zarr.
_EXPANDING: dict[str, Codec] = {
    "gzip": "zlib",
    "zlib": "zlib",
    "bz2": "bz2",
    "lzma": "lzma",
    "blosc": "blosc",
    "lz4": "lz4",
    "zstd": "zstd",
}
_SHARDING = "sharding_indexed"
# Codecs that only append a few bytes to a compressed chunk.
_APPENDED = {"crc32c", "fletcher32"}
# Most bytes that filters, such as astype, store for a byte of a chunk.
_FILTER_FACTOR = 8
# Each chunk takes about a millisecond: an image that is read whole has at most so many,
# and a chunk of one that is read by tiles has at least so many pixels.
_MOST_CHUNKS, _LEAST_PIXELS = 20_000, 1_024
# Number of bytes at the start of a chunk that tell its size, with space to spare.
_HEADER = 64


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
        _ChunkCheck(folders[0], array).check(rows, columns)
        plane = np.asarray(array[(0,) * (array.ndim - 2)])
        values = plain_pixels(plane)
        return FullImage(path, values, zscale_limits(values), notes)


def _open(folder: Path) -> Any:
    """Open an array; check that it is an image and that decoding is safe."""
    # Import zarr here, because the import takes 0.2 s.
    import zarr

    _check_codecs(folder)
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
        self._chunks = _ChunkCheck(folder, array)
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
    return _json(folder / "zarr.json").get("node_type") == "array"


def _first_image(path: Path) -> list[Path]:
    """Return the folders of all levels of the first image in an OME-Zarr group."""
    metadata = _json(path / "zarr.json").get("attributes") or _json(path / ".zattrs")
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


def _json(path: Path) -> dict[str, Any]:
    """Read a metadata file; return an empty dictionary if it does not exist."""
    try:
        found = json.loads(read_small_file(path, _MOST_METADATA))
    except FileNotFoundError:
        return {}
    except OSError as error:
        what = f"its {path.name} cannot be read: {error}"
        raise ImageError(what, remedy=_COPY) from error
    if not isinstance(found, dict):
        raise ImageError(f"its {path.name} is no list of names", remedy=_COPY)
    return found


def _check_codecs(folder: Path) -> None:
    """Raise an error for codecs that may run other code, before zarr loads them."""
    for name in _METADATA:
        # zarr would wait for a pipe.
        _check_regular(folder / name)
    for name in _codec_names(_array_metadata(folder)):
        if name not in _CODECS:
            raise ImageError(
                f"its pixels are stored with {name!r}, which is not supported",
                remedy="Store it with another codec, for example zstd",
            )


def _check_regular(path: Path) -> bool:
    """Return whether a file exists; raise an error if it is no regular file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise ImageError(f"its {path.name} is not a regular file", remedy=_COPY)
    return True


class _ChunkCheck:
    """A check of chunks before they are decoded, each file of them once.

    Parameters
    ----------
    folder : Path
        Folder of the array.
    array : zarr.Array
        The array.
    """

    def __init__(self, folder: Path, array: Any) -> None:
        self._folder, self._array = folder, array
        metadata = _array_metadata(folder)
        self._codec = _expanding_codec(metadata)
        self._index = (False, 0) if array.shards is None else _shard_index(metadata)
        pixels = math.prod(array.chunks) * array.dtype.itemsize
        self._most = _FILTER_FACTOR * pixels + 2**16
        self._checked: set[tuple[int, int]] = set()

    def check(self, rows: slice, columns: slice) -> None:
        """Check the chunks of a window of the first plane.

        Raises
        ------
        ImageError
            If a chunk is no regular file, or expands beyond its size.
        """
        high, wide = (self._array.shards or self._array.chunks)[-2:]
        for row in range(rows.start // high, -(-rows.stop // high)):
            for column in range(columns.start // wide, -(-columns.stop // wide)):
                if (row, column) not in self._checked:
                    self._check_file((row, column))
                    self._checked.add((row, column))

    def _check_file(self, at: tuple[int, int]) -> None:
        plane = (0,) * (self._array.ndim - 2)
        path = self._folder / self._array.metadata.encode_chunk_key((*plane, *at))
        codec, most = self._codec, self._most
        # A missing chunk has the fill value.
        if not _check_regular(path) or codec is None:
            return
        with path.open("rb") as file:
            for offset, size in self._pieces(file, path.stat().st_size):
                file.seek(offset)
                head = file.read(min(size, _HEADER))
                if tells_size(head, codec):
                    check_expansion(head, codec, most)
                elif may_expand(size, codec, most):
                    check_expansion(head + file.read(size - len(head)), codec, most)

    def _pieces(self, file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
        """Yield offset and size of each chunk in a file, which may be a shard.

        The index at one end of a shard has both for each chunk as 64-bit integers, with
        all bits set for a missing chunk, and mostly a checksum of four bytes (Zarr 3,
        codec sharding_indexed).
        """
        shards = self._array.shards
        if shards is None:
            yield 0, size
            return
        sides = zip(shards, self._array.chunks, strict=True)
        length = 16 * math.prod(whole // part for whole, part in sides)
        is_first, checksum = self._index
        file.seek(0 if is_first else max(size - length - checksum, 0))
        found = file.read(length)
        index = np.frombuffer(found[: len(found) // 16 * 16], "<u8")
        for offset, length in index.reshape(-1, 2).tolist():
            if offset + length <= size:
                yield offset, length


def _array_metadata(folder: Path) -> dict[str, Any]:
    return _json(folder / ".zarray") or _json(folder / "zarr.json")


def _expanding_codec(metadata: dict[str, Any]) -> Codec | None:
    """Return the only codec that expands chunks, or None.

    Raises
    ------
    ImageError
        If there are several, or if the chunks in the file are not its direct result, so
        that their size cannot be checked.
    """
    names = _codec_names(metadata)
    expanding = [name for name in names if name in _EXPANDING]
    if not expanding:
        return None
    stages = _stages(metadata)
    last = next((name for name in reversed(stages) if name not in _APPENDED), None)
    shards = names.count(_SHARDING)
    if [last] != expanding or shards > 1 or _SHARDING in stages:
        raise ImageError(
            f"its pixels are stored with several codecs ({', '.join(names)}), so that "
            "their size in memory cannot be checked",
            remedy="Store it with one codec after all filters, for example zstd",
        )
    return _EXPANDING[expanding[0]]


def _shard_index(metadata: dict[str, Any]) -> tuple[bool, int]:
    """Return whether the index is first in a shard, and the size of its checksum.

    Raises
    ------
    ImageError
        If the index is stored in an unusual way.
    """
    [sharding] = [one for one in _codecs(metadata) if _name_of(one) == _SHARDING]
    options = sharding["configuration"]
    codecs = options.get("index_codecs", ())
    orders = [one.get("configuration", {}).get("endian") for one in codecs[:1]]
    names = [_name_of(one) for one in codecs]
    if orders != ["little"] or names not in (["bytes"], ["bytes", "crc32c"]):
        raise ImageError(
            f"the index of its shards is stored with {', '.join(names) or 'no codec'}, "
            "so that the size of its pixels cannot be checked",
            remedy="Store it with the codecs bytes, little-endian, and crc32c",
        )
    return options.get("index_location") == "start", 4 * (names[-1] == "crc32c")


def _stages(metadata: Any) -> list[str]:
    """Return the names of the codecs of a chunk, in the order of their encoding."""
    if "codecs" not in metadata:
        return [
            _name_of(codec)
            for codec in (*(metadata.get("filters") or ()), metadata.get("compressor"))
            if codec
        ]
    listed = metadata["codecs"] or ()
    if listed and _name_of(listed[-1]) == _SHARDING:
        inner = _stages(listed[-1].get("configuration") or {})
        return [*map(_name_of, listed[:-1]), *inner]
    return list(map(_name_of, listed))


def _name_of(codec: Any) -> str:
    return str(codec.get("id", codec.get("name"))).removeprefix(_NUMCODECS).lower()


def _codec_names(metadata: Any) -> list[str]:
    return list(map(_name_of, _codecs(metadata)))


def _codecs(metadata: Any) -> list[dict[str, Any]]:
    """Return the codecs of an array, including nested codecs."""
    listed = [*(metadata.get("codecs") or ()), *(metadata.get("index_codecs") or ())]
    listed += [metadata.get("compressor"), *(metadata.get("filters") or ())]
    codecs = [codec for codec in listed if codec]
    inner = (
        found
        for codec in codecs
        if isinstance(codec.get("configuration"), dict)
        for found in _codecs(codec["configuration"])
    )
    return [*codecs, *inner]


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
    for name in _METADATA:
        try:
            found = (folder / name).stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((found.st_size, found.st_mtime_ns))
    return tuple(states)
