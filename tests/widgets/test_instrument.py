"""Verdicts with real keys and mouse: auto-advance, queue, threshold, neighbours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, QPointF, QSettings, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMenu, QRadioButton, QSlider

from napari_artifact_review import open_review
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.widgets import review_dock

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def place(dock):
    return tuple(dock.session.current_cutout.key)


def said(dock):
    return dock.message.tooltip or ""


def unfold(dock, name):
    fold = dock.panel.folds[name]
    QTest.mouseClick(fold.header, Qt.MouseButton.LeftButton)
    assert fold.content.isVisible()
    # Buttons have no position before Qt has laid them out.
    QApplication.processEvents()
    return fold


def key(dock, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(dock.window(), key, modifier)


def click_cutout(dock, x, y, modifier):
    """Click on a pixel of the image."""
    canvas = dock.window()._qt_viewer.canvas
    camera = dock.viewer.scene.camera
    row, column = camera.center[-2:]
    middle = QPoint(canvas.native.width() // 2, canvas.native.height() // 2)
    offset = QPoint(round((x - column) * camera.zoom), round((y - row) * camera.zoom))
    QTest.mouseClick(
        canvas.native, Qt.MouseButton.LeftButton, modifier, middle + offset
    )


# One key for each verdict


def test_a_walk_over_the_sdss_errors_takes_a_key_each(
    viewer, shared_data, tmp_path, qtbot, settle
):
    """Compare the final table with a plain model of the keys."""
    table = shared_data / "sdss/predictions.csv"
    dock = open_review(viewer, table, shared_data / "sdss/images", tmp_path / "out.csv")
    expected = pd.read_csv(table, dtype=str)
    errors = dock.session.errors
    assert len(errors) == 41
    keys = {
        Qt.Key.Key_J: ("artifact", "1"),
        Qt.Key.Key_K: ("no artifact", "0"),
        Qt.Key.Key_H: ("unsure", None),
    }
    expected = expected.assign(label_new=expected.label, decision="")
    for number, row in enumerate(errors.index):
        assert dock.session.current.name == row
        pressed = list(keys)[number * number % 3]
        key(dock, pressed)
        word, label = keys[pressed]
        expected.loc[row, "decision"] = word
        expected.loc[row, "label_new"] = label or expected.label[row]
        qtbot.waitUntil(lambda n=number: len(dock.session.log) == n + 1)
        settle(dock)
    assert dock.session.review_queue.left == 0
    assert said(dock) == "Every cutout in the queue has been reviewed."
    key(dock, Qt.Key.Key_W)
    qtbot.waitUntil((tmp_path / "out.csv").exists)
    saved = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    columns = list(expected.columns)
    pd.testing.assert_frame_equal(
        saved[columns], expected.fillna(""), check_dtype=False
    )


def test_a_switch_keeps_verdicts_at_their_cutout(instrument, press):
    press(instrument, "J")
    assert place(instrument) == ("north", 400, 200)
    QTest.mouseClick(instrument.auto_advance.native, Qt.MouseButton.LeftButton)
    press(instrument, "K")
    assert place(instrument) == ("north", 400, 200)


def test_the_verdicts_can_be_clicked(instrument, settle):
    verdict = instrument.panel.verdict
    _, none = instrument.label_new.native.findChildren(QRadioButton)
    QTest.mouseClick(none, Qt.MouseButton.LeftButton)
    assert place(instrument) == ("north", 400, 200)
    QTest.mouseClick(verdict.unsure.native, Qt.MouseButton.LeftButton)
    settle(instrument)
    assert place(instrument) == ("south", 0, 0)
    decisions = instrument.session.table.decision
    assert decisions[decisions != ""].tolist() == ["no artifact", "unsure"]


def test_a_script_that_sets_the_toggle_stays(instrument):
    instrument.label_new.value = "no artifact"
    assert place(instrument) == ("north", 200, 0)
    assert instrument.session.current.label_new == 0


def test_an_unsure_cutout_shows_it_and_keeps_its_label(dock, press):
    press(dock, "H")
    verdict = dock.panel.verdict
    assert verdict.history.value.startswith("Marked unsure by")
    assert "ffd60a" in verdict.unsure.native.styleSheet()
    assert verdict.label_new.native.property("reviewed") is False
    assert verdict.label_new.value == "artifact"


def test_a_kind_is_chosen_from_a_menu_and_given_again(instrument, qtbot, settle):
    key(instrument, Qt.Key.Key_K, SHIFT)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "satellite trail" in menu.actions()[0].text()
    QTest.keyClick(menu, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: place(instrument) == ("north", 400, 200))
    key(instrument, Qt.Key.Key_J, SHIFT)
    table = instrument.session.table
    assert table[table.kind == "ghost"].decision.tolist() == ["artifact"] * 2


def test_kinds_are_the_team_s_own_where_there_is_a_list(viewer, survey):
    (survey.parent / "artifact_kinds.txt").write_text(
        "# ours\ntumbler\n\nflare # hot\n"
    )
    dock = open_review(viewer, survey)
    assert dock.kind.choices[1:] == ("tumbler", "flare")


def test_a_note_is_typed_and_no_key_of_it_is_a_verdict(instrument, qtbot):
    key(instrument, Qt.Key.Key_F2)
    note = instrument.note.native
    qtbot.waitUntil(note.hasFocus)
    QTest.keyClicks(note, "jkhn?")
    QTest.keyClick(note, Qt.Key.Key_Return)
    assert instrument.session.log == ()
    assert place(instrument) == ("north", 200, 0)
    assert not note.hasFocus()
    # The draft waits for its verdict, also after moves.
    key(instrument, Qt.Key.Key_N)
    assert instrument.note.value == ""
    key(instrument, Qt.Key.Key_Comma)
    assert instrument.note.value == "jkhn?"
    key(instrument, Qt.Key.Key_J)
    [entry] = instrument.session.log
    assert (entry.note, entry.verdict) == ("jkhn?", "artifact")


def test_a_note_of_a_reviewed_cutout_is_corrected_in_place(dock, press):
    press(dock, "J")
    dock.note.native.setFocus()
    QTest.keyClicks(dock.note.native, "faint")
    QTest.keyClick(dock.note.native, Qt.Key.Key_Return)
    assert place(dock) == ("north", 200, 0)
    assert dock.session.current[["decision", "note"]].tolist() == ["artifact", "faint"]


def write(dock, text):
    """Begin a note without finishing it."""
    field = dock.note.native
    field.setFocus()
    QTest.keyClicks(field, text)
    return field


def test_an_unfinished_note_is_there_after_moving_on_and_back(instrument):
    write(instrument, "half a")
    QTest.mouseClick(instrument.next.native, Qt.MouseButton.LeftButton)
    assert place(instrument) == ("north", 400, 200)
    assert instrument.note.value == ""
    QTest.mouseClick(instrument.previous.native, Qt.MouseButton.LeftButton)
    assert instrument.note.value == "half a"
    assert instrument.session.log == ()


def test_a_note_without_a_verdict_is_on_disk_at_once(dock, survey, qtbot):
    field = write(dock, "half a")
    QTest.keyClick(field, Qt.Key.Key_Return)
    store = Store(Path(dock.session.store))
    qtbot.waitUntil(
        lambda: store.read().state["drafts"] == [["north", 200, 0, "half a"]]
    )


def test_what_is_being_written_is_not_written_over(dock):
    write(dock, "half a")
    dock.session.set_label("artifact", "ghost")
    assert dock.note.value == "half a"
    QTest.keyClick(dock.note.native, Qt.Key.Key_Return)
    said = dock.session.current[["decision", "kind", "note"]].tolist()
    assert said == ["artifact", "ghost", "half a"]


def test_escape_leaves_a_note_as_it_was(dock, qtbot):
    field = write(dock, "first")
    QTest.keyClick(field, Qt.Key.Key_Return)
    write(dock, " and more")
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert dock.note.value == "first"
    assert not field.hasFocus()
    assert list(dock.session.drafts.values()) == ["first"]


def test_all_boxes_are_hidden_while_a_key_is_held(dock):
    before = {x.name: x.visible for x in dock.viewer.layers}
    QTest.keyPress(dock.window(), Qt.Key.Key_Q)
    assert [x.name for x in dock.viewer.layers if x.visible] == ["Review: north"]
    key(dock, Qt.Key.Key_N)
    assert place(dock) == ("north", 400, 200)
    assert [x.name for x in dock.viewer.layers if x.visible] == ["Review: north"]
    QTest.keyRelease(dock.window(), Qt.Key.Key_Q)
    assert {x.name: x.visible for x in dock.viewer.layers} == before


def test_keys_lead_back_on_and_around(dock, settle):
    key(dock, Qt.Key.Key_J)
    key(dock, Qt.Key.Key_N, SHIFT)
    assert place(dock) == ("north", 400, 200)
    key(dock, Qt.Key.Key_Right)
    key(dock, Qt.Key.Key_Down)
    assert place(dock) == ("north", 600, 400)
    key(dock, Qt.Key.Key_G, SHIFT)
    assert place(dock) == ("north", 600, 200)
    key(dock, Qt.Key.Key_N, SHIFT)
    settle(dock)
    assert place(dock) == ("south", 0, 0)


def test_examples_of_a_kind_are_shown_and_lead_to_their_cutouts(
    instrument, qtbot, settle
):
    panel = instrument.examples
    key(instrument, Qt.Key.Key_F3)
    assert panel.empty.isVisible()
    key(instrument, Qt.Key.Key_F3)
    for kind in ("ghost", "ghost", "bleed"):
        instrument.kind.value = kind
        settle(instrument)
    key(instrument, Qt.Key.Key_F3)
    assert panel.kind.currentText() == "bleed  (1)"
    panel.kind.setFocus()
    QTest.keyClick(panel.kind, Qt.Key.Key_Down)
    assert panel.kind.currentText() == "ghost  (2)"
    first, second, third = panel.buttons[:3]
    # The latest verdict comes first.
    assert first.text() == "north (400, 200)"
    assert second.text() == "north (200, 0)"
    assert not third.isVisible()
    qtbot.waitUntil(lambda: not second.icon().isNull())
    QTest.mouseClick(second, Qt.MouseButton.LeftButton)
    settle(instrument)
    assert place(instrument) == ("north", 200, 0)


# The queue


def choose(combo, text, qtbot):
    """Choose from a list with the keyboard."""
    native = combo.native
    at = native.findText(text)
    assert at >= 0
    native.setFocus()
    while native.currentIndex() != at:
        step = Qt.Key.Key_Down if native.currentIndex() < at else Qt.Key.Key_Up
        QTest.keyClick(native, step)


def test_the_queue_is_chosen_and_seen(dock, qtbot, settle):
    fold = unfold(dock, "queue")
    panel = dock.panel.queue
    assert fold.header.text() == "Queue: FP FN, by image"
    QTest.mouseClick(panel.outcomes["TP"].native, Qt.MouseButton.LeftButton)
    choose(panel.order, "Most likely mislabelled first", qtbot)
    rule = dock.session.review_queue.rule
    assert set(rule.outcomes) == {"FP", "FN", "TP"}
    assert rule.order == "mislabelled"
    assert len(dock.session.queue) == 6
    assert "of 6" in dock.panel.progress.position.value
    assert dock.panel.progress.progress.native.format() == "0 of 6 reviewed"
    assert fold.header.text().startswith("Queue: FP FN TP, mislabelled first")
    choose(panel.state, "Unreviewed", qtbot)
    assert len(dock.session.queue) == 6


def test_of_a_queue_of_unreviewed_the_counts_fall(instrument, qtbot, press):
    unfold(instrument, "queue")
    choose(instrument.panel.queue.state, "Unreviewed", qtbot)
    names = instrument.image_name.native
    assert names.itemText(0) == "north  (2)"
    press(instrument, "J")
    assert names.itemText(0) == "north  (1)"
    assert "of 3" in instrument.panel.progress.position.value
    assert instrument.panel.progress.progress.native.format() == "1 of 4 reviewed"
    press(instrument, "U")
    assert names.itemText(0) == "north  (2)"


def test_a_tp_in_the_queue_can_be_chosen_from_the_list(dock, qtbot):
    unfold(dock, "queue")
    QTest.mouseClick(dock.panel.queue.outcomes["TP"].native, Qt.MouseButton.LeftButton)
    native = dock.error_id.native
    texts = [native.itemText(i) for i in range(native.count())]
    assert texts == ["1  FN", "2  FP", "TP (0, 400)"]
    choose(dock.error_id, "TP (0, 400)", qtbot)
    QTest.keyClick(native, Qt.Key.Key_Return)
    assert place(dock) == ("north", 0, 400)


def test_one_image_alone_can_be_the_queue(dock, settle, qtbot):
    dock.session.go_to(3)
    settle(dock)
    unfold(dock, "queue")
    QTest.mouseClick(dock.panel.queue.this_image.native, Qt.MouseButton.LeftButton)
    assert set(dock.session.queue.image_name) == {"south"}
    QTest.mouseClick(dock.panel.queue.this_image.native, Qt.MouseButton.LeftButton)
    assert set(dock.session.queue.image_name) == {"north", "south"}


def test_the_threshold_slides_and_goes_back(dock, qtbot):
    unfold(dock, "queue")
    threshold = dock.panel.queue.threshold
    before = dock.session.table
    [slider] = threshold.threshold.native.findChildren(QSlider) or [
        threshold.threshold.native
    ]
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_End)
    assert dock.session.threshold == 1
    assert set(dock.session.table.outcome) == {"TN", "FN"}
    boxes = dock.viewer.layers["Review: cutouts"]
    assert set(boxes.features.outcome) == {"FN"}
    assert "threshold 1.000" in dock.panel.folds["queue"].header.text()
    QTest.mouseClick(threshold.own.native, Qt.MouseButton.LeftButton)
    assert dock.session.threshold is None
    pd.testing.assert_frame_equal(dock.session.table, before)


def handle(dock):
    """Return the position of the threshold's handle, and whether it is filled."""
    threshold = dock.panel.queue.threshold
    [slider] = threshold.threshold.native.findChildren(QSlider)
    assert slider.width() == threshold.histogram.width()
    pixels, value = slider.grab().toImage(), threshold.threshold.value
    x = round(8 + value * (slider.width() - 16))
    opaque = [pixels.pixelColor(x, y).alpha() > 200 for y in range(pixels.height())]
    # Inside a hollow handle the slider's groove is visible.
    return value, sum(opaque) > 10


