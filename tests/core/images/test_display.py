"""How pixels become grey levels: limits, stretches, smoothing, thumbnails."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc

import numpy as np
import pytest
from astropy import visualization
from astropy.io import fits
from astropy.visualization import PercentileInterval, ZScaleInterval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter

from napari_artifact_review.core.images.display import LEVELS, Brightness, Display
from napari_artifact_review.core.images.stretch import PRESETS, render, smoothed
from napari_artifact_review.core.limits import zscale_limits

STRETCHES = ("linear", "asinh", "log", "sqrt", "power", "histogram")


def sky(shape=(300, 300), seed=1):
    """Return noise around 100 with a star of 60,000."""
    pixels = np.random.default_rng(seed).normal(100, 5, shape).astype(np.float32)
    pixels[10:12, 20:22] = 60_000
    return pixels


def test_limits_are_those_of_zscale():
    pixels = sky()
    pixels[10:12] = 60_000
    assert zscale_limits(pixels) == pytest.approx(ZScaleInterval().get_limits(pixels))


def test_a_large_image_is_sampled_and_the_limits_stay():
    pixels = sky((2000, 1000))
    lower, upper = zscale_limits(pixels)
    whole = ZScaleInterval().get_limits(pixels)
    assert (lower, upper) == pytest.approx(whole, abs=3)


def test_nan_and_infinity_do_not_count():
    pixels = sky((200, 200))
    clean = zscale_limits(pixels)
    pixels[::2, ::3] = np.nan
    pixels[1::2, ::5] = np.inf
    pixels[0, 1] = -np.inf
    assert zscale_limits(pixels) == pytest.approx(clean, abs=5)


@pytest.mark.parametrize("step", [5000, 4])
def test_nan_in_a_large_image_costs_no_copies_of_it(step):
    pixels = np.arange(25_000_000, dtype=np.float32).reshape(5000, 5000)
    pixels[::step, ::step] = np.nan
    pixels[-1, -1] = np.inf
    tracemalloc.start()
    try:
        brightness = Brightness.of(pixels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * pixels.nbytes
    assert brightness.extent == (1, pixels[-1, -2])
    assert brightness.sample.size > 90_000


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


ANY_PIXELS = hnp.arrays(
    st.sampled_from([np.uint8, np.int64, np.uint64, np.float32, np.float64, bool]),
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
)


@given(ANY_PIXELS)
def test_any_image_has_limits_that_the_screen_can_tell_apart(pixels):
    for interval in ("zscale", "percentile", "min-max"):
        lower, upper = Brightness.of(pixels).limits(Display(interval))
        assert np.isfinite([lower, upper]).all()
        assert lower < upper


@pytest.mark.parametrize("percent", [50, 90, 99.5, 100])
def test_percentiles_are_astropy_s(percent):
    pixels = sky()
    found = Brightness.of(pixels).limits(Display("percentile", percent))
    assert found == pytest.approx(PercentileInterval(percent).get_limits(pixels))


def test_minimum_and_maximum_are_those_of_every_pixel_of_a_large_image():
    pixels = sky((2000, 2000))
    pixels[1001, 1003], pixels[1003, 1001] = -777, 99_999
    pixels[0, 0] = np.nan
    assert Brightness.of(pixels).limits(Display("min-max")) == (-777, 99_999)
    assert Brightness.of(pixels).sample.size < 500_000


def test_limits_by_hand_go_before_any_interval():
    display = Display("min-max", manual=(3, 4))
    assert Brightness.of(sky()).limits(display) == (3, 4)


@pytest.mark.parametrize(
    ("stretch", "astropys"),
    [
        ("linear", visualization.LinearStretch()),
        ("asinh", visualization.AsinhStretch()),
        ("log", visualization.LogStretch()),
        ("sqrt", visualization.SqrtStretch()),
        ("power", visualization.PowerStretch(2)),
    ],
)
def test_stretches_are_astropy_s(stretch, astropys):
    curve = Brightness.of(sky()).curve(Display(stretch=stretch), (80, 120))
    assert curve == pytest.approx(astropys(np.linspace(0, 1, LEVELS)))


def test_each_shade_of_a_histogram_is_as_frequent_as_any_other():
    pixels, display = sky(), Display("percentile", 98, stretch="histogram")
    brightness = Brightness.of(pixels)
    low, high = brightness.limits(display)
    shades = render(pixels, display)[..., 0]
    inside = shades[(pixels > low) & (pixels < high)]
    counts = np.histogram(inside, 8, (0, 256))[0]
    assert counts.min() > 0.9 * counts.mean()


@given(
    ANY_PIXELS,
    st.sampled_from(STRETCHES),
    st.sampled_from(["zscale", "percentile", "min-max"]),
)
def test_any_stretch_runs_from_the_first_colour_to_the_last(pixels, stretch, interval):
    brightness, display = Brightness.of(pixels), Display(interval, stretch=stretch)
    limits = brightness.limits(display)
    curve = brightness.curve(display, limits)
    assert curve.shape == (LEVELS,)
    assert (np.diff(curve) >= 0).all()
    assert curve[[0, -1]] == pytest.approx([0, 1])
    inverted = dataclasses.replace(display, inverted=True)
    assert brightness.curve(inverted, limits) == pytest.approx(1 - curve)


# Smoothing


def test_smoothing_is_a_gaussian_s():
    pixels = sky()
    assert smoothed(pixels, 1.5) == pytest.approx(gaussian_filter(pixels, 1.5))


def test_whole_numbers_are_smoothed_to_fractions():
    pixels = np.zeros((9, 9), np.uint16)
    pixels[4, 4] = 1
    found = smoothed(pixels, 1)
    assert found.dtype == np.float32
    assert 0 < found[4, 4] < 1
    assert found.sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_and_spoils_nothing_around_it(bad):
    pixels = np.full((30, 30), 7.0)
    pixels[10:12, 3:9] = bad
    found = smoothed(pixels, 2)
    assert np.array_equal(np.isfinite(found), np.isfinite(pixels))
    assert found[np.isfinite(found)] == pytest.approx(7)
    assert np.array_equal(found[10:12, 3:9], pixels[10:12, 3:9], equal_nan=True)
    assert not np.isfinite(pixels[10, 3]), "what is given is not changed"


def test_smoothing_an_image_of_nan_gives_one():
    assert np.isnan(smoothed(np.full((5, 5), np.nan), 1)).all()


# Small pictures


def test_a_picture_runs_from_black_to_white_between_the_limits():
    pixels = np.array([[0, 10, 15, 20, 99, np.nan, np.inf, -np.inf]])
    picture = render(pixels, Display(manual=(10, 20)))
    assert picture.shape == (1, 8, 3)
    assert picture.dtype == np.uint8
    assert picture[0, :, 0] == pytest.approx([0, 0, 128, 255, 255, 0, 255, 0], abs=1)
    inverted = render(pixels, Display(manual=(10, 20), inverted=True))
    assert inverted[0, [0, 4], 1].tolist() == [255, 0]
    assert inverted[0, 5].tolist() == [0, 0, 0], "NaN is black all the same"


def test_a_picture_has_the_colours_it_is_given():
    colors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    picture = render(np.array([[0, 1, 2]]), Display("min-max"), colors=colors)
    assert picture[0].tolist() == pytest.approx(255 * colors, abs=1)


def test_a_picture_of_a_cutout_may_have_the_limits_of_its_image():
    pixels = sky()
    part, display = pixels[:50, :50], Display("min-max")
    whole = render(pixels, display)
    assert np.array_equal(render(part, display, Brightness.of(pixels)), whole[:50, :50])
    assert render(part / 2, display).max() == 255, "or its own"


@given(ANY_PIXELS, st.sampled_from(PRESETS))
def test_anything_can_be_looked_at_in_any_way(pixels, preset):
    assert render(pixels, preset.display).shape == (*pixels.shape, 3)


def test_the_nearly_invisible_trail_is_plain_in_several_presets(shared_data):
    name = "sdss/images/frame-g-003918-3-0213.fits.bz2"
    with fits.open(shared_data / name) as hdus:
        cutout = hdus[0].data[200:400, 400:600].astype(np.float32)
    rows, columns = np.mgrid[:200, :200]
    # Fitted by eye to the trail as it is seen smoothed.
    distance = abs(rows - (67.4 + 0.21 * columns))

    def contrast(preset):
        """Return how far the trail is from its surroundings, in their scatter."""
        shades = render(cutout, preset.display)[..., 0].astype(float)
        ground = shades[(distance > 20) & (distance < 70)]
        middle = np.median(ground)
        scatter = 1.4826 * np.median(abs(ground - middle))
        return abs(np.median(shades[distance <= 4]) - middle) / max(scatter, 1)

    found = {preset.name: contrast(preset) for preset in PRESETS}
    assert found["ZScale"] < 0.4, "nearly invisible"
    assert sum(value > 1.2 for value in found.values()) >= 3, found


# The wish as it is kept


DISPLAYS = st.builds(
    Display,
    interval=st.sampled_from(["zscale", "percentile", "min-max"]),
    percent=st.floats(0.1, 100),
    scope=st.sampled_from(["image", "cutout"]),
    manual=st.sampled_from([None, (1.5, 2.5), (1.5, None), (None, 2.5)]),
    stretch=st.sampled_from(STRETCHES),
    inverted=st.booleans(),
    colormap=st.text(max_size=5),
    sigma=st.floats(0, 3),
    contrast=st.floats(0.1, 20),
    bias=st.floats(-1, 2),
)


@given(DISPLAYS)
def test_a_wish_comes_back_from_json(display):
    assert Display.from_json(json.loads(json.dumps(display.as_json()))) == display


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"interval": "of another version", "scope": None, "stretch": ["asinh"]},
        {"percent": 0, "sigma": -1, "inverted": 1, "colormap": None},
        {"percent": float("nan"), "sigma": float("inf"), "by_hand": "12"},
        {"percent": "99", "sigma": True, "by_hand": [2, 1]},
        {"by_hand": [1, float("nan")], "what is new": 1},
        {"by_hand": [None, None], "contrast": 0, "bias": "0.5"},
    ],
)
def test_what_cannot_be_understood_is_as_in_a_new_review(kept):
    assert Display.from_json(kept) == Display()


def test_what_can_be_understood_is_kept_beside_what_cannot():
    kept = {"interval": 5, "stretch": "log", "by_hand": [1, 2]}
    assert Display.from_json(kept) == Display(stretch="log", manual=(1, 2))
