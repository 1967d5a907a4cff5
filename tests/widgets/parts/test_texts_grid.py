"""A table of texts that is as high as its rows."""

from __future__ import annotations

import pytest

from napari_artifact_review.widgets.parts.texts_grid import TextsGrid


@pytest.fixture
def grid(qtbot):
    grid = TextsGrid()
    qtbot.addWidget(grid)
    return grid


def test_it_is_as_high_as_its_rows_and_as_wide_as_its_columns(grid):
    grid.show_texts(("", "Votes"), [("Ana", "3")])
    one = grid.height()
    grid.show_texts(("", "Votes"), [("Ana", "3"), ("Ben", "1,200,000,000,000")])
    assert grid.height() == one + grid.rowHeight(0)
    assert grid.texts == [["Ana", "3"], ["Ben", "1,200,000,000,000"]]
    assert grid.sizeHint().width() == grid.needed_width
    needed = grid.fontMetrics().horizontalAdvance("1,200,000,000,000")
    assert grid.columnWidth(1) >= needed


def test_a_table_that_is_wider_than_its_place_has_room_for_its_scroll_bar(grid):
    grid.show_texts(("", "Votes"), [("Ana", "3" * 40)])
    grid.resize(grid.needed_width + 10, 100)
    grid.show()
    wide = grid.height()
    grid.resize(60, 100)
    assert grid.height() > wide


def test_a_long_title_is_cut_off_with_its_text_in_the_tooltip(grid):
    name = "Bartholomäus " * 20
    grid.show_texts(("", "Votes"), [(name, "3")])
    assert grid.columnWidth(0) < grid.fontMetrics().horizontalAdvance(name)
    assert name in grid.item(0, 0).toolTip()


def test_fewer_rows_and_columns_replace_all(grid):
    grid.show_texts(("", "A", "B"), [("1", "2", "3"), ("4", "5", "6")])
    grid.show_texts(("", "A"), [("1", "2")])
    assert grid.texts == [["1", "2"]]
    grid.show_texts((), [])
    assert grid.texts == []
