"""Votes as texts: counts, names, and numbers that do not tell names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.outcomes import LABEL_NAMES
from napari_artifact_review.core.team.consensus import SAW
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.team.vote_texts import (
    numbers_on,
    others_lines,
    others_text,
    vote_lines,
)
from napari_artifact_review.core.team.votes import Votes

CUTOUT = CutoutKey("a", 0, 0)


def decision(name, verdict, kind="", note=""):
    label = LABEL_NAMES.index(verdict) if verdict in LABEL_NAMES else 0
    time = "2026-01-01T00:00:00.000Z"
    return Decision(CUTOUT, label, name, time, verdict, kind, note)


def votes_of(*given_votes):
    """Return the votes of reviewers, each a tuple of name, verdict, kind and note."""
    log = DecisionLog(log_id="log")
    for vote in given_votes:
        log.add(log.decide([decision(*vote)], {}))
    return Votes(log, lambda _: 0, TeamRules())


def adjudicate(votes, name, verdict, **saw):
    acts = saw.get("saw", [list(act) for act in votes.on(CUTOUT)])
    entries = votes.log.adjudicate(decision(name, verdict), {SAW: acts})
    votes.update(votes.log.add(entries))


ANA = ("Ana", "artifact", "ghost")
BEN = ("Ben", "no artifact", "", "a star")
EVA = ("Eva", "artifact", "ghost")


@pytest.mark.parametrize(
    ("given_votes", "text"),
    [
        ([ANA], "no verdict yet"),
        ([], "no verdict yet"),
        ([ANA, BEN], "no artifact 1; disputed"),
        ([ANA, BEN, EVA], "artifact (ghost) 1, no artifact 1; majority for artifact"),
        ([ANA, EVA], "artifact (ghost) 1; agreed"),
        ([("Ana", "unsure"), ("Ben", "unsure")], "unsure 1; all unsure"),
        (
            [BEN, EVA, ("Dan", "artifact", "ghost")],
            "artifact (ghost) 2, no artifact 1; majority for artifact",
        ),
    ],
)
def test_others_are_counted_without_the_own_vote(given_votes, text):
    assert others_text(votes_of(*given_votes), CUTOUT, "Ana") == text


def test_an_adjudication_is_in_the_text():
    votes = votes_of(ANA, BEN)
    adjudicate(votes, "Eva", "artifact")
    text = "no artifact 1; adjudicated as artifact"
    assert others_text(votes, CUTOUT, "Ana") == text


def test_names_and_notes_of_others_are_in_the_lines():
    votes = votes_of(BEN, EVA, ANA)
    assert others_lines(votes, CUTOUT, "Ana") == [
        "Ben: no artifact: a star",
        "Eva: artifact (ghost)",
    ]


def test_votes_are_side_by_side_with_names_or_without():
    votes = votes_of(ANA, BEN)
    adjudicate(votes, "Eva", "artifact")
    named = vote_lines(votes, CUTOUT, has_names=True)
    assert sorted(named[:2]) == [
        ("Ana", "artifact (ghost)"),
        ("Ben", "no artifact: a star"),
    ]
    assert named[2] == ("Adjudication by Eva", "artifact")
    hidden = vote_lines(votes, CUTOUT, has_names=False)
    assert [name for name, _ in hidden] == ["Reviewer 1", "Reviewer 2", "Adjudication"]
    assert [text for _, text in hidden] == [text for _, text in named]


def test_an_adjudication_that_missed_a_vote_is_no_longer_in_force():
    votes = votes_of(ANA, BEN)
    adjudicate(votes, "Eva", "artifact", saw=[])
    lines = vote_lines(votes, CUTOUT, has_names=False)
    assert lines[2] == ("Adjudication", "artifact, no longer in force")


def test_adjudications_that_did_not_see_each_other_are_both_in_force():
    votes = votes_of(ANA, BEN)
    adjudicate(votes, "Cem", "artifact")
    adjudicate(votes, "Dan", "artifact")
    lines = dict(vote_lines(votes, CUTOUT, has_names=True))
    assert lines["Adjudication by Cem"] == lines["Adjudication by Dan"] == "artifact"


@given(st.sets(st.text(), max_size=6), st.integers(0, 4000))
def test_numbers_depend_on_names_and_cutout_alone(names, x):
    cutout = CutoutKey("a", x, 0)
    numbers = numbers_on(cutout, sorted(names))
    assert numbers == numbers_on(cutout, sorted(names, reverse=True))
    assert sorted(numbers.values()) == [*range(1, len(names) + 1)]


def test_numbers_do_not_tell_who_is_who():
    cutouts = [CutoutKey("a", x, 0) for x in range(0, 100_000, 200)]
    first = sum(numbers_on(cutout, ["Ana", "Ben"])["Ana"] == 1 for cutout in cutouts)
    # Chance gives 250 with a standard deviation of 11.
    assert 190 < first < 310
