"""Verdicts while disputed cutouts are adjudicated: what they settle, and what not."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.review.session import ReviewSession
from tests.disputes import QUEUE, adjudications, disputed, give, own_verdicts

__all__ = ["disputed"]


@pytest.fixture
def session(disputed):
    """Open the review of Eva, without a verdict of hers, among the disputed cutouts."""
    session = ReviewSession.open(disputed, reviewer="Eva")
    assert session.show_disputed()
    # What she sees is recorded in the background.
    assert session.wait_until_recorded(20)
    return session


@pytest.fixture
def verdicts(control):
    return control.verdicts


@pytest.fixture
def said(control):
    sentences = []
    control.said.connect(sentences.append)
    return sentences


def test_a_verdict_settles_the_cutout_and_goes_to_the_next(verdicts, session):
    verdicts.give("artifact", "ghost", "a ring", advance=True)
    found = [(QUEUE[0], "Eva", "artifact", "ghost", "a ring")]
    assert adjudications(session) == found
    assert own_verdicts(session) == []
    assert session.current_cutout.key == QUEUE[1]


def test_it_stays_without_auto_advance(verdicts, session):
    verdicts.auto_advance = False
    verdicts.give("artifact", advance=True)
    assert session.current_cutout.key == QUEUE[0]


def test_the_last_one_says_so_and_stays(verdicts, session, said):
    for key in QUEUE[1:3]:
        session.adjudicate("unsure", cutout=key)
    verdicts.give("artifact", advance=True)
    assert session.current_cutout.key == QUEUE[0]
    assert "Every cutout of the adjudication is settled" in said[-1]


def test_several_selected_cutouts_are_never_settled_at_once(
    verdicts, session, control, said
):
    control.selection.set([session.cutout_index.row_of(key) for key in QUEUE[:2]])
    verdicts.give("artifact", advance=True)
    assert "one by one; clear the selection. Nothing was adjudicated" in said[-1]
    assert adjudications(session) == []
    control.selection.clear()
    verdicts.give("artifact", advance=True)
    assert len(adjudications(session)) == 1


def test_a_cutout_beside_the_queue_gets_neither_adjudication_nor_verdict(
    verdicts, session, said, main_loop, control
):
    give(session, None, None, None, "artifact")
    session.select(*QUEUE[3])
    main_loop.run_until(lambda: control.view == "shown")
    verdicts.give("no artifact", advance=True)
    assert said[-1].startswith("This cutout is not disputed.")
    assert adjudications(session) == []
    assert len(own_verdicts(session)) == 1


def test_a_cutout_whose_votes_are_all_undone_is_not_settled(
    verdicts, session, said, monkeypatch
):
    monkeypatch.setattr(session.reviewers.votes, "on", lambda _: {})
    verdicts.give("artifact", advance=True)
    assert said[-1].startswith("This cutout is not disputed.")


def test_the_last_verdict_may_be_repeated(verdicts, session, main_loop, control):
    verdicts.give("artifact", "ghost", advance=True)
    verdicts.repeat("again")
    found = (QUEUE[1], "Eva", "artifact", "ghost", "again")
    assert adjudications(session)[-1] == found


def test_a_budget_of_looks_is_for_own_verdicts(verdicts, session, said):
    session.set_budget(1)
    verdicts.give("artifact", advance=True)
    assert session.looks_left == 1
    assert said == []


class TestReadOnly:
    @pytest.fixture
    def session(self, disputed):
        session = ReviewSession.open(disputed, reviewer="Ana", read_only=True)
        assert session.show_disputed()
        return session

    def test_it_says_why_nothing_was_adjudicated(self, verdicts, session, said):
        verdicts.give("artifact", advance=True)
        assert said[-1].startswith("This review is read-only")
        assert session.current_cutout.key == QUEUE[0]
