"""The dock when other programs use the review, its log or its files."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.decisions.store import Store

J, K, N, U, W = (getattr(Qt.Key, f"Key_{letter}") for letter in "JKNUW")
SHIFT = Qt.KeyboardModifier.ShiftModifier


def _open(viewer, qtbot, *args, **kwargs):
    dock = open_review(viewer, *args, **kwargs)
    dock.auto_advance.value = False
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    return dock


def _close(dock):
    """Remove a dock from its window, which closes the review."""
    dock.viewer.window.remove_dock_widget(dock)


def _banner(dock):
    banner = dock.banner
    return banner.text.value if banner.visible else ""


def _history(dock):
    return dock.history.value


@pytest.fixture
def decide(press, settle, qtbot):
    """Press keys that decide, each on an image, and wait until they are recorded."""

    def decide_with(dock, *keys):
        for key in keys:
            settle(dock)
            known = len(dock.session.log)
            press(dock, key)
            if key != N:
                qtbot.waitUntil(lambda known=known: len(dock.session.log) > known)

    return decide_with


def _read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _labels(path: Path) -> list[str]:
    return _read(path).set_index("error_id").label_new[["1", "2", "3", "4"]].tolist()


def _others(session) -> list[Path]:
    """Return the files beside the output: dated copies and backups."""
    found = set(session.output.parent.glob("test_outputs*.csv"))
    return sorted(found - {session.output})


def _edit(path: Path, changes: dict[int, str]) -> None:
    """Change the labels of errors by their numbers, as another program would."""
    table = _read(path)
    for error_id, value in changes.items():
        table.loc[table.error_id == str(error_id), "label_new"] = value
    table.to_csv(path, index=False)


def _told() -> list[str]:
    """Return the texts of napari's notifications so far."""
    return [str(one.message) for one in notification_manager.records]


