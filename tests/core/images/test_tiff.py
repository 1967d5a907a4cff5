"""TIFF files: colours, missing strips, compression, and metadata of other files."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
import tifffile

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import read_image

UUID = "urn:uuid:00000000-0000-0000-0000-00000000000"


def one_strip(path, compression, data, side=10):
    """Write a TIFF of side x side pixels of 8 bits in one strip."""
    tags = [
        *((256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, compression)),
        *((262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 4, side), (279, 4, len(data))),
    ]
    entries = (struct.pack("<HHII", tag, kind, 1, v) for tag, kind, v in tags)
    data += b"\0" * (len(data) % 2)
    head = b"II*\0" + struct.pack("<I", 8 + len(data)) + data
    path.write_bytes(head + struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4))
    return path


@pytest.mark.parametrize(("photometric", "channels"), [("separated", 4), ("cielab", 3)])
def test_channels_that_are_no_brightness_are_refused(tmp_path, photometric, channels):
    pixels = np.zeros((16, 16, channels), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric)
    with pytest.raises(ImageError, match="not brightness") as caught:
        read_image(tmp_path / "a.tif")
    assert caught.value.remedy == "Save it as a grey or RGB image"


@pytest.mark.parametrize("scale", [1, 257])
def test_the_colours_of_a_palette_are_looked_up(tmp_path, scale):
    colours = np.arange(256, dtype=np.uint16)[::-1] * scale
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.array([[0, 1, 2, 3]] * 4, np.uint8),
        photometric="palette",
        colormap=np.stack([colours] * 3),
    )
    image = read_image(tmp_path / "a.tif")
    assert image.pixels[0].tolist() == [255, 254, 253, 252]
    assert image.notes == ("colour image shown as grey (ITU-R BT.601 luma)",)


@pytest.mark.parametrize("layout", ["separate", "contig"])
def test_bands_are_no_colours(tmp_path, layout):
    bands = np.stack([np.full((16, 16), v, np.float32) for v in (100, 7, 8)])
    tifffile.imwrite(
        tmp_path / "a.tif",
        bands if layout == "separate" else np.moveaxis(bands, 0, -1),
        photometric="minisblack",
        planarconfig=layout,
    )
    image = read_image(tmp_path / "a.tif")
    assert (image.pixels == 100).all()
    assert image.notes == ("first channel of 3",)


@pytest.mark.parametrize("tag", ["StripByteCounts", "StripOffsets"])
def test_a_missing_strip_is_told(tmp_path, tag):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((64, 64), np.uint16), rowsperstrip=8)
    with tifffile.TiffFile(path, mode="r+") as tif:
        found = tif.pages.first.tags[tag]
        found.overwrite((*found.value[:3], 0, *found.value[4:]))
    with pytest.raises(ImageError, match="it lacks strip 4 of 8"):
        read_image(path)


@pytest.mark.parametrize(
    ("compression", "data"),
    [(32773, b"\x81\0" * 2**12), (8, zlib.compress(bytes(2**19)))],
    ids=["PackBits", "Deflate"],
)
def test_a_strip_that_expands_beyond_its_rows_is_refused(tmp_path, compression, data):
    path = one_strip(tmp_path / "a.tif", compression, data)
    with pytest.raises(ImageError, match="expands beyond the size") as caught:
        read_image(path)
    assert caught.value.remedy


def test_an_ordinary_strip_of_packbits_is_read(tmp_path):
    side = 600
    rows = [bytes([256 - 99, row % 251]) * 6 for row in range(side)]
    path = one_strip(tmp_path / "a.tif", 32773, b"".join(rows), side)
    expected = np.repeat(np.arange(side) % 251, side).reshape(side, side)
    assert (read_image(path).pixels == expected).all()


@pytest.mark.parametrize(
    ("compression", "name"), [(5, "LZW"), (7, "JPEG"), (4, "CCITT"), (60_000, "60000")]
)
def test_an_unknown_compression_is_named(tmp_path, compression, name):
    path = one_strip(tmp_path / "a.tif", compression, bytes(100))
    with pytest.raises(ImageError, match=f"compressed with .*{name}") as caught:
        read_image(path)
    assert caught.value.remedy == "Save it uncompressed, or as FITS"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_no_other_file_that_the_metadata_name_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    parts = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="{name}">{UUID}{z + 1}</UUID></TiffData>'
        for z, name in enumerate(("a.tif", "pipe.tif"))
    )
    xml = (
        '<?xml version="1.0"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        f'UUID="{UUID}1"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint8" SizeX="16" SizeY="16" SizeZ="2" '
        f'SizeC="1" SizeT="1">{parts}</Pixels></Image></OME>'
    )
    pixels = np.ones((16, 16), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, description=xml)
    assert (read_image(tmp_path / "a.tif").pixels == 1).all()
