"""The line with the verdicts of others: hidden until the reviewer gives one."""

from __future__ import annotations

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.widgets.panels.others import OthersLine
from tests.disputes import QUEUE, disputed, give

__all__ = ["disputed"]

NOTHING = "Others: shown after your verdict"


@pytest.fixture
def line(qtbot):
    line = OthersLine()
    qtbot.addWidget(line)
    return line


@pytest.fixture
def eva(disputed):
    with ReviewSession.open(disputed, reviewer="Eva") as session:
        yield session


def shown(line, session):
    """Return text and tooltip, as a user can see them."""
    line.show_others(session)
    return line.full_text, line.toolTip()


def test_names_and_notes_come_after_the_own_verdict(line, eva):
    assert shown(line, eva) == (NOTHING, NOTHING)
    give(eva, "artifact")
    text = "Others: artifact (ghost) 1, no artifact 1; majority for artifact"
    names = "Ana: artifact (ghost): a ring\nBen: no artifact"
    assert shown(line, eva) == (text, f"{text}\n{names}")


def test_before_the_verdict_it_is_the_same_whatever_others_said(line, eva):
    for key in QUEUE:
        eva.select(*key)
        assert shown(line, eva) == (NOTHING, NOTHING)
    give(eva, None, None, None, "artifact")
    assert shown(line, eva)[0] == "Others: no verdict yet"


def test_a_cutout_that_is_asked_about_again_hides_them(line, eva):
    give(eva, "artifact")
    eva.hide_until_verdict([eva.current_cutout.row])
    assert shown(line, eva) == (NOTHING, NOTHING)
    give(eva, "artifact")
    assert "majority" in shown(line, eva)[0]


def test_an_open_review_shows_them_at_once_except_on_hidden_cutouts(line, eva):
    eva.set_team_rules(is_blind=False)
    assert "disputed" in shown(line, eva)[0]
    eva.hide_until_verdict([eva.current_cutout.row])
    assert shown(line, eva) == (NOTHING, NOTHING)


def test_one_reviewer_alone_has_no_such_line(line, survey):
    with ReviewSession.open(survey, reviewer="Ana") as ana:
        line.show_others(ana)
        assert line.isHidden()


def test_an_adjudication_shows_all_votes_elsewhere(line, eva):
    line.show_others(eva)
    assert not line.isHidden()
    eva.show_disputed()
    line.show_others(eva)
    assert line.isHidden()
