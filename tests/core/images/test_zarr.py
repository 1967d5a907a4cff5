"""Full images in Zarr folders: as zarr reads them, or one error."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.review.check import check_review
from napari_artifact_review.core.tiled import lazy_pixels
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from tests.core.tiled.large import mean, shows, threads, until

SKY = np.random.default_rng(1).normal(100, 5, (30, 40)).astype(np.float32)
WIDE = np.random.default_rng(8).normal(1000, 300, (1301, 1040)).astype(np.float32)
EVERYTHING = (slice(None), slice(None))


@pytest.fixture
def large(monkeypatch, tmp_path):
    """Treat small images as large."""
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1000)
    folder = PyramidFolder(tmp_path / "pyramids")
    monkeypatch.setattr(PyramidFolder, "of_user", lambda: folder)


def put(path: Path, pixels: np.ndarray = SKY, **options: Any) -> Path:
    """Write an array."""
    options = {
        "zarr_format": 3,
        "chunks": (1,) * (pixels.ndim - 2) + (32, 32),
    } | options
    zarr.create_array(path, data=pixels, **options)
    return path


def ome(path: Path, pixels: np.ndarray = SKY, version: int = 3) -> Path:
    """Write an OME-Zarr group."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    metadata = {"multiscales": [{"datasets": [{"path": "s0"}, {"path": "s1"}]}]}
    group.attrs.update({"ome": metadata} if version == 3 else metadata)
    chunks = (1,) * (pixels.ndim - 2) + (200, 200)
    for name, level in (("s0", pixels), ("s1", pixels[..., ::2, ::2])):
        group.create_array(name, data=level, chunks=chunks)
    return path


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8", ">i2", ">f4"])
def test_an_array_is_read(tmp_path, version, dtype):
    pixels = SKY.astype(dtype)
    image = read_image(put(tmp_path / "a.zarr", pixels, zarr_format=version))
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == pixels.dtype.newbyteorder("=")
    assert image.pixels.dtype.isnative
    assert (image.hdu, image.hdus, image.notes, image.tiles) == (None, (), (), None)
    assert 80 < image.limits[0] < image.limits[1] < 120


def test_truth_values_are_numbers(tmp_path):
    image = read_image(put(tmp_path / "a.zarr", SKY > 100))
    assert image.pixels.dtype == np.uint8


def test_a_cube_gives_its_first_plane(tmp_path):
    cube = np.stack([SKY, SKY + 1]).reshape(1, 2, 30, 40)
    image = read_image(put(tmp_path / "a.zarr", cube))
    np.testing.assert_array_equal(image.pixels, SKY)
    assert image.notes == ("first plane of 2",)


@pytest.mark.parametrize("version", [2, 3])
def test_an_ome_group_gives_its_finest_level(tmp_path, version):
    image = read_image(ome(tmp_path / "a.zarr", SKY[None], version))
    np.testing.assert_array_equal(image.pixels, SKY)
    assert image.notes == ("array s0 of the group",)
    assert image.path == tmp_path / "a.zarr"


@pytest.mark.parametrize("version", [2, 3])
def test_a_large_array_is_read_as_it_is_looked_at(large, tmp_path, version):
    image = read_image(
        put(tmp_path / "a.zarr", WIDE, zarr_format=version, chunks=(200, 200))
    )
    assert isinstance(image.pixels, LazyPixels)
    assert image.pixels.dtype == np.float32
    np.testing.assert_array_equal(image.pixels[100:140, 7:], WIDE[100:140, 7:])
    assert image.limits[0] < 1000 < image.limits[1]
    assert shows(image.tiles.levels[0], WIDE, *EVERYTHING)
    assert shows(image.tiles.levels[1], mean(WIDE), *EVERYTHING)
    image.tiles.close()
    assert image.tiles.join(20)
    assert not threads()


