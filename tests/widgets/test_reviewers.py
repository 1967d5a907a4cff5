"""The question for the name of the reviewer, in a real window."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.widgets import ReviewWidget, review_dock

Key, LEFT = Qt.Key, Qt.MouseButton.LeftButton

LOGIN = "observer"


@pytest.fixture(autouse=True)
def _shared_account(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: LOGIN)


@pytest.fixture
def form(viewer, qtbot) -> ReviewWidget:
    """Dock the form through the manifest."""
    _, dock = viewer.window.add_plugin_dock_widget(
        "napari-artifact-review", "Artifact Review"
    )
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: dock.opening.visible)
    return dock


@pytest.fixture
def night(survey) -> Path:
    """Give verdicts under two names, the last one as Ben, and return the table."""
    for name, verdict in (("Ana", "artifact"), ("Ben", "no artifact")):
        with ReviewSession.open(survey, reviewer=name) as session:
            session.set_label(verdict)
            session.next()
    return survey


def click_open(form, table, qtbot):
    form.predictions.value = table
    qtbot.mouseClick(form.open.native, LEFT)


def asked(form, table, qtbot):
    """Open a table with the form's button, and return the question for the name."""
    click_open(form, table, qtbot)
    question = form.opening.reviewer_question
    qtbot.waitUntil(lambda: question.visible)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is question.field.native)
    return question


def opened(form, qtbot) -> ReviewSession:
    qtbot.waitUntil(lambda: form.session is not None and form.is_shown)
    return form.session


def test_a_shared_account_asks_once_a_session(form, night, press, qtbot):
    question = asked(form, night, qtbot)
    texts = [button.text for button in question.buttons if button.visible]
    assert texts == ["Ben", "Ana"], "the last one to give a verdict comes first"
    assert question.field.value == LOGIN
    assert form.session is None
    qtbot.keyClicks(QApplication.focusWidget(), "Cem")
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_Return)
    assert opened(form, qtbot).reviewer == "Cem"
    assert not question.visible
    assert form.parentWidget().windowTitle() == "Artifact Review — Cem"
    press(form, "J")
    assert [entry.reviewer for entry in form.session.log] == ["Ana", "Ben", "Cem"]
    # The same table again, in this session.
    form.close_review()
    click_open(form, night, qtbot)
    assert opened(form, qtbot).reviewer == "Cem"
    assert not question.is_asking
    # With another output.
    form.output.line_edit.native.setText(str(night.parent / "other.csv"))
    form.output.line_edit.native.editingFinished.emit()
    qtbot.waitUntil(lambda: form.session.output.name == "other.csv" and form.is_shown)
    assert form.session.reviewer == "Cem"
    form.close_review()
    click_open(form, night, qtbot)
    assert opened(form, qtbot).reviewer == "Cem"
    assert form.session.output.name == "other.csv"


def test_enter_takes_the_login_name(form, night, qtbot):
    asked(form, night, qtbot)
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_Return)
    assert opened(form, qtbot).reviewer == LOGIN


def test_a_name_that_is_not_valid_is_asked_again(form, night, qtbot):
    question = asked(form, night, qtbot)
    qtbot.keyClicks(QApplication.focusWidget(), "Ana;Ben")
    qtbot.keyClick(QApplication.focusWidget(), Key.Key_Return)
    assert "a semicolon separates" in question.error.value
    assert question.error.visible
    assert form.session is None
    qtbot.mouseClick(question.accept.native, LEFT)
    assert question.is_asking
    qtbot.mouseClick(question.buttons[1].native, LEFT)
    assert opened(form, qtbot).reviewer == "Ana"


def test_verdicts_of_one_other_reviewer_ask_too(form, survey, qtbot):
    with ReviewSession.open(survey, reviewer="Ana") as session:
        session.set_label("artifact")
    asked(form, survey, qtbot)


def test_a_review_of_ones_own_asks_nothing(form, survey, press, qtbot):
    for _ in ("new", "with a verdict"):
        click_open(form, survey, qtbot)
        assert opened(form, qtbot).reviewer == LOGIN
        press(form, "J")
        form.close_review()


def test_a_name_in_the_form_is_the_answer(form, night, qtbot):
    form.predictions.value = night
    qtbot.keyClicks(form.opening.optional.reviewer.native, "Ana")
    click_open(form, night, qtbot)
    assert opened(form, qtbot).reviewer == "Ana"
    form.close_review()
    form.opening.optional.reviewer.value = ""
    click_open(form, night, qtbot)
    assert opened(form, qtbot).reviewer == "Ana"


def test_a_name_that_is_not_valid_is_told_in_the_form(form, survey, qtbot):
    form.opening.optional.reviewer.value = "Ana;Ben"
    click_open(form, survey, qtbot)
    qtbot.waitUntil(lambda: "a semicolon separates" in form.opening.error.value)
    assert form.session is None


