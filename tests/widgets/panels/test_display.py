"""The panel of the display, and the stretches side by side."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QWidget

from napari_artifact_review import open_review
from napari_artifact_review.core.images.display import Display
from napari_artifact_review.core.images.stretch import PRESETS
from napari_artifact_review.viewer.image.cutout_pixels import CutoutPixels
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.widgets.panels.display import DisplayPanel
from napari_artifact_review.widgets.windows import stretches
from napari_artifact_review.widgets.windows.stretches import StretchesPanel


@pytest.fixture
def panel(qtbot):
    panel = DisplayPanel()
    qtbot.addWidget(panel.native)
    return panel


@pytest.fixture
def asked(panel):
    asked: list[Display] = []
    panel.display_requested.connect(asked.append)
    return asked


def _choose(field, text):
    """Choose an entry by its text."""
    at = field.native.findText(text)
    assert at >= 0, text
    field.native.setCurrentIndex(at)


def test_each_choice_is_asked_for_and_the_others_stay(panel, asked):
    _choose(panel.interval, "99.5 %")
    _choose(panel.scope, "Each cutout")
    _choose(panel.stretch, "asinh")
    _choose(panel.colormap, "magma")
    _choose(panel.sigma, "Smoothing 1.5 px")
    panel.inverted.native.click()
    assert len(asked) == 6
    assert asked[-1] == Display(
        "percentile", 99.5, "cutout", None, "asinh", True, "magma", 1.5
    )
    _choose(panel.interval, "Min-max")
    assert asked[-1].interval == "min-max"


@pytest.mark.parametrize(
    "display",
    [
        Display(),
        Display("percentile", 97.3, sigma=0.7, colormap="turbo"),
        Display("min-max", stretch="histogram", manual=(-1.25, 1e6)),
        *(preset.display for preset in PRESETS),
    ],
)
def test_what_is_shown_is_not_asked_for_and_stays_with_another_choice(
    panel, asked, display
):
    panel.show_display(display)
    assert asked == []
    _choose(panel.stretch, "power")
    assert asked == [replace(display, stretch="power")]


def test_limits_by_hand_are_shown_and_an_interval_ends_them(panel, asked):
    panel.show_display(Display(manual=(5, 500.5)))
    assert panel.interval.native.currentText() == "Manual: 5 to 500.5"
    assert not panel.scope.enabled
    _choose(panel.interval, "ZScale")
    assert asked == [Display()]
    panel.show_display(asked[0])
    assert panel.interval.native.findText("Manual: 5 to 500.5") < 0
    assert panel.scope.enabled


def test_reset_asks_for_the_look_of_a_new_review(panel, asked):
    panel.show_display(PRESETS[-1].display)
    panel.reset.native.click()
    assert asked == [Display()]


def test_the_panel_fits_into_the_dock(panel):
    panel.native.show()
    assert panel.native.minimumSizeHint().width() <= 260
    assert panel.native.sizeHint().height() < 250


# Side by side


@pytest.fixture
def side_by_side(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    # The parent must live as long.
    panel = StretchesPanel(parent)
    yield panel
    panel.hide()
    # The next test would count a picture that is still being made.
    qtbot.waitUntil(
        lambda: all(job.name != "artifact-review-job" for job in threading.enumerate())
    )


def _cutout(value=0.0):
    """Return 40 x 60 pixels that grow from row to row, with a cutout inside."""
    pixels = np.repeat(np.arange(40.0)[:, None], 60, axis=1) + value
    return CutoutPixels(pixels, (slice(10, 30), slice(10, 50)))


def _picture(button):
    image = button.icon().pixmap(button.iconSize()).toImage()
    return None if image.isNull() else image


def test_pictures_appear_when_the_panel_is_opened(side_by_side, qtbot):
    side_by_side.pixels_wanted.connect(
        lambda: side_by_side.show_pixels(_cutout(), Display())
    )
    assert _picture(side_by_side.buttons[0]) is None
    side_by_side.toggle()
    qtbot.waitUntil(lambda: all(map(_picture, side_by_side.buttons)))
    plain, inverted = (_picture(side_by_side.buttons[n]) for n in (2, 3))
    top, bottom = 3, plain.height() - 4
    dark, bright = (plain.pixelColor(3, row).red() for row in (top, bottom))
    assert dark < 20
    assert bright > 235
    assert inverted.pixelColor(3, top).red() > 235
    assert [button.text() for button in side_by_side.buttons] == [
        preset.name for preset in PRESETS
    ]


def test_row_0_is_where_the_viewer_has_it(side_by_side, qtbot):
    side_by_side.show()
    side_by_side.show_pixels(_cutout(), Display(), y_up=True)
    qtbot.waitUntil(lambda: _picture(side_by_side.buttons[0]) is not None)
    assert _picture(side_by_side.buttons[0]).pixelColor(3, 3).red() > 235


def test_a_click_adopts_that_look_in_the_colours_of_now(side_by_side, qtbot):
    adopted = []
    side_by_side.adopted.connect(adopted.append)
    side_by_side.show()
    side_by_side.show_pixels(_cutout(), Display(colormap="magma", sigma=1))
    side_by_side.buttons[2].click()
    assert adopted == [replace(PRESETS[2].display, colormap="magma")]
    side_by_side.show_pixels(_cutout(), adopted[0])
    checked = [button.isChecked() for button in side_by_side.buttons]
    assert checked == [n == 2 for n in range(len(PRESETS))]


def test_a_hidden_panel_makes_no_pictures(side_by_side, qtbot):
    side_by_side.show_pixels(_cutout(), Display())
    qtbot.wait(500)
    assert not any(map(_picture, side_by_side.buttons))


def test_of_a_cutout_that_was_left_meanwhile_no_picture_is_shown(
    side_by_side, qtbot, monkeypatch
):
    gate, begun, shown = threading.Event(), [], []
    make, show = stretches.render, stretches.picture_icon

    def slowly(pixels, *rest):
        begun.append(round(float(pixels[0, 0]), -2))
        assert gate.wait(20)
        return make(pixels, *rest)

    monkeypatch.setattr(stretches, "render", slowly)
    monkeypatch.setattr(
        stretches, "picture_icon", lambda *a: shown.append(begun[-1]) or show(*a)
    )
    side_by_side.show()
    side_by_side.show_pixels(_cutout(0), Display())
    qtbot.waitUntil(lambda: set(begun) == {0})
    side_by_side.show_pixels(_cutout(100), Display())
    side_by_side.show_pixels(_cutout(200), Display())
    qtbot.wait(150)
    assert set(begun) == {0}, "one at a time"
    gate.set()
    qtbot.waitUntil(lambda: bool(shown))
    assert set(begun) == {0, 200}, "what was passed over is not even begun"
    assert set(shown) == {200}


def test_without_a_cutout_no_picture_stays(side_by_side, qtbot):
    side_by_side.show()
    side_by_side.show_pixels(_cutout(), Display())
    qtbot.waitUntil(lambda: all(map(_picture, side_by_side.buttons)))
    side_by_side.show_pixels(None, Display())
    assert not any(map(_picture, side_by_side.buttons))


@pytest.mark.parametrize("is_begun", [False, True])
def test_pictures_on_their_way_are_not_shown_without_a_cutout(
    side_by_side, qtbot, monkeypatch, is_begun
):
    gate, begun, make = threading.Event(), [], stretches.render

    def slowly(*job):
        begun.append(1)
        assert gate.wait(20)
        return make(*job)

    monkeypatch.setattr(stretches, "render", slowly)
    side_by_side.show()
    side_by_side.show_pixels(_cutout(), Display())
    if is_begun:
        qtbot.waitUntil(lambda: bool(begun))
    side_by_side.show_pixels(None, Display())
    gate.set()
    qtbot.wait(300)
    assert not any(map(_picture, side_by_side.buttons))


def test_two_clicks_show_the_nearly_invisible_trail(
    viewer, shared_data, tmp_path, qtbot, settle
):
    sdss = shared_data / "sdss"
    dock = open_review(
        viewer, sdss / "predictions.csv", sdss / "images", tmp_path / "o.csv"
    )
    settle(dock)
    dock.session.select("frame-g-003918-3-0213", 400, 200)
    settle(dock)
    dock.panel.display.stretches.native.click()
    qtbot.waitUntil(lambda: not dock.stretches.buttons[2].icon().isNull())
    dock.stretches.buttons[2].click()
    layer = next(x for x in viewer.layers if x.metadata.get(OWNER) == "image")
    qtbot.waitUntil(lambda: layer.data is not dock.controller.full.pixels)
    assert dock.controller.image.display == PRESETS[2].display
    shades = layer.data[200:400, 400:600]
    low, high = layer.contrast_limits
    rows, columns = np.mgrid[:200, :200]
    distance = abs(rows - (67.4 + 0.21 * columns))
    ground = shades[(distance > 20) & (distance < 70)]
    trail = np.median(shades[distance <= 4])
    assert trail - np.median(ground) > 0.1 * (high - low)
    assert dock.stretches.buttons[2].isChecked()
    dock.panel.display.reset.native.click()
    qtbot.waitUntil(lambda: layer.data is dock.controller.full.pixels)
