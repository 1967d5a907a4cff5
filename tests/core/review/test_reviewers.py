"""Several reviewers of one review: what each of them sees and saves."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import HeldError, ReviewError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.merge import merge_logs

HEADER = "image_name,grid_x,grid_y,label,preds\n"
ROWS = "".join(f"a,{x},0,0,1\n" for x in range(0, 2000, 200))
FIRST, SECOND, THIRD = (CutoutKey("a", x, 0) for x in (0, 200, 400))


@pytest.fixture
def path(tmp_path) -> Path:
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    return table


@pytest.fixture
def by(path):
    """Return a function that opens the review by one of its reviewers."""

    def open_it(name=None, **named):
        return ReviewSession.open(path, reviewer=name, **named)

    return open_it


def labels(session):
    return session.table.label_new.tolist()[:3]


def give(session, *verdicts, cutouts=(FIRST, SECOND, THIRD)):
    for cutout, verdict in zip(cutouts, verdicts, strict=False):
        session.set_label(verdict, cutouts=[cutout])


def test_rules_that_are_set_one_after_the_other_are_all_in_force(by, slow_disk):
    with by("Ana") as ana:
        slow_disk.hold()
        ana.set_team_rules(majority=3, wait=False)
        ana.set_team_rules(members=["Ana", "Ben"], wait=False)
        ana.set_team_rules(reviewers_per_cutout=1, wait=False)
        with pytest.raises(ReviewError, match="needs the names"):
            ana.set_team_rules(members=(), wait=False)
        slow_disk.go_on()
        assert ana.wait_until_recorded(20)
        rules = ana.team_rules
        assert (rules.majority, rules.reviewers_per_cutout) == (3, 1)
        assert rules.members == ("Ana", "Ben")


def test_each_reviewer_sees_and_saves_the_own_verdicts(by):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact")
        saved = ana.save()
    assert pd.read_csv(saved).reviewed_by.tolist()[:2] == ["Ana", "Ana"]
    with by("Ben") as ben:
        assert labels(ben) == [0, 0, 0]
        assert ben.progress == (0, 10)
        assert not ben.undo(), "the verdicts of Ana are not his to undo"
        give(ben, "no artifact")
        assert ben.unsaved > 0, "the output has the verdicts of Ana"
        table = pd.read_csv(ben.save())
        assert table.reviewed_by.fillna("").tolist()[:3] == ["Ben", "", ""]
        assert table.label_new.tolist()[:3] == [0, 0, 0]
    with by("Ana") as ana:
        assert labels(ana) == [1, 1, 0]
        assert ana.unsaved > 0, "the output has the verdicts of Ben"
        assert ana.disagreements == ()
        assert pd.read_csv(ana.save()).label_new.tolist()[:3] == [1, 1, 0]
        assert ana.unsaved == 0
    with by("Ana") as ana:
        assert ana.unsaved == 0


def test_a_saved_table_of_one_reviewer_hides_its_verdicts_from_another(by, path):
    with by("Ana") as ana:
        give(ana, "artifact")
        saved = ana.save()
    with ReviewSession.open(saved, output=saved, reviewer="Ben") as ben:
        assert labels(ben) == [0, 0, 0]
        assert ben.table.reviewed_by[0] == ""


def test_one_reviewer_under_any_name_sees_all_as_before(by):
    with by("Ana") as ana:
        give(ana, "artifact")
    # The login name is another one, and was not confirmed.
    with by() as session:
        assert labels(session) == [1, 0, 0]
        with session.reopen() as again:
            assert labels(again) == [1, 0, 0]


def test_as_soon_as_there_is_a_second_reviewer_each_is_blind(by):
    with by("Ana") as ana:
        give(ana, "artifact")
    with by() as session:
        give(session, "no artifact", cutouts=[SECOND])
        assert labels(session) == [0, 0, 0]
        assert session.progress == (1, 10)


def test_unblinding_is_on_record_and_shows_the_latest_verdicts(by):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact")
    with by("Ben") as ben:
        give(ben, "no artifact")
        ben.set_team_rules(is_blind=False)
        assert labels(ben) == [0, 1, 0]
        entry = ben.log[-1]
        assert (entry.action, entry.reviewer) == ("set rules", "Ben")
        assert not ben.undo() or labels(ben) == [1, 1, 0], "rules are no verdict"
        ben.set_team_rules(is_blind=True)
        assert labels(ben) == [0, 0, 0]
    with by("Ana") as ana:
        assert ana.team_rules.is_blind
        assert labels(ana) == [1, 1, 0]


def test_a_verdict_says_whether_it_was_blind(by):
    def is_blind(session):
        team = session.log[-1].context.get("team")
        return None if team is None else team["blind"]

    with by("Ana") as ana:
        give(ana, "artifact", "artifact")
        assert is_blind(ana) is None, "one reviewer alone has no team"
    with by("Ben") as ben:
        give(ben, "no artifact")
        assert is_blind(ben) is True
        give(ben, "artifact")
        assert is_blind(ben) is False, "others may be shown after the first"
        give(ben, "artifact", cutouts=[THIRD])
        give(ben, "no artifact", cutouts=[THIRD])
        assert is_blind(ben) is True, "there is no other verdict to see"
        ben.set_team_rules(is_blind=False)
        give(ben, "artifact", cutouts=[SECOND])
        assert is_blind(ben) is False


def test_after_a_review_was_open_others_may_have_been_seen(by):
    with by("Ana") as ana:
        give(ana, "artifact")
    with by("Ben") as ben:
        ben.set_team_rules(is_blind=False)
        ben.set_team_rules(is_blind=True)
    with by("Ben") as ben:
        give(ben, "artifact", "artifact")
        blind = [one.context["team"]["blind"] for one in ben.log[-2:]]
        assert blind == [False, True]


def test_rules_out_of_range_are_refused(by):
    with by("Ana") as ana:
        with pytest.raises(ReviewError, match="majority"):
            ana.set_team_rules(majority=0)
        assert ana.log == ()


def test_what_reads_a_review_of_several_has_their_consensus(by):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact", "artifact")
    with by("Ben") as ben:
        give(ben, "artifact", "no artifact")
    with by(read_only=True) as everyone:
        assert labels(everyone) == [1, 0, 1]
        table = everyone.table
        assert table.reviewed_by.tolist()[:3] == ["Ana;Ben", "Ana;Ben", "Ana"]
        assert table.decision.tolist()[:3] == ["artifact", "unsure", "artifact"]
        with pytest.raises(HeldError):
            everyone.set_label("artifact")
    with by("Ben", read_only=True) as ben:
        assert labels(ben) == [1, 0, 0]


def test_a_dispute_is_adjudicated_undone_and_reopened(by):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact", "artifact")
    with by("Ben") as ben:
        give(ben, "no artifact", "artifact", "no artifact")
        assert ben.disputed.index.tolist() == [0, 2]
    with by("Eva") as eva:
        assert eva.show_disputed()
        assert eva.current["grid_x"] == 0
        assert eva.is_adjudicating
        eva.adjudicate("artifact", "ghost", "faint")
        assert labels(eva) == [0, 0, 0], "an adjudication is no verdict of Eva"
        assert eva.stored == 0
        assert eva.disputed.index.tolist() == [2]
        assert eva.undo()
        assert eva.disputed.index.tolist() == [0, 2]
        assert eva.redo()
        assert eva.end_disputed()
    with by(read_only=True) as everyone:
        assert labels(everyone) == [1, 1, 0]
        assert everyone.table.kind[0] == "ghost"
    with by("Ana") as ana:
        give(ana, "no artifact")
        assert ana.disputed.index.tolist() == [2]
        give(ana, "artifact")
        assert ana.disputed.index.tolist() == [0, 2], "she voted after Eva"


def test_an_adjudication_needs_a_vote_and_a_verdict_that_exists(by):
    with by("Ana") as ana:
        with pytest.raises(ReviewError, match="no reviewer"):
            ana.adjudicate("artifact")
        with pytest.raises(ValueError, match="maybe"):
            ana.adjudicate("maybe")
        assert not ana.show_disputed()


def test_older_versions_refuse_a_log_with_rules_or_adjudications(by):
    with by("Ana") as ana:
        give(ana, "artifact")
        store = Path(ana.store)
        assert version_of(store) == 3, "one reviewer alone changes nothing"
        ana.set_team_rules(majority=3)
    assert version_of(store) == 5
    with by("Ana") as ana:
        assert ana.team_rules.majority == 3


def version_of(store):
    db = sqlite3.connect(store)
    [(version,)] = db.execute("SELECT schema_version FROM review")
    db.close()
    return version


def test_verdicts_of_several_go_to_the_next_round_as_their_consensus(by, tmp_path):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact")
    with by("Ben") as ben:
        give(ben, "artifact", "no artifact")
        log = Path(ben.store)
    new = tmp_path / "next" / "predictions.csv"
    new.parent.mkdir()
    shutil.copy(tmp_path / "predictions.csv", new)
    for previous in (tmp_path / "predictions.csv", log):
        output = new.with_name(f"{previous.suffix[1:]}.csv")
        with ReviewSession.open(new, output=output, previous=previous) as session:
            assert labels(session) == [1, 0, 0]
            assert session.table.reviewed_by.tolist()[:2] == ["Ana;Ben", "Ana;Ben"]
            assert session.table.decision.tolist()[:2] == ["artifact", "unsure"]


def test_a_new_reviewer_is_told_that_others_are_hidden(by):
    with by("Ana") as ana:
        give(ana, "artifact")
    with by("Ben") as ben:
        assert any("verdicts of Ana." in one for one in ben.notices)
        give(ben, "artifact")
    with by("Ben") as ben:
        assert not any("Ana" in one for one in ben.notices)


def test_two_logs_of_one_name_that_differ_are_told(by, tmp_path):
    with by("Ana") as ana:
        give(ana, "artifact", "artifact")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(tmp_path / "predictions.csv", other)
    with ReviewSession.open(other / "predictions.csv", reviewer="Ana") as two:
        give(two, "unsure")
        give(two, "no artifact", "artifact", "artifact")
        entries = two.log
    store = Path(ana.store)
    merge_logs([store, Path(two.store)], tmp_path / "team.sqlite")
    with by("Ana", store=tmp_path / "team.sqlite") as both:
        [told] = [one for one in both.notices if "Several logs of Ana differ" in one]
        assert "1 cutout, first on a (0, 0)" in told
        assert labels(both) == [0, 1, 1], "the later verdict counts"
        assert len(both.log) == len(entries) + 2


def test_a_verdict_that_revises_one_of_another_computer_is_no_contradiction(
    by, tmp_path
):
    with by("Ana") as ana:
        give(ana, "artifact")
    shutil.copytree(tmp_path, tmp_path / "copy")
    for _ in range(2):
        with ReviewSession.open(
            tmp_path / "copy/predictions.csv", reviewer="Ana"
        ) as two:
            assert not any("Several logs" in one for one in two.notices)
            give(two, "no artifact")
            assert labels(two) == [0, 0, 0]


def test_verdicts_on_cutouts_that_the_table_lacks_make_no_team(by, path):
    with by("Ana") as ana:
        give(ana, "artifact")
    with by("Ben") as ben:
        give(ben, "artifact", cutouts=[SECOND])
        assert ben.reviewers.is_team
    path.write_text(HEADER + ROWS.replace("a,0,0,0,1\n", ""))
    with by("Ben") as ben:
        assert not ben.reviewers.is_team


def test_an_undo_of_several_verdicts_is_counted_where_the_table_has_fewer(by, path):
    with by("Ana") as ana:
        ana.set_team_rules(majority=3)
        ana.set_label("artifact", cutouts=[FIRST, SECOND])
    path.write_text(HEADER + ROWS.replace("a,200,0,0,1\n", ""))
    with by("Ana") as ana:
        assert ana.undo()
    path.write_text(HEADER + ROWS)
    with by("Ana") as ana:
        assert ana.reviewers.votes.counts == {}
        assert ana.redo()
        assert ana.reviewers.votes.counts == {"Ana": 2}
