"""Whitened principal components of descriptors."""

from __future__ import annotations

import numpy as np
import pytest

from napari_artifact_review.core.learning.whitening import Whitening, known_rows


def correlated(count=500, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, 4)) @ rng.normal(size=(4, 10)) * 50 + 7).astype(
        "f4"
    )


def test_components_have_unit_variance_and_no_correlation():
    descriptors = correlated()
    projected = Whitening.fit(descriptors, 4).project(descriptors)
    np.testing.assert_allclose(np.cov(projected.T), np.eye(4), atol=0.02)


def test_components_without_variance_are_zero():
    descriptors = correlated()
    descriptors[:, 3] = 5
    projected = Whitening.fit(descriptors, 12).project(descriptors)
    assert projected.shape == (500, 12)
    assert (projected[:, 4:] == 0).all()


def test_only_rows_with_nan_are_unknown():
    descriptors = correlated()
    descriptors[3, 2] = np.nan
    descriptors[5] = np.nan
    projected = Whitening.fit(descriptors, 4).project(descriptors)
    unknown = np.flatnonzero(np.isnan(projected).any(1))
    assert unknown.tolist() == [3, 5]
    assert np.isnan(projected[unknown]).all()
    assert np.setdiff1d(np.arange(500), known_rows(descriptors)).tolist() == [3, 5]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_have_finite_components(count):
    descriptors = correlated(count)
    projected = Whitening.fit(descriptors, 4).project(descriptors)
    assert projected.shape == (count, 4)
    assert np.isfinite(projected).all()


def test_a_single_outlier_does_not_stretch_a_component():
    descriptors = correlated()
    descriptors[0] = 6e4
    projected = Whitening.fit(descriptors, 4).project(descriptors)
    assert np.abs(projected).max() < 50
