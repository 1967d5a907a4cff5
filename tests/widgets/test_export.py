"""The dock writes the reviewed table at the end, and offers report and palette."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pandas as pd
import pytest
from napari import settings
from napari._qt.widgets.qt_command_palette import QCommandList, QCommandPalette
from napari.utils.notifications import notification_manager
from npe2 import PluginManifest
from qtpy.QtCore import Qt
from qtpy.QtGui import QDesktopServices
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLineEdit

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.review.output import Output
from napari_artifact_review.viewer.preferences import PLUGIN
from napari_artifact_review.widgets import palette

J, K, U, W = (getattr(Qt.Key, f"Key_{letter}") for letter in "JKUW")
CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def threads():
    return [t for t in threading.enumerate() if "artifact-review" in t.name]


def told():
    return [str(one.message) for one in notification_manager.records]


def labels(path):
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    return table.set_index("error_id").label_new[["1", "2", "3", "4"]].tolist()


def dated(output):
    return sorted(set(output.parent.glob("test_outputs*.csv")) - {output})


def edit(output):
    """Change the output as another program would."""
    output.write_text(output.read_text().replace(",007", ",Ada", 1))


@pytest.fixture
def output(survey):
    return survey.with_name("test_outputs.csv")


@pytest.fixture
def prefer(monkeypatch):
    """Return a function that sets the user's preferences."""

    def set_preferences(**values):
        chosen = {PLUGIN: SimpleNamespace(review=SimpleNamespace(**values))}
        monkeypatch.setattr(settings, "get_plugin_settings", lambda: chosen)

    return set_preferences


@pytest.fixture
def decide(press, settle, qtbot):
    """Give verdicts on errors by their numbers, each on its image."""

    def decide_on(dock, *numbers, key=J):
        for number in numbers:
            dock.session.go_to(number)
            settle(dock)
            press(dock, key)

    return decide_on


def close_the_dock(dock):
    dock.viewer.window.remove_dock_widget(dock)


def close_the_viewer(dock):
    dock.viewer.close()


def close_the_review(dock):
    dock.close_review()


# At the end of the queue


def test_the_last_verdict_of_the_queue_writes_the_table(dock, decide, output, qtbot):
    decide(dock, 1, 2, 3)
    state = dock.panel.saving.state
    assert state.value == "● 3 verdicts stored, 3 not yet exported"
    assert not output.exists()
    decide(dock, 4)
    qtbot.waitUntil(lambda: state.value == "4 verdicts stored, exported")
    assert labels(output) == ["1"] * 4
    assert f"Saved to {output}" in dock.message.tooltip


def test_undo_and_another_last_verdict_write_it_again(
    dock, decide, press, output, qtbot
):
    decide(dock, 1, 2, 3, 4)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    press(dock, U)
    assert dock.session.unsaved == 1
    decide(dock, 4, key=K)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert labels(output) == ["1", "1", "1", "0"]


def test_the_last_verdict_during_a_save_is_saved_afterwards(
    dock, decide, press, output, monkeypatch, qtbot
):
    go_on, save = threading.Event(), Output.save
    monkeypatch.setattr(Output, "save", lambda *a: go_on.wait(20) and save(*a))
    decide(dock, 1, 2, 3)
    press(dock, W)
    decide(dock, 4)
    go_on.set()
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert labels(output) == ["1"] * 4


def test_at_the_end_the_output_of_another_program_stays(dock, decide, output, qtbot):
    decide(dock, 1)
    dock.session.save()
    edit(output)
    theirs = output.read_bytes()
    decide(dock, 2, 3, 4)
    qtbot.waitUntil(lambda: len(dated(output)) == 1)
    qtbot.waitUntil(lambda: not dock.review.saver.is_saving)
    assert output.read_bytes() == theirs
    assert labels(dated(output)[0]) == ["1"] * 4
    assert "another program changed it" in dock.message.tooltip
    assert "another program changed it" in dock.panel.notices.value
    assert dock.session.unsaved, "the output itself lacks them"
    dock.close_review()
    qtbot.waitUntil(lambda: not threads())
    assert len(dated(output)) == 1, "closing does not write it twice"


# When the review closes


