"""Verdicts of an earlier round in a log: in force only where there is no other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import DecisionLog
from tests.nightly import many

CUTOUTS = [CutoutKey("a", x, 0) for x in (0, 200, 400)]
TIMES = ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", "2026-01-01T00:00:00Z")

#: What one of two computers does: vote or carry on some cutouts, undo, redo, or
#: exchange entries with the other computer.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("vote", "carry", "undo", "redo", "exchange")),
        st.lists(st.sampled_from(CUTOUTS), min_size=1, max_size=3, unique=True),
        st.sampled_from(("artifact", "no artifact")),
        st.sampled_from(TIMES),
    ),
    max_size=14,
)


def before(_):
    return LabelState(0)


def entries_of(log, action, cutouts, verdict, time):
    if action == "undo":
        return log.undo("ada", before)
    if action == "redo":
        return log.redo("ada")
    is_carried = action == "carry"
    label = int(verdict == "artifact")
    decisions = [
        # Both computers carry verdicts of the same reviewer.
        Decision(
            cutout,
            label,
            "eve" if is_carried else log.log_id,
            time,
            verdict,
            is_carried=is_carried,
        )
        for cutout in cutouts
    ]
    return log.decide(decisions, {}, "carried" if is_carried else "decided")


def standing(log):
    return [(log.in_force(cutout), log.carried(cutout)) for cutout in CUTOUTS]


def in_force(entries):
    """Return the decision in force on each cutout, by a plain model.

    The same verdict counts once, whichever computer carried it.
    """
    acts, votes, carried, known = {}, {}, {}, set()
    # Undone acts, and those of them that a new decision of their reviewer ends.
    undone, ended = set(), set()
    for entry in entries:
        act = entry.act
        if entry.action in ("decide", "carry"):
            identity = (entry.cutout, entry.reviewer, entry.decided_at, entry.verdict)
            acts.setdefault(act, []).append((entry, identity))
            changed = [] if act in undone else [acts[act][-1]]
            if entry.action == "decide" and changed:
                ended |= {one for one in undone if belongs(one, acts[one], entry)}
            if entry.action == "carry" and identity in known:
                changed = []
            known.add(identity)
        elif (
            act not in acts
            or (entry.action == "undo") == (act in undone)
            or act in ended
        ):
            continue
        else:
            changed = acts[act]
        if entry.action == "undo":
            undone.add(act)
        elif entry.action == "redo":
            undone.discard(act)
        for one, identity in changed:
            layer, name = (carried, identity) if one.action == "carry" else (votes, act)
            here = layer.setdefault(one.cutout, {})
            if act in undone:
                here.pop(name, None)
            else:
                here[name] = one
    found = []
    for cutout in CUTOUTS:
        latest = [*votes.get(cutout, {}).values()]
        if not latest:
            latest = [*carried.get(cutout, {}).values()]
            latest.sort(key=lambda one: one.decided_at)
        found.append(latest[-1].digest if latest else None)
    return found


@settings(max_examples=many(300, 5000, few=100))
@given(STEPS, st.randoms(use_true_random=False))
def test_a_verdict_of_this_round_wins_in_any_order_of_exchange(steps, random):
    logs = [DecisionLog(log_id=name) for name in ("one", "two")]
    for which, action, *what in steps:
        log, other = logs[which], logs[1 - which]
        if action == "exchange":
            log.add(other.entries)
            continue
        entries = entries_of(log, action, *what)
        log.add(entries)
        # The labels of a file that is read again are the same.
        assert standing(DecisionLog(log.entries, log_id=log.log_id)) == standing(log)
    every = [
        [e for log in logs for e in log.entries if e.log_id == one.log_id]
        for one in logs
    ]
    every = [sorted({e.number: e for e in one}.values(), key=number) for one in every]
    wanted = None
    for _ in range(4):
        # Each log arrives in order, but the logs in any order and in parts.
        parts, log = [list(one) for one in every], DecisionLog()
        while any(parts):
            part = random.choice([one for one in parts if one])
            count = random.randint(1, len(part))
            log.add(part[:count])
            del part[:count]
        by_digest = {entry.digest: entry for entry in log.entries}
        found = [one and by_digest[one] for one in in_force(log.entries)]
        assert [decision and said(decision) for decision, _ in standing(log)] == [
            entry and said(entry) for entry in found
        ]
        wanted = wanted or standing(log)
        assert standing(log) == wanted


def belongs(act, entries, entry):
    """Return whether an act is of the log or of the reviewer of an entry."""
    first, _ = entries[0]
    is_vote = first.action == "decide"
    return act.log_id == entry.log_id or (is_vote and first.reviewer == entry.reviewer)


def said(one):
    return one.cutout, one.reviewer, one.decided_at, one.verdict, one.label_new


def number(entry):
    return entry.number


def test_a_carried_entry_is_one_of_its_own_kind_with_a_sound_chain():
    log = DecisionLog(log_id="one")
    for action in ("vote", "carry", "undo", "redo"):
        log.add(entries_of(log, action, CUTOUTS[:2], "artifact", TIMES[0]))
    previous = None
    for entry in log.entries:
        assert entry.follows(previous)
        assert Entry.from_json(entry.as_json()) == entry
        previous = entry
    actions = [entry.action for entry in log.entries[::2]]
    assert actions == ["decide", "carry", "undo", "redo"]
    # A version that does not know the action ignores the entry.
    assert {e.origin for e in log.entries if e.action == "carry"} == {"carried"}


def test_an_act_that_carried_belongs_to_its_computer_only():
    one, two = DecisionLog(log_id="one"), DecisionLog(log_id="two")
    one.add(entries_of(one, "carry", CUTOUTS, "artifact", TIMES[0]))
    two.add(one.entries)
    [act] = two.done
    assert two.is_carrying(act)
    assert one.is_of(act, "zoe")
    # The reviewer of the first verdict cannot undo all of them on another computer.
    assert not two.is_of(act, "eve")


def test_what_two_computers_carried_is_undone_by_either():
    one, two = DecisionLog(log_id="one"), DecisionLog(log_id="two")
    for log in (one, two):
        log.add(entries_of(log, "carry", CUTOUTS, "artifact", TIMES[0]))
    two.add(two.undo("ada", before))
    one.add(two.entries)
    two.add(one.entries)
    assert standing(one) == standing(two) == [(None, None)] * 3


def test_what_was_carried_is_known_after_an_undo_and_can_be_redone():
    log = DecisionLog(log_id="one")
    log.add(entries_of(log, "carry", CUTOUTS, "artifact", TIMES[0]))
    log.add(entries_of(log, "undo", CUTOUTS, "artifact", TIMES[0]))
    assert log.in_force(CUTOUTS[0]) is None
    assert log.has_carried(
        Decision(CUTOUTS[0], 1, "eve", TIMES[0], "artifact", is_carried=True)
    )
    log.add(entries_of(log, "redo", CUTOUTS, "artifact", TIMES[0]))
    assert log.in_force(CUTOUTS[0]).is_carried
