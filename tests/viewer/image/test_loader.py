"""Images are read ahead, as far as there is room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import image_cache
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.viewer.image.loader import ImageLoader


@pytest.fixture
def images(tmp_path: Path, main_loop):
    """Return a loader for nine small images in NPY files."""
    for i in range(9):
        np.save(tmp_path / f"{i}.npy", np.full((10, 10), i, dtype=">i4"))
    loader = ImageLoader(ImageFolder(tmp_path), main_loop.post)
    yield loader
    loader.close()


def _read(images, main_loop, name):
    future = images.load(name)
    main_loop.run_until(future.done)
    return future.result()


def test_pixels_are_drawn_in_a_type_that_goes_to_the_gpu(images, main_loop):
    loaded = _read(images, main_loop, "3")
    full, drawable = loaded.full, loaded.drawable
    assert full.pixels.dtype == np.int32, "the data's own type is kept"
    assert drawable.dtype == np.float32
    assert (drawable == 3).all()


def test_what_is_near_is_kept_and_the_rest_forgotten(images, main_loop):
    for name in "012345":
        future = images.load(name)
        main_loop.run_until(future.done)
        near = [str(int(name) + 1), str(int(name) + 2), str(max(0, int(name) - 1))]
        images.read_ahead([(other, None) for other in near])
        assert set(images.names) == {name, *near}
    again = images.load("6")
    main_loop.run_until(again.done)
    assert images.load("6") is again, "it was read ahead, and is not read twice"


def test_memory_is_bounded_and_the_image_on_the_screen_kept(images, main_loop):
    images.most_bytes = 1000
    _read(images, main_loop, "4")
    images.read_ahead([("5", None), ("6", None), ("3", None)])
    main_loop.run_until(lambda: len(images.names) == 2)
    assert images.names == ["5", "4"], "the next one is the last to be forgotten"


def test_another_hdu_is_another_image(images, main_loop):
    first = images.load("1")
    # An image that is not being read yet is given up for another one.
    first.result(20)
    with pytest.raises(ImageError):
        images.load("1", 2).result(20)
    assert images.load("1") is first


def test_a_failure_is_tried_again(images, main_loop, tmp_path):
    with pytest.raises(ImageError):
        images.load("new").result(20)
    np.save(tmp_path / "new.npy", np.ones((3, 3)))
    assert images.load("new").result(20).full.pixels.shape == (3, 3)


def test_images_in_tiles_that_are_given_up_are_closed(images, main_loop, monkeypatch):
    closed = []

    class Tiles:
        def close(self):
            closed.append(self)

    read = image_cache.read_image

    def in_tiles(*file, **how):
        full = read(*file, **how)
        object.__setattr__(full, "tiles", Tiles())
        return full

    monkeypatch.setattr(image_cache, "read_image", in_tiles)
    for name in "01234567":
        main_loop.run_until(images.load(name).done)
    images.read_ahead([])
    assert len(closed) == 4
    assert images.at_hand("7") is None, "it may be closed before it is used"
    images.close()
    assert len(closed) == 8


def test_at_hand_is_what_has_been_read(images, main_loop):
    assert images.at_hand("3") is None
    loaded = _read(images, main_loop, "3")
    assert images.at_hand("3") is loaded
    assert images.at_hand("3", 1) is None
    main_loop.run_until(images.load("nowhere").done)
    assert images.at_hand("nowhere") is None


def test_an_image_that_the_gallery_has_read_is_not_read_again(images, main_loop):
    source = image_cache.ImageSource("3", None, 0.0)
    thumbnails = images.cache.read(source, sky=False)
    assert _read(images, main_loop, "3") is thumbnails
