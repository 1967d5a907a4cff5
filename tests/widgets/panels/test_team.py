"""The progress of the reviewers in the panel of a team, also with many long names."""

from __future__ import annotations

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.widgets.panels.team import TeamPanel

NAMES = ("Ana", "Benedict of the long name", "<b>Cem</b>", "Dan", "Eva", "张伟")


@pytest.fixture
def review(survey):
    """Have each of six reviewers give more verdicts than the one before."""
    for count, name in enumerate(NAMES, 1):
        with ReviewSession.open(survey, reviewer=name) as session:
            for row in range(count):
                key = session.cutout_index.key_of(row)
                session.set_label("artifact", cutouts=[key])
    return survey


@pytest.fixture
def panel(qtbot):
    panel = TeamPanel()
    qtbot.addWidget(panel.native)
    return panel


def show(panel, session, width=2000):
    panel.show_team(session)
    panel.native.show()
    panel.native.resize(width, 80)
    return panel.progress


def test_the_own_name_comes_first_and_the_others_by_name(panel, survey):
    for name in ("Ben", "Ana"):
        with ReviewSession.open(survey, reviewer=name) as session:
            session.set_label("artifact")
    with ReviewSession.open(survey, reviewer="Ben") as session:
        assert show(panel, session).shown_text == "Ben 1, Ana 1 of 4"
        assert panel.progress.toolTip() == (
            "Ben: 1 cutout\nAna: 1 cutout\nYour queue: 4 cutouts"
        )


def test_a_team_whose_verdicts_are_all_undone_has_no_progress(panel, survey):
    for name in ("Ben", "Ana"):
        with ReviewSession.open(survey, reviewer=name) as session:
            session.set_label("artifact")
            session.undo()
    with ReviewSession.open(survey, reviewer="Eva", read_only=True) as session:
        assert show(panel, session).shown_text == "Eva 0 of 4"


def test_a_problem_of_the_last_review_is_not_shown_for_the_next(
    panel, survey, tmp_path, qtbot
):
    (tmp_path / "file").touch()
    with ReviewSession.open(survey, team=tmp_path / "file", reviewer="Ana") as session:
        qtbot.waitUntil(lambda: session.team.problem is not None)
        show(panel, session)
        assert panel.problem.visible
    with ReviewSession.open(survey, output=tmp_path / "next.csv") as session:
        show(panel, session)
        assert not panel.problem.visible


def test_names_that_do_not_fit_are_cut_or_counted(panel, review):
    with ReviewSession.open(review, reviewer="Eva") as session:
        progress = show(panel, session)
        assert progress.shown_text.startswith("Eva 5, <b>Cem</b> 3, Ana 1, ")
        narrow = show(panel, session, 150).shown_text
        assert narrow.startswith("Eva 5, ")
        assert ", +" in narrow
        tooltip = progress.toolTip()
        assert "Benedict of the long name: 2 cutouts" in tooltip
        assert "<b>" not in tooltip, "Qt would read it as HTML"


def test_a_reviewer_beyond_the_queue_has_no_total(panel, review):
    with ReviewSession.open(review, reviewer="Ana") as session:
        assert " of " not in show(panel, session).full_text.replace(NAMES[1], "")
        session.set_queue(outcomes=("FP", "FN", "TP", "TN"))
        assert show(panel, session).full_text.endswith(" of 36")


def test_members_without_a_verdict_are_shown(panel, survey):
    with ReviewSession.open(survey, reviewer="Ana") as session:
        assert not panel.visible
        session.set_team_rules(members=("Ana", "Ben"))
        assert show(panel, session).full_text == "Ana 0, Ben 0 of 4"


def test_a_window_of_the_consensus_names_only_reviewers(panel, review):
    with ReviewSession.open(review, read_only=True) as session:
        assert show(panel, session).full_text.startswith("<b>Cem</b> 3, Ana 1")


def test_a_dispute_does_not_move_the_panels_below(panel, review):
    with ReviewSession.open(review, reviewer="Eva") as session:
        show(panel, session)
        assert not panel.disputed.visible
        height = panel.native.sizeHint().height()
        session.set_label("no artifact", cutouts=[session.cutout_index.key_of(4)])
        show(panel, session)
        assert panel.disputed.visible
        assert panel.disputed.text == "Disputed (1)"
        assert panel.native.sizeHint().height() == height


def test_with_assigned_cutouts_the_total_is_that_of_the_own_queue(panel, survey):
    with ReviewSession.open(survey, reviewer="Ana") as session:
        session.set_team_rules(members=("Ana", "Ben"), reviewers_per_cutout=1)
        total = session.rule_queue.progress[1]
        assert total < 4
        assert show(panel, session).full_text == f"Ana 0 of {total}, Ben 0"


def test_a_reviewer_alone_with_rules_is_shown_before_the_first_verdict(panel, survey):
    with ReviewSession.open(survey, reviewer="Ana") as session:
        session.set_team_rules(majority=3)
        assert show(panel, session).full_text == "Ana 0 of 4"
