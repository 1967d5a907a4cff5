"""Descriptors of cutouts: any image, any size, the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.learning.descriptors import NAMES, describe_cutouts
from napari_artifact_review.core.tiled.lazy_pixels import LazyPixels
from tests.core.tiled.large import ArraySource
from tests.nightly import many

SIZE = 64


def sky(shape=(256, 320), seed=0):
    """Return an image of noise around a level of 1000."""
    return np.random.default_rng(seed).normal(1000, 10, shape).astype(np.float32)


def with_trail(image, peak=8.0):
    """Add a faint straight trail through the whole image."""
    y, x = np.indices(image.shape)
    distance = (y - 100 - 0.3 * x) / np.hypot(1, 0.3)
    return image + peak * np.exp(-(distance**2) / 2 / 2.5**2)


def grid(shape=(256, 320), size=SIZE):
    rows, columns = shape[0] // size, shape[1] // size
    y, x = np.indices((rows, columns)) * size
    return x.ravel(), y.ravel()


def column(described, name):
    return described[:, NAMES.index(name)].astype(float)


def describe(image, size=SIZE):
    return describe_cutouts(image, *grid(image.shape, size), size)


def test_names_are_unique_and_count_the_columns():
    described = describe(sky())
    assert described.shape == (20, len(NAMES))
    assert described.dtype == np.float16
    assert len(set(NAMES)) == len(NAMES)


def test_a_trail_below_the_noise_of_a_pixel_stands_out_of_the_line_descriptors():
    x, y = grid()
    distance = np.abs(y + 32 - 100 - 0.3 * (x + 32))
    on_trail, is_far = distance < 25, distance > 60
    plain, trailed = (describe(image) for image in (sky(), with_trail(sky())))
    name = "long line: peak"
    gained = column(trailed, name) - column(plain, name)
    assert gained[on_trail].min() > 3
    inside = column(trailed, "long line: part in the cutout")
    assert inside[on_trail].min() > inside[is_far].max()


def test_a_cosmic_ray_is_sharp_and_a_star_is_not():
    image = sky()
    y, x = np.indices(image.shape)
    image += 3000 * np.exp(-((y - 32) ** 2 + (x - 32) ** 2) / 2 / 2.5**2)
    image[32, 96:100] += 1500
    sharp = column(describe(image), "sharpest pixel")
    assert sharp[1] > sharp[0] + 2


@pytest.mark.parametrize("value", [60.0, -60.0])
def test_a_bad_column_is_seen_among_columns_and_not_among_rows(value):
    image = sky()
    image[:, 100] += value
    described = describe(image)
    name = "brightest column" if value > 0 else "darkest column"
    assert np.abs(column(described, name)[1]) > np.abs(column(described, name)[0]) + 1
    rows = column(described, "brightest row")
    assert rows[1] == pytest.approx(rows[0], abs=1)


@pytest.mark.parametrize("dtype", [">f4", ">i2", "<i4", "<u2", "f8", ">f8"])
def test_type_and_byte_order_do_not_matter(dtype):
    whole = np.rint(sky())
    reference = describe(whole.astype(np.float32))
    np.testing.assert_allclose(
        describe(whole.astype(dtype)).astype(float), reference.astype(float), atol=0.02
    )


def test_level_and_unit_of_the_image_do_not_matter():
    kept = [NAMES.index(name) for name in NAMES if name != "noise"]
    image = sky().astype(np.float64)
    changed = describe(image * 1e-12 + 1e-6)
    np.testing.assert_allclose(
        changed[:, kept].astype(float),
        describe(image)[:, kept].astype(float),
        atol=0.05,
    )


def test_a_large_pedestal_in_double_precision_loses_no_signal():
    image = sky().astype(np.float64)
    described = describe(image + 1e9)
    expected = column(describe(image), "sky scatter")
    np.testing.assert_allclose(column(described, "sky scatter"), expected, atol=0.02)


def test_only_cutouts_with_a_finite_pixel_have_descriptors():
    image = sky()
    image[:64, :64] = np.nan
    image[:64, 64:127] = np.inf
    x = np.array([0, 64, 128, -32, -64, 320, 10**12, -(10**12)])
    described = describe_cutouts(image, x, np.zeros(8, np.int64), SIZE)
    is_known = np.isfinite(described).all(axis=1)
    np.testing.assert_array_equal(
        is_known, [False, True, True, False, False, False, False, False]
    )
    assert np.isnan(described[~is_known]).all()


def test_an_image_without_a_finite_pixel_has_no_descriptors():
    assert np.isnan(describe(np.full((64, 64), np.nan))).all()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_image_has_finite_descriptors(value):
    assert np.isfinite(describe(np.full((128, 128), value, np.uint8))).all()


@pytest.mark.parametrize("size", [16, 17, 25, 33, 100, 199])
def test_any_size_of_cutout_has_the_same_descriptors(size):
    image = with_trail(sky())
    described = describe(image, size)
    assert described.shape[1] == len(NAMES)
    assert np.isfinite(described).all()


def test_no_cutouts_have_no_descriptors():
    none = np.empty(0, np.int64)
    assert describe_cutouts(sky(), none, none, SIZE).shape == (0, len(NAMES))


def test_the_descriptors_of_a_cutout_do_not_depend_on_the_others_described():
    image, (x, y) = sky(), grid()
    every = describe_cutouts(image, x, y, SIZE).astype(float)
    one = describe_cutouts(image, x[7:8], y[7:8], SIZE).astype(float)
    # Sums in another order differ by rounding.
    np.testing.assert_allclose(one, every[7:8], atol=0.02)


def test_an_image_on_disk_has_the_same_descriptors_and_is_read_in_strips():
    source = ArraySource(sky())
    np.testing.assert_array_equal(describe(LazyPixels(source)), describe(sky()))
    strips = [rows for rows, _ in source.reads if rows.stop - rows.start == SIZE]
    assert [rows.start for rows in strips] == [0, 64, 128, 192]


numbers = st.sampled_from([0.0, 1.0, -1.0, 1e-30, 1e30, 3e38, np.nan, np.inf, -np.inf])


@settings(max_examples=many(100, 5000, few=25))
@given(
    shape=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    values=st.lists(numbers, min_size=1, max_size=5),
    places=st.lists(
        st.tuples(st.integers(-80, 80), st.integers(-80, 80)), min_size=1, max_size=4
    ),
    size=st.integers(16, 60),
    seed=st.integers(0, 99),
)
def test_a_row_is_finite_if_and_only_if_its_cutout_has_a_finite_pixel(
    shape, values, places, size, seed
):
    pixels = np.random.default_rng(seed).choice(np.array(values, np.float32), shape)
    x, y = np.array(places, np.int64).T
    described = describe_cutouts(pixels, x, y, size)
    for row, left, top in zip(described, x, y, strict=True):
        inside = pixels[max(top, 0) : max(top + size, 0), max(left, 0) :][
            :, : max(left + size, 0) - max(left, 0)
        ]
        assert np.isfinite(row).all() == np.isfinite(inside).any()
        assert np.isfinite(row).all() or np.isnan(row).all()
