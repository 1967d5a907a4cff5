"""What a reviewer sees in the viewer, and what mouse and layers do to it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from napari.components import ViewerModel
from napari.layers import Image, Shapes, Vectors
from napari.settings import get_settings

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.layers import OWNER
from tests.slow_images import forget_others, slow_down


def _layer(viewer, role):
    return next(x for x in viewer.layers if x.metadata.get(OWNER) == role)


def _frame(viewer):
    """Return x and y of the top left and bottom right of the current frame."""
    layer = _layer(viewer, "current")
    # The halo comes before the lines, the four sides before the compass.
    lines = layer.data[4 * len(layer.data) // 5 :]
    starts = lines[:4, 0] + layer.translate
    (top, left), (bottom, right) = starts.min(axis=0), starts.max(axis=0)
    return left, top, right, bottom


def _click(control, x, y, drag=0):
    """Press and release the mouse over a pixel, as napari calls its callbacks."""
    event = SimpleNamespace(
        button=1,
        modifiers=(),
        type="mouse_press",
        position=(y, x),
        pos=np.array([0, 0]),
    )
    press = control.viewer.mouse_drag_callbacks[-1]
    steps = press(control.viewer, event)
    next(steps, None)
    if drag:
        event.type, event.pos = "mouse_move", np.array([drag, 0])
        next(steps, None)
    event.type = "mouse_release"
    next(steps, None)


def test_the_image_is_one_layer_with_the_data_s_own_pixels(control, viewer, survey):
    image = _layer(viewer, "image")
    assert isinstance(image, Image)
    assert np.array_equal(image.data, fits.getdata(survey.parent / "north.fits"))
    assert image.name == "Review: north"
    assert tuple(image.contrast_limits) == control.full.limits


def test_no_layer_but_the_image_becomes_active_when_a_review_opens(
    viewer, session, main_loop
):
    active = []
    viewer.add_points([[1, 1]], name="mine")
    viewer.layers.selection.events.active.connect(lambda e: active.append(e.value))
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    image = _layer(viewer, "image")
    assert set(active) <= {None, image}
    assert set(viewer.layers.selection) == {image}
    control.disconnect()


def test_the_layer_stays_and_its_pixels_change_with_the_image(
    control, viewer, session, main_loop
):
    image = _layer(viewer, "image")
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert _layer(viewer, "image") is image
    assert image.data[0, 0] == 2e6
    assert image.name == "Review: south"


def test_listeners_to_the_image_layer_learn_of_the_next_image(
    control, viewer, session, main_loop
):
    told = []
    image = _layer(viewer, "image")
    image.events.data.connect(lambda event: told.append(event.value[0, 0]))
    viewer.layers.events.connect(lambda event: told.append(event.type))
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.let_time_pass()
    assert {2e6, "name", "thumbnail"} <= set(told)


def test_for_an_image_of_the_same_shape_not_all_layers_are_measured_again(
    control, viewer, session, main_loop, monkeypatch
):
    measured = []
    monkeypatch.setattr(
        ViewerModel, "_on_layers_change", lambda _: measured.append(session.current)
    )
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.let_time_pass()
    assert measured == []


def test_marked_cutouts_carry_their_features(control, viewer):
    layer = _layer(viewer, "cutouts")
    assert isinstance(layer, Shapes)
    features = layer.features
    assert list(features.columns) == [
        "image_name", "grid_x", "grid_y", "outcome", "confidence", "label",
        "preds", "label_new",
    ]  # fmt: skip
    assert features[["grid_x", "grid_y", "outcome"]].to_numpy().tolist() == [
        [200, 0, "FN"],
        [400, 200, "FP"],
        [0, 400, "TP"],
    ]


def test_each_outcome_has_its_box_tag_and_confidence(control, viewer):
    boxes, tags = _layer(viewer, "cutouts"), _layer(viewer, "tags")
    blue, purple, green = boxes.edge_color
    assert blue[2] > blue[0]
    assert blue[2] > blue[1]
    assert purple[0] > purple[1]
    assert purple[2] > purple[1]
    assert green[1] > green[0]
    assert green[1] > green[2]
    red = _layer(viewer, "predictions")
    second = red.data[:, 0]
    assert len(second) == 4, "only a TP has a second box"
    assert (second.min(axis=0) > [399.5, -0.5]).all()
    assert (second.max(axis=0) < [599.5, 199.5]).all(), "it lies inside the first"
    red = red.edge_color[0]
    assert red[0] > red[1]
    assert red[0] > red[2]
    assert boxes.text.values.tolist() == ["0.12", "0.97", "0.97"]
    assert tags.text.values.tolist() == ["FN", "FP", ""]
    assert boxes.text.anchor == "upper_left"
    assert tags.text.anchor == "lower_right"


def test_the_status_follows_under_a_mouse_that_rests(
    control, viewer, session, main_loop
):
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (110, 310)
    for _ in range(2):
        assert viewer.status["coordinates"].startswith("x 310  y 110")
        session.next()
        assert viewer.status["coordinates"].startswith("x 510  y 310")
        session.previous()
    session.set_label("artifact")
    assert ", reviewed" in viewer.status["coordinates"]
    session.select("south", 200, 0)
    main_loop.run_until(lambda: control.view == "shown")
    assert "2110310 adu" in viewer.status["coordinates"], "of another image"
    control.toggle_view()
    row, column = viewer.cursor.position
    assert viewer.status["coordinates"].startswith(f"x {column:.0f}  y {row:.0f}")


def test_the_status_of_a_mouse_that_has_left_does_not_stay(control, viewer, session):
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (110, 310)
    assert viewer.status["coordinates"].startswith("x 310  y 110")
    viewer.mouse_over_canvas = False
    session.next()
    assert viewer.status == ""
    viewer.status = "Saved"
    session.next()
    assert viewer.status == "Saved", "it is of another program"


def test_the_status_is_told_before_the_frame(control, viewer, session, main_loop):
    """What napari's thread tells later has the window painted once more."""
    main_loop.let_time_pass()
    # In a window it listens in the place of this.
    viewer.cursor.events.position.disconnect(viewer.update_status_from_cursor)
    asked = []
    viewer.cursor.events.position.connect(lambda: asked.append(viewer.cursor.position))
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (110, 310)
    asked.clear()
    session.next()
    assert viewer.status["coordinates"].startswith("x 510  y 310")
    assert asked == [], "else it tells what is there in the midst of all"
    main_loop.let_time_pass()
    assert asked == [(310, 510)], "it may be busy with what was there before"