def test_the_handle_stands_where_the_table_s_preds_divide_or_claims_nothing(
    viewer, survey
):
    dock = open_review(viewer, survey)
    unfold(dock, "queue")
    table = pd.read_csv(survey)
    lowest = table.confidence[table.preds == 1].min()
    assert handle(dock) == (pytest.approx(lowest, abs=1e-3), True)
    assert f"{lowest:.3f}" in dock.panel.queue.threshold.value.value
    table.loc[table.confidence.idxmax(), "preds"] = 0
    table.to_csv(survey.with_name("mixed.csv"), index=False)
    dock = open_review(viewer, survey.with_name("mixed.csv"))
    _, filled = handle(dock)
    assert not filled
    assert "no single threshold" in dock.panel.queue.threshold.value.value
    dock.session.set_threshold(0.5)
    assert handle(dock) == (0.5, True)


def test_no_wheel_and_no_letter_changes_what_has_the_keyboard(dock, press):
    unfold(dock, "queue")
    threshold, state = dock.panel.queue.threshold.threshold, dock.panel.queue.state
    sliders = threshold.native.findChildren(QSlider) or [threshold.native]
    for widget in (*sliders, state.native, dock.error_id.native):
        spot = QPointF(widget.rect().center())
        wheel = QWheelEvent(
            spot,
            QPointF(widget.mapToGlobal(spot.toPoint())),
            QPoint(0, 120),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, wheel)
    assert dock.session.threshold is None
    assert dock.session.review_queue.rule.state == "all"
    assert place(dock) == ("north", 200, 0)
    state.native.setFocus()
    QTest.keyClick(state.native, Qt.Key.Key_U)
    assert dock.session.review_queue.rule.state == "all", "U is for undo"
    assert "nothing to undo" in said(dock)
    assert dock.kind.native.focusPolicy() == Qt.FocusPolicy.NoFocus


