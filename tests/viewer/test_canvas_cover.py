"""Something else is shown in the canvas' place for a while, such as the gallery."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_artifact_review.core.images.folder import read_image
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.viewer.verdicts import VerdictTarget
from tests.slow_images import slow_down


def _shown(control):
    return {x.metadata[OWNER] for x in control.viewer.layers if x.visible}


def _boxed(control):
    [layer] = [x for x in control.viewer.layers if x.metadata.get(OWNER) == "cutouts"]
    return set(layer.features["image_name"])


@pytest.fixture
def covered(control):
    """Cover the canvas by something that shows the last two cutouts of the table."""
    rows = tuple(control.session.table.index[-2:])
    control.cover(lambda: VerdictTarget(rows, lambda: "", lambda: None, lambda: False))
    return control


def test_a_verdict_is_about_what_is_shown_there(covered):
    covered.verdicts.give("artifact")
    decided = covered.session.table.query("decision != ''")
    assert decided.index.tolist() == list(covered.session.table.index[-2:])
    covered.uncover()
    covered.verdicts.give("unsure")
    assert covered.session.current_cutout.decision == "unsure"


def test_nothing_is_drawn_meanwhile_and_the_dock_is_told(covered, session, monkeypatch):
    told = []
    covered.view_changed.connect(lambda: told.append(covered.view))
    for method in ("show", "show_current", "update"):
        monkeypatch.setattr(covered.overlay, method, pytest.fail)
    session.next()
    session.set_label("artifact")
    session.undo()
    assert told[0] == "covered"
    assert set(told) == {"covered"}


def test_the_same_image_is_there_again_at_once(covered, session):
    session.next()
    covered.uncover()
    assert covered.view == "shown"
    assert "image" in _shown(covered)
    assert _boxed(covered) == {session.current_cutout.image_name}


def test_until_another_image_is_read_nothing_untrue_is_shown(
    covered, session, main_loop, monkeypatch
):
    gate = threading.Event()
    slow_down(covered, lambda _: gate.wait(20))
    session.select_image("south")
    told = []
    covered.view_changed.connect(lambda: told.append((covered.view, _shown(covered))))
    covered.uncover()
    assert told == [("loading", set())]
    covered.verdicts.give("artifact")
    assert session.log == ()
    gate.set()
    main_loop.run_until(lambda: covered.view == "shown")
    assert _boxed(covered) == {"south"}


def test_what_was_picked_is_let_go_and_an_undo_picks_nothing(control, session):
    rows = control.session.catalog.errors[:2].tolist()
    control.selection.set(rows)
    control.verdicts.give("artifact")
    control.selection.set(rows)
    control.cover(
        lambda: VerdictTarget((), lambda: "nothing", lambda: None, lambda: False)
    )
    assert len(control.selection) == 0
    session.undo()
    assert len(control.selection) == 0, "the selection is hidden there"


def test_what_is_refused_there_is_said_and_not_decided(control, session):
    said = []
    control.said.connect(said.append)
    control.cover(
        lambda: VerdictTarget((1,), lambda: "Too small.", lambda: None, lambda: False)
    )
    control.verdicts.give("artifact")
    assert session.log == ()
    assert said == ["Too small. No verdict was given."]


@pytest.fixture
def unread(covered):
    """Let no image be there any more, and write down which are read."""
    names = []
    slow_down(covered, names.append)
    return names


def test_the_image_of_a_cutout_where_one_rests_is_there_at_once(
    covered, session, main_loop, unread
):
    for name in ("west", "south"):
        session.select_image(name)
    assert unread == []
    assert covered.cutout_pixels() is None
    told = []
    covered.view_changed.connect(lambda: told.append(covered.cutout_pixels()))
    main_loop.let_time_pass()
    main_loop.run_until(lambda: told)
    assert unread == ["south"], "those that one passes by are not read"
    full = read_image(session.images.find("south"))
    cutout = session.current_cutout
    rows = slice(cutout.grid_y, cutout.grid_y + cutout.size)
    columns = slice(cutout.grid_x, cutout.grid_x + cutout.size)
    [(pixels, inner)] = told
    assert np.array_equal(pixels[inner], full.pixels[rows, columns])
    covered.uncover()
    assert covered.view == "shown"
    assert _boxed(covered) == {"south"}


def test_leaving_earlier_reads_no_image(covered, session, main_loop, unread):
    session.select_image("south")
    covered.disconnect()
    main_loop.let_time_pass()
    assert unread == []


def test_many_images_that_one_looks_at_are_not_all_kept(
    covered, session, main_loop, monkeypatch
):
    covered.loader.most_images = 2
    for name in ("north", "west", "south"):
        session.select_image(name)
        main_loop.let_time_pass()
        main_loop.run_until(lambda name=name: covered.at_hand(name))
    assert len(covered.loader.names) == 2
