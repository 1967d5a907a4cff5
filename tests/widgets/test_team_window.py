"""The window of a team: work, rules and agreement, in a real window."""

from __future__ import annotations

import json
import sqlite3
import threading

import pandas as pd
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.review.team_snapshot import TeamSnapshot
from napari_artifact_review.core.team.agreement_tables import agreement_as_text
from napari_artifact_review.core.team.agreement_texts import as_json, sentences
from napari_artifact_review.core.team.rules import TeamRules

LEFT = Qt.MouseButton.LeftButton
#: The name of a reviewer that Qt could take for markup, and that is long.
LONG = "<b>Bartholomäus</b> Featherstonehaugh-Cholmondeley"


def give(path, name, *verdicts):
    """Give verdicts on the errors of the survey, as another process would."""
    with ReviewSession.open(path, reviewer=name) as session:
        for row, verdict in zip(session.catalog.errors, verdicts, strict=False):
            session.set_label(verdict, cutouts=[session.cutout_index.key_of(int(row))])


@pytest.fixture
def team(survey):
    """Two reviewers differ on one of four errors."""
    give(survey, LONG, "artifact", "artifact", "unsure", "artifact")
    give(survey, "Ana", "artifact", "no artifact", "artifact")
    return survey


@pytest.fixture
def dock(viewer, team, qtbot):
    dock = open_review(viewer, team, reviewer="Ana")
    dock.auto_advance.value = False
    dock.window().activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is not None)
    return dock


def settled(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.review.coordinator.is_busy)
    return dock.workspace.team


@pytest.fixture
def window(dock, qtbot):
    """Click the button in the panel of the team, and return the window."""
    qtbot.mouseClick(dock.panel.team.window.native, LEFT)
    window = dock.workspace.team
    qtbot.waitUntil(lambda: bool(window.work.table.texts))
    return window


@pytest.fixture
def choose(monkeypatch):
    """Return a function that sets the file which a dialog returns."""

    def set_file(path):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))

    return set_file


@pytest.fixture
def answer(qtbot):
    """Return a function that answers the next question with a button, by its text."""
    timer, questions, texts = QTimer(), [], []

    def click():
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            timer.stop()
            questions.append(box.text())
            [button] = [one for one in box.buttons() if texts[-1] in one.text()]
            qtbot.mouseClick(button, LEFT)

    def set_answer(text):
        texts.append(text)
        timer.start(20)
        return questions

    timer.timeout.connect(click)
    yield set_answer
    timer.stop()


def show(window, tab, dock, qtbot):
    window.tabs.setCurrentWidget(tab)
    settled(dock, qtbot)


def test_it_shows_the_work_of_each_reviewer_and_what_is_disputed(window):
    long, ana = sorted(window.work.table.texts)
    assert long[:4] == [LONG, "4", "4 of 4", "1"]
    assert ana[:4] == ["Ana", "3", "3 of 4", "0"]
    lines = dict(window.work.state.lines)
    assert lines["Disputed"] == "1"
    assert lines["Open"].startswith("1 ")
    assert "Meeting place" not in lines
    [item] = window.work.table.findItems(LONG, Qt.MatchFlag.MatchExactly)
    assert "&lt;" not in item.text()
    assert "Featherstonehaugh-Cholmondeley" in item.toolTip()


def test_it_follows_verdicts_while_it_is_visible_in_a_thread(
    dock, window, press, qtbot, monkeypatch
):
    threads, overview = [], TeamSnapshot.overview

    def noted(snapshot):
        threads.append(threading.current_thread())
        return overview(snapshot)

    monkeypatch.setattr(TeamSnapshot, "overview", noted)
    dock.session.go_to(int(dock.session.errors.error_id.iloc[3]))
    press(dock, "J")
    qtbot.waitUntil(lambda: window.work.table.texts[-1][1] == "4")
    assert threading.main_thread() not in threads
    window.close()
    settled(dock, qtbot)
    count = len(threads)
    press(dock, "K")
    qtbot.waitUntil(lambda: dock.session.table.label_new.iloc[0] in (0, 1))
    dock.review.coordinator.update()
    settled(dock, qtbot)
    assert len(threads) == count, "a hidden window needs no numbers"


