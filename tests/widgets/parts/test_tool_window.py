"""Windows beside the main one: where they appear, and where they stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QPoint, QRect, QSize

from napari_artifact_review.widgets.parts.tool_window import (
    best_rectangle,
    covered_areas,
)

SCREEN = QRect(0, 0, 1280, 800)

rectangles = st.builds(QRect, *[st.integers(-50, 1000)] * 2, *[st.integers(1, 900)] * 2)
sizes = st.builds(QSize, st.integers(1, 1280), st.integers(1, 800))


@given(sizes, st.lists(rectangles, max_size=3))
def test_a_window_is_on_the_screen_and_covers_no_more_than_elsewhere(size, kept):
    place = best_rectangle(size, SCREEN, kept)
    assert SCREEN.contains(place)
    for x in range(0, 1281 - size.width(), 97):
        for y in range(0, 801 - size.height(), 83):
            other = QRect(QPoint(x, y), size)
            assert covered_areas(place, kept) <= covered_areas(other, kept)


def test_of_free_places_it_takes_the_nearest():
    cutout, dock = QRect(486, 245, 307, 307), QRect(960, 0, 320, 800)
    assert best_rectangle(QSize(150, 300), SCREEN, [cutout, dock]).left() > 486
    assert best_rectangle(QSize(300, 300), SCREEN, [cutout, dock]).right() == 485


def test_it_covers_the_last_rather_than_the_first_where_there_is_no_room():
    cutout, dock = QRect(200, 0, 700, 800), QRect(900, 0, 380, 800)
    place = best_rectangle(QSize(300, 300), SCREEN, [cutout, dock])
    assert not place.intersects(cutout)


def test_one_that_is_larger_than_the_screen_begins_at_its_corner():
    place = best_rectangle(QSize(2000, 900), SCREEN, [QRect(500, 300, 300, 300)])
    assert place.topLeft() == SCREEN.topLeft()


@pytest.mark.parametrize("name", ["stretches", "examples"])
def test_pictures_come_up_beside_the_cutout_and_the_dock(dock, qtbot, name):
    window = getattr(dock, name)
    cutout, menu_bar, docked = kept = dock.kept_free()
    canvas = dock.window().centralWidget()
    assert (
        canvas.mapToGlobal(canvas.rect().center()) - cutout.center()
    ).manhattanLength() < 5
    assert docked.contains(dock.panel.verdict.native.mapToGlobal(QPoint(0, 0)))
    window.toggle()
    qtbot.waitUntil(window.isVisible)
    qtbot.wait(50)
    assert menu_bar.height() > 10
    assert covered_areas(window.frameGeometry(), kept) == (0, 0, 0)
    assert window.width() > 100


def test_a_window_stays_where_the_user_puts_it(dock, qtbot):
    window = dock.stretches
    window.toggle()
    window.move(333, 222)
    size = window.size()
    window.toggle()
    dock.viewer.scene.camera.center = (0, 0)
    window.toggle()
    qtbot.waitUntil(window.isVisible)
    assert window.pos() == QPoint(333, 222)
    assert window.size() == size


def test_a_cutout_that_is_drawn_with_row_0_below_is_found_there(dock, settle):
    camera = dock.viewer.scene.camera
    camera.center = (0, 300)
    above, *_ = dock.kept_free()
    dock.y_up.value = True
    below, *_ = dock.kept_free()
    middle = dock.window().centralWidget()
    middle = middle.mapToGlobal(middle.rect().center()).y()
    assert above.top() >= middle - 2
    assert below.bottom() <= middle + 2
