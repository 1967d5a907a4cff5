"""Check the metadata and the chunks of Zarr arrays before they are decoded."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.expansion import (
    Codec,
    check_expansion,
    may_expand,
    tells_size,
)
from napari_artifact_review.core.small_files import read_small_file

_COPY = "Copy it again from its source"

#: Metadata files in the folder of an array.
METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")

# Maximum size of each in bytes.
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
# Number of bytes at the start of a chunk that tell its size, with space to spare.
_HEADER = 64


def read_json(path: Path) -> dict[str, Any]:
    """Read a metadata file; return an empty dictionary if it does not exist.

    Raises
    ------
    ImageError
        If it is no JSON object, too large, or no regular file.
    ValueError
        If it is no JSON.
    """
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


def check_codecs(folder: Path) -> None:
    """Check the codecs of an array, before zarr loads them.

    Parameters
    ----------
    folder : Path
        Folder of the array.

    Raises
    ------
    ImageError
        If a codec may run other code, or a metadata file is no regular file.
    """
    for name in METADATA:
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


class ChunkCheck:
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
        # Without a codec that expands, no chunk needs to be found.
        has_index = self._codec is not None and array.shards is not None
        self._index = _shard_index(metadata) if has_index else (False, 0)
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
    return read_json(folder / ".zarray") or read_json(folder / "zarr.json")


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