def test_the_agreement_is_measured_when_it_is_looked_at(
    dock, window, qtbot, choose, tmp_path, monkeypatch
):
    assert not window.agreement.copy.isEnabled()
    show(window, window.agreement, dock, qtbot)
    expected = dock.session.agreement()
    assert window.agreement.agreement == expected
    for sentence in sentences(expected):
        assert sentence in window.agreement.sentences.text().replace("\u200b", "")
    pairs = [grid.texts for grid in window.agreement.tables]
    assert any(texts[0][0] == f"{LONG} and Ana" for texts in pairs)
    qtbot.mouseClick(window.agreement.copy, LEFT)
    assert QApplication.clipboard().text() == agreement_as_text(expected)
    path = tmp_path / "found.json"
    choose(path)
    qtbot.mouseClick(window.agreement.save_json, LEFT)
    settled(dock, qtbot)
    assert json.loads(path.read_text()) == json.loads(json.dumps(as_json(expected)))
    assert str(path) in window.message.text().replace("\u200b", "")


def test_a_file_that_cannot_be_written_is_an_error_in_the_window(
    dock, window, qtbot, choose, tmp_path
):
    show(window, window.agreement, dock, qtbot)
    choose(tmp_path / "missing" / "found.json")
    qtbot.mouseClick(window.agreement.save_json, LEFT)
    settled(dock, qtbot)
    assert window.error.text().startswith("Nothing was written.")
    assert window.agreement.save_json.isEnabled()


def test_the_consensus_is_saved_beside_the_output(
    dock, window, qtbot, choose, answer, tmp_path
):
    path = tmp_path / "all.csv"
    choose(path)
    questions = answer("Write")
    qtbot.mouseClick(window.save_consensus, LEFT)
    assert not window.save_consensus.isEnabled()
    settled(dock, qtbot)
    assert "on 1 cutout without a verdict of yours" in questions[0]
    table = pd.read_csv(path)
    assert table.n_reviewers.max() == 2
    assert (tmp_path / "votes.csv").exists()
    assert "1 cutout is disputed" in window.message.text()
    assert str(path) in window.message.text().replace("\u200b", "")
    assert dock.session.reviewers.hides_others, "the review itself stays blind"


def test_a_file_with_hidden_verdicts_is_written_on_the_record_only(
    dock, window, press, qtbot, choose, answer, tmp_path
):
    path, last = tmp_path / "all.csv", int(dock.session.errors.error_id.iloc[3])
    choose(path)
    before = len(dock.session.log)
    answer("Cancel")
    qtbot.mouseClick(window.save_consensus, LEFT)
    assert not dock.review.coordinator.is_busy
    assert len(dock.session.log) == before
    questions = answer("Write")
    qtbot.mouseClick(window.save_consensus, LEFT)
    settled(dock, qtbot)
    assert path.exists()
    assert dock.session.log[-1].action == "see votes"
    qtbot.mouseClick(window.save_consensus, LEFT)
    settled(dock, qtbot)
    assert len(questions) == 2, "after the record, there is no further question"
    dock.session.go_to(last)
    press(dock, "J")
    assert dock.session.wait_until_recorded(20)
    assert dock.session.log[-1].context["team"]["blind"] is False


def test_a_report_with_hidden_verdicts_is_a_question_too(
    dock, window, qtbot, choose, answer, tmp_path
):
    choose(tmp_path / "report.html")
    questions = answer("Cancel")
    qtbot.mouseClick(dock.panel.saving.report.native, LEFT)
    assert len(questions) == 1
    assert not dock.review.reporter.is_writing


# Rules


@pytest.fixture
def rules(dock, window, qtbot):
    show(window, window.rules, dock, qtbot)
    return window.rules


def add(rules, name, qtbot):
    rules.members.name.setEditText(name)
    qtbot.mouseClick(rules.members.add, LEFT)


def test_rules_are_recorded_with_what_they_mean(dock, rules, window, qtbot):
    assert not rules.apply.isEnabled()
    add(rules, "Ana", qtbot)
    add(rules, "Zoë", qtbot)
    rules.per_cutout.setValue(1)
    rules.common.setValue(12.5)
    rules.blind.setChecked(False)
    assert "Reviewers are not blind" in rules.meaning.text()
    assert "1 of the members (Ana, Zoë)" in rules.meaning.text()
    before = len(dock.session.log)
    qtbot.mouseClick(rules.apply, LEFT)
    qtbot.waitUntil(lambda: "recorded" in window.message.text())
    assert dock.session.team_rules == TeamRules(
        is_blind=False,
        members=("Ana", "Zoë"),
        reviewers_per_cutout=1,
        common_share=0.125,
    )
    assert len(dock.session.log) == before + 1
    settled(dock, qtbot)
    assert rules.origin.text().startswith("Set by Ana, ")
    assert not rules.apply.isEnabled()
    assert not rules.revert.isEnabled()
    names = [texts[0] for texts in window.work.table.texts]
    assert "Zoë" in names, "a member without a verdict has a row"


