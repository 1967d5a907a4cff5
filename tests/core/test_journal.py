"""Decisions that go on record before they show, whoever waits for them."""

from __future__ import annotations

import sqlite3

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.core.store import Store

#: An FN and an FP of the small survey.
NORTH, SOUTH = CutoutKey("north", 200, 0), CutoutKey("south", 0, 0)


@pytest.fixture
def session(survey, main_loop):
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.answer_through(main_loop.post)
        yield session


def decide(session, cutout, value, wait=False):
    session.select(*cutout)
    session.set_label(value, wait=wait)


def label(session, cutout):
    return session.catalog.cutout(session.walk.row_of(cutout)).label_new


def test_it_shows_when_it_is_kept_and_not_before(session, main_loop):
    told = []
    session.label_changed.connect(told.append)
    decide(session, NORTH, "no artifact")
    assert (label(session, NORTH), told, session.log) == (1, [], ())
    main_loop.run_until(lambda: told)
    assert (label(session, NORTH), told) == (0, [session.walk.row_of(NORTH)])
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
    # To decide the same again is no decision; to wait for one is to wait for all.
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


def test_an_undo_goes_to_its_cutout_when_it_is_kept(session, main_loop):
    decide(session, NORTH, "no artifact", wait=True)
    session.select(*SOUTH)
    session.undo(wait=False)
    assert session.current_cutout.key == SOUTH
    main_loop.run_until(lambda: session.current_cutout.key == NORTH)
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


def test_none_of_several_shows_if_the_first_cannot_be_kept(
    session, main_loop, monkeypatch
):
    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    told = []
    session.problem_changed.connect(lambda: told.append(str(session.problem)))
    session.label_changed.connect(told.append)
    before = session.table
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        decide(session, NORTH, "no artifact")
        decide(session, SOUTH, "artifact")
        session.undo(wait=False)
        main_loop.run_until(lambda: told)
        main_loop.run_all()
    [problem] = told
    assert "disk is full" in problem
    assert session.log == ()
    assert session.table.equals(before)
    assert session.next() or session.previous()
    session.save_position()
    main_loop.run_until(lambda: session.problem is None)
    assert told[1:] == ["None"]
    decide(session, NORTH, "no artifact")
    main_loop.run_until(lambda: session.log)
    assert label(session, NORTH) == 0
