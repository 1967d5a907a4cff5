"""A number of looks after which the reviewer wants to stop."""

from __future__ import annotations

import pytest

from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.session import ReviewSession


def test_looks_are_cutouts_with_a_verdict_from_now(session):
    assert session.budget is session.looks_left is None
    session.set_label("artifact")
    session.set_budget(3)
    assert session.looks_left == 3
    session.set_label("no artifact")
    assert session.looks_left == 3, "a second verdict on the same cutout"
    session.next()
    session.set_label("unsure")
    assert session.looks_left == 2
    session.undo()
    assert session.looks_left == 3
    rows = [session.cutout_index.key_of(row) for row in range(8)]
    session.set_label("artifact", cutouts=rows)
    assert session.looks_left < 0
    session.set_budget(None)
    assert session.looks_left is None


def test_a_resumed_review_has_the_same_looks_left(survey):
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.set_budget(20)
        session.set_label("artifact")
        session.save_position()
    with ReviewSession.open(survey, reviewer="ada") as session:
        assert session.budget.looks == 20
        assert session.looks_left == 19


@pytest.mark.parametrize("looks", [0, -1])
def test_a_budget_is_at_least_one_look(session, looks):
    with pytest.raises(ValueError, match="at least one look"):
        session.set_budget(looks)
    assert session.budget is None


@pytest.mark.parametrize(
    "stored",
    [7, {"looks": 5}, {"looks": 5.5, "answered": 0}, {"looks": 0, "answered": 0}],
)
def test_a_damaged_budget_is_none_with_a_notice(stored):
    position, [notice] = Position.from_json({"budget": stored})
    assert position.budget is None
    assert "budget" in notice
