"""Thumbnails of cutouts, made in a thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pytest

from napari_artifact_review.core.images import image_cache
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.image_cache import ImageCache, ImageSource
from napari_artifact_review.core.images.thumbnails import CutoutReader, Look
from napari_artifact_review.viewer.image.picture_loader import PictureLoader

LOOK = Look(Display())


@pytest.fixture
def pictures(session, main_loop):
    loader = PictureLoader(ImageCache(session.images), {}, LOOK, main_loop.post)
    yield loader
    loader.close()


@pytest.fixture
def cutouts(session):
    """Return cutouts that go from image to image and back."""
    of = {name: session.catalog.cutouts_of(name).rows for name in session.image_names}
    rows = [row for three in zip(*of.values(), strict=True) for row in three]
    return [session.catalog.cutout(int(row)) for row in rows]


@pytest.fixture
def asked(monkeypatch):
    """Record which cutouts are read, and in which thread."""
    read = []
    real = CutoutReader.picture

    def picture(self, cutout, look):
        read.append((cutout, threading.current_thread()))
        return real(self, cutout, look)

    monkeypatch.setattr(CutoutReader, "picture", picture)
    return read


def test_pictures_come_image_by_image_and_not_in_the_main_thread(
    session, pictures, cutouts, main_loop, asked
):
    told = []
    pictures.made.connect(told.extend)
    pictures.want(cutouts)
    assert not any(pictures.has(cutout.row) for cutout in cutouts)
    main_loop.run_until(lambda: all(pictures.has(cutout.row) for cutout in cutouts))
    assert {cutout.row for cutout in cutouts} == set(told)
    assert threading.current_thread() not in {thread for _, thread in asked}
    names = [cutout.image_name for cutout, _ in asked]
    assert len(list(groupby(names))) == len(set(names)) == 3, "each is read once"
    expected = CutoutReader(ImageCache(session.images)).picture(cutouts[0], LOOK)
    assert np.array_equal(_colors(pictures.find(cutouts[0].row).picture), expected)


def test_what_is_made_is_shown_while_the_next_image_is_read(
    pictures, cutouts, main_loop, monkeypatch
):
    gate, real = threading.Event(), image_cache.read_image

    def read(path, hdu, **how):
        assert path.stem == "north" or gate.wait(20)
        return real(path, hdu, **how)

    monkeypatch.setattr(image_cache, "read_image", read)
    pictures.want(cutouts)
    north = [cutout.row for cutout in cutouts if cutout.image_name == "north"]
    main_loop.run_until(lambda: all(map(pictures.has, north)))
    assert not any(pictures.has(c.row) for c in cutouts if c.image_name != "north")
    gate.set()
    main_loop.run_until(lambda: all(pictures.has(cutout.row) for cutout in cutouts))


def test_the_image_on_the_screen_is_not_read_again(session, cutouts, main_loop, survey):
    cache = ImageCache(session.images)
    on_screen = cache.read(ImageSource("north", None, 0.0))
    (survey.parent / "north.fits").unlink()
    loader = PictureLoader(cache, {}, LOOK, main_loop.post)
    loader.want(cutouts)
    main_loop.run_until(lambda: all(loader.has(cutout.row) for cutout in cutouts))
    assert all(loader.find(cutout.row).picture is not None for cutout in cutouts)
    assert on_screen.sigma == 0
    loader.close()


def test_what_is_not_wanted_any_more_is_not_made(
    pictures, cutouts, main_loop, monkeypatch
):
    gate, begun = threading.Event(), threading.Event()
    real = CutoutReader.picture

    def picture(self, cutout, look):
        begun.set()
        assert gate.wait(20)
        return real(self, cutout, look)

    monkeypatch.setattr(CutoutReader, "picture", picture)
    one = [cutout for cutout in cutouts if cutout.image_name == "north"]
    pictures.want(one[:8])
    assert begun.wait(20)
    pictures.want(one[-2:])
    gate.set()
    main_loop.run_until(lambda: all(pictures.has(c.row) for c in one[-2:]))
    assert sum(pictures.has(cutout.row) for cutout in cutouts) == 3


def test_what_is_being_made_is_not_made_twice(
    pictures, cutouts, main_loop, monkeypatch
):
    gate, begun = threading.Event(), []
    real = CutoutReader.picture

    def picture(self, cutout, look):
        begun.append(cutout.row)
        assert gate.wait(20)
        return real(self, cutout, look)

    monkeypatch.setattr(CutoutReader, "picture", picture)
    pictures.want(cutouts[:2])
    main_loop.run_until(lambda: begun)
    pictures.want(cutouts[:2])
    gate.set()
    main_loop.run_until(lambda: all(pictures.has(c.row) for c in cutouts[:2]))
    assert len(begun) == 2


def test_another_look_is_made_anew_and_the_old_one_stays_meanwhile(
    pictures, cutouts, main_loop
):
    row = cutouts[0].row
    pictures.want(cutouts[:1])
    main_loop.run_until(lambda: pictures.has(row))
    before = pictures.find(row).picture
    pictures.show_as(Look(Display(inverted=True)))
    assert not pictures.has(row)
    assert pictures.find(row).picture is before
    pictures.want(cutouts[:1])
    main_loop.run_until(lambda: pictures.has(row))
    after = pictures.find(row).picture
    assert np.array_equal(_colors(after), 255 - _colors(before))


def test_a_cutout_that_cannot_be_shown_says_why_and_the_others_come(
    pictures, cutouts, main_loop, survey
):
    (survey.parent / "west.fits").unlink()
    pictures.want(cutouts)
    main_loop.run_until(lambda: all(pictures.has(cutout.row) for cutout in cutouts))
    for cutout in cutouts:
        made = pictures.find(cutout.row)
        is_gone = cutout.image_name == "west"
        assert (made.picture is None) == is_gone
        assert ("west" in made.problem) == is_gone


def test_no_more_than_there_is_room_for_is_kept(
    pictures, cutouts, main_loop, monkeypatch
):
    pictures.most_bytes = 5 * 200 * 200 * 4
    told = []
    pictures.made.connect(told.extend)
    one = [cutout for cutout in cutouts if cutout.image_name == "north"]
    pictures.want(one[:9])
    main_loop.run_until(lambda: len(told) == 9)
    assert [row for row in told if pictures.has(row)] == told[-5:]
    pictures.want(one[:1])
    main_loop.run_until(lambda: pictures.has(one[0].row))
    assert pictures.room_for(200) == 5
    pictures.show_as(Look(Display(), shrink=2))
    assert pictures.room_for(200) == 20


def test_a_fault_of_ours_is_raised_in_the_main_thread(
    pictures, cutouts, main_loop, monkeypatch
):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(CutoutReader, "picture", fail)
    pictures.want(cutouts[:2])
    with pytest.raises(ZeroDivisionError):
        main_loop.run_until(lambda: False)
    monkeypatch.undo()
    pictures.want(cutouts[:2])
    main_loop.run_until(lambda: all(pictures.has(c.row) for c in cutouts[:2]))


def test_after_the_end_nothing_more_is_made(pictures, cutouts, main_loop, asked):
    before = set(threading.enumerate())
    pictures.want(cutouts)
    pictures.close()
    main_loop.run_until(lambda: not set(threading.enumerate()) - before)
    assert len(asked) < len(cutouts)


def test_it_may_be_closed_when_python_has_ended_its_threads(
    pictures, cutouts, main_loop, monkeypatch
):
    def submit(*_):
        raise RuntimeError("cannot schedule new futures after shutdown")

    before = set(threading.enumerate())
    pictures.want(cutouts[:1])
    main_loop.run_until(lambda: pictures.has(cutouts[0].row))
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    pictures.close()
    pictures.close()
    main_loop.run_until(lambda: not set(threading.enumerate()) - before)


def _colors(picture):
    """Return red, green and blue of each pixel."""
    return np.stack([picture >> shift & 255 for shift in (16, 8, 0)], axis=-1)
