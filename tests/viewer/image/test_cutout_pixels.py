"""A cutout and what is around it, as they are given to small pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.images.drawable import LoadedImage
from napari_artifact_review.core.images.full_image import FullImage
from napari_artifact_review.viewer.image.cutout_pixels import CutoutPixels

SKY = np.random.default_rng(0).normal(size=(300, 400)).astype(np.float32)
LOADED = LoadedImage.of(FullImage(Path("sky.fits"), SKY, (-3, 3)), 2.0)


def _cutout(x, y):
    return Cutout(0, "sky", x, y, 100, 0, 0, 0, "TN", None, None)


def test_the_cutout_and_its_surroundings_are_given_raw():
    pixels, inner = CutoutPixels.of(LOADED, _cutout(200, 100))
    assert np.array_equal(pixels, SKY[50:250, 150:350])
    assert np.array_equal(pixels[inner], SKY[100:200, 200:300])


def test_what_is_beyond_the_edge_is_left_out():
    pixels, inner = CutoutPixels.of(LOADED, _cutout(350, -50))
    assert np.array_equal(pixels[inner], SKY[:50, 350:])


@pytest.mark.parametrize(("x", "y"), [(400, 0), (-100, 0), (0, 300), (0, -100)])
def test_of_a_cutout_outside_of_the_image_there_is_nothing(x, y):
    assert CutoutPixels.of(LOADED, _cutout(x, y)) is None
