"""The table's own columns in the window: shown, filtered by, searched."""

from __future__ import annotations

import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from qtpy import QtGui
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QHelpEvent, QTextDocument
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QToolTip

from napari_artifact_review import open_review
from napari_artifact_review.viewer.layers import OWNER

LEFT = Qt.MouseButton.LeftButton

#: Class, magnitude and remark of the four errors.
OWN = {
    ("north", 200, 0): ("ghost", "19.5", "<b>wide</b> & " + "long " * 40),
    ("north", 400, 200): ("trail", "21", ""),
    ("south", 0, 0): ("ghost", "20.0", "two\nlines"),
    ("south", 600, 400): ("", "n/a", ""),
}


@pytest.fixture
def survey(survey):
    """Give the table of the small survey three columns of the user's own."""
    table = pd.read_csv(survey, dtype=str)
    keys = zip(table.image_name, table.grid_x, table.grid_y, strict=True)
    rows = [OWN.get((n, int(x), int(y)), ("none", "25", "")) for n, x, y in keys]
    table[["artifact_class", "mag", "remark"]] = rows
    table.to_csv(survey, index=False)
    return survey


def place(dock):
    return tuple(dock.session.current_cutout.key)


def queued(dock):
    queue = dock.session.queue
    return [*zip(queue.image_name, queue.grid_x, queue.grid_y, strict=True)]


def check_columns(dock, *names, qtbot):
    """Click the items of some columns in the menu, and close it."""
    QTest.mouseClick(dock.panel.own_columns.columns.native, LEFT)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    menu = QApplication.activePopupWidget()
    actions = {action.data(): action for action in menu.actions()}
    for name in names:
        place = menu.actionGeometry(actions[name]).center()
        QTest.mouseClick(menu, LEFT, Qt.KeyboardModifier.NoModifier, place)
        assert menu.isVisible(), "several are checked without opening it again"
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None
    return list(actions)


def tooltip(widget, point, qtbot):
    """Rest the mouse on a point of a widget, and return its tooltip."""
    help_event = QHelpEvent(QEvent.Type.ToolTip, point, widget.mapToGlobal(point))
    QApplication.sendEvent(widget, help_event)
    qtbot.waitUntil(QToolTip.isVisible)
    text = QToolTip.text()
    QToolTip.hideText()
    seen = QTextDocument()
    # As Qt decides for a tooltip; the function is in one module or the other.
    names = Qt if hasattr(Qt, "mightBeRichText") else QtGui.Qt
    (seen.setHtml if names.mightBeRichText(text) else seen.setPlainText)(text)
    return seen.toPlainText().replace("\u200b", "")


# Beside the verdict


def test_chosen_columns_are_shown_with_each_cutout(dock, qtbot, press):
    values = dock.panel.own_columns.values
    assert not values.isVisible(), "nothing is chosen yet"
    listed = check_columns(dock, "mag", "artifact_class", qtbot=qtbot)
    assert listed == ["observer", "artifact_class", "mag", "remark"]
    assert values.isVisible()
    assert values.lines == (("artifact_class", "ghost"), ("mag", "19.5"))
    qtbot.waitUntil(lambda: values.height() == 2 * values.line_height())
    press(dock, "N")
    assert values.lines == (("artifact_class", "trail"), ("mag", "21"))
    check_columns(dock, "artifact_class", qtbot=qtbot)
    assert values.lines == (("mag", "21"),)


def test_the_choice_is_there_when_the_review_is_opened_again(
    viewer, survey, dock, qtbot
):
    check_columns(dock, "mag", qtbot=qtbot)
    dock.close_review()
    again = open_review(viewer, survey)
    assert again.panel.own_columns.values.lines == (("mag", "19.5"),)


def test_a_table_without_such_columns_has_no_button(viewer, survey):
    table = pd.read_csv(survey, dtype=str)
    table.drop(columns=["observer", "artifact_class", "mag", "remark"]).to_csv(
        survey, index=False
    )
    dock = open_review(viewer, survey)
    assert not dock.panel.own_columns.columns.native.isVisible()
    assert dock.find.native.isVisible(), "names and notes can be searched"


def test_a_long_value_is_whole_in_the_tooltip_and_is_never_html(dock, qtbot):
    check_columns(dock, "mag", "remark", qtbot=qtbot)
    values = dock.panel.own_columns.values
    second = QPoint(5, values.line_height() + 3)
    text = tooltip(values, second, qtbot)
    assert "remark  <b>wide</b> & long long" in text
    assert text.count("long") == 40
    assert values.width() < dock.width()


