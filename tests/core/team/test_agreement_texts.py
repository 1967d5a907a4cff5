"""Agreement as sentences and as JSON."""

from __future__ import annotations

import json

import numpy as np

from napari_artifact_review.core.team.agreement import measure_agreement
from napari_artifact_review.core.team.agreement_texts import as_json, sentences
from tests.core.team.votes import meercrab, ratings_of, simulated


def text_of(labels, groups=None, **others):
    return "\n".join(sentences(measure_agreement(ratings_of(labels, groups, **others))))


def test_the_sentences_of_meercrab(shared_data):
    found = sentences(measure_agreement(meercrab(shared_data)))
    assert found[0] == (
        "10 reviewers gave 50,000 votes; 5,000 cutouts with at least two votes, 3,208 "
        "of them with equal votes."
    )
    text = "\n".join(found)
    assert "pairs of votes that agree is 90.0 % (89.6 to 90.4 %)." in text
    assert "Fleiss' kappa is 0.800 (0.792 to 0.809)." in text
    assert "Cohen's kappa of two reviewers is from 0.636" in text
    missing = [line for line in found if "misses more artifacts" in line]
    assert [line.split(" misses")[0] for line in missing] == [
        "Volunteer 9",
        "Volunteer 10",
    ]
    assert "the sensitivity is 0.766 (0.749 to 0.783) on 2,647 cutouts" in missing[0]
    assert "p < 0.001 by Holm's method" in missing[0]


def test_one_class():
    text = text_of(np.zeros((20, 2)))
    reason = 'is not defined, because all votes are "no artifact".'
    assert f"Fleiss' kappa {reason}" in text
    assert f"Cohen's kappa {reason}" in text
    same = "there is no interval, because it is the same without any one of the groups."
    assert f"Gwet's AC1 is 1.000; {same}" in text
    assert f"pairs of votes that agree is 100.0 %; {same}" in text
    assert "jackknife" not in text


def test_no_votes():
    text = text_of(np.zeros((0, 2)))
    assert "2 reviewers gave 0 votes" in text
    assert "no agreement to measure, because no cutout has two votes" in text
    assert "kappa" not in text


def test_what_did_not_happen_is_not_told():
    labels, groups = simulated(np.random.default_rng(0), 12, 20, [0.9] * 4)
    text = text_of(labels, groups)
    for words in ("tied", "unsure", "again", "for a verdict", "misses", "joined"):
        assert words not in text
    one_class = text_of(np.zeros((9, 3)))
    assert "Cohen" not in one_class


def test_a_name_cannot_break_a_line():
    labels, groups = simulated(np.random.default_rng(0), 40, 40, [0.95, 0.95, 0.6])
    text = text_of(labels, groups, names=("A", "B", "C\nD"))
    assert "C D misses more artifacts" in text
    assert "(A and C D)" in text or "(B and C D)" in text


def test_two_reviewers_are_not_compared_with_a_majority():
    labels, groups = simulated(np.random.default_rng(0), 12, 20, [0.9, 0.5])
    text = text_of(labels, groups)
    assert "because that needs 3 reviewers" in text
    assert "misses more" not in text
    assert "leave out one group of cutouts at a time (jackknife-t; 12 groups)" in text


def test_ties_repeats_unsure_verdicts_and_seconds_are_told():
    labels = np.array([[1, 1, 0], [1, 1, 1], [-1, 0, 0]])
    text = text_of(
        labels,
        unsure=labels < 0,
        repeats={"B": np.array([[1, 1], [0, 1]])},
        repeat_groups={"B": np.array([1, 2])},
        seconds={"C": np.array([2.0, 4.0])},
    )
    assert "leave out 2 votes where the others are tied" in text
    assert "B gave the same label again on 1 of 2 cutouts (50.0 %)." in text
    assert "A was unsure about 1 of 3 cutouts (33.3 %)." in text
    assert "C took 3.0 s for a verdict (median of 2 verdicts)." in text


def test_the_json_is_plain_and_complete():
    labels, groups = simulated(np.random.default_rng(0), 40, 40, [0.95, 0.95, 0.6])
    kinds = np.array(["trail", "ghost"], dtype=object)[groups % 2]
    ratings = ratings_of(labels, groups, kinds=kinds, brightness=groups.astype(float))
    agreement = measure_agreement(ratings)
    found = as_json(agreement)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == as_json(measure_agreement(ratings))
    assert found["misses_more"] == ["C"]
    assert found["sentences"] == sentences(agreement)
    assert found["all"]["fleiss_kappa"]["low"] == agreement.overall.fleiss_kappa.low
    assert found["pairs"][0]["first"] == "A"
    against = found["reviewers"][2]["against_others"]
    assert [part["name"] for part in against["by_kind"]] == ["ghost", "trail"]
    assert against["confusion"]["tp"] > 0
    assert against["test"]["p_value"] < 0.05
