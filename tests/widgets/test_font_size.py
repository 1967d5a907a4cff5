"""The dock has the font size of napari's preferences, and cuts off no text."""

from __future__ import annotations

import pytest
from napari.settings import get_settings
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QStyle,
    QStyleOptionComboBox,
    QTableWidget,
    QToolButton,
    QWidget,
)

from napari_artifact_review import open_review
from napari_artifact_review.widgets import review_dock
from napari_artifact_review.widgets.panels.neighbours import NeighbourMap
from napari_artifact_review.widgets.parts.text_table import TextTable

SIZES = (9, 10, 14, 20)


@pytest.fixture
def choose_size(qtbot):
    """Choose a font size in napari's preferences."""

    def choose(size, widget=None):
        get_settings().appearance.font_size = size
        if widget is not None:
            qtbot.waitUntil(lambda: widget.font().pointSize() == size)
            # Layouts follow after the event that changed the font.
            qtbot.wait(100)

    return choose


def visible(widget, kind=QWidget):
    return [one for one in widget.findChildren(kind) if one.isVisible()]


def cut_texts(widget):
    """Return the visible texts that do not fit into their widgets."""
    found = []
    for one in visible(widget):
        metrics = one.fontMetrics()
        if isinstance(one, QAbstractButton | QLabel) and one.text():
            wraps = isinstance(one, QLabel) and one.wordWrap()
            high = one.heightForWidth(one.width()) if wraps else one.sizeHint().height()
            # Long titles of folds are cut at their end; tooltips have them.
            wide = (
                0 if wraps or isinstance(one, QToolButton) else one.sizeHint().width()
            )
            fits = wide <= one.width() and high <= one.height()
            found += [] if fits else [one.text()]
        elif isinstance(one, QLineEdit):
            text = one.text()
            if metrics.height() > one.height() or (
                metrics.horizontalAdvance(text) > one.width()
            ):
                found.append(text)
        elif isinstance(one, QComboBox):
            field = room_of(one)
            text = one.currentText()
            if metrics.height() > field.height() or (
                metrics.horizontalAdvance(text) > field.width()
            ):
                found.append(text)
        elif isinstance(one, QProgressBar):
            if metrics.height() > one.height():
                found.append(one.text())
        elif isinstance(one, TextTable):
            if one.needed_width > one.width():
                found.append(one.rows)
        elif isinstance(one, QTableWidget):
            found += cut_cells(one)
        elif isinstance(one, NeighbourMap):
            found += cut_neighbours(one)
    return found


def room_of(combo):
    """Return the rectangle for the text of a list."""
    option = QStyleOptionComboBox()
    combo.initStyleOption(option)
    return combo.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox,
        option,
        QStyle.SubControl.SC_ComboBoxEditField,
        combo,
    )


def cut_cells(table):
    found = []
    header = table.horizontalHeader()
    for column in range(table.columnCount()):
        title = table.horizontalHeaderItem(column).text()
        texts = [(title, header)]
        texts += [(table.item(0, column).text(), table)] if table.rowCount() else []
        for text, widget in texts:
            if widget.fontMetrics().horizontalAdvance(text) > table.columnWidth(column):
                found.append(text)
    low = header.fontMetrics().height() > header.height()
    low |= table.fontMetrics().height() > table.rowHeight(0)
    low |= header.height() + table.rowHeight(0) > table.height()
    return found + ["row"] * low


def cut_neighbours(neighbours):
    metrics = QFontMetrics(neighbours.font())
    texts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return [
        text
        for steps in texts
        for text in [neighbours.text_of(*steps)]
        for area in [neighbours.rectangle_of(*steps)]
        if metrics.lineSpacing() * len(text.splitlines()) > area.height()
        or any(
            metrics.horizontalAdvance(line) > area.width() for line in text.splitlines()
        )
    ]


def unfold_all(dock, qtbot):
    for fold in dock.panel.folds.values():
        if not fold.is_open:
            fold.header.click()
        qtbot.waitUntil(fold.content.isVisible)
    measured = dock.panel.results.open_count
    qtbot.waitUntil(lambda: bool(measured.value))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("when", ["before", "during"])
def test_no_text_of_a_review_is_cut_off(viewer, survey, qtbot, choose_size, size, when):
    if when == "before":
        choose_size(size)
    dock = open_review(viewer, survey)
    unfold_all(dock, qtbot)
    if when == "during":
        choose_size(size, dock.panel.native)
    qtbot.wait(200)
    assert cut_texts(dock) == []


def test_every_text_of_the_dock_grows_and_shrinks(dock, qtbot, press, choose_size):
    press(dock, "J")
    unfold_all(dock, qtbot)
    assert dock.panel.saving.state.native.font().bold()
    heights = []
    for size in (20, 9):
        choose_size(size, dock.panel.native)
        texts = [
            one
            for kind in (QAbstractButton, QLabel, QLineEdit, TextTable, NeighbourMap)
            for one in visible(dock, kind)
        ]
        others = [one for one in texts if one.font().pointSize() - size not in (0, 1)]
        assert others == []
        heights.append(dock.panel.facts.native.height())
    assert heights[0] > 1.5 * heights[1]


def test_the_width_of_the_dock_is_unchanged_at_napari_s_own_size(dock):
    assert 300 <= dock.minimumWidth() <= 340


@pytest.mark.parametrize("size", SIZES)
def test_no_text_of_the_form_is_cut_off(viewer, qtbot, choose_size, size):
    choose_size(size)
    dock = review_dock(viewer)
    qtbot.wait(200)
    assert cut_texts(dock.opening.native) == []


@pytest.mark.parametrize("size", SIZES)
def test_banners_and_choices_are_not_cut_off(dock, qtbot, choose_size, size):
    panel = dock.panel
    choose_size(size, panel.native)
    panel.changed_file.show_file("north")
    panel.changed_output.show_rows("Two differences:", [("north (0, 0)", "0", "1")] * 2)
    qtbot.wait(200)
    assert panel.changed_output.table.isVisible()
    assert cut_texts(panel.changed_file.native) == []
    assert cut_cells(panel.changed_output.table) == []


def test_windows_and_gallery_follow_too(dock, qtbot, choose_size):
    dock.prepare()
    workspace = dock.workspace
    workspace.examples.toggle()
    qtbot.keyClick(dock.window(), "H")
    choose_size(20, dock.panel.native)
    for window in (workspace.help, workspace.examples, workspace.stretches):
        assert window.font().pointSize() == 20
    dock.panel.full_image.gallery.native.click()
    qtbot.waitUntil(lambda: dock.gallery is not None)
    assert dock.gallery.view.font().pointSize() == 20
    choose_size(9, dock.gallery)
    assert dock.gallery.view.font().pointSize() == 9
