"""Texts and frames are told from whatever pixels they are drawn on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.colormaps import ensure_colormap
from napari.utils.colormaps.standardize_color import transform_color

from napari_artifact_review.core.images.display import Display
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.viewer.overlay.boxes import haloed
from napari_artifact_review.viewer.overlay.text_colors import luminance_of
from napari_artifact_review.viewer.style import STYLE


def _layer(viewer, role):
    return next(x for x in viewer.layers if x.metadata.get(OWNER) == role)


def inks(viewer, role="tags"):
    """Return of each box whether its text is dark."""
    colors = _layer(viewer, role).text.color.array
    return (colors[:, :3] @ (0.2126, 0.7152, 0.0722) < 0.3).tolist()


@pytest.fixture
def sky(control):
    """An even sky, black as it is shown, whose pixels can be painted."""
    pixels = control.loaded.drawable
    pixels[:] = 0
    control.set_display(Display(manual=(0, 1e6)))
    return pixels


def contrast(one, other):
    """Return the contrast of two luminances, as WCAG 2.1 defines it."""
    low, high = sorted((one + 0.05, other + 0.05))
    return high / low


@pytest.mark.parametrize(
    ("level", "luminance"), [(0, 0), (1, 1), (-3, 0), (7, 1), (np.nan, 0), (0.5, 0.22)]
)
def test_how_bright_grey_levels_are(level, luminance):
    shown = luminance_of([level], ensure_colormap("gray"))
    assert shown == pytest.approx([luminance], abs=0.01)


def test_the_end_of_viridis_is_bright_and_its_middle_is_not():
    start, middle, end = luminance_of([0, 0.5, 1], ensure_colormap("viridis"))
    assert start < middle < 0.3 < end


@pytest.mark.parametrize("name", ["false_positive", "false_negative", "label"])
@given(st.floats(0, 1))
def test_one_of_both_colours_can_be_read_on_any_grey(name, level):
    [ground] = luminance_of([level], ensure_colormap("gray"))
    dark = ground <= 0.22
    color = transform_color(getattr(STYLE, f"{name}_{'text' if dark else 'ink'}"))[0]
    own = (color[:3] ** 2.2) @ (0.2126, 0.7152, 0.0722)
    assert contrast(own, ground) > 2.2


def test_texts_are_pale_on_a_dark_sky_and_dark_on_an_inverted_one(control, viewer, sky):
    assert inks(viewer) == inks(viewer, "cutouts") == [False] * 3
    control.set_display(replace(control.image.display, inverted=True))
    assert inks(viewer) == inks(viewer, "cutouts") == [True] * 3
    control.set_display(replace(control.image.display, inverted=False))
    assert inks(viewer) == [False] * 3


def test_napari_s_own_controls_are_followed(control, viewer, sky):
    image = _layer(viewer, "image")
    image.contrast_limits = (-1e9, -1e8)
    assert inks(viewer) == [True] * 3
    image.colormap = "gray_r"
    assert inks(viewer) == [False] * 3
    image.colormap = "gray"
    image.contrast_limits = (-1e5, 1e6)
    assert inks(viewer) == [False] * 3
    image.gamma = 0.1
    assert inks(viewer) == [True] * 3


def test_a_text_on_a_star_is_dark_and_its_neighbours_are_not(control, viewer, sky):
    boxes = _layer(viewer, "cutouts").features
    at = boxes[(boxes.grid_x == 400) & (boxes.grid_y == 200)].index[0]
    sky[340:400, 480:600] = 2e6
    control.overlay.fit_texts()
    assert [i for i, dark in enumerate(inks(viewer)) if dark] == [at]
    assert not any(inks(viewer, "cutouts")), "confidences are at the other corner"
    control.set_y_up(True)
    assert not any(inks(viewer)), "tags are at the lower right on the screen"


def test_a_trail_across_a_text_leaves_it_pale(control, viewer, sky):
    sky[390] = 2e6
    control.overlay.fit_texts()
    assert not any(inks(viewer))


def test_the_next_image_has_its_texts_right_at_once(
    control, viewer, session, main_loop
):
    control.set_display(Display(manual=(0, 1e6)))
    told = []
    _layer(viewer, "tags").text.events.color.connect(lambda: told.append(1))
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert session.current_cutout.image_name == "south"
    assert inks(viewer) == [True] * 3, "it is brighter than the one before"
    assert told == [], "texts are laid out once, with the image"


def test_where_nothing_changes_no_text_is_laid_out_anew(control, viewer, sky):
    told = []
    for role in ("tags", "cutouts"):
        _layer(viewer, role).text.events.color.connect(lambda: told.append(1))
    control.set_display(replace(control.image.display, stretch="sqrt"))
    control.overlay.fit_texts()
    control.session.next()
    assert told == []


# Frames


def test_a_frame_has_a_halo_that_is_drawn_first(control, viewer):
    frame = _layer(viewer, "current")
    count = len(frame.data) // 5
    assert np.array_equal(frame.edge_color[:-count, :3], np.zeros((4 * count, 3)))
    yellow = transform_color(STYLE.current)[0]
    assert np.allclose(frame.edge_color[-count:], yellow)


@given(st.floats(0.01, 10))
def test_a_halo_reaches_beyond_a_line_on_each_side(reach):
    line = np.array([[[5.0, 0.0], [0.0, 9.0]]])
    rows = haloed(line, reach)[:, 0, 0]
    assert rows.min() == pytest.approx(5 - reach)
    assert rows.max() == pytest.approx(5 + reach)
    assert np.array_equal(haloed(line, reach)[-1], line[0])
