"""Hidden predictions in a real window: no sign before the verdict, all after it."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_artifact_review import open_review
from napari_artifact_review.core.outcomes import OUTCOMES
from napari_artifact_review.viewer.layers import OWNER
from tests.slow_disk import full

Key = Qt.Key


def show_folds(dock):
    for fold in dock.panel.folds.values():
        fold.header.setChecked(True)


def hide(dock, on=True):
    """Click the switch under Queue."""
    box = dock.panel.queue.hiding.switch
    if box.value is not on:
        native = box.native
        QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert box.value is on
    assert dock.session.hide_predictions is on


def facts(dock):
    table = dock.panel.facts.native
    return [table.item(0, column).text() for column in range(table.columnCount())]


def lines(combo):
    native = combo.native
    return [native.itemText(at) for at in range(native.count())]


def texts(dock):
    """Return what the dock says about the current cutout and those around it."""
    panel = dock.panel
    steps = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return {
        "facts": facts(dock),
        "history": (dock.history.value, dock.history.tooltip),
        "last": (dock.last_verdict.value, dock.last_verdict.tooltip),
        "label": dock.label_new.value,
        "kind": (dock.kind.value, dock.note.value),
        "own": panel.own_columns.values.lines,
        "errors": (lines(dock.error_id), dock.error_id.native.currentIndex()),
        "images": lines(dock.image_name),
        "progress": panel.progress.position.value,
        "around": [panel.context.map.text_of(*step) for step in steps],
        "kinds": lines(panel.queue.kind),
    }


def image_of(widget):
    return widget.grab().toImage()


def drawn(dock):
    """Return what the layers of the review draw over the image."""
    shown = {}
    for layer in dock.viewer.layers:
        role = layer.metadata.get(OWNER)
        if role in ("cutouts", "tags", "predictions", "map"):
            text = getattr(layer, "text", None)
            shown[role] = (
                layer.visible,
                layer.opacity,
                [part.tolist() for part in layer.data] if role != "map" else None,
                None if text is None else text.values.tolist(),
                layer.edge_color.tolist() if hasattr(layer, "edge_color") else None,
            )
    return shown


@pytest.fixture
def hiding(dock):
    show_folds(dock)
    dock.session.show_columns("observer")
    hide(dock)
    return dock


def test_nothing_is_told_before_the_key_and_all_after_it(hiding, press):
    dock = hiding
    before = texts(dock)
    assert before["facts"] == [""] * 5
    assert before["label"] is None
    assert before["history"][0] == "Not reviewed: J artifact, K no artifact, H unsure"
    assert before["own"] == (("observer", ""),)
    assert before["errors"][0] == ["1  (200, 0)", "2  (400, 200)"]
    assert {*before["around"]} == {""}
    press(dock, "K")
    after = texts(dock)
    assert after["facts"] == ["1", "0", "0", "0.1250", "FN"]
    assert after["label"] == "no artifact"
    assert after["history"][0].startswith("Changed by")
    assert after["last"][0].startswith("(200, 0) FN: artifact → no artifact")
    assert after["own"] == (("observer", "007"),)
    assert after["errors"][0] == ["1  FN  → 0", "2  (400, 200)"]
    assert dock.error_id.value == 1
    assert "FN → 0\nlabel 1 → 0" in after["around"]
    press(dock, "U")
    undone = texts(dock)
    assert undone.pop("last") != before.pop("last")
    assert undone == before
    assert dock.last_verdict.value == "Undone: (200, 0), Shift+U to redo"
    assert dock.error_id.value is None


def test_a_review_without_the_switch_looks_as_usual(dock, press):
    show_folds(dock)
    before, boxes = texts(dock), drawn(dock)
    hide(dock)
    assert texts(dock) != before
    assert drawn(dock) != boxes
    hide(dock, False)
    assert texts(dock) == before
    assert drawn(dock) == boxes


def test_the_dock_says_what_the_queue_tells(hiding):
    line = hiding.panel.queue.hiding.revealing
    assert line.visible
    assert line.value == "The queue tells something about them by outcomes"
    hiding.session.set_queue(OUTCOMES)
    assert not line.visible
    hiding.session.set_queue(OUTCOMES, order="confident")
    assert line.value == "The queue tells something about them by order"
    hide(hiding, False)
    assert not line.visible


def test_a_note_on_a_hidden_cutout_waits_for_the_verdict(dock, press, qtbot):
    press(dock, "J")
    session = dock.session
    session.hide_until_verdict([session.current_cutout.row])
    assert facts(dock) == [""] * 5
    QTest.keyClick(dock.window(), Key.Key_F2)
    QTest.keyClicks(dock.note.native, "faint")
    QTest.keyClick(dock.note.native, Key.Key_Return)
    assert len(session.log) == 1, "the earlier verdict is not given again"
    press(dock, "J")
    assert len(session.log) == 2
    assert session.current_cutout.note == "faint"
    assert session.log[-1].context["hidden"]
    assert facts(dock)[-1] == "FN"


def test_a_second_look_shows_no_earlier_verdict(dock, press):
    unjudged = texts(dock)
    press(dock, "J")
    session = dock.session
    session.set_label("artifact", "a kind of mine", "mine")
    session.set_queue(OUTCOMES)
    session.select("north", 200, 0)
    assert "a kind of mine" in lines(dock.panel.queue.kind)
    session.hide_predictions = True
    session.hide_until_verdict([session.current_cutout.row])
    shown = texts(dock)
    assert shown["kind"] == unjudged["kind"]
    assert shown["label"] is None
    assert shown["history"][0] == unjudged["history"][0]
    assert "a kind of mine" not in shown["kinds"]
    dock.examples.show()
    assert dock.examples.empty.isVisible()
    dock.examples.hide()
    session.reveal()
    session.hide_predictions = False
    assert texts(dock)["kind"] == ("a kind of mine", "mine")


def test_a_refused_verdict_does_not_tell_what_it_would_have_changed(
    slow_disk, hiding, press
):
    slow_disk.fault = full()
    press(hiding, "K")
    assert hiding.last_verdict.value == "Not recorded: (200, 0): no artifact"
    assert facts(hiding) == [""] * 5
    slow_disk.fault = None
    QTest.keyClick(hiding.window(), Key.Key_R, Qt.KeyboardModifier.ShiftModifier)
    press(hiding)
    hiding.session.wait_until_recorded(20)
    assert hiding.session.current_cutout.outcome == "FN"


def test_the_selection_counts_hidden_cutouts_as_such(hiding, press):
    hiding.controller.selection.set([1, 2])
    assert hiding.history.value == "2 selected: 2 hidden"


def gallery(dock, qtbot):
    """Return the pictures and the texts of the gallery."""
    QTest.keyClick(dock.window(), Key.Key_F5)
    view = dock.gallery.view
    rows = set(view.model().rows(list(view.positions_in_view())).tolist())
    qtbot.waitUntil(lambda: rows <= view.itemDelegate().seen, timeout=20_000)
    model = view.model()
    roles = Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole
    indices = [model.index(at, 0) for at in range(model.rowCount())]
    told = [model.data(index, role) for index in indices for role in roles]
    return told, image_of(view.viewport())


def test_the_gallery_shows_plain_frames_and_no_values(hiding, press, qtbot):
    hiding.session.set_queue(OUTCOMES)
    told, _ = gallery(hiding, qtbot)
    assert "predictions hidden" in told[1]
    assert not any(word in str(told) for word in ("label", "preds", "observer", "FN"))
    panel = hiding.gallery
    panel.grouping.setCurrentIndex(panel.grouping.findData("outcome"))
    groups = panel.view.model().groups
    assert [(group.name, group.size) for group in groups] == [
        ("predictions hidden", 36)
    ]
    press(hiding, "J")
    groups = panel.view.model().groups
    assert [group.size for group in groups] == [1, 35]
    hide(hiding, False)
    assert len(panel.view.model().groups) == 4
    hide(hiding)
    assert len(panel.view.model().groups) == 2


#: Labels, predictions and confidences that another table has in their place.
OTHERS = {"0": "1", "1": "0"}


def swapped(survey, tmp_path):
    """Write a table with other labels, predictions and values of own columns."""
    header, *rows = survey.read_text().splitlines()
    path = tmp_path / "others.csv"
    with path.open("w") as file:
        print(header, file=file)
        for number, row in enumerate(rows):
            name, x, y, label, preds, *_ = row.split(",")
            if number % 3:
                label = OTHERS[label]
            if number % 4:
                preds = OTHERS[preds]
            print(name, x, y, label, preds, number / 40, "9", sep=",", file=file)
    return path


def test_dock_canvas_and_gallery_are_alike_whatever_the_table_says(
    viewer, survey, tmp_path, qtbot
):
    seen = []
    for table in (survey, swapped(survey, tmp_path)):
        dock = open_review(viewer, table, output=tmp_path / f"out_{table.name}")
        dock.window().activateWindow()
        show_folds(dock)
        dock.session.show_columns("observer")
        dock.session.set_queue(OUTCOMES)
        dock.session.hide_predictions = True
        dock.session.select("north", 400, 200)
        qtbot.waitUntil(lambda dock=dock: dock.is_shown, timeout=20_000)
        told = texts(dock), drawn(dock), image_of(dock.panel.context.map)
        seen.append((*told, *gallery(dock, qtbot)))
        dock.close_review()
    for first, second in zip(*seen, strict=True):
        assert first == second
