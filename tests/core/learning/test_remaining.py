"""What is left: the estimate, the sentence, the JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.learning.audit import (
    Audit,
    SampledCutout,
    audit_result,
)
from napari_artifact_review.core.learning.remaining import (
    Estimate,
    Remaining,
    as_json,
    estimate_remaining,
    sentence,
    target_text,
)

KEPT = SampledCutout(0, "kept")
FIND = SampledCutout(0, "changed", "second reviewer")


def audited(*sample, number=1, population=(9000, 288)):
    """Return the result of an audit of these cutouts."""
    return audit_result(Audit(number, population, sample))


def estimated(queue, table):
    """Return estimates of what is left, all of it missed artifacts."""
    rows = 2 * (int(table) + 1)
    probability = np.zeros(rows)
    in_queue = np.arange(rows) < rows // 2
    probability[in_queue] = queue / in_queue.sum()
    probability[~in_queue] = (table - queue) / (~in_queue).sum()
    none = np.zeros(rows, bool)
    return estimate_remaining(np.zeros(rows), none, none, in_queue, probability)


AUDIT = audited(*[FIND] * 3, *[KEPT] * 397)
ESTIMATES = estimated(6.2, 94.4)
START = Remaining(looked_at=233, queue_size=582, without_verdict=9637)


def test_the_estimate_adds_what_each_cutout_is_expected_to_hold():
    nan = np.nan
    estimates = estimate_remaining(
        label=np.array([0, 0, 0, 1, 1, 1]),
        is_looked_at=np.array([1, 0, 0, 1, 1, 0], bool),
        is_changed=np.array([1, 0, 0, 1, 0, 0], bool),
        in_queue=np.array([1, 1, 0, 0, 1, 1], bool),
        probability=np.array([nan, 0.5, 0.25, nan, nan, 0.125]),
    )
    assert estimates.queue.missed == Estimate(1, 0.5)
    assert estimates.queue.false == Estimate(0, 0.125)
    assert estimates.queue.together == Estimate(1, 0.625)
    assert estimates.table.missed == Estimate(1, 0.75)
    assert estimates.table.false == Estimate(1, 0.125)
    assert estimates.table.together == Estimate(2, 0.875)
    assert estimates.table.together.recall == pytest.approx(2 / 2.875)


def test_a_cutout_without_a_verdict_needs_a_probability():
    rows = np.zeros(2, bool)
    with pytest.raises(ValueError, match="from 0 to 1"):
        estimate_remaining(rows, rows, rows, rows, np.array([0.5, np.nan]))


def test_without_wrong_labels_there_is_no_recall():
    assert Estimate(0, 0.0).recall is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1)),
        max_size=30,
    )
)
def test_the_sides_add_up(rows):
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [
        np.array([], bool)
    ] * 4
    label, is_looked_at, in_queue, probability = columns
    changed = is_looked_at & label
    estimates = estimate_remaining(
        label.astype("i1"), is_looked_at, changed, in_queue, probability
    )
    for missed, false, together in (estimates.queue, estimates.table):
        assert missed.found + false.found == together.found
        assert missed.left + false.left == pytest.approx(together.left)
    assert estimates.queue.together.left <= estimates.table.together.left + 1e-9


def test_the_sentence_names_looks_estimate_and_audit():
    now = replace(START, estimates=ESTIMATES, audits=[AUDIT])
    assert sentence(now) == (
        "233 of 582 looked at; about 6 wrong labels left among the errors (estimate); "
        "10 to 211 in the whole table (95 %, audit of 400)"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "233 of 582 looked at; no estimate yet; no audit yet"),
        (
            {"estimates": ESTIMATES},
            "233 of 582 looked at; about 6 wrong labels left among the errors "
            "(estimate); about 94 in the whole table (estimate); no audit yet",
        ),
        (
            {"audits": [AUDIT]},
            "233 of 582 looked at; 10 to 211 wrong labels left in the whole table "
            "(95 %, audit of 400); no estimate yet",
        ),
        (
            {"estimates": ESTIMATES, "looked_at": 582},
            "All 582 looked at; about 94 wrong labels left in the whole table "
            "(estimate); no audit yet",
        ),
        (
            {"estimates": ESTIMATES, "looked_at": 1200, "queue_size": 1200},
            "All 1,200 looked at; about 94 wrong labels left in the whole table "
            "(estimate); no audit yet",
        ),
        (
            {"estimates": estimated(1.3, 30), "queue_name": "the agreements"},
            "233 of 582 looked at; about 1 wrong label left among the agreements "
            "(estimate); about 30 in the whole table (estimate); no audit yet",
        ),
        (
            {"estimates": replace(ESTIMATES, table=None)},
            "233 of 582 looked at; about 6 wrong labels left among the errors "
            "(estimate); no estimate for the whole table yet; no audit yet",
        ),
        (
            {"estimates": replace(ESTIMATES, table=None), "looked_at": 582},
            "All 582 looked at; no estimate for the whole table yet; no audit yet",
        ),
        (
            {"estimates": replace(ESTIMATES, table=None), "audits": [AUDIT]},
            "233 of 582 looked at; about 6 wrong labels left among the errors "
            "(estimate); 10 to 211 in the whole table (95 %, audit of 400)",
        ),
        ({"without_verdict": 0}, "The whole table is looked at"),
    ],
)
def test_the_sentence_says_what_is_not_known(change, told):
    assert sentence(replace(START, **change)) == told


@pytest.mark.parametrize(
    ("sample", "basis"),
    [
        ([KEPT] * 3 + [SampledCutout(0)], "(95 %, 3 of 4 audited)"),
        (
            [KEPT, SampledCutout(0, "changed")],
            "(95 %, audit of 2, 1 not confirmed)",
        ),
        (
            [KEPT, SampledCutout(0, "changed", "same reviewer")],
            "(95 %, audit of 2, 1 confirmed by the same reviewer only)",
        ),
    ],
)
def test_the_sentence_says_what_an_audit_rests_on(sample, basis):
    assert basis in sentence(replace(START, audits=[audited(*sample)]))


def test_an_audit_of_all_gives_one_number():
    audit = audited(FIND, KEPT, KEPT, population=(3, 0))
    assert "; 0 wrong labels left in the whole table (95 %, audit of 3)" in sentence(
        replace(START, audits=[audit])
    )


def test_the_sentence_speaks_of_the_narrowest_audit():
    started = audited(*[SampledCutout(0)] * 400, number=2)
    now = replace(START, audits=[AUDIT, started])
    assert now.narrowest_audit is AUDIT
    assert "audit of 400" in sentence(now)
    assert START.narrowest_audit is None


def test_the_json_is_plain_and_has_the_same_keys_from_the_beginning():
    full = replace(
        START,
        estimates=ESTIMATES,
        audits=[AUDIT],
        looks_to_target=12,
        seconds_to_target=30.0,
    )
    for remaining in (START, full):
        told = as_json(remaining)
        # Arrays, NumPy's numbers and tuples would not come back the same.
        assert json.loads(json.dumps(told, allow_nan=False)) == told
        assert told["sentence"] == sentence(remaining)
    assert as_json(START).keys() == as_json(full).keys()
    assert as_json(START)["estimate"] is None
    assert as_json(START)["audits"] == []


def test_the_json_holds_each_number():
    told = as_json(
        replace(START, estimates=ESTIMATES, audits=[AUDIT], looks_to_target=9)
    )
    assert told["looked_at"] == 233
    assert told["looks_to_target"] == 9
    assert told["estimate"]["queue"]["missed"]["left"] == pytest.approx(6.2)
    assert told["estimate"]["table"]["together"]["recall"] == 0
    (audit,) = told["audits"]
    assert audit["number"] == 1
    assert audit["together"]["wrong"] == {"low": 13, "high": 214}
    assert audit["together"]["left"] == {"low": 10, "high": 211}
    assert audit["missed"]["confirmed"] == 3
    assert audit["false"]["sampled"] == 0
    assert audit["notes"] == list(AUDIT.notes)


@pytest.mark.parametrize(
    ("looks", "seconds", "text"),
    [
        (None, None, ""),
        (0, None, "The estimated recall of 0.9 among the errors is reached"),
        (
            1200,
            None,
            "About 1,200 more looks in the order of the queue to an estimated recall "
            "of 0.9",
        ),
        (
            120,
            480.0,
            "About 120 more looks in the order of the queue to an estimated recall of "
            "0.9, or 8 min",
        ),
    ],
)
def test_the_target_is_looks_and_minutes(looks, seconds, text):
    known = Remaining(5, 10, 20, looks_to_target=looks, seconds_to_target=seconds)
    assert target_text(known) == text
