"""Keys from each window of ours, after a click in it."""

from __future__ import annotations

import threading

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.widgets.launch import review_dock
from tests.slow_images import slow_down

Key, SHIFT = Qt.Key, Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


WINDOWS = ["stretches", "examples", "help", "plots", "gallery", "floating dock"]


def place(dock):
    return tuple(dock.session.current_cutout.key)


def verdicts(dock):
    return [entry.verdict for entry in dock.session.log]


def said(dock):
    return dock.message.tooltip or ""


def click(widget: QWidget) -> None:
    """Click in the middle of a widget, whose window becomes the active one."""
    widget.window().activateWindow()
    QTest.mouseClick(widget, LEFT, Qt.KeyboardModifier.NoModifier)


def receiver(widget: QWidget) -> QWidget:
    """Return the widget that the keyboard's keys go to while a window is active."""
    window = widget.window()
    return window.focusWidget() or window


def open_window(dock, name: str) -> QWidget:
    """Open a window of ours, and return a widget in it that can be clicked."""
    if name == "gallery":
        QTest.keyClick(dock.window(), Key.Key_F5)
        return dock.gallery.status
    if name == "plots":
        dock.plots.toggle()
        return dock.plots.panel.views[0]
    if name == "floating dock":
        dock.parentWidget().setFloating(True)
        return dock.panel.facts.native
    window = getattr(dock, name)
    window.toggle()
    return {"help": dock.help.text, "stretches": dock.stretches.buttons[0]}.get(
        name, window
    )


@pytest.fixture(params=WINDOWS)
def clicked(dock, qtbot, request) -> QWidget:
    """Click in each window of ours, and return the clicked widget."""
    widget = open_window(dock, request.param)
    qtbot.waitUntil(widget.isVisible)
    click(widget)
    # Qt chooses a widget for the keys when it activates a window.
    qtbot.waitUntil(lambda: QApplication.activeWindow() is widget.window())
    if request.param == "gallery":
        view, seen = dock.gallery.view, dock.gallery.view.itemDelegate().seen
        qtbot.waitUntil(lambda: {*view.model().rows([0, 1]).tolist()} <= seen)
    return widget


def test_each_kind_of_key_works_after_a_click_in_each_window(
    clicked, dock, viewer, qtbot, settle
):
    def press(key, modifier=Qt.KeyboardModifier.NoModifier):
        QTest.keyClick(receiver(clicked), key, modifier)
        settle(dock)
        qtbot.waitUntil(lambda: dock.pending == 0)

    first = place(dock)
    press(Key.Key_J)
    assert verdicts(dock) == ["artifact"]
    press(Key.Key_K)
    press(Key.Key_J, SHIFT)
    assert verdicts(dock)[1:] == ["no artifact"], "Shift+J repeats it"
    press(Key.Key_U)
    assert dock.session.current_cutout.decision == "artifact"
    press(Key.Key_N)
    assert place(dock) == ("north", 400, 200)
    press(Key.Key_Comma)
    assert place(dock) == first
    press(Key.Key_N, SHIFT)
    assert place(dock) == ("north", 400, 200)
    press(Key.Key_Left)
    assert place(dock) != ("north", 400, 200)
    press(Key.Key_W)
    qtbot.waitUntil(dock.session.output.exists)
    was_shown = dock.help.isVisible()
    press(Key.Key_F1)
    assert dock.help.isVisible() != was_shown


# The gallery covers the boxes.
@pytest.mark.parametrize(
    "clicked", [name for name in WINDOWS if name != "gallery"], indirect=True
)
def test_a_held_key_ends_with_its_release_in_each_window(clicked, dock, viewer):
    [boxes] = [x for x in viewer.layers if x.metadata.get(OWNER) == "cutouts"]
    QTest.keyPress(receiver(clicked), Key.Key_Q)
    assert not boxes.visible
    QTest.keyRelease(receiver(clicked), Key.Key_Q)
    assert boxes.visible
    QTest.keyPress(receiver(clicked), Key.Key_Q)
    # The window is left while the key is held.
    QApplication.sendEvent(clicked.window(), QEvent(QEvent.Type.WindowDeactivate))
    assert boxes.visible


def test_the_list_of_examples_changes_with_the_mouse_and_not_with_letters(
    dock, press, qtbot
):
    for row, kind in enumerate(("comet", "junk")):
        key = dock.session.cutout_index.key_of(row)
        dock.session.set_label("artifact", kind, cutouts=[key])
    dock.examples.toggle()
    dock.examples.activateWindow()
    kinds = dock.examples.kind
    qtbot.waitUntil(lambda: QApplication.activeWindow() is dock.examples)
    assert receiver(kinds) is dock.examples
    click(kinds)
    kinds.hidePopup()
    assert receiver(kinds) is dock.examples
    kinds.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(kinds, Key.Key_J)
    assert kinds.currentData() == "comet"
    qtbot.waitUntil(lambda: dock.session.current_cutout.decision == "artifact")


