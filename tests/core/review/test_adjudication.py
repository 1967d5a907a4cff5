"""The queue of disputed cutouts in a session: moves, repeats, drafts, what is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.team.merge import merge_logs
from tests.slow_disk import full

HEADER = "image_name,grid_x,grid_y,label,preds\n"
ROWS = "".join(f"a,{x},0,0,1\n" for x in range(0, 1000, 200))
CUTOUTS = [CutoutKey("a", x, 0) for x in range(0, 1000, 200)]


@pytest.fixture
def path(tmp_path) -> Path:
    """Make a review in which Ana and Ben differ on the first three cutouts."""
    table = tmp_path / "predictions.csv"
    table.write_text(HEADER + ROWS)
    for name, verdict in (("Ana", "artifact"), ("Ben", "no artifact")):
        with ReviewSession.open(table, reviewer=name) as session:
            for cutout in CUTOUTS[:3]:
                session.set_label(verdict, cutouts=[cutout])
    return table


@pytest.fixture
def eva(path):
    """Open the review by a reviewer without a verdict, among the disputed cutouts."""
    with ReviewSession.open(path, reviewer="Eva") as session:
        assert session.show_disputed()
        yield session


def adjudications(session):
    return [entry for entry in session.log if entry.action == "adjudicate"]


def test_each_adjudication_leads_to_the_next_disputed_cutout(eva):
    eva.next()
    eva.adjudicate("artifact")
    assert eva.still_disputed == 2
    assert eva.next_disputed()
    assert eva.current_cutout.key == CUTOUTS[2]
    eva.adjudicate("artifact")
    assert eva.next_disputed(), "the search wraps around"
    assert eva.current_cutout.key == CUTOUTS[0]
    eva.adjudicate("artifact")
    assert not eva.next_disputed()
    assert eva.current_cutout.key == CUTOUTS[0]
    assert eva.still_disputed == 0


def test_a_pending_adjudication_counts_as_settled_for_the_next_move(eva, slow_disk):
    slow_disk.hold()
    command = eva.adjudicate("artifact", "ghost", wait=False)
    assert command.is_pending
    assert eva.adjudication_of(CUTOUTS[0]).decision == "artifact"
    assert eva.next_disputed()
    assert eva.current_cutout.key == CUTOUTS[1]
    assert eva.still_disputed == 3
    slow_disk.go_on()
    assert eva.wait_until_recorded(20)
    assert eva.still_disputed == 2


def test_the_same_adjudication_is_recorded_once(eva):
    eva.adjudicate("artifact", "ghost", "faint")
    again = eva.adjudicate("artifact", "ghost", "faint")
    assert (again.state, again.entries) == ("recorded", ())
    assert eva.last_command is again
    assert len(adjudications(eva)) == 1
    eva.adjudicate("artifact", "trail", "faint")
    assert len(adjudications(eva)) == 2
    assert eva.adjudication_of(CUTOUTS[0]).kind == "trail"


def test_another_adjudicator_may_say_the_same(eva, path):
    eva.adjudicate("artifact")
    eva.close()
    with ReviewSession.open(path, reviewer="Dan") as dan:
        dan.adjudicate("artifact", cutout=CUTOUTS[0])
        assert [one.reviewer for one in adjudications(dan)] == ["Eva", "Dan"]


def test_one_that_is_being_undone_may_be_given_again(eva, slow_disk):
    eva.adjudicate("artifact")
    slow_disk.hold()
    eva.undo(wait=False)
    assert eva.adjudication_of(CUTOUTS[0]) is None
    eva.adjudicate("artifact", wait=False)
    slow_disk.go_on()
    assert eva.wait_until_recorded(20)
    assert eva.adjudication_of(CUTOUTS[0]).decision == "artifact"


def test_a_refused_verdict_is_not_dismissed_by_an_adjudication(path, slow_disk):
    with ReviewSession.open(path, reviewer="Eva") as eva:
        slow_disk.fault = full()
        eva.set_label("unsure", cutouts=[CUTOUTS[0]], wait=5.0)
        slow_disk.fault = None
        eva.adjudicate("artifact", cutout=CUTOUTS[0])
        assert [one.kind for one in eva.refused] == ["decide"]
        slow_disk.fault = full()
        eva.adjudicate("no artifact", cutout=CUTOUTS[0], wait=5.0)
        slow_disk.fault = None
        assert [one.kind for one in eva.refused] == ["decide", "adjudicate"]
        eva.adjudicate("artifact", note="certain", cutout=CUTOUTS[0])
        assert [one.kind for one in eva.refused] == ["decide"]
        eva.retry_refused()
        assert eva.wait_until_recorded(20)
        assert eva.log[-1].verdict == "unsure"


def dispute_and_settle(table, cutout, verdict):
    """Have two reviewers differ on a cutout, and Eva adjudicate it."""
    for name, given in (("Ana", "artifact"), ("Ben", "no artifact")):
        with ReviewSession.open(table, reviewer=name) as session:
            session.set_label(given, cutouts=[cutout])
    with ReviewSession.open(table, reviewer="Eva") as eva:
        eva.adjudicate(verdict, cutout=cutout)
        return Path(eva.store)


def test_what_was_settled_in_diverged_copies_is_settled_after_a_merge(path, tmp_path):
    store = path.with_name("test_outputs.csv.review.sqlite")
    backup, copies = store.read_bytes(), []
    for number in range(2):
        # A backup that is restored, so that the log goes on in another way.
        store.write_bytes(backup)
        dispute_and_settle(path, CUTOUTS[3 + number], "artifact")
        dispute_and_settle(path, CUTOUTS[0], ("artifact", "no artifact")[number])
        copies.append(Path(shutil.copy(store, tmp_path / f"{number}.sqlite")))
    merged = tmp_path / "merged.sqlite"
    assert merge_logs(copies, merged).divergences
    with ReviewSession.open(path, reviewer="Eva", store=merged) as eva:
        votes = eva.reviewers.votes
        assert [votes.consensus_on(cutout).status for cutout in CUTOUTS] == [
            "disputed",
            "disputed",
            "disputed",
            "adjudicated",
            "adjudicated",
        ]


def test_a_draft_ends_with_the_adjudication_that_has_it(eva):
    eva.adjudication_drafts |= {CUTOUTS[0]: "faint", CUTOUTS[1]: "bright"}
    eva.drafts[CUTOUTS[0]] = "for my own verdict"
    eva.adjudicate("artifact", note="faint")
    assert eva.adjudication_drafts == {CUTOUTS[1]: "bright"}
    assert eva.drafts == {CUTOUTS[0]: "for my own verdict"}


def test_a_draft_of_an_adjudication_is_there_at_the_next_opening(eva, path):
    eva.adjudication_drafts[CUTOUTS[1]] = "bright"
    eva.close()
    with ReviewSession.open(path, reviewer="Eva") as again:
        assert again.adjudication_drafts == {CUTOUTS[1]: "bright"}
        assert again.drafts == {}


def test_a_verdict_after_the_votes_were_seen_is_not_blind(eva, path):
    assert eva.wait_until_recorded(20)
    assert eva.log[-1].action == "see votes"
    assert not eva.reviewers.may_see(CUTOUTS[1]), "there is no verdict of her own"
    eva.end_disputed()
    eva.close()
    with ReviewSession.open(path, reviewer="Eva") as eva:
        for cutout in CUTOUTS[1:4]:
            eva.set_label("artifact", cutouts=[cutout])
        facts = [entry.context["team"]["blind"] for entry in eva.log[-3:]]
        assert facts == [False, False, True]
    with ReviewSession.open(path, reviewer="Dan") as dan:
        dan.set_label("artifact", cutouts=[CUTOUTS[1]])
        assert dan.log[-1].context["team"]["blind"], "he saw nothing"


def test_votes_are_seen_once(eva):
    assert eva.wait_until_recorded(20)
    before = len(eva.log)
    eva.end_disputed()
    assert eva.show_disputed()
    assert eva.wait_until_recorded(20)
    assert len(eva.log) == before
    assert not eva.reviewers.unseen


def test_many_votes_that_were_seen_are_several_short_entries(tmp_path):
    path = tmp_path / "predictions.csv"
    rows = "".join(f"a,{200 * n},0,0,1\n" for n in range(1200))
    path.write_text(HEADER + rows)
    with ReviewSession.open(path, reviewer="Ana") as ana:
        keys = [ana.cutout_index.key_of(row) for row in range(1200)]
        ana.set_label("artifact", cutouts=keys)
    with ReviewSession.open(path, reviewer="Eva") as eva:
        assert len(eva.reviewers.unseen) == 1200
        eva.record_seen_votes(eva.reviewers.unseen)
        assert eva.wait_until_recorded(20)
        assert not eva.reviewers.unseen
        assert [one.action for one in eva.log[-2:]] == ["see votes"] * 2


def test_what_was_answered_before_needs_no_record(path):
    with ReviewSession.open(path, reviewer="Ana") as ana:
        before = len(ana.log)
        assert ana.show_disputed()
        assert len(ana.log) == before


def test_hidden_votes_are_not_shown_where_nothing_can_be_recorded(path):
    with ReviewSession.open(path, reviewer="Eva", read_only=True) as eva:
        with pytest.raises(HeldError):
            eva.show_disputed()
        assert not eva.is_adjudicating
        with pytest.raises(HeldError):
            eva.record_seen_votes(CUTOUTS[:1])
    with ReviewSession.open(path, reviewer="Ana", read_only=True) as ana:
        assert ana.show_disputed(), "she has seen them after her own verdicts"


def test_the_queue_of_the_rule_is_known_meanwhile(eva):
    assert len(eva.review_queue) == 3
    assert len(eva.rule_queue) == 5
    assert eva.end_disputed()
    assert eva.rule_queue is eva.review_queue
