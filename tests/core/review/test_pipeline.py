"""Verdicts that are given faster than a disk records them, or that it refuses."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.review.session import ReviewSession
from tests.conftest import MainLoop
from tests.nightly import many
from tests.slow_disk import full, sqlite_on_a_slow_disk

CUTOUTS = [CutoutKey("a", x, 0) for x in range(0, 1000, 200)]


def write_table(folder):
    table = Path(folder, "predictions.csv")
    lines = [f"{name},{x},{y},0,1" for name, x, y in CUTOUTS]
    table.write_text("\n".join(["image_name,grid_x,grid_y,label,preds", *lines, ""]))
    return table


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path)


def opened(table, main_loop, **named):
    session = ReviewSession.open(table, reviewer="me", **named)
    assert session.problem is None
    session.open_log.set_dispatcher(main_loop.post)
    return session


@pytest.fixture
def session(table, main_loop, slow_disk):
    session = opened(table, main_loop)
    yield session
    slow_disk.fault = None
    slow_disk.go_on()
    session.close()


def current_index(session):
    return CUTOUTS.index(session.current_cutout.key)


def give(session, value="artifact", **named):
    """Give a verdict and move on at once, as auto-advance does."""
    command = session.set_label(value, wait=False, **named)
    session.next()
    return command


def on_disk(table):
    entries = Store(log_path_beside(table.with_name("test_outputs.csv"))).read().entries
    return [(entry.action, CUTOUTS.index(entry.cutout)) for entry in entries]


def answer_all(session, slow_disk, main_loop):
    slow_disk.go_on()
    main_loop.run_until(lambda: not session.pending)


def answer_one(session, slow_disk, main_loop):
    count = len(session.pending)
    slow_disk.go_on_once()
    main_loop.run_until(lambda: len(session.pending) < count or not count)


# A slow disk


def test_no_answer_moves_the_reviewer(session, slow_disk, main_loop):
    slow_disk.hold()
    give(session)
    session.next()
    assert current_index(session) == 2
    answer_all(session, slow_disk, main_loop)
    assert current_index(session) == 2
    assert session.progress == (1, 5)
    slow_disk.hold()
    session.undo(wait=False)
    assert current_index(session) == 0
    session.select(*CUTOUTS[4])
    answer_all(session, slow_disk, main_loop)
    assert current_index(session) == 4


def test_verdicts_given_faster_than_the_disk_answers_are_about_their_own_cutouts(
    session, slow_disk, main_loop, table
):
    slow_disk.hold()
    commands = [give(session) for _ in CUTOUTS]
    assert session.pending == tuple(commands)
    answer_all(session, slow_disk, main_loop)
    assert on_disk(table) == [("decide", i) for i in range(5)]
    assert session.table["label_new"].tolist() == [1] * 5


@pytest.mark.parametrize("end", ["close", "close in a thread", "reopen", "output"])
def test_whatever_ends_a_review_records_what_is_pending(
    session, slow_disk, main_loop, table, end
):
    slow_disk.hold()
    for value in ("artifact", None, "no artifact", None, "artifact"):
        if value is None:
            session.next()
        else:
            give(session, value)
            # Five cutouts: the second and the fourth are skipped.
    threading.Timer(0.1, slow_disk.go_on).start()
    lost = []
    if end == "close":
        session.close(lost=lost.append)
    elif end == "close in a thread":
        session.close(wait=False, lost=lost.append)
        session = opened(table, main_loop)
    elif end == "reopen":
        old, session = session, session.reopen()
        old.close()
    else:
        old, session = session, session.with_output(table.with_name("other.csv"))
        old.close()
    session.close()
    assert lost == []
    assert on_disk(table) == [("decide", 0), ("decide", 2), ("decide", 4)]
    assert len(session.log) == 3
    with ReviewSession.open(table, output=session.output) as again:
        assert again.table["label_new"].tolist() == [1, 0, 0, 0, 1]
        assert again.progress == (3, 5)


def test_reopening_in_a_thread_waits_for_the_answers_of_the_main_one(
    session, slow_disk, main_loop
):
    slow_disk.hold()
    give(session)
    again = []
    opener = threading.Thread(target=lambda: again.append(session.reopen()))
    opener.start()
    slow_disk.go_on()
    main_loop.run_until(lambda: again)
    opener.join()
    session.close()
    with again[0] as fresh:
        assert fresh.log == session.log
        assert len(fresh.log) == 1
        fresh.set_label("artifact")


def test_two_under_way_keep_their_own_notes_and_drafts(session, slow_disk, main_loop):
    slow_disk.hold()
    first, second = CUTOUTS[:2]
    session.drafts.update({first: "the first", second: "the second"})
    give(session, note="the first")
    give(session, note="the second")
    session.drafts[second] = "another thought"
    answer_all(session, slow_disk, main_loop)
    assert [entry.note for entry in session.log] == ["the first", "the second"]
    assert session.drafts == {second: "another thought"}


def test_a_pending_verdict_counts_as_a_review(session, slow_disk, main_loop):
    slow_disk.hold()
    session.select(*CUTOUTS[3])
    session.set_label("artifact", wait=False)
    session.select(*CUTOUTS[2])
    assert session.next_unreviewed()
    assert current_index(session) == 4
    session.set_label("artifact", wait=False)
    assert session.next_unreviewed()
    assert current_index(session) == 0
    session.set_label("artifact", cutouts=CUTOUTS, wait=False)
    assert not session.next_unreviewed()
    answer_all(session, slow_disk, main_loop)


def test_a_pending_verdict_can_be_taken_back_and_made_again(
    session, slow_disk, main_loop, table
):
    slow_disk.hold()
    give(session)
    give(session)
    session.undo(wait=False)
    assert current_index(session) == 1
    session.undo(wait=False)
    assert current_index(session) == 0
    assert session.undo(wait=False) is None
    session.redo(wait=False)
    answer_all(session, slow_disk, main_loop)
    assert on_disk(table) == [
        ("decide", 0),
        ("decide", 1),
        ("undo", 1),
        ("undo", 0),
        ("redo", 0),
    ]
    assert session.table["label_new"].tolist() == [1, 0, 0, 0, 0]


def test_to_give_a_pending_verdict_once_more_is_no_other_act(
    session, slow_disk, main_loop, table
):
    session.set_label("artifact", wait=True)
    slow_disk.hold()
    session.set_label("no artifact", wait=False)
    again = session.set_label("no artifact", wait=False)
    assert session.pending == (again,)
    session.undo(wait=False)
    # The first verdict will be in force again, so this is the same one.
    session.set_label("artifact", wait=False)
    assert len(session.pending) == 2
    session.undo(wait=False)
    answer_all(session, slow_disk, main_loop)
    assert [action for action, _ in on_disk(table)] == [
        "decide",
        "decide",
        "undo",
        "undo",
    ]
    assert session.progress == (0, 5)


# Refused commands


def test_a_refused_one_and_what_depends_on_it_are_named_and_given_again(
    session, slow_disk, main_loop, table
):
    slow_disk.hold()
    told = []
    session.refused_changed.connect(lambda: told.append(len(session.refused)))
    slow_disk.faults.append(full())
    give(session)
    session.undo(wait=False)
    session.redo(wait=False)
    session.select(*CUTOUTS[3])
    give(session)
    answer_all(session, slow_disk, main_loop)
    assert [command.title for command in session.refused] == [
        "a (0, 0): artifact",
        "undo of a (0, 0)",
        "redo of a (0, 0)",
    ]
    assert [one.cutouts for one in session.refused] == [(CUTOUTS[0],)] * 3
    assert all(one.error is not None for one in session.refused)
    assert session.problem is None
    assert on_disk(table) == [("decide", 3)]
    again = session.retry_refused()
    main_loop.run_until(lambda: not session.pending)
    assert [command.state for command in again] == ["recorded"] * 3
    assert (session.refused, told[-1]) == ((), 0)
    assert on_disk(table)[1:] == [("decide", 0), ("undo", 0), ("redo", 0)]


def test_a_later_verdict_stands_for_one_that_was_refused(session, slow_disk, main_loop):
    slow_disk.faults.append(full())
    give(session)
    main_loop.run_until(lambda: session.refused)
    session.set_label("artifact")
    assert len(session.refused) == 1, "it was about another cutout"
    session.select(*CUTOUTS[0])
    session.set_label("no artifact")
    assert session.refused == ()


def test_to_take_back_an_older_verdict_leaves_a_refused_one_named(
    session, slow_disk, main_loop
):
    session.set_label("artifact")
    slow_disk.faults.append(full())
    session.set_label("no artifact", wait=False)
    main_loop.run_until(lambda: session.refused)
    assert session.undo()
    assert [one.title for one in session.refused] == ["a (0, 0): no artifact"]


def test_to_settle_nothing_is_nothing_to_take_back(session, slow_disk):
    slow_disk.hold()
    verdict = give(session)
    session.settle("table", wait=False)
    assert session.pending == (verdict,)
    session.undo(wait=False)
    assert current_index(session) == 0
    assert session.pending[1].target is verdict


def test_a_disagreement_that_a_pending_verdict_answers_is_answered_once(
    table, main_loop, slow_disk
):
    with opened(table, main_loop) as session:
        session.set_label("artifact")
        session.save()
    text = session.output.read_text()
    session.output.write_text(text.replace("a,0,0,0,1,1,1,me", "a,0,0,0,1,1,0,me"))
    with opened(session.output, main_loop, output=session.output) as again:
        assert len(again.disagreements) == 1
        slow_disk.hold()
        verdict = again.set_label("artifact", wait=False)
        assert again.set_label("artifact", wait=False) is verdict
        answer_all(again, slow_disk, main_loop)
        assert (len(again.log), again.disagreements) == (2, ())


@pytest.mark.parametrize("fault", [None, full()])
def test_a_reopened_review_goes_on_where_it_was_left(session, slow_disk, fault):
    session.next()
    session.drafts[CUTOUTS[1]] = "perhaps"
    session.view_settings = {"zoom": 3.0}
    slow_disk.fault = fault
    with session.reopen() as again:
        assert current_index(again) == 1
        assert again.drafts == {CUTOUTS[1]: "perhaps"}
        assert again.view_settings == {"zoom": 3.0}
        assert again.notices == ()


def test_a_caller_that_waits_gets_its_own_refusal_and_leaves_others_named(
    session, slow_disk, main_loop
):
    slow_disk.faults += [full(), full()]
    give(session)
    main_loop.run_until(lambda: session.refused)
    with pytest.raises(StoreError, match="full"):
        session.set_label("artifact")
    assert [command.cutouts for command in session.refused] == [(CUTOUTS[0],)]


def test_an_exception_of_any_kind_is_a_problem_and_the_others_go_on(
    session, slow_disk, main_loop, table
):
    problems = []
    session.problem_changed.connect(lambda: problems.append(str(session.problem)))
    slow_disk.hold()
    slow_disk.faults.append(ZeroDivisionError("by zero"))
    commands = [give(session) for _ in range(3)]
    answer_all(session, slow_disk, main_loop)
    assert [one.state for one in commands] == ["refused", "recorded", "recorded"]
    assert "ZeroDivisionError: by zero" in problems[0]
    assert problems[1:] == ["None"]
    assert on_disk(table) == [("decide", 1), ("decide", 2)]


def test_a_verdict_that_is_on_disk_after_all_is_shown(
    session, slow_disk, main_loop, table
):
    slow_disk.late_faults.append(full())
    give(session)
    main_loop.run_until(lambda: not session.pending)
    assert (len(session.refused), session.progress) == (1, (0, 5))
    session.set_label("artifact")
    assert (session.refused, session.progress) == ((), (2, 5))
    assert on_disk(table) == [("decide", 0), ("decide", 1)]
    assert session.undo()
    assert session.undo()
    assert session.table["label_new"].tolist() == [0] * 5


def test_what_a_frozen_disk_loses_is_named_at_closing(session, slow_disk):
    slow_disk.hold()
    give(session)
    give(session)
    lost = []
    session.close(lost=lost.extend, timeout=0.1)
    assert [one.title for one in lost] == ["a (0, 0): artifact", "a (200, 0): artifact"]
    assert all("has not answered" in str(one.error) for one in lost)
    slow_disk.go_on()


def test_what_is_lost_at_closing_is_logged_by_default(session, slow_disk, caplog):
    slow_disk.hold()
    slow_disk.faults.append(full())
    give(session)
    threading.Timer(0.05, slow_disk.go_on).start()
    session.close()
    assert "Not recorded: a (0, 0): artifact" in caplog.text
    assert "full" in caplog.text


# Any sequence of steps


class Model:
    """A simple model of a review: the commands that were given, and their results."""

    def __init__(self):
        self.given = []
        self.current = 0

    def acts(self, with_pending):
        """Return the acts in force, the undone acts, and the entries of the log."""
        done, undone, log = [], [], []
        for number, (command, kind, about, label) in enumerate(self.given):
            if command.state == "refused" or (command.is_pending and not with_pending):
                continue
            if kind == "decide":
                if self.labels(done).get(about) == label:
                    continue
                done.append((number, about, label))
                undone.clear()
                log.append((kind, about))
                continue
            source, sink = (done, undone) if kind == "undo" else (undone, done)
            for act in [one for one in source if one[0] == about]:
                source.remove(act)
                sink.append(act)
                log.append((kind, act[1]))
        return done, undone, log

    def labels(self, done):
        return {about: label for _, about, label in done}

    def decide(self, session, label):
        done, _, _ = self.acts(with_pending=True)
        command = session.set_label(LABEL_NAMES[label], wait=False)
        if self.labels(done).get(self.current) == label:
            known = [one for one, *_ in self.given]
            is_nothing = not (command.is_pending or command.entries)
            assert command in known or is_nothing
        else:
            self.given.append((command, "decide", self.current, label))

    def undo_or_redo(self, session, kind):
        done, undone, _ = self.acts(with_pending=True)
        command = getattr(session, kind)(wait=False)
        source = done if kind == "undo" else undone
        assert (command is None) == (not source)
        if source:
            number, self.current, _ = source[-1]
            self.given.append((command, kind, number, None))

    def check(self, session, table):
        done, _, log = self.acts(with_pending=False)
        labels = self.labels(done)
        assert session.table["label_new"].tolist() == [
            labels.get(i, 0) for i in range(len(CUTOUTS))
        ]
        assert session.progress == (len(labels), len(CUTOUTS))
        assert current_index(session) == self.current
        found = [(e.action, CUTOUTS.index(e.cutout)) for e in session.log]
        assert found == log
        assert not session.pending or on_disk(table)[: len(log)] == log
        for command, kind, about, _ in self.given:
            # The undo of a refused command is refused with it.
            if kind != "decide" and self.given[about][0].state == "refused":
                assert command.state in ("pending", "refused")


STEPS = st.one_of(
    st.sampled_from(["next", "previous", "undo", "redo", "one answer", "all answers"]),
    st.sampled_from(["reopen", "close and open", "close in a thread and open"]),
    st.tuples(st.just("select"), st.integers(0, len(CUTOUTS) - 1)),
    st.tuples(st.just("decide"), st.integers(0, 1)),
    st.tuples(st.just("decide"), st.integers(0, 1)),
)
REFUSALS = st.lists(st.sampled_from([False, False, False, True]), max_size=12)


@settings(max_examples=many(40, 3000, few=15))
@given(st.lists(STEPS, max_size=25), REFUSALS)
def test_any_review_on_any_disk_is_what_a_plain_model_says(steps, refusals):
    main_loop, model = MainLoop(), Model()
    with tempfile.TemporaryDirectory() as folder, sqlite_on_a_slow_disk() as disk:
        table = write_table(folder)
        session = opened(table, main_loop)
        disk.faults.extend(full() if one else None for one in refusals)
        disk.hold()
        for step in steps:
            match step:
                case "next" if model.current < len(CUTOUTS) - 1:
                    model.current += session.next()
                case "previous" if model.current > 0:
                    model.current -= session.previous()
                case "select", model.current:
                    session.select(*CUTOUTS[model.current])
                case "decide", label:
                    model.decide(session, label)
                case "undo" | "redo":
                    model.undo_or_redo(session, step)
                case "one answer":
                    answer_one(session, disk, main_loop)
                case "all answers":
                    answer_all(session, disk, main_loop)
                    disk.hold()
                case "reopen" | "close and open" | "close in a thread and open":
                    disk.go_on()
                    if step == "reopen":
                        old, session = session, session.reopen()
                        old.close()
                    else:
                        session.close(wait=step == "close and open", lost=list)
                        session = opened(table, main_loop)
                    session.open_log.set_dispatcher(main_loop.post)
                    assert not any(command.is_pending for command, *_ in model.given)
                    assert not session.pending
                    disk.hold()
            model.check(session, table)
        answer_all(session, disk, main_loop)
        model.check(session, table)
        assert on_disk(table) == model.acts(with_pending=False)[2]
        session.close()
