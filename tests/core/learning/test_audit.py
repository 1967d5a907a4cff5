"""The result of an audit: sides, confirmations, both ways, what is left, coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.learning.audit import (
    RECURRING,
    Audit,
    SampledCutout,
    audit_result,
)
from napari_artifact_review.core.learning.audit_interval import (
    audit_alpha,
    hypergeometric_interval,
)
from tests.nightly import many

KEPT = SampledCutout(0, "kept")
FIND = SampledCutout(0, "changed", "second reviewer")
FALSE_FIND = SampledCutout(1, "changed", "second reviewer")
WEAKER = SampledCutout(0, "changed", "same reviewer")
UNCONFIRMED = SampledCutout(0, "changed")
REJECTED = SampledCutout(0, "changed", "rejected")
UNSURE = SampledCutout(0, "unsure")
UNANSWERED = SampledCutout(0)

POPULATION = (900, 100)


def result_of(*sample, number=1, population=POPULATION, **later):
    """Return the result of an audit of these cutouts."""
    return audit_result(Audit(number, population, sample, **later))


def interval(k, n, population, number=1, rate=0.0):
    """Return the interval at the level of an audit."""
    return hypergeometric_interval(k, n, population, audit_alpha(number), rate)


def test_each_side_has_the_interval_of_its_own_population():
    sample = [FIND] * 2 + [KEPT] * 50 + [FALSE_FIND] + [SampledCutout(1, "kept")] * 7
    result = result_of(*sample)
    assert (result.size, result.answered, result.alpha) == (60, 60, audit_alpha(1))
    missed, false, together = result.sides
    assert missed.wrong == interval(2, 52, 900)
    assert false.wrong == interval(1, 8, 100)
    assert together.wrong == interval(3, 60, 1000)
    assert (missed.confirmed, false.confirmed, together.confirmed) == (2, 1, 3)


def test_a_later_audit_has_a_wider_interval():
    first, second = (result_of(FIND, *[KEPT] * 49, number=n) for n in (1, 2))
    assert second.sides.together.wrong == interval(1, 50, 1000, number=2)
    assert second.sides.together.wrong.high > first.sides.together.wrong.high


@pytest.mark.parametrize("open_cutout", [UNSURE, UNANSWERED, UNCONFIRMED])
def test_a_cutout_that_is_not_settled_counts_both_ways(open_cutout):
    found = result_of(FIND, open_cutout, *[KEPT] * 48).sides.missed.wrong
    assert found.low == interval(1, 50, 900).low
    assert found.high == interval(2, 50, 900).high


def test_a_rejected_find_counts_as_a_right_label():
    found = result_of(FIND, REJECTED, *[KEPT] * 48)
    assert found.sides.missed.wrong == interval(1, 50, 900)
    assert found.sides.missed.rejected == 1


def test_a_find_that_only_the_same_reviewer_confirmed_counts_and_is_marked():
    strong, weak = (result_of(find, *[KEPT] * 49) for find in (FIND, WEAKER))
    assert weak.sides.missed.wrong == strong.sides.missed.wrong
    assert (weak.is_weaker, strong.is_weaker) == (True, False)
    assert any("same reviewer" in note for note in weak.notes)
    assert not any("same reviewer" in note for note in strong.notes)


def test_the_band_of_false_alarms_widens_the_lower_end_only():
    found = result_of(*[FIND] * 20, *[KEPT] * 180).sides.missed
    expected = interval(20, 200, 900, rate=RECURRING)
    assert found.wrong_with_false_alarms == expected
    assert expected.low < found.wrong.low
    assert expected.high == found.wrong.high
    assert found.left_with_false_alarms == (expected.low - 20, found.left.high)


def test_each_result_says_that_misses_are_not_corrected():
    assert "miss" in result_of(KEPT).notes[0]
    counts = result_of(UNCONFIRMED, UNSURE, UNSURE, UNANSWERED, WEAKER).notes[1:]
    assert [note.split()[0] for note in counts] == ["1", "1", "2", "1"]


def test_wrong_labels_that_were_changed_are_not_left():
    sample = [FIND] * 3 + [KEPT] * 397
    population = (9000, 288)
    left = result_of(*sample, population=population).sides.together
    assert left.wrong == (13, 214)
    assert left.left == (10, 211)
    later = {"found_later": (6, 2), "found_later_confirmed": (4, 1)}
    found = result_of(*sample, population=population, **later).sides
    assert found.together.wrong == left.wrong
    # The lower end trusts each later find, the upper end only confirmed ones.
    assert found.together.left == (10 - 8, 211 - 5)
    assert found.missed.left.high == interval(3, 400, 9000).high - 3 - 4
    assert found.false.left == (0, 288 - 1)


def test_less_than_nothing_is_never_left():
    later = {"found_later": (900, 0), "found_later_confirmed": (900, 0)}
    found = result_of(*[SampledCutout(1, "kept")] * 100, **later).sides
    assert found.missed.left == (0, 0)
    assert found.together.left.low == 0


ANSWERS = [KEPT, FIND, WEAKER, UNCONFIRMED, REJECTED, UNSURE, UNANSWERED]
STEPS = {
    UNANSWERED: [UNSURE, KEPT, UNCONFIRMED],
    UNSURE: [KEPT, UNCONFIRMED],
    UNCONFIRMED: [FIND, WEAKER, REJECTED],
}


@st.composite
def audits(draw):
    """Return an audit of missed artifacts in any state."""
    sample = draw(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=40))
    unsampled = draw(st.integers(0, 500))
    later = draw(st.integers(0, min(unsampled, 30)))
    confirmed = draw(st.integers(0, later))
    population = (len(sample) + unsampled, 3)
    return Audit(1, population, sample, (later, 0), (confirmed, 0))


@given(audits(), st.data())
@settings(max_examples=many(300, 3000, few=100))
def test_each_verdict_and_each_second_look_only_narrows_the_interval(audit, data):
    sample = list(audit.sample)
    places = [i for i, cutout in enumerate(sample) if cutout in STEPS]
    if not places:
        return
    before = audit_result(audit).sides.missed
    place = data.draw(st.sampled_from(places))
    sample[place] = data.draw(st.sampled_from(STEPS[sample[place]]))
    after = audit_result(replace(audit, sample=sample)).sides.missed
    for name in ("wrong", "wrong_with_false_alarms", "left", "left_with_false_alarms"):
        wide, narrow = getattr(before, name), getattr(after, name)
        assert wide.low <= narrow.low <= narrow.high <= wide.high


@given(audits(), st.data())
@settings(max_examples=many(300, 3000, few=100))
def test_what_is_left_holds_every_truth_that_the_audit_allows(audit, data):
    # Settle each open cutout and each later find in any way.
    truth, mended = 0, 0
    for cutout in audit.sample:
        is_open = cutout in (UNCONFIRMED, UNSURE, UNANSWERED)
        is_wrong = data.draw(st.booleans()) if is_open else cutout in (FIND, WEAKER)
        truth += is_wrong
        mended += is_wrong and cutout.answer == "changed"
    unconfirmed = audit.found_later[0] - audit.found_later_confirmed[0]
    mended += audit.found_later_confirmed[0]
    mended += data.draw(st.integers(0, unconfirmed))
    wrong = interval(truth, len(audit.sample), audit.population[0])
    left = audit_result(audit).sides.missed.left
    assert left.low <= max(0, wrong.low - mended)
    assert max(0, wrong.high - mended) <= left.high


@pytest.mark.parametrize(
    ("find", "expected"), [("raw", (0.0, 0.5)), ("confirmed", (0.95, 1.0))]
)
def test_simulated_reviewers_with_mistakes_need_a_second_look(find, expected):
    # 5 % mistakes in 60 audits of 100 among 1,000 cutouts with 20 wrong labels.
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(60):
        is_wrong = rng.choice(np.arange(1000) < 20, 100, replace=False)
        first, second = is_wrong ^ (rng.random((2, 100)) < 0.05)
        if find == "raw":
            second = first
        confirmation = np.where(second, "second reviewer", "rejected")
        sample = [
            SampledCutout(0, "changed", look) if changed else KEPT
            for changed, look in zip(first, confirmation, strict=True)
        ]
        found = audit_result(Audit(1, (1000, 0), sample)).sides.missed.wrong
        held += found.low <= 20 <= found.high
    assert expected[0] <= held / 60 <= expected[1]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"population": (0, 5)}, "do not fit"),
        ({"found_later": (900, 0)}, "do not fit"),
        ({"found_later_confirmed": (1, 0)}, "do not fit"),
        ({"sample": [SampledCutout(2)]}, "0 or 1"),
        ({"sample": [SampledCutout(0, "kept", "rejected")]}, "Only a changed"),
    ],
)
def test_facts_that_contradict_each_other_are_refused(change, fault):
    with pytest.raises(ValueError, match=fault):
        replace(Audit(1, POPULATION, [FIND, KEPT]), **change)
