"""Verdicts that a slow or failing disk has not recorded: none is lost or misplaced.

The waiting times, auto-advance, keys and window are those of a user.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLineEdit

from napari_artifact_review import open_review
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.viewer.layers import OWNER
from napari_artifact_review.widgets.launch import review_dock
from tests.slow_disk import full

#: The cutouts of the queue, in its order: twelve of the first image, two of the other.
QUEUE = [
    *(("first", x, y) for y in (0, 200, 400) for x in (0, 200, 400, 600)),
    ("second", 0, 0),
    ("second", 200, 0),
]


@pytest.fixture
def table(tmp_path) -> Path:
    """Make two images, of which every cutout in the table is a false positive."""
    for name in ("first", "second"):
        pixels = np.arange(600 * 800, dtype=np.float32).reshape(600, 800)
        fits.PrimaryHDU(pixels).writeto(tmp_path / f"{name}.fits")
    lines = ["image_name,grid_x,grid_y,label,preds,confidence"]
    lines += [f"{name},{x},{y},0,1,0.97" for name, x, y in QUEUE]
    path = tmp_path / "predictions.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def output(table) -> Path:
    return table.with_name("test_outputs.csv")


@pytest.fixture
def dock(viewer, table, slow_disk, qtbot):
    """Open the review as a user does: auto-advance is on."""
    dock = open_review(viewer, table)
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    return dock


@pytest.fixture
def type_keys(qtbot, settle):
    """Press keys as fast as images come, without waiting for the disk."""

    def press(dock, keys, modifier=Qt.KeyboardModifier.NoModifier):
        for key in keys:
            settle(dock)
            qtbot.keyClick(dock.window(), key, modifier)

    return press


def position(dock):
    return QUEUE.index(tuple(dock.session.current_cutout.key)) + 1


def on_disk(output):
    """Return the verdicts in the log by the cutout's number in the queue."""
    store = Store(Path(f"{output}.review.sqlite"), read_only=True)
    return {
        QUEUE.index(tuple(entry.cutout)) + 1: entry.verdict
        for entry in store.read().entries
    }


FIRST_THIRD_FIFTH = {1: "artifact", 3: "no artifact", 5: "artifact"}


# Where the reviewer is


def test_a_late_answer_moves_nothing(dock, slow_disk, type_keys, qtbot):
    slow_disk.hold()
    type_keys(dock, "JN")
    assert position(dock) == 3, "one step for the verdict and one for N"
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert position(dock) == 3


def test_a_late_answer_in_the_gallery_shows_no_other_image(
    dock, slow_disk, type_keys, settle, qtbot
):
    slow_disk.hold()
    type_keys(dock, "J")
    qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
    dock.image_name.value = "second"
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert dock.session.current_cutout.image_name == "second"


def test_an_undo_moves_when_it_is_asked_for(dock, slow_disk, type_keys, qtbot):
    type_keys(dock, "J")
    qtbot.waitUntil(lambda: dock.pending == 0)
    slow_disk.hold()
    type_keys(dock, "U")
    assert position(dock) == 1
    type_keys(dock, "NNN")
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert position(dock) == 4


