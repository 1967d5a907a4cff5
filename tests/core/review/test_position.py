"""A review with a damaged position can still be opened."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from napari_artifact_review.cli import main
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.log_paths import log_path_beside
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.queue import QueueRule
from napari_artifact_review.core.review.session import ReviewSession

CUTOUT = CutoutKey("north", 400, 200)
WHOLE = Position(
    CUTOUT,
    {"grid": True},
    QueueRule(("FP",), order="confident"),
    0.5,
    {CUTOUT: "perhaps"},
    adjudication_drafts={CUTOUT: "certainly"},
)


def test_a_position_is_json_and_comes_back():
    text = json.dumps(WHOLE.as_json())
    assert Position.from_json(json.loads(text)) == (WHOLE, ())
    assert Position.from_json({}) == (Position(), ())


RULE = WHOLE.as_json()["queue"]
DAMAGED = [
    ("threshold", 9.5),
    ("threshold", "0.5"),
    ("threshold", True),
    ("threshold", float("nan")),
    ("threshold", 10**400),
    ("cutout", "abc"),
    ("cutout", ["north", 0]),
    ("cutout", ["north", "0", 0]),
    ("cutout", ["north", float("nan"), 0]),
    ("view", [1]),
    ("queue", []),
    ("queue", {**RULE, "seed": float("inf")}),
    ("queue", {**RULE, "seed": -1, "order": "random"}),
    ("queue", {**RULE, "outcomes": 5}),
    ("queue", {**RULE, "images": [["north"]]}),
    ("queue", {**RULE, "kinds": [{}]}),
    ("queue", {**RULE, "state": []}),
    ("drafts", 5),
    ("drafts", [["north", 0, 0, 5]]),
    ("drafts", [["north", 0]]),
    ("drafts", [[]]),
    ("adjudication_drafts", [["north", 0, 0, 5]]),
]


@pytest.mark.parametrize(("name", "value"), DAMAGED)
def test_a_damaged_part_is_dropped_and_the_others_come_back(name, value):
    position, [notice] = Position.from_json({**WHOLE.as_json(), name: value})
    assert f"The stored {name} of this review cannot be read" in notice
    expected = Position(**{**vars(WHOLE), name: getattr(Position(), name)})
    assert position == expected


@pytest.mark.parametrize("value", [value for name, value in DAMAGED if name == "queue"])
def test_a_damaged_rule_is_no_rule(value):
    assert QueueRule.from_json(RULE) == WHOLE.queue
    assert QueueRule.from_json(value) is None


@pytest.fixture
def reviewed(survey):
    """Return the table of a review with two decisions, and its log."""
    with ReviewSession.open(survey, reviewer="ada") as session:
        session.set_label("artifact")
        session.next()
        session.set_label("unsure")
        session.save()
    return survey, log_path_beside(session.output), session


def put_state(log, text):
    with closing(sqlite3.connect(log)) as db:
        db.execute("UPDATE review SET state = ?", (text,))
        db.commit()


@pytest.mark.parametrize(
    "text",
    [
        *(json.dumps({name: value}) for name, value in DAMAGED),
        "{",
        "null",
        "[]",
        "9.5",
        "nonsense",
        b"\xff\x00",
        json.dumps({"view": {"zoom": float("nan")}, "threshold": "x"}),
    ],
)
def test_no_damaged_state_keeps_a_review_from_opening(reviewed, text):
    table, log, session = reviewed
    put_state(log, text)
    for named in ({"read_only": True}, {}):
        with ReviewSession.open(table, reviewer="ada", **named) as again:
            assert again.log == session.log
            assert again.table.equals(session.table)
            assert again.unsaved == 0
            [notice] = again.notices
            assert "cannot be read; the default is used" in notice
    with ReviewSession.open(table, reviewer="ada") as again:
        assert again.notices == (), "it is whole again"
        assert again.undo()


def test_a_report_is_made_whatever_the_position_is(reviewed, tmp_path, capsys):
    table, log, _ = reviewed
    put_state(log, json.dumps({"threshold": 9.5, "view": [], "queue": 7}))
    assert main(["report", str(table), "--output", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").exists()