def test_rules_that_are_not_valid_are_told_in_place(rules, qtbot):
    rules.seed.setText("-1")
    assert "whole number" in rules.fault.text()
    assert not rules.apply.isEnabled()
    qtbot.mouseClick(rules.revert, LEFT)
    assert rules.seed.text() == "0"
    assert rules.fault.isHidden()
    add(rules, "Ana;Ben", qtbot)
    assert rules.members.names == ()
    assert rules.members.hint.text()
    add(rules, "Ana", qtbot)
    add(rules, "Ana", qtbot)
    assert rules.members.names == ("Ana",)
    assert "already" in rules.members.hint.text()
    add(rules, "Jos\u00e9", qtbot)
    add(rules, "Jose\u0301", qtbot)
    assert rules.members.names == ("Ana", "Jos\u00e9")
    assert "already" in rules.members.hint.text()


def test_members_can_be_removed(rules, qtbot):
    add(rules, "Ana", qtbot)
    add(rules, "Ben", qtbot)
    assert not rules.members.remove.isEnabled()
    rules.members.list.setCurrentRow(0)
    qtbot.mouseClick(rules.members.remove, LEFT)
    assert rules.members.names == ("Ben",)
    assert rules.changes == {"members": ("Ben",)}


def test_known_reviewers_are_offered(rules, qtbot):
    offered = rules.members.name
    assert {offered.itemText(i) for i in range(offered.count())} == {"Ana", LONG}
    add(rules, "Ana", qtbot)
    assert [offered.itemText(i) for i in range(offered.count())] == [LONG]


def test_rules_of_others_appear_beside_those_that_are_edited(
    dock, rules, window, qtbot
):
    rules.majority.setValue(3)
    # A share that no field can show in full is no edit.
    dock.session.set_team_rules(common_share=1 / 3, seed=7, wait=False)
    qtbot.waitUntil(lambda: rules.seed.text() == "7")
    assert rules.changes == {"majority": 3}
    qtbot.mouseClick(rules.apply, LEFT)
    qtbot.waitUntil(lambda: "recorded" in window.message.text())
    assert dock.session.team_rules == TeamRules(common_share=1 / 3, seed=7, majority=3)


def test_rules_that_cannot_be_recorded_are_told(dock, rules, window, qtbot, slow_disk):
    slow_disk.faults.append(sqlite3.OperationalError("disk I/O error"))
    rules.majority.setValue(3)
    qtbot.mouseClick(rules.apply, LEFT)
    qtbot.waitUntil(lambda: "not recorded" in window.error.text())
    assert dock.session.team_rules.majority == 2
    assert rules.changes == {"majority": 3}


# One reviewer, and the life of the window


def test_alone_the_window_opens_from_the_results(viewer, survey, qtbot):
    dock = open_review(viewer, survey, reviewer="Ana")
    assert not dock.panel.team.native.isVisible()
    dock.panel.folds["changes"].header.setChecked(True)
    qtbot.mouseClick(dock.panel.results.team.native, LEFT)
    window = dock.workspace.team
    qtbot.waitUntil(lambda: window.work.empty.text() == "No verdicts yet.")
    assert window.work.table.isHidden()
    show(window, window.agreement, dock, qtbot)
    assert "needs the verdicts of two" in window.agreement.sentences.text()
    assert not window.agreement.save_json.isEnabled()


def test_another_review_begins_with_an_empty_window(dock, window, rules, qtbot):
    rules.majority.setValue(3)
    dock.close_review()
    assert not window.isVisible()
    dock.open.changed.emit(True)
    qtbot.waitUntil(lambda: dock.review is not None and dock.is_shown)
    assert window.work.table.isHidden()
    assert rules.changes == {}
    qtbot.mouseClick(dock.panel.team.window.native, LEFT)
    qtbot.waitUntil(lambda: bool(window.work.table.texts))
    assert rules.majority.value() == 2
