"""Artifacts on a full image of the demo, and the truth about them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_artifact_review.demo.artifacts import KINDS
from napari_artifact_review.demo.camera import (
    CUTOUT,
    GRID,
    SHAPE,
    by_cutout,
    empty_frame,
    read_out,
    signal_to_noise,
)
from napari_artifact_review.demo.exposure import Exposure, expose
from napari_artifact_review.demo.features import FEATURES, measure
from napari_artifact_review.demo.labels import label_by_eye

NOISE = 30.0


@pytest.fixture(scope="module")
def exposure() -> Exposure:
    return expose(np.random.default_rng(5))


def test_cutouts_are_where_the_table_says() -> None:
    frame = empty_frame()
    frame[200 * 3 + 7, 200 * 11 + 5] = 1
    assert by_cutout(frame)[3, 11, 7, 5] == 1


def test_light_is_seen_in_its_own_cutout_only() -> None:
    frame = empty_frame()
    frame[400:404, 600:604] = NOISE
    expected = np.zeros(GRID)
    expected[2, 3] = 4
    np.testing.assert_allclose(signal_to_noise(frame, NOISE), expected)


@pytest.mark.parametrize("name", KINDS)
def test_artifact_of_each_kind_shows(name: str) -> None:
    kind, rng, frame = KINDS[name], np.random.default_rng(1), empty_frame()
    for _ in range(5):
        kind.paint(frame, rng, NOISE)
    assert np.isfinite(frame).all()
    assert (signal_to_noise(frame, NOISE) >= kind.visible_from).any()


def test_read_out_adds_the_noise_of_photons_and_detector() -> None:
    light = np.full(SHAPE, 900, np.float32)
    pixels = read_out(light, np.random.default_rng(2)).astype(float)
    assert pixels.mean() == pytest.approx(900, abs=0.1)
    assert pixels.std() == pytest.approx(np.sqrt(900 + 7**2), rel=0.01)


def test_exposure_repeats_with_its_generator(exposure: Exposure) -> None:
    again = expose(np.random.default_rng(5))
    np.testing.assert_array_equal(again.pixels, exposure.pixels)
    np.testing.assert_array_equal(again.has_artifact, exposure.has_artifact)


def test_some_cutouts_hold_an_artifact_most_do_not(exposure: Exposure) -> None:
    assert exposure.has_artifact.shape == GRID
    assert 0 < exposure.has_artifact.mean() < 0.5


def test_features_are_finite(exposure: Exposure) -> None:
    features = measure(exposure.pixels)
    assert features.shape == (exposure.has_artifact.size, len(FEATURES))
    assert np.isfinite(features).all()


def test_features_see_a_cosmic_ray_and_a_bad_column() -> None:
    sky = np.random.default_rng(3).normal(900, NOISE, SHAPE)
    sky[450, 450:460] += 60 * NOISE
    sky[1000:1200, 1010] += 8 * NOISE
    features = measure(sky.round().astype(np.uint16))
    by_name = dict(zip(FEATURES, features.T.reshape(-1, *GRID), strict=True))
    found = {
        name: tuple(map(int, np.unravel_index(by_name[name].argmax(), GRID)))
        for name in ("sharpest pixel", "column peak")
    }
    assert found == {
        "sharpest pixel": (450 // CUTOUT, 450 // CUTOUT),
        "column peak": (1000 // CUTOUT, 1010 // CUTOUT),
    }


def labelled(plainest: np.ndarray, glare: np.ndarray) -> np.ndarray:
    """Return labels of an empty exposure with given clarity of trails and glare."""
    pixels = np.zeros(SHAPE, np.uint16)
    exposure = Exposure(pixels, {"satellite trail": plainest}, glare, 1.0)
    return label_by_eye(exposure, np.random.default_rng(4))


def test_eye_misses_faint_artifacts_and_mistakes_bright_stars() -> None:
    plainest, glare = np.zeros(GRID), np.zeros(GRID)
    plainest[0], plainest[1] = 1.0, 1e6
    glare[5] = 1.0
    label = labelled(plainest, glare)
    assert 0 < (label[0] == 0).sum() < GRID[1]
    assert label[1].all()
    assert 0 < label[5].sum() < GRID[1]
    assert not np.delete(label, [0, 1, 5], axis=0).any()


def test_eye_cannot_err_where_there_is_nothing() -> None:
    assert not labelled(np.zeros(GRID), np.zeros(GRID)).any()
