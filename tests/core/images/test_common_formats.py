"""Full images in TIFF, PNG, JPEG and NPY files."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images.folder import read_image

GREY = np.arange(12 * 7, dtype=np.uint16).reshape(12, 7)
LUMA = "colour image shown as grey (ITU-R BT.601 luma)"


def same(image, expected):
    assert image.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.pixels.dtype.isnative
    assert image.pixels.flags.c_contiguous
    return True


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.npy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_stored_values_are_kept(tmp_path, name, dtype):
    pixels = (GREY * (3 if dtype is np.uint8 else 780)).astype(dtype)
    if name.endswith("npy"):
        np.save(tmp_path / name, pixels)
    else:
        iio.imwrite(tmp_path / name, pixels)
    image = read_image(tmp_path / name)
    assert same(image, pixels)
    assert image.notes == ()
    assert (image.hdu, image.hdus, image.unit, image.sky) == (None, (), "", None)


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">i2", "<i4", "<u8", "<f2"])
def test_any_real_type_comes_in_native_order(tmp_path, dtype):
    pixels = GREY.astype(dtype)
    np.save(tmp_path / "a.npy", np.asfortranarray(pixels))
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    assert same(read_image(tmp_path / "a.npy"), native)


def test_truth_values_become_bytes_and_long_doubles_doubles(tmp_path):
    np.save(tmp_path / "a.npy", GREY > 5)
    assert same(read_image(tmp_path / "a.npy"), (GREY > 5).astype(np.uint8))
    iio.imwrite(tmp_path / "a.png", GREY > 5)
    assert read_image(tmp_path / "a.png").pixels.dtype == np.uint8
    np.save(tmp_path / "b.npy", GREY.astype(np.longdouble))
    assert same(read_image(tmp_path / "b.npy"), GREY.astype(np.float64))


@pytest.mark.parametrize(
    "values",
    [
        GREY.astype(complex),
        GREY.astype("datetime64[s]"),
        GREY.astype(str),
        np.zeros((3, 3), [("a", "f4"), ("b", "i2")]),
        np.array([[{}]], dtype=object),
        np.arange(4.0),
        np.float64(3),
        np.zeros((0, 5)),
        np.zeros((3, 0, 5)),
    ],
    ids=str,
)
def test_what_is_no_plane_of_real_numbers_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "a.npy")
    assert caught.value.path == tmp_path / "a.npy"


@pytest.mark.parametrize("name", ["a.npy", "a.tif"])
def test_the_first_plane_of_a_stack_is_shown_and_said(tmp_path, name):
    stack = np.stack([GREY + n for n in range(6)]).reshape(2, 3, 12, 7)
    if name == "a.npy":
        np.save(tmp_path / name, stack)
    else:
        tifffile.imwrite(tmp_path / name, stack, photometric="minisblack")
    image = read_image(tmp_path / name)
    assert same(image, GREY)
    assert image.notes == ("first plane of 6",)
    np.save(tmp_path / "one.npy", GREY[None])
    assert read_image(tmp_path / "one.npy").notes == ()


def test_a_volume_in_one_tiff_page_and_an_imagej_stack(tmp_path):
    stack = np.stack([GREY[:, :6]] * 4).repeat(16, 1).repeat(16, 2)
    options = {"volumetric": True, "tile": (4, 16, 16), "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", stack, **options)
    image = read_image(tmp_path / "a.tif")
    assert same(image, stack[0])
    assert image.notes == ("first plane of 4",)
    tifffile.imwrite(tmp_path / "b.tif", stack, imagej=True)
    assert read_image(tmp_path / "b.tif").notes == ("first plane of 4",)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "planar.tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_is_shown_as_grey_and_said(tmp_path, name, channels):
    colour = np.zeros((4, 5, channels), np.uint8)
    colour[0, 0, :3] = 255
    colour[0, 1, 0] = colour[0, 2, 1] = colour[0, 3, 2] = 200
    if name == "planar.tif":
        planes = np.moveaxis(colour, -1, 0)
        options = {"photometric": "rgb", "planarconfig": "separate"}
        tifffile.imwrite(tmp_path / name, planes, **options)
    elif name == "a.tif":
        tifffile.imwrite(tmp_path / name, colour, photometric="rgb")
    else:
        iio.imwrite(tmp_path / name, colour)
    image = read_image(tmp_path / name)
    assert image.pixels.dtype == np.uint8
    assert image.pixels[0].tolist() == [255, 60, 117, 23, 0]
    assert image.notes == (LUMA,)


def test_wide_colour_keeps_its_type(tmp_path):
    colour = np.dstack([GREY * 700] * 3)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    assert same(read_image(tmp_path / "a.tif"), GREY * 700)
    floats = np.dstack([GREY / 7] * 3)
    tifffile.imwrite(tmp_path / "b.tif", floats, photometric="rgb")
    np.testing.assert_allclose(read_image(tmp_path / "b.tif").pixels, GREY / 7)


def test_jpeg_is_grey_or_colour(tmp_path):
    flat = np.full((16, 24), 90, np.uint8)
    iio.imwrite(tmp_path / "a.JPG", flat)
    iio.imwrite(tmp_path / "b.jpeg", np.dstack([flat] * 3))
    for name, notes in (("a.JPG", ()), ("b.jpeg", (LUMA,))):
        image = read_image(tmp_path / name)
        np.testing.assert_allclose(image.pixels, flat, atol=1)
        assert image.notes == notes


def test_transparency_does_not_hide_the_grey(tmp_path):
    grey = GREY.astype(np.uint8)
    iio.imwrite(tmp_path / "a.png", np.dstack([grey, 255 - grey]))
    image = read_image(tmp_path / "a.png")
    assert same(image, grey)
    assert image.notes == ("first channel of 2",)


def test_an_exif_rotation_turns_nothing(tmp_path):
    pixels = np.repeat(np.arange(0, 240, 10, dtype=np.uint8)[None], 16, axis=0)
    # Exif with one entry: tag 0x0112 (orientation), type 3 (short), count 1, value 6.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    iio.imwrite(tmp_path / "a.jpg", pixels, exif=exif)
    with iio.imopen(tmp_path / "a.jpg", "r", plugin="pillow") as file:
        assert file.read(rotate=True).shape == (24, 16)
    assert read_image(tmp_path / "a.jpg").pixels.shape == (16, 24)


def write(path, pixels):
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, pixels, compression="zlib")
    else:
        iio.imwrite(path, pixels)


@pytest.mark.parametrize("shape", [(4,), (0, 3, 5), (3, 0, 5), (0, 5)])
def test_a_shape_without_a_plane_is_told(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(ImageError, match="is no image of rows and columns"):
        read_image(tmp_path / "a.npy")


def test_a_very_large_picture_is_read_without_a_remark(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", GREY.size - 1)
    iio.imwrite(tmp_path / "a.png", GREY)
    assert same(read_image(tmp_path / "a.png"), GREY)