def test_a_large_group_and_a_large_cube_are_read_too(large, tmp_path):
    image = read_image(ome(tmp_path / "a.zarr", np.stack([WIDE, WIDE + 1])))
    assert shows(image.tiles.levels[0], WIDE, *EVERYTHING)
    assert shows(image.tiles.levels[1], WIDE[::2, ::2], *EVERYTHING)
    assert image.notes == ("array s0 of the group", "first plane of 2")
    image.tiles.close()
    assert image.tiles.join(20)


@pytest.mark.parametrize("own", ["halves", "wrong shape", "wrong type"])
def test_levels_of_the_file_are_used_if_they_are_halves(large, tmp_path, own):
    path = ome(tmp_path / "a.zarr", WIDE)
    half = np.full((651, 520), 5, WIDE.dtype)
    if own == "wrong shape":
        half = half[:650]
    elif own == "wrong type":
        half = half.astype(np.int16)
    zarr.create_array(path / "s1", data=half, chunks=(200, 200), overwrite=True)
    image = read_image(path)
    expected = half if own == "halves" else mean(WIDE)
    assert shows(image.tiles.levels[0], WIDE, *EVERYTHING)
    assert shows(image.tiles.levels[1], expected, *EVERYTHING)
    until(lambda: image.tiles.is_whole)
    image.tiles.close()
    assert image.tiles.join(20)
    assert (tmp_path / "pyramids").exists() == (own != "halves")


def test_a_sharded_array_is_read(large, tmp_path):
    path = put(tmp_path / "a.zarr", WIDE, chunks=(64, 64), shards=(256, 256))
    image = read_image(path)
    assert image.pixels.block == (64, 64)
    np.testing.assert_array_equal(image.pixels[:], WIDE)


def test_another_chunk_makes_another_pyramid(large, tmp_path):
    path = put(tmp_path / "a.zarr", SKY)
    for change in (0, 1):
        array = zarr.open_array(path, mode="r+")
        array[:16, :16] = SKY[:16, :16] + change
        image = read_image(path)
        expected = mean(array[:])
        assert shows(image.tiles.levels[-1], expected, *EVERYTHING)
        until(lambda image=image: image.tiles.is_whole)
        image.tiles.close()
        assert image.tiles.join(20)
    assert len(list((tmp_path / "pyramids").iterdir())) == 2


def test_a_large_array_that_changes_while_it_is_shown_is_one_error(large, tmp_path):
    path = put(tmp_path / "a.zarr")
    image = read_image(path)
    edit(path / "zarr.json", shape=[300, 400])
    with pytest.raises(ImageError, match="was changed while it was shown") as caught:
        image.pixels[0, 0]
    assert caught.value.path == path


def test_a_damaged_chunk_is_one_error(large, tmp_path, monkeypatch):
    path = put(tmp_path / "a.zarr", WIDE, chunks=(100, 100))
    chunk = path / "c" / "4" / "7"
    chunk.write_bytes(chunk.read_bytes()[:50])
    # Seen by no sample.
    monkeypatch.setattr(lazy_pixels, "_MOST_DECODED", 0)
    image = read_image(path)
    with pytest.raises(ImageError, match="cannot be read") as caught:
        image.pixels[405, 750]
    assert caught.value.path == path
    table = tmp_path / "t.csv"
    table.write_text("image_name,grid_x,grid_y,label,preds\na,0,0,0,1\n")
    assert len(check_review(table)[1]) == 1
    monkeypatch.undo()
    with pytest.raises(ImageError, match="cannot be read"):
        read_image(path)


@pytest.mark.parametrize("name", ["a", "a.zarr", "a.ZARR"])
def test_a_folder_is_found_by_its_stem(tmp_path, name):
    path = put(tmp_path / "images" / "a.zarr")
    (tmp_path / "images" / "a.txt").touch()
    assert ImageFolder(tmp_path / "images").find(name) == path


