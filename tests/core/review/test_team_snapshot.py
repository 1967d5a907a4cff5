"""What each reviewer has done, and what is disputed and open, from the log."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review import team_process
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.review.team_process import TeamMeasurer
from napari_artifact_review.core.team.merge import merge_logs

HEADER = "image_name,grid_x,grid_y,label,preds\n"
#: Eight errors, and two cutouts that no queue asks about by default.
ROWS = "".join(f"a,{x},0,0,{int(x < 1600)}\n" for x in range(0, 2000, 200))
CUTOUTS = [CutoutKey("a", x, 0) for x in range(0, 2000, 200)]


@pytest.fixture
def path(tmp_path) -> Path:
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    return table


def give(session, *verdicts):
    for cutout, verdict in zip(CUTOUTS, verdicts, strict=False):
        session.set_label(verdict, cutouts=[cutout])


def overview(session):
    return session.team_snapshot().overview()


@pytest.fixture
def of_three(path):
    """Three reviewers, two disputes, one of them settled; return the overview."""
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact", "artifact", "unsure")
        ana.set_label("artifact", cutouts=[CUTOUTS[9]])
    with ReviewSession.open(path, reviewer="Ben") as ben:
        give(ben, "no artifact", "artifact")
        give(ben, "no artifact", "no artifact")
    with ReviewSession.open(path, reviewer="Eva") as eva:
        eva.set_label("artifact", cutouts=[CUTOUTS[9]])
        eva.undo()
        eva.adjudicate("artifact", cutout=CUTOUTS[0])
        return overview(eva), eva.log


def test_it_counts_what_each_reviewer_has_done(of_three):
    found, log = of_three
    ana, ben, eva = found.reviewers
    assert (ana.name, ana.verdicts, ana.done, ana.assigned) == ("Ana", 4, 3, 8)
    assert (ana.unsure, ben.unsure) == (1, 0)
    assert (ben.name, ben.verdicts, ben.done) == ("Ben", 2, 2)
    assert (eva.name, eva.verdicts, eva.adjudications) == ("Eva", 0, 1)
    last = [entry for entry in log if entry.reviewer == "Ana"][-1]
    assert ana.last_verdict == last.decided_at
    assert eva.last_verdict == "", "an undone verdict is none"
    assert (ana.logs, eva.logs, ana.repeats) == (1, 1, 0)


def test_it_counts_votes_and_disputes_of_the_cutouts_under_review(of_three):
    found, _ = of_three
    assert found.cutouts == 8
    assert found.by_votes == (5, 1, 2, 0)
    assert (found.disputed, found.adjudicated, found.open) == (1, 1, 8)


def test_a_cutout_is_open_until_all_members_have_decided_it(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact", "artifact")
    with ReviewSession.open(path, reviewer="Ben") as ben:
        give(ben, "artifact")
        assert overview(ben).open == 7
        ben.set_team_rules(members=("Ana", "Zoe"))
        found = overview(ben)
    assert [(one.name, one.assigned) for one in found.reviewers] == [
        ("Ana", 8),
        ("Ben", 0),
        ("Zoe", 8),
    ]
    assert found.open == 8
    assert (found.rules_set_by, found.rules.members) == ("Ben", ("Ana", "Zoe"))
    assert found.rules_set_at


def test_the_rules_say_what_is_assigned_to_each_member(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, *["artifact"] * 8)
        ana.set_team_rules(members=("Ana", "Zoe"), reviewers_per_cutout=1)
        found = overview(ana)
        queued = len(ana.queue)
    first, second = found.reviewers
    assert first.assigned == queued
    assert first.assigned + second.assigned == 8
    assert (first.verdicts, first.done) == (8, queued)
    assert found.open == second.assigned > 0


def test_without_a_verdict_there_is_nothing_to_show(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        found = overview(ana)
    assert found.reviewers == ()
    assert (found.by_votes, found.open, found.rules_set_by) == ((8,), 8, "")


def test_repeats_are_counted_apart(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact", "artifact")
        snapshot = ana.team_snapshot()
    # A repeat has its mark in the context of the entry.
    log, facts = snapshot.votes.log, {CUTOUTS[0]: {"team": {"repeat": True}}}
    snapshot.votes.update(log.add(log.decide([log.in_force(CUTOUTS[0])], facts)))
    [found] = snapshot.overview().reviewers
    assert (found.verdicts, found.repeats) == (2, 1)


def test_two_logs_of_one_name_are_told_with_the_cutouts_where_they_differ(
    path, tmp_path
):
    logs = []
    for name, verdicts in (
        ("one", ("artifact", "artifact")),
        ("two", ("no artifact", "artifact")),
    ):
        (tmp_path / name).mkdir()
        table = tmp_path / name / path.name
        shutil.copy(path, table)
        with ReviewSession.open(table, reviewer="Ana") as ana:
            give(ana, *verdicts)
            logs.append(Path(ana.store))
    team = tmp_path / "team.sqlite"
    merge_logs(logs, team)
    with ReviewSession.open(path, store=team, read_only=True) as both:
        [ana] = overview(both).reviewers
    assert (ana.verdicts, ana.logs) == (2, 2)
    assert ana.differing == (CUTOUTS[0],)


def test_a_snapshot_does_not_change_with_the_review(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact")
        snapshot = ana.team_snapshot()
        give(ana, "artifact", "artifact")
        ana.set_team_rules(majority=3)
        assert snapshot.overview().reviewers[0].verdicts == 1
        assert snapshot.overview().rules.majority == 2
        assert overview(ana).reviewers[0].verdicts == 2


def test_the_agreement_of_a_snapshot_is_that_of_the_session(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, *["artifact"] * 6)
    with ReviewSession.open(path, reviewer="Ben") as ben:
        give(ben, *["artifact"] * 5, "no artifact")
        found = ben.team_snapshot().agreement()
        assert found == ben.agreement()
    assert found.pairs[0].cutouts == 6


def test_another_process_finds_the_same_numbers(path, monkeypatch):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact", "artifact", "unsure")
    with ReviewSession.open(path, reviewer="Ben") as ben:
        give(ben, "no artifact")
        ben.set_queue(("TN",))
        expected = TeamMeasurer(ben).job(True)()
        monkeypatch.setattr(team_process, "MOST_IN_THREAD", 0)
        assert TeamMeasurer(ben).job(True)() == expected
        assert TeamMeasurer(ben).job(False)().agreement is None
    assert expected.overview.cutouts == 2, "those of the queue"
    assert expected.agreement is not None


def test_a_process_that_is_not_needed_any_more_ends(path, monkeypatch):
    monkeypatch.setattr(team_process, "MOST_IN_THREAD", 0)
    with ReviewSession.open(path, reviewer="Ana") as ana:
        give(ana, "artifact")
        measurer = TeamMeasurer(ana)
        job = measurer.job(True)
        measurer.close()
        with pytest.raises(ReviewError, match="closed"):
            job()
