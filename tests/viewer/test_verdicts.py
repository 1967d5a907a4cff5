"""Verdicts: what they are about, and how they go on."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace

import numpy as np
import pytest

from napari_artifact_review.core.images.display import Display
from tests.slow_images import forget_others

#: The errors of the small survey, in the order of the queue.
NORTH = [("north", 200, 0), ("north", 400, 200)]


@pytest.fixture
def verdicts(control):
    return control.verdicts


@pytest.fixture
def said(control):
    """What the reviewer is told."""
    sentences = []
    control.said.connect(sentences.append)
    return sentences


@pytest.fixture
def slow_store(slow_disk, monkeypatch):
    """Hold all writes, and have the caller wait for none."""
    for module in ("decisions.recorder", "review.session"):
        monkeypatch.setattr(f"napari_artifact_review.core.{module}.MAX_WAIT", 0.1)
    slow_disk.hold()
    return slow_disk


def place(session):
    return tuple(session.current_cutout.key)


def decided(session):
    table = session.table
    rows = table[table.decision != ""]
    columns = rows[["image_name", "grid_x", "grid_y", "decision"]]
    return [tuple(row) for row in columns.to_numpy().tolist()]


def test_a_verdict_goes_on_to_the_next_of_the_queue(verdicts, session):
    verdicts.give("artifact", advance=True)
    assert place(session) == NORTH[1]
    assert decided(session) == [(*NORTH[0], "artifact")]


def test_a_verdict_that_stands_already_goes_on_as_well(verdicts, session):
    verdicts.give("artifact")
    verdicts.give("artifact", advance=True)
    assert place(session) == NORTH[1]
    assert len(session.log) == 1


def test_it_stays_without_auto_advance(verdicts, session):
    verdicts.give("artifact")
    verdicts.auto_advance = False
    verdicts.give("no artifact", advance=True)
    assert place(session) == NORTH[0]
    assert len(session.log) == 2


def test_it_moves_on_when_given_and_a_late_answer_moves_nothing(
    verdicts, session, main_loop, slow_store
):
    verdicts.give("unsure", advance=True)
    assert (place(session), session.log) == (NORTH[1], ())
    session.select("south", 0, 0)
    slow_store.go_on()
    main_loop.run_until(lambda: session.log)
    assert place(session) == ("south", 0, 0)
    assert decided(session) == [(*NORTH[0], "unsure")]


def test_it_stays_with_its_note_where_nothing_can_be_kept(
    verdicts, session, monkeypatch, main_loop
):
    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    session.drafts[session.current_cutout.key] = "faint"
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", full)
        verdicts.give("artifact", note="faint", advance=True)
        main_loop.run_until(lambda: session.problem is not None)
    assert place(session) == NORTH[0]
    assert session.drafts == {NORTH[0]: "faint"}
    verdicts.give("artifact", note="faint", advance=True)
    assert session.drafts == {}
    assert session.table.note.tolist().count("faint") == 1


def test_at_the_end_of_the_queue_it_says_what_is_left(
    verdicts, session, said, control, main_loop
):
    verdicts.advance_to = "next in queue"
    session.go_to(4)
    main_loop.run_until(lambda: control.view == "shown")
    verdicts.give("artifact", advance=True)
    assert said == ["This is the end of the queue; 3 of 4 are unreviewed."]


def test_it_goes_on_to_the_next_that_is_unreviewed(verdicts, session):
    session.select(*NORTH[1])
    verdicts.give("unsure")
    session.select(*NORTH[0])
    verdicts.give("artifact", advance=True)
    assert session.current_cutout.image_name == "south"


def test_after_the_last_of_the_queue_it_goes_on_to_those_left_before(
    verdicts, session, control, main_loop
):
    session.go_to(4)
    main_loop.run_until(lambda: control.view == "shown")
    verdicts.give("artifact", advance=True)
    assert place(session) == NORTH[0]


def test_a_pending_verdict_is_not_met_again(verdicts, session, main_loop, slow_store):
    session.select(*NORTH[1])
    verdicts.give("unsure")
    session.select(*NORTH[0])
    verdicts.give("artifact", advance=True)
    assert session.current_cutout.image_name == "south"
    assert len(session.pending) == 2
    slow_store.go_on()
    main_loop.run_until(lambda: not session.pending)


def test_once_all_are_reviewed_it_says_so(verdicts, session, said, control, main_loop):
    rows = session.review_queue.rows.tolist()
    keys = [session.cutout_index.key_of(row) for row in rows]
    session.set_label("artifact", cutouts=keys[1:])
    verdicts.give("artifact", advance=True)
    assert place(session) == NORTH[0]
    assert said == ["Every cutout in the queue has been reviewed."]


def test_a_reviewed_cutout_is_met_again_if_the_user_prefers_it(verdicts, session):
    session.select(*NORTH[1])
    verdicts.give("unsure")
    session.select(*NORTH[0])
    verdicts.advance_to = "next in queue"
    verdicts.give("artifact", advance=True)
    assert place(session) == NORTH[1]


def test_the_last_verdict_can_be_given_again(verdicts, session, said):
    verdicts.repeat()
    assert "no verdict to repeat yet" in said.pop()
    verdicts.give("artifact", "satellite trail", "long", advance=True)
    verdicts.repeat()
    table = session.table.set_index(["image_name", "grid_x", "grid_y"])
    again = table.loc[NORTH[1], ["decision", "kind", "note"]].tolist()
    assert again == ["artifact", "satellite trail", ""]


# Several at once


@pytest.fixture
def selection(control):
    return control.selection


def row(session, x, y):
    return session.catalog.cutout_at("north", x, y).row


def test_what_is_picked_is_judged_as_one_act(verdicts, selection, session):
    selection.toggle(row(session, 10, 10))
    selection.run_to(row(session, 410, 210))
    count = len(selection)
    assert count >= 3
    verdicts.give("artifact", "satellite trail", advance=True)
    assert len(decided(session)) == count
    assert set(session.table.kind) == {"", "satellite trail"}
    assert len(selection) == 0
    session.undo()
    assert decided(session) == []


def test_it_goes_on_past_all_that_was_judged(verdicts, selection, session):
    selection.set(
        [
            session.cutout_index.row_of(session.current_cutout.key),
            row(session, 410, 210),
        ]
    )
    verdicts.give("artifact", advance=True)
    assert session.current_cutout.image_name == "south"


def test_an_act_that_is_taken_back_has_its_cutouts_picked_again(
    verdicts, selection, session, viewer
):
    rows = (row(session, 410, 210), row(session, 10, 10), row(session, 210, 10))
    selection.set(rows)
    verdicts.give("artifact", advance=True)
    session.undo()
    assert selection.rows == rows
    [frames] = [layer for layer in viewer.layers if layer.name == "Review: selected"]
    assert frames.visible
    assert len(frames.data) == 5 * 4 * len(rows)
    verdicts.give("no artifact", advance=True)
    assert {said for *_, said in decided(session)} == {"no artifact"}
    assert len(decided(session)) == len(rows)


def test_an_act_that_is_made_again_lets_go_as_it_did_before(
    verdicts, selection, session
):
    selection.set([row(session, 10, 10), row(session, 210, 10)])
    verdicts.give("artifact", advance=True)
    session.undo()
    session.redo()
    assert selection.rows == ()
    assert session.current_cutout.row == row(session, 10, 10)


def test_one_that_is_taken_back_is_judged_alone_again(verdicts, selection, session):
    verdicts.give("artifact")
    selection.set([row(session, 10, 10), row(session, 410, 210)])
    session.undo()
    verdicts.give("no artifact")
    assert decided(session) == [(*NORTH[0], "no artifact")]


def test_picks_come_back_with_their_image(
    verdicts, selection, session, control, viewer, main_loop
):
    rows = (row(session, 10, 10), row(session, 210, 10))
    selection.set(rows)
    verdicts.give("artifact")
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    forget_others(control.loader)
    session.undo()
    main_loop.run_until(lambda: control.view == "shown")
    assert selection.rows == rows
    [frames] = [layer for layer in viewer.layers if layer.name == "Review: selected"]
    assert frames.visible
    assert len(frames.data) == 5 * 4 * len(rows)


def test_picks_do_not_come_back_without_their_image(
    verdicts, selection, session, control, survey, main_loop, said
):
    selection.set([row(session, 10, 10), row(session, 210, 10)])
    verdicts.give("artifact")
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    forget_others(control.loader)
    (survey.parent / "north.fits").write_bytes(b"")
    session.undo()
    main_loop.run_until(lambda: control.view == "failed")
    assert selection.rows == ()
    verdicts.give("artifact")
    assert "cannot be shown" in said[-1]
    assert decided(session) == []


def test_an_act_about_several_images_picks_none(selection, session):
    keys = [session.cutout_index.key_of(at) for at in session.errors.index]
    session.set_label("unsure", cutouts=keys)
    session.undo()
    assert selection.rows == ()


def test_what_is_picked_is_let_go_of_with_its_image(
    selection, session, control, main_loop
):
    selection.toggle(row(session, 10, 10))
    session.go_to(3)
    main_loop.run_until(lambda: control.view == "shown")
    assert len(selection) == 0


# The mouse


def drag(control, start, end, *held):
    """Press the mouse over a pixel (x, y) and release it over another one."""
    event = SimpleNamespace(
        button=1,
        modifiers=tuple(SimpleNamespace(name=name) for name in held),
        type="mouse_press",
        position=start[::-1],
        pos=np.array(start),
    )
    press = control.viewer.mouse_drag_callbacks[-1]
    steps = press(control.viewer, event)
    next(steps, None)
    if start != end:
        event.type, event.position, event.pos = "mouse_move", end[::-1], np.array(end)
        next(steps, None)
    event.type = "mouse_release"
    next(steps, None)


def picked(control):
    return [tuple(cutout)[1:] for cutout in control.selection.cutouts]


def test_shift_and_a_click_pick_the_run_from_the_current_cutout(control, session):
    drag(control, (650, 450), (650, 450), "Shift")
    assert picked(control)[0] == (200, 0)
    assert picked(control)[-1] == (600, 400)
    assert (400, 200) in picked(control)
    assert place(session) == NORTH[0]


def test_control_and_a_click_pick_one_or_let_it_go(control):
    for x, y in ((10, 10), (450, 250), (10, 10)):
        drag(control, (x, y), (x, y), "Control")
    assert picked(control) == [(400, 200)]


def test_shift_and_a_drag_pick_what_a_rectangle_touches(control, viewer):
    panned = []
    viewer.scene.camera.events.mouse_pan.connect(
        lambda: panned.append(viewer.scene.camera.mouse_pan)
    )
    drag(control, (390, 390), (10, 190), "Shift")
    assert sorted(picked(control)) == [(0, 0), (0, 200), (200, 0), (200, 200)]
    assert panned == [False, True]


def test_frames_show_what_is_picked(control, viewer):
    drag(control, (10, 10), (10, 10), "Control")
    [layer] = [x for x in viewer.layers if x.name == "Review: selected"]
    assert layer.visible
    assert len(layer.data) == 5 * 4, "four sides and their halo"
    control.selection.clear()
    assert not layer.visible


# Looking around


def test_all_boxes_hide_while_a_key_is_held(control, viewer):
    before = {x.name: x.visible for x in viewer.layers}
    control.toggle_overlays()
    shown = [x.name for x in viewer.layers if x.visible]
    assert shown == ["Review: north"]
    control.toggle_overlays()
    assert {x.name: x.visible for x in viewer.layers} == before


def test_a_threshold_draws_other_outcomes(control, viewer, session):
    [boxes] = [x for x in viewer.layers if x.name == "Review: cutouts"]
    assert set(boxes.features.outcome) == {"FN", "FP", "TP"}
    session.set_threshold(0.99)
    assert boxes.features.outcome.tolist() == ["FN", "FN"]
    assert boxes.text.string.array.tolist() == ["0.12", "0.97"]
    session.set_threshold(0.1)
    assert len(boxes.features) == 12
    session.set_threshold(None)
    assert set(boxes.features.outcome) == {"FN", "FP", "TP"}


def test_images_are_read_ahead_along_the_queue(control, session, main_loop):
    session.set_queue(outcomes=("TN",), images=["north", "west"])
    main_loop.run_until(lambda: control.view == "shown")
    main_loop.let_time_pass()
    assert "west" in control.loader.names


def test_pixels_are_smoothed_also_if_that_is_wished_while_they_are_read(
    control, session, main_loop
):
    for sigma, error in ((2.0, 3), (1.0, 1), (0.0, 3)):
        session.go_to(error)
        control.set_display(Display(sigma=sigma))
        main_loop.run_until(
            lambda s=sigma: control.view == "shown" and control.loaded.sigma == s
        )
        name = session.current_cutout.image_name
        [layer] = [x for x in control.viewer.layers if x.name == f"Review: {name}"]
        assert (layer.data is control.full.pixels) == (sigma == 0)
