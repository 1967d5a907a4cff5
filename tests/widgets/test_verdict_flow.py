"""What a reviewer sees of the last verdict, and where a verdict leads."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_artifact_review.viewer.napari_compat import plugin_settings
from napari_artifact_review.viewer.preferences import PLUGIN
from tests.slow_disk import full

#: The errors of the small survey, in the order of the queue.
QUEUE = [("north", 200, 0), ("north", 400, 200), ("south", 0, 0)]
CONTROL = Qt.KeyboardModifier.ControlModifier


def place(dock):
    return tuple(dock.session.current_cutout.key)


def click(widget):
    QTest.mouseClick(widget.native, Qt.MouseButton.LeftButton)


def click_cutout(dock, x, y, modifier=Qt.KeyboardModifier.NoModifier):
    canvas = dock.window().centralWidget()
    camera = dock.viewer.scene.camera
    row, column = camera.center[-2:]
    offset = QPoint(round((x - column) * camera.zoom), round((y - row) * camera.zoom))
    native = canvas.childAt(canvas.rect().center())
    middle = QPoint(native.width() // 2, native.height() // 2)
    QTest.mouseClick(native, Qt.MouseButton.LeftButton, modifier, middle + offset)


def test_the_last_verdict_stays_in_sight_and_a_click_returns_to_it(
    instrument, press, settle
):
    dock = instrument
    assert dock.last_verdict.value == ""
    press(dock, "K")
    settle(dock)
    assert place(dock) == QUEUE[1]
    assert dock.last_verdict.value == "(200, 0) FN: artifact → no artifact, U to undo"
    press(dock, "N")
    settle(dock)
    assert "(200, 0) FN" in dock.last_verdict.value
    click(dock.last_verdict)
    settle(dock)
    assert place(dock) == QUEUE[0]


def test_a_confirmed_label_is_told_from_a_changed_one(instrument, press):
    press(instrument, "J")
    assert instrument.last_verdict.value.startswith("(200, 0) FN: artifact confirmed")


def test_an_undo_and_a_redo_are_the_last_act(instrument, press):
    press(instrument, "J", "U")
    assert instrument.last_verdict.value == "Undone: (200, 0) FN, Shift+U to redo"
    QTest.keyClick(instrument.window(), Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert instrument.last_verdict.value == "Redone: (200, 0) FN, U to undo"


def test_a_verdict_on_a_reviewed_cutout_says_what_it_replaced(dock, press):
    press(dock, "J", "K")
    expected = "(200, 0) FN: replaced artifact by no artifact"
    assert dock.last_verdict.value.startswith(expected)
    assert f"{expected}, U to undo" in dock.last_verdict.tooltip


def test_the_same_verdict_again_says_that_it_is_already_given(dock, press):
    press(dock, "K", "K")
    assert dock.last_verdict.value == "(200, 0) FN: already no artifact"
    assert len(dock.session.log) == 1


def test_the_last_verdict_names_the_kind_that_it_replaced(dock, press):
    kind = dock.session.kinds[0]
    dock.session.set_label("artifact", kind)
    press(dock, "K")
    line = dock.last_verdict.tooltip
    assert f"replaced artifact ({kind}) by no artifact" in line


def test_no_verdict_leads_to_a_reviewed_cutout(instrument, press, settle):
    dock = instrument
    press(dock, "N", "H")
    settle(dock)
    press(dock, ",", ",")
    settle(dock)
    assert place(dock) == QUEUE[0]
    press(dock, "J")
    settle(dock)
    assert place(dock) == QUEUE[2], "the second one is reviewed"


def test_a_preference_leads_to_the_next_of_the_queue(instrument, press, settle):
    dock = instrument
    assert "next unreviewed" in dock.auto_advance.tooltip
    plugin_settings()[PLUGIN].review.advance_to = "next in queue"
    # As after napari's dialog.
    QApplication.sendEvent(dock, QEvent(QEvent.Type.WindowActivate))
    assert "next cutout in queue" in dock.auto_advance.tooltip
    press(dock, "N", "H")
    settle(dock)
    press(dock, ",", ",", "J")
    settle(dock)
    assert place(dock) == QUEUE[1]


def test_a_slow_verdict_is_called_so_until_it_is_recorded(
    instrument, slow_disk, settle, qtbot
):
    dock = instrument
    slow_disk.hold()
    qtbot.keyClick(dock.window(), "K")
    qtbot.waitUntil(lambda: dock.last_verdict.value.startswith("Recording: (200, 0)"))
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.last_verdict.value.startswith("(200, 0) FN: artifact"))


def test_a_refused_verdict_is_called_so(instrument, slow_disk, qtbot):
    dock = instrument
    slow_disk.faults.append(full())
    qtbot.keyClick(dock.window(), "K")
    qtbot.waitUntil(lambda: "Not recorded: (200, 0)" in dock.last_verdict.value)
    assert place(dock) == QUEUE[0]


# Order and ends of the queue


@pytest.mark.parametrize("order", ["mislabelled", "confident"])
def test_another_order_begins_with_its_first_unreviewed_cutout(
    instrument, press, settle, order
):
    dock = instrument
    press(dock, "N", "N")
    settle(dock)
    dock.panel.queue.order.value = order
    settle(dock)
    rows = dock.session.queue
    first = rows.iloc[0]
    assert place(dock) == (first.image_name, first.grid_x, first.grid_y)
    assert dock.panel.progress.position.value == "1 of 4, 4 unreviewed"


def test_home_and_end_are_the_ends_of_the_queue(instrument, settle, qtbot):
    dock = instrument
    qtbot.keyClick(dock.window(), Qt.Key.Key_End)
    settle(dock)
    assert dock.panel.progress.position.value == "4 of 4, 4 unreviewed"
    qtbot.keyClick(dock.window(), Qt.Key.Key_Home)
    settle(dock)
    assert dock.panel.progress.position.value == "1 of 4, 4 unreviewed"


def test_the_end_of_a_filter_says_how_many_errors_are_elsewhere(
    instrument, press, settle
):
    dock = instrument
    dock.panel.queue.outcomes["FN"].value = False
    settle(dock)
    for _ in range(2):
        press(dock, "J")
        settle(dock)
    assert dock.panel.progress.position.value == "2 of 2, 2 errors elsewhere"
    dock.panel.queue.outcomes["FN"].value = True
    for _ in range(2):
        press(dock, "J")
        settle(dock)
    assert dock.panel.progress.position.value.endswith("of 4, 0 unreviewed")


def test_place_and_number_left_agree_among_the_unreviewed(instrument, press, settle):
    dock = instrument
    dock.panel.queue.state.value = "unreviewed"
    press(dock, "J")
    settle(dock)
    assert dock.panel.progress.position.value == "1 of 3 unreviewed"


def test_the_arrow_keys_go_from_cutout_to_cutout_to_the_edge(dock, settle, qtbot):
    for _ in range(3):
        qtbot.keyClick(dock.window(), Qt.Key.Key_Right)
    assert place(dock) == ("north", 600, 0)
    assert "no further cutout" in dock.message.tooltip
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Left):
        qtbot.keyClick(dock.window(), key)
    assert place(dock) == ("north", 400, 200)


# The selection


def test_the_dock_says_how_many_are_selected_and_describes_one(dock, press):
    click_cutout(dock, 450, 250, CONTROL)
    assert dock.history.value == "1 selected: 1 FP"
    assert place(dock) == ("north", 400, 200)
    click_cutout(dock, 450, 50, CONTROL)
    assert dock.history.value == "2 selected: 1 FP, 1 TN"
    assert place(dock) == ("north", 400, 200), "it is one of the two"
    press(dock, "J")
    assert dock.last_verdict.value == "2 cutouts: artifact, 2 labels changed, U to undo"


def test_a_move_to_another_cutout_clears_the_selection(dock, press):
    click_cutout(dock, 450, 50, CONTROL)
    press(dock, ",")
    assert len(dock.controller.selection) == 0
    assert "selected" not in dock.history.value