# Neighbours and position


def test_a_run_of_cutouts_is_picked_and_judged_at_once(instrument, press, qtbot):
    instrument.session.select("north", 0, 0)
    click_cutout(instrument, 300, 50, SHIFT)
    assert "2 selected: " in instrument.history.value
    press(instrument, "J")
    table = instrument.session.table
    rows = table[table.decision == "artifact"]
    assert rows[["grid_x", "grid_y"]].to_numpy().tolist() == [[0, 0], [200, 0]]
    press(instrument, "U")
    assert not (instrument.session.table.decision != "").any()


def test_what_is_picked_is_let_go_of(dock):
    click_cutout(dock, 450, 50, CONTROL)
    assert dock.history.value == "1 selected: 1 TN"
    assert "J, K or H marks all" in dock.history.tooltip
    assert place(dock) == ("north", 400, 0), "the dock describes what is judged"
    key(dock, Qt.Key.Key_Escape)
    assert len(dock.controller.selection) == 0
    assert "selected" not in dock.history.value


def test_neighbours_are_seen_and_clicked(dock):
    unfold(dock, "context")
    neighbours = dock.panel.context.map
    assert neighbours.text_of(0, 0).startswith("FN")
    assert neighbours.text_of(1, 1).startswith("FP")
    assert neighbours.text_of(0, -1) == ""
    spot = neighbours.rectangle_of(1, 1).center().toPoint()
    QTest.mouseClick(
        neighbours,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        spot,
    )
    assert place(dock) == ("north", 400, 200)
    assert neighbours.text_of(0, 0).startswith("FP")


