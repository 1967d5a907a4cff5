"""Small image files that expand to gigabytes are one error, within bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import sys
import zlib

import imageio.v3 as iio
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from astropy.io import fits

from napari_artifact_review.core import decoders, expansion
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.expansion import check_expansion
from napari_artifact_review.core.images.folder import read_image
from tests.peak_memory import refusal_and_peak

ENCODERS = {
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "lzma": lzma.compress,
    "zstd": numcodecs.Zstd().encode,
    "lz4": numcodecs.LZ4().encode,
    "blosc": numcodecs.Blosc().encode,
}


@pytest.fixture
def small(monkeypatch):
    """Allow a hundred kilobytes, so that the bombs of a test are small."""
    for module in (decoders, expansion):
        monkeypatch.setattr(module, "MOST_BYTES", 100_000)


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000])
def test_what_fits_is_no_error(small, codec, size):
    check_expansion(bytes(ENCODERS[codec](bytes(size))), codec)


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("size", [100_001, 3_000_000])
def test_what_does_not_fit_is_an_error(small, codec, size):
    with pytest.raises(ImageError, match="of memory"):
        check_expansion(bytes(ENCODERS[codec](bytes(size))), codec)


@pytest.mark.parametrize("codec", ["zlib", "bz2", "lzma"])
def test_no_piece_is_thought_too_small_to_expand(monkeypatch, codec):
    content = bytes(10**8)
    packed = ENCODERS[codec](content)
    for module in (decoders, expansion):
        monkeypatch.setattr(module, "MOST_BYTES", len(content) - 1)
    with pytest.raises(ImageError, match="of memory"):
        check_expansion(packed, codec)


@pytest.mark.parametrize("codec", ["zlib", "bz2", "lzma"])
def test_streams_in_a_row_count_together(small, codec):
    part = ENCODERS[codec](bytes(40_000))
    check_expansion(part * 2, codec)
    with pytest.raises(ImageError, match="of memory"):
        check_expansion(part * 3, codec)


@pytest.mark.parametrize("codec", ["zlib", "bz2", "lzma"])
def test_streams_that_are_longer_than_a_step_are_counted_to_the_byte(codec):
    noise = np.random.default_rng(0).bytes(2_500_000)
    packed = b"".join(map(ENCODERS[codec], (noise, b"", noise[:1_100_000], b"end")))
    check_expansion(packed, codec, 3_600_003)
    with pytest.raises(ImageError, match="expands beyond"):
        check_expansion(packed, codec, 3_600_002)


def untold(data):
    """Return a zstd frame without the size of its content, of blocks of equal bytes."""
    blocks = []
    for at in range(0, len(data), 2**17):
        size = len(data[at : at + 2**17])
        is_last = at + size == len(data)
        blocks.append((is_last | 1 << 1 | size << 3).to_bytes(3, "little") + b"\0")
    # No single segment, no size; a window of 128 kB.
    return b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x38" + b"".join(blocks)


@pytest.mark.parametrize("size", [1, 99_999, 100_000, 100_001, 3_000_000])
def test_a_zstd_frame_that_tells_no_size_is_counted_by_its_blocks(small, size):
    frame = untold(bytes(size))
    assert bytes(numcodecs.Zstd().decode(frame)) == bytes(size)
    if size > 100_000:
        with pytest.raises(ImageError, match="of memory"):
            check_expansion(frame, "zstd")
    else:
        check_expansion(frame, "zstd")


def test_gzip_counts_as_zlib(small):
    check_expansion(gzip.compress(bytes(99_999)), "zlib")
    with pytest.raises(ImageError, match="of memory"):
        check_expansion(gzip.compress(bytes(100_001)), "zlib")


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("data", [b"", b"x", b"damaged data" * 50])
def test_damaged_data_are_left_to_the_decoder(codec, data):
    check_expansion(data[:3], codec)


def bomb(path, gigabytes):
    """Return a deflate stream of zeros, which declares nothing."""
    packer = zlib.compressobj(9)
    block = bytes(2**24)
    parts = [packer.compress(block) for _ in range(gigabytes * 64)]
    return b"".join([*parts, packer.flush()])


def tiff(path, payload):
    """Write a TIFF of 100 x 100 pixels whose only strip is a payload."""
    pixels = np.zeros((100, 100), np.uint8)
    tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=100)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        tags = {name: page.tags[name].valueoffset for name in OFFSETS}
    content = bytearray(path.read_bytes())
    for name, value in zip(OFFSETS, (len(content), len(payload)), strict=True):
        struct.pack_into("<I", content, tags[name], value)
    path.write_bytes(bytes(content) + payload)


OFFSETS = ("StripOffsets", "StripByteCounts")


def zarr_array(path, payload, codec):
    array = zarr.create_array(
        path, shape=(100, 100), chunks=(100, 100), dtype="u1", compressors=codec
    )
    array[:] = 1
    [chunk] = [f for f in path.rglob("*") if f.is_file() and f.name != "zarr.json"]
    chunk.write_bytes(payload)


def gzip_tile(path, payload):
    pixels = np.zeros((100, 100), np.int16)
    hdu = fits.CompImageHDU(pixels, compression_type="GZIP_1", tile_shape=(100, 100))
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    with fits.open(path, disable_image_compression=True) as hdus:
        header, place = hdus[1].header.copy(), hdus[1].fileinfo()
        start = place["datLoc"]
    content = bytearray(path.read_bytes()[: start + 8])
    struct.pack_into(">2i", content, start, len(payload), 0)
    header["PCOUNT"] = len(payload)
    head = header.tostring().encode()
    begin = place["hdrLoc"]
    whole = content[:begin] + head + content[start : start + 8] + payload
    path.write_bytes(whole + bytes(-len(whole) % 2880))


KINDS = ("a.tif", "a.zarr", "a.fits")


def write(path, payload):
    if path.suffix == ".tif":
        tiff(path, payload)
    elif path.suffix == ".zarr":
        codec = zarr.codecs.GzipCodec()
        zarr_array(path, gzip_of(payload), codec)
    else:
        gzip_tile(path, gzip_of(payload))


def gzip_of(payload):
    """Wrap a deflate stream of zlib as gzip."""
    return b"\x1f\x8b\x08" + bytes(7) + payload[2:-4] + bytes(8)


@pytest.mark.parametrize("name", KINDS)
def test_a_piece_that_expands_too_far_is_refused(tmp_path, small, name):
    path = tmp_path / name
    write(path, zlib.compress(bytes(3_000_000), 9))
    told = r"of memory|more pixels than it declares|expands beyond the size"
    with pytest.raises(ImageError, match=told):
        read_image(path)


@pytest.mark.exhaustive
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", KINDS)
def test_a_bomb_of_four_gigabytes_takes_one(tmp_path, name):
    path = tmp_path / name
    write(path, bomb(path, 4))
    what, peak = refusal_and_peak(read_image, path)
    told = ("of memory", "more pixels than it declares", "expands beyond the size")
    assert any(text in what for text in told)
    assert peak < 1.3e6


@pytest.mark.parametrize(
    "compressors", [zarr.codecs.BloscCodec(), zarr.codecs.ZstdCodec()]
)
def test_ordinary_chunks_are_read(tmp_path, compressors):
    path = tmp_path / "a.zarr"
    pixels = np.arange(12_000, dtype=np.float32).reshape(100, 120)
    array = zarr.create_array(
        path, shape=pixels.shape, chunks=(30, 50), dtype="f4", compressors=compressors
    )
    array[:] = pixels
    assert (read_image(path).pixels == pixels).all()


@pytest.mark.parametrize("codec", ["blosc", "lz4", "zstd"])
def test_a_chunk_that_tells_its_size_is_refused_by_it(tmp_path, small, codec):
    path = tmp_path / "a.zarr"
    compressor = {
        "blosc": numcodecs.Blosc(),
        "lz4": numcodecs.LZ4(),
        "zstd": numcodecs.Zstd(),
    }[codec]
    array = zarr.create_array(
        path,
        shape=(100, 100),
        chunks=(100, 100),
        dtype="u1",
        compressors=compressor,
        zarr_format=2,
    )
    array[:] = 1
    (path / "0.0").write_bytes(compressor.encode(bytes(3_000_000)))
    with pytest.raises(ImageError, match="of memory"):
        read_image(path)


@pytest.mark.parametrize("codec", [zarr.codecs.GzipCodec(), zarr.codecs.ZstdCodec()])
def test_chunks_inside_a_shard_are_checked(tmp_path, small, codec):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        path,
        shape=(100, 100),
        chunks=(50, 50),
        shards=(100, 100),
        dtype="u1",
        compressors=codec,
    )
    pixels = np.random.default_rng(0).integers(0, 9, (100, 100)).astype("u1")
    array[:] = pixels
    assert (read_image(path).pixels == pixels).all()
    [shard] = [f for f in path.rglob("*") if f.is_file() and f.name != "zarr.json"]
    whole = shard.read_bytes()
    is_gzip = isinstance(codec, zarr.codecs.GzipCodec)
    pack = gzip.compress if is_gzip else numcodecs.Zstd().encode
    bomb = bytes(pack(bytes(3_000_000)))
    index = np.frombuffer(whole[-68:-4], "<u8").copy()
    index[2:4] = 0, len(bomb)
    shard.write_bytes(bomb + whole[:-68] + index.tobytes() + whole[-4:])
    with pytest.raises(ImageError, match="of memory"):
        read_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.npy"])
def test_a_picture_that_declares_too_much_is_refused(tmp_path, small, name):
    pixels = np.zeros((400, 300), np.uint8)
    if name == "a.npy":
        np.save(tmp_path / name, pixels)
    else:
        iio.imwrite(tmp_path / name, pixels)
    with pytest.raises(ImageError, match="of memory"):
        read_image(tmp_path / name)
