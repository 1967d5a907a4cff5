"""How pixels look, in a whole review."""

from __future__ import annotations

import numpy as np

from napari_artifact_review.core.images import drawable
from napari_artifact_review.core.images.display import Brightness, Display
from napari_artifact_review.core.images.stretch import smoothed
from napari_artifact_review.core.limits import zscale_limits
from napari_artifact_review.viewer.layers import OWNER


def _layer(control):
    return next(x for x in control.viewer.layers if x.metadata.get(OWNER) == "image")


def _is_smooth(control, sigma):
    return np.array_equal(_layer(control).data, smoothed(control.full.pixels, sigma))


def test_smoothed_pixels_come_later_and_the_status_keeps_the_raw_value(
    control, main_loop
):
    control.set_display(Display(sigma=2, inverted=True))
    assert control.view == "shown", "a verdict is accepted meanwhile"
    assert _layer(control).colormap.name == "gray"
    main_loop.run_until(lambda: _is_smooth(control, 2))
    assert "inverted" in _layer(control).colormap.name
    status = _layer(control).get_status((200, 300))["coordinates"]
    assert "200300" in status.replace(",", "")
    main_loop.let_time_pass()
    assert "south" in control.loader.names, "it is read ahead"
    main_loop.run_until(lambda: control.at_hand("south") is not None)
    assert control.at_hand("south").sigma == 2


def test_of_two_wishes_the_later_one_is_shown(control, main_loop):
    control.set_display(Display(sigma=1))
    control.set_display(Display(sigma=3))
    main_loop.run_until(lambda: _is_smooth(control, 3))
    control.set_display(Display(sigma=2))
    control.set_display(Display())
    main_loop.run_until(lambda: _layer(control).data is control.full.pixels)
    main_loop.run_all()
    assert _layer(control).data is control.full.pixels


def test_a_wish_while_an_image_is_read_is_met(control, session, main_loop):
    session.select_image("west")
    control.set_display(Display(sigma=1))
    main_loop.run_until(lambda: control.full is not None and _is_smooth(control, 1))
    assert control.session.current_cutout.image_name == "west"


def test_limits_follow_the_cutout(control, session):
    control.set_display(Display("min-max", scope="cutout"))
    for x, y in ((200, 0), (400, 200)):
        session.select("north", x, y)
        cutout = control.full.pixels[y : y + 200, x : x + 200]
        assert tuple(_layer(control).contrast_limits) == Brightness.of(cutout).extent
    control.set_display(Display())
    assert tuple(_layer(control).contrast_limits) == zscale_limits(control.full.pixels)


def test_what_cannot_be_smoothed_stays_as_it_was(control, main_loop, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(drawable, "smoothed", fail)
    said, told = [], []
    control.said.connect(said.append)
    control.image.display_changed.connect(told.append)
    control.set_display(Display(stretch="log", sigma=2))
    main_loop.run_until(lambda: bool(told))
    assert told == [Display(stretch="log")]
    assert "cannot be smoothed" in said[0]
    assert control.view == "shown"