def test_neighbours_stand_as_on_the_screen(dock):
    unfold(dock, "context")
    neighbours = dock.panel.context.map
    assert neighbours.rectangle_of(0, 1).top() > neighbours.rectangle_of(0, 0).top()
    QTest.mouseClick(dock.y_up.native, Qt.MouseButton.LeftButton)
    assert neighbours.rectangle_of(0, 1).top() < neighbours.rectangle_of(0, 0).top()


def test_a_reset_ends_all_that_was_done_to_the_pixels(dock):
    unfold(dock, "pixels")
    [layer] = [x for x in dock.viewer.layers if x.name == "Review: north"]
    before = tuple(layer.contrast_limits)
    layer.gamma, layer.contrast_limits, layer.colormap = 0.5, (5, 500), "viridis"
    QTest.mouseClick(dock.panel.display.reset.native, Qt.MouseButton.LeftButton)
    assert (layer.gamma, layer.colormap.name) == (1, "gray")
    assert tuple(layer.contrast_limits) == before


def test_the_form_takes_the_place_of_the_review_and_no_room(dock, qtbot):
    dock.viewer.window.resize(1280, 800)
    qtbot.wait(50)
    height = dock.window().height()
    QTest.mouseClick(dock.files.native, Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    assert dock.predictions.native.isVisible()
    assert not dock.next.native.isVisible()
    assert dock.window().height() == height
    QTest.mouseClick(dock.files.native, Qt.MouseButton.LeftButton)
    assert dock.next.native.isVisible()


def test_the_position_is_copied_with_the_sky(dock):
    key(dock, Qt.Key.Key_C, SHIFT)
    text = QApplication.clipboard().text()
    sky = dock.controller.full.sky.text(299.5, 99.5)
    assert text == f"north  x 299.5  y 99.5  {sky}"


def test_north_and_east_are_marked_where_there_is_a_wcs(dock):
    # North is down and east is left: row numbers grow with the declination.
    lines = dock.viewer.layers["Review: current"].data[4:]
    assert len(lines) > 2
    steps = [lines[0, 1], lines[4, 1]]
    units = [step / np.hypot(*step) for step in steps]
    assert np.allclose(units, [(1, 0), (0, -1)], atol=0.02)


# The dock


def test_the_main_controls_stay_where_they_are_when_a_part_unfolds(dock, qtbot):
    dock.viewer.window.resize(1280, 800)
    qtbot.wait(50)
    controls = (dock.label_new, dock.note, dock.next, dock.save)

    def places():
        return [w.native.mapTo(dock, QPoint(0, 0)) for w in controls]

    before = places()
    assert dock.image_name.native.isVisible(), "it is there from the start"
    for name in list(dock.panel.folds)[1:]:
        unfold(dock, name)
        qtbot.wait(50)
        assert places() == before
    bottom = dock.save.native.mapTo(dock, QPoint(0, dock.save.native.height()))
    assert bottom.y() < dock.height()


def test_recent_reviews_are_offered_and_opened(viewer, survey, qtbot, settle):
    dock = open_review(viewer, survey, survey.parent, survey.parent / "mine.csv")
    dock.session.next()
    recent = dock.opening.recent
    assert recent.buttons[0].text.startswith("predictions.csv")
    dock.predictions.value = dock.images.value = dock.output.value = None
    first = dock.session
    recent.buttons[0].native.click()
    qtbot.waitUntil(lambda: dock.session is not first)
    settle(dock)
    assert dock.session.output == survey.parent / "mine.csv"
    assert place(dock) == ("north", 400, 200)


def test_recent_reviews_of_an_earlier_version_are_offered(viewer, survey):
    files = [[str(survey), str(survey.parent), str(survey.parent / "mine.csv")]]
    former = QSettings("napari-artifact-review", "napari-artifact-review")
    former.setValue("recent reviews", json.dumps(files))
    former.sync()
    assert review_dock(viewer).opening.recent.buttons[0].text.startswith("predictions")


@pytest.mark.parametrize("name", ["queue", "pixels", "context", "changes"])
def test_each_part_unfolds_without_a_word_of_warning(dock, name, caplog):
    unfold(dock, name)
    assert caplog.records == []
