"""Audits in the dock, with real keys: drawn, left, continued, confirmed."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QInputDialog, QSpinBox

from napari_artifact_review import open_review
from napari_artifact_review.core.learning.remaining import sentence

LEFT = Qt.MouseButton.LeftButton


def left(dock):
    return dock.panel.results.left


def click(button):
    QTest.mouseClick(button.native, LEFT)


@pytest.fixture
def unfolded(instrument, qtbot):
    instrument.panel.folds["changes"].header.setChecked(True)
    qtbot.waitUntil(lambda: left(instrument).sentence.text != "…")
    return instrument


def begin(dock, size, qtbot):
    """Ask for an audit with the button, the dialog and Enter."""
    click(left(dock).audit)
    qtbot.waitUntil(lambda: bool(dock.findChildren(QInputDialog)))
    [dialog] = dock.findChildren(QInputDialog)
    [field] = dialog.findChildren(QSpinBox)
    field.selectAll()
    QTest.keyClicks(field, str(size))
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not dock.findChildren(QInputDialog))


@pytest.fixture
def judge(press, settle):
    def judge(dock, *keys):
        for key in keys:
            settle(dock)
            press(dock, key)

    return judge


def test_an_audit_is_drawn_left_and_continued(unfolded, judge, settle, qtbot):
    dock, session = unfolded, unfolded.session
    current, rule = session.current_cutout.key, session.review_queue.rule
    assert left(dock).sentence.text == (
        "0 of 4 looked at; no estimate yet; no audit yet"
    )
    begin(dock, 5, qtbot)
    rows = session.review_queue.rows.tolist()
    assert len(rows) == 5
    # However long the first image takes, the message is shown once it is read.
    settle(dock)
    assert "Audit 1: 5 cutouts" in dock.message.value
    assert left(dock).audit.text == "Back from audit"
    judge(dock, "k", "k")
    assert session.current_cutout.row == rows[2]
    qtbot.waitUntil(lambda: "2 of 5 audited" in left(dock).sentence.text)
    assert left(dock).sentence.text == sentence(session.remaining)
    click(left(dock).audit)
    assert session.current_cutout.key == current
    assert session.review_queue.rule == rule
    assert left(dock).audit.text == "Continue audit (2 of 5)"
    click(left(dock).audit)
    assert session.review_queue.rows.tolist() == rows[2:]
    judge(dock, "k", "h", "k")
    assert [e.context["view"]["audit"] for e in session.log] == (
        [{"number": 1, "look": 1}] * 5
    )
    click(left(dock).audit)
    assert left(dock).audit.text == "Audit..."


def test_finds_are_confirmed_among_kept_cutouts(unfolded, judge, settle, qtbot):
    dock, session = unfolded, unfolded.session
    assert not left(dock).confirm.visible
    begin(dock, 6, qtbot)
    label = session.predictions.label
    rows = session.review_queue.rows.tolist()
    find = "k" if label[rows[0]] else "j"
    judge(dock, find)
    judge(dock, *("jk"[int(label[row] == 0)] for row in rows[1:]))
    click(left(dock).audit)
    qtbot.waitUntil(lambda: left(dock).confirm.visible)
    assert left(dock).confirm.text == "Confirm finds (1)"
    entries = len(session.log)

    def same_again():
        label = session.catalog.labels.label_new[session.current_cutout.row]
        return "j" if label else "k"

    click(left(dock).confirm)
    assert len(session.review_queue) == session.review_queue.left == 2
    assert rows[0] in session.review_queue
    # A note before the second look is a draft, and no second look.
    settle(dock)
    QTest.keyClicks(dock.note.native, "looks odd")
    QTest.keyClick(dock.note.native, Qt.Key.Key_Return)
    assert dock.pending == 0
    assert len(session.log) == entries
    judge(dock, same_again())
    assert session.review_queue.left == 1
    assert len(session.log) == entries + 1
    judge(dock, same_again())
    assert session.review_queue.left == 0
    marks = [entry.context["view"]["audit"]["look"] for entry in session.log]
    assert marks == [1] * 6 + [2] * 2
    assert session.remaining.audits[0].sides.together.weaker == 1
    qtbot.waitUntil(lambda: "by the same reviewer only" in left(dock).sentence.text)
    assert not left(dock).confirm.visible


def test_a_reopened_review_continues_its_audit(
    viewer, unfolded, judge, survey, settle, qtbot
):
    dock = unfolded
    begin(dock, 4, qtbot)
    rows = dock.session.review_queue.rows.tolist()
    judge(dock, "j")
    settle(dock)
    dock.close_review()
    again = open_review(viewer, survey)
    again.panel.folds["changes"].header.setChecked(True)
    assert left(again).audit.text == "Continue audit (1 of 4)"
    click(left(again).audit)
    assert again.session.review_queue.rows.tolist() == rows[1:]
    settle(again)


def test_a_reviewed_table_has_no_audit(unfolded, qtbot):
    dock, session = unfolded, unfolded.session
    keys = [session.cutout_index.key_of(row) for row in range(36)]
    session.set_label("artifact", cutouts=keys)
    click(left(dock).audit)
    assert "nothing to audit" in dock.message.value
    assert not dock.findChildren(QInputDialog)
    qtbot.waitUntil(lambda: left(dock).sentence.text == "The whole table is looked at")


def test_second_looks_are_blind_and_one_button_away(unfolded, judge, settle, qtbot):
    dock, session = unfolded, unfolded.session
    button, before = left(dock).second_looks, session.review_queue.rule
    click(left(dock).second_looks)
    qtbot.waitUntil(lambda: "You have given no verdict yet" in dock.message.value)
    judge(dock, "k", "j", "k")
    click(button)
    qtbot.waitUntil(lambda: session.shows_surprising)
    settle(dock)
    assert "3 of your verdicts to give anew" in dock.message.value
    assert button.text == "Back from second looks"
    assert session.current_cutout.is_hidden
    assert len(session.review_queue) == session.review_queue.left == 3
    judge(dock, "j")
    assert session.review_queue.left == 2
    assert session.log[-1].context["view"]["second_look"] is True
    click(button)
    assert session.review_queue.rule == before
    assert not session.shows_surprising
    assert button.text == "Second looks"


def test_the_results_compare_verdicts_with_and_without_predictions(unfolded, qtbot):
    dock, session = unfolded, unfolded.session
    assert left(dock).anchoring.isHidden()
    session.hide_predictions, session.hidden_share = True, 0.5
    hidden = session.catalog.hidden.mask
    for rows in (hidden.nonzero()[0], (~hidden).nonzero()[0]):
        keys = [session.cutout_index.key_of(row) for row in rows[:3].tolist()]
        session.set_label("artifact", cutouts=keys)
    qtbot.waitUntil(
        lambda: "Verdicts agree with the model in" in left(dock).anchoring.text
    )
    assert not left(dock).anchoring.isHidden()