def test_a_script_is_not_asked(viewer, night):
    dock = open_review(viewer, night, ask_reviewer=True, read_only=True)
    assert dock.session.reviewer == LOGIN, "it reads only"
    dock = open_review(viewer, night)
    assert dock.session.reviewer == LOGIN
    assert not dock.opening.reviewer_question.is_asking


def test_a_question_can_be_cancelled(form, night, qtbot):
    question = asked(form, night, qtbot)
    settled = []
    form.settled.connect(settled.append)
    qtbot.mouseClick(question.cancel.native, LEFT)
    assert settled == [None]
    assert not question.visible
    assert form.session is None
    asked(form, night, qtbot)
    form.predictions.value = night.parent / "another.csv"
    assert not question.visible, "the question was about the other table"


def test_a_review_that_is_open_goes_on_after_a_cancelled_question(
    viewer, night, press, qtbot
):
    dock = open_review(viewer, night)
    dock.files.native.click()
    question = asked(dock, night, qtbot)
    press(dock, "J")
    assert len(dock.session.log) == 2, "no verdict is given to the old session"
    qtbot.mouseClick(question.cancel.native, LEFT)
    dock.files.native.click()
    press(dock, "J")
    assert dock.session.log[-1].reviewer == LOGIN


def test_the_dock_closes_during_the_question(viewer, form, night, qtbot):
    asked(form, night, qtbot)
    settled = []
    form.settled.connect(settled.append)
    viewer.window.remove_dock_widget(form)
    assert settled == [None], "a function that waits for the review returns"


def test_a_command_waits_for_the_answer(viewer, night, qtbot):
    question = review_dock(viewer).opening.reviewer_question

    def answer():
        qtbot.waitUntil(lambda: question.visible)
        qtbot.keyClicks(question.field.native, "Dora")
        qtbot.keyClick(question.field.native, Key.Key_Return)

    QTimer.singleShot(0, answer)
    dock = open_review(viewer, night, ask_reviewer=True)
    assert dock.session.reviewer == "Dora"


def test_many_names_have_a_few_buttons_and_are_completed(form, survey, qtbot):
    names = [f"Reviewer {number:02}" for number in range(12)]
    for number, name in enumerate(names):
        with ReviewSession.open(survey, reviewer=name) as session:
            session.set_label("unsure" if number % 2 else "artifact")
    question = asked(form, survey, qtbot)
    assert sum(button.visible for button in question.buttons) == 8
    assert "12 reviewers" in question.text.value
    qtbot.keyClicks(QApplication.focusWidget(), "reviewer 03")
    completer = question.field.native.completer()
    assert completer.currentCompletion() == "Reviewer 03"
    completer.popup().hide()


def test_a_damaged_log_is_told_as_before(form, night, qtbot):
    log = night.with_name("test_outputs.csv.review.sqlite")
    log.write_bytes(b"no database" * 1000)
    click_open(form, night, qtbot)
    qtbot.waitUntil(lambda: "cannot be read" in form.opening.error.value)
    assert not form.opening.reviewer_question.is_asking


def test_the_field_of_the_form_completes_the_names_of_the_log(form, night, qtbot):
    form.predictions.value = night
    form.opening.fold.header.click()
    field = form.opening.optional.reviewer.native
    assert field.placeholderText() == LOGIN
    field.setFocus()
    qtbot.waitUntil(lambda: field.completer() is not None)
    qtbot.keyClicks(field, "be")
    assert field.completer().currentCompletion() == "Ben"
    qtbot.keyClick(field.completer().popup(), Key.Key_Down)
    qtbot.keyClick(field.completer().popup(), Key.Key_Return)
    assert form.opening.optional.reviewer.value == "Ben"


def test_a_field_about_a_damaged_log_completes_nothing(form, night, qtbot):
    night.with_name("test_outputs.csv.review.sqlite").write_bytes(b"none" * 1000)
    form.predictions.value = night
    form.opening.fold.header.click()
    field = form.opening.optional.reviewer.native
    field.setFocus()
    qtbot.waitUntil(lambda: field.completer() is not None)
    assert field.completer().model().rowCount() == 0


_CLOSE_WHILE_IT_ASKS = """
import sys, napari
from qtpy.QtCore import QTimer
from napari_artifact_review import cli

def close_window():
    for dock in napari.current_viewer().window.dock_widgets.values():
        if dock.opening.reviewer_question.is_asking:
            timer.stop()
            dock.window().close()

class Viewer(napari.Viewer):
    def __init__(self):
        super().__init__()
        timer.start(100)

napari.qt.get_qapp()
timer = QTimer()
timer.timeout.connect(close_window)
napari.Viewer = Viewer
print(cli.main(["open", sys.argv[1]]))
"""


def test_closing_the_window_during_the_question_ends_the_command(night, tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", _CLOSE_WHILE_IT_ASKS, night]
    own_cache = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, env=own_cache
    )
    assert done.stdout.strip().endswith("0"), done.stderr
    assert done.returncode == 0
