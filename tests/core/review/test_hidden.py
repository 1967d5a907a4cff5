"""Cutouts whose predictions and labels are hidden until their verdict."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.review.groups import HIDDEN, in_groups
from napari_artifact_review.core.review.session import ReviewSession
from tests.slow_disk import full

COLUMNS = ("label", "preds", "label_new", "confidence", "error_id")


@pytest.fixture
def places(session):
    """Return the rows of the queue: FN, FP, FP and FN."""
    return session.review_queue.rows.tolist()


def hidden_rows(session):
    return set(session.catalog.hidden.mask.nonzero()[0].tolist())


def is_blank(session, row):
    """Return whether nothing of a cutout's data is there to be drawn."""
    catalog = session.catalog
    one, name = catalog.cutout(row), catalog.cutout_index.image_of(row)
    many = catalog.cutouts_of(name).take(catalog.cutouts_of(name).rows == row)
    assert one.is_hidden == bool(many.hidden[0])
    blank = (
        all(getattr(one, name) is None for name in COLUMNS)
        and not (one.outcome or one.decision or one.kind or one.note)
        and not (one.reviewed or one.reviewed_by or one.is_carried or one.changed)
        and many.label[0] == many.preds[0] == many.label_new[0] == -1
        and many.confidence[0] != many.confidence[0]
        and not (many.reviewed[0] or many.unsure[0] or many.carried[0])
    )
    assert blank == one.is_hidden
    return blank


def test_a_cutout_is_blank_until_its_verdict_and_again_after_an_undo(session, places):
    session.hide_predictions = True
    assert len(hidden_rows(session)) == len(session.table)
    assert all(is_blank(session, row) for row in places)
    session.set_label("artifact", "trail", "a note")
    assert not is_blank(session, places[0])
    assert session.current_cutout.outcome == "FN"
    session.undo()
    assert is_blank(session, places[0])
    session.redo()
    assert not is_blank(session, places[0])
    session.hide_predictions = False
    assert not hidden_rows(session)


def test_the_tables_for_scripts_are_never_hidden(session):
    before = session.table
    session.hide_predictions = True
    assert session.table.equals(before)


def test_the_switch_is_stored_with_the_review_and_with_each_verdict(survey):
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.set_label("artifact")
        session.hide_predictions = True
        session.next()
        session.set_label("artifact")
        session.set_label("unsure")
        session.save_position()
        contexts = [entry.context for entry in session.log]
    assert [c["view"].get("hide_predictions") for c in contexts] == [None, True, True]
    # The third verdict was given while the prediction was in view.
    assert [c.get("hidden") for c in contexts] == [None, True, None]
    with ReviewSession.open(survey, reviewer="ada") as session:
        assert session.hide_predictions
        assert hidden_rows(session) == set(range(len(session.table))) - {
            session.cutout_index.row_of(entry.cutout) for entry in session.log
        }


def test_a_refused_verdict_keeps_its_cutout_hidden(slow_disk, session):
    session.hide_predictions = True
    row = session.current_cutout.row
    slow_disk.fault = full()
    command = session.set_label("artifact", wait=5.0)
    assert command.state == "refused"
    assert is_blank(session, row)
    slow_disk.fault = None
    [again] = session.retry_refused()
    assert session.wait_until_recorded(10)
    assert again.state == "recorded"
    assert not is_blank(session, row)


def test_a_carried_verdict_is_an_earlier_one(survey, tmp_path):
    first = tmp_path / "first.csv"
    with ReviewSession.open(survey, output=first) as session:
        row = session.current_cutout.row
        session.set_label("no artifact", "trail", "long ago")
        session.save()
    with ReviewSession.open(
        survey, output=tmp_path / "second.csv", previous=first
    ) as session:
        key = session.cutout_index.key_of(row)
        assert session.catalog.cutout(row).is_carried
        assert session.shown_state(key).kind == "trail"
        session.hide_predictions = True
        assert is_blank(session, row)
        assert session.shown_state(key)[1:] == ("", "", "", "", "")
        session.set_label("no artifact", cutouts=[key])
        assert not is_blank(session, row)
        session.undo()
        assert is_blank(session, row)


def test_asked_cutouts_need_a_new_verdict_and_the_same_one_is_recorded(session, places):
    for row in places[:3]:
        session.set_label(
            "artifact", cutouts=[session.cutout_index.key_of(row)], wait=True
        )
    left = session.review_queue.left
    session.hide_until_verdict(places[:2])
    assert hidden_rows(session) == set(places[:2])
    assert session.review_queue.left == left + 2
    first, second, third = map(session.cutout_index.key_of, places[:3])
    assert session.set_label("artifact", cutouts=[first])
    assert session.log[-1].context["hidden"]
    assert hidden_rows(session) == {places[1]}
    assert session.review_queue.left == left + 1
    # Other cutouts keep their rule: the same verdict again is none.
    assert not session.set_label("artifact", cutouts=[third])
    session.undo()
    assert hidden_rows(session) == set(places[:2])
    assert session.catalog.revealed_cutout(places[0]).decision == "artifact"
    session.set_label("unsure", cutouts=[first, second])
    assert not hidden_rows(session)
    assert session.review_queue.left == left
    session.hide_until_verdict(places)
    session.reveal()
    assert not hidden_rows(session)


def test_an_undo_of_an_old_verdict_is_no_answer(session, places):
    key = session.cutout_index.key_of(places[0])
    session.set_label("artifact", cutouts=[key])
    session.set_label("no artifact", cutouts=[key])
    session.hide_until_verdict([places[0]])
    session.undo()
    assert hidden_rows(session) == {places[0]}


def test_hidden_notes_and_columns_are_not_found(session, places):
    key = session.cutout_index.key_of(places[2])
    session.set_label("artifact", note="bright trail", cutouts=[key])
    session.show_columns("observer")
    assert session.find("bright trail")
    session.first()
    session.hide_until_verdict(places)
    assert not session.find("bright trail")
    assert not session.find("007")
    assert session.find("south"), "the name of an image is always found"
    session.drafts[CutoutKey(*key)] = "a draft of mine"
    assert session.find("draft of mine")


def test_hidden_cutouts_are_one_group(session, places):
    session.set_label("artifact", "trail")
    session.hide_predictions = True
    rows, catalog = session.review_queue.rows, session.catalog
    _, groups = in_groups(catalog, rows, "outcome")
    assert [(g.name, g.size) for g in groups] == [("FN", 1), (HIDDEN, len(rows) - 1)]
    session.hide_until_verdict(places[:1])
    for by in ("outcome", "kind"):
        _, groups = in_groups(catalog, rows, by)
        assert [g.size for g in groups] == [len(rows)]
