"""Intervals that leave out a group at a time: their formula, and their coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn import metrics as sk

from benchmarks.coverage import coverage, make_survey, true_scores
from napari_artifact_review.core.scores.jackknife import (
    COEFFICIENT,
    MOST_BLOCKS,
    RATIO,
    estimate_from_sums,
    jackknife_t,
    join_groups,
)
from napari_artifact_review.core.training.comparing.leave_one_out import Sample
from napari_artifact_review.core.training.comparing.paired_scores import (
    METRICS,
    Model,
    pair_scores,
)


def scores_of(label, old, new, block, weight=None):
    """Return paired scores of two models with confidences."""
    weight = np.ones(len(label)) if weight is None else weight
    models = (Model((one >= 0.5).astype("i1"), one) for one in (old, new))
    return pair_scores(Sample(label, weight, block), *models)


def test_the_interval_of_a_difference_is_that_of_a_plain_loop():
    sample, old, new = make_survey(9, np.random.default_rng(3), cutouts=100)
    found = pair_scores(sample, old, new).difference["average_precision"]

    def difference(keep):
        old_ap, new_ap = (
            sk.average_precision_score(sample.label[keep], model.confidence[keep])
            for model in (old, new)
        )
        return new_ap - old_ap

    values = np.array([difference(sample.block != block) for block in range(9)])
    error = np.sqrt(8 / 9 * ((values - values.mean()) ** 2).sum())
    value = difference(slice(None))
    margin = stats.t(8).ppf(0.975) * error
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx((value - margin, value + margin))
    assert (found.standard_error, found.groups) == (pytest.approx(error), 9)


def test_the_interval_of_a_ratio_is_that_of_its_log_odds():
    values = np.array([0.90, 0.93, 0.95, 0.91, 0.96, 0.92, 0.97])
    every = np.ones(7, bool)
    found = jackknife_t(0.93, values, every, 7, limits=RATIO)
    error = np.sqrt(6 / 7 * ((values - values.mean()) ** 2).sum())
    spread = stats.t(6).ppf(0.975) * error / (0.93 * 0.07)
    ends = np.log(0.93 / 0.07) + np.array([-spread, spread])
    assert (found.low, found.high) == pytest.approx(tuple(1 / (1 + np.exp(-ends))))


def test_the_interval_of_a_coefficient_is_that_of_fishers_z():
    values = np.array([0.90, 0.93, 0.95, 0.91, 0.96, 0.92, 0.97])
    found = jackknife_t(0.93, values, np.ones(7, bool), 7, limits=COEFFICIENT)
    error = np.sqrt(6 / 7 * ((values - values.mean()) ** 2).sum())
    spread = stats.t(6).ppf(0.975) * error / (1 - 0.93**2)
    ends = np.tanh(np.arctanh(0.93) + np.array([-spread, spread]))
    assert (found.low, found.high) == pytest.approx(tuple(ends))


@pytest.mark.parametrize(
    ("value", "limits"), [(1, RATIO), (0, RATIO), (-1, COEFFICIENT)]
)
def test_a_number_at_its_limit_has_an_interval_without_log_odds(value, limits):
    values = value - np.sign(value - 0.5) * np.arange(7) / 100
    found = jackknife_t(value, values, np.ones(7, bool), 7, limits=limits)
    error = np.sqrt(6 / 7 * ((values - values.mean()) ** 2).sum())
    ends = value + stats.t(6).ppf([0.025, 0.975]) * error
    assert (found.low, found.high) == pytest.approx(tuple(np.clip(ends, -1, 1)))


@given(st.integers(6, 20).flatmap(
    lambda g: hnp.arrays(np.int64, (g, 2), elements=st.integers(0, 9))
))  # fmt: skip
def test_estimates_from_sums_are_those_of_plain_loops(sums):
    def share(sums):
        total = sums.sum(axis=-1)
        return np.divide(sums[..., 0], total, out=np.full(total.shape, np.nan),
                         where=total > 0)  # fmt: skip

    found = estimate_from_sums(share, sums.astype(float), limits=RATIO)
    if not sums.any():
        assert (found.value, found.groups) == (None, 0)
        return
    left_out = [share(np.delete(sums, i, axis=0).sum(axis=0)) for i in range(len(sums))]
    contributes = sums.any(axis=1)
    expected = jackknife_t(
        float(share(sums.sum(axis=0))),
        np.array(left_out),
        contributes,
        int(contributes.sum()),
        limits=RATIO,
    )
    assert found.reason == expected.reason
    assert found[:3] == pytest.approx(expected[:3])


def test_the_same_model_twice_has_no_interval_but_a_difference_of_zero():
    sample, old, _ = make_survey(8, np.random.default_rng(0), cutouts=30)
    found = pair_scores(sample, old, old).difference["f1"]
    assert (found.value, found.has_interval) == (0, False)
    assert "same without any one of the groups" in found.reason


@pytest.mark.parametrize(
    ("groups", "artifacts", "reason"),
    [
        (5, 0.5, "only 5 groups contribute to it, and an interval needs 6"),
        (1, 0.5, "only 1 group contributes to it"),
        (12, 0, "all cutouts have the label no artifact"),
        (12, 1, "all cutouts have the label artifact"),
    ],
)
def test_an_interval_that_is_missing_has_a_reason(groups, artifacts, reason):
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(groups), 30)
    label = (rng.random(len(block)) < artifacts).astype("i1")
    found = scores_of(label, rng.random(len(block)), rng.random(len(block)), block)
    for part in (found.old, found.new, found.difference):
        for estimate in part.values():
            assert (estimate.low, estimate.high) == (None, None)
            assert estimate.reason.startswith(reason)


def test_artifacts_in_few_groups_give_no_interval():
    rng = np.random.default_rng(0)
    block = np.repeat(np.arange(20), 10)
    label = (block < 3).astype("i1")
    found = scores_of(label, rng.random(200), rng.random(200), block)
    for name in ("recall", "average_precision"):
        assert found.difference[name].reason.startswith("only 3 groups contribute")
    assert found.old["precision"].has_interval


def test_a_number_that_one_group_decides_has_no_interval():
    values = np.array([0.5, np.nan, 0.4, 0.5, 0.6, 0.3])
    found = jackknife_t(0.5, values, np.ones(6, bool), 6, limits=RATIO)
    assert found.reason == "it is undefined without one of the groups"


@given(st.integers(1, 1000))
def test_groups_are_joined_into_even_blocks_always_the_same(count):
    groups = np.arange(count)
    blocks = join_groups(groups)
    sizes = np.bincount(blocks)
    assert len(sizes) == min(count, MOST_BLOCKS)
    assert sizes.max() - sizes.min() <= 1
    np.testing.assert_array_equal(blocks, join_groups(groups))


def test_the_order_of_the_cutouts_changes_nothing():
    sample, old, new = make_survey(10, np.random.default_rng(1), cutouts=30)
    order = np.random.default_rng(2).permutation(len(sample.label))
    first = pair_scores(sample, old, new)
    second = pair_scores(sample.take(order), old.take(order), new.take(order))
    for name in METRICS:
        assert second.difference[name][:4] == pytest.approx(first.difference[name][:4])


def test_the_intervals_hold_the_true_difference_about_as_often_as_they_say():
    # docs/rounds.md has the result of the long form.
    found = coverage(12, 250, true_scores(4000), seed=5)
    for name in METRICS:
        assert 0.85 < found[name, "difference"].held <= 1
        assert 0.82 < found[name, "new"].held <= 1
