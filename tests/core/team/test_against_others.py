"""Each reviewer against the strict majority of the others."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from napari_artifact_review.core.team.against_others import holm
from napari_artifact_review.core.team.agreement import measure_agreement
from tests.core.team.votes import meercrab, ratings_of, simulated


def against(labels, groups=None, **others):
    """Return the comparison of each reviewer with the others."""
    found = measure_agreement(ratings_of(labels, groups, **others))
    return [one.against_others for one in found.reviewers]


def test_two_of_meercrabs_volunteers_miss_more(shared_data):
    found = measure_agreement(meercrab(shared_data)).reviewers
    confusion = [one.against_others.confusion for one in found]
    assert confusion[8].sensitivity.value == pytest.approx(0.766, abs=5e-4)
    assert confusion[9].sensitivity.value == pytest.approx(0.804, abs=5e-4)
    assert confusion[8].specificity.value == pytest.approx(0.99, abs=5e-3)
    missing = [one.name for one in found if one.against_others.test.misses_more]
    assert missing == ["Volunteer 9", "Volunteer 10"]


@given(
    hnp.arrays(np.int8, st.tuples(st.integers(0, 30), st.integers(3, 6)),
               elements=st.integers(-1, 1)),
)  # fmt: skip
def test_the_counts_are_those_of_a_plain_loop(labels):
    for j, found in enumerate(against(labels)):
        counts = dict.fromkeys([*product((0, 1), (0, 1)), "tie", "few"], 0)
        for row in labels.tolist():
            others = [vote for k, vote in enumerate(row) if k != j and vote >= 0]
            if row[j] < 0:
                continue
            if len(others) < 2:
                counts["few"] += 1
            elif 2 * sum(others) == len(others):
                counts["tie"] += 1
            else:
                counts[int(2 * sum(others) > len(others)), row[j]] += 1
        one = found.confusion
        assert (one.tn, one.fp, one.fn, one.tp) == tuple(
            counts[pair] for pair in product((0, 1), (0, 1))
        )
        assert (found.ties, found.too_few) == (counts["tie"], counts["few"])


def test_two_reviewers_have_no_majority():
    assert against([[1, 1], [0, 1]]) == [None, None]


def test_kinds_are_of_the_artifacts_of_the_others():
    labels = [[1, 1, 1], [0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]]
    kinds = np.array(["trail", "ghost", "trail", "trail", ""], dtype=object)
    first = against(labels, kinds=kinds)[0]
    parts = {part.name: part.confusion for part in first.by_kind}
    assert list(parts) == ["ghost", "trail"]
    assert (parts["ghost"].tp, parts["ghost"].fn) == (0, 1)
    trail = parts["trail"]
    assert (trail.tp, trail.fn, trail.fp, trail.tn) == (1, 1, 0, 0)
    assert (trail.sensitivity.value, trail.specificity.value) == (0.5, None)
    assert trail.specificity.reason == "the others call every cutout an artifact"


def test_brightness_is_in_quarters_of_the_known_values():
    labels = np.tile([[1, 1, 1], [0, 0, 0]], (10, 1))
    labels[15:, 0] = 0
    brightness = np.append(np.arange(16.0), [np.nan] * 4)
    first = against(labels, brightness=brightness)[0]
    names = [part.name for part in first.by_brightness]
    assert names == ["darkest quarter", "second quarter", "third quarter",
                     "brightest quarter"]  # fmt: skip
    sizes = [one.tp + one.fn + one.fp + one.tn for _, one in first.by_brightness]
    assert sizes == [4] * 4
    assert sum(one.fn for _, one in first.by_brightness) == 0
    assert first.confusion.fn == 2
    assert against(labels)[0].by_brightness == ()


def test_a_class_that_the_others_never_choose_has_a_reason():
    first = against([[1, 0, 0]] * 8)[0].confusion
    assert first.sensitivity.reason == "the others call no cutout an artifact"
    assert (first.sensitivity.value, first.specificity.value) == (None, 0)


def test_a_reviewer_who_misses_more_is_found():
    labels, groups = simulated(np.random.default_rng(0), 40, 40, [0.95, 0.95, 0.6])
    tests = [one.test for one in against(labels, groups)]
    assert [test.misses_more for test in tests] == [False, False, True]
    assert tests[2].difference.high < 0
    assert tests[2].others > 0.8


def test_a_reviewer_is_tested_in_the_groups_that_the_reviewer_has_seen():
    rng = np.random.default_rng(5)
    labels, groups = simulated(rng, 40, 40, [0.9, 0.9, 0.9, 0.8])
    seen = groups < 20
    hard = (rng.random(labels.shape) < 0.3) & seen[:, np.newaxis]
    labels[hard] = 0
    labels[~seen, 3] = -1
    found = against(labels, groups)[3].test
    expected = against(labels[seen], groups[seen])[3].test
    assert found.others == pytest.approx(expected.others)
    assert found.difference[:3] == pytest.approx(expected.difference[:3])


def test_too_few_groups_name_no_reviewer():
    labels, groups = simulated(np.random.default_rng(0), 5, 300, [0.95, 0.95, 0.3])
    test = against(labels, groups)[2].test
    assert test.difference.value < -0.3
    assert (test.p_value, test.misses_more) == (None, False)


def test_equal_reviewers_are_rarely_named():
    rng = np.random.default_rng(3)
    named, surveys = 0, 200
    for _ in range(surveys):
        labels, groups = simulated(rng, 15, 30, [0.85] * 5)
        named += any(one.test.misses_more for one in against(labels, groups))
    assert named / surveys <= 0.1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holms_method_is_the_closed_test_with_bonferronis_correction(p_values):
    tests = range(len(p_values))
    subsets = [subset for size in tests for subset in combinations(tests, size + 1)]
    expected = [
        max(
            min(1, len(subset) * min(p_values[k] for k in subset))
            for subset in subsets
            if i in subset
        )
        for i in tests
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_the_p_values_are_those_of_students_t_adjusted_for_all_reviewers():
    labels, groups = simulated(np.random.default_rng(8), 30, 40, [0.9, 0.9, 0.75])
    found = [one.test for one in against(labels, groups)]
    single = [
        stats.t(one.difference.groups - 1).cdf(
            one.difference.value / one.difference.standard_error
        )
        for one in found
    ]
    assert [one.p_value for one in found] == pytest.approx(holm(single))
    assert found[2].p_value == pytest.approx(3 * single[2])
