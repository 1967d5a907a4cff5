"""What reviewers have done, and the rules of their team, as texts."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.team.overview import ReviewerWork, TeamOverview
from napari_artifact_review.core.team.overview_texts import (
    rules_sentences,
    state_lines,
    time_text,
    work_table,
)
from napari_artifact_review.core.team.rules import TeamRules

ANA = ReviewerWork("Ana", 1200, 1300, 1100, 3, 50, 2, "2026-03-01T14:02:11.480Z", 1, ())
NEW = ReviewerWork("Ben\n", 0, 0, 0, 0, 0, 0, "", 0, ())


def overview(*reviewers, by_votes=(5, 0, 1200)):
    return TeamOverview(
        reviewers, sum(by_votes), by_votes, 1205, 7, 2, TeamRules(), "", ""
    )


def test_each_reviewer_has_a_row():
    table = work_table(overview(ANA, NEW))
    assert table.rows == (
        ("Ana", "1,200", "1,100 of 1,300", "3", "50", "2", "2026-03-01 14:02:11", "1"),
        ("Ben ", "0", "none assigned", "0", "0", "0", "none", "0"),
    )
    assert {len(row) for row in table.rows} == {len(table.head)}
    assert table.notes == ()


def test_several_logs_of_a_name_are_told_with_where_they_differ():
    cutouts = tuple(CutoutKey("a", x, 0) for x in range(7))
    one = ReviewerWork("Ana", 9, 9, 9, 0, 0, 0, "", 2, ())
    two = ReviewerWork("Ben", 9, 9, 9, 0, 0, 0, "", 3, cutouts)
    first, second = work_table(overview(one, two)).notes
    assert first.startswith("Ana has 2 logs, one for each computer. If they are of")
    assert "They differ on 7 cutouts: a (0, 0), a (1, 0)" in second
    assert "a (4, 0), ..." in second
    assert "a (5, 0)" not in second


def test_cutouts_are_counted_by_votes():
    lines = dict(state_lines(overview(ANA)))
    assert lines["Cutouts under review"] == (
        "1,205: 5 without a vote, 1,200 with 2 votes"
    )
    assert lines["Disputed"] == "7"
    assert dict(state_lines(overview(by_votes=(0,))))["Cutouts under review"] == (
        "0: none"
    )


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (TeamRules(), "Reviewers are blind: "),
        (TeamRules(is_blind=False), "Reviewers are not blind: "),
        (TeamRules(), "Every cutout is for everyone."),
        (
            TeamRules(members=("Ana", "Ben")),
            "for all members: Ana, Ben.",
        ),
        (
            TeamRules(
                members=("Ana", "Ben", "Eva"),
                reviewers_per_cutout=2,
                common_share=0.125,
                seed=4,
            ),
            "Each cutout is for 2 of the members (Ana, Ben, Eva), drawn with seed 4, "
            "and 12.5 % of the cutouts are for all of them.",
        ),
        (
            TeamRules(members=("Ana", "Ben"), reviewers_per_cutout=5),
            "Each cutout is for 2 of the members (Ana, Ben), drawn with seed 0.",
        ),
        (TeamRules(repeat_share=0), "No cutout is repeated."),
        (TeamRules(), "5 % of the looks repeat a cutout of an earlier verdict."),
        (TeamRules(majority=3), "a majority of at least 3 equal verdicts decides."),
    ],
)
def test_each_rule_is_a_sentence(rules, sentence):
    assert any(sentence in one for one in rules_sentences(rules))


def test_a_time_is_shown_as_it_is_in_the_log():
    assert time_text("2026-03-01T14:02:11.480Z") == "2026-03-01 14:02:11"
    assert time_text("") == ""