def test_of_many_columns_six_are_in_view_and_the_rest_is_scrolled_to(
    dock, survey, viewer, qtbot
):
    dock.close_review()
    table = pd.read_csv(survey, dtype=str)
    names = [f"c{number}" for number in range(20)]
    table[names] = names
    table.to_csv(survey, index=False)
    dock = open_review(viewer, survey)
    dock.session.show_columns(*names)
    values = dock.panel.own_columns.values

    def lines_in_view():
        return values.visibleRegion().boundingRect().height() / values.line_height()

    qtbot.waitUntil(lambda: lines_in_view() == 6)
    assert values.lines[19] == ("c19", "c19")


# A filter of the queue


def line_of(dock, number=0):
    fold = dock.panel.folds["queue"]
    if not fold.is_open:
        QTest.mouseClick(fold.header, LEFT)
        QApplication.processEvents()
    return dock.panel.queue.conditions.lines[number]


def choose(combo, text):
    """Choose an item of a list with the arrow keys."""
    combo.setFocus()
    for _ in range(combo.count()):
        if combo.currentText() == text:
            return
        QTest.keyClick(combo, Qt.Key.Key_Down)
    for _ in range(combo.count()):
        if combo.currentText() == text:
            return
        QTest.keyClick(combo, Qt.Key.Key_Up)
    raise AssertionError(text)


def write(field, text):
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


GHOSTS = [("north", 200, 0), ("south", 0, 0)]


def test_the_queue_of_the_ghosts_is_typed_and_reviewed(dock, press):
    line = line_of(dock)
    assert not line.value.isEnabled(), "a column comes first"
    choose(line.column, "artifact_class")
    write(line.value, "ghost")
    assert queued(dock) == GHOSTS
    assert dock.session.log == (), "no letter of it was a verdict"
    assert "artifact_class is ghost" in dock.panel.folds["queue"].header.text()
    # Enter gives the keys back to the review.
    focused = QApplication.focusWidget()
    QTest.keyClick(focused, "J")
    assert [entry.cutout for entry in dock.session.log] == [GHOSTS[0]]


def test_conditions_are_added_removed_and_combined_with_the_rest(dock):
    line = line_of(dock)
    choose(line.column, "mag")
    choose(line.operator, "<")
    write(line.value, "20.5")
    assert queued(dock) == GHOSTS
    QTest.mouseClick(line.add, LEFT)
    second = line_of(dock, 1)
    assert queued(dock) == GHOSTS, "an empty line filters nothing"
    choose(second.column, "remark")
    choose(second.operator, "contains")
    write(second.value, "WIDE")
    assert queued(dock) == GHOSTS[:1]
    QTest.mouseClick(dock.panel.queue.outcomes["FN"].native, LEFT)
    assert queued(dock) == []
    QTest.mouseClick(line_of(dock, 1).remove, LEFT)
    assert queued(dock) == GHOSTS[1:]
    QTest.mouseClick(line_of(dock).remove, LEFT)
    assert queued(dock) == [("north", 400, 200), ("south", 0, 0)]
    assert line_of(dock).condition is None, "an empty line is there for the next one"


def test_a_line_that_is_not_complete_leaves_the_queue_alone(dock):
    replaced = []
    line = line_of(dock)
    dock.session.queue_changed.connect(lambda: replaced.append(1))
    choose(line.column, "mag")
    QTest.mouseClick(line.add, LEFT)
    QTest.mouseClick(line_of(dock, 1).remove, LEFT)
    choose(line.operator, ">")
    assert replaced == []
    write(line.value, "20")
    write(line.value, "20")
    assert replaced == [1]


def test_a_condition_without_a_value_needs_none(dock):
    line = line_of(dock)
    choose(line.column, "artifact_class")
    choose(line.operator, "is empty")
    assert queued(dock) == [("south", 600, 400)]
    assert not line.value.isEnabled()
    choose(line.operator, "is not empty")
    assert len(queued(dock)) == 3


