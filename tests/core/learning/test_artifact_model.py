"""The model of artifact against none."""

from __future__ import annotations

import pickle
from concurrent.futures import CancelledError

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from napari_artifact_review.core.learning import artifact_model
from napari_artifact_review.core.learning.artifact_model import artifact_probability
from tests.core.learning.toy_tables import toy_table


@pytest.fixture(scope="module")
def table():
    return toy_table()


@pytest.fixture(scope="module")
def probability(table):
    return artifact_probability(table[0], seed=3)


def test_it_ranks_artifacts_better_than_the_given_confidence(table, probability):
    inputs, is_wrong = table
    truth = inputs.label ^ is_wrong
    own, given = (
        average_precision_score(truth, score)
        for score in (probability, inputs.confidence)
    )
    assert own > given + 0.1
    assert probability.dtype == np.float32
    assert ((probability >= 0) & (probability <= 1)).all()


def test_the_same_inputs_and_seed_give_the_same_probabilities(table, probability):
    inputs = pickle.loads(pickle.dumps(table[0]))
    np.testing.assert_array_equal(artifact_probability(inputs, seed=3), probability)


def test_the_labels_of_a_group_do_not_touch_its_own_probabilities(table):
    inputs, _ = table
    groups = inputs.groups // 2
    flipped = np.where(groups == 1, 1 - inputs.label, inputs.label).astype(np.int8)
    before, after = (
        artifact_probability(inputs._replace(groups=groups, label=label), seed=0)
        for label in (inputs.label, flipped)
    )
    np.testing.assert_array_equal(after[groups == 1], before[groups == 1])
    assert (after[groups != 1] != before[groups != 1]).any()


def test_only_rows_with_descriptors_have_a_probability(table):
    inputs, _ = table
    descriptors = inputs.descriptors.copy()
    is_unknown = inputs.image_index >= 9
    descriptors[is_unknown] = np.nan
    inputs = inputs._replace(descriptors=descriptors)
    np.testing.assert_array_equal(
        np.isnan(artifact_probability(inputs, seed=0)), is_unknown
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"descriptors": None},
        lambda inputs: {"descriptors": np.full_like(inputs.descriptors, np.nan)},
        lambda inputs: {"label": np.zeros_like(inputs.label)},
        lambda inputs: {"label": np.ones_like(inputs.label)},
        lambda inputs: {"groups": np.zeros_like(inputs.groups)},
    ],
    ids=["no descriptors", "unknown", "no artifact", "artifacts alone", "one group"],
)
def test_without_two_labels_and_two_groups_no_probability_is_known(table, change):
    inputs = table[0]._replace(**change(table[0]))
    assert np.isnan(artifact_probability(inputs, seed=0)).all()


@pytest.mark.parametrize("images", [1, 2, 3])
def test_few_images_have_fewer_folds(images):
    inputs, _ = toy_table(images)
    probability = artifact_probability(inputs, seed=0)
    assert np.isnan(probability).all() == (images == 1)
    assert np.isnan(probability).any() == (images == 1)


def test_an_empty_table_has_no_probabilities():
    inputs, _ = toy_table(0)
    assert artifact_probability(inputs, seed=0).shape == (0,)


def test_a_sample_of_a_large_table_is_enough(table, monkeypatch):
    monkeypatch.setattr(artifact_model, "MAX_ROWS", 400)
    inputs, is_wrong = table
    probability = artifact_probability(inputs, seed=0)
    truth = inputs.label ^ is_wrong
    given = average_precision_score(truth, inputs.confidence)
    assert average_precision_score(truth, probability) > given + 0.1
    # Weights make up for the errors, which are all in the sample.
    assert probability.mean() == pytest.approx(inputs.label.mean(), abs=0.03)


def test_it_can_be_cancelled(table):
    answers = iter([False, True])
    with pytest.raises(CancelledError):
        artifact_probability(table[0], 0, lambda: next(answers))