def test_a_folder_and_a_file_of_the_same_stem_are_two(tmp_path):
    path = put(tmp_path / "a.zarr")
    np.save(tmp_path / "a.npy", SKY)
    with pytest.raises(ImageError, match=r"files: a\.npy, a\.zarr"):
        ImageFolder(tmp_path).find("a")
    assert ImageFolder(tmp_path).find("a.zarr") == path


def test_a_file_is_no_zarr_image_and_an_hdu_is_none_of_it(tmp_path):
    (tmp_path / "a.zarr").touch()
    for look in (ImageFolder(tmp_path).find, lambda name: read_image(tmp_path / name)):
        with pytest.raises(ImageError, match="this is not a folder"):
            look("a.zarr")
    path = put(tmp_path / "b.zarr")
    with pytest.raises(ImageError, match="no HDU 1"):
        read_image(path, hdu=1)
    with pytest.raises(ImageError, match="no such file"):
        read_image(tmp_path / "c.zarr")


def refuse(path: Path, what: str) -> None:
    with pytest.raises(ImageError, match=what) as caught:
        read_image(path)
    assert caught.value.path == path
    assert caught.value.remedy


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"node_type": "group"}'])
@pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zattrs"])
def test_metadata_that_say_nothing_are_one_error(tmp_path, name, content):
    (tmp_path / "a.zarr").mkdir()
    refuse(tmp_path / "a.zarr", "neither a Zarr array nor")
    (tmp_path / "a.zarr" / name).write_text(content)
    refuse(tmp_path / "a.zarr", "neither|cannot be read|no list of names")


def test_metadata_too_large_to_read_are_one_error(tmp_path):
    path = put(tmp_path / "a.zarr")
    with (path / "zarr.json").open("r+b") as file:
        file.truncate(2**27)
    refuse(path, r"its zarr\.json cannot be read: it is larger than")


