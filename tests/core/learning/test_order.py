"""The learned order: a permutation, always the same, and better with verdicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.learning.artifact_model import artifact_probability
from napari_artifact_review.core.learning.order import (
    LearnedOrder,
    OrderInputs,
)
from tests.core.learning.toy_tables import toy_table
from tests.nightly import many

NONE = np.empty(0, np.int64)
UNSAID = np.empty(0, bool)


@pytest.fixture(scope="module")
def table():
    return toy_table()


@pytest.fixture(scope="module")
def probability(table):
    return artifact_probability(table[0], seed=0)


@pytest.fixture(scope="module")
def order(table, probability):
    return LearnedOrder(table[0], probability, seed=5)


def review(order, inputs, is_wrong, queue, stop=None, step=10):
    """Return the rows of a review in the learned order, with right verdicts."""
    seen, left = NONE, queue
    while len(left) and len(seen) < (stop or len(queue)):
        ranked = order.rank(left, seen, is_wrong[seen])
        seen = np.concatenate([seen, ranked.rows[:step]])
        left = ranked.rows[step:]
    return seen


def looks(rows, is_wrong, share=0.9):
    """Return the number of looks until a share of the wrong labels were met."""
    met = np.cumsum(is_wrong[rows])
    return int(np.searchsorted(met, share * met[-1]) + 1)


def errors_of(inputs):
    return np.flatnonzero(inputs.label != inputs.preds)


def test_verdicts_bring_the_wrong_labels_forward(table, order, probability):
    inputs, is_wrong = table
    queue = errors_of(inputs)
    chosen = np.where(inputs.label == 1, inputs.confidence, 1 - inputs.confidence)
    by_confidence = queue[np.argsort(chosen[queue])]
    learned = review(order, inputs, is_wrong, queue)
    assert looks(learned, is_wrong) < 0.75 * looks(by_confidence, is_wrong)
    assert sorted(learned) == sorted(queue)


def test_the_first_looks_follow_the_self_confidence_and_five_are_random(
    table, order, probability
):
    inputs, _ = table
    rows = errors_of(inputs)
    own = np.where(inputs.label == 1, probability, 1 - probability)
    by_own = rows[np.argsort(own[rows], kind="stable")]
    ranked = order.rank(rows, NONE, UNSAID)
    np.testing.assert_array_equal(own[ranked.rows[:15]], own[by_own[:15]])
    random = ranked.rows[15:20]
    assert set(random) != set(by_own[15:20])
    seen = ranked.rows[:17]
    later = order.rank(np.setdiff1d(rows, seen), seen, np.ones(17, bool))
    assert later.rows[:3].tolist() == random[2:].tolist()
    other = LearnedOrder(inputs, probability, seed=6).rank(rows, NONE, UNSAID)
    assert set(other.rows[15:20]) != set(random)


@pytest.mark.parametrize("answer", [True, False])
def test_one_kind_of_verdicts_leaves_the_order_of_self_confidence(
    table, order, probability, answer
):
    inputs, _ = table
    seen = np.arange(0, 300, 5)
    left = np.setdiff1d(np.arange(len(inputs.label)), seen)
    own = np.where(inputs.label == 1, probability, 1 - probability)
    ranked = order.rank(left, seen, np.full(len(seen), answer))
    np.testing.assert_array_equal(np.sort(own[left]), own[ranked.rows])


def test_until_the_model_is_there_the_given_confidence_takes_its_place(table):
    inputs, _ = table
    rows = np.arange(len(inputs.label))
    unknown = np.full(len(rows), np.nan, np.float32)
    without, with_nan = (
        LearnedOrder(inputs, model).rank(rows, NONE, UNSAID)
        for model in (None, unknown)
    )
    np.testing.assert_array_equal(without.rows, with_nan.rows)
    given = np.where(inputs.label == 1, inputs.confidence, 1 - inputs.confidence)
    assert set(without.rows[:10]) == set(np.argsort(given)[:10])


def test_cutouts_of_the_image_at_hand_come_first_among_the_most_promising(table, order):
    inputs, is_wrong = table
    queue = errors_of(inputs)
    seen = review(order, inputs, is_wrong, queue, stop=40)
    left = np.setdiff1d(queue, seen)
    plain = order.rank(left, seen, is_wrong[seen])
    image = int(inputs.image_index[plain.rows[20]])
    near = order.rank(left, seen, is_wrong[seen], near_image=image)
    assert inputs.image_index[near.rows[0]] == image
    assert set(near.rows[:30]) == set(plain.rows[:30])
    np.testing.assert_array_equal(near.rows[30:], plain.rows[30:])
    images = inputs.image_index[plain.rows[:30]]
    assert np.count_nonzero(np.diff(images)) == len(set(images)) - 1


def test_the_probabilities_sum_to_the_number_of_wrong_labels_that_are_left(
    table, order
):
    inputs, is_wrong = table
    queue = errors_of(inputs)
    seen = review(order, inputs, is_wrong, queue, stop=60)
    left = np.setdiff1d(queue, seen)
    ranked = order.rank(left, seen, is_wrong[seen])
    total = np.count_nonzero(is_wrong[queue])
    estimate = np.count_nonzero(is_wrong[seen]) + ranked.probability.sum()
    assert estimate == pytest.approx(total, rel=0.2)


def test_undoing_a_verdict_brings_the_order_back(table, order):
    inputs, is_wrong = table
    queue = errors_of(inputs)
    seen = review(order, inputs, is_wrong, queue, stop=30)
    left = np.setdiff1d(queue, seen)
    before = order.rank(left, seen, is_wrong[seen])
    more = np.append(seen, left[0])
    order.rank(left[1:], more, is_wrong[more])
    after = order.rank(left, seen, is_wrong[seen])
    np.testing.assert_array_equal(after.rows, before.rows)
    np.testing.assert_array_equal(after.probability, before.probability)


def test_mistaken_verdicts_are_among_the_most_surprising(table, order):
    inputs, is_wrong = table
    rows = np.random.default_rng(0).permutation(len(inputs.label))[:300]
    said = is_wrong[rows].copy()
    said[:10] ^= True
    surprise = order.surprise(rows, said)
    assert ((surprise >= 0) & (surprise <= 1)).all()
    worst = np.argsort(-surprise)[:50]
    assert np.count_nonzero(worst < 10) >= 6


def test_the_surprise_of_a_verdict_does_not_depend_on_its_own_group(table, order):
    inputs, is_wrong = table
    rows = np.arange(0, len(inputs.label), 2)
    said = is_wrong[rows].copy()
    in_group = inputs.groups[rows] == 3
    before = order.surprise(rows, said)
    said[in_group] ^= True
    after = order.surprise(rows, said)
    np.testing.assert_allclose(after[in_group], 1 - before[in_group], atol=1e-6)


@pytest.mark.parametrize("answer", [True, False])
def test_verdicts_of_one_kind_surprise_by_self_confidence(
    table, order, probability, answer
):
    inputs, _ = table
    rows = np.arange(50)
    wrong = np.where(inputs.label == 1, 1 - probability, probability)[rows]
    surprise = order.surprise(rows, np.full(50, answer))
    np.testing.assert_allclose(surprise, 1 - wrong if answer else wrong)
    assert order.surprise(NONE, UNSAID).shape == (0,)


def test_the_explanation_is_the_reviewed_cutout_that_looks_alike(table):
    inputs, _ = table
    descriptors = inputs.descriptors.copy()
    descriptors[40] = descriptors[7]
    order = LearnedOrder(inputs._replace(descriptors=descriptors))
    assert order.explain(40, np.array([3, 7, 99, 40])) == 7
    assert order.explain(40, np.array([40])) is None
    assert order.explain(40, NONE) is None
    blind = LearnedOrder(inputs._replace(descriptors=None))
    assert blind.explain(40, np.array([7])) is None


@pytest.mark.parametrize("value", [np.nan, 0.5])
def test_descriptors_that_say_nothing_change_no_digit(table, value):
    """Whether an image was tried already must not change a resumed review."""
    inputs, is_wrong = table
    silent = np.full_like(inputs.descriptors, value)
    rows, seen = errors_of(inputs), np.arange(50)
    found = [
        LearnedOrder(inputs._replace(descriptors=one)).rank(rows, seen, is_wrong[seen])
        for one in (None, silent)
    ]
    assert found[0].of_table.tobytes() == found[1].of_table.tobytes()
    assert found[0].rows.tolist() == found[1].rows.tolist()


def test_a_cutout_without_descriptors_has_no_explanation(table):
    inputs, _ = table
    descriptors = inputs.descriptors.copy()
    descriptors[40] = np.nan
    order = LearnedOrder(inputs._replace(descriptors=descriptors))
    assert order.explain(40, np.array([3, 7])) is None
    assert order.explain(3, np.array([40])) is None
    assert order.explain(3, np.array([40, 7])) == 7


tables = st.builds(
    dict,
    seed=st.integers(0, 999),
    count=st.integers(0, 60),
    verdicts=st.integers(0, 40),
    confidence=st.sampled_from(["all", "some", "none", None]),
    descriptors=st.sampled_from(["all", "some", "none", "equal", None]),
    model=st.sampled_from(["all", "some", "none", None]),
    labels=st.sampled_from([[0], [1], [0, 1]]),
)


def known_in(choice, values, rng):
    """Return values with NaN in some or all rows; None for no values."""
    if choice is None:
        return None
    values = values.copy()
    if choice == "equal":
        values[:] = 1
    elif choice != "all":
        share = 0.5 if choice == "some" else 1.0
        values[rng.random(len(values)) < share] = np.nan
    return values


@settings(max_examples=many(200, 5000, few=60))
@given(tables)
def test_any_table_has_an_order_that_is_a_permutation_and_always_the_same(facts):
    rng = np.random.default_rng(facts["seed"])
    count = facts["count"]
    model = known_in(facts["model"], rng.random(count).astype(np.float32), rng)
    described = rng.normal(size=(count, 20)).astype(np.float16)
    inputs = OrderInputs(
        rng.choice(np.array(facts["labels"], np.int8), count),
        rng.integers(0, 2, count).astype(np.int8),
        known_in(facts["confidence"], rng.random(count), rng),
        known_in(facts["descriptors"], described, rng),
        *(rng.integers(0, 4, count) for _ in range(4)),
        200,
    )
    shuffled = rng.permutation(count)
    seen, left = np.split(shuffled, [facts["verdicts"]])
    said = rng.random(len(seen)) < 0.5
    ranked = [
        LearnedOrder(inputs, model, seed=1).rank(rows, seen, said, near_image=2)
        for rows in (left, left, left[::-1])
    ]
    assert sorted(ranked[0].rows) == sorted(left)
    assert np.isfinite(ranked[0].probability).all()
    assert ((ranked[0].probability >= 0) & (ranked[0].probability <= 1)).all()
    np.testing.assert_array_equal(ranked[0].rows, ranked[1].rows)
    by_row = [one.probability[np.argsort(one.rows)] for one in ranked]
    np.testing.assert_array_equal(by_row[0], by_row[2])
