"""What is drawn of many cutouts: boxes near by, a map far out, texts in view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import Cutouts
from napari_artifact_review.core.outcomes import OUTCOMES
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.camera import View
from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.viewer.overlay.boxes import (
    LETTERS,
    are_marked,
    boxes_of,
    corners,
    grid_lines,
    map_of,
    sides,
)
from napari_artifact_review.viewer.style import STYLE
from tests.slow_images import slow_down

#: A grid of 60 x 60 cutouts of 20 pixels, every tenth of them an error.
SIDE, COUNT = 20, 60


def _layer(viewer, role):
    return next((x for x in viewer.layers if x.metadata.get(OWNER) == role), None)


@pytest.fixture
def crowd(tmp_path: Path, viewer, main_loop):
    """Show an image with 360 errors, which are more boxes than are drawn at once."""
    fits.PrimaryHDU(np.zeros((SIDE * COUNT, SIDE * COUNT), np.float32)).writeto(
        tmp_path / "crowd.fits"
    )
    lines = ["image_name,grid_x,grid_y,label,preds,confidence"]
    for place in range(COUNT * COUNT):
        y, x = divmod(place, COUNT)
        preds = int(place % 10 == 0)
        lines.append(f"crowd,{x * SIDE},{y * SIDE},0,{preds},{0.96 if preds else 0.1}")
    table = tmp_path / "predictions.csv"
    table.write_text("\n".join(lines) + "\n")
    session = ReviewSession.open(table, reviewer="ada")
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    yield control
    control.disconnect()


def _in_view(control):
    view = control.camera.view
    cutouts = control.session.catalog.cutouts_of("crowd")
    seen = cutouts.take(are_marked(cutouts))
    inside = (seen.grid_y < view.bottom) & (seen.grid_y + SIDE > view.top)
    inside &= (seen.grid_x < view.right) & (seen.grid_x + SIDE > view.left)
    return {
        (x, y) for x, y in zip(seen.grid_x[inside], seen.grid_y[inside], strict=True)
    }


def _boxed(viewer):
    features = _layer(viewer, "cutouts").features
    return {(x, y) for x, y in zip(features.grid_x, features.grid_y, strict=True)}


def test_near_by_each_error_in_view_has_its_box_and_text(crowd, viewer):
    camera = viewer.scene.camera
    camera.zoom = 4
    for row, column in [(30, 30), (600, 600), (1170, 40), (610, 640), (1190, 1190)]:
        camera.center = (row, column)
        assert _in_view(crowd) <= _boxed(viewer)
        assert len(_boxed(viewer)) < 360, "what is far away is not drawn"
        layer = _layer(viewer, "cutouts")
        view = crowd.camera.view
        assert len(layer.data) > 3
        for box, text in zip(layer.data, layer.text.values, strict=True):
            y, x = np.mean(box, axis=0)
            if view.top < y < view.bottom and view.left < x < view.right:
                assert text == "0.96"


def test_a_text_is_written_when_it_comes_into_view(crowd, viewer):
    camera, boxes = viewer.scene.camera, _layer(viewer, "cutouts")
    camera.zoom = 30
    written = boxes.text.values
    camera.center = (615, 615)
    assert boxes.text.values is not written
    assert 0 < np.count_nonzero(boxes.text.values) < len(boxes.text.values)


def test_of_few_texts_all_come_with_their_image(control, viewer, session, main_loop):
    """A few at each step would have all of them laid out anew at each."""
    camera, boxes = viewer.scene.camera, _layer(viewer, "cutouts")
    camera.zoom = 8
    session.select_image("south")
    main_loop.run_until(lambda: control.view == "shown")
    written = boxes.text.values
    assert sorted(written.tolist()) == ["0.12", "0.97", "0.97"]
    for place in ((9000, 9000), (300, 500), (500, 100)):
        camera.center = place
        assert boxes.text.values is written


def test_all_letters_are_drawn_before_an_image_is_there(viewer, session, main_loop):
    """They would take their time from the first steps and verdicts."""
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    may_read = Event()
    slow_down(control, lambda _: may_read.wait(20))
    control.connect()
    main_loop.let_time_pass()
    tags = _layer(viewer, "tags")
    assert tags.visible
    assert set(LETTERS) == set(str(tags.text.values))
    assert tags.text.color.constant[3] == 0
    may_read.set()
    main_loop.run_until(lambda: control.view == "shown")
    assert tags.text.values.tolist() == ["FN", "FP", ""]
    assert np.all(tags.text.color.array[:, 3] == 1)
    control.disconnect()


@pytest.mark.parametrize("kept", [{"y_up": True}, {"grid": True}])
def test_no_empty_layer_is_made_while_the_first_image_is_read(
    viewer, session, main_loop, kept
):
    session.view_settings = kept
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    may_read = Event()
    slow_down(control, lambda _: may_read.wait(20))
    control.connect()
    main_loop.let_time_pass()
    assert [layer.metadata[OWNER] for layer in viewer.layers] == ["tags"]
    may_read.set()
    main_loop.run_until(lambda: control.view == "shown")
    assert len(_layer(viewer, "current").data)
    control.disconnect()


def test_no_letters_are_drawn_over_an_image_that_came_at_once(control, main_loop):
    tags = _layer(control.viewer, "tags")
    main_loop.let_time_pass()
    assert tags.text.values.tolist() == ["FN", "FP", ""]


def test_nothing_is_drawn_for_a_review_that_was_closed_at_once(
    viewer, session, main_loop
):
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    control.disconnect()
    main_loop.let_time_pass()
    assert not viewer.layers


def test_far_from_the_view_no_text_is_laid_out(crowd, viewer):
    viewer.scene.camera.zoom = 4
    assert "" in _layer(viewer, "tags").text.values.tolist()


def test_the_next_steps_find_their_boxes_drawn(crowd, viewer, main_loop):
    viewer.scene.camera.zoom = 30
    crowd.session.go_to(100)
    drawn = []
    _layer(viewer, "cutouts").events.set_data.connect(lambda: drawn.append("anew"))
    assert crowd.session.next()
    assert drawn == []


def test_a_grid_that_would_slow_down_the_view_is_left_out(crowd, viewer, monkeypatch):
    crowd.show_grid(True)
    viewer.scene.camera.zoom = 4
    for most, place, drawn in ((4000, 600, True), (20, 100, False), (4000, 600, True)):
        monkeypatch.setattr(
            "napari_artifact_review.viewer.overlay.overlay._MOST_LINES", most
        )
        viewer.scene.camera.center = (place, place)
        assert (len(_layer(viewer, "grid").data) > 0) is drawn


def test_far_out_a_map_takes_the_place_of_the_boxes_by_degrees(
    crowd, viewer, main_loop
):
    camera = viewer.scene.camera
    camera.center = (600, 600)
    opacities = []
    for side in (80, 55, 50, 45, 30, 5):
        camera.zoom = side / SIDE
        chart, boxes = _layer(viewer, "map"), _layer(viewer, "cutouts")
        shown = chart is not None and chart.visible
        opacities.append(chart.opacity / STYLE.map_opacity if shown else 0)
        drawn = boxes.opacity if boxes.visible else 0
        assert drawn == pytest.approx(1 - opacities[-1])
    assert opacities[0] == 0
    assert opacities[-1] == 1
    assert opacities == sorted(opacities)
    assert 0 < opacities[2] < 1
    assert np.count_nonzero(chart.data[..., 3]) == 360
    low, high = chart.extent.world[:, -2:]
    assert np.allclose([low[0], high[0]], [9.5, 1189.5]), "centres of the cutouts"
    camera.zoom = 4
    assert not chart.visible
    assert boxes.visible
    assert boxes.opacity == 1


def test_a_verdict_far_out_is_on_the_map_at_once(crowd, viewer, main_loop):
    viewer.scene.camera.zoom = 0.3
    chart = _layer(viewer, "map")
    x, y = crowd.session.current_cutout.key[1:]
    before = chart.data[y // SIDE, x // SIDE].copy()
    crowd.verdicts.give("artifact")
    main_loop.run_until(lambda: crowd.session.unsaved == 1)
    after = chart.data[y // SIDE, x // SIDE]
    assert after[3] < before[3], "what is reviewed is fainter"
    viewer.scene.camera.zoom = 4
    features = _layer(viewer, "cutouts").features
    at = features[(features.grid_x == x) & (features.grid_y == y)]
    assert at.label_new.tolist() == [1]


def test_an_image_without_marks_has_no_map_of_the_one_before(
    control, viewer, session, main_loop
):
    viewer.scene.camera.zoom = 0.05
    for name, marks in (("west", 0), ("south", 3), ("west", 0), ("north", 3)):
        session.select_image(name)
        main_loop.run_until(lambda: control.view == "shown")
        control.toggle_view()
        viewer.scene.camera.zoom = 0.05
        chart = _layer(viewer, "map")
        assert np.count_nonzero(chart.data[..., 3]) == marks
        assert chart.visible
        assert chart.opacity == pytest.approx(STYLE.map_opacity)


@pytest.mark.parametrize("role", ["cutouts", "tags", "predictions", "current"])
def test_a_hidden_layer_follows_from_image_to_image(survey, viewer, main_loop, role):
    """napari does not slice what it does not show, yet makes a thumbnail of it."""
    lines = survey.read_text().replace("north,0,0,0,0", "north,0,0,1,1")
    survey.write_text(lines.replace("south,0,0,0,0", "south,0,0,1,1"))
    session = ReviewSession.open(survey, reviewer="ada")
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    _layer(viewer, role).visible = False
    for name in ("south", "west", "north", "south"):
        session.select_image(name)
        main_loop.run_until(lambda: control.view == "shown")
        for zoom in (0.5, 0.1, 0.05, 0.5):
            viewer.scene.camera.zoom = zoom
            main_loop.let_time_pass()
            main_loop.run_all()
    _layer(viewer, role).visible = True
    control.disconnect()


def test_the_grid_is_drawn_around_the_view(crowd, viewer):
    crowd.show_grid(True)
    viewer.scene.camera.center = (600, 600)
    starts = _layer(viewer, "grid").data[:, 0]
    ends = starts + _layer(viewer, "grid").data[:, 1]
    view = crowd.camera.view
    assert (starts.min(axis=0) <= [view.top, view.left]).all()
    assert (ends.max(axis=0) >= [view.bottom - SIDE, view.right - SIDE]).all()


def test_a_zoom_that_goes_on_leaves_the_lines_until_it_rests(
    control, viewer, main_loop
):
    boxes = _layer(viewer, "cutouts")
    width = boxes.edge_width[0]
    for _ in range(3):
        viewer.scene.camera.zoom *= 1.1
        assert boxes.edge_width[0] == width
    main_loop.let_time_pass()
    main_loop.run_all()
    assert boxes.edge_width[0] == pytest.approx(width / 1.1**3)
    offset = boxes.text.translation
    assert offset[0] * viewer.scene.camera.zoom == pytest.approx(20)


def test_no_line_covers_a_cutout_while_a_zoom_goes_on(control, viewer):
    frame, camera = _layer(viewer, "current"), viewer.scene.camera
    for factor in (1.2,) * 20 + (1 / 1.2,) * 40:
        camera.zoom *= factor
        assert 1.9 < frame.edge_width * camera.zoom < 4.6


def test_a_drawing_tells_the_layer_list_nothing(control, viewer, session, main_loop):
    """The list would be painted anew, in a frame of its own, at each step."""
    main_loop.let_time_pass()
    told = []
    viewer.layers.events.connect(lambda event: told.append(event.type))
    session.go_to(2)
    session.set_label("artifact")
    main_loop.run_until(lambda: session.unsaved == 1)
    viewer.scene.camera.zoom *= 1.01
    for layer in viewer.layers:
        # As napari does when it draws.
        layer._update_draw(1 / 1.01, np.zeros((2, 2)), (600, 800))
    main_loop.let_time_pass()
    assert told == []


def _cutouts(places, size=10, stride=10):
    x, y, outcome = (np.array(column) for column in zip(*places, strict=True))
    none = np.zeros(len(places), dtype=np.int8)
    return Cutouts(
        "a", size, stride, np.arange(len(places)), x, y, none, none, none,
        outcome.astype(np.int8), np.full(len(places), np.nan), none.astype(bool),
        none.astype(bool), none.astype(bool), none.astype(bool), none.astype(bool),
    )  # fmt: skip


PLACES = st.lists(
    st.tuples(st.integers(-9, 900), st.integers(-9, 900), st.integers(0, 3)),
    min_size=1,
    max_size=40,
)


def _steps(lines):
    """Return lines cut into steps of a pixel: where each lies, and along which axis."""
    steps = []
    for start, way in lines:
        (axis,) = np.flatnonzero(way)
        first, last = sorted((start[axis], start[axis] + way[axis]))
        other = start[1 - axis]
        steps += [(int(axis), other, place) for place in np.arange(first, last)]
    return steps


@given(PLACES, st.integers(6, 30))
def test_a_grid_has_the_sides_of_its_cutouts_each_once(places, size):
    x, y, _ = np.transpose(places)
    squares = corners(x % 50 - 5, y % 50 - 5, size, (55, 55))
    steps = _steps(grid_lines(squares))
    assert set(steps) == set(_steps(sides(squares)))
    assert len(steps) == len(set(steps))


def test_a_full_grid_is_a_line_for_each_row_and_column():
    rows, columns = np.mgrid[0:10, 0:21] * 200
    grid = grid_lines(corners(columns.ravel(), rows.ravel(), 200, (2000, 4200)))
    assert len(grid) == 11 + 22
    assert np.abs(grid[:, 1]).max(axis=1).tolist() == [4200] * 11 + [2000] * 22


def test_cutouts_that_overlap_have_each_a_cell_of_the_map():
    places = [(5 * i, 5 * j, (i + j) % 4) for i in range(6) for j in range(5)]
    drawn = map_of(_cutouts(places, stride=5))
    assert drawn.pixels.shape[:2] == (5, 6)
    assert drawn.pitch == 5
    # The first cell is around the centre of the first cutout.
    assert drawn.origin == (4.5, 4.5)
    alone = [map_of(_cutouts([(0, 0, o)])).pixels[0, 0].tolist() for o in range(4)]
    for x, y, outcome in places:
        assert drawn.pixels[y // 5, x // 5].tolist() == alone[outcome]


@given(PLACES)
def test_the_map_holds_every_place_and_errors_before_others(places):
    cutouts = _cutouts(places)
    drawn = map_of(cutouts)
    first = np.array([cutouts.grid_y.min(), cutouts.grid_x.min()])
    at = (np.column_stack([cutouts.grid_y, cutouts.grid_x]) - first + 5) // 10
    colors = [tuple(drawn.pixels[tuple(place)]) for place in at]
    assert all(color[3] == 255 for color in colors)
    assert np.count_nonzero(drawn.pixels[..., 3]) == len({tuple(p) for p in at})
    for place, color in zip(at, colors, strict=True):
        same = [
            o for o, p in zip(cutouts.outcome, at, strict=True) if (p == place).all()
        ]
        first_seen = min(
            same, key=lambda o: ("FP", "FN", "TP", "TN").index(OUTCOMES[o])
        )
        assert color == tuple(map_of(_cutouts([(0, 0, first_seen)])).pixels[0, 0])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 1),
            st.integers(0, 1),
            st.floats(0, 1) | st.just(np.nan),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
    )
)
def test_texts_are_of_the_letters_that_are_drawn_before(decided):
    outcome, preds, label, confidence, reviewed, unsure = map(
        np.array, zip(*decided, strict=True)
    )
    boxes = boxes_of(
        replace(
            _cutouts([(0, 0, kind) for kind in outcome]),
            preds=preds,
            label_new=label,
            confidence=confidence,
            reviewed=reviewed,
            unsure=unsure,
        ),
        (100, 100),
    )
    letters = set("".join(boxes.tags + boxes.confidences))
    assert letters <= set(LETTERS) | {" "}


def test_a_map_of_cutouts_far_apart_takes_little_memory():
    drawn = map_of(_cutouts([(0, 0, 1), (2**40, 2**40, 2)], size=1))
    assert max(drawn.pixels.shape) <= 4097


@given(PLACES)
def test_boxes_are_cut_off_at_the_edges_of_the_image(places):
    boxes = boxes_of(_cutouts(places), (500, 400))
    assert boxes.corners[..., 0].min() >= -0.5
    assert boxes.corners[..., 0].max() <= 499.5
    assert boxes.corners[..., 1].min() >= -0.5
    assert boxes.corners[..., 1].max() <= 399.5
    assert len(boxes.predictions) == sum(OUTCOMES[o] == "TP" for *_, o in places)


def test_a_view_knows_what_it_contains():
    view = View(0, 0, 10, 20, 1)
    assert view.grown(0.5) == View(-5, -10, 15, 30, 1)
    assert view.grown(0.5).contains(view)
    assert not view.contains(view.grown(0.01))
