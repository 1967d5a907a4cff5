"""Named display settings, and texts that describe display settings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.presets import (
    BUILT_IN,
    apply_preset,
    clean_name,
    display_summary,
    find_preset,
    preset_after,
    presets_as_text,
    presets_from_text,
)
from napari_artifact_review.core.images.stretch import Preset, render, smoothed

OWN = Preset("Mine", Display("min-max", colormap="magma", manual=(1, None), sigma=1.5))


def test_the_first_preset_is_the_display_of_a_new_review():
    assert BUILT_IN[0].display == Display()
    assert [one.name for one in BUILT_IN] == [
        "ZScale",
        "Faint and extended",
        "Point-like",
    ]


def test_a_ghost_fainter_than_the_noise_is_seen_in_the_faint_preset_only():
    rng = np.random.default_rng(0)
    pixels = rng.normal(100, 10, (600, 600)).astype(np.float32)
    ghost = np.hypot(*(np.mgrid[:600, :600] - 300)) < 60
    pixels[ghost] += 5

    def contrast(display):
        """Return the step at the ghost in units of the scatter beside it."""
        drawn = smoothed(pixels, display.sigma) if display.sigma else pixels
        shown = render(drawn, replace(display, sigma=0))[:, :, 0].astype(float)
        inside, beside = shown[ghost], shown[~ghost]
        return (inside.mean() - beside.mean()) / beside.std()

    plain, faint, _ = (contrast(one.display) for one in BUILT_IN)
    assert plain < 1
    assert faint > 3


def test_next_goes_through_all_and_begins_with_the_first():
    presets = [*BUILT_IN, OWN]
    display, seen = Display(sigma=0.5), []
    for _ in range(5):
        preset = preset_after(display, presets)
        display = apply_preset(preset, display)
        seen.append(preset.name)
    assert seen == ["ZScale", "Faint and extended", "Point-like", "Mine", "ZScale"]


def test_those_of_the_plugin_keep_the_colours_and_own_ones_have_theirs():
    display = Display(colormap="viridis")
    faint = apply_preset(BUILT_IN[1], display)
    assert faint.colormap == "viridis"
    assert find_preset(faint, BUILT_IN) == BUILT_IN[1]
    assert apply_preset(OWN, display) == OWN.display
    assert find_preset(replace(OWN.display, sigma=1), [*BUILT_IN, OWN]) is None


def test_own_ones_come_back_and_what_cannot_be_understood_is_left_out():
    assert presets_from_text(presets_as_text([OWN])) == [OWN]
    stored = json.loads(presets_as_text([OWN, replace(OWN, name="ZScale")]))
    stored += [{"name": " "}, "no preset", {"name": 3, "display": {}}, stored[0]]
    assert presets_from_text(json.dumps(stored)) == [OWN]
    for text in ("", "{", "3", '{"name": "a"}'):
        assert presets_from_text(text) == []


def test_a_name_is_one_line():
    assert clean_name("  a\n b\t") == "a b"
    assert clean_name(" \n") == ""
    assert len(clean_name("x" * 99)) == 40


@pytest.mark.parametrize(
    ("display", "text"),
    [
        (Display(), "ZScale"),
        (Display("percentile", 98, sigma=3), "98 %, smoothing 3 px"),
        (Display(scope="cutout", inverted=True), "ZScale of each cutout, inverted"),
        (Display(manual=(1, 20)), "Manual: 1 to 20"),
        (Display(manual=(None, 20)), "ZScale up to 20"),
        (Display(manual=(1, None), stretch="log"), "ZScale from 1, log"),
        (Display(contrast=2, bias=0.25), "ZScale, contrast 2, bias 0.25"),
    ],
)
def test_a_display_is_told_in_a_few_words(display, text):
    assert display_summary(display) == text


# Typed limits, contrast and bias


def test_one_typed_limit_leaves_the_other_to_the_image():
    brightness = Brightness.of(np.arange(1000.0).reshape(20, 50))
    low, high = brightness.limits(Display())
    assert brightness.limits(Display(manual=(-5, None))) == (-5, high)
    assert brightness.limits(Display(manual=(None, 1e5))) == (low, 1e5)
    # Typed beyond the other limit, the interval keeps its width.
    assert brightness.limits(Display(manual=(5e3, None))) == (5e3, 5e3 + high - low)
    assert brightness.limits(Display(manual=(None, -10))) == (-10 - high + low, -10)


def test_contrast_narrows_the_limits_and_bias_moves_them():
    brightness = Brightness.of(np.zeros((2, 2)))

    def limits(**settings):
        return brightness.limits(Display(manual=(100, 200), **settings))

    assert limits() == (100, 200)
    assert limits(contrast=2) == (125, 175)
    assert limits(bias=0.7) == pytest.approx((120, 220))
    assert limits(contrast=0.5, bias=0) == (0, 200)


def test_contrast_and_bias_stay_in_their_ranges():
    display = Display().with_contrast(1e9, -1e9)
    assert (display.contrast, display.bias) == (20, -1)
    display = Display().with_contrast(0, 1e9)
    assert (display.contrast, display.bias) == (0.1, 2)


def test_new_limits_have_no_contrast():
    display = Display(contrast=3, bias=0.1, sigma=1).with_limits(1, 2)
    assert display == Display(manual=(1, 2), sigma=1)
    assert display.with_limits(None, None) == Display(sigma=1)
