"""Draws by seed: the same on every computer, uniform, and stable."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.team.assignment import (
    are_assigned,
    are_common,
    assignment_by,
    cutout_numbers,
    interleaved,
    lots,
)
from napari_artifact_review.core.team.rules import TeamRules
from tests.nightly import many

COUNT = 4_000
NAMES = tuple(f"exposure_{n}" for n in range(20))
IMAGE = np.arange(COUNT) // 200
X, Y = np.arange(COUNT) % 20 * 200, np.arange(COUNT) // 20 % 10 * 200
NUMBERS = cutout_numbers(NAMES, IMAGE, X, Y)

_TEAM = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters=";\0"), min_size=1),
    min_size=1,
    max_size=6,
    unique=True,
)
_SEED = st.integers(0, 2**70)


def masks(members, k, share=0.0, seed=0):
    """Return the mask of each member, shape (members, cutouts)."""
    each = [are_assigned(NUMBERS, name, members, k, share, seed) for name in members]
    return np.array(each)


def test_lots_are_the_output_of_splitmix64():
    # The number for which the state is 0, and the first output for the seed 0.
    digest = hashlib.blake2b(b"5\0x", digest_size=8).digest()
    number = np.frombuffer(digest, dtype="<u8").astype(np.uint64)
    assert lots(number, 5, "x") == 0xE220A8397B1DCDAF
    assert lots(number, 6, "x") != lots(number, 5, "x") != lots(number, 5, "y")


def test_numbers_depend_on_the_key_of_a_cutout_only():
    order = np.random.default_rng(1).permutation(COUNT)
    again = cutout_numbers(NAMES[::-1], 19 - IMAGE[order], X[order], Y[order])
    np.testing.assert_array_equal(again, NUMBERS[order])
    assert len(np.unique(NUMBERS)) == COUNT


@given(_TEAM, st.integers(1, 8), st.sampled_from([0.0, 0.1, 1.0]), _SEED)
def test_each_cutout_has_as_many_reviewers_as_the_rules_say(team, k, share, seed):
    common = are_common(NUMBERS, share, seed)
    reviewers = masks(team, k, share, seed).sum(axis=0)
    assert (reviewers[common] == len(team)).all()
    assert (reviewers[~common] == min(k, len(team))).all()


@given(_TEAM, st.integers(1, 8), _SEED)
def test_the_loads_are_even(team, k, seed):
    loads = masks(team, k, 0, seed).sum(axis=1)
    share = min(k, len(team)) / len(team)
    deviation = np.sqrt(COUNT * share * (1 - share))
    assert np.abs(loads - COUNT * share).max() <= 6 * deviation


@given(_TEAM, st.integers(1, 8), _SEED)
def test_a_cutout_moves_only_if_the_member_who_leaves_had_it(team, k, seed):
    left = team[:-1]
    before, after = masks(team, k, 0, seed), masks(left, k, 0, seed)
    had = before[-1]
    if left:
        np.testing.assert_array_equal(before[:-1, ~had], after[:, ~had])
        # One other member has each of the cutouts instead, if there is one.
        gained = (after[:, had] & ~before[:-1, had]).sum(axis=0)
        assert (gained == (k < len(team))).all()
        assert not (before[:-1, had] & ~after[:, had]).any()


@given(_TEAM, st.randoms(), st.integers(1, 8), _SEED)
def test_the_order_of_the_members_does_not_matter(team, random, k, seed):
    other = team.copy()
    random.shuffle(other)
    for name in team:
        np.testing.assert_array_equal(
            are_assigned(NUMBERS, name, team, k, 0, seed),
            are_assigned(NUMBERS, name, other, k, 0, seed),
        )


@given(st.floats(0, 1), st.floats(0, 1), _SEED)
def test_common_cutouts_are_a_share_and_a_larger_share_has_them_too(one, other, seed):
    small, large = (are_common(NUMBERS, s, seed) for s in sorted((one, other)))
    assert not (small & ~large).any()
    assert abs(small.mean() - min(one, other)) < 6 * 0.5 / np.sqrt(COUNT)
    assert are_common(NUMBERS, 1, seed).all()
    assert not are_common(NUMBERS, 0, seed).any()


def test_draws_for_different_purposes_are_independent():
    halves = [lots(NUMBERS, 7, name) < 2**63 for name in ("a", "b")]
    both = (halves[0] & halves[1]).mean()
    assert abs(both - 0.25) < 0.04


def test_everyone_has_all_without_a_number_of_reviewers():
    rules = TeamRules(members=("Ana", "Ben"), common_share=0.1)
    for name, is_member in (("Ana", True), ("Carl", False)):
        one = assignment_by(rules, NUMBERS, name)
        assert one.in_queue.all()
        assert one.is_member == is_member
        assert (one.assigned == is_member).all()


def test_a_reviewer_who_is_no_member_has_all_and_is_assigned_none():
    rules = TeamRules(members=("Ana", "Ben"), reviewers_per_cutout=1, seed=3)
    ana, carl = (assignment_by(rules, NUMBERS, name) for name in ("Ana", "Carl"))
    assert carl.in_queue.all()
    assert not carl.assigned.any()
    np.testing.assert_array_equal(ana.in_queue, ana.assigned)
    assert 0.4 < ana.assigned.mean() < 0.6


@settings(max_examples=many(400, 5_000, few=100))
@given(st.integers(0, 300), st.integers(0, 80), st.data())
def test_common_cutouts_are_spread_evenly(n_others, n_common, data):
    others, common = np.arange(n_others), 1000 + np.arange(n_common)
    merged = interleaved(others, common)
    is_common = merged >= 1000
    np.testing.assert_array_equal(merged[~is_common], others)
    np.testing.assert_array_equal(merged[is_common], common)
    share = n_common / max(n_common + n_others, 1)
    looks = 1 + np.arange(len(merged))
    assert (np.abs(np.cumsum(is_common) - looks * share) <= 1).all()
    # If the queue goes on from anywhere, it is the same.
    at = data.draw(st.integers(0, len(merged)))
    before = int(is_common[:at].sum())
    rest = interleaved(others[at - before :], common[before:], at - before, before)
    np.testing.assert_array_equal(rest, merged[at:])


@pytest.mark.parametrize(("common_before", "first"), [(0, True), (20, False)])
def test_too_few_common_cutouts_before_are_made_up_for(common_before, first):
    others, common = np.arange(100), 1000 + np.arange(20)
    merged = interleaved(others, common, 100, common_before)
    assert (merged[:3] >= 1000).all() == first