@pytest.mark.parametrize("close", [close_the_dock, close_the_viewer, close_the_review])
def test_closing_writes_the_table_in_a_thread(dock, close, press, output, qtbot):
    press(dock, K)
    close(dock)
    qtbot.waitUntil(lambda: not threads(), timeout=20_000)
    assert labels(output)[0] == "0"
    with ReviewSession.open(output) as saved:
        assert saved.notices == ()
        assert saved.unsaved == 0


def test_a_slow_disk_does_not_hold_the_window_that_closes(
    dock, press, slow_disk, output, qtbot
):
    slow_disk.hold()
    press(dock, K, wait=False)
    dock.close_review()
    assert dock.opening.visible, "the main thread did not wait"
    assert not output.exists()
    slow_disk.go_on()
    qtbot.waitUntil(lambda: not threads(), timeout=20_000)
    assert labels(output)[0] == "0"


def test_opening_another_review_writes_the_table_of_the_first(
    dock, viewer, press, survey, output, qtbot
):
    press(dock, K)
    other = survey.with_name("other.csv")
    other.write_bytes(survey.read_bytes())
    open_review(viewer, other, output=survey.with_name("other_outputs.csv"))
    qtbot.waitUntil(output.exists)
    assert labels(output)[0] == "0"


def test_the_same_review_in_a_new_session_is_not_written(
    dock, viewer, press, survey, output
):
    press(dock, K)
    open_review(viewer, survey)
    assert not output.exists()
    assert dock.session.unsaved == 1


@pytest.mark.parametrize("close", [close_the_dock, close_the_review])
def test_what_another_program_changed_is_told_at_the_next_opening(
    dock, viewer, decide, survey, output, close, qtbot
):
    decide(dock, 1)
    dock.session.save()
    edit(output)
    decide(dock, 2)
    close(dock)
    qtbot.waitUntil(lambda: not threads(), timeout=20_000)
    [copy] = dated(output)
    assert labels(copy)[:2] == ["1", "1"]
    again = open_review(viewer, survey)
    assert copy.name in again.panel.notices.value
    assert "another program changed it" in again.panel.notices.value


def test_the_user_can_switch_it_off(dock, decide, output, prefer, qtbot):
    prefer(save_at_end=False)
    decide(dock, 1, 2, 3, 4)
    dock.close_review()
    qtbot.waitUntil(lambda: not threads())
    assert not output.exists()


def test_a_review_without_a_verdict_and_a_read_only_one_write_nothing(
    viewer, survey, output, qtbot
):
    dock = open_review(viewer, survey)
    dock.close_review()
    with ReviewSession.open(survey) as session:
        session.set_label("artifact")
    dock = open_review(viewer, survey, read_only=True)
    dock.close_review()
    qtbot.waitUntil(lambda: not threads())
    assert not output.exists()


# Encoding and spreadsheets


def test_a_note_that_the_encoding_lacks_is_saved_as_utf_8_with_a_click(
    viewer, survey, output, press, qtbot
):
    survey.write_text(survey.read_text().replace("007", "Zoë"), encoding="latin-1")
    dock = open_review(viewer, survey)
    dock.session.set_label("artifact", note="→")
    press(dock, W)
    panel = dock.panel.encoding
    qtbot.waitUntil(lambda: panel.visible)
    assert "LATIN-1, has no '→'" in panel.text.value
    assert not output.exists()
    button = panel.save_as_utf8.native
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert not panel.visible
    text = output.read_text(encoding="utf-8")
    assert "→" in text
    assert "Zoë" in text


def test_a_copy_for_spreadsheets_is_a_preference(dock, press, output, prefer, qtbot):
    prefer(spreadsheet_copy=True)
    dock.session.set_label("artifact", note="=1+1")
    press(dock, W)
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    copy = output.with_name("test_outputs_spreadsheet.csv")
    assert "'=1+1" in copy.read_text()
    assert copy.name in dock.message.tooltip
    assert "'=1+1" not in output.read_text()


# Report and form


@pytest.fixture
def choose(monkeypatch):
    """Return a function that sets the file which a dialog returns."""

    def set_file(path):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_: (str(path or ""), "")
        )

    return set_file


