"""The log of decisions: the decisions in force after any undo and redo."""

from __future__ import annotations

import itertools
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState, utc_now
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.outcomes import LABEL_NAMES

CUTOUTS = [CutoutKey("a", x, 0) for x in range(4)]


def before(_cutout, label=0):
    return LabelState(label)


def labels(log):
    in_force = [log.in_force(cutout) for cutout in CUTOUTS]
    return [None if one is None else one.label_new for one in in_force]


def decide(log, *which, label=1, reviewer="me"):
    verdict, now = LABEL_NAMES[label], utc_now()
    made = [Decision(CUTOUTS[i], label, reviewer, now, verdict) for i in which]
    log.add(log.decide(made, {}))


def test_undo_and_redo_are_recorded_with_reviewer_and_time():
    log = DecisionLog()
    decide(log, 0)
    log.add(log.undo("you", before))
    log.add(log.redo("she"))
    logged = [
        (e.number, e.action, e.act.number, e.label_new, e.reviewer) for e in log.entries
    ]
    assert logged == [
        (1, "decide", 1, 1, "me"),
        (2, "undo", 1, 0, "you"),
        (3, "redo", 1, 1, "she"),
    ]
    assert all(entry.decided_at.endswith("Z") for entry in log.entries)
    assert log.in_force(CUTOUTS[0]).reviewer == "me"


def test_an_undo_tells_the_label_that_stands_after_it():
    log = DecisionLog()
    decide(log, 0, label=1)
    decide(log, 0, label=0)
    first = partial(before, label=7)
    assert [entry.label_new for entry in log.undo("me", first)] == [1]
    log.add(log.undo("me", before))
    assert [entry.label_new for entry in log.undo("me", first)] == [7]


def test_undo_and_redo_are_on_record_with_all_that_stands_after_them():
    first = LabelState(0, "you", "then", "unsure", "ghost", "as it was")
    given = [LabelState(1, "me", "now", "artifact", f"k{i}", f"n{i}") for i in range(2)]
    log = DecisionLog()
    for one in given:
        log.add(log.decide([Decision.from_state(CUTOUTS[0], one)], {}))
    for _ in range(2):
        log.add(log.undo("me", lambda _: first))
    for _ in range(2):
        log.add(log.redo("me"))
    logged = [(e.label_new, e.verdict, e.kind, e.note) for e in log.entries]
    expected = [*given, given[0], first, *given]
    assert logged == [(s.label_new, s.decision, s.kind, s.note) for s in expected]


def test_what_was_decided_at_once_is_undone_at_once():
    log = DecisionLog()
    decide(log, 0)
    decide(log, 0, 1, 2, label=0)
    log.add(log.undo("me", before))
    assert labels(log) == [1, None, None, None]
    log.add(log.redo("me"))
    assert labels(log) == [0, 0, 0, None]


def test_nothing_is_undone_or_redone_when_there_is_nothing():
    log = DecisionLog()
    assert log.undo("me", before) == log.redo("me") == []


def test_what_is_about_cutouts_of_another_table_waits_for_it():
    log = DecisionLog()
    decide(log, 0)
    decide(log, 1)
    smaller = DecisionLog(log.entries, lambda cutout: cutout != CUTOUTS[1])
    assert labels(smaller) == [1, None, None, None]
    smaller.add(smaller.undo("me", before))
    assert not smaller.undo("me", before)
    assert labels(DecisionLog(smaller.entries)) == [None, 1, None, None]


def test_a_decision_ends_redo_also_for_a_table_without_its_cutout():
    log = DecisionLog()
    decide(log, 0)
    log.add(log.undo("me", before))
    decide(log, 1)
    smaller = DecisionLog(log.entries, lambda cutout: cutout != CUTOUTS[1])
    # Else redo would make it again there, and not for the whole table.
    assert smaller.redo("me") == []


ACTS = st.one_of(
    st.sampled_from(["undo", "redo"]),
    st.tuples(st.lists(st.integers(0, 3), min_size=1, unique=True), st.integers(0, 1)),
)


