"""Presets, typed numbers and the right mouse button, with real keys and mouse."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QInputDialog, QLineEdit, QMenu, QWidget

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.presets import BUILT_IN
from napari_artifact_review.viewer.layers import OWNER

SHIFT, NO_KEY = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
FAINT = BUILT_IN[1]


def key(dock, key, modifier=NO_KEY):
    QTest.keyClick(dock.window(), key, modifier)


def display(dock):
    return dock.controller.image.display


def limits(dock):
    layer = next(x for x in dock.viewer.layers if x.metadata.get(OWNER) == "image")
    return tuple(layer.contrast_limits)


@pytest.fixture
def panel(dock):
    """Unfold the display."""
    fold = dock.panel.folds["pixels"]
    QTest.mouseClick(fold.header, LEFT)
    assert fold.content.isVisible()
    QApplication.processEvents()
    return dock.panel.display


def title(dock):
    # Qt takes a single ampersand for a mnemonic.
    return dock.panel.folds["pixels"].header.text().replace("&&", "&")


def type_into(field, text, end=Qt.Key.Key_Return):
    """Replace the text of a field, as a user does."""
    native = field.native
    QTest.mouseClick(native, LEFT)
    native.selectAll()
    QTest.keyClick(native, Qt.Key.Key_Delete)
    QTest.keyClicks(native, text)
    QTest.keyClick(native, end)


# Presets


def test_one_key_goes_through_the_presets_and_names_each(dock, qtbot):
    assert title(dock) == "Display: ZScale"
    key(dock, Qt.Key.Key_D, SHIFT)
    assert display(dock) == FAINT.display
    assert title(dock) == "Display: Faint and extended"
    assert dock.message.tooltip == "Display preset: Faint and extended"
    image = dock.controller
    qtbot.waitUntil(lambda: image.loaded is not None and image.loaded.sigma == 3)
    key(dock, Qt.Key.Key_D, SHIFT)
    assert title(dock) == "Display: Point-like"
    key(dock, Qt.Key.Key_D, SHIFT)
    assert display(dock) == Display()


def judged_view(dock):
    """Return the view that was recorded with the last decision."""
    return dock.session.log[-1].context["view"]


def test_a_verdict_has_the_display_in_which_it_was_given(dock, press, qtbot):
    key(dock, Qt.Key.Key_D, SHIFT)
    control = dock.controller
    qtbot.waitUntil(lambda: control.loaded is not None and control.loaded.sigma == 3)
    press(dock, "J")
    assert judged_view(dock)["display"] == FAINT.display.as_json()
    assert tuple(judged_view(dock)["contrast_limits"]) == limits(dock)


def test_a_verdict_in_the_gallery_has_the_display_of_its_pictures(dock, press, qtbot):
    press(dock, "J")
    key(dock, Qt.Key.Key_F5)
    gallery = dock.gallery
    qtbot.waitUntil(lambda: bool(gallery.view.positions_in_view()))
    key(dock, Qt.Key.Key_D, SHIFT)
    assert title(dock) == "Display: Faint and extended"
    qtbot.waitUntil(lambda: not gallery.target().refusal())
    press(dock, "K")
    assert judged_view(dock)["display"] == FAINT.display.as_json()
    assert "contrast_limits" not in judged_view(dock)


def test_a_display_is_stored_soon_without_a_step(dock, survey, qtbot):
    key(dock, Qt.Key.Key_D, SHIFT)

    def stored():
        with ReviewSession.open(survey, read_only=True) as session:
            return session.view_settings.get("display")

    qtbot.waitUntil(lambda: stored() == FAINT.display.as_json())


def test_a_menu_offers_the_presets_by_digits(dock, qtbot):
    key(dock, Qt.Key.Key_F6)
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    texts = [action.text() for action in menu.actions()]
    assert texts == ["&1  ZScale", "&2  Faint and extended", "&3  Point-like"]
    QTest.keyClick(menu, Qt.Key.Key_3)
    assert title(dock) == "Display: Point-like"
    assert dock.session.log == ()


def save_as(dock, panel, name, qtbot):
    QTest.mouseClick(panel.save_preset.native, LEFT)
    qtbot.waitUntil(lambda: bool(dock.findChildren(QInputDialog)))
    [dialog] = dock.findChildren(QInputDialog)
    field = dialog.findChild(QLineEdit)
    field.selectAll()
    QTest.keyClicks(field, name)
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not dock.findChildren(QInputDialog))


def choose(field, text):
    at = field.native.findText(text)
    assert at >= 0, text
    field.native.setCurrentIndex(at)


def test_an_own_preset_is_there_in_the_next_window_until_it_is_removed(
    dock, panel, qtbot, make_viewer, survey
):
    choose(panel.stretch, "asinh")
    choose(panel.colormap, "magma")
    assert title(dock) == "Display: ZScale, asinh"
    save_as(dock, panel, "Trails & co", qtbot)
    assert title(dock) == "Display: Trails & co"
    wanted = display(dock)
    key(dock, Qt.Key.Key_D, SHIFT)
    assert display(dock) == Display(colormap="magma")
    choose(panel.preset, "Trails & co")
    assert display(dock) == wanted
    dock.close_review()
    other = open_review(make_viewer(), survey)
    assert title(other) == "Display: Trails & co"
    assert panel.preset.value == "Trails & co"
    QTest.mouseClick(other.panel.display.remove_preset.native, LEFT)
    assert title(other) == "Display: ZScale, asinh"
    assert display(other) == wanted
    again = open_review(dock.viewer, survey)
    assert again.panel.display.preset.native.findText("Trails & co") < 0


def test_a_preset_of_the_plugin_is_neither_replaced_nor_removed(dock, panel, qtbot):
    assert not panel.remove_preset.enabled
    choose(panel.stretch, "log")
    save_as(dock, panel, "Point-like", qtbot)
    assert "belongs to the plugin" in dock.message.tooltip
    assert title(dock) == "Display: ZScale, log"
    save_as(dock, panel, "  ", qtbot)
    assert "no name" in dock.message.tooltip


def test_a_preset_saved_again_is_replaced(dock, panel, qtbot):
    choose(panel.stretch, "log")
    save_as(dock, panel, "mine", qtbot)
    choose(panel.stretch, "sqrt")
    save_as(dock, panel, "mine", qtbot)
    assert "Replaced" in dock.message.tooltip
    key(dock, Qt.Key.Key_D, SHIFT)
    choose(panel.preset, "mine")
    assert display(dock).stretch == "sqrt"


# Typed numbers


def test_typed_limits_are_in_force_and_empty_ones_are_computed(dock, panel, press):
    computed = limits(dock)
    assert panel.low.native.placeholderText() == f"{computed[0]:.5g} (auto)"
    type_into(panel.high, "5000")
    assert limits(dock) == (computed[0], 5000)
    type_into(panel.low, "-1.5e2")
    assert limits(dock) == (-150, 5000)
    assert "Manual: -150 to 5000" in title(dock)
    # Enter has given the keys back to the review.
    press(dock, "J")
    assert len(dock.session.log) == 1
    type_into(panel.low, "")
    type_into(panel.high, "")
    assert limits(dock) == computed
    assert title(dock) == "Display: ZScale"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("many", "“many” is not a number"),
        ("inf", "not a finite number"),
        ("10", "The lower limit 10 is not below the upper limit 5"),
    ],
)
def test_a_limit_that_is_none_is_refused_with_the_reason(dock, panel, text, told):
    type_into(panel.high, "5")
    before = limits(dock)
    type_into(panel.low, text)
    assert told in dock.message.tooltip
    assert limits(dock) == before
    assert panel.low.value == ""


def test_escape_leaves_a_limit_as_it_was(dock, panel, press):
    before = limits(dock)
    type_into(panel.low, "77", Qt.Key.Key_Escape)
    assert (panel.low.value, limits(dock)) == ("", before)
    press(dock, "J")
    assert len(dock.session.log) == 1


def test_limits_of_napari_s_own_slider_are_in_the_fields(dock, panel):
    layer = next(x for x in dock.viewer.layers if x.metadata.get(OWNER) == "image")
    layer.contrast_limits = (12.5, 345)
    assert (panel.low.value, panel.high.value) == ("12.5", "345")


def test_a_typed_threshold_is_in_force(dock, press):
    fold = dock.panel.folds["queue"]
    QTest.mouseClick(fold.header, LEFT)
    threshold = dock.panel.queue.threshold
    assert threshold.typed.value == ""
    type_into(threshold.typed, "0.1234")
    assert dock.session.threshold == 0.1234
    assert threshold.typed.value == "0.1234"
    assert "0.123" in threshold.value.value
    type_into(threshold.typed, "1.5")
    assert "between 0 and 1" in dock.message.tooltip
    assert dock.session.threshold == 0.1234
    type_into(threshold.typed, "")
    assert dock.session.threshold is None
    press(dock, "J")
    assert len(dock.session.log) == 1


# The right mouse button


def drag(dock, across, down, button=RIGHT):
    canvas: QWidget = dock.window()._qt_viewer.canvas.native
    start = QPoint(canvas.width() // 2, canvas.height() // 2)
    QTest.mousePress(canvas, button, NO_KEY, start)
    for step in (1, 2, 3, 4):
        QTest.mouseMove(canvas, start + QPoint(across * step // 4, down * step // 4))
        QApplication.processEvents()
    QTest.mouseRelease(canvas, button, NO_KEY, start + QPoint(across, down))
    return start


def view(dock):
    camera = dock.viewer.scene.camera
    return (*camera.center, camera.zoom)


def test_a_right_drag_changes_contrast_and_bias_and_nothing_else(dock, panel, settle):
    low, high = limits(dock)
    before, cutout = view(dock), dock.session.current_cutout.key
    height, width = dock.viewer.canvas.size
    drag(dock, 0, round(height / 4))
    assert display(dock).contrast == pytest.approx(10**0.25, rel=0.02)
    assert display(dock).bias == 0.5
    darker = limits(dock)
    assert darker[1] - darker[0] < high - low
    drag(dock, -round(width / 4), 0)
    assert display(dock).bias == pytest.approx(0.25, abs=0.01)
    assert limits(dock)[0] < darker[0]
    assert view(dock) == before
    assert dock.session.current_cutout.key == cutout
    assert panel.contrast.value.startswith("Contrast 1.7")
    assert "bias 0.25" in title(dock)
    # The next image has the same contrast, between its own limits.
    dock.session.select_image("south")
    settle(dock)
    assert dock.controller.full.path.stem == "south"
    own = dock.controller.full.limits
    assert limits(dock)[1] - limits(dock)[0] == pytest.approx(
        (own[1] - own[0]) / display(dock).contrast
    )


def test_a_double_right_click_computes_the_limits_again(dock, panel):
    computed, before = limits(dock), view(dock)
    type_into(panel.low, "5")
    start = drag(dock, 80, 90)
    assert limits(dock) != computed
    canvas = dock.window()._qt_viewer.canvas.native
    QTest.mouseDClick(canvas, RIGHT, NO_KEY, start)
    assert limits(dock) == computed
    assert title(dock) == "Display: ZScale"
    assert view(dock) == before, "napari has not zoomed"


def test_reset_ends_contrast_too(dock, panel):
    computed = limits(dock)
    drag(dock, 60, -80)
    panel.reset.native.click()
    assert limits(dock) == computed


def test_the_mouse_is_napari_s_again_after_the_review(dock, viewer):
    canvas = dock.window()._qt_viewer.canvas.native
    start = QPoint(canvas.width() // 2, canvas.height() // 2)
    dock.close_review()
    zoom = viewer.scene.camera.zoom
    QTest.mouseDClick(canvas, RIGHT, NO_KEY, start)
    assert viewer.scene.camera.zoom == pytest.approx(2 * zoom)


def test_a_left_double_click_zooms_as_in_napari(dock, viewer):
    canvas = dock.window()._qt_viewer.canvas.native
    zoom = viewer.scene.camera.zoom
    start = QPoint(canvas.width() // 2, canvas.height() // 2)
    QTest.mouseDClick(canvas, LEFT, NO_KEY, start)
    assert viewer.scene.camera.zoom == pytest.approx(2 * zoom)