def test_the_status_waits_for_no_layer_of_the_users_and_for_no_wish_against_it(
    control, viewer, session, monkeypatch
):
    viewer.cursor.events.position.disconnect(viewer.update_status_from_cursor)
    viewer.mouse_over_canvas = True
    told = []
    viewer.events.status.connect(lambda: told.append(viewer.status))
    own = viewer.add_points([[300, 500]])
    assert viewer.layers.selection.active is own
    told.clear()
    session.next()
    assert told == [], "its values may have to be read"
    viewer.layers.selection.active = _layer(viewer, "image")
    told.clear()
    appearance = get_settings().appearance
    monkeypatch.setattr(appearance, "update_status_based_on_layer", False)
    session.previous()
    assert told == [], "nor would it follow the mouse"
    monkeypatch.setattr(appearance, "update_status_based_on_layer", True)
    session.set_label("artifact")
    assert told


def test_a_step_draws_nothing_anew(control, viewer, session, monkeypatch):
    drawn, before = [], _frame(viewer)
    for layer in viewer.layers:
        for event in (layer.events.set_data, layer.events.thumbnail):
            event.connect(lambda event: drawn.append(event.source.name))
    monkeypatch.setattr(
        ViewerModel, "_on_layers_change", lambda _: drawn.append("all, measured")
    )
    monkeypatch.setattr(
        Vectors, "_update_thumbnail", lambda _: drawn.append("a thumbnail")
    )
    session.next()
    assert _frame(viewer) != before
    assert drawn == []


def test_a_layer_that_shows_nothing_is_not_drawn(control, viewer, session, main_loop):
    assert _layer(viewer, "predictions").visible
    for name, seen in (("west", False), ("north", True)):
        session.select_image(name)
        main_loop.run_until(lambda: control.view == "shown")
        assert _layer(viewer, "predictions").visible is seen


def test_boxes_lie_on_the_edges_of_the_pixels(control, viewer):
    corners = np.array(_layer(viewer, "cutouts").data[1])
    assert corners.min(axis=0).tolist() == [199.5, 399.5]
    assert corners.max(axis=0).tolist() == [399.5, 599.5]


def test_a_true_negative_has_a_frame_while_it_is_current(control, viewer, session):
    session.select("north", 600, 400)
    left, top, right, bottom = _frame(viewer)
    assert 590 < left <= 599.5
    assert 799.5 <= right < 810
    assert 390 < top <= 399.5
    assert 599.5 <= bottom < 610
    assert len(_layer(viewer, "cutouts").data) == 3


