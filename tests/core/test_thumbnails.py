"""Cutouts read from their images, as small pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from napari_artifact_review.core import thumbnails
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.thumbnails import CutoutReader


@pytest.fixture
def reader(session):
    return CutoutReader(session.images)


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
    real = thumbnails.read_image
    monkeypatch.setattr(
        thumbnails, "read_image", lambda path: read.append(path.stem) or real(path)
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