def test_quick_verdicts_land_on_the_cutouts_they_were_given_about(
    dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 0.25
    for key in "JKJKJ":
        type_keys(dock, key)
        qtbot.wait(150)
    assert position(dock) == 6
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert on_disk(output) == {
        number: "no artifact" if number % 2 == 0 else "artifact"
        for number in range(1, 6)
    }


def test_undo_takes_back_the_last_verdict_given_also_a_pending_one(
    dock, slow_disk, type_keys, qtbot
):
    slow_disk.hold()
    type_keys(dock, "JKU")
    assert position(dock) == 2
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    decided = dock.session.table.query("decision != ''")
    assert decided.decision.tolist() == ["artifact"]
    assert dock.session.progress == (1, 14)


# What is on disk in the end


def test_closing_the_window_writes_what_is_pending(
    viewer, dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 1
    type_keys(dock, "JNKNJ")
    viewer.close()
    qtbot.waitUntil(lambda: on_disk(output) == FIRST_THIRD_FIFTH)


def test_closing_the_dock_in_the_gallery_writes_what_is_pending(
    viewer, dock, slow_disk, type_keys, output, qtbot
):
    qtbot.keyClick(dock.window(), Qt.Key.Key_F5)
    page = dock.gallery
    qtbot.waitUntil(lambda: page.view.hasFocus())

    def verdict(key):
        # A cutout must have been in view before a verdict.
        before = dock.pending
        qtbot.waitUntil(lambda: qtbot.keyClick(page.view, key) or dock.pending > before)

    slow_disk.seconds = 1
    verdict("J")
    qtbot.keyClick(page.view, "N")
    verdict("K")
    qtbot.keyClick(page.view, "N")
    verdict("J")
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: on_disk(output) == FIRST_THIRD_FIFTH)


def test_a_changed_output_takes_along_what_is_pending(
    dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 1
    type_keys(dock, "JNKNJ")
    other = output.with_name("other.csv")
    dock.files.native.click()
    dock.output.value = other
    dock.output.line_edit.native.editingFinished.emit()
    qtbot.waitUntil(lambda: dock.session.output == other)
    assert on_disk(output) == on_disk(other) == FIRST_THIRD_FIFTH
    assert dock.session.progress == (3, 14)


def test_a_reopened_review_has_what_was_pending(
    dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 1
    type_keys(dock, "JNKNJ")
    before = dock.session
    dock.files.native.click()
    dock.open.native.click()
    qtbot.waitUntil(lambda: dock.session not in (before, None))
    assert dock.session.progress == (3, 14)
    assert on_disk(output) == FIRST_THIRD_FIFTH


def test_another_table_is_opened_while_the_first_is_written(
    dock, slow_disk, type_keys, output, tmp_path, survey_elsewhere, qtbot
):
    slow_disk.seconds = 1
    type_keys(dock, "JNKNJ")
    dock.files.native.click()
    dock.predictions.value = survey_elsewhere
    dock.open.native.click()
    qtbot.waitUntil(lambda: dock.session.predictions.path == survey_elsewhere)
    qtbot.waitUntil(lambda: on_disk(output) == FIRST_THIRD_FIFTH)


@pytest.fixture
def survey_elsewhere(table, tmp_path) -> Path:
    """Make another table of the same images in a folder of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for image in ("first.fits", "second.fits"):
        (folder / image).symlink_to(tmp_path / image)
    copy = folder / "predictions.csv"
    copy.write_text(table.read_text())
    return copy


# What the reviewer sees


def test_a_verdict_that_takes_long_is_shown_as_pending(
    dock, slow_disk, type_keys, settle, qtbot
):
    slow_disk.hold()
    type_keys(dock, "J")
    assert "Recording" not in dock.history.value, "most take no time"
    qtbot.waitUntil(lambda: "Recording" in dock.history.value)
    assert dock.history.value == "Recording 1 verdict..."
    [inner] = [x for x in dock.viewer.layers if x.metadata.get(OWNER) == "predictions"]
    # A hollow box in the cutout.
    qtbot.waitUntil(lambda: inner.visible and len(inner.data) == 4)
    slow_disk.go_on()
    qtbot.waitUntil(lambda: "Recording" not in dock.history.value)
    assert len(inner.data) == 0


def test_what_is_refused_is_named_and_given_again_with_one_key(
    dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 0.3
    slow_disk.faults.append(full())
    type_keys(dock, "JK")
    panel = dock.panel.pending
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert "first (0, 0): artifact" in panel.refused.value
    assert "(200, 0)" not in panel.refused.value, "the next one is recorded"
    assert "disk is full" in panel.refused.value
    assert on_disk(output) == {2: "no artifact"}
    slow_disk.seconds = 0
    type_keys(dock, "R", Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: on_disk(output) == {1: "artifact", 2: "no artifact"})
    qtbot.waitUntil(lambda: not panel.visible)
    assert position(dock) == 3, "it does not move the reviewer either"


def test_what_is_refused_at_once_stays_at_its_cutout(dock, slow_disk, type_keys, qtbot):
    slow_disk.faults.append(full())
    type_keys(dock, "J")
    qtbot.waitUntil(lambda: dock.banner.visible)
    assert position(dock) == 1
    assert "Verdicts cannot be recorded" in dock.banner.text.value
    assert "first (0, 0): artifact" in dock.panel.pending.refused.value
    type_keys(dock, "J")
    qtbot.waitUntil(lambda: dock.session.progress == (1, 14))
    assert not dock.panel.pending.visible, "it was given again about the same cutout"


def test_a_fault_of_any_kind_is_told_and_what_follows_is_recorded(
    dock, slow_disk, type_keys, output, qtbot
):
    slow_disk.seconds = 0.3
    slow_disk.faults.append(RuntimeError("a fault of the program"))
    type_keys(dock, "JK")
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert "a fault of the program" in dock.panel.pending.refused.value
    assert on_disk(output) == {2: "no artifact"}


def test_what_cannot_be_written_before_the_end_is_named(
    viewer, dock, slow_disk, type_keys, capfd, qtbot
):
    slow_disk.seconds, slow_disk.fault = 0.3, full()
    type_keys(dock, "JK")
    viewer.close()
    told = []
    qtbot.waitUntil(
        lambda: told.append(capfd.readouterr().err) or "(200" in "".join(told)
    )
    assert "first (0, 0): artifact" in "".join(told)


# Notes


def write_note(dock, text, qtbot):
    qtbot.keyClick(dock.window(), Qt.Key.Key_F2)
    field: QLineEdit = dock.note.native
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_each_of_two_pending_verdicts_has_its_own_note(
    dock, slow_disk, type_keys, settle, qtbot
):
    slow_disk.hold()
    for text in ("one", "two"):
        settle(dock)
        write_note(dock, text, qtbot)
        type_keys(dock, "J")
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert dock.session.table.note.tolist()[:3] == ["one", "two", ""]
    assert dock.session.drafts == {}
    type_keys(dock, ",,")
    assert dock.note.value == "one"


def test_a_repeated_verdict_records_the_note_that_was_written(
    dock, type_keys, settle, qtbot
):
    type_keys(dock, "J")
    settle(dock)
    write_note(dock, "beside the star", qtbot)
    type_keys(dock, "J", Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: dock.session.progress == (2, 14))
    assert dock.session.table.note.tolist()[:2] == ["", "beside the star"]


def test_the_note_of_a_verdict_that_is_taken_back_goes_with_the_right_one(
    dock, type_keys, settle, qtbot
):
    write_note(dock, "beside the star", qtbot)
    type_keys(dock, "JU")
    qtbot.waitUntil(lambda: dock.pending == 0)
    assert dock.note.value == "beside the star"
    type_keys(dock, "K")
    qtbot.waitUntil(lambda: dock.session.progress == (1, 14))
    row = dock.session.table.iloc[0]
    assert (row.decision, row.note) == ("no artifact", "beside the star")
    assert dock.session.drafts == {}


def test_a_save_waits_for_what_is_pending(dock, slow_disk, type_keys, output, qtbot):
    slow_disk.seconds = 0.5
    type_keys(dock, "JKW")
    qtbot.waitUntil(output.exists)
    qtbot.waitUntil(lambda: not dock.session.unsaved and not dock.pending)
    saved = output.read_text().splitlines()
    assert ["artifact" in saved[1], "no artifact" in saved[2]] == [True, True]


def test_a_note_on_a_pending_verdict_goes_with_it(dock, slow_disk, type_keys, qtbot):
    dock.auto_advance.value = False
    slow_disk.hold()
    type_keys(dock, "J")
    write_note(dock, "faint", qtbot)
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)
    row = dock.session.table.iloc[0]
    assert (row.decision, row.note) == ("artifact", "faint")
    assert dock.note.value == "faint"


def test_passing_a_note_that_is_longer_than_the_field_writes_nothing(
    viewer, table, type_keys, settle, qtbot
):
    note = "x" * 40_000
    lines = table.read_text().splitlines()
    header, first, *others = lines
    review = "label_new,reviewed_by,reviewed_at,decision,kind,note"
    reviewed = f"{first},0,eve,2026-01-01T00:00:00Z,no artifact,,{note}"
    others = [f"{line},0,,,,," for line in others]
    table.write_text("\n".join([f"{header},{review}", reviewed, *others]) + "\n")
    dock = open_review(viewer, table)
    dock.session.select(*QUEUE[0])
    settle(dock)
    type_keys(dock, "N,")
    assert dock.session.log == ()
    type_keys(dock, "J")
    qtbot.waitUntil(lambda: len(dock.session.log) == 1)
    assert dock.session.log[0].note == note, "a verdict keeps it whole"


def test_the_dock_says_how_many_are_pending(dock, slow_disk, type_keys, qtbot):
    assert dock.pending == 0
    slow_disk.hold()
    type_keys(dock, "JK")
    assert dock.pending == 2
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.pending == 0)


def test_a_review_without_a_table_has_nothing_pending(viewer):
    assert review_dock(viewer).pending == 0