def test_a_verdict_is_in_the_features_and_lays_out_no_confidence_anew(
    control, viewer, session
):
    boxes, told, laid_out = _layer(viewer, "cutouts"), [], []
    boxes.events.features.connect(lambda: told.append(boxes.features.label_new[0]))
    boxes.text.events.values.connect(lambda: laid_out.append(1))
    session.set_label("no artifact")
    assert told == [0], "napari's table of features listens"
    assert laid_out == []
    session.set_label("artifact")
    assert told == [0, 1], "in the same colour"
    del boxes.features["outcome"]
    session.undo()
    assert told == [0, 1, 0]
    assert "outcome" in boxes.features


def test_a_reviewed_cutout_looks_different(control, viewer, session):
    before = _layer(viewer, "cutouts").edge_color.copy()
    session.set_label("artifact")
    after = _layer(viewer, "cutouts").edge_color
    assert after[0, 3] < before[0, 3]
    assert np.array_equal(after[1:], before[1:])
    assert _layer(viewer, "tags").text.values[0] == "FN ✓"
    session.set_label("no artifact")
    assert _layer(viewer, "tags").text.values[0] == "FN → 0"
    assert _layer(viewer, "cutouts").features.label_new[0] == 0
    session.undo()
    session.undo()
    assert np.array_equal(_layer(viewer, "cutouts").edge_color, before)
    session.set_label("unsure")
    assert _layer(viewer, "tags").text.values[0] == "FN ?"


def test_cutouts_at_the_edge_are_cut_off_and_ones_outside_refused(
    survey, viewer, main_loop
):
    with survey.open("a") as table:
        table.write("north,700,500,0,1,0.99,\nnorth,2000,0,0,1,0.99,\n")
    session = ReviewSession.open(survey, cutout_size=200)
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    session.go_to(5)
    main_loop.run_until(lambda: control.view == "shown")
    data = _layer(viewer, "cutouts").data
    assert len(data) == 4
    assert np.array(data[3]).max(axis=0).tolist() == [599.5, 799.5]
    session.go_to(6)
    assert control.notes == ("1 cutout lies wholly outside this image",)
    assert "(2000, 0) lies wholly outside the image of 800 x 600" in str(
        control.problem
    )
    assert not len(_layer(viewer, "current").data[:, 0])
    control.verdicts.give("artifact")
    assert not session.unsaved
    session.go_to(5)
    assert control.problem is None
    control.disconnect()


def test_text_is_hidden_where_it_would_cover_a_cutout(control, viewer):
    text, tags = _layer(viewer, "cutouts").text, _layer(viewer, "tags")
    for zoom, readable in ((2, True), (0.2, False), (2, True)):
        viewer.scene.camera.zoom = zoom
        assert text.visible is readable
        assert tags.visible is readable


def test_lines_keep_their_width_on_the_screen(control, viewer, main_loop):
    control.show_grid(True)
    for zoom in (0.25, 4.0):
        viewer.scene.camera.zoom = zoom
        main_loop.let_time_pass()
        main_loop.run_all()
        boxes = _layer(viewer, "cutouts")
        assert np.allclose(np.array(boxes.edge_width) * zoom, 2)
        for role, width in (("current", 3), ("predictions", 2), ("grid", 1)):
            assert np.isclose(_layer(viewer, role).edge_width * zoom, width)


def test_the_grid_of_all_cutouts_can_be_shown(control, viewer, session, main_loop):
    control.show_grid(True)
    grid = _layer(viewer, "grid")
    assert isinstance(grid, Vectors)
    assert len(grid.data) == 4 + 5, "3 x 4 cutouts"
    assert grid.visible
    control.show_grid(False)
    assert not grid.visible
    grid.visible = True
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert grid.visible, "and stays so from image to image"


def test_a_layer_the_user_hides_stays_hidden(control, viewer, session, main_loop):
    _layer(viewer, "tags").visible = False
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert not _layer(viewer, "tags").visible
    assert _layer(viewer, "cutouts").visible


@pytest.mark.parametrize(
    "role", ["image", "cutouts", "tags", "predictions", "current", "grid"]
)
def test_a_deleted_layer_comes_back(control, viewer, main_loop, role):
    said = []
    control.said.connect(said.append)
    control.show_grid(True)
    order = [layer.metadata[OWNER] for layer in viewer.layers]
    viewer.layers.remove(_layer(viewer, role))
    main_loop.run_all()
    assert [layer.metadata[OWNER] for layer in viewer.layers] == order
    assert "Restored the layer" in said[0]


