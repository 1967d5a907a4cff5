"""A review with a meeting place on a real server, in a real window."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.core.decisions.store import Store

TIMEOUT = 20


@pytest.fixture
def team(server) -> str:
    """Make an empty database, and return its URL."""
    return server.url(server.make_database())


@pytest.fixture
def dock(viewer, survey, team, qtbot):
    """Open the review with a meeting place, as a user does."""
    dock = open_review(viewer, survey, team=team)
    qtbot.waitUntil(lambda: "all sent" in dock.panel.team.state.value)
    return dock


def type_keys(dock, keys, settle, qtbot):
    for key in keys:
        settle(dock)
        qtbot.keyClick(dock.window(), key)


def elsewhere(survey, team, tmp_path) -> ReviewSession:
    """Open the same review on another computer."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    table = folder / "predictions.csv"
    table.write_bytes(survey.read_bytes())
    return ReviewSession.open(table, survey.parent, reviewer="eve", team=team)


def test_another_reviewer_is_counted_here_and_the_verdicts_stay_hidden(
    dock, survey, team, tmp_path, qtbot
):
    with elsewhere(survey, team, tmp_path) as other:
        other.set_label("artifact")
        assert other.team.synchronize(TIMEOUT)
        line = dock.panel.team.progress
        qtbot.waitUntil(lambda: line.full_text.endswith(" 0, eve 1 of 4"))
    assert dock.session.progress == (0, 4)
    assert "eve" not in dock.history.value


def test_verdicts_of_another_computer_show_here_and_move_nothing(
    dock, survey, team, tmp_path, qtbot
):
    with elsewhere(survey, team, tmp_path) as other:
        other.set_team_rules(is_blind=False)
        other.set_label(
            "no artifact", cutouts=[other.cutout_index.key_of(other.catalog.errors[0])]
        )
        assert other.team.synchronize(TIMEOUT)
        before = dock.session.current_cutout.key
        qtbot.waitUntil(lambda: dock.session.progress == (1, 4))
        assert dock.session.current_cutout.key == before
        assert "Changed by eve" in dock.history.value


def test_a_frozen_server_is_a_banner_and_everything_goes_on(
    viewer, dock, survey, server, settle, qtbot
):
    server.freeze()
    type_keys(dock, "JK", settle, qtbot)
    panel = dock.panel.team
    qtbot.waitUntil(lambda: panel.problem.visible)
    assert "Verdicts are not exchanged" in panel.problem.value
    assert "Check the network" in panel.problem.value
    assert "2 not sent yet" in panel.state.value
    assert not dock.banner.visible, "verdicts are recorded all the same"
    qtbot.waitUntil(lambda: dock.session.progress == (2, 4))
    qtbot.keyClick(dock.window(), "W")
    qtbot.waitUntil(lambda: not dock.session.unsaved)
    store = Path(dock.session.store)
    viewer.close()
    qtbot.waitUntil(lambda: len(Store(store, read_only=True).read().entries) == 2)


def test_what_was_not_sent_is_sent_when_the_server_is_back(dock, server, settle, qtbot):
    server.kill()
    type_keys(dock, "J", settle, qtbot)
    qtbot.waitUntil(lambda: dock.panel.team.problem.visible)
    server.start()
    qtbot.waitUntil(lambda: not dock.panel.team.problem.visible)
    assert "all sent" in dock.panel.team.state.value


def test_opened_again_it_still_meets_the_others(
    dock, survey, team, tmp_path, settle, qtbot
):
    before = dock.session
    dock.files.native.click()
    dock.open.native.click()
    qtbot.waitUntil(lambda: dock.session not in (None, before))
    qtbot.waitUntil(lambda: "all sent" in dock.panel.team.state.value)
    type_keys(dock, "J", settle, qtbot)
    with elsewhere(survey, team, tmp_path) as other:
        qtbot.waitUntil(
            lambda: (
                other.team.synchronize(TIMEOUT)
                and sum(other.reviewers.votes.counts.values()) == 1
            )
        )


def test_a_review_without_a_team_shows_none(viewer, survey):
    dock = open_review(viewer, survey)
    assert not dock.panel.team.visible


def test_a_bad_file_in_a_shared_folder_is_a_banner_until_it_is_whole(
    viewer, survey, tmp_path, settle, qtbot
):
    folder = tmp_path / "shared"
    folder.mkdir()
    with elsewhere(survey, folder, tmp_path) as other:
        key = other.cutout_index.key_of(other.catalog.errors[-1])
        other.set_label("artifact", cutouts=[key])
        assert other.team.synchronize(TIMEOUT)
    [bad] = folder.glob("*/*.jsonl")
    whole = bad.read_bytes()
    bad.write_bytes(whole[:-9])
    dock = open_review(viewer, survey, team=folder)
    panel = dock.panel.team
    qtbot.waitUntil(lambda: panel.problem.visible)
    assert "A file at the meeting place is left out" in panel.problem.value
    assert "not completely copied yet" in panel.problem.value
    assert str(bad) in panel.problem.tooltip
    type_keys(dock, "J", settle, qtbot)
    qtbot.waitUntil(lambda: "all sent" in panel.state.value)
    bad.write_bytes(whole)
    votes = dock.session.reviewers.votes
    qtbot.waitUntil(lambda: votes.counts.get("eve") == 1)
    qtbot.waitUntil(lambda: not panel.problem.visible)
