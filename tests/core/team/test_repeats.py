"""When a reviewer is asked again, and the pairs of verdicts that come of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.team.ballots import ballots_of
from napari_artifact_review.core.team.repeats import (
    MIN_DISTANCE,
    last_slots,
    repeats_of,
)

FIRST, SECOND = (CutoutKey("a", x, 0) for x in (0, 200))


def walk(looks, share, seed, name="Ana"):
    """Return the numbers of the repeats if each due one follows the next cutout."""
    again, number = [], 0
    while number < looks:
        slots = last_slots(number, share, seed, name)
        done = sum(one >= slots[0] for one in again[-9:]) if slots else 0
        number += 1
        if done < len(slots):
            again.append(number)
            number += 1
    return again


@given(st.integers(0, 5_000), st.floats(0.001, 0.5), st.integers(0, 2**40))
def test_slots_come_at_most_twice_and_only_if_there_are_old_verdicts(
    looks, share, seed
):
    slots = last_slots(looks, share, seed, "Ana")
    assert slots == sorted(slots)
    assert len(slots) <= 2
    assert all(MIN_DISTANCE <= slot <= looks for slot in slots)
    if looks >= MIN_DISTANCE + 2 / share + 1:
        assert slots[-1] > looks - 2 / share - 1, "each run of looks has a slot"


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_the_share_of_repeats_is_that_of_the_rules(share):
    for seed in range(3):
        again = walk(3_000, share, seed)
        assert len(again) == pytest.approx(2_950 * share, rel=0.07, abs=2)


def test_the_places_of_repeats_are_random():
    gaps = np.diff(walk(8_000, 0.05, 1))
    assert gaps.min() < 8
    assert gaps.max() > 32
    assert walk(500, 0.05, 1) != walk(500, 0.05, 2)
    assert walk(500, 0.05, 1) != walk(500, 0.05, 1, "Ben")


def test_pairs_are_the_repeats_and_the_verdicts_before():
    log = DecisionLog()

    def say(name, cutout, label, *, repeat=False):
        verdict = ("no artifact", "artifact")[label]
        decision = Decision(cutout, label, name, f"2026-01-01T00:00:0{label}Z", verdict)
        facts = {"team": {"blind": True} | ({"repeat": True} if repeat else {})}
        [entry] = log.decide([decision], {cutout: facts})
        log.add([entry])
        return entry

    say("Ana", FIRST, 1)
    first = say("Ana", FIRST, 0)
    say("Ben", FIRST, 1)
    again = say("Ana", FIRST, 1, repeat=True)
    say("Ben", SECOND, 1)
    say("Ben", SECOND, 0, repeat=True)
    log.add(log.undo("Ben", lambda _: None))
    say("Carl", SECOND, 1, repeat=True)
    say("Ana", FIRST, 0)
    assert repeats_of(ballots_of(log)) == {"Ana": [(first, again)]}
