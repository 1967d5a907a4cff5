"""Metrics without each block: those of scikit-learn on the remaining cutouts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from napari_artifact_review.core.training.comparing.leave_one_out import (
    Sample,
    average_precision,
    outcome_counts,
    ratios,
    weighted_curve,
)
from tests.nightly import many


@st.composite
def samples(draw):
    """Return cutouts, with confidences of which many are equal, and predictions."""
    count = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    blocks = draw(st.integers(1, 6))
    weight = rng.choice([0.5, 1.0, 0.3, 2.0], count)
    if draw(st.booleans()):
        weight[:] = 1
    block = np.unique(rng.integers(0, blocks, count), return_inverse=True)[1]
    confidence = rng.choice(np.linspace(0, 1, draw(st.integers(1, 20))), count)
    label = (rng.random(count) < draw(st.sampled_from([0, 0.1, 0.5, 1]))).astype("i1")
    preds = (confidence >= 0.5).astype("i1")
    return Sample(label, weight, block), preds, confidence


def expected(function, sample, said, keep, **options):
    """Return a number of scikit-learn for some cutouts; NaN if it is undefined."""
    weight = sample.weight[keep]
    return function(sample.label[keep], said[keep], sample_weight=weight, **options)


@settings(max_examples=many(200, 20_000, few=60))
@given(samples())
def test_ratios_are_those_of_scikit_learn(made):
    sample, preds, _ = made
    found = ratios(outcome_counts(sample, preds))
    for name, function in (
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("f1", sk.f1_score),
    ):
        keeps = [np.ones(len(preds), bool)]
        keeps += [sample.block != block for block in range(sample.blocks)]
        value = found[name].value
        ours = [np.nan if value is None else value, *found[name].left_out]
        theirs = [
            expected(function, sample, preds, keep, zero_division=np.nan)
            if keep.any()
            else np.nan
            for keep in keeps
        ]
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@settings(max_examples=many(200, 20_000, few=60))
@given(samples())
def test_average_precision_is_that_of_scikit_learn_with_ties_and_weights(made):
    sample, _, confidence = made
    found = average_precision(sample, confidence)
    keeps = [np.ones(len(confidence), bool)]
    keeps += [sample.block != block for block in range(sample.blocks)]
    value = found.value
    ours = [np.nan if value is None else value, *found.left_out]
    theirs = [
        expected(sk.average_precision_score, sample, confidence, keep)
        if sample.label[keep].any()
        else np.nan
        for keep in keeps
    ]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


@settings(max_examples=many(100, 5_000, few=30))
@given(samples())
def test_the_curve_is_that_of_scikit_learn(made):
    sample, _, confidence = made
    curve = weighted_curve(sample, confidence)
    if not sample.label.any():
        assert curve is None
        return
    theirs = sk.precision_recall_curve(
        sample.label, confidence, sample_weight=sample.weight
    )
    for ours, other in zip(curve, theirs, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-12)


def test_counts_of_a_block_are_its_weights_by_outcome():
    label = np.array([1, 1, 0, 0, 1], "i1")
    preds = np.array([1, 0, 1, 0, 1], "i1")
    weight = np.array([1, 0.5, 1, 1, 2])
    counts = outcome_counts(Sample(label, weight, np.array([0, 0, 0, 1, 1])), preds)
    assert {name: list(each) for name, each in counts.items()} == {
        "TP": [1, 2],
        "FN": [0.5, 0],
        "FP": [1, 0],
        "TN": [0, 1],
    }


@pytest.mark.parametrize("blocks", [1, 200])
def test_many_blocks_overflow_no_small_integer(blocks):
    label = np.ones(1000, "i1")
    sample = Sample(label, np.ones(1000), np.arange(1000) % blocks)
    assert outcome_counts(sample, label)["TP"].sum() == 1000