def test_boxes_that_the_user_changes_are_drawn_again(control, viewer, main_loop):
    boxes = _layer(viewer, "cutouts")
    before = [np.array(box) for box in boxes.data]
    boxes.selected_data = {0, 1}
    boxes.remove_selected()
    main_loop.run_all()
    assert np.array_equal(boxes.data, before)
    assert boxes.text.values.tolist() == ["0.12", "0.97", "0.97"]
    boxes.data = [box + 50 for box in before]
    main_loop.run_all()
    assert np.array_equal(boxes.data, before)


@pytest.mark.parametrize(
    "role", ["image", "cutouts", "tags", "predictions", "current", "grid"]
)
def test_no_layer_leaves_the_pan_zoom_mode(control, viewer, role):
    control.show_grid(True)
    layer = _layer(viewer, role)
    layer.mode = "transform"
    assert layer.mode == "pan_zoom"


def test_while_an_image_is_read_nothing_untrue_is_shown_and_nothing_decided(
    control, viewer, session, main_loop, monkeypatch
):
    go_on = threading.Event()
    slow_down(control, lambda _: go_on.wait(20))
    said = []
    control.said.connect(said.append)
    session.go_to(4)
    assert control.view == "loading"
    assert _layer(viewer, "image").data[0, 0] == 0, "for a moment all is as it was"
    assert _layer(viewer, "cutouts").features.image_name.unique().tolist() == ["north"]
    control.verdicts.give("artifact")
    assert session.unsaved == 0
    main_loop.let_time_pass()
    assert not any(layer.visible for layer in viewer.layers)
    control.verdicts.give("artifact")
    assert session.unsaved == 0
    assert "still being read" in said[0]
    session.go_to(2)
    session.go_to(3)
    go_on.set()
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.run_all()
    assert _layer(viewer, "image").data[0, 0] == 2e6
    assert _layer(viewer, "cutouts").features.image_name.unique().tolist() == ["south"]
    assert _layer(viewer, "cutouts").visible


def test_a_stale_image_is_dropped(control, viewer, session, main_loop):
    gates = {name: threading.Event() for name in ("north", "west", "south")}
    slow_down(control, lambda name: gates[name].wait(20))
    session.select_image("south")
    session.select_image("west")
    gates["south"].set()
    gates["west"].set()
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.run_all()
    assert _layer(viewer, "image").data[0, 0] == 1e6
    gates["north"].set()


def test_one_bad_image_does_not_end_the_review(control, viewer, session, main_loop):
    (session.predictions.path.parent / "south.fits").write_bytes(b"nonsense")
    forget_others(control.loader)
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "failed")
    assert "south.fits" in str(control.problem)
    assert not any(layer.visible for layer in viewer.layers)
    control.verdicts.give("artifact")
    assert not session.unsaved
    session.go_to(1)
    main_loop.run_until(lambda: control.view == "shown")
    assert control.problem is None
    assert _layer(viewer, "image").visible
    control.verdicts.give("no artifact")
    assert session.unsaved == 1


def test_napari_s_list_blinks_at_no_image_that_is_read(
    control, viewer, session, main_loop, monkeypatch
):
    gate, told = threading.Event(), []
    slow_down(control, lambda _: gate.wait(20))
    viewer.layers.events.connect(lambda event: told.append(event.type))
    session.select_image("south")
    main_loop.let_time_pass()
    assert control.says_loading
    assert not any(layer.visible for layer in viewer.layers)
    gate.set()
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.let_time_pass()
    assert all(_layer(viewer, x).visible for x in ("image", "cutouts", "current"))
    assert "visible" not in told


def test_napari_s_list_is_told_what_a_bad_image_hides_and_a_good_one_shows(
    control, viewer, session, main_loop
):
    (session.predictions.path.parent / "south.fits").write_bytes(b"nonsense")
    forget_others(control.loader)
    told = []
    viewer.layers.events.connect(lambda event: told.append((event.type, event.index)))
    seen = [n for n, layer in enumerate(viewer.layers) if layer.visible]
    for name, view in (("south", "failed"), ("north", "shown")):
        told.clear()
        session.select_image(name)
        main_loop.run_until(lambda view=view: control.view == view)
        main_loop.let_time_pass()
        assert sorted(n for kind, n in told if kind == "visible") == seen
    assert [n for n, layer in enumerate(viewer.layers) if layer.visible] == seen


