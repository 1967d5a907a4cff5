"""Entries that arrive late: the same review as if all were applied in their order."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.log_state import CHOSEN_BY, LogState
from napari_artifact_review.core.outcomes import LABEL_NAMES
from tests.nightly import many

CUTOUTS = [CutoutKey("a", x, 0) for x in range(3)]
UNKNOWN = CutoutKey("not in the table", 0, 0)
LOGS = ("one", "two", "three")
#: One reviewer has two logs.
NAMES = ("Ana", "Ben")


def is_known(cutout):
    return cutout != UNKNOWN


def state(log):
    cutouts = {cutout: log.in_force(cutout) for cutout in CUTOUTS}
    acts = {entry.act for entry in log.entries}
    return {
        "entries": list(log.entries),
        "in force": cutouts,
        "cutouts": {*log.cutouts},
        "verdicts": [list(log.verdicts_on(cutout).items()) for cutout in CUTOUTS],
        "adjudications": [list(log.adjudications_on(cutout)) for cutout in CUTOUTS],
        "carried": [log.carried(cutout) for cutout in CUTOUTS],
        "done": list(log.done),
        "undone": list(log.undone),
        "acts": {act: list(log.decisions_of(act)) for act in acts},
        "owners": {(act, name): log.is_of(act, name) for act in acts for name in NAMES},
        "last": log.last_numbers,
    }


#: What the writer of a log does: its log, how far its clock is behind, its name, the
#: action, on which earlier act (of any log), on which cutouts, with which labels.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(LOGS),
        st.integers(0, 3),
        st.sampled_from(NAMES),
        st.sampled_from(
            ["decide"] * 3 + ["carry", "adjudicate"] + ["undo", "redo"] * 2
        ),
        st.integers(0, 12),
        st.lists(st.sampled_from([*CUTOUTS, UNKNOWN]), min_size=1, max_size=2),
        st.integers(0, 1),
        st.sampled_from([{}, {}, {CHOSEN_BY: "Ana"}]),
    ),
    max_size=16,
)


def logs_of(steps):
    """Return the entries of each log, also such that no version writes."""
    acts, logs = [], {log_id: [] for log_id in LOGS}
    clock = 0
    for log_id, behind, name, action, which, cutouts, label, context in steps:
        log = logs[log_id]
        act = EntryId(log_id, len(log) + 1)
        # One verdict in four belongs to an earlier act.
        if acts and (action in ("undo", "redo") or which % 4 == 3):
            act = acts[which % len(acts)]
        acts.append(act)
        # Logs that have not met have equal clocks.
        clock = max(clock - behind, log[-1].clock if log else 0)
        for cutout in cutouts:
            clock += 1
            number, time = len(log) + 1, ("2025", "2026")[label]
            made = (log_id, number, clock, action, act, cutout, label, name, time)
            log.append(Entry(*made, context, LABEL_NAMES[label]))
    return logs


@settings(max_examples=many(1000, 20_000, few=200))
@given(STEPS, st.randoms(use_true_random=False), st.sampled_from([None, "Ana"]))
def test_after_each_addition_the_log_is_as_if_it_were_new(steps, chance, reviewer):
    log = DecisionLog((), is_known, "one", reviewer)
    before, left = state(log), logs_of(steps)
    while any(left.values()):
        parts = []
        for _ in range(chance.randint(1, 2)):
            queue = chance.choice([*left.values()])
            count = chance.randint(0, len(queue))
            parts += queue[:count]
            del queue[:count]
        touched = log.add(parts)
        after = state(log)
        assert after == state(DecisionLog(log.entries, is_known, "one", reviewer))
        changed = {
            cutout
            for i, cutout in enumerate(CUTOUTS)
            if before["in force"][cutout] != after["in force"][cutout]
            or before["carried"][i] != after["carried"][i]
        }
        assert changed <= touched
        before = after


def decide(log, cutout, reviewer, label=1):
    verdict = LABEL_NAMES[label]
    decision = Decision(cutout, label, reviewer, "2026", verdict)
    log.add(new := log.decide([decision], {}))
    return new


def applied_by(log, entries):
    """Return how many entries a log applies when entries are added to it."""
    count = 0
    apply = LogState.apply

    def count_and_apply(self, entry):
        nonlocal count
        count += 1
        apply(self, entry)

    with patch.object(LogState, "apply", count_and_apply):
        log.add(entries)
    return count


def test_what_others_did_meanwhile_is_applied_alone():
    here, there = DecisionLog(log_id="here"), DecisionLog(log_id="there")
    for i in range(20):
        decide(here, CUTOUTS[i % 2], "Ana", i % 2)
    here.add(here.undo("Ana", lambda _: LabelState(0)))
    decide(there, CUTOUTS[0], "Ben")
    decide(there, CUTOUTS[1], "Ben")
    there.add(there.undo("Ben", lambda _: LabelState(0)))
    there.add(there.redo("Ben"))
    assert applied_by(here, there.entries) == 4
    # A verdict under the same name on another computer ends redo there.
    other = DecisionLog(log_id="other")
    decide(other, CUTOUTS[0], "Ana")
    assert applied_by(here, other.entries) == 26
    assert state(here) == state(DecisionLog(here.entries, log_id="here"))


def test_an_entry_with_an_unknown_action_arrives_late_without_an_effect():
    here, there = DecisionLog(log_id="here"), DecisionLog(log_id="there")
    there.add(there.record_event("set rules", "Ben", {}))
    [new] = there.entries
    decide(here, CUTOUTS[0], "Ana")
    decide(here, CUTOUTS[0], "Ana", 0)
    assert applied_by(here, [replace(new, reviewer="Ana")]) == 1
    assert state(here) == state(DecisionLog(here.entries, log_id="here"))
