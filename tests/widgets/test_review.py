"""An open review as one object: made when it opens, closed once."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from magicgui.widgets.bases import Widget
from qtpy.QtCore import Qt, QTimer

from napari_artifact_review import ReviewSession, open_review
from tests.slow_images import slow_down

Key = Qt.Key


def test_scripts_find_the_widgets_by_their_names(dock):
    names = (
        "predictions images output cutout_size open image_name error_id previous next "
        "grid_x grid_y label_new save auto_advance y_up grid note kind"
    )
    for name in names.split():
        assert isinstance(getattr(dock, name), Widget), name


def test_a_review_that_is_closed_leaves_the_viewer_and_shows_the_form(
    dock, viewer, survey, press
):
    own = viewer.add_points([[0, 0]])
    press(dock, Key.Key_K)
    session = dock.session
    dock.close_review()
    assert (dock.review, dock.session, dock.controller) == (None, None, None)
    assert list(viewer.layers) == [own]
    assert viewer.keymap == {}
    assert dock.opening.visible
    assert not dock.panel.visible
    assert not dock.files.visible
    assert len(session.current_changed) == len(session.decided) == 0
    with ReviewSession.open(survey) as resumed:
        assert resumed.problem is None, "the dock has released the review"
        assert resumed.progress == (1, 4)


def test_a_review_that_is_closed_twice_was_closed_once(dock, viewer):
    review = dock.review
    dock.close_review()
    own = viewer.add_points([[0, 0]])
    dock.close_review()
    review.close()
    assert list(viewer.layers) == [own]
    viewer.window.remove_dock_widget(dock)


@pytest.mark.parametrize("is_closed", [True, False])
def test_after_it_was_opened_again_each_request_is_carried_out_once(
    dock, viewer, survey, press, qtbot, is_closed
):
    for _ in range(3):
        if is_closed:
            dock.close_review()
        assert open_review(viewer, survey) is dock
    dock.next.native.click()
    assert dock.error_id.value == 2
    press(dock, Key.Key_K)
    qtbot.waitUntil(lambda: len(dock.session.log) == 1)
    dock.image_name.value = "south"
    assert dock.error_id.value == 3
    qtbot.waitUntil(lambda: viewer.layers[0].name == "Review: south")


def test_a_review_that_is_closed_takes_no_memory(dock, press, qtbot):
    press(dock, Key.Key_J, Key.Key_F5, Key.Key_F5)
    parts = (dock.review.commands, dock.review.measurer, dock.session, dock.controller)
    left = [weakref.ref(part) for part in parts]
    dock.close_review()
    del parts

    def are_gone():
        gc.collect()
        assert [type(part()).__name__ for part in left if part() is not None] == []

    qtbot.waitUntil(are_gone)


def test_no_review_that_was_closed_listens_to_the_panels(dock, viewer, survey):
    panel = dock.panel
    signals = (
        panel.progress.next_requested,
        panel.folds["changes"].unfolded,
        dock.plots.wanted,
    )
    before = [len(signal) for signal in signals]
    gc.disable()
    try:
        for _ in range(2):
            open_review(viewer, survey)
        assert [len(signal) for signal in signals] == before
    finally:
        gc.enable()


def test_panels_keep_what_the_user_has_set_from_review_to_review(dock, viewer, survey):
    dock.auto_advance.value = False
    dock.panel.folds["pixels"].header.setChecked(True)
    dock.close_review()
    open_review(viewer, survey)
    assert not dock.auto_advance.value
    assert not dock.controller.verdicts.auto_advance
    assert dock.panel.folds["pixels"].is_open


def test_windows_beside_it_stay_for_the_next_review_and_go_when_it_is_closed(
    dock, viewer, survey, qtbot
):
    windows = dock.help, dock.examples, dock.stretches
    for window in windows:
        window.toggle()
        qtbot.waitUntil(window.isVisible)
    open_review(viewer, survey, output=survey.with_name("other.csv"))
    assert all(window.isVisible() for window in windows)
    dock.close_review()
    assert not any(window.isVisible() for window in windows)


def test_whether_the_current_cutout_is_on_the_screen(dock, settle, press, qtbot):
    settle(dock)
    qtbot.waitUntil(lambda: dock.is_shown)
    press(dock, Key.Key_F5)
    assert not dock.is_shown, "the gallery covers it"
    press(dock, Key.Key_F5)
    qtbot.waitUntil(lambda: dock.is_shown)
    go_on = threading.Event()
    slow_down(dock.controller, lambda _: go_on.wait(20))
    dock.session.select_image("south")
    assert not dock.is_shown, "its image is being read"
    go_on.set()
    qtbot.waitUntil(lambda: dock.is_shown)
    dock.next.native.click()
    assert not dock.is_shown, "its frame has not come"
    qtbot.waitUntil(lambda: dock.is_shown)
    dock.close_review()
    assert not dock.is_shown


def test_what_cannot_be_shown_is_not_on_the_screen(viewer, survey, settle):
    (survey.parent / "north.fits").unlink()
    dock = open_review(viewer, survey)
    settle(dock)
    assert not dock.is_shown


def test_a_cutout_that_lies_outside_its_image_is_not_on_the_screen(
    viewer, survey, settle
):
    table = survey.read_text()
    survey.write_text(table.replace("north,200,0,", "north,2000,0,"))
    dock = open_review(viewer, survey)
    settle(dock)
    assert dock.controller.view == "shown"
    assert not dock.is_shown


def test_a_review_that_is_closed_while_an_image_is_read_leaves_the_dock_alive(
    dock, press, settle
):
    settle(dock)
    go_on = threading.Event()
    slow_down(dock.controller, lambda _: go_on.wait(20))
    press(dock, Key.Key_N, Key.Key_N)
    assert not dock.panel.native.updatesEnabled()
    dock.close_review()
    assert dock.panel.native.updatesEnabled()
    go_on.set()


def test_a_review_that_is_closed_saves_no_position_any_more(
    dock, press, monkeypatch, qtbot
):
    saved, ended = [], []
    press(dock, Key.Key_N)
    monkeypatch.setattr(dock.session, "save_position", lambda: saved.append(1))

    def close():
        dock.close_review()
        # In a loop of its own Qt deletes nothing that was to be deleted later.
        qtbot.wait(600)
        ended.append(1)

    QTimer.singleShot(0, close)
    qtbot.waitUntil(lambda: bool(ended))
    assert saved == []


def test_closing_cancels_what_is_being_opened(dock, monkeypatch, qtbot):
    go_on, opened, ended = threading.Event(), ReviewSession.open, []
    monkeypatch.setattr(
        ReviewSession, "open", lambda *a, **k: go_on.wait(20) and opened(*a, **k)
    )
    dock.settled.connect(ended.append)
    dock.start_opening()
    dock.close_review()
    assert ended == [None], "a script waits no longer"
    assert not dock.opening.busy.visible
    go_on.set()
    qtbot.wait(200)
    assert dock.review is None