def test_a_click_lists_the_few_values_of_a_column(dock, qtbot):
    line = line_of(dock)
    choose(line.column, "artifact_class")
    QTest.mouseClick(line.value, LEFT)
    popup = line.value.completer().popup()
    qtbot.waitUntil(popup.isVisible)
    model = popup.model()
    listed = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert listed == ["ghost", "none", "trail"]
    place = popup.visualRect(model.index(0, 0)).center()
    QTest.mouseClick(popup.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, place)
    assert line.value.text() == "ghost"
    assert queued(dock) == GHOSTS
    assert not line.value.hasFocus(), "the next key is for the review"


def test_a_text_where_a_number_is_needed_is_told_and_can_be_corrected(dock):
    line = line_of(dock)
    choose(line.column, "mag")
    choose(line.operator, ">=")
    write(line.value, "bright")
    told = [record.message for record in notification_manager.records]
    assert len(told) == 1, "once, though the field also loses the focus"
    assert "'bright' in the condition “mag >= bright” is not a number" in told[0]
    assert len(queued(dock)) == 4
    assert line_of(dock) is line
    assert line.value.text() == "bright", "it is there to be corrected"
    write(line.value, "20")
    assert queued(dock) == [("north", 400, 200), ("south", 0, 0)]


def test_conditions_of_a_script_and_of_the_last_session_are_seen(viewer, survey, dock):
    conditions = [("mag", "<", 20), ("artifact_class", "is not", "x")]
    dock.session.set_queue(columns=conditions)
    dock.close_review()
    dock = open_review(viewer, survey)
    assert queued(dock) == [("north", 200, 0)]
    first, second = line_of(dock, 0), line_of(dock, 1)
    assert (first.column.currentText(), first.operator.currentText()) == ("mag", "<")
    assert (first.value.text(), second.value.text()) == ("20", "x")
    QTest.mouseClick(dock.panel.queue.outcomes["FN"].native, LEFT)
    assert [c.value for c in dock.session.review_queue.rule.columns] == ["20", "x"]


# The search


def test_enter_goes_from_match_to_match_and_escape_back_to_the_keys(
    dock, qtbot, settle, press
):
    check_columns(dock, "artifact_class", qtbot=qtbot)
    write(dock.find.native, "GHO")
    assert place(dock) == GHOSTS[1]
    settle(dock)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    assert place(dock) == GHOSTS[0]
    settle(dock)
    QTest.keyClicks(QApplication.focusWidget(), "hjk")
    assert dock.session.log == (), "no letter of the next text is a verdict"
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    QTest.keyClick(QApplication.focusWidget(), "J")
    assert [entry.cutout for entry in dock.session.log] == [GHOSTS[0]]


def test_no_match_is_told_and_moves_nothing(dock):
    write(dock.find.native, "ghost")
    assert dock.message.value.startswith("No match"), "the column is not shown"
    assert place(dock) == GHOSTS[0]
    dock.session.show_columns("mag")
    write(dock.find.native, "19.5")
    assert dock.message.value == "No other match in the queue."
    write(dock.find.native, "south")
    assert place(dock) == GHOSTS[1]
    assert not dock.message.value


# The gallery


def test_a_thumbnail_s_tooltip_has_the_chosen_columns_as_plain_text(dock, qtbot):
    check_columns(dock, "artifact_class", "remark", qtbot=qtbot)
    QTest.keyClick(dock.window(), Qt.Key.Key_F5)
    view = dock.gallery.view
    rectangle = view.visualRect(view.model().index(0, 0))
    text = tooltip(view.viewport(), rectangle.center(), qtbot)
    assert "artifact_class: ghost\nremark: <b>wide</b> & long" in text
    check_columns(dock, "remark", qtbot=qtbot)
    text = tooltip(view.viewport(), rectangle.center(), qtbot)
    assert "artifact_class: ghost" in text
    assert "remark" not in text


# The confidence of an FN


def test_the_confidence_of_an_fn_is_at_its_box_and_in_the_dock(dock):
    assert dock.session.current_cutout.outcome == "FN"
    [boxes] = [x for x in dock.viewer.layers if x.metadata.get(OWNER) == "cutouts"]
    keys = [*zip(boxes.features.grid_x, boxes.features.grid_y, strict=True)]
    texts = dict(zip(keys, boxes.text.values.tolist(), strict=True))
    assert texts[200, 0] == "0.12"
    table = dock.panel.facts.native
    shown = [table.item(0, column).text() for column in range(table.columnCount())]
    assert shown == ["1", "0", "1", "0.1250", "FN"]