def test_a_note_begun_from_another_window_is_typed_in_the_dock(dock, qtbot):
    dock.stretches.toggle()
    click(dock.stretches.buttons[0])
    QTest.keyClick(receiver(dock.stretches), Key.Key_F2)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is dock.note.native)
    QTest.keyClicks(dock.note.native, "jk")
    assert dock.note.value == "jk"
    assert verdicts(dock) == []


def test_escape_closes_a_window_of_ours(dock):
    dock.stretches.toggle()
    click(dock.stretches.buttons[0])
    QTest.keyClick(receiver(dock.stretches), Key.Key_Escape)
    assert not dock.stretches.isVisible()


@pytest.mark.parametrize("heading", ["fold", "table", "dock"])
def test_arrow_keys_move_after_a_click_on_a_heading(dock, heading, qtbot):
    fold = dock.panel.folds["queue"]
    at = {
        "fold": fold.header,
        "table": dock.panel.facts.native.horizontalHeader().viewport(),
        "dock": dock.panel.native,
    }
    click(at[heading])
    before = place(dock)
    QTest.keyClick(receiver(dock), Key.Key_Right)
    assert place(dock) == ("north", 400, 0)
    # The same where the Tab key has led to the heading.
    fold.header.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(receiver(dock), Key.Key_Space)
    assert fold.is_open == (heading != "fold"), "Space presses it"
    QTest.keyClick(receiver(dock), Key.Key_Left)
    assert place(dock) == before


# Keys that are refused


def test_a_verdict_while_an_image_is_read_is_refused_visibly(
    dock, press, settle, monkeypatch, qtbot
):
    dock.controller.delays.loading_notice = 8
    go_on = threading.Event()
    slow_down(dock.controller, lambda _: go_on.wait(20))
    press(dock, Key.Key_N, Key.Key_N)
    assert not dock.panel.native.updatesEnabled(), "still the picture before"
    press(dock, Key.Key_J)
    assert dock.panel.native.updatesEnabled(), "the refusal can be seen"
    assert "still being read. No verdict was given" in said(dock)
    press(dock, Key.Key_N)
    assert "stays at its cutout" in said(dock)
    QTest.keyClick(dock.window(), Key.Key_N, SHIFT)
    assert "stays at its cutout" in said(dock)
    press(dock, Key.Key_G)
    assert "still being read" in said(dock)
    assert dock.error_id.value == 3
    go_on.set()
    settle(dock)
    assert "No verdict was given while it was read" in said(dock)
    assert verdicts(dock) == []
    press(dock, Key.Key_J)
    assert verdicts(dock) == ["artifact"]
    assert said(dock) == ""


@pytest.mark.parametrize("key", ["J", "K", "H", "U", "Shift+U", "Shift+J", "Shift+K"])
def test_a_read_only_window_says_why_a_key_does_nothing(read_only_dock, key):
    modifier, _, letter = key.rpartition("+")
    QTest.keyClick(
        read_only_dock.window(),
        getattr(Key, f"Key_{letter}"),
        SHIFT if modifier else Qt.KeyboardModifier.NoModifier,
    )
    assert QApplication.activePopupWidget() is None
    assert "read-only" in said(read_only_dock)
    assert "Open it without read_only" in said(read_only_dock), "what to do"
    assert verdicts(read_only_dock) == ["artifact"], "as before"


@pytest.fixture
def read_only_dock(viewer, survey):
    """Open the small survey only to look at it, after a verdict."""
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.set_label("artifact")
    return open_review(viewer, survey, read_only=True)


# Dialogs of the form


@pytest.mark.parametrize("key", [Key.Key_Return, Key.Key_Space])
def test_a_key_after_a_file_dialog_does_not_open_it_again(
    viewer, survey, qtbot, monkeypatch, key
):
    dock, asked = review_dock(viewer), []
    answers = iter([None, str(survey)])

    def dialog(*_, **options):
        asked.append(options["caption"])
        return next(answers)

    monkeypatch.setattr(dock.predictions, "_show_file_dialog", dialog)
    button = dock.predictions.choose_btn.native
    click(button)
    QTest.keyClick(receiver(dock), key)
    assert len(asked) == 1, "the dialog was cancelled"
    click(button)
    QTest.keyClick(receiver(dock), key)
    assert len(asked) == 2
    qtbot.waitUntil(lambda: dock.is_shown)
    assert dock.session.predictions.path == survey, "the key has opened the table"
