"""The logistic regression, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from napari_artifact_review.core.learning.logistic import (
    fit_logistic,
    is_mixed,
    logit,
    sigmoid,
)
from tests.nightly import many


@settings(max_examples=many(50, 1000, few=15))
@given(
    seed=st.integers(0, 9999),
    count=st.integers(2, 60),
    width=st.integers(1, 8),
    strength=st.sampled_from([0.01, 0.1, 1.0, 10.0]),
)
def test_the_weights_are_those_of_scikit_learn(seed, count, width, strength):
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 2, (count, width))
    is_true = rng.random(count) < sigmoid(features[:, 0] * 3)
    is_true[:2] = True, False
    weights, intercept = fit_logistic(features, is_true, strength)
    model = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000)
    model.fit(features, is_true)
    np.testing.assert_allclose(weights, model.coef_[0], atol=1e-3)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-3)


def test_far_outliers_do_not_stop_the_fit():
    features = np.array([[1e4], [-1e4], [1e4], [0.0]])
    weights, intercept = fit_logistic(features, np.array([1, 0, 1, 0], bool), 0.1)
    assert np.isfinite([*weights, intercept]).all()
    assert weights[0] > 0


@pytest.mark.parametrize("value", [True, False])
def test_one_outcome_alone_is_an_error(value):
    with pytest.raises(ValueError, match="both outcomes"):
        fit_logistic(np.zeros((3, 1)), np.full(3, value), 0.1)


def test_no_outcome_is_not_mixed():
    assert not is_mixed(np.empty(0, bool))
    assert is_mixed(np.array([True, False]))


def test_log_odds_and_probabilities_are_inverse_and_never_overflow():
    probability = np.array([0.001, 0.5, 0.75])
    np.testing.assert_allclose(sigmoid(logit(probability)), probability)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    np.testing.assert_array_equal(sigmoid(np.array([-1e9, 1e9])), [0, 1])