@pytest.fixture
def output(tmp_path) -> Path:
    """Return an output in a folder of its own."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "reviewed.csv"


# Two windows with one review


@pytest.fixture
def second(dock, make_viewer, survey, qtbot):
    """Open the review of `dock` in a second window."""
    return _open(make_viewer(), qtbot, survey)


def test_a_second_window_has_all_its_height_for_the_review(second, qtbot):
    """A window where napari has added a stretch below the dock."""
    second.window().resize(1400, 900)
    panel = second.panel.native
    qtbot.waitUntil(lambda: second.height() - panel.geometry().bottom() < 10)


def test_a_second_window_is_read_only_and_names_the_first(
    dock, second, press, settle, decide
):
    assert _banner(dock) == ""
    told = _banner(second)
    assert str(os.getpid()) in told
    assert socket.gethostname() in told
    [since] = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", told)
    assert since <= datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    assert second.banner.open_again.visible

    store, errors = Store(Path(dock.session.store)), _told()
    press(second, J, K, U, W)
    assert not second.panel.verdict.enabled
    assert "Not reviewed" in _history(second)
    assert store.read().entries == []
    assert len(_told()) == len(errors) + 1, "it does not save"
    assert not second.session.output.exists()
    press(second, N)
    settle(second)
    assert second.error_id.value == 2
    decide(dock, J)
    assert len(store.read().entries) == 1, "the first one goes on"


def test_a_second_window_takes_over_when_the_first_is_closed(
    dock, second, decide, qtbot, settle
):
    decide(dock, K)
    _close(dock)
    held = second.session
    again = second.banner.open_again.native
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: second.session is not held)
    settle(second)
    assert _banner(second) == ""
    assert "by" in _history(second), "what the first one decided is here"
    decide(second, N, J)
    assert second.session.progress == (2, 4)


# A disk that fails, is gone, or is slow


def test_with_the_store_gone_no_verdict_is_shown_until_it_is_back(
    viewer, survey, output, qtbot, press, settle, decide, monkeypatch
):
    dock = _open(viewer, qtbot, survey, output=output)
    decide(dock, J)
    assert dock.session.progress == (1, 4)
    away = output.parent.rename(output.parent.with_name("away"))
    press(dock, N)
    settle(dock)
    for key in (J, K):
        press(dock, key)
        qtbot.waitUntil(lambda: bool(_banner(dock)))
        assert "Not reviewed" in _history(dock)
    assert dock.label_new.value == "no artifact", "the label that was read"
    press(dock, U)
    assert dock.session.progress == (1, 4)
    tries, save_position = [], dock.session.save_position
    monkeypatch.setattr(
        dock.session, "save_position", lambda: tries.append(save_position())
    )
    press(dock, N)
    settle(dock)
    assert dock.error_id.value == 3
    # All tries that the move may still cause are done by now.
    tries.clear()
    qtbot.waitUntil(lambda: bool(tries))
    assert _banner(dock), "it stays"

    away.rename(output.parent)
    qtbot.waitUntil(lambda: not _banner(dock), timeout=8000)
    decide(dock, J)
    assert dock.session.progress == (2, 4)
    entries = Store(Path(dock.session.store)).read().entries
    assert [entry.cutout for entry in entries] == [
        ("north", 200, 0),
        ("south", 0, 0),
    ]


def test_a_read_only_folder_is_told_at_opening_and_another_output_helps(
    viewer, survey, output, tmp_path, qtbot, press, settle, monkeypatch, decide
):
    connect = sqlite3.connect

    def refuse(place, *args, **kwargs):
        # Permissions do not stop an administrator; the database does.
        if f"/{output.parent.name}/" in place and "rwc" in place:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return connect(place, *args, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    dock = _open(viewer, qtbot, survey, output=output)
    settle(dock)
    assert "readonly" in _banner(dock)
    assert not dock.banner.open_again.visible
    press(dock, J)
    assert "Not reviewed" in _history(dock)

    other = tmp_path / "other.csv"
    dock.files.native.click()
    dock.output.value = other
    dock.output.line_edit.native.editingFinished.emit()
    qtbot.waitUntil(lambda: dock.session.output == other)
    settle(dock)
    assert _banner(dock) == ""
    decide(dock, J)
    assert dock.session.progress == (1, 4)
    assert len(Store(Path(f"{other}.review.sqlite")).read().entries) == 1


def test_a_slow_disk_holds_up_neither_keys_nor_the_walk(
    dock, slow_disk, press, settle, qtbot
):
    slow_disk.hold()
    press(dock, K, wait=False)
    # A key that waits for the disk would block here.
    assert "Not reviewed" in _history(dock)
    assert dock.label_new.value == "artifact", "the label that was read"
    press(dock, N, wait=False)
    settle(dock)
    assert dock.error_id.value == 2
    press(dock, J, N, wait=False)
    settle(dock)
    assert dock.session.progress == (0, 4)
    assert dock.pending == 2
    slow_disk.go_on()
    qtbot.waitUntil(lambda: dock.session.progress == (2, 4))
    assert dock.error_id.value == 3, "a late answer does not move the reviewer"
    assert "Not reviewed" in _history(dock)
    entries = Store(Path(dock.session.store)).read().entries
    assert [(entry.cutout, entry.label_new) for entry in entries] == [
        (("north", 200, 0), 0),
        (("north", 400, 200), 1),
    ]
    dock.image_name.value = "north"
    settle(dock)
    assert "Changed by" in _history(dock)
    assert dock.label_new.value == "no artifact"


# Undo and redo


def test_undo_and_redo_go_across_images_and_a_restart(
    dock, viewer, survey, press, decide, settle, qtbot
):
    decide(dock, K, N, J, N, J, N, U)
    settle(dock)
    assert dock.error_id.value == 3
    _close(dock)
    dock = _open(viewer, qtbot, survey)
    where = []
    for keys in [(U,), (U,), (U, SHIFT), (U, SHIFT), (U, SHIFT)]:
        if len(where) == 2:
            assert dock.image_name.value == "north"
            assert dock.label_new.value == "artifact", "the label that was read"
            assert "Not reviewed" in _history(dock)
            press(dock, U)
            assert "nothing to undo" in dock.message.value
        known = len(dock.session.log)
        qtbot.keyClick(dock.window(), *keys)
        qtbot.waitUntil(lambda known=known: len(dock.session.log) > known)
        settle(dock)
        where.append(dock.error_id.value)
    assert where == [2, 1, 1, 2, 3]
    assert dock.image_name.value == "south"
    assert "Changed by" in _history(dock)
    assert dock.session.progress == (3, 4)
    actions = [entry.action for entry in Store(Path(dock.session.store)).read().entries]
    assert actions == ["decide"] * 3 + ["undo"] * 3 + ["redo"] * 3


# A table that differs from the recorded verdicts


@pytest.fixture
def edited(viewer, survey, qtbot):
    """Open a saved review; another program has changed three labels since."""
    with ReviewSession.open(survey) as session:
        for error_id, verdict in (1, "artifact"), (2, "artifact"), (3, "no artifact"):
            session.go_to(error_id)
            session.set_label(verdict)
        saved = session.save()
    _edit(saved, {1: "0", 2: "0", 3: "1"})
    return _open(viewer, qtbot, saved)


def _click_row(dock, qtbot, row, modifier=Qt.KeyboardModifier.NoModifier):
    table = dock.panel.disagreements.table
    spot = table.visualItemRect(table.item(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, pos=spot)


def _choose(dock, qtbot, panel, keep):
    button = getattr(dock.panel, panel).buttons[keep].native
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def _new_labels(session):
    return session.table.set_index("error_id").label_new[[1, 2, 3]].tolist()


def test_disagreements_are_listed_and_settled_before_anything_is_saved(
    edited, viewer, qtbot, settle, press
):
    panel, session = edited.panel.disagreements, edited.session
    assert panel.visible
    table = panel.table
    cells = [[table.item(i, j).text() for j in range(3)] for i in range(3)]
    assert cells == [
        ["north (200, 0)", "no artifact", "artifact"],
        ["north (400, 200)", "no artifact", "artifact"],
        ["south (0, 0)", "artifact", "no artifact"],
    ]
    before, told = session.output.read_bytes(), _told()
    press(edited, W)
    assert len(_told()) == len(told) + 1
    assert not edited.review.saver.is_saving
    assert session.output.read_bytes() == before

    for row, cutout in ((2, ("south", 0, 0)), (1, ("north", 400, 200))):
        _click_row(edited, qtbot, row)
        settle(edited)
        assert session.current_cutout.key == cutout
    assert _new_labels(session) == [1, 1, 0], "until then what was decided stands"
    _choose(edited, qtbot, "disagreements", "table")
    qtbot.waitUntil(lambda: len(session.disagreements) == 2)
    assert _new_labels(session) == [1, 0, 0]
    assert table.rowCount() == 2
    _choose(edited, qtbot, "disagreements", "decision")
    qtbot.waitUntil(lambda: not session.disagreements)
    assert _new_labels(session) == [1, 0, 0]
    assert not panel.visible

    press(edited, W)
    qtbot.waitUntil(lambda: session.output.read_bytes() != before)
    assert _labels(session.output)[:3] == ["1", "0", "0"]


def test_one_choice_settles_all_and_undo_takes_it_back(edited, qtbot, decide):
    session = edited.session
    _choose(edited, qtbot, "disagreements", "table")
    qtbot.waitUntil(lambda: not session.disagreements)
    assert _new_labels(session) == [0, 0, 1]
    decide(edited, U)
    assert _new_labels(session) == [1, 1, 0]


# A predictions table that changes on disk while the review is open


@pytest.fixture
def stale(dock, survey, press, decide, qtbot):
    """Decide, let another program edit a cell of the table, and save."""
    decide(dock, K, N, J)
    survey.write_text(survey.read_text().replace(",007\n", ",Ada\n", 1))
    press(dock, W)
    panel = dock.panel.changed_table
    qtbot.waitUntil(lambda: panel.visible)
    cells = [panel.table.item(0, column).text() for column in range(3)]
    assert panel.table.rowCount() == 1
    assert cells[0].endswith(", observer")
    assert cells[1:] == ["Ada", "007"]
    assert not dock.session.output.exists()
    return dock


def test_a_changed_table_is_told_and_its_cells_saved_as_they_were_read(
    stale, press, decide, qtbot
):
    session = stale.session
    _choose(stale, qtbot, "changed_table", "read")
    qtbot.waitUntil(lambda: not session.unsaved)
    assert not stale.panel.changed_table.visible
    assert "Ada" not in session.output.read_text()
    decide(stale, K)
    press(stale, W)
    qtbot.waitUntil(lambda: not session.unsaved)
    assert not stale.panel.changed_table.visible, "the user chose already"


def test_a_changed_table_is_reopened_with_all_decisions(stale, press, settle, qtbot):
    before, log = stale.session, stale.session.log
    _choose(stale, qtbot, "changed_table", "reopen")
    qtbot.waitUntil(lambda: stale.session is not before)
    settle(stale)
    assert not stale.panel.changed_table.visible
    assert stale.session.log == log
    press(stale, W)
    qtbot.waitUntil(lambda: stale.session.output.exists())
    qtbot.waitUntil(lambda: not stale.session.unsaved)
    assert "Ada" in stale.session.output.read_text()
    assert _labels(stale.session.output)[:2] == ["0", "1"]


def test_one_question_at_a_time_is_asked_before_a_save(stale, press, qtbot):
    _choose(stale, qtbot, "changed_table", "read")
    qtbot.waitUntil(lambda: not stale.session.unsaved)
    output, survey = stale.session.output, stale.session.predictions.path
    _edit(output, {3: "1"})
    survey.write_text(survey.read_text().replace(",Ada\n", ",Eve\n"))
    table, changed = stale.panel.changed_table, stale.panel.changed_output
    press(stale, W)
    qtbot.waitUntil(lambda: table.visible)
    assert not changed.visible
    _choose(stale, qtbot, "changed_table", "read")
    qtbot.waitUntil(lambda: changed.visible)
    assert not table.visible
    _choose(stale, qtbot, "changed_output", "ours")
    qtbot.waitUntil(lambda: not changed.visible)
    assert not table.visible
    assert _labels(output)[2] == "0"


# An output that another program changes while the review is open


@pytest.fixture
def changed(dock, press, decide, qtbot):
    """Save, let another program change the output, decide and save again."""
    decide(dock, K)
    press(dock, W)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    _edit(dock.session.output, {3: "1", 4: "0"})
    decide(dock, N, J)
    dock.theirs = dock.session.output.read_bytes()
    press(dock, W)
    qtbot.waitUntil(lambda: dock.panel.changed_output.visible)
    return dock


def test_their_output_is_taken_over(changed, press, qtbot):
    session = changed.session
    _choose(changed, qtbot, "changed_output", "theirs")
    qtbot.waitUntil(lambda: not changed.panel.changed_output.visible)
    assert session.output.read_bytes() == changed.theirs

    def labels():
        return session.table.set_index("error_id").label_new[[1, 2, 3, 4]].tolist()

    # The labels of the file become verdicts, which a thread records.
    qtbot.waitUntil(lambda: labels() == [0, 1, 1, 0])
    press(changed, W)
    qtbot.waitUntil(lambda: not session.unsaved)
    assert _labels(session.output) == ["0", "1", "1", "0"]


def test_our_output_replaces_theirs_which_is_kept(changed, qtbot):
    session = changed.session
    _choose(changed, qtbot, "changed_output", "ours")
    qtbot.waitUntil(lambda: not session.unsaved)
    assert not changed.panel.changed_output.visible
    assert _labels(session.output) == ["0", "1", "0", "1"]
    assert [other.read_bytes() for other in _others(session)] == [changed.theirs]


def test_a_changed_output_is_not_overwritten_and_ours_saved_beside(
    changed, press, qtbot
):
    session, table = changed.session, changed.panel.changed_output.table
    wheres = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert wheres == ["south (0, 0), label_new", "south (600, 400), label_new"]
    assert (table.item(0, 1).text(), table.item(0, 2).text()) == ("1", "0")
    press(changed, W)
    qtbot.waitUntil(lambda: not changed.review.saver.is_saving)
    assert changed.panel.changed_output.visible, "W does not choose"
    assert session.output.read_bytes() == changed.theirs
    assert _others(session) == []

    _choose(changed, qtbot, "changed_output", "beside")
    qtbot.waitUntil(lambda: not changed.panel.changed_output.visible)
    assert session.output.read_bytes() == changed.theirs
    assert [_labels(other) for other in _others(session)] == [["0", "1", "0", "1"]]
    assert session.unsaved == 1, "the output itself does not show it"