@pytest.mark.parametrize(
    "multiscales",
    [
        None,
        [],
        {},
        [{}],
        [{"datasets": []}],
        [{"datasets": [{"path": 3}]}],
        [{"datasets": [{"path": "nowhere"}]}],
        [{"datasets": [{"path": "../b.zarr"}]}],
    ],
)
def test_a_group_without_an_image_inside_is_one_error(tmp_path, multiscales):
    put(tmp_path / "b.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.attrs["ome"] = {"multiscales": multiscales}
    refuse(tmp_path / "a.zarr", "neither|no array .* inside")


def test_what_is_no_plane_of_real_numbers_is_one_error(tmp_path):
    for number, pixels in enumerate((SKY[0], SKY * 1j, np.zeros((0, 4)))):
        chunks = (16,) * pixels.ndim
        path = put(tmp_path / f"{number}.zarr", pixels, chunks=chunks)
        refuse(path, "is no image of real numbers")


class Trap:
    """An object that runs code when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_pickled_pixels_are_refused_and_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = put(tmp_path / "a.zarr", zarr_format=2, compressors=None)
    edit(path / ".zarray", filters=[numcodecs.Pickle().get_config()])
    (path / "0.0").write_bytes(pickle.dumps(Trap()))
    refuse(path, "'pickle', which is not supported")
    path = put(tmp_path / "b.zarr")
    for codecs in (
        [{"name": "numcodecs.pickle", "configuration": {}}],
        [
            {
                "name": "sharding_indexed",
                "configuration": {"codecs": [{"name": "numcodecs.pickle"}]},
            }
        ],
    ):
        edit(path / "zarr.json", codecs=codecs)
        refuse(path, "'pickle', which is not supported")
    assert not Path("trapped").exists()


@pytest.mark.parametrize("compressor", ["zlib", "zstd", "blosc", "lz4", "bz2", None])
def test_common_codecs_are_known(tmp_path, compressor):
    codec = numcodecs.get_codec({"id": compressor}) if compressor else None
    filters = [numcodecs.Delta("f4")]
    path = put(tmp_path / "a.zarr", zarr_format=2, compressors=codec, filters=filters)
    np.testing.assert_allclose(read_image(path).pixels, SKY, rtol=1e-4)


def test_little_on_disk_and_much_in_memory_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path / "a.zarr")
    edit(path / "zarr.json", shape=[10**9, 10**9])
    refuse(path, "a side of it is longer than")
    edit(path / "zarr.json", shape=[4_000, 4_000])
    monkeypatch.setattr(decoders, "MOST_BYTES", 10**6)
    refuse(path, "of memory")
    grid = {"name": "regular", "configuration": {"chunk_shape": [5000, 5000]}}
    edit(path / "zarr.json", shape=[10**5, 10**5], chunk_grid=grid)
    refuse(path, "of memory")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("name", ["zarr.json", ".zarray", ".zattrs"])
def test_a_pipe_among_the_metadata_is_refused_at_once(tmp_path, name):
    path = tmp_path / "a.zarr"
    version = 3 if name == "zarr.json" else 2
    zarr.create_array(path, shape=(20, 30), dtype="u1", zarr_format=version)
    (path / name).unlink(missing_ok=True)
    os.mkfifo(path / name)
    with pytest.raises(ImageError, match=r"not a regular file|neither a Zarr array"):
        read_image(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("compressors", [None, "auto"])
def test_a_pipe_instead_of_a_chunk_is_refused_at_once(tmp_path, compressors):
    path = tmp_path / "a.zarr"
    zarr.create_array(
        path, shape=(20, 30), dtype="u1", zarr_format=2, compressors=compressors
    )
    os.mkfifo(path / "0.0")
    with pytest.raises(ImageError, match=r"its 0\.0 is not a regular file"):
        read_image(path)


V2 = {"zarr_format": 2, "dtype": "|u1", "fill_value": 0, "order": "C"}
GZIP = {"name": "gzip", "configuration": {"level": 1}}
BYTES = {"name": "bytes", "configuration": {"endian": "little"}}
CHECKSUM = {"name": "crc32c"}


def described(path, codecs, chunk):
    """Write an array of version 3 with one chunk of 100 x 100 bytes."""
    grid = {"name": "regular", "configuration": {"chunk_shape": [100, 100]}}
    keys = {"name": "default", "configuration": {"separator": "/"}}
    (path / "c" / "0").mkdir(parents=True)
    (path / "c" / "0" / "0").write_bytes(chunk)
    (path / "zarr.json").write_text(
        json.dumps(
            {
                "zarr_format": 3,
                "node_type": "array",
                "shape": [100, 100],
                "data_type": "uint8",
                "chunk_grid": grid,
                "chunk_key_encoding": keys,
                "codecs": codecs,
                "fill_value": 0,
                "attributes": {},
            }
        )
    )


@pytest.mark.parametrize("filters", [["zlib", "zlib"], ["zlib", "shuffle"]])
def test_codecs_around_one_that_expands_are_refused(tmp_path, filters):
    path = tmp_path / "a.zarr"
    path.mkdir()
    shape = {"shape": [100, 100], "chunks": [100, 100]}
    ids = [{"id": name} for name in filters]
    metadata = {**V2, **shape, "filters": ids, "compressor": None}
    (path / ".zarray").write_text(json.dumps(metadata))
    (path / "0.0").write_bytes(zlib.compress(zlib.compress(bytes(10_000))))
    with pytest.raises(ImageError, match="several codecs") as caught:
        read_image(path)
    assert caught.value.remedy


def test_two_codecs_of_version_3_that_expand_are_refused(tmp_path):
    path = tmp_path / "a.zarr"
    described(path, [BYTES, GZIP, GZIP], gzip.compress(gzip.compress(bytes(10_000))))
    with pytest.raises(ImageError, match="several codecs"):
        read_image(path)


@pytest.mark.parametrize("tail", [(), (CHECKSUM,)], ids=["plain", "checksum"])
def test_a_chunk_that_expands_beyond_its_size_is_refused(tmp_path, tail):
    path = tmp_path / "a.zarr"
    described(path, [BYTES, GZIP, *tail], gzip.compress(bytes(10**6)))
    with pytest.raises(ImageError, match="expands beyond the size"):
        read_image(path)


BIG = {"name": "bytes", "configuration": {"endian": "big"}}


def sharding(location, *index_codecs):
    options = {
        "chunk_shape": [50, 50],
        "codecs": [BYTES, GZIP],
        "index_codecs": [*index_codecs],
        "index_location": location,
    }
    return [{"name": "sharding_indexed", "configuration": options}]


def shard(location, chunk):
    """Return a shard of which the first of four chunks is there."""
    at = 64 if location == "start" else 0
    index = struct.pack("<8Q", at, len(chunk), *[2**64 - 1] * 6)
    return index + chunk if location == "start" else chunk + index


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("checksum", [(), (CHECKSUM,)], ids=["plain", "checksum"])
def test_a_chunk_of_a_shard_is_found_wherever_its_index_is(
    tmp_path, location, checksum
):
    codecs = sharding(location, BYTES, *checksum)
    for name, size in (("good", 2_500), ("bomb", 10**7)):
        path = tmp_path / f"{name}.zarr"
        described(path, codecs, b"")
        array = zarr.open_array(path)
        array[:50, :50] = 7
        chunk = path / "c/0/0"
        assert (read_image(path).pixels[:50, :50] == 7).all()
        if not checksum:
            chunk.write_bytes(shard(location, gzip.compress(bytes(size))))
            if name == "good":
                assert not read_image(path).pixels.any()
            else:
                with pytest.raises(ImageError, match="expands beyond the size"):
                    read_image(path)


@pytest.mark.parametrize(
    "codecs",
    [[BIG], [BYTES, GZIP], []],
)
def test_a_shard_with_an_unusual_index_is_refused(tmp_path, codecs):
    path = tmp_path / "a.zarr"
    described(path, sharding("end", *codecs), b"")
    with pytest.raises(
        ImageError, match=r"index of its shards|several codecs"
    ) as caught:
        read_image(path)
    assert caught.value.remedy


@pytest.mark.parametrize("is_nested", [False, True])
def test_shards_that_are_not_compressed_may_have_any_index(tmp_path, is_nested):
    path = tmp_path / "a.zarr"
    codecs = sharding("start", BIG)
    codecs[0]["configuration"]["codecs"] = [BYTES]
    if is_nested:
        inner = sharding("end", BIG)
        inner[0]["configuration"] |= {"codecs": [BYTES], "chunk_shape": [25, 25]}
        codecs[0]["configuration"]["codecs"] = inner
    described(path, codecs, b"")
    zarr.open_array(path)[:50] = 7
    pixels = read_image(path).pixels
    assert (pixels[:50] == 7).all()
    assert not pixels[50:].any()


def test_a_checksum_behind_a_codec_is_read(tmp_path):
    path = tmp_path / "a.zarr"
    codecs = [zarr.codecs.GzipCodec(), zarr.codecs.Crc32cCodec()]
    array = zarr.create_array(path, shape=(20, 30), dtype="u1", compressors=codecs)
    array[:] = 7
    assert (read_image(path).pixels == 7).all()


@pytest.mark.parametrize(
    ("side", "chunk"), [(1_000, 1), (20_000, 31)], ids=["whole", "by tiles"]
)
def test_too_many_chunks_are_refused_at_once(tmp_path, side, chunk):
    path = tmp_path / "a.zarr"
    path.mkdir()
    shape = {"shape": [side, side], "chunks": [chunk, chunk]}
    metadata = {**V2, **shape, "filters": None, "compressor": None}
    (path / ".zarray").write_text(json.dumps(metadata))
    start = time.thread_time()
    with pytest.raises(ImageError, match=r"chunks of .* pixels are too many") as caught:
        read_image(path)
    assert time.thread_time() - start < 10
    assert "512 x 512" in caught.value.remedy
