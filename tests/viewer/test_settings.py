"""How a review was looked at comes back with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from astropy.io import fits
from napari.components import ViewerModel
from napari.utils.colormaps import AVAILABLE_COLORMAPS

from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.controller import ReviewController
from napari_artifact_review.viewer.layers import OWNER

Open = Callable[[], ReviewController]


def _layer(control, role):
    return next(x for x in control.viewer.layers if x.metadata.get(OWNER) == role)


def _zoom(control):
    return control.viewer.scene.camera.zoom


@pytest.fixture
def open_it(survey, main_loop) -> Iterator[Open]:
    """Open the small survey's review in a new viewer; what was open is closed."""
    opened: list[ReviewController] = []

    def close(note: bool = True) -> None:
        control = opened.pop()
        if note:
            control.note_view()
        control.disconnect()
        control.session.close()

    def open_again(note: bool = True) -> ReviewController:
        if opened:
            close(note)
        viewer = ViewerModel()
        viewer.canvas.size = (600, 800)
        control = ReviewController(
            viewer, ReviewSession.open(survey), main_loop.post, main_loop.post_later
        )
        opened.append(control)
        control.connect()
        main_loop.run_until(lambda: control.view != "loading")
        return control

    yield open_again
    close()


def test_a_new_review_begins_with_our_own_view(open_it):
    control = open_it()
    assert control.session.view_settings == {}
    assert not control.layers.is_wanted("grid")
    assert tuple(_layer(control, "image").contrast_limits) == control.full.limits
    assert control.viewer.scene.camera.orientation2d == ("down", "right")


def test_the_grid_comes_back(open_it):
    open_it().show_grid(True)
    assert _layer(open_it(), "grid").visible
    open_it().show_grid(False)
    assert not open_it().layers.is_wanted("grid")


def test_the_grid_that_was_shown_in_the_layer_list_comes_back(open_it):
    control = open_it()
    control.show_grid(True)
    control.show_grid(False)
    _layer(control, "grid").visible = True
    assert _layer(open_it(), "grid").visible


def test_y_up_comes_back_and_texts_stay_at_their_corners(open_it):
    open_it().set_y_up(True)
    for _ in range(2):
        control = open_it()
        assert control.viewer.scene.camera.orientation2d == ("up", "right")
        assert _layer(control, "cutouts").text.anchor == "lower_left"
        control.set_y_up(False)
        assert _layer(control, "cutouts").text.anchor == "upper_left"
        control.set_y_up(True)


def test_contrast_limits_that_the_user_chose_come_back(open_it):
    _layer(open_it(), "image").contrast_limits = (1000, 5000)
    control = open_it()
    assert tuple(_layer(control, "image").contrast_limits) == (1000, 5000)
    again = open_it()
    assert tuple(_layer(again, "image").contrast_limits) == (1000, 5000)


def test_chosen_limits_far_beyond_our_own_come_back(open_it):
    image = _layer(open_it(), "image")
    image.contrast_limits_range = (-1e8, 1e8)
    image.contrast_limits = (-5e7, 9e7)
    assert tuple(_layer(open_it(), "image").contrast_limits) == (-5e7, 9e7)


def test_default_limits_are_those_of_each_image(open_it):
    control = open_it()
    control.note_view()
    # Closed before the image is there: the view is still that of the one before.
    control.session.select_image("south")
    control = open_it()
    assert control.session.current_cutout.image_name == "south"
    low, high = _layer(control, "image").contrast_limits
    assert (low, high) == control.full.limits
    assert low >= 2e6


def test_what_is_changed_after_resuming_stays_changed(open_it, main_loop):
    _layer(open_it(), "image").gamma = 0.5
    control = open_it()
    _layer(control, "image").gamma = 0.8
    control.session.select_image("south")
    main_loop.run_until(lambda: control.view == "shown")
    assert _layer(control, "image").gamma == 0.8


def test_colormap_and_gamma_come_back(open_it):
    image = _layer(open_it(), "image")
    image.colormap, image.gamma = "viridis", 0.5
    image = _layer(open_it(), "image")
    assert (image.colormap.name, image.gamma) == ("viridis", 0.5)


def test_a_colormap_that_is_gone_does_not_keep_the_review_from_opening(open_it):
    image = _layer(open_it(), "image")
    image.gamma = 0.5
    image.colormap = {"name": "of a plugin", "colors": np.eye(3)}
    del AVAILABLE_COLORMAPS["of a plugin"]
    image = _layer(open_it(), "image")
    assert (image.colormap.name, image.gamma) == ("gray", 0.5)


