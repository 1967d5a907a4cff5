"""Merged entries: the same in every order, and nothing lost where copies differ."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import NO_DIGEST, Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.merging import (
    COPIED_FROM,
    merge_entries,
    original_of,
)
from napari_artifact_review.core.outcomes import LABEL_NAMES
from tests.nightly import many

CUTOUTS = [CutoutKey("a", x, 0) for x in range(3)]
LOGS = ["1" * 32, "2" * 32]


def decided(log, *which, reviewer="Ana", label=1):
    """Return entries of one act about some cutouts."""
    at = f"2026-01-01T00:00:{len(log.entries):02}.000Z"
    verdict = LABEL_NAMES[label]
    decisions = [Decision(CUTOUTS[i], label, reviewer, at, verdict) for i in which]
    return log.decide(decisions, {CUTOUTS[0]: {"threshold": 0.5}})


def undone(log, reviewer="Ana"):
    return log.undo(reviewer, lambda _: LabelState(0))


def continued(entries, log_id, *acts):
    """Return the entries of a file, and further acts in one of its logs."""
    log = DecisionLog(entries, log_id=log_id)
    for act in acts:
        log.add(act(log))
    return list(log.entries)


def decide(*which, **more):
    return lambda log: decided(log, *which, **more)


def merged(*files):
    return merge_entries(itertools.chain(*files)).entries


def is_gapless(entries):
    last = {}
    for entry in entries:
        if not (entry.is_sound() and entry.follows(last.get(entry.log_id))):
            return False
        last[entry.log_id] = entry
    return True


def facts(entry):
    """Return what an entry says, wherever it is."""
    context = {k: v for k, v in entry.context.items() if k != COPIED_FROM}
    return (
        *(entry.clock, entry.action, entry.cutout, entry.label_new, entry.reviewer),
        *(entry.decided_at, json.dumps(context), entry.verdict, entry.origin),
    )


def labels(entries):
    log = DecisionLog(entries)
    return [log.in_force(cutout) for cutout in CUTOUTS]


@st.composite
def files(draw, least=3):
    """Draw files of one review: logs, copies that went on, and merges that went on.

    The second computer has the log of the first, and may undo its acts.
    """
    start = continued([], LOGS[0], decide(0), decide(1))
    made = [start, start]
    if draw(st.booleans()):
        # The first computer's log diverged, and both are in a merged file.
        other = continued(start[:1], LOGS[0], decide(1, label=0), decide(2))
        made = [start, start, other, merged(start, other)]
    acts = st.sampled_from(["decide", "decide", "several", "undo", "redo"])
    steps = st.sampled_from(["write", "write", "write", "copy", "merge", "own log"])
    writes_to = dict(enumerate([*LOGS, LOGS[0], "3" * 32]))
    for step in draw(st.lists(steps, min_size=4, max_size=14)):
        which = draw(st.integers(0, len(made) - 1))
        if step == "copy":
            writes_to[len(made)] = writes_to[which]
            made.append(list(made[which]))
        elif step == "own log":
            writes_to[len(made)] = LOGS[1]
            made.append([e for e in made[which] if e.log_id != LOGS[1]])
        elif step == "merge":
            other = draw(st.integers(0, len(made) - 1))
            writes_to[len(made)] = draw(st.sampled_from([*LOGS, "3" * 32]))
            made.append(merged(made[which], made[other]))
        else:
            reviewer = draw(st.sampled_from(["Ana", "Ben"]))
            log = DecisionLog(made[which], log_id=writes_to[which])
            act = draw(acts)
            if act == "undo":
                new = log.undo(reviewer, lambda _: LabelState(0), pick(draw, log.done))
            elif act == "redo":
                new = log.redo(reviewer, pick(draw, log.undone))
            else:
                cutouts = (0, 1) if act == "several" else (draw(st.integers(0, 2)),)
                label = draw(st.integers(0, 1))
                new = decided(log, *cutouts, reviewer=reviewer, label=label)
            log.add(new)
            made[which] = list(log.entries)
    while len(made) < least:
        made.append(list(made[-1]))
    return made


def pick(draw, acts):
    return draw(st.sampled_from(acts)) if acts else None


@settings(max_examples=many(400, 20_000, few=100))
@given(files(), st.randoms(use_true_random=False))
def test_any_order_and_any_number_of_merges_give_the_same_entries(made, random):
    expected = merged(*made)
    assert is_gapless(expected)
    shuffled = random.sample(made, len(made))
    assert merged(*shuffled) == expected
    step = []
    for one in shuffled:
        step = merged(step, one)
    assert step == expected
    first = random.randrange(len(made))
    assert merged(merged(*made[:first]), merged(*made[first:])) == expected
    assert merged(expected) == expected
    assert merged(expected, random.choice(made), expected) == expected


@settings(max_examples=many(300, 10_000, few=60))
@given(files())
def test_each_original_entry_is_there_once_with_what_it_says(made):
    result = merge_entries(itertools.chain(*made))
    originals = {each.digest: each for each in result.originals.values()}
    assert Counter(map(facts, result.entries)) == Counter(
        map(facts, originals.values())
    )
    by_id = {entry.id: entry for entry in result.entries}
    for digest, original in originals.items():
        entry = by_id[result.new_ids[digest]]
        assert facts(entry) == facts(original)
        assert entry == original or original_of(entry) == original
        # Each act that an entry names is where the entry says.
        assert by_id[entry.act].cutout in CUTOUTS


@settings(max_examples=many(200, 5_000, few=50))
@given(files())
def test_entries_are_read_as_they_were_stored(made):
    expected = merged(*made)
    stored = [Entry.from_json(entry.as_json()) for entry in expected]
    assert stored == expected
    assert merged(stored, *made) == expected


def test_logs_that_never_met_are_unchanged():
    ana = continued([], LOGS[0], decide(0), undone, decide(1))
    ben = continued([], LOGS[1], decide(0, 2, reviewer="Ben"))
    together = DecisionLog([*ana, *ben])
    result = merge_entries([*ben, *ana])
    assert result.entries == list(together.entries)
    assert result.divergences == ()


@pytest.mark.parametrize("shared", [0, 1, 3])
@pytest.mark.parametrize("ways", [2, 3])
def test_copies_split_at_the_first_different_entry(shared, ways):
    trunk = continued([], LOGS[0], *[decide(0)] * shared)
    copies = [
        continued(trunk, LOGS[0], decide(1, label=n % 2), *[decide(2)] * n)
        for n in range(ways)
    ]
    if ways == 3:
        # Otherwise the first and the third copy begin with the same entry.
        copies[2] = continued(trunk, LOGS[0], decide(0, 1), decide(2))
    result = merge_entries(itertools.chain(*copies))
    [divergence] = result.divergences
    assert (divergence.log_id, len(divergence.branches)) == (LOGS[0], ways)
    assert divergence.after == (trunk[-1] if trunk else None)
    kept = [entry for entry in result.entries if entry.log_id == LOGS[0]]
    assert kept == trunk
    logs = {entry.log_id for entry in result.entries} - {LOGS[0]}
    assert len(logs) == ways
    for entry in result.entries[shared:]:
        log_id, number, *_, digest = entry.context[COPIED_FROM]
        original = result.originals[digest]
        assert (log_id, number) == original.id
    assert Counter(map(facts, result.entries[shared:])) == Counter(
        facts(entry) for copy in copies for entry in copy[shared:]
    )


def test_a_copy_that_only_went_on_is_no_split():
    short = continued([], LOGS[0], decide(0))
    long = continued(short, LOGS[0], decide(1), undone)
    assert merged(short, long) == merged(long, short) == long


def test_an_undo_in_one_copy_leaves_the_act_of_the_other():
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1), undone)
    other = continued(trunk, LOGS[0], decide(1, label=0))
    _, second, _ = labels(merged(one, other))
    assert second.label_new == 0


def test_an_undo_of_another_log_follows_the_act_that_its_file_had():
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1))
    other = continued(trunk, LOGS[0], decide(2))
    # Ana undoes on a second computer, to which the first copy came.
    undoing = continued(one, LOGS[1], undone)
    expected = [labels(trunk)[0], None, labels(other)[2]]
    assert labels(merged(one, other, undoing)) == expected
    assert labels(merged(undoing, other)) == expected


def test_an_undo_after_a_merge_follows_its_act_through_later_splits():
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1), decide(2), decide(0, label=0))
    other = continued(trunk, LOGS[0], decide(1, label=0))
    team = merged(one, other)
    [act] = [e.id for e in team if facts(e) == facts(one[-1])]
    undoing = continued(
        team, LOGS[1], lambda log: log.undo("Ana", lambda _: LabelState(0), act)
    )
    # A third copy diverged within the branch that the team's file has.
    third = continued(one[:2], LOGS[0], decide(2, label=0))
    result = labels(merged(undoing, third))
    assert result == labels(merged(third, other, one, undoing))
    assert result[0].label_new == 1


def test_an_undo_never_takes_an_act_that_came_later():
    # Which of two branches has the smaller digest is by chance, so try several.
    for x, label in itertools.product(range(2), range(2)):
        trunk = continued([], LOGS[0], decide(2))
        one = continued(trunk, LOGS[0], decide(x, label=label))
        undoing = continued(one, LOGS[1], undone)
        later = [decide(2, reviewer="Ben")] * 5
        other = continued(trunk, "3" * 32, *later)
        other = continued(other, LOGS[0], decide(x, label=1 - label))
        by_id = {entry.id: entry for entry in merged(one, other, undoing)}
        [undo] = (entry for entry in by_id.values() if entry.action == "undo")
        assert by_id[undo.act].label_new == label


def test_an_undo_in_a_merged_file_takes_the_act_of_its_branch():
    trunk = continued([], LOGS[0], decide(2))
    ways = [
        continued(trunk, LOGS[0], decide(1 + n), decide(0, label=n)) for n in (0, 1)
    ]
    team = merged(*ways)
    for n, way in enumerate(ways):
        [act] = [entry.id for entry in team if facts(entry) == facts(way[-1])]
        undoing = continued(
            team,
            LOGS[1],
            lambda log, act=act: log.undo("Ana", lambda _: LabelState(0), act),
        )
        assert labels(merged(undoing))[0].label_new == 1 - n


def test_what_follows_the_undo_of_a_moved_act_is_one_log():
    trunk = continued([], LOGS[0], decide(2))
    one = continued(trunk, LOGS[0], decide(0), decide(1))
    other = continued(trunk, LOGS[0], decide(2, label=0))
    undoing = continued(one, LOGS[1], decide(2), undone, undone, undone, decide(2))
    ends = [e for e in merged(undoing, other) if e.log_id not in (LOGS[0], LOGS[1])]
    counts = Counter(entry.log_id for entry in ends)
    assert sorted(counts.values()) == [1, 2, 3]


def test_verdicts_after_a_merge_are_merged_again():
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1))
    other = continued(trunk, LOGS[0], decide(2))
    team = continued(merged(one, other), LOGS[1], decide(0, label=0))
    one = continued(one, LOGS[0], decide(2))
    again = merged(team, one)
    assert again == merged(one, other, team)
    assert len(again) == 5
    assert [entry for entry in again if entry in team] == team


@pytest.mark.parametrize(
    "change",
    [
        {"note": "not what the original says"},
        {"context": {COPIED_FROM: ["x"]}},
        {"context": {COPIED_FROM: 1}},
        {"context": {COPIED_FROM: [None] * 15}},
    ],
)
def test_an_entry_that_claims_an_original_it_has_not_is_kept_as_it_is(change):
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1))
    other = continued(trunk, LOGS[0], decide(2))
    team = merged(one, other)
    branch = team[-1]
    forged = replace(branch, **change, digest=NO_DIGEST).after(None)
    assert original_of(forged) is None
    result = merge_entries([*one, forged])
    assert result.entries == [*one, forged]
    # The id that it took is that of a branch.
    everything = merged([forged], one, other)
    assert is_gapless(everything)
    assert len(everything) == 4
    assert merged([forged], merged(one, other)) == everything
    assert merged(everything, [forged], other) == everything


def test_an_original_with_another_digest_is_not_restored():
    [entry] = continued([], LOGS[0], decide(0))
    false = replace(entry, note="never said")
    values = json.loads(false.as_json())
    context = {**entry.context, COPIED_FROM: values}
    act = EntryId(LOGS[1], 1)
    forged = replace(false, log_id=LOGS[1], act=act, context=context).after(None)
    assert original_of(forged) == false
    assert merged([forged]) == [forged]
    assert merged([forged], [entry]) == [entry, forged]


def test_a_branch_whose_trunk_comes_later_is_found_again():
    trunk = continued([], LOGS[0], decide(0))
    one = continued(trunk, LOGS[0], decide(1), decide(2))
    other = continued(trunk, LOGS[0], decide(1, label=0))
    team = merged(one, other)
    branches = [entry for entry in team if entry.log_id != LOGS[0]]
    assert merged(branches) == branches
    assert merged(merged(branches), trunk) == team


def test_a_log_with_a_hole_is_refused():
    entries = continued([], LOGS[0], decide(0), decide(1), decide(2))
    with pytest.raises(ValueError, match=r"entry 3 of log 1+ follows none"):
        merge_entries([entries[0], entries[2]])