@given(st.lists(ACTS, max_size=40))
def test_any_sequence_comes_to_what_two_stacks_say(acts):
    log, done, undone = DecisionLog(), [], []
    for act in acts:
        if act == "undo":
            entries = log.undo("me", before)
            assert bool(entries) == bool(done)
            undone += done[-1:]
            del done[-1:]
            log.add(entries)
        elif act == "redo":
            entries = log.redo("me")
            assert bool(entries) == bool(undone)
            done += undone[-1:]
            del undone[-1:]
            log.add(entries)
        else:
            decide(log, *act[0], label=act[1])
            done.append(act)
            undone.clear()
        model = {i: label for which, label in done for i in which}
        again = DecisionLog(log.entries)
        assert labels(log) == labels(again) == [model.get(i) for i in range(4)]
        # The last entry about a cutout has its label in force, also for other programs.
        last = {entry.cutout: entry.label_new for entry in log.entries}
        assert [last.get(c, 0) for c in CUTOUTS] == [model.get(i, 0) for i in range(4)]
        numbers = [entry.number for entry in log.entries]
        assert numbers == list(itertools.islice(itertools.count(1), len(numbers)))


# The logs of several reviewers

LOGS = ("one", "two", "three")


class Reviewer:
    """A reviewer with a log, and the entries that others sent."""

    def __init__(self, log_id):
        self.log = DecisionLog(log_id=log_id)

    def act(self, step):
        if step == "undo":
            self.log.add(self.log.undo(self.log.log_id, before))
        elif step == "redo":
            self.log.add(self.log.redo(self.log.log_id))
        else:
            decide(self.log, *step[0], label=step[1], reviewer=self.log.log_id)


def state(log):
    ids = [entry.id for entry in log.entries]
    return labels(log), ids, log.done, log.undone, log.last_numbers


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(LOGS), ACTS),
            st.tuples(st.sampled_from(LOGS), st.sampled_from(LOGS)),
        ),
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_gives_the_same_review(steps, chance):
    reviewers = {log_id: Reviewer(log_id) for log_id in LOGS}
    for log_id, step in steps:
        if step in LOGS:
            # One reviewer receives all entries of another one.
            reviewers[log_id].log.add(reviewers[step].log.entries)
        else:
            reviewers[log_id].act(step)
    known = [reviewer.log.entries for reviewer in reviewers.values()]
    whole = DecisionLog(sorted(set_of(known), key=lambda entry: entry.id))
    for reviewer in reviewers.values():
        reviewer.log.add(whole.entries)
        assert state(reviewer.log) == state(whole)
    # One entry at a time, in the order of its log.
    arriving = DecisionLog()
    queues = [
        [entry for entry in whole.entries if entry.log_id == log_id] for log_id in LOGS
    ]
    in_force = dict.fromkeys(CUTOUTS)
    while any(queues):
        queue = chance.choice([queue for queue in queues if queue])
        touched = arriving.add([queue.pop(0)])
        now = {cutout: arriving.in_force(cutout) for cutout in CUTOUTS}
        assert {c for c in CUTOUTS if now[c] != in_force[c]} <= touched
        in_force = now
    assert state(arriving) == state(whole)
    assert arriving.add(whole.entries) == set()


def set_of(known):
    return {entry.id: entry for entries in known for entry in entries}.values()


def test_an_undo_for_a_smaller_table_takes_back_the_whole_act():
    log = DecisionLog(log_id="one")
    decide(log, 0, 1)
    smaller = DecisionLog(log.entries, lambda cutout: cutout != CUTOUTS[1], "two")
    undo = smaller.undo("you", before)
    assert [entry.cutout for entry in undo] == [CUTOUTS[0]]
    assert log.add(undo) == set(CUTOUTS[:2])
    assert labels(log) == [None] * 4


def test_the_last_part_of_an_act_that_was_taken_back_is_taken_back_too():
    # Entries with equal clocks have the order of their logs' ids.
    log, other = DecisionLog(log_id="later"), DecisionLog(log_id="earlier")
    decide(log, 0, 1)
    first, second = log.entries
    other.add([first])
    other.add(other.undo("you", before))
    other.add([second])
    log.add(other.entries)
    assert labels(log) == labels(other) == [None] * 4
    assert log.undo("me", before) == []
    log.add(log.redo("me"))
    assert labels(log) == labels(DecisionLog(log.entries)) == [1, 1, None, None]


def test_an_act_that_names_a_cutout_twice_can_be_taken_back():
    log = DecisionLog()
    decide(log, 0, 0)
    log.add(log.undo("me", before))
    assert labels(log) == [None] * 4
    log.add(log.redo("me"))
    assert labels(log) == [1, None, None, None]
