"""The metrics, compared with scikit-learn and with all ways to label open cutouts."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from concurrent.futures import CancelledError
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from napari_artifact_review.core.outcomes import OUTCOMES
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.scores.metrics import NUMBERS, Snapshot, measure
from napari_artifact_review.core.scores.ranking import OpenGroups, Ranking
from tests.core.review.test_queue import ROWS, SAID, THRESHOLDS, catalog_of, decide
from tests.nightly import many

#: A label, a prediction, a confidence (few values, many alike), open or not.
CUTOUTS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 1),
        st.sampled_from((0.0, 0.2, 0.5, 0.9, 1.0, np.nan)),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def columns(cutouts):
    label, preds, confidence, is_open = map(np.array, zip(*cutouts, strict=True))
    return label.astype(np.int8), preds.astype(np.int8), confidence, is_open


def by_sklearn(label, preds, confidence):
    """Return the result of scikit-learn; None where it would only warn."""
    tn, fp, fn, tp = sk.confusion_matrix(label, preds, labels=[0, 1]).ravel().tolist()
    known = ~np.isnan(confidence)
    one = {"zero_division": np.nan}
    rates = {
        "precision": sk.precision_score(label, preds, **one),
        "recall": sk.recall_score(label, preds, **one),
        "f1": sk.f1_score(label, preds, **one),
        "average_precision": np.nan,
    }
    if label[known].any():
        rates["average_precision"] = sk.average_precision_score(
            label[known], confidence[known]
        )
    counts = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    return counts | {k: None if np.isnan(v) else v for k, v in rates.items()}


def same(ours, theirs):
    assert list(ours) == list(NUMBERS)
    assert {k for k, v in ours.items() if v is None} == {
        k for k, v in theirs.items() if v is None
    }
    defined = [k for k, v in ours.items() if v is not None]
    assert [ours[k] for k in defined] == pytest.approx([theirs[k] for k in defined])
    assert [ours[k] for k in NUMBERS[:4]] == [theirs[k] for k in NUMBERS[:4]]


@settings(max_examples=many(300, 3000, few=60))
@given(CUTOUTS)
@example([(0, 0, 0.5, False)])
@example([(1, 1, np.nan, False)])
def test_the_numbers_are_those_of_scikit_learn(cutouts):
    label, preds, confidence, _ = columns(cutouts)
    same(
        measure(label, preds, Ranking(confidence)), by_sklearn(label, preds, confidence)
    )


@given(CUTOUTS)
def test_the_curve_has_the_points_of_scikit_learn(cutouts):
    label, _, confidence, _ = columns(cutouts)
    curve, known = Ranking(confidence).curve(label), ~np.isnan(confidence)
    if not label[known].any():
        assert curve is None
        return
    theirs = sk.precision_recall_curve(label[known], confidence[known])
    for ours, other in zip(curve, theirs, strict=True):
        np.testing.assert_allclose(ours, other)


def bounds_by_force(label, preds, confidence, is_open):
    """Return the extremes over every way to label the open cutouts."""
    found = {name: [] for name in NUMBERS}
    ranking, rows = Ranking(confidence), np.flatnonzero(is_open)
    for values in product((0, 1), repeat=len(rows)):
        filled = label.copy()
        filled[rows] = values
        for name, number in measure(filled, preds, ranking).items():
            if number is not None:
                found[name].append(number)
    return (
        {name: min(values, default=None) for name, values in found.items()},
        {name: max(values, default=None) for name, values in found.items()},
    )


def snapshot(label, preds, confidence, is_open):
    none = np.zeros(len(label), bool)
    return Snapshot(preds, label, label, none, none, is_open, Ranking(confidence))


@settings(max_examples=many(300, 3000, few=60))
@given(CUTOUTS)
@example([(0, 0, 0.5, True)])
@example([(0, 1, 0.9, True), (0, 0, 0.2, True)])
@example([(1, 1, 0.9, True)] * 3 + [(1, 0, 0.9, False), (0, 1, 1.0, True)])
def test_the_bounds_are_the_extremes_of_all_ways_to_fill_the_open(cutouts):
    label, preds, confidence, is_open = columns(cutouts)
    is_open[np.flatnonzero(is_open)[8:]] = False
    found = snapshot(label, preds, confidence, is_open).metrics()
    lowest, highest = bounds_by_force(label, preds, confidence, is_open)
    same(found["lowest"], lowest)
    same(found["highest"], highest)


@settings(max_examples=many(300, 3000, few=60))
@given(
    st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=60),
)
def test_the_short_way_to_the_bounds_finds_what_the_search_finds(cutouts):
    label, is_open = map(np.array, zip(*cutouts, strict=True))
    fixed = np.cumsum((label == 1) & ~is_open)
    ends = np.arange(1, len(label) + 1)
    share = np.diff(fixed, prepend=0) / ends
    at = np.flatnonzero(is_open)
    below = np.cumsum(share[::-1])[::-1][at]
    groups = OpenGroups(np.ones(len(at), np.int64), ends[at], fixed[at], below)
    np.testing.assert_allclose(groups.ordered_sums(), groups.searched_sums())


@pytest.mark.parametrize("confidence", [np.zeros(60), np.arange(60) // 2])
def test_a_search_can_be_given_up_wherever_it_is(confidence):
    answers = iter([False] * 10 + [True])
    with pytest.raises(CancelledError):
        Ranking(confidence).extremes(
            np.zeros(60, np.int8), np.ones(60, bool), lambda: next(answers)
        )


def test_where_confidences_are_alike_the_short_way_would_be_wrong():
    # With one artifact the lowest is neither none, nor the last, nor both.
    confidence = np.array([0.7, 0.5, 0.5, 0.2, 0.2, 0.0, 0.0])
    label = np.array([1, 0, 0, 0, 0, 1, 0], np.int8)
    is_open = np.array([0, 0, 0, 0, 1, 0, 1], bool)
    low, _ = Ranking(confidence).extremes(label, is_open)
    assert low == pytest.approx((1 + 2 / 5 + 3 / 7) / 3)
    assert low < (1 + 2 * 3 / 7) / 3


@settings(max_examples=many(100, 5_000, few=25))
@given(ROWS, SAID, THRESHOLDS, st.lists(st.sampled_from(OUTCOMES), unique=True))
def test_undecided_are_unreviewed_cutouts_of_the_outcomes_and_all_unsure(
    rows, said, threshold, outcomes
):
    catalog = catalog_of(rows)
    for row, verdict, kind in said:
        if row < len(rows):
            decide(catalog, row, verdict, kind)
    catalog.set_threshold(threshold)
    now = catalog.snapshot(outcomes)
    table = catalog.table
    waits = table.outcome.isin(outcomes) & (table.decision == "")
    assert now.is_open.tolist() == (waits | (table.decision == "unsure")).tolist()
    confidence = table.confidence.to_numpy(float)
    found = now.metrics()
    for when, name in (("before", "label"), ("after", "label_new")):
        label, preds = table[name].to_numpy(), table.preds.to_numpy()
        same(found[when], by_sklearn(label, preds, confidence))
    for outcome, flips in now.flips().items():
        those = table[table.outcome == outcome]
        moves = Counter(zip(those.label, those.label_new, strict=True))
        assert flips == (
            len(those),
            (those.decision != "").sum(),
            moves[0, 1],
            moves[1, 0],
            (those.decision == "unsure").sum(),
        )


def test_a_snapshot_stays_as_it_was(session):
    before = session.catalog.snapshot()
    numbers, flips = before.metrics(), before.flips()
    session.set_label("artifact")
    session.set_threshold(0.1)
    assert (before.metrics(), before.flips()) == (numbers, flips)
    assert {when: session.metrics()[when] for when in numbers} != numbers


def test_a_session_tells_what_has_changed_and_what_may_still(session):
    # Two TP, two FP, two FN; the first FP turns out to be an artifact.
    session.select("north", 400, 200)
    session.set_label("artifact")
    session.select("north", 200, 0)
    session.set_label("unsure")
    found = session.metrics()
    assert found.pop("anchoring") is None
    assert list(found) == ["before", "after", "lowest", "highest", "remaining"]
    assert found.pop("remaining")["looked_at"] == 2
    assert [found["before"][name] for name in NUMBERS[:7]] == [2, 2, 2, 30, *[0.5] * 3]
    assert [found[when]["tp"] for when in found] == [2, 3, 3, 4]
    assert [found[when]["fn"] for when in found] == [2, 2, 0, 2]
    assert [found[when]["precision"] for when in found] == [0.5, 0.75, 0.75, 1.0]
    with session:
        every = session.metrics(OUTCOMES)
    assert every["lowest"]["tp"] == 1
    assert every["highest"]["fn"] == 32
    with pytest.raises(ValueError, match="'XX' is none of TN"):
        session.metrics(["XX"])


def test_without_a_confidence_only_the_average_precision_is_missing(survey):
    lines = survey.read_text().splitlines()
    at = lines[0].split(",").index("confidence")
    cut = [",".join(c for i, c in enumerate(r.split(",")) if i != at) for r in lines]
    survey.write_text("\n".join(cut) + "\n")
    with ReviewSession.open(survey) as session:
        found = session.metrics()
    assert found.pop("anchoring") is None
    assert found.pop("remaining")["estimate"] is None
    for numbers in found.values():
        assert [k for k, v in numbers.items() if v is None] == ["average_precision"]


def test_two_million_rows_take_no_memory_to_speak_of():
    draw = np.random.default_rng(0)
    n = 2_100_000
    confidence, preds = draw.random(n), np.zeros(n, np.int8)
    label = (draw.random(n) < confidence / 9).astype(np.int8)
    is_open = np.zeros(n, bool)
    is_open[draw.choice(np.flatnonzero(label == 0), 100_000, replace=False)] = True
    moment = snapshot(label, preds, confidence, is_open)
    tracemalloc.start()
    try:
        found = moment.metrics()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    low, now, high = (
        found[when]["average_precision"] for when in ("lowest", "after", "highest")
    )
    assert low < now < high
    # Memory of a few columns; a square matrix of the open cutouts has 80 GB.
    assert peak < 20 * confidence.nbytes
