"""Cutouts read from their images, as thumbnails."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.images import image_cache, thumbnails
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.core.images.image_cache import ImageCache
from napari_artifact_review.core.images.stretch import ColorMapper, smoothed
from napari_artifact_review.core.images.thumbnails import CutoutReader, Look
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from tests.core.tiled.large import ArraySource, noise, opened


@pytest.fixture
def reader(session):
    return CutoutReader(ImageCache(session.images))


def test_it_has_the_pixels_of_the_cutout(reader, session, survey):
    cutout = session.current_cutout
    data = fits.getdata(survey.parent / "north.fits")
    assert np.array_equal(reader.pixels(cutout), data[0:200, 200:400])
    picture = reader.picture(cutout)
    assert picture.shape == (200, 200, 3)
    assert picture.dtype == np.uint8
    assert picture[0, 0, 0] < picture[-1, -1, 0], "pixels grow with their row"


def test_at_the_edge_it_is_cut_off_and_beyond_it_is_an_error(reader, session):
    cutout = session.current_cutout
    across = replace(cutout, grid_x=-150, grid_y=550)
    assert reader.pixels(across).shape == (50, 50)
    with pytest.raises(ImageError, match="wholly outside"):
        reader.pixels(replace(cutout, grid_x=-200))


def test_an_image_is_read_once_for_all_its_cutouts(reader, session, monkeypatch):
    read = []
    real = image_cache.read_image
    monkeypatch.setattr(
        image_cache,
        "read_image",
        lambda path, hdu, **how: read.append(path.stem) or real(path, hdu, **how),
    )
    cutouts = [session.catalog.cutout(row) for row in session.errors.index]
    for cutout in cutouts:
        reader.pixels(cutout)
    assert read == ["north", "south"]


def test_after_an_image_that_is_gone_the_others_are_read(reader, session, survey):
    (survey.parent / "north.fits").unlink()
    north, *_, south = (session.catalog.cutout(row) for row in session.errors.index)
    with pytest.raises(ImageError, match="north"):
        reader.pixels(north)
    assert reader.pixels(south).shape == (200, 200)


def test_an_image_that_cannot_be_read_is_tried_once_for_all_its_cutouts(
    reader, session, survey, monkeypatch
):
    (survey.parent / "north.fits").write_bytes(b"no image")
    read = []
    real = image_cache.read_image
    monkeypatch.setattr(
        image_cache,
        "read_image",
        lambda path, hdu, **how: read.append(path.stem) or real(path, hdu, **how),
    )
    north = session.catalog.cutouts_of("north").rows.tolist()
    for row in north:
        with pytest.raises(ImageError, match="north"):
            reader.pixels(session.catalog.cutout(row))
    assert read == ["north"]


def test_no_more_than_there_is_room_for_is_kept(session, survey, monkeypatch):
    monkeypatch.setattr(thumbnails, "MOST_BYTES", 3 * 200 * 200 * 4)
    reader = CutoutReader(ImageCache(session.images))
    rows = session.catalog.cutouts_of("north").rows.tolist()
    *earlier, _, _, last = cutouts = [session.catalog.cutout(row) for row in rows]
    for cutout in cutouts:
        reader.pixels(cutout)
    (survey.parent / "north.fits").unlink()
    # The last image is kept as well; another one takes its place.
    reader.wait_for(session.catalog.cutout(int(session.errors.index[-1])), 0.0, 20)
    assert all(reader.pixels(cutout).base is None for cutout in cutouts[-3:])
    for cutout in earlier:
        with pytest.raises(ImageError, match="north"):
            reader.pixels(cutout)
    assert reader.pixels(last).shape == (200, 200)


def test_a_cutout_that_is_kept_needs_no_image_any_more(reader, session, survey):
    cutout = session.current_cutout
    first = reader.picture(cutout, Look(Display()))
    (survey.parent / "north.fits").unlink()
    south = session.catalog.cutout(int(session.errors.index[-1]))
    reader.picture(south)
    assert np.array_equal(reader.picture(cutout, Look(Display())), first)
    inverted = reader.picture(cutout, Look(Display(inverted=True)))
    assert np.array_equal(inverted, 255 - first)


def test_for_cutouts_that_are_kept_no_image_is_read_ahead(reader, session, monkeypatch):
    of = {name: session.catalog.cutouts_of(name).rows for name in session.image_names}
    cutouts = [session.catalog.cutout(int(rows[0])) for rows in of.values()]
    for cutout in cutouts[:2]:
        reader.pixels(cutout)
    read = []
    real = image_cache.read_image
    monkeypatch.setattr(
        image_cache,
        "read_image",
        lambda path, hdu, **how: read.append(path.stem) or real(path, hdu, **how),
    )
    reader.expect(cutouts)
    assert reader.wait_for(cutouts[2], 0.0, 20)
    reader.close()
    assert read == ["south"]


@pytest.mark.parametrize("sigma", [0.0, 1.5])
@pytest.mark.parametrize("scope", ["image", "cutout"])
def test_a_picture_looks_as_the_full_image_does(reader, session, survey, scope, sigma):
    cutout = session.current_cutout
    display = Display("percentile", 90, scope, stretch="asinh", sigma=sigma)
    data = fits.getdata(survey.parent / "north.fits").astype(np.float32)
    data = smoothed(data, sigma) if sigma else data
    part = data[0:200, 200:400]
    whose = Brightness.of(data if scope == "image" else part)
    expected = ColorMapper.of(display, whose).paint(part)
    assert np.array_equal(reader.picture(cutout, Look(display)), expected)
    turned = reader.picture(cutout, Look(display, y_up=True))
    assert np.array_equal(turned, expected[::-1])


def test_a_histogram_between_typed_limits_is_that_of_the_full_image(
    reader, session, survey
):
    display = Display(stretch="histogram", manual=(2e5, 4e5))
    cutout = replace(session.current_cutout, grid_x=400, grid_y=200)
    data = fits.getdata(survey.parent / "north.fits")
    mapper = ColorMapper.of(display, Brightness.of(data))
    expected = mapper.paint(data[200:400, 400:600])
    assert (reader.picture(cutout, Look(display)) == expected).all()


def test_gamma_is_applied_before_the_colours(reader, session, survey):
    display = Display(manual=(0, 2e5))
    cutout = session.current_cutout
    values = fits.getdata(survey.parent / "north.fits")[0:200, 200:400] / 2e5
    shown = reader.picture(cutout, Look(display, gamma=2))[:, :, 0]
    assert shown == pytest.approx(255 * values**2, abs=1.5)


def test_a_picture_that_is_shown_small_is_the_mean_of_its_pixels(reader, session):
    cutout = session.current_cutout
    whole = reader.picture(cutout, Look(Display())).astype(float)
    small = reader.picture(cutout, Look(Display(), shrink=3))
    assert small.shape == (66, 66, 3)
    assert small[1, 2, 0] == round(whole[3:6, 6:9, 0].mean())


def test_the_hdu_that_is_wished_is_read(session, survey):
    with fits.open(survey.parent / "north.fits", mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.full((600, 800), 7, np.float32)))
    hdus = {}
    reader = CutoutReader(ImageCache(session.images), hdus)
    cutout = session.current_cutout
    assert reader.pixels(cutout)[0, 0] != 7
    hdus["north"] = 1
    assert (reader.pixels(cutout) == 7).all()


def test_the_edge_of_a_smoothed_cutout_of_a_large_image_is_no_edge(tmp_path):
    source = ArraySource(noise(shape=(900, 700)))
    tiles = opened(source, tmp_path)
    pixels = LazyPixels(source)
    full = FullImage(tmp_path / "large", pixels, (0, 1), tiles=tiles)
    cutout = Cutout(0, "large", 200, 300, 100, 0, 0, 0, "TN", None, None)
    cut = thumbnails.cut_out(LoadedImage.of(full, 2.0), cutout)
    whole = smoothed(source.array, 2.0)
    assert cut == pytest.approx(whole[300:400, 200:300], rel=1e-5)
    tiles.close()
    assert tiles.join(20)
