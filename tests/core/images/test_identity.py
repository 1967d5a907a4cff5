"""The identity of an image: the same for each copy of its pixels, and for no others."""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.core.images.identity import (
    ImageFile,
    cutout_id,
    pixel_identity,
)


@pytest.fixture
def pixels():
    rng = np.random.default_rng(1)
    return rng.normal(100, 5, (300, 200)).astype(np.float32)


def test_a_copy_in_any_lossless_format_has_the_same_identity(pixels, tmp_path):
    counts = pixels.round().astype(np.int16)
    paths = [tmp_path / f"copy.{suffix}" for suffix in ("fits", "fits.gz", "npy")]
    fits.PrimaryHDU(counts).writeto(paths[0])
    fits.PrimaryHDU(counts.astype(np.float32)).writeto(paths[1])
    np.save(paths[2], counts.astype(np.float64))
    paths.append(tmp_path / "other name.fits.fz")
    fits.CompImageHDU(counts).writeto(paths[3])
    found = {pixel_identity(read_image(path).pixels) for path in paths}
    assert len(found) == 1
    assert found.pop().startswith("px1-")


def test_it_stays_the_same_from_version_to_version():
    # Stored in logs: another value would make each image a new version.
    assert pixel_identity(np.arange(6.0).reshape(2, 3)) == "px1-75fcaa93dbff4454"


def test_a_changed_pixel_or_shape_is_another_image(pixels):
    other = pixels.copy()
    other[299, 199] += 1
    shapes = pixels, other, pixels.reshape(200, 300), pixels[:, ::-1]
    assert len({pixel_identity(one) for one in shapes}) == 4


def test_there_is_one_nan_and_one_zero(pixels):
    pixels[0, :2], pixels[1, :2] = np.nan, 0.0
    other = pixels.copy()
    other.view(np.uint32)[0, :2] = 0x7FC0BEEF
    other[1, :2] = -0.0
    other.view(np.uint32)[0, :2] ^= 0x80000000
    assert pixel_identity(other) == pixel_identity(pixels)


@pytest.mark.parametrize("value", [0, 7.5, np.nan])
def test_an_image_of_one_value_has_none(value):
    assert pixel_identity(np.full((10, 10), value)) is None


def test_an_image_has_the_state_of_its_file(pixels, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, pixels)
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    file = read_image(path).file
    assert file == ImageFile.at(path)
    assert file.size == path.stat().st_size
    assert file.modified_at == "2023-11-14T22:13:20.123456+00:00"


def test_the_id_of_a_cutout_names_image_position_and_size():
    assert cutout_id("px1-00ff", 400, 0, 200) == "px1-00ff_x400_y0_s200"