def test_another_hdu_can_be_shown(survey, viewer, main_loop):
    planes = [fits.PrimaryHDU()]
    planes += [
        fits.ImageHDU(np.full((600, 800), value, np.float32), name=name)
        for value, name in ((1, "SCI"), (2, "MASK"))
    ]
    fits.HDUList(planes).writeto(survey.parent / "north.fits", overwrite=True)
    session = ReviewSession.open(survey)
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    assert _layer(viewer, "image").data[0, 0] == 1
    assert "SCI" in control.full.notes[0]
    control.choose_hdu(2)
    main_loop.run_until(lambda: control.view == "shown")
    assert _layer(viewer, "image").data[0, 0] == 2
    control.disconnect()


def test_the_status_tells_pixel_sky_and_cutout(control, viewer):
    status = _layer(viewer, "image").get_status((210.2, 409.8), world=True)
    text = status["coordinates"]
    assert "x 410  y 210  210410 adu" in text
    assert "RA 09:59:50" in text
    assert "FP at (400, 200), label 0, preds 1, confidence 0.97, not reviewed" in text
    outside = _layer(viewer, "tags").get_status((-50, -50), world=True)["coordinates"]
    assert outside.startswith("x -50  y -50  RA")
    assert "adu" not in outside


def test_a_click_selects_a_cutout_without_moving_the_view(control, viewer, session):
    center, zoom = viewer.scene.camera.center, viewer.scene.camera.zoom
    _click(control, 650, 450)
    assert session.current_cutout.key == ("north", 600, 400)
    assert viewer.scene.camera.center == center
    assert viewer.scene.camera.zoom == zoom
    session.previous()
    assert viewer.scene.camera.center[-2:] == (299.5, 499.5)


def test_drags_and_other_clicks_select_nothing(control, viewer, session):
    before = session.current_cutout.key
    _click(control, 650, 450, drag=30)
    _click(control, -5, 450)
    user_layer = viewer.add_points(ndim=2)
    user_layer.mode = "add"
    _click(control, 650, 450)
    assert session.current_cutout.key == before


def test_moving_brings_the_cutout_and_its_surroundings_into_view(
    control, viewer, session
):
    camera = viewer.scene.camera
    session.select("north", 400, 200)
    assert camera.center[-2:] == (299.5, 499.5)
    shown = 600 / camera.zoom
    assert 1.5 * 200 < shown < 3 * 200


def test_after_a_look_at_everything_the_cutout_comes_back(control, viewer, session):
    camera = viewer.scene.camera
    zoom = camera.zoom
    viewer.reset_view()
    control.toggle_view()
    assert camera.zoom == zoom
    viewer.reset_view()
    session.next()
    assert camera.zoom == zoom


def test_contrast_limits_that_the_user_set_are_kept(
    control, viewer, session, main_loop
):
    image = _layer(viewer, "image")
    image.contrast_limits = (5, 500)
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert tuple(image.contrast_limits) == (5, 500)


def test_a_true_negative_keeps_a_box_once_it_is_reviewed(control, viewer, session):
    session.select("north", 600, 400)
    session.set_label("artifact")
    session.select("north", 0, 0)
    assert len(_layer(viewer, "cutouts").data) == 4
    assert _layer(viewer, "tags").text.values.tolist() == ["FN", "FP", "", "TN → 1"]
    session.undo()
    assert len(_layer(viewer, "cutouts").data) == 3


def test_the_user_s_zoom_is_kept(control, viewer, session):
    camera = viewer.scene.camera
    camera.zoom = 5.5
    session.next()
    assert camera.zoom == 5.5
    control.toggle_view()
    assert 600 / camera.zoom >= 600
    assert 800 / camera.zoom >= 800
    control.toggle_view()
    assert camera.zoom == 5.5
    control.toggle_view()
    session.previous()
    assert camera.zoom == 5.5, "the full image was a glance, not a wish"


def test_disconnecting_leaves_the_viewer_as_it_was(viewer, session, main_loop):
    own = viewer.add_image(np.zeros((5, 5)), name="mine")
    callbacks = list(viewer.mouse_drag_callbacks)
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    control.disconnect()
    control.disconnect()
    assert list(viewer.layers) == [own]
    assert viewer.mouse_drag_callbacks == callbacks
    session.next()
    session.set_label("artifact")
    main_loop.run_all()
    assert list(viewer.layers) == [own]


def test_the_orientation_is_given_back(viewer, session, main_loop):
    before = viewer.scene.camera.orientation2d
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    control.set_y_up(True)
    assert viewer.scene.camera.orientation2d != before
    control.disconnect()
    assert viewer.scene.camera.orientation2d == before


def test_a_user_s_own_layers_are_left_alone(control, viewer, session, main_loop):
    own = viewer.add_points([[1, 1]], name="cutouts")
    viewer.layers.remove(own)
    main_loop.run_all()
    assert len(viewer.layers) == 5
