"""Decisions are recorded before they are shown, whether or not the caller waits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.resume import binding_of
from napari_artifact_review.core.review.reviewers import Perspective
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tables.reading import read_predictions
from tests.slow_disk import full

#: An FN and an FP of the small survey.
NORTH, SOUTH = CutoutKey("north", 200, 0), CutoutKey("south", 0, 0)


@pytest.fixture
def session(survey, main_loop):
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.open_log.set_dispatcher(main_loop.post)
        yield session


def decide(session, cutout, value, wait=False):
    session.select(*cutout)
    session.set_label(value, wait=wait)


def label(session, cutout):
    return session.catalog.cutout(session.cutout_index.row_of(cutout)).label_new


def test_it_shows_when_it_is_kept_and_not_before(session, main_loop):
    told = []
    session.label_changed.connect(told.append)
    decide(session, NORTH, "no artifact")
    assert (label(session, NORTH), told, session.log) == (1, [], ())
    main_loop.run_until(lambda: told)
    assert (label(session, NORTH), told) == (0, [session.cutout_index.row_of(NORTH)])
    assert Store(session_store(session)).read().entries == list(session.log)


def session_store(session):
    return session.output.with_name(f"{session.output.name}.review.sqlite")


def test_it_belongs_to_the_cutout_and_the_view_it_was_taken_in(session, main_loop):
    session.view_settings["stretch"] = "log"
    decide(session, NORTH, "no artifact")
    decide(session, SOUTH, "artifact")
    session.view_settings["stretch"] = "linear"
    session.select("west", 0, 0)
    main_loop.run_until(lambda: len(session.log) == 2)
    assert [entry.cutout for entry in session.log] == [NORTH, SOUTH]
    assert [entry.context["view"]["stretch"] for entry in session.log] == ["log"] * 2


def test_mashed_keys_are_taken_in_their_order(session, main_loop):
    for value in ("no artifact", "no artifact", "artifact"):
        decide(session, NORTH, value)
    session.undo(wait=False)
    decide(session, SOUTH, "artifact")
    session.undo(wait=False)
    session.redo(wait=False)
    # The same verdict again is no decision; waiting for one waits for all.
    decide(session, SOUTH, "artifact", wait=True)
    assert [(e.action, e.cutout, e.label_new) for e in session.log] == [
        ("decide", NORTH, 0),
        ("decide", NORTH, 1),
        ("undo", NORTH, 0),
        ("decide", SOUTH, 1),
        ("undo", SOUTH, 0),
        ("redo", SOUTH, 1),
    ]
    assert (label(session, NORTH), label(session, SOUTH)) == (0, 1)


def test_an_undo_goes_to_its_cutout_when_it_is_asked_for(session, slow_disk, main_loop):
    decide(session, NORTH, "no artifact", wait=True)
    session.select(*SOUTH)
    slow_disk.hold()
    session.undo(wait=False)
    assert session.current_cutout.key == NORTH
    assert label(session, NORTH) == 0
    session.select(*SOUTH)
    slow_disk.go_on()
    main_loop.run_until(lambda: not session.pending)
    assert session.current_cutout.key == SOUTH, "no answer moves the reviewer"
    assert label(session, NORTH) == 1


def test_a_label_that_is_decided_again_is_another_decision_only_of_another(
    session, survey
):
    decide(session, NORTH, "artifact", wait=True)
    decide(session, NORTH, "artifact", wait=True)
    assert len(session.log) == 1
    session.close()
    with ReviewSession.open(survey, reviewer="eve") as other:
        decide(other, NORTH, "artifact", wait=True)
        assert [entry.reviewer for entry in other.log] == ["ada", "eve"]


def test_none_of_several_shows_while_nothing_can_be_recorded(
    session, slow_disk, main_loop
):
    told = []
    session.problem_changed.connect(lambda: told.append(str(session.problem)))
    session.label_changed.connect(told.append)
    before = session.table
    slow_disk.fault = full()
    decide(session, NORTH, "no artifact")
    decide(session, SOUTH, "artifact")
    session.undo(wait=False)
    main_loop.run_until(lambda: not session.pending)
    [problem] = told
    assert "disk is full" in problem
    assert [command.title for command in session.refused] == [
        "north (200, 0): no artifact",
        "south (0, 0): artifact",
        "undo of south (0, 0)",
    ]
    assert session.log == ()
    assert session.table.equals(before)
    assert session.next() or session.previous()
    slow_disk.fault = None
    session.save_position()
    main_loop.run_until(lambda: session.problem is None)
    assert told[1:] == ["None"]
    again = session.retry_refused()
    main_loop.run_until(lambda: not session.pending)
    assert [command.state for command in again] == ["recorded"] * 3
    assert session.refused == ()
    assert [entry.action for entry in session.log] == ["decide", "decide", "undo"]
    assert (label(session, NORTH), label(session, SOUTH)) == (0, 0)


# Entries of other logs


@pytest.fixture
def catalog(survey):
    return Catalog(read_predictions(survey), 200)


@pytest.fixture
def journal(catalog, tmp_path):
    """Return the journal of a review without a session."""
    store = Store(tmp_path / "own.sqlite")
    contents = store.read()
    store.bind(binding_of(catalog.predictions))
    journal = Journal(catalog, store, contents, Perspective("ada"))
    yield journal
    journal.recorder.close({})


def theirs(*decided):
    """Return the entries of another log."""
    log = DecisionLog(log_id="theirs")
    for cutout, label in decided:
        said = LabelState(label, "ada", "then", LABEL_NAMES[label])
        log.add(log.decide([Decision.from_state(cutout, said)], {}))
    return list(log.entries)


def receive(journal, entries):
    command = journal.receive(entries)
    journal.recorder.wait()
    return command


def test_what_another_log_says_is_taken_once(journal, catalog, tmp_path):
    changed = []
    journal.changed.connect(changed.append)
    entries = theirs((NORTH, 0), (SOUTH, 1))
    assert len(receive(journal, entries[:1]).entries) == 1
    assert len(receive(journal, entries).entries) == 1
    assert not receive(journal, entries).entries
    assert journal.entries == tuple(entries)
    assert Store(tmp_path / "own.sqlite").read().entries == entries
    assert changed == [[catalog.cutout_index.row_of(key)] for key in (NORTH, SOUTH)]
    assert journal.last_numbers == {"theirs": 2}
    # A later decision of this log comes after it.
    rows = [catalog.cutout_index.row_of(NORTH)]
    journal.decide(rows, "artifact", "", "", {})
    journal.recorder.wait()
    assert journal.entries[-1].clock > entries[-1].clock
    assert catalog.labels.state_of(rows[0]).label_new == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entries: entries[1:],
        lambda entries: [replace(entries[0], note="another"), *entries[1:]],
        lambda entries: [entries[0], replace(entries[1], label_new=0)],
        lambda entries: [entries[0], replace(entries[1], digest="")],
        lambda entries: [entries[0], replace(entries[1], clock=1).after(entries[0])],
        lambda entries: [
            entries[0],
            replace(entries[1], label_new=5).after(entries[0]),
        ],
    ],
    ids=["a gap", "a note", "a label", "no digest", "a clock", "no label"],
)
def test_a_log_that_was_changed_is_refused_as_a_whole(journal, tmp_path, spoil):
    entries = theirs((NORTH, 0), (SOUTH, 1), (NORTH, 1))
    command = receive(journal, spoil(entries))
    assert command.state == "refused"
    assert "does not follow on the one before it" in str(command.error)
    assert journal.entries == ()
    assert journal.refused.commands == (), "no verdict was refused"
    assert journal.problem is None
    assert len(receive(journal, entries).entries) == 3
