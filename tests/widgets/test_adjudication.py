"""A reviewer in a team, in a real window with real keys.

The verdicts of others come through the core: into the log before the window opens, or
from a second session that meets the window in a shared folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.widgets.panels.team import TeamPanel
from tests.disputes import QUEUE, adjudications, disputed, give, own_verdicts
from tests.slow_disk import full

__all__ = ["disputed"]

Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
TIMEOUT = 20


@pytest.fixture
def open_dock(viewer, settle, qtbot):
    """Return a function that opens the review of a reviewer as a user does."""

    def open_it(survey, reviewer, **options):
        dock = open_review(viewer, survey, reviewer=reviewer, **options)
        dock.window().activateWindow()
        qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
        settle(dock)
        return dock

    return open_it


@pytest.fixture
def eva(open_dock, disputed):
    """Open the review of Eva, without a verdict of hers."""
    return open_dock(disputed, "Eva")


@pytest.fixture
def type_keys(press, settle):
    def type_them(dock, *keys):
        for key in keys:
            settle(dock)
            press(dock, key)
        settle(dock)

    return type_them


@pytest.fixture
def adjudicating(eva, type_keys):
    type_keys(eva, Key.Key_F8)
    assert eva.session.is_adjudicating
    return eva


def click(widget, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.mouseClick(widget.native, LEFT, modifier)


def lines(dock):
    return [line for line in dock.panel.adjudication.votes.lines if any(line)]


def write(dock, text):
    field = dock.note.native
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    return field


# Progress, and what others say


def test_progress_of_others_comes_from_a_folder_and_tells_no_verdict(
    open_dock, survey, tmp_path, type_keys, qtbot
):
    folder = tmp_path / "shared folder"
    folder.mkdir()
    dock = open_dock(survey, "Ben", team=folder)
    progress, others = dock.panel.team.progress, dock.panel.others
    assert not others.isVisible()
    elsewhere = tmp_path / "elsewhere" / "predictions.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(survey.read_bytes())
    with ReviewSession.open(
        elsewhere, survey.parent, reviewer="Ana", team=folder
    ) as ana:
        give(ana, "artifact", "artifact")
        assert ana.team.synchronize(TIMEOUT)
        qtbot.waitUntil(lambda: progress.full_text == "Ben 0, Ana 2 of 4")
        assert progress.isVisible()
        assert dock.session.progress == (0, 4)
        assert others.full_text == "Others: shown after your verdict"
        assert not dock.panel.team.disputed.visible
        dock.auto_advance.value = False
        type_keys(dock, "k")
        qtbot.waitUntil(lambda: progress.full_text == "Ben 1, Ana 2 of 4")
        assert others.full_text == "Others: artifact 1; disputed"
        assert dock.panel.team.disputed.text == "Disputed (1)"
        give(ana, "no artifact")
        assert ana.team.synchronize(TIMEOUT)
        qtbot.waitUntil(lambda: others.full_text == "Others: no artifact 1; agreed")
        assert not dock.panel.team.disputed.visible


def test_several_changes_at_once_are_drawn_once(eva, monkeypatch, qtbot):
    drawn = []
    monkeypatch.setattr(
        TeamPanel, "show_team", lambda _, session: drawn.append(session)
    )
    for _ in range(5):
        eva.session.reviewers_changed.emit()
    assert drawn == []
    qtbot.waitUntil(lambda: bool(drawn))
    qtbot.wait(50)
    assert drawn == [eva.session]


# The queue of disputed cutouts


def test_disputed_cutouts_are_settled_one_after_another(eva, type_keys, settle, qtbot):
    dock, session, panel = eva, eva.session, eva.panel
    type_keys(dock, "n")
    before = session.current_cutout.key
    assert panel.team.disputed.text == "Disputed (3)"
    click(panel.team.disputed)
    settle(dock)
    assert session.is_adjudicating
    assert session.current_cutout.key == QUEUE[0]
    assert panel.adjudication.heading.value == "Adjudication: 3 disputed cutouts"
    assert not panel.others.isVisible()
    assert not panel.team.disputed.visible
    assert panel.folds["queue"].header.text().startswith("Queue: disputed cutouts")
    assert "Not settled: J artifact" in dock.history.value
    assert panel.facts.native.item(0, 0).text() == "1", "the label is shown as usual"
    type_keys(dock, "j")
    assert dock.last_verdict.value.startswith("Adjudicated as artifact: (200, 0) FN")
    assert session.current_cutout.key == QUEUE[1]
    assert panel.adjudication.heading.value == "Adjudication: 2 disputed cutouts"
    assert dock.panel.progress.progress.native.format() == "1 of 3 settled"
    assert panel.progress.position.value == "2 of 3, 2 disputed"
    type_keys(dock, "k")
    click(panel.verdict.unsure)
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert adjudications(dock.session) == [
        (QUEUE[0], "Eva", "artifact", "", ""),
        (QUEUE[1], "Eva", "no artifact", "", ""),
        (QUEUE[2], "Eva", "unsure", "", ""),
    ]
    assert panel.adjudication.heading.value == "Adjudication: all settled"
    assert dock.history.value.startswith("Adjudicated as unsure, 2")
    assert own_verdicts(dock.session) == [], "none of them is a verdict of Eva"
    assert session.progress == (0, 3)
    click(panel.adjudication.back)
    settle(dock)
    assert not session.is_adjudicating
    assert session.current_cutout.key == before
    assert not panel.adjudication.visible
    assert not panel.team.disputed.visible, "nothing is disputed"
    assert "Not reviewed" in dock.history.value


def test_the_key_goes_there_and_back_and_says_if_nothing_is_disputed(
    adjudicating, type_keys
):
    dock = adjudicating
    assert "F8 goes back" in dock.message.value
    type_keys(dock, "j", "j", "j", Key.Key_F8)
    assert not dock.session.is_adjudicating
    type_keys(dock, Key.Key_F8)
    assert not dock.session.is_adjudicating
    assert dock.message.value == "No cutout is disputed."


def test_undo_and_redo_work_as_for_verdicts(adjudicating, type_keys, qtbot):
    dock, session = adjudicating, adjudicating.session
    type_keys(dock, "j", "u")
    assert session.current_cutout.key == QUEUE[0]
    assert session.still_disputed == 3
    assert "Not settled" in dock.history.value
    assert dock.last_verdict.value.startswith("Undone: (200, 0)")
    qtbot.keyClick(dock.window(), Key.Key_U, SHIFT)
    qtbot.waitUntil(lambda: session.still_disputed == 2)
    assert dock.history.value.startswith("Adjudicated as artifact")


def test_kind_and_note_belong_to_the_adjudication(
    adjudicating, type_keys, settle, qtbot
):
    dock = adjudicating
    assert dock.kind.value == "No kind"
    dock.kind.value = dock.session.kinds[0]
    settle(dock)
    QTest.keyClick(write(dock, "beyond doubt"), Key.Key_Return)
    assert own_verdicts(dock.session) == []
    type_keys(dock, "j", ",")
    assert adjudications(dock.session) == [
        (QUEUE[0], "Eva", "artifact", dock.session.kinds[0], ""),
        (QUEUE[1], "Eva", "artifact", "", "beyond doubt"),
    ]
    # The reviewer's own adjudication takes a later note, as a verdict does.
    QTest.keyClick(write(dock, "a star"), Key.Key_Return)
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert adjudications(dock.session)[-1][3:] == ("", "a star")
    assert dock.session.drafts == dock.session.adjudication_drafts == {}


def test_an_unfinished_note_never_becomes_one_of_the_own_verdict(
    open_dock, disputed, type_keys, settle
):
    dock = open_dock(disputed, "Ana")
    type_keys(dock, Key.Key_F8)
    assert dock.note.value == "", "her own note is not that of an adjudication"
    write(dock, "not finished")
    click(dock.panel.adjudication.back)
    settle(dock)
    assert [one.note for one in own_verdicts(dock.session)] == ["a ring"] * 3
    assert dock.note.value == "a ring"
    type_keys(dock, Key.Key_F8)
    assert dock.note.value == "not finished", "it is there again"
    write(dock, "")
    # Another queue ends the adjudication without its button.
    write(dock, "unfinished too")
    dock.session.set_queue(order="random", seed=1)
    settle(dock)
    assert [one.note for one in own_verdicts(dock.session)] == ["a ring"] * 3
    assert dock.session.adjudication_drafts == {QUEUE[0]: "unfinished too"}


def test_an_unfinished_note_on_an_adjudication_is_on_disk_at_once(adjudicating, qtbot):
    # The move to the first disputed cutout is saved too, but not the note with it.
    qtbot.wait(600)
    QTest.keyClick(write(adjudicating, "not finished"), Key.Key_Return)
    store = Store(Path(adjudicating.session.store))
    written = [[*QUEUE[0], "not finished"]]
    qtbot.waitUntil(lambda: store.read().state["adjudication_drafts"] == written)


def test_a_reviewer_of_the_cutout_may_adjudicate_and_keeps_the_own_verdict(
    open_dock, disputed, type_keys
):
    dock = open_dock(disputed, "Ben")
    type_keys(dock, Key.Key_F8, "j")
    assert adjudications(dock.session) == [(QUEUE[0], "Ben", "artifact", "", "")]
    assert [one.verdict for one in own_verdicts(dock.session)] == ["no artifact"] * 3
    type_keys(dock, Key.Key_F8, Key.Key_Home)
    assert "Confirmed by Ben" in dock.history.value or "Changed" in dock.history.value
    assert "adjudicated as artifact" in dock.panel.others.full_text


def test_in_the_gallery_the_current_cutout_is_adjudicated(
    adjudicating, type_keys, qtbot
):
    dock, session = adjudicating, adjudicating.session
    type_keys(dock, Key.Key_F5)
    gallery = dock.review.surfaces.gallery
    model = gallery.view.model()
    qtbot.waitUntil(lambda: model.rowCount() == 3)

    def moves_on():
        QTest.keyClick(gallery.view, "j")
        return session.current_cutout.key == QUEUE[1]

    # A verdict on a picture that is still being read is refused.
    qtbot.waitUntil(moves_on)
    qtbot.waitUntil(lambda: len(adjudications(dock.session)) == 1)
    gallery.view.selectAll()
    QTest.keyClick(gallery.view, "j")
    assert "one by one" in dock.message.value
    assert len(adjudications(dock.session)) == 1


def test_a_later_vote_reopens_a_settled_cutout(
    open_dock, survey, tmp_path, type_keys, qtbot
):
    folder = tmp_path / "shared folder"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere" / "predictions.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(survey.read_bytes())
    dock = open_dock(survey, "Ben", team=folder)
    type_keys(dock, "k")
    with ReviewSession.open(
        elsewhere, survey.parent, reviewer="Ana", team=folder
    ) as ana:
        give(ana, "artifact")
        assert ana.team.synchronize(TIMEOUT)
        qtbot.waitUntil(lambda: dock.panel.team.disputed.text == "Disputed (1)")
        type_keys(dock, Key.Key_F8, "j")
        heading = dock.panel.adjudication.heading
        assert heading.value == "Adjudication: all settled"
        give(ana, "unsure")
        give(ana, "artifact", note="I looked again")
        assert ana.team.synchronize(TIMEOUT)
        qtbot.waitUntil(lambda: heading.value == "Adjudication: 1 disputed cutout")
        assert lines(dock)[-1] == ("Adjudication", "artifact, no longer in force")
        assert "Not settled" in dock.history.value
        type_keys(dock, Key.Key_F8)
        assert dock.panel.team.disputed.text == "Disputed (1)"


def test_a_slow_disk_holds_up_nothing_and_a_refused_one_is_given_again(
    adjudicating, slow_disk, settle, qtbot
):
    dock, session = adjudicating, adjudicating.session
    slow_disk.hold()
    for key in ("j", "k"):
        settle(dock)
        qtbot.keyClick(dock.window(), key)
    settle(dock)
    assert session.current_cutout.key == QUEUE[2]
    qtbot.waitUntil(lambda: dock.history.value == "Recording 2 verdicts...")
    assert dock.last_verdict.value.startswith("Recording: Adjudicated as no artifact")
    slow_disk.faults += [None, full()]
    slow_disk.go_on()
    qtbot.waitUntil(lambda: bool(session.refused))
    assert "adjudicated as no artifact" in dock.panel.pending.refused.value
    assert dock.last_verdict.value.startswith("Not recorded: Adjudicated as no")
    qtbot.keyClick(dock.window(), Key.Key_R, SHIFT)
    qtbot.waitUntil(lambda: session.still_disputed == 1)
    assert not dock.panel.pending.visible


def test_the_same_key_twice_records_one_adjudication(adjudicating, type_keys, qtbot):
    dock = adjudicating
    dock.auto_advance.value = False
    type_keys(dock, "j", "j")
    assert len(adjudications(dock.session)) == 1
    assert dock.last_verdict.value.startswith("Already adjudicated as artifact")
    click(dock.panel.verdict.unsure)
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert [one[2] for one in adjudications(dock.session)] == ["artifact", "unsure"]
