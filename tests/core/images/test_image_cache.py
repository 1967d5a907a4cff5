"""Images in memory, shared by several callers."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import image_cache
from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.images.image_cache import (
    BytesCache,
    ImageCache,
    ImageSource,
)

#: Bytes of each image.
SIZE = 10 * 10 * 4


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        np.save(tmp_path / f"{i}.npy", np.full((10, 10), i, dtype=np.float32))
    return ImageFolder(tmp_path)


@pytest.fixture
def begun(monkeypatch):
    """Note the images that are read from their files."""
    names = []

    def read(path, hdu, **how):
        names.append(path.stem)
        return read_image(path, hdu, **how)

    monkeypatch.setattr(image_cache, "read_image", read)
    return names


def _source(name, sigma=0.0):
    return ImageSource(name, None, sigma)


def test_the_latest_images_stay_and_those_in_use(folder, begun):
    cache = ImageCache(folder, 2 * SIZE)
    in_use = cache.read(_source("0"))
    for name in "123":
        cache.read(_source(name))
    assert cache.find(_source("0")) is in_use
    assert cache.find(_source("1")) is None
    # Now "0" is among the latest two, and "2" is not any more.
    assert cache.find(_source("2")) is None
    assert cache.read(_source("3")) is cache.find(_source("3"))
    assert begun == ["0", "1", "2", "3"]


def test_without_room_an_image_goes_when_no_caller_holds_it(folder):
    cache = ImageCache(folder)
    image = weakref.ref(cache.read(_source("0")).drawable)
    gc.collect()
    assert image() is None


def test_an_image_that_two_threads_want_is_read_once(folder, begun, monkeypatch):
    gate, counted = threading.Event(), image_cache.read_image

    def read(path, hdu, **how):
        assert gate.wait(20)
        return counted(path, hdu, **how)

    monkeypatch.setattr(image_cache, "read_image", read)
    cache = ImageCache(folder, SIZE)
    with ThreadPoolExecutor(2) as executor:
        futures = [executor.submit(cache.read, _source("0")) for _ in range(2)]
        other = executor.submit(cache.read, _source("1"))
        gate.set()
        first, second = (future.result(20) for future in futures)
    assert first is second
    assert other.result(20).drawable[0, 0] == 1
    assert sorted(begun) == ["0", "1"]


def test_a_file_that_changed_is_read_again(folder, begun, tmp_path):
    cache = ImageCache(folder, SIZE)
    cache.read(_source("0"))
    np.save(tmp_path / "0.npy", np.full((10, 10), 7, dtype=np.float32))
    os.utime(tmp_path / "0.npy", ns=(1, 1))
    assert cache.read(_source("0")).drawable[0, 0] == 7
    (tmp_path / "0.npy").unlink()
    with pytest.raises(ImageError, match="not found"):
        cache.read(_source("0"))
    assert begun == ["0", "0"]


def test_another_smoothing_needs_no_file(folder, begun, tmp_path):
    cache = ImageCache(folder, SIZE)
    loaded = cache.read(_source("0"))
    assert cache.read(_source("0", 2.0)).full is loaded.full
    (tmp_path / "0.npy").unlink()
    smooth = cache.smooth(_source("0", 1.0), loaded)
    assert (smooth.sigma, smooth.full) == (1.0, loaded.full)
    assert cache.find(_source("0", 1.0)) is smooth
    assert begun == ["0"]


def test_sky_coordinates_are_read_when_they_are_needed(survey, begun):
    with fits.open(survey.parent / "north.fits", mode="update") as hdus:
        hdus[0].header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN")
    cache = ImageCache(ImageFolder(survey.parent), 2**24)
    thumbnail = cache.read(_source("north"), sky=False)
    assert thumbnail.full.sky is None
    shown = cache.read(_source("north"))
    assert shown.full.sky is not None
    assert shown.drawable is thumbnail.drawable
    assert cache.read(_source("north"), sky=False) is shown
    assert begun == ["north"]


def test_a_value_that_is_larger_than_the_cache_is_not_stored():
    cache = BytesCache(10, len)
    cache["a"] = b"12345"
    cache["b"] = b"123"
    cache["a"] = b"12345678901"
    assert dict(cache) == {"b": b"123"}