def test_the_zoom_that_the_user_chose_comes_back(open_it):
    control = open_it()
    own = _zoom(control)
    control.viewer.scene.camera.zoom = 3 * own
    control = open_it()
    assert _zoom(control) == pytest.approx(3 * own)
    control.session.next()
    assert _zoom(control) == pytest.approx(3 * own)


def test_the_default_zoom_fits_the_window(open_it):
    own = _zoom(open_it())
    control = open_it()
    assert control.session.view_settings["zoom"] is None
    assert _zoom(control) == pytest.approx(own)


def test_after_zooming_out_to_the_full_image_cutouts_have_their_own_zoom(open_it):
    control = open_it()
    own = _zoom(control)
    control.viewer.scene.camera.zoom = own / 10
    control = open_it()
    control.toggle_view()
    assert _zoom(control) == pytest.approx(own)


def test_the_full_image_comes_back_and_the_way_to_the_cutout_too(open_it):
    control = open_it()
    control.viewer.scene.camera.zoom = chosen = 3 * _zoom(control)
    control.toggle_view()
    full = _zoom(control)
    control = open_it()
    assert _zoom(control) == pytest.approx(full)
    control.toggle_view()
    assert _zoom(control) == pytest.approx(chosen)


def test_the_hdu_of_each_image_comes_back(open_it, survey, main_loop):
    first, second = (np.full((600, 800), value, np.float32) for value in (1, 2))
    hdus = [fits.PrimaryHDU(first), fits.ImageHDU(second)]
    fits.HDUList(hdus).writeto(survey.with_name("north.fits"), overwrite=True)
    control = open_it()
    assert _layer(control, "image").data[0, 0] == 1
    control.choose_hdu(1)
    main_loop.run_until(lambda: control.view == "shown")
    control.session.select_image("south")
    main_loop.run_until(lambda: control.view == "shown")
    control = open_it()
    assert control.full.hdu == 0
    control.session.select_image("north")
    main_loop.run_until(lambda: control.view == "shown")
    assert _layer(control, "image").data[0, 0] == 2


def test_the_current_cutout_comes_back(open_it):
    open_it().session.select("north", 600, 400)
    assert open_it().session.current_cutout.key == ("north", 600, 400)


def test_each_decision_tells_how_it_was_looked_at(open_it):
    control = open_it()
    _layer(control, "image").gamma = 0.5
    control.verdicts.give("artifact")
    control.show_grid(True)
    control.session.next()
    control.verdicts.give("artifact")
    control.session.set_label("no artifact")
    views = [entry.context["view"] for entry in control.session.log]
    assert [(view["gamma"], view["grid"]) for view in views[:2]] == [
        (0.5, False),
        (0.5, True),
    ]
    assert json.loads(json.dumps(views)) == views


def test_the_view_that_was_left_while_an_image_was_missing_is_kept(open_it, survey):
    _layer(open_it(), "image").gamma = 0.5
    north = survey.with_name("north.fits")
    away = north.rename(survey.with_name("away.fits"))
    assert open_it().view == "failed"
    away.rename(north)
    assert _layer(open_it(), "image").gamma == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid", "no"),
        ("y_up", 1),
        ("full_image", {}),
        ("zoom", "big"),
        ("zoom", -1),
        ("zoom", float("nan")),
        ("hdus", [1]),
        ("hdus", {"north": 1.5}),
        ("hdu", -1),
        ("hdu", ""),
        ("display", 7),
        ("contrast_limits", [0, 10**400]),
        ("colormap", ["gray"]),
        ("gamma", None),
        ("gamma", float("inf")),
    ],
)
def test_a_damaged_setting_is_dropped_and_told_and_the_others_come_back(
    open_it, name, value
):
    control = open_it()
    sound = {"zoom": 7.0} if name != "zoom" else {"gamma": 0.5}
    control.session.view_settings = {name: value, **sound}
    control = open_it(note=False)
    [remark] = [one for one in control.session.notices if "stored view settings" in one]
    assert f"({name})" in remark
    if name == "zoom":
        assert _layer(control, "image").gamma == 0.5
    else:
        assert _zoom(control) == pytest.approx(7.0)


def test_numbers_out_of_any_range_in_the_display_start_anew(open_it):
    control = open_it()
    display = {"percent": 10**400, "by_hand": [0, 10**400], "colormap": "viridis"}
    control.session.view_settings = {"display": display}
    control = open_it(note=False)
    assert _layer(control, "image").colormap.name == "viridis"
