"""Agreement of a team: pairs, all together, and each reviewer alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score

from napari_artifact_review.core.scores.jackknife import join_groups
from napari_artifact_review.core.team.agreement import measure_agreement
from napari_artifact_review.core.team.kappas import fleiss_kappa, gwet_ac1, sum_votes
from tests.core.team.votes import meercrab, ratings_of, simulated


def test_the_votes_of_meercrab(shared_data):
    found = measure_agreement(meercrab(shared_data))
    kappas = [pair.cohen_kappa.value for pair in found.pairs]
    assert found.overall.fleiss_kappa.value == pytest.approx(0.800, abs=5e-4)
    assert (min(kappas), max(kappas)) == pytest.approx((0.636, 0.909), abs=5e-4)
    assert (found.overall.cutouts, found.overall.unanimous) == (5000, 3208)
    assert (found.groups, found.blocks, len(found.pairs)) == (5000, 200, 45)


@given(
    hnp.arrays(np.int8, st.tuples(st.integers(0, 40), st.integers(1, 4)),
               elements=st.integers(-1, 1)),
)  # fmt: skip
def test_counts_and_kappas_are_those_of_plain_loops(labels):
    found = measure_agreement(ratings_of(labels))
    votes = (labels >= 0).sum(axis=1)
    overall = found.overall
    assert overall.votes == votes.sum()
    assert (overall.cutouts, overall.single) == ((votes > 1).sum(), (votes == 1).sum())
    for pair in found.pairs:
        first, second = (labels[:, "ABCD".index(x)] for x in (pair.first, pair.second))
        both = (first >= 0) & (second >= 0)
        first, second = first[both], second[both]
        assert pair.cutouts == len(first)
        assert pair.both == np.sum((first == 1) & (second == 1))
        assert pair.only_first == np.sum((first == 1) & (second == 0))
        assert pair.only_second == np.sum((first == 0) & (second == 1))
        assert pair.neither == np.sum((first == 0) & (second == 0))
        if len({*first, *second}) < 2:
            assert (pair.cohen_kappa.value, bool(pair.cohen_kappa.reason)) == (
                None,
                True,
            )
        else:
            expected = cohen_kappa_score(first, second)
            assert pair.cohen_kappa.value == pytest.approx(expected, abs=1e-12)
            assert pair.raw_agreement.value == pytest.approx(np.mean(first == second))


def test_values_without_a_group_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    labels, groups = simulated(rng, 8, 20, [0.8, 0.7, 0.9])
    found = measure_agreement(ratings_of(labels, groups * 10 - 3)).overall
    counts = np.stack([(labels == k).sum(axis=1) for k in (0, 1)], axis=1)
    for coefficient, estimate in (
        (fleiss_kappa, found.fleiss_kappa),
        (gwet_ac1, found.gwet_ac1),
    ):
        values = [
            coefficient(sum_votes(counts[keep], np.zeros(keep.sum(), np.int64), 1)[0])
            for keep in (groups != group for group in range(8))
        ]
        error = np.sqrt(7 / 8 * np.sum((np.array(values) - np.mean(values)) ** 2))
        assert estimate.standard_error == pytest.approx(error)
        assert estimate.low < estimate.value < estimate.high


def test_intervals_go_by_group_and_not_by_cutout():
    rng = np.random.default_rng(0)
    labels, groups = simulated(rng, 12, 5, [0.8, 0.8])
    # The same cutouts many times add no information.
    once = measure_agreement(ratings_of(labels, groups)).overall.gwet_ac1
    again = measure_agreement(ratings_of(np.tile(labels, (9, 1)), np.tile(groups, 9)))
    assert again.overall.gwet_ac1[:3] == pytest.approx(once[:3])
    cutouts = np.arange(9 * len(labels))
    alone = measure_agreement(ratings_of(np.tile(labels, (9, 1)), cutouts)).overall
    assert alone.gwet_ac1.standard_error < 0.6 * once.standard_error


def test_many_groups_are_joined_into_blocks_as_in_a_comparison_of_models():
    labels, groups = simulated(np.random.default_rng(0), 500, 4, [0.8, 0.7])
    found = measure_agreement(ratings_of(labels, groups))
    joined = measure_agreement(ratings_of(labels, join_groups(groups)))
    assert (found.groups, found.blocks) == (500, 200)
    assert found.overall == joined.overall


@pytest.mark.parametrize(("label", "name"), [(0, "no artifact"), (1, "artifact")])
def test_kappa_of_one_class_is_not_defined_but_the_rest_is(label, name):
    found = measure_agreement(ratings_of(np.full((12, 3), label)))
    for kappa in (found.overall.fleiss_kappa, found.pairs[0].cohen_kappa):
        assert (kappa.value, kappa.has_interval) == (None, False)
        assert kappa.reason == f'all votes are "{name}"'
    for one in (found.overall, *found.pairs):
        assert (one.raw_agreement.value, one.gwet_ac1.value) == (1, 1)


def test_artifacts_in_few_groups_give_a_kappa_without_an_interval():
    labels = np.zeros((60, 2), dtype=np.int8)
    labels[:25, 0] = labels[5:30, 1] = 1
    found = measure_agreement(ratings_of(labels, np.arange(60) // 6)).overall
    assert found.fleiss_kappa.value is not None
    assert found.fleiss_kappa.reason.startswith("only 5 groups contribute")
    assert found.gwet_ac1.has_interval


def test_cutouts_with_one_vote_count_for_the_shares_alone():
    labels = np.array([[1, 1], [0, 0], [1, 0], [0, 0], [1, -1], [1, -1]])
    both = labels[:4]
    found, fewer = (measure_agreement(ratings_of(one)) for one in (labels, both))
    assert found.overall.raw_agreement.value == fewer.overall.raw_agreement.value
    assert found.overall.gwet_ac1.value != fewer.overall.gwet_ac1.value
    assert found.pairs[0].gwet_ac1 == fewer.pairs[0].gwet_ac1


def test_agreement_with_oneself():
    repeats = np.array(
        [[1, 1]] * 6 + [[1, 0]] * 2 + [[0, 0]] * 4 + [[-1, 1], [0, -1], [-1, -1]]
    )
    found = measure_agreement(
        ratings_of(
            [[1, 0]],
            repeats={"A": repeats},
            repeat_groups={"A": np.arange(15) + 40},
        )
    )
    first, second = found.reviewers
    assert (first.repeats, first.repeats_equal) == (12, 10)
    assert first.self_agreement.value == pytest.approx(10 / 12)
    assert first.self_agreement.low < 10 / 12 < first.self_agreement.high
    assert (second.repeats, second.self_agreement.value) == (0, None)
    assert second.self_agreement.reason == "no cutout has a repeated vote"


def test_unsure_is_missing_and_its_rate_is_told():
    labels = np.array([[-1, 1], [1, 1], [0, 0], [-1, 0]])
    unsure = np.array([[True, False], [False] * 2, [False] * 2, [False] * 2])
    found = measure_agreement(ratings_of(labels, unsure=unsure))
    first, second = found.reviewers
    assert (first.votes, first.unsure) == (2, 1)
    assert first.unsure_rate.value == pytest.approx(1 / 3)
    assert (second.unsure, second.unsure_rate.value) == (0, 0)
    assert found.overall.cutouts == 2


def test_seconds_are_medians():
    found = measure_agreement(
        ratings_of([[1, 0]], seconds={"A": np.array([1.0, 9.0, 2.0])})
    )
    assert [(one.seconds, one.timed) for one in found.reviewers] == [(2, 3), (None, 0)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"names": ("A", "A")}, "named twice"),
        ({"names": ("A",)}, "labels has the shape"),
        ({"labels": np.full((2, 2), 2, np.int8)}, "a label is not"),
        ({"unsure": np.ones((2, 1), bool)}, "unsure has the shape"),
        ({"unsure": np.ones((2, 2), bool)}, "an unsure verdict has a label"),
        ({"kinds": np.array([""], object)}, "kinds has the shape"),
        ({"brightness": np.zeros(3)}, "brightness has the shape"),
        ({"seconds": {"C": np.zeros(1)}}, "no reviewer has the name 'C'"),
        ({"repeats": {"A": np.zeros((3, 3), np.int8)}}, "repeats of A has the shape"),
        ({"repeats": {"A": np.zeros((3, 2), np.int8)}}, "repeat_groups of A"),
        (
            {
                "repeats": {"A": np.full((1, 2), 3, np.int8)},
                "repeat_groups": {"A": np.zeros(1, np.int64)},
            },
            "a label is not",
        ),
    ],
)
def test_votes_that_do_not_fit_together_are_refused(change, fault):
    with pytest.raises(ValueError, match=fault):
        ratings_of(**{"labels": [[1, 0], [0, 0]]} | change)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (3, 1)])
def test_too_few_votes_have_no_agreement_but_reasons(shape):
    found = measure_agreement(ratings_of(np.zeros(shape, np.int8)))
    assert found.overall.raw_agreement.value is None
    assert found.overall.fleiss_kappa.reason == "no cutout has two votes"
    for pair in found.pairs:
        assert pair.cohen_kappa.reason == "no cutout has a vote of both"


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(7)
    sensitivity = [0.9, 0.85, 0.75]
    large = measure_agreement(ratings_of(*simulated(rng, 4000, 30, sensitivity)))
    held = {"raw": 0, "fleiss": 0, "ac1": 0, "cohen": 0, "sensitivity": 0}

    def numbers(found):
        overall, against = found.overall, found.reviewers[2].against_others
        return {
            "raw": overall.raw_agreement,
            "fleiss": overall.fleiss_kappa,
            "ac1": overall.gwet_ac1,
            "cohen": found.pairs[0].cohen_kappa,
            "sensitivity": against.confusion.sensitivity,
        }

    truth, surveys = numbers(large), 200
    for _ in range(surveys):
        labels, groups = simulated(rng, 20, 30, sensitivity)
        for name, one in numbers(measure_agreement(ratings_of(labels, groups))).items():
            held[name] += one.low <= truth[name].value <= one.high
    for name, count in held.items():
        assert 0.88 < count / surveys <= 1, name
