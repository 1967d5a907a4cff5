"""The grey scale that an image is first shown with."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.visualization import ZScaleInterval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_artifact_review.core.display import zscale_limits


def test_limits_are_those_of_zscale():
    sky = np.random.default_rng(1).normal(100, 5, (300, 300)).astype(np.float32)
    sky[10:12] = 60_000
    assert zscale_limits(sky) == pytest.approx(ZScaleInterval().get_limits(sky))


def test_a_large_image_is_sampled_and_the_limits_stay():
    sky = np.random.default_rng(1).normal(100, 5, (2000, 1000))
    lower, upper = zscale_limits(sky)
    whole = ZScaleInterval().get_limits(sky)
    assert (lower, upper) == pytest.approx(whole, abs=3)


def test_nan_and_infinity_do_not_count():
    sky = np.random.default_rng(1).normal(100, 5, (200, 200))
    clean = zscale_limits(sky)
    sky[::2, ::3] = np.nan
    sky[1::2, ::5] = np.inf
    sky[0, 1] = -np.inf
    assert zscale_limits(sky) == pytest.approx(clean, abs=5)


def test_the_few_finite_pixels_of_a_large_image_count():
    pixels = np.full((2000, 2000), np.nan)
    pixels[1001, 1001:1003] = 3, 7
    assert zscale_limits(pixels) == (3, 7)


@pytest.mark.parametrize(
    ("pixels", "limits"),
    [
        (np.full((3, 3), np.nan), (0, 1)),
        (np.full((3, 3), np.inf), (0, 1)),
        (np.full((3, 3), -4.5), (-4.5, -3.5)),
        (np.zeros((300, 300), np.uint8), (0, 1)),
        (np.array([[True, False]]), (0, 1)),
        (np.array([[7]], np.uint16), (7, 8)),
    ],
)
def test_flat_and_empty_images_have_limits(pixels, limits):
    assert zscale_limits(pixels) == limits


def test_a_few_pixels_on_an_even_ground_are_shown():
    mask = np.zeros((100, 100), np.uint8)
    mask[40:44, 40:44] = 200
    assert zscale_limits(mask) == (0, 200)


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.int64, np.uint64, np.float32, np.float64, bool]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    )
)
def test_any_image_has_limits_that_the_screen_can_tell_apart(pixels):
    lower, upper = zscale_limits(pixels)
    assert np.isfinite([lower, upper]).all()
    assert lower < upper
