"""PNG and JPEG files: which are read, and which are refused before they are decoded."""

from __future__ import annotations

import os
import struct
import zlib

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from astropy.io import fits
from PIL import Image

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import read_image

GREY = np.arange(12 * 8, dtype=np.uint8).reshape(12, 8)
EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n"
    b"(hi) print\nshowpage\n%%EOF\n"
)


def png(color, pixels, depth=16):
    """Return a PNG file of 16-bit pixels, shape (rows, columns[, channels])."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    values = np.array(pixels, ">u2")
    rows, columns = values.shape[:2]
    head = struct.pack(">IIBBBBB", columns, rows, depth, color, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.npy"])
def test_no_interpreter_runs_code_of_a_picture(tmp_path, monkeypatch, name):
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho 10.0\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path = tmp_path / name
    path.write_bytes(EPS)
    with pytest.raises(ImageError, match=r"its contents are no \w+ image"):
        read_image(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("suffix", [".fits", ".tif", ".gif", ".bmp", ".jpg", ".npy"])
def test_another_format_named_as_png_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".fits":
        fits.writeto(path, GREY)
    elif suffix == ".tif":
        tifffile.imwrite(path, GREY)
    elif suffix == ".npy":
        np.save(path, GREY)
    else:
        iio.imwrite(path, GREY)
    renamed = path.rename(tmp_path / "b.png")
    with pytest.raises(ImageError, match="its contents are no PNG image") as caught:
        read_image(renamed)
    assert caught.value.path == renamed
    assert "suffix" in caught.value.remedy


@pytest.mark.parametrize(
    ("color", "channels"), [(2, 3), (4, 2), (6, 4)], ids=["RGB", "LA", "RGBA"]
)
def test_channels_of_16_bits_are_not_cut_to_8(tmp_path, color, channels):
    path = tmp_path / "a.png"
    path.write_bytes(png(color, np.full((3, 4, channels), 1000)))
    with pytest.raises(ImageError, match="several channels of 16 bits") as caught:
        read_image(path)
    assert "16-bit grey PNG" in caught.value.remedy


def test_grey_of_16_bits_is_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(0, [[1000, 300]]))
    pixels = read_image(path).pixels
    assert pixels.dtype == np.uint16
    assert pixels.tolist() == [[1000, 300]]


def test_the_colours_of_a_palette_are_shown_as_grey(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2, 1]], np.uint8), "L")
    picture.putpalette([9, 9, 9, 200, 200, 200, 0, 0, 255])
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.pixels.tolist() == [[9, 200, 29, 200]]


def test_the_inks_of_a_jpeg_are_no_brightness(tmp_path):
    Image.fromarray(np.zeros((16, 16, 4), np.uint8), "CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="CMYK") as caught:
        read_image(tmp_path / "a.jpg")
    assert caught.value.remedy == "Save it as a grey or RGB image"


def test_the_limit_of_the_decoder_is_not_that_of_images(tmp_path, monkeypatch):
    iio.imwrite(tmp_path / "a.png", GREY)
    # Pillow refuses more than twice as many pixels.
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", GREY.size // 2 - 1)
    assert (read_image(tmp_path / "a.png").pixels == GREY).all()
    assert GREY.size // 2 - 1 == Image.MAX_IMAGE_PIXELS
