"""Tiles of compressed FITS images that would crash a decoder, or fill the memory."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.fits import read_fits

NOISE = np.random.default_rng(0).normal(100, 10, (40, 50)).astype(np.float32)


def dithered(path, seed):
    """Write a dithered image, and change its seed."""
    fits.CompImageHDU(
        NOISE, compression_type="RICE_1", quantize_method=1, dither_seed=5
    ).writeto(path)
    content = bytearray(path.read_bytes())
    at = content.index(b"ZDITHER0=")
    content[at : at + 80] = seed.ljust(80).encode()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "card",
    [
        "ZDITHER0= -2147483648",
        "ZDITHER0= -1",
        "ZDITHER0= 0",
        "ZDITHER0= 10001",
        "ZDITHER0= 5.0",
        "ZDITHER0= T",
        "ZDITHER0= 'five'",
        "COMMENT without a seed",
    ],
)
def test_a_seed_out_of_range_is_refused(tmp_path, monkeypatch, card, large):
    if large:
        monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1)
    path = dithered(tmp_path / "a.fits", card)
    with pytest.raises(ImageError, match="its ZDITHER0 is") as caught:
        read_fits(path)
    assert caught.value.path == path


@pytest.mark.parametrize("seed", [1, 5, 10_000])
def test_a_seed_in_range_is_read(tmp_path, seed):
    image = read_fits(dithered(tmp_path / "a.fits", f"ZDITHER0= {seed:>20}"))
    assert abs(image.pixels - NOISE).max() < 10


def tiled(path, codec, column, payload, width=1):
    """Write an image of one tile of 10 x 10 pixels that holds a payload."""
    names = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA")
    form = f"1P{ {1: 'B', 2: 'I', 4: 'J'}[width] }({len(payload)})"
    cards = {"BITPIX": 8, "NAXIS": 2, "NAXIS1": 16, "NAXIS2": 1}
    cards |= {"PCOUNT": len(payload), "GCOUNT": 1, "TFIELDS": 2}
    for at, name in enumerate(names, 1):
        cards |= {f"TTYPE{at}": name, f"TFORM{at}": form}
    cards |= {"ZIMAGE": True, "ZCMPTYPE": codec, "ZBITPIX": -32, "ZNAXIS": 2}
    cards |= {"ZNAXIS1": 10, "ZNAXIS2": 10, "ZTILE1": 10, "ZTILE2": 10}
    head = fits.Header([("XTENSION", "BINTABLE"), *cards.items()]).tostring().encode()
    place = struct.pack(">2i", len(payload) // width, 0)
    row = bytes(8) + place if column == names[1] else place + bytes(8)
    data = row + payload
    fits.PrimaryHDU().writeto(path)
    path.write_bytes(path.read_bytes() + head + data + bytes(-len(data) % 2880))
    return path


def packed(count):
    """Return gzip data that expand to `count` zeros, a whole number of 4 bytes long."""
    data = gzip.compress(bytes(count), mtime=0)
    return data + bytes(-len(data) % 4)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize(
    ("codec", "column"),
    [
        ("RICE_1", "GZIP_COMPRESSED_DATA"),
        ("HCOMPRESS_1", "GZIP_COMPRESSED_DATA"),
        ("GZIP_1", "COMPRESSED_DATA"),
        ("GZIP_2", "COMPRESSED_DATA"),
    ],
)
def test_a_tile_that_expands_beyond_what_it_declares_is_not_decoded(
    tmp_path, monkeypatch, codec, column, width
):
    path = tiled(tmp_path / "a.fits", codec, column, packed(2**27), width)
    monkeypatch.setattr(
        "astropy.io.fits.hdu.compressed._tiled_compression._decompress_tile",
        lambda *_args, **_settings: pytest.fail("a tile was decoded"),
    )
    with pytest.raises(ImageError, match="a tile holds more pixels than it declares"):
        read_fits(path)


@pytest.mark.parametrize("codec", ["RICE_1", "GZIP_1"])
def test_a_tile_of_floats_that_is_compressed_by_gzip_is_read(tmp_path, codec):
    column = "GZIP_COMPRESSED_DATA" if codec == "RICE_1" else "COMPRESSED_DATA"
    payload = gzip.compress(np.arange(100, dtype=">f4").tobytes())
    image = read_fits(tiled(tmp_path / "a.fits", codec, column, payload))
    assert image.pixels.ravel().tolist() == list(range(100))