@pytest.fixture
def opened(monkeypatch):
    """Return the addresses that a browser was asked to open."""
    urls = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda u: urls.append(u) or True)
    return urls


def click(qtbot, button):
    qtbot.mouseClick(button.native, Qt.MouseButton.LeftButton)


def test_the_report_is_written_and_opened(dock, press, tmp_path, choose, opened, qtbot):
    press(dock, K)
    choose(tmp_path / "results")
    click(qtbot, dock.panel.saving.report)
    qtbot.waitUntil(lambda: bool(opened), timeout=60_000)
    path = tmp_path / "results.html"
    assert opened[0].toLocalFile() == str(path)
    assert "36, 200 px each; 1 reviewed" in path.read_text()
    assert f"Report written to {path}" in dock.message.tooltip
    assert dock.session.problem is None, "the review goes on"
    press(dock, J)
    assert len(dock.session.log) == 2


def test_a_report_that_cannot_be_written_is_one_message(
    dock, tmp_path, choose, opened, qtbot
):
    before = told()
    choose(tmp_path / "none" / "results.html")
    click(qtbot, dock.panel.saving.report)
    qtbot.waitUntil(lambda: len(told()) > len(before), timeout=60_000)
    assert len(told()) == len(before) + 1
    assert "the folder does not exist" in told()[-1]
    assert opened == []


def test_a_cancelled_dialog_writes_no_report(dock, choose, opened, qtbot):
    choose(None)
    click(qtbot, dock.panel.saving.report)
    assert not dock.review.reporter.is_writing


def test_open_another_shows_the_form(dock, qtbot):
    click(qtbot, dock.panel.saving.open_another)
    assert dock.opening.visible
    assert not dock.panel.visible
    assert dock.review is not None, "the review is still open"


# napari's command palette


def run(dock, qtbot, title):
    """Find a command in napari's palette by its title, and run it with Enter."""
    window = dock.window()
    QTest.keyClick(window, Qt.Key.Key_P, CONTROL_SHIFT)
    [search] = window.findChildren(QCommandPalette)
    qtbot.waitUntil(search.isVisible)
    line = search.findChild(QLineEdit)
    QTest.keyClicks(line, title)
    found = [each.title for each in search.findChild(QCommandList).iter_command()]
    for _ in range(found.index(f"{title} (Artifact Review)")):
        QTest.keyClick(line, Qt.Key.Key_Down)
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert not search.isVisible()


def test_the_palette_s_commands_act_on_the_open_review(dock, press, output, qtbot):
    press(dock, K)
    run(dock, qtbot, "Undo the last verdict")
    qtbot.waitUntil(lambda: dock.session.progress == (0, 4))
    run(dock, qtbot, "Redo the last verdict")
    qtbot.waitUntil(lambda: dock.session.progress == (1, 4))
    run(dock, qtbot, "Go to the next unreviewed cutout")
    assert dock.error_id.value == 2
    run(dock, qtbot, "Save the reviewed table")
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    assert labels(output)[0] == "0"
    run(dock, qtbot, "Show or hide the gallery")
    qtbot.waitUntil(lambda: dock.gallery is not None and dock.gallery.isVisible())
    run(dock, qtbot, "Open another review...")
    assert dock.opening.visible


def test_the_palette_s_report_is_that_of_the_button(
    dock, tmp_path, choose, opened, qtbot
):
    choose(tmp_path / "results.html")
    run(dock, qtbot, "Write a report...")
    qtbot.waitUntil(lambda: bool(opened), timeout=60_000)
    assert (tmp_path / "results.html").exists()


def test_without_a_review_a_command_says_so(dock, qtbot):
    dock.close_review()
    run(dock, qtbot, "Undo the last verdict")
    assert "No review is open in this window" in told()[-1]


def test_each_command_of_the_palette_is_an_action_of_the_review(dock):
    manifest = PluginManifest.from_distribution(PLUGIN)
    commands = [
        c for c in manifest.contributions.commands if "palette" in c.python_name
    ]
    assert commands
    known = dock.review.commands.key_actions().keys() | {"report", "open_another"}
    for command in commands:
        name = command.python_name.split(":")[1]
        assert getattr(palette, name).__name__ in known
