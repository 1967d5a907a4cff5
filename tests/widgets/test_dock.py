"""The dock in a real window: keys, mouse and widgets as a reviewer uses them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtWidgets import QApplication, QLineEdit, QRadioButton, QSpinBox, QWidget

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.demo import DemoSurvey
from napari_artifact_review.viewer.layers import OWNER
from tests.slow_images import slow_down
from tests.widgets.windows import put_mouse_over_canvas

Key = Qt.Key


def _facts(dock):
    table = dock.panel.facts.native
    return [table.item(0, column).text() for column in range(table.columnCount())]


def _message(dock):
    return dock.message.value


def test_the_first_error_is_shown(dock):
    assert dock.image_name.value == "north"
    assert dock.error_id.value == 1
    assert dock.error_id.choices == (1, 2)
    assert dock.image_name.choices == ("north", "west", "south")
    combo = dock.image_name.native
    assert [combo.itemText(i) for i in range(3)] == [
        "north  (2)",
        "west  (0)",
        "south  (2)",
    ]
    assert dock.image_name.native.toolTip() == "north  (2)"
    assert _facts(dock) == ["1", "0", "1", "0.1250", "FN"]
    assert dock.label_new.value == "artifact"
    assert (dock.grid_x.value, dock.grid_y.value) == (200, 0)
    assert "1 of 4, 4 unreviewed" in dock.panel.progress.position.value
    assert "200 px" in dock.files.text


def test_next_and_previous_cross_images_and_stop_at_the_ends(dock, settle):
    seen = []
    for _ in range(5):
        seen.append((dock.image_name.value, dock.error_id.value))
        dock.next.native.click()
        settle(dock)
    numbers = [error for _, error in seen]
    assert numbers == [1, 2, 3, 4, 4]
    assert [image for image, _ in seen] == ["north"] * 2 + ["south"] * 3
    assert "the end of the queue; 4 of 4 are unreviewed" in _message(dock)
    for _ in range(4):
        dock.previous.native.click()
        settle(dock)
    assert dock.error_id.value == 1
    assert "the beginning of the queue" in _message(dock)


def test_an_image_without_errors_can_be_chosen(dock, settle):
    dock.image_name.value = "west"
    settle(dock)
    assert dock.error_id.value is None
    assert dock.session.current_cutout.key == ("west", 0, 0)
    assert _facts(dock)[-1] == "TN"
    dock.next.native.click()
    assert dock.error_id.value == 3
    dock.image_name.value = "west"
    dock.previous.native.click()
    assert dock.error_id.value == 2


def test_an_error_can_be_chosen(dock):
    dock.error_id.value = 2
    assert dock.session.current_cutout.key == ("north", 400, 200)
    assert _facts(dock) == ["0", "1", "0", "0.9700", "FP"]


def test_the_sliders_go_to_any_cutout(dock):
    dock.grid_x.value = 400
    assert dock.session.current_cutout.key == ("north", 400, 0)
    assert dock.error_id.value is None
    dock.grid_y.value = 200
    assert dock.error_id.value == 2
    assert dock.grid_x.step == dock.grid_y.step == 200
    assert (dock.grid_x.max, dock.grid_y.max) == (600, 400)


def test_a_slider_between_two_cutouts_goes_to_the_nearer(dock):
    dock.grid_x.value = 390
    assert dock.session.current_cutout.key == ("north", 400, 0)
    assert dock.grid_x.value == 400


def test_the_toggle_decides_and_confirms(dock, qtbot, press):
    artifact, none = dock.label_new.native.findChildren(QRadioButton)
    assert "Not reviewed" in dock.history.value
    qtbot.mouseClick(artifact, Qt.MouseButton.LeftButton)
    assert dock.session.progress == (1, 4)
    assert dock.session.current.label_new == 1
    assert "Confirmed by" in dock.history.value
    qtbot.mouseClick(none, Qt.MouseButton.LeftButton)
    assert dock.session.current.label_new == 0
    assert "Changed by" in dock.history.value
    assert _facts(dock)[2] == "0"
    assert "1 not yet exported" in dock.panel.saving.state.value
    assert dock.error_id.native.currentText() == "1  FN  → 0"
    press(dock, Key.Key_U, Key.Key_U)
    assert dock.error_id.native.currentText() == "1  FN"


def test_a_held_key_ends_when_the_window_is_left(dock, qtbot):
    qtbot.keyPress(dock.window(), Key.Key_N)
    assert dock.error_id.value == 2
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    qtbot.wait(700)
    assert dock.error_id.value == 2, "the release of the key was not noticed"


def test_the_dock_says_what_the_picture_shows(dock, qtbot, settle, monkeypatch):
    """Also if an image is shown for less than a frame before the next one is read."""

    class Painted(QObject):
        said = ""

        def eventFilter(self, combo, event):  # noqa: N802
            if event.type() == QEvent.Type.Paint:
                self.said = combo.currentText()
            return False

    painted, combo = Painted(), dock.image_name.native
    combo.installEventFilter(painted)
    for name in ("west", "north"):
        dock.image_name.value = name
        settle(dock)
    # On a busy machine a frame may come later than one waits for it.
    dock.controller.delays.loading_notice = 5
    image, control = threading.Event(), dock.controller
    qtbot.waitUntil(lambda: painted.said == "north  (2)")
    qtbot.waitUntil(lambda: control.at_hand("south") is not None)
    slow_down(control, lambda name: name != "south" or image.wait(20))
    control.loader.read_ahead([("west", None)])
    qtbot.waitUntil(lambda: control.at_hand("west") is not None)
    dock.session.select_image("west")
    dock.session.select_image("south")
    qtbot.wait(100)
    assert painted.said == "west  (0)"
    image.set()
    qtbot.waitUntil(lambda: painted.said == "south  (2)")


def test_a_held_key_waits_for_each_image(dock, qtbot, monkeypatch):
    image = threading.Event()
    slow_down(dock.controller, lambda _: image.wait(20))
    dock.error_id.value = 2
    qtbot.keyPress(dock.window(), Key.Key_N)
    qtbot.wait(800)
    assert dock.session.current_cutout.error_id == 3
    image.set()
    qtbot.waitUntil(lambda: dock.session.current_cutout.error_id == 4)
    qtbot.keyRelease(dock.window(), Key.Key_N)


def test_a_held_key_waits_for_each_frame(dock, qtbot):
    canvas = dock.window()._qt_viewer.canvas.native
    canvas.setUpdatesEnabled(False)
    qtbot.keyPress(dock.window(), Key.Key_N)
    qtbot.wait(900)
    assert dock.error_id.value == 2, "it has not been on the screen yet"
    canvas.setUpdatesEnabled(True)
    qtbot.waitUntil(lambda: dock.error_id.value == 3)
    qtbot.keyRelease(dock.window(), Key.Key_N)


def test_the_save_button_overwrites_no_changes_of_another_program(dock, qtbot):
    dock.label_new.value = "no artifact"
    dock.save.native.click()
    qtbot.waitUntil(lambda: dock.session.unsaved == 0)
    output = dock.session.output
    theirs = output.read_text().replace(",007,", ",Ada,", 1)
    output.write_text(theirs)
    dock.save.native.click()
    qtbot.waitUntil(lambda: dock.panel.changed_output.visible)
    assert output.read_text() == theirs


def test_the_demo_button_makes_the_demo_of_the_sample_menu(
    dock, monkeypatch, survey, qtbot
):
    asked, made = [], DemoSurvey(survey, survey.parent, survey)

    def make(images, seed, progress):
        asked.append((images, seed))
        return made

    monkeypatch.setattr("napari_artifact_review.demo.make_demo_in_cache", make)
    dock.files.native.click()
    before = dock.session
    dock.opening.demo.native.click()
    qtbot.waitUntil(lambda: dock.session is not before)
    assert asked == [(3, 0)]


def test_a_move_that_is_cancelled_leaves_the_review_where_it_is(
    dock, monkeypatch, qtbot
):
    go_on = threading.Event()
    moved = ReviewSession.with_output
    monkeypatch.setattr(
        ReviewSession, "with_output", lambda *args: go_on.wait(20) and moved(*args)
    )
    before = dock.session.output
    dock.output.value = before.with_name("b.csv")
    dock.output.line_edit.native.editingFinished.emit()
    dock.opening.cancel.native.click()
    go_on.set()
    dock.label_new.value = "no artifact"
    assert dock.session.progress == (1, 4)
    assert dock.session.output == before
    dock.banner.open_again.native.click()
    qtbot.waitUntil(lambda: "Resumed" in _message(dock))
    assert dock.session.output == before


def test_a_true_negative_can_be_changed(dock):
    dock.grid_x.value = 600
    dock.label_new.value = "artifact"
    assert dock.session.current.label_new == 1
    assert dock.session.progress == (0, 4), "it is no error"


def test_keys_walk_decide_and_save(dock, press, settle, qtbot):
    press(dock, Key.Key_J, Key.Key_N, Key.Key_J, Key.Key_Period)
    settle(dock)
    press(dock, Key.Key_K, Key.Key_Comma, Key.Key_U)
    settle(dock)
    table = dock.session.table.set_index("error_id")
    assert table.label_new[[1, 2, 3]].tolist() == [1, 1, 0]
    assert dock.error_id.value == 3, "undo goes to what it takes back"
    assert dock.session.progress == (2, 4)
    qtbot.keyClick(dock.window(), Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: dock.session.progress == (3, 4))
    press(dock, Key.Key_W)
    qtbot.waitUntil(lambda: dock.session.unsaved == 0)
    again = ReviewSession.open(dock.session.output)
    assert again.progress == (3, 4)
    assert "Saved to" in _message(dock)


def test_the_image_has_napari_s_controls_and_is_selected_in_its_list(
    dock, viewer, qtbot
):
    window = dock.window()._qt_viewer
    image = viewer.layers["Review: north"]

    def is_chosen():
        shown = window.controls.currentWidget() is window.controls.widgets.get(image)
        rows = window.layers.selectionModel().selectedIndexes()
        return shown and [index.data() for index in rows] == ["Review: north"]

    assert is_chosen()
    viewer.layers.selection.active = viewer.layers["Review: current"]
    assert not is_chosen()
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: image in viewer.layers)
    assert is_chosen(), "also when it comes alone"


def test_keys_work_whichever_layer_is_active(dock, press, viewer):
    viewer.add_shapes([[[0, 0], [50, 50]]])
    press(dock, Key.Key_N)
    assert dock.error_id.value == 2
    for layer in list(viewer.layers):
        viewer.layers.selection.active = layer
        press(dock, Key.Key_Comma)
        assert dock.error_id.value == 1
        press(dock, Key.Key_N)
        assert dock.error_id.value == 2


@pytest.mark.parametrize("field", [QLineEdit, QSpinBox])
def test_no_key_typed_in_a_field_is_a_verdict(dock, viewer, qtbot, field):
    other = field()
    viewer.window.add_dock_widget(other)
    other.setFocus()
    assert QApplication.focusWidget() is other
    qtbot.keyClicks(other, "jkn,")
    assert dock.session.unsaved == 0
    assert dock.error_id.value == 1


def test_a_click_in_the_dock_leaves_the_keys_to_the_review(dock, qtbot, press):
    qtbot.mouseClick(dock.next.native, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(dock.image_name.native, Qt.MouseButton.LeftButton)
    dock.image_name.native.hidePopup()
    assert not dock.isAncestorOf(QApplication.focusWidget())
    press(dock, Key.Key_J)
    assert dock.session.progress == (1, 4)


def test_a_held_key_decides_once(dock, qtbot):
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QKeyEvent

    dock.label_new.value = "no artifact"
    entries = len(dock.session.log)
    held = QKeyEvent(
        QEvent.Type.KeyPress, Key.Key_J, Qt.KeyboardModifier.NoModifier, "j", True
    )
    QApplication.sendEvent(dock.window(), held)
    assert len(dock.session.log) == entries


def test_editing_keys_of_napari_spare_the_boxes(dock, viewer, qtbot, press):
    for role in ("cutouts", "tags"):
        layer = next(x for x in viewer.layers if x.metadata[OWNER] == role)
        viewer.layers.selection.active = layer
        before = np.array(layer.data)
        press(dock, *(getattr(Key, f"Key_{k}") for k in "ABDEFILPRSTXZ1234567"))
        press(dock, Key.Key_A, Key.Key_Delete, Key.Key_Backspace)
        assert np.array_equal(layer.data, before)
        assert layer.mode == "pan_zoom"


def test_a_click_on_the_image_makes_a_cutout_current(dock, viewer, qtbot):
    canvas = dock.window()._qt_viewer.canvas.native
    camera = viewer.scene.camera
    height, width = viewer.canvas.size
    # The FN at (200, 0) is in the middle; 150 pixels right of that is (400, 0).
    across = width / 2 + 150 * camera.zoom
    spot = QPoint(round(across), round(height / 2))
    qtbot.mouseMove(canvas, spot)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=spot)
    assert dock.session.current_cutout.key == ("north", 400, 0)
    # napari's own thread for the status bar does not run in its test viewer.
    hovered = viewer.layers.selection.active.get_status(viewer.cursor.position)
    assert "TN at (400, 0)" in hovered["coordinates"]


def test_the_status_bar_follows_each_step_under_a_mouse_that_rests(
    dock, viewer, qtbot, press
):
    put_mouse_over_canvas(dock)
    assert viewer.mouse_over_canvas
    viewer.cursor.position = viewer.scene.camera.center[-2:]
    press(dock, "N")
    shown = dock.window().statusBar()._coordinates
    # napari's own thread may still deliver the text of the step before.
    qtbot.waitUntil(lambda: "FP at (400, 200), " in shown.text())


def test_the_wheel_over_the_dock_changes_nothing(dock, qtbot):
    from qtpy.QtCore import QPointF
    from qtpy.QtGui import QWheelEvent

    combo = dock.image_name.native
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(combo, wheel)
    assert dock.image_name.value == "north"


def test_it_fits_a_narrow_dock(dock):
    assert dock.minimumSizeHint().width() <= 320
    dock.files.native.click()
    assert dock.sizeHint().height() <= 900
    assert dock.width() >= 320


def test_both_themes(dock, viewer):
    for theme in ("light", "dark"):
        viewer.theme = theme
        assert dock.error_id.value == 1


def test_the_help_shows_every_key(dock, press):
    from napari_artifact_review.viewer.input.key_choice import KeyChoice
    from napari_artifact_review.viewer.input.keys import KEY_TABLE
    from napari_artifact_review.widgets.windows.help import help_text

    press(dock, Key.Key_F1)
    assert dock.help.isVisible()
    for action in KEY_TABLE:
        assert action.title in help_text(KeyChoice())
        assert action.label in help_text(KeyChoice())
    press(dock, Key.Key_F1)
    assert not dock.help.isVisible()
    assert "(J)" in dock.label_new.tooltip
    assert "(,)" in dock.previous.tooltip


def test_y_up_turns_the_view_only(dock, viewer):
    data = next(x for x in viewer.layers if isinstance(x, Image)).data.copy()
    before = viewer.scene.camera.orientation2d
    dock.y_up.value = True
    assert viewer.scene.camera.orientation2d != before
    assert np.array_equal(next(iter(viewer.layers)).data, data)
    dock.y_up.value = False
    assert viewer.scene.camera.orientation2d == before


def test_a_missing_image_is_named_and_the_rest_goes_on(viewer, survey, settle):
    (survey.parent / "north.fits").unlink()
    dock = open_review(viewer, survey)
    banner = dock.panel.unseen
    assert "north" in banner.text.value
    assert banner.visible
    assert not dock.panel.verdict.enabled
    dock.image_name.value = "south"
    settle(dock)
    assert not banner.visible
    assert dock.panel.verdict.enabled
    assert viewer.layers[0].data[0, 0] == 2e6


def test_a_faulty_table_is_told_and_what_is_open_stays(dock, viewer, survey):
    bad = survey.with_name("bad.csv")
    bad.write_text("image_name,grid_x,grid_y,label,preds\nnorth,0,0,2,1\n")
    session = dock.session
    with pytest.raises(ReviewError, match=r"line 2, column label: '2' is not 0 or 1"):
        open_review(viewer, bad)
    assert dock.session is session
    assert not dock.opening.busy.visible


def test_opening_again_takes_the_place_of_the_first(dock, viewer, survey):
    other = survey.with_name("other.csv")
    other.write_text("\n".join(survey.read_text().splitlines()[:4]) + "\n")
    assert open_review(viewer, other) is dock
    assert dock.session.predictions.path == other
    assert len(viewer.layers) == 5
    assert dock.image_name.choices == ("north",)


def test_another_table_does_not_inherit_the_output(viewer, survey, tmp_path):
    other = survey.with_name("other.csv")
    other.write_text(survey.read_text())
    dock = open_review(viewer, survey, output=tmp_path / "first.csv")
    dock.predictions.value = other
    assert dock.output.path is None
    dock.output.value = tmp_path / "second.csv"
    dock.predictions.value = survey
    assert dock.output.path == tmp_path / "second.csv"


def test_a_late_image_of_one_review_does_not_pass_for_the_next(
    dock, survey, settle, monkeypatch, qtbot
):
    image, table = threading.Event(), threading.Event()
    opened = ReviewSession.open
    slow_down(dock.controller, lambda _: image.wait(20))
    monkeypatch.setattr(
        ReviewSession, "open", lambda *a, **k: table.wait(20) and opened(*a, **k)
    )
    dock.image_name.value = "south"
    first, ended = dock.session, []
    dock.settled.connect(lambda _: ended.append(dock.session))
    dock.start_opening()
    image.set()
    settle(dock)
    qtbot.wait(50)
    assert ended == []
    table.set()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended[0] is not first


def test_a_new_review_begins_with_its_switches_off(dock, viewer, survey):
    before = viewer.scene.camera.orientation2d
    dock.y_up.value = dock.grid.value = True
    open_review(viewer, survey, output=survey.with_name("new.csv"))
    assert not dock.y_up.value
    assert not dock.grid.value
    assert viewer.scene.camera.orientation2d == before


def test_opening_can_be_cancelled(dock, viewer, survey, qtbot, monkeypatch):
    go_on = threading.Event()
    opened = ReviewSession.open

    def slow(*args, **kwargs):
        go_on.wait(20)
        return opened(*args, **kwargs)

    monkeypatch.setattr(ReviewSession, "open", slow)
    session = dock.session
    dock.files.native.click()
    qtbot.mouseClick(dock.open.native, Qt.MouseButton.LeftButton)
    assert dock.opening.busy.visible
    qtbot.mouseClick(dock.opening.cancel.native, Qt.MouseButton.LeftButton)
    assert not dock.opening.busy.visible
    go_on.set()
    qtbot.wait(100)
    assert dock.session is session


def test_closing_the_dock_gives_the_viewer_back(dock, viewer, press):
    own = viewer.add_points([[0, 0]])
    session = dock.session
    viewer.window.remove_dock_widget(dock)
    assert list(viewer.layers) == [own]
    assert dock.controller is None
    assert len(session.current_changed) == len(session.label_changed) == 0


def test_closing_leaves_no_thread_and_no_connection(dock, viewer, qtbot):
    def threads():
        return [t for t in threading.enumerate() if "artifact-review" in t.name]

    session, before = dock.session, len(threads())
    assert before
    gone = []
    dock.destroyed.connect(lambda: gone.append(True))
    viewer.close()
    qtbot.waitUntil(lambda: bool(gone))
    qtbot.waitUntil(lambda: len(threads()) == 0)
    assert len(session.current_changed) == len(session.label_changed) == 0


def test_closing_an_unsaved_review_keeps_its_decisions_and_saves_them(
    dock, viewer, survey
):
    dock.label_new.value = "no artifact"
    viewer.window.remove_dock_widget(dock)
    resumed = open_review(viewer, survey)
    assert resumed.session.progress == (1, 4)
    assert resumed.session.current.label_new == 0
    assert resumed.session.output.exists()
    assert resumed.panel.saving.state.value == "1 verdict stored, exported"


def test_a_review_can_be_saved_elsewhere_while_it_is_open(dock, tmp_path, qtbot):
    dock.label_new.value = "no artifact"
    first = dock.session.output
    dock.files.native.click()
    dock.output.value = tmp_path / "none/a.csv"
    dock.output.line_edit.native.editingFinished.emit()
    qtbot.waitUntil(lambda: "does not exist" in dock.opening.error.value)
    assert dock.session.output == first
    dock.output.value = tmp_path / "b.csv"
    dock.output.line_edit.native.editingFinished.emit()
    qtbot.waitUntil(lambda: dock.session.output == tmp_path / "b.csv")
    dock.save.native.click()
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert not first.exists()
    assert ReviewSession.open(tmp_path / "b.csv").progress == (1, 4)


def test_another_table_opens_with_an_output_of_its_own(dock, survey, tmp_path, qtbot):
    other, first = survey.with_name("other.csv"), dock.session
    other.write_text(survey.read_text())
    dock.files.native.click()
    dock.predictions.value = other
    field = dock.output.line_edit.native
    field.setFocus()
    qtbot.keyClicks(field, str(tmp_path / "b.csv"))
    # A press of the button takes the keyboard from the field.
    field.editingFinished.emit()
    qtbot.mouseClick(dock.open.native, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.session is not first)
    assert dock.session.predictions.path == other
    assert dock.session.output == tmp_path / "b.csv"


def test_an_earlier_output_is_told_of_and_stays_told(viewer, survey, settle):
    survey.with_name("test_outputs.csv").write_text("of another program")
    dock = open_review(viewer, survey)
    assert "test_outputs.csv exists already" in dock.panel.notices.value
    dock.next.native.click()
    assert dock.panel.notices.visible


def test_a_table_without_preds_says_what_counts(viewer, survey):
    survey.write_text(survey.read_text().replace("preds", "model"))
    dock = open_review(viewer, survey)
    assert "a confidence of 0.95 or above" in dock.panel.notices.value


def test_in_a_wrong_folder_another_one_can_be_chosen(
    viewer, survey, tmp_path, qtbot, monkeypatch
):
    (tmp_path / "empty").mkdir()
    dock = open_review(viewer, survey, tmp_path / "empty")
    viewer.window.resize(1280, 800)
    qtbot.wait(100)
    banner, panel = dock.panel.unseen, dock.panel
    assert "north" in banner.text.value
    assert not dock.opening.visible, "there is no room for both"
    for widget in (banner.text, banner.folder, panel.verdict, panel.saving):
        native = widget.native
        assert native.isVisible()
        assert native.height() >= native.minimumSizeHint().height()
        assert dock.rect().contains(native.mapTo(dock, native.rect().bottomRight()))
    text = banner.text.native
    assert text.height() >= text.heightForWidth(text.width())
    chosen = iter([None, str(survey.parent)])
    monkeypatch.setattr(dock.images, "_show_file_dialog", lambda *_, **__: next(chosen))
    before = dock.session
    banner.folder.native.click()
    assert dock.session is before, "the dialog was cancelled"
    banner.folder.native.click()
    qtbot.waitUntil(lambda: dock.session is not before)
    qtbot.waitUntil(lambda: dock.controller.view == "shown")
    assert dock.session.images.folder == survey.parent
    assert not banner.visible
    assert panel.verdict.enabled


def test_a_message_takes_no_room_and_is_read_in_full(dock, qtbot):
    panel = dock.panel
    message = panel.message.native
    panel.say("")
    assert not message.isVisible()
    qtbot.wait(50)
    folds = panel.folds.values()
    places = [fold.mapTo(dock, QPoint(0, 0)) for fold in folds]
    for text in ("Short.", "The position is copied, and much more is said. " * 8):
        panel.say(text)
        qtbot.wait(50)
        assert message.isVisible()
        assert message.height() >= message.heightForWidth(message.width())
        assert panel.native.rect().contains(message.geometry())
        assert [fold.mapTo(dock, QPoint(0, 0)) for fold in folds] == places
    dock.window().resize(1500, 950)
    qtbot.wait(100)
    assert message.geometry().bottom() == panel.native.rect().bottom()
    # The widget under the message can be clicked.
    under = panel.native.childAt(message.geometry().center())
    assert under is not message


def test_a_verdict_that_came_too_early_holds_the_walk(
    dock, monkeypatch, settle, press, qtbot
):
    go_on = threading.Event()
    slow_down(dock.controller, lambda _: go_on.wait(20))
    press(dock, Key.Key_N, Key.Key_N)
    assert dock.error_id.value == 3, "a script knows at once"
    assert not dock.panel.native.updatesEnabled(), "the eye with the picture"
    qtbot.waitUntil(lambda: "Reading south" in _message(dock))
    assert dock.panel.native.updatesEnabled()
    press(dock, Key.Key_J, Key.Key_N, Key.Key_J, Key.Key_N)
    assert dock.error_id.value == 3
    assert dock.session.unsaved == 0
    assert "No verdict was given" in _message(dock)
    go_on.set()
    settle(dock)
    press(dock, Key.Key_J, Key.Key_N)
    assert dock.error_id.value == 4
    assert dock.session.unsaved == 1


def test_the_review_stays_flat(dock, viewer, settle):
    viewer.dims.ndisplay = 3
    assert viewer.dims.ndisplay == 2
    assert "3-D view is disabled" in _message(dock)
    dock.image_name.value = "south"
    settle(dock)
    assert dock.controller.view == "shown"


def test_closing_and_opening_again(dock, viewer, survey):
    viewer.window.remove_dock_widget(dock)
    again = open_review(viewer, survey)
    assert again is not dock
    assert len(viewer.layers) == 5
    assert again.error_id.value == 1


def test_a_review_that_another_takes_the_place_of_goes_on_later(dock, viewer, survey):
    dock.label_new.value = "no artifact"
    dock.next.native.click()
    open_review(viewer, survey, output=survey.with_name("other.csv"))
    assert dock.session.progress == (0, 4)
    open_review(viewer, survey)
    assert dock.session.progress == (1, 4)
    assert dock.error_id.value == 2
    open_review(viewer, survey)
    assert dock.session.problem is None, "the same review may take its own place"


def test_the_dialog_begins_where_the_last_one_ended(dock, survey, monkeypatch):
    starts = []

    def dialog(mode, caption, start_path, filter):  # noqa: A002
        starts.append(start_path)
        return str(survey)

    for field in (dock.predictions, dock.output):
        monkeypatch.setattr(field, "_show_file_dialog", dialog)
        field.value = None
        field.choose_btn.native.click()
    assert starts[1] == str(survey.parent)
    assert dock.output.path == survey


def test_nothing_is_cut_off_or_moves_at_the_least_width(dock, qtbot):
    dock.window().resize(1280, 800)
    fold = dock.panel.folds["queue"]
    fold.header.setChecked(True)
    qtbot.wait(100)
    assert dock.width() <= 330
    places = []
    for label in ("artifact", "no artifact"):
        dock.label_new.value = label
        qtbot.wait(50)
        buttons = dock.label_new.native.findChildren(QRadioButton)
        places.append([button.geometry() for button in buttons])
        for button in buttons:
            assert button.width() >= button.minimumSizeHint().width()
    assert places[0] == places[1]
    queue = dock.panel.queue
    longest = queue.state.native.fontMetrics().horizontalAdvance("Unreviewed")
    # The arrow of the list is beside the text.
    assert queue.state.native.width() >= longest + 30
    box = queue.this_image.native
    assert box.width() >= box.sizeHint().width()


def test_the_outcome_is_told_by_a_ground_that_any_theme_can_be_read_on(dock, settle):
    grounds = {}
    for outcome in ("FN", "FP", "TP", "TN"):
        table = dock.session.table
        row = table[table.outcome == outcome].iloc[0]
        dock.session.select(row.image_name, int(row.grid_x), int(row.grid_y))
        settle(dock)
        ground = dock.panel.facts.native.item(0, 4).background().color()
        grounds[outcome] = ground.getRgb()[:3]
        assert ground.alphaF() < 0.5, "the text is the theme's"
        assert (ground.alphaF() == 0) == (outcome == "TN")
    assert len(set(grounds.values())) == 4


def test_a_wrong_folder_of_images_is_reported_once(
    viewer, survey, tmp_path, settle, press, monkeypatch
):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    reported = []
    monkeypatch.setattr(
        "napari_artifact_review.widgets.review.show_error", reported.append
    )
    dock = open_review(viewer, survey, wrong)
    settle(dock)
    press(dock, ".", ".", ".")
    settle(dock)
    assert dock.session.current_cutout.image_name == "south"
    assert len(reported) == 1
    assert "image 'south' not found" in dock.panel.unseen.text.tooltip
