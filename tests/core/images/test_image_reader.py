"""Images are read one after another, the next ones ahead of need."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import image_cache, image_reader
from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.images.image_cache import ImageCache, ImageSource
from napari_artifact_review.core.images.image_reader import ImageReader


@pytest.fixture
def cache(tmp_path):
    return ImageCache(ImageFolder(tmp_path))


@pytest.fixture
def reader(tmp_path, cache, monkeypatch):
    """Return a reader of nine small images, two of them at once."""
    monkeypatch.setattr(image_reader, "_AT_ONCE", 2)
    for i in range(9):
        np.save(tmp_path / f"{i}.npy", np.full((10, 10), i, dtype=np.float32))
    reader = ImageReader(cache)
    yield reader
    reader.close()


class Begun(list):
    """The names of the images that have begun to be read, in this order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        with self._changed:
            self.append(name)
            self._changed.notify_all()

    def wait_for(self, *names: str) -> None:
        with self._changed:
            have_begun = self._changed.wait_for(lambda: {*names} <= {*self}, 20)
        assert have_begun, f"{names} have not begun, but {self}"


@pytest.fixture
def begun(monkeypatch):
    """Note which images have begun to be read."""
    names = Begun()

    def read(path, hdu, **how):
        names.add(path.stem)
        return read_image(path, hdu, **how)

    monkeypatch.setattr(image_cache, "read_image", read)
    return names


@pytest.fixture
def gate(begun, monkeypatch):
    """Let no image be read before the gate is opened."""
    gate, counted = threading.Event(), image_cache.read_image

    def read(path, hdu, **how):
        image = counted(path, hdu, **how)
        assert gate.wait(20)
        return image

    monkeypatch.setattr(image_cache, "read_image", read)
    yield gate
    gate.set()


def _sources(names, sigma=0.0):
    return [ImageSource(name, None, sigma) for name in names]


def _value(reader, name):
    return reader.read(ImageSource(name, None, 0.0)).drawable[0, 0]


def test_two_images_are_read_at_the_same_time_and_no_more(reader, gate, begun):
    reader.expect(_sources("1234"))
    begun.wait_for("1", "2")
    assert not reader.wait_for(*_sources("1"), 0.0)
    gate.set()
    assert reader.wait_for(*_sources("1"), 20)
    assert [_value(reader, "1"), _value(reader, "2")] == [1, 2]
    assert sorted(begun) == ["1", "2"]


def test_an_image_that_was_expected_is_read_once(reader, begun):
    reader.expect(_sources("12"))
    reader.expect(_sources("23"))
    assert [_value(reader, name) for name in "23"] == [2, 3]
    assert sorted(name for name in begun if name != "1") == ["2", "3"]


def test_what_is_not_expected_any_more_is_not_begun(reader, gate, begun):
    reader.expect(_sources("12"))
    begun.wait_for("1", "2")
    reader.expect(_sources("34"))
    reader.expect(_sources("56"))
    gate.set()
    assert [_value(reader, name) for name in "56"] == [5, 6]
    assert set(begun) == set("1256")


def test_the_last_image_alone_is_kept_where_nothing_is_expected(reader):
    images = []
    for name in "123":
        assert _value(reader, name) == int(name)
        images.append(weakref.ref(reader.read(*_sources(name)).drawable))
    gc.collect()
    assert [image() is not None for image in images] == [False, False, True]


def test_a_large_file_is_read_in_its_turn_only(reader, begun, tmp_path, monkeypatch):
    monkeypatch.setattr(image_reader, "_MOST_BYTES", 5000)
    np.save(tmp_path / "large.npy", np.zeros((50, 50), np.float32))
    reader.expect(_sources(["large", "1"]))
    assert _value(reader, "1") == 1
    assert begun == ["1"]
    assert _value(reader, "large") == 0


def test_beside_one_that_was_not_expected_no_other_is_begun(reader, gate, begun):
    reader.expect(_sources("12"))
    begun.wait_for("1", "2")
    reader.expect(_sources("34"))
    assert not reader.wait_for(*_sources("5"), 0.0)
    gate.set()
    assert _value(reader, "5") == 5
    assert set(begun) == set("125")


def test_an_image_that_is_at_hand_is_not_read(reader, begun, cache):
    loaded = cache.read(*_sources("1"))
    reader.expect(_sources("1"))
    assert reader.read(*_sources("1")) is loaded
    reader.expect(_sources("1", sigma=2.0))
    assert reader.read(*_sources("1", sigma=2.0)).sigma == 2, "it is smoothed otherwise"
    assert begun == ["1"]


def test_an_image_that_is_gone_is_told_in_its_turn_and_tried_once(
    reader, begun, tmp_path
):
    (tmp_path / "1.npy").write_bytes(b"no image")
    reader.expect(_sources(["0", "nowhere", "1"]))
    assert _value(reader, "0") == 0
    for name, times in ("nowhere", 1), ("1", 2):
        for _ in range(times):
            with pytest.raises(ImageError, match=name):
                _value(reader, name)
    assert begun.count("1") == 1
