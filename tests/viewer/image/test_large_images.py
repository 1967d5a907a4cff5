"""Images in tiles, beside others in memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_artifact_review.core import decoders
from napari_artifact_review.core.errors import ImageError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.tiled.pyramid import Pyramid
from napari_artifact_review.core.tiled.pyramid_folder import PyramidFolder
from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.layers import OWNER


def _layer(viewer, role):
    return next((x for x in viewer.layers if x.metadata.get(OWNER) == role), None)


@pytest.fixture
def large(survey, viewer, main_loop, monkeypatch, tmp_path):
    """Show the small survey with each image but the first taken for a large one."""
    folder = PyramidFolder(tmp_path / "pyramids")
    monkeypatch.setattr(PyramidFolder, "of_user", lambda: folder)
    session = ReviewSession.open(survey, reviewer="ada")
    control = ReviewController(viewer, session, main_loop.post, main_loop.post_later)
    control.connect()
    main_loop.run_until(lambda: control.view == "shown")
    monkeypatch.setattr(decoders, "MOST_PIXELS_AT_ONCE", 1000)
    yield control
    control.disconnect()


def _go(control, main_loop, name):
    control.session.select_image(name)
    main_loop.run_until(lambda: control.view != "loading")


def test_the_status_waits_for_no_pixel_of_a_large_image(large, viewer, main_loop):
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (100, 200)
    _go(large, main_loop, "south")
    row, column = np.round(viewer.cursor.position).astype(int).tolist()
    assert f"x {column}  y {row}  RA " in viewer.status["coordinates"], "on this thread"
    # In a window a thread of napari's listens instead.
    viewer.cursor.events.position.disconnect(viewer.update_status_from_cursor)
    asked = []
    viewer.cursor.events.position.connect(lambda: asked.append(True))
    before = viewer.status
    large.session.next()
    main_loop.let_time_pass()
    assert viewer.status is before
    assert asked
    layer = _layer(viewer, "tiles")
    with ThreadPoolExecutor(1) as thread:
        status = thread.submit(layer.get_status, (row, column)).result()
    shown = f"x {column}  y {row}  {2_000_000 + 1000 * row + column} adu  RA"
    assert shown in status["coordinates"]


def test_a_large_image_is_one_layer_of_its_own_shape(large, viewer, main_loop):
    small = _layer(viewer, "image")
    small.gamma = 0.5
    _go(large, main_loop, "south")
    layer = _layer(viewer, "tiles")
    assert layer.visible
    assert not small.visible
    assert layer.multiscale
    assert layer.data.shape == (600, 800)
    assert layer.name == "Review: south"
    assert layer.gamma == 0.5, "what the user set goes with them"
    assert viewer.layers.selection.active is layer

    def is_there():
        main_loop.run_all()
        part = np.asarray(layer.data[0][100:110, 200:210])
        rows, columns = np.mgrid[100:110, 200:210]
        return np.array_equal(part, 2e6 + rows * 1000 + columns)

    main_loop.run_until(is_there)
    _go(large, main_loop, "north")
    assert small.visible
    assert not layer.visible
    _go(large, main_loop, "south")
    assert _layer(viewer, "tiles") is layer


def test_what_is_read_while_an_image_is_put_in_is_drawn(large, main_loop, monkeypatch):
    show, drawn = large.image.show, []

    def show_slowly(loaded, name):
        show(loaded, name)
        if loaded.full.tiles is not None:
            loaded.full.tiles.changed.emit()

    monkeypatch.setattr(large.image, "show", show_slowly)
    monkeypatch.setattr(large.image, "refresh", lambda: drawn.append("again"))
    _go(large, main_loop, "south")
    main_loop.run_all()
    assert drawn, "else it would stay as coarse as it was"


def test_what_the_next_step_shows_is_read_before(large, main_loop, monkeypatch):
    _go(large, main_loop, "south")
    asked = []
    monkeypatch.setattr(
        large.full.tiles, "prefetch", lambda _, *window: asked.append(window)
    )
    main_loop.let_time_pass()
    main_loop.run_all()
    (rows, columns), *_ = asked
    assert rows.start < 400 < 600 < rows.stop
    assert columns.start < 600 < 800 < columns.stop


def _frame(viewer):
    """Do with the layers what napari does in each frame."""
    camera = viewer.scene.camera
    middle = np.array(camera.center[-2:])
    half = np.array(viewer.canvas.size) / camera.zoom / 2
    corners = np.stack([middle - half, middle + half])
    for layer in viewer.layers:
        layer._update_draw(1 / camera.zoom, corners, viewer.canvas.size)


def test_a_step_over_a_large_image_takes_one_frame(large, viewer, main_loop):
    _go(large, main_loop, "south")
    viewer.scene.camera.zoom = 6
    large.session.select("south", 200, 400)
    layer, again, told = _layer(viewer, "tiles"), [], []
    _frame(viewer)
    assert layer.data_level == 0
    before = layer.corner_pixels.copy()
    viewer.layers.events.connect(lambda event: told.append(event.type))
    large.session.select("south", 600, 0)
    layer.events.set_data.connect(lambda: again.append("another frame"))
    _frame(viewer)
    assert not np.array_equal(layer.corner_pixels, before), "other pixels are shown"
    top, left = layer.corner_pixels[0]
    assert top <= 50
    assert left <= 633
    assert again == []
    assert "set_data" not in told, "napari's list would be painted in another frame"


def test_a_zoom_takes_the_level_that_napari_takes(large, viewer, main_loop):
    _go(large, main_loop, "south")
    layer = _layer(viewer, "tiles")
    for zoom in (6, 0.4, 6):
        viewer.scene.camera.zoom = zoom
        _frame(viewer)
        assert layer.data_level == (1 if zoom < 1 else 0)
        assert large.image.level == layer.data_level


def test_verdicts_steps_and_boxes_are_those_of_any_image(large, viewer, main_loop):
    _go(large, main_loop, "south")
    large.verdicts.give("artifact")
    main_loop.run_until(lambda: large.session.unsaved == 1)
    features = _layer(viewer, "cutouts").features
    assert features.image_name.unique().tolist() == ["south"]
    assert large.session.next()
    assert large.session.current_cutout.key == ("south", 600, 400)
    assert large.view == "shown"


def test_no_verdict_is_taken_on_coarser_pixels_than_the_cutout_s(
    large, viewer, main_loop, monkeypatch
):
    _go(large, main_loop, "south")
    viewer.scene.camera.zoom = 1.5
    layer, tiles, asked, said = _layer(viewer, "tiles"), large.full.tiles, [], []
    monkeypatch.setattr(
        tiles, "has", lambda *part: asked.append(part) or len(asked) > 2
    )
    large.said.connect(said.append)
    large.verdicts.give("artifact")
    assert not large.session.unsaved
    assert "No verdict was given" in said[0]
    assert large.waits_for_image, "the walk is held"
    for _ in range(3):
        main_loop.let_time_pass()
    assert not large.waits_for_image
    large.verdicts.give("artifact")
    main_loop.run_until(lambda: large.session.unsaved == 1)
    assert {level for level, *_ in asked} == {layer.data_level}
    _, x, y = large.session.current_cutout.key
    for level, rows, columns in asked:
        assert rows == slice(y >> level, y + 200 >> level)
        assert columns == slice(x >> level, x + 200 >> level)


def test_a_tile_that_cannot_be_read_is_told(large, viewer, main_loop, monkeypatch):
    def fail(*_):
        raise ImageError("a tile is damaged", path=large.full.path)

    monkeypatch.setattr(Pyramid, "read", fail)
    _go(large, main_loop, "south")
    large.full.tiles.prefetch(0, slice(0, 600), slice(0, 800))
    main_loop.run_until(lambda: large.view == "failed")
    assert "a tile is damaged" in str(large.problem)
    assert not _layer(viewer, "tiles").visible
    _go(large, main_loop, "north")
    assert large.view == "shown"


def test_nothing_is_left_when_the_review_ends(large, main_loop):
    _go(large, main_loop, "south")
    tiles = large.full.tiles
    large.disconnect()
    assert tiles.join(20), "its thread ends"
