"""napari's own modes and layers beside a review, and a closed or hidden dock."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.viewer.layers import OWNER
from tests.widgets.windows import put_mouse_over_canvas

Key, CONTROL = Qt.Key, Qt.KeyboardModifier.ControlModifier


def said(dock):
    return dock.message.tooltip or ""


def told():
    return [str(one.message) for one in notification_manager.records]


def view(viewer):
    camera = viewer.scene.camera
    return tuple(camera.center), camera.zoom


def modes(viewer):
    return viewer.dims.ndisplay, viewer.dims.order, viewer.canvas.grid.enabled


# Modes


@pytest.mark.parametrize(
    ("key", "notice"),
    [
        (Key.Key_E, "order of the axes is fixed"),
        (Key.Key_T, "order of the axes is fixed"),
        (Key.Key_G, "grid of layers is disabled"),
        (Key.Key_Y, "3-D view is disabled"),
    ],
)
def test_a_mode_that_would_tear_image_and_boxes_apart_is_undone(
    dock, viewer, qtbot, key, notice
):
    QTest.keyClick(dock.window(), Key.Key_N)
    before = view(viewer)
    QTest.keyClick(dock.window(), key, CONTROL)
    assert modes(viewer) == (2, (0, 1), False)
    assert notice in said(dock)
    qtbot.wait(50)
    assert view(viewer) == before, "the current cutout is still in the middle"
    QTest.keyClick(dock.window(), Key.Key_J)
    qtbot.waitUntil(lambda: dock.session.progress == (1, 4))


def test_a_mode_is_undone_beside_a_layer_of_more_dimensions(dock, viewer):
    viewer.add_image(np.zeros((3, 4, 5)))
    QTest.keyClick(dock.window(), Key.Key_E, CONTROL)
    assert modes(viewer) == (2, (0, 1, 2), False)


def test_the_user_gets_back_the_modes_that_were_on(viewer, survey):
    viewer.add_image(np.zeros((3, 4, 5)))
    viewer.dims.order = (2, 0, 1)
    viewer.canvas.grid.enabled = True
    viewer.dims.ndisplay = 3
    before = modes(viewer)
    dock = open_review(viewer, survey)
    assert modes(viewer) == (2, (0, 1, 2), False)
    again = open_review(viewer, survey, output=survey.with_name("other.csv"))
    assert again is dock
    assert modes(viewer) == (2, (0, 1, 2), False)
    viewer.window.remove_dock_widget(dock)
    assert modes(viewer) == before
    viewer.dims.order = (0, 1, 2)
    assert viewer.dims.order == (0, 1, 2), "nothing undoes it any more"


# The status bar


def add_own(viewer, kind):
    if kind == "image":
        return viewer.add_image(np.full((600, 800), 7.0), name="mine")
    if kind == "labels":
        return viewer.add_labels(np.full((600, 800), 7), name="mine")
    if kind == "points":
        return viewer.add_points([[100, 100]], name="mine")
    return viewer.add_shapes([[[0, 0], [600, 800]]], name="mine")


@pytest.mark.parametrize("kind", ["image", "labels", "points", "shapes"])
def test_a_layer_of_the_user_s_leaves_the_position_in_the_status_bar(
    dock, viewer, qtbot, kind
):
    own = add_own(viewer, kind)
    assert viewer.layers.selection.active == own
    put_mouse_over_canvas(dock)
    assert viewer.mouse_over_canvas
    viewer.cursor.position = viewer.scene.camera.center[-2:]
    viewer.update_status_from_cursor()
    text = viewer.status["coordinates"]
    assert text.startswith("x 300  y 100  100300 adu"), "the review's pixel"
    assert "RA" in text or "h" in text, "and its sky coordinates"
    assert "FN at (200, 0)" in text
    if kind in ("image", "labels"):
        assert "mine: 7" in text, "beside the layer's own value"
    assert dock.window().statusBar()._coordinates.text() == text


def test_several_selected_layers_leave_it_too(dock, viewer, qtbot):
    own = add_own(viewer, "image")
    [image] = [x for x in viewer.layers if x.metadata.get(OWNER) == "image"]
    viewer.layers.selection.update({own, image})
    put_mouse_over_canvas(dock)
    assert viewer.mouse_over_canvas
    viewer.cursor.position = viewer.scene.camera.center[-2:]
    viewer.update_status_from_cursor()
    assert "FN at (200, 0)" in viewer.status
    assert "mine: 7" in viewer.status


def test_after_the_review_the_layer_has_napari_s_status_again(dock, viewer):
    own = add_own(viewer, "image")
    during = own.get_status((100, 300))
    assert "FN" in during["coordinates"]
    viewer.layers.selection.active = None
    assert "FN" not in own.get_status((100, 300))["coordinates"], "it is not selected"
    viewer.layers.selection.active = own
    viewer.window.remove_dock_widget(dock)
    assert "FN" not in own.get_status((100, 300))["coordinates"]
    assert "get_status" not in vars(own)


# The dock


def test_closing_the_dock_says_where_the_verdicts_are(dock, viewer, survey, qtbot):
    QTest.keyClick(dock.window(), Key.Key_J)
    qtbot.waitUntil(lambda: dock.pending == 0)
    dock.stretches.toggle()
    before, store = len(told()), dock.session.store
    dock.parentWidget().title.close_button.click()
    [notice] = told()[before:]
    assert "The review of predictions.csv is closed" in notice
    assert f"Every verdict is stored in {store}" in notice
    assert not dock.stretches.isVisible(), "its windows close with it"
    with ReviewSession.open(survey) as session:
        assert session.progress == (1, 4)


def test_a_closed_dock_without_a_review_says_nothing(dock, viewer):
    dock.close_review()
    before = told()
    dock.parentWidget().title.close_button.click()
    assert told() == before


def test_a_hidden_dock_says_that_the_review_goes_on(dock, viewer, qtbot):
    before = len(told())
    dock.parentWidget().title.hide_button.click()
    [notice] = told()[before:]
    assert "The keys still give verdicts while the dock is hidden" in notice
    assert "Plugins > Artifact Review" in notice
    QTest.keyClick(dock.window(), Key.Key_J)
    qtbot.waitUntil(lambda: dock.session.progress == (1, 4))
    assert len(told()) == before + 1
    QTest.keyClick(dock.window(), Key.Key_U)
    QTest.keyClick(dock.window(), Key.Key_U)
    assert "nothing to undo" in told()[-1], "what the dock would say"
