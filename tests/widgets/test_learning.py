"""The learned order and similar cutouts in the dock, with real keys."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review

Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton


@pytest.fixture
def dock(viewer, demo, tmp_path):
    return open_review(
        viewer, demo.predictions, demo.images, tmp_path / "out.csv", reviewer="ada"
    )


@pytest.fixture
def press(dock, qtbot):
    def press(key):
        qtbot.waitUntil(lambda: dock.is_shown, timeout=20_000)
        QTest.keyClick(dock.window(), key)
        qtbot.waitUntil(lambda: dock.pending == 0)

    return press


def test_verdicts_move_the_cutouts_ahead(dock, press, qtbot):
    session, queue = dock.session, dock.panel.queue
    dock.panel.folds["queue"].header.setChecked(True)
    assert not queue.learning.visible
    queue.order.value = "learned"
    assert session.review_queue.rule.order == "learned"
    assert queue.learning.visible
    assert "Warm-up: 0 of 20 verdicts" in queue.learning.value
    qtbot.waitUntil(lambda: session.descriptors.is_ready, timeout=60_000)
    qtbot.waitUntil(lambda: "images read" not in queue.learning.value)
    shown = []
    for number in range(30):
        shown.append(session.current_cutout.row)
        press(Key.Key_J if number % 3 else Key.Key_K)
        qtbot.waitUntil(lambda: session.learned_queue.wait(0))
        rows = session.review_queue.rows.tolist()
        assert rows[: len(shown)] == shown
        if not session.review_queue.left:
            break
    qtbot.waitUntil(
        lambda: queue.learning.value.startswith(("Learned from", "Warm-up: 2"))
    )
    last = session.log[-1].context["view"]["order"]
    assert last["model"] is not None
    queue.order.value = "image"
    assert not queue.learning.visible


def described(dock, qtbot):
    """Choose the learned order, and wait for the descriptors."""
    dock.panel.folds["queue"].header.setChecked(True)
    dock.panel.queue.order.value = "learned"
    qtbot.waitUntil(lambda: dock.session.descriptors.is_ready, timeout=60_000)
    qtbot.waitUntil(lambda: dock.session.learned_queue.wait(0))


def test_the_dock_says_why_and_never_of_a_hidden_cutout(dock, press, qtbot):
    session, queue = dock.session, dock.panel.queue
    described(dock, qtbot)
    assert queue.reason.text == ""
    first = session.current_cutout
    press(Key.Key_J)
    did = "kept as" if first.label == 1 else "changed to"
    place = first.key.title
    qtbot.waitUntil(
        lambda: queue.reason.text == f"Why: most like one {did} artifact, {place}"
    )
    QTest.mouseClick(queue.hiding.switch.native, Qt.MouseButton.LeftButton)
    session.hide_predictions = True
    assert queue.reason.text == "Why this cutout: shown after the verdict"
    dock.auto_advance.value = False
    press(Key.Key_K)
    assert queue.reason.text.startswith("Why: most like")


def test_hidden_errors_are_one_button_away_and_back(dock, qtbot):
    session, queue = dock.session, dock.panel.queue
    dock.panel.folds["queue"].header.setChecked(True)
    errors = len(session.review_queue)
    assert queue.agreements.text == "Hidden errors"
    QTest.mouseClick(queue.agreements.native, LEFT)
    rule = session.review_queue.rule
    assert ({*rule.outcomes}, rule.order) == ({"TP", "TN"}, "learned")
    assert len(session.review_queue) == len(session.table) - errors
    assert queue.agreements.text == "Errors"
    QTest.mouseClick(queue.agreements.native, LEFT)
    assert {*session.review_queue.rule.outcomes} == {"FP", "FN"}
    assert len(session.review_queue) == errors


def test_a_budget_of_looks_is_a_stop(dock, press, qtbot):
    session, budget = dock.session, dock.panel.queue.budget
    dock.panel.folds["queue"].header.setChecked(True)
    field = budget.field.native
    QTest.keyClicks(field, "2.5")
    QTest.keyClick(field, Key.Key_Return)
    assert "whole number" in dock.message.value
    assert session.budget is None
    QTest.keyClicks(field, "2")
    QTest.keyClick(field, Key.Key_Return)
    assert budget.looks_left.value == "looks; 2 left"
    press(Key.Key_J)
    assert budget.looks_left.value == "looks; 1 left"
    last = session.current_cutout.row
    press(Key.Key_J)
    assert session.current_cutout.row == last
    assert "The looks that you wanted to spend are done" in dock.message.value
    assert budget.looks_left.value == "looks; all done"
    # The reviewer may go on, and is not stopped again.
    press(Key.Key_N)
    here = session.current_cutout.row
    press(Key.Key_J)
    assert session.current_cutout.row != here
    field.selectAll()
    QTest.keyClick(field, Key.Key_Delete)
    QTest.keyClick(field, Key.Key_Return)
    assert session.budget is None
    assert budget.looks_left.value == "looks (no limit)"


def test_a_share_of_the_cutouts_is_hidden(dock, qtbot):
    session, hiding = dock.session, dock.panel.queue.hiding
    dock.panel.folds["queue"].header.setChecked(True)
    assert not hiding.share.visible
    hiding.switch.value = True
    assert hiding.share.visible
    field = hiding.share.native
    for text, share in (("30", 0.3), ("0", 0.3), ("", 1.0)):
        field.selectAll()
        QTest.keyClick(field, Key.Key_Delete)
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Key.Key_Return)
        assert session.hidden_share == share
        hidden = session.catalog.hidden.mask.mean()
        assert abs(hidden - share) < 0.1
    assert hiding.share.value == "100"


def test_a_new_order_hides_no_message(dock, press, qtbot):
    """The order of a queue changes at any time while descriptors are computed."""
    session = dock.session
    described(dock, qtbot)
    QTest.keyClick(dock.window(), Key.Key_Home)
    qtbot.waitUntil(lambda: dock.is_shown, timeout=20_000)
    QTest.keyClick(dock.window(), Key.Key_Comma)
    assert "the beginning of the queue" in dock.message.value
    session.learned_queue.changed.emit()
    assert "the beginning of the queue" in dock.message.value


def test_similar_cutouts_are_a_page_and_one_key_goes_back(dock, press, qtbot):
    session = dock.session
    press(Key.Key_N)
    before, rule = session.current_cutout.row, session.review_queue.rule
    press(Key.Key_F7)
    assert "Similar cutouts are known once the images are read" in dock.message.value
    assert not session.shows_similar
    qtbot.waitUntil(lambda: session.descriptors.is_ready, timeout=60_000)
    QTest.keyClick(dock.window(), Key.Key_F7)
    qtbot.waitUntil(lambda: dock.gallery is not None and dock.gallery.isVisible())
    view = dock.gallery.view
    assert view.model().rowCount() == 101
    assert view.model().rows([0]).tolist() == [before]
    qtbot.waitUntil(
        lambda: {*view.model().rows([0, 1, 2]).tolist()} <= view.itemDelegate().seen,
        timeout=20_000,
    )
    image_of = session.cutout_index.image_of
    dock.panel.folds["context"].header.setChecked(True)
    QTest.mouseClick(dock.panel.context.other_images.native, LEFT)
    others = [image_of(row) for row in session.review_queue.rows.tolist()]
    assert others.count(image_of(before)) == 1
    QTest.mouseClick(dock.panel.context.other_images.native, LEFT)
    again = [image_of(row) for row in session.review_queue.rows.tolist()]
    assert again.count(image_of(before)) > 1
    QTest.keyClick(view, Key.Key_Right)
    QTest.keyClick(view, Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    selected = view.model().rows([1, 2]).tolist()
    QTest.keyClick(view, Key.Key_J)
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert session.catalog.labels.reviewed[selected].all()
    QTest.keyClick(dock.window(), Key.Key_F7)
    qtbot.waitUntil(lambda: not dock.gallery.isVisible())
    assert session.current_cutout.row == before
    assert session.review_queue.rule == rule
    assert not session.shows_similar
