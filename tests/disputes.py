"""The small survey with verdicts of reviewers that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_artifact_review import ReviewSession
from napari_artifact_review.core.cutout import CutoutKey

#: The errors of the survey, in the order of the queue.
QUEUE = [
    CutoutKey("north", 200, 0),
    CutoutKey("north", 400, 200),
    CutoutKey("south", 0, 0),
    CutoutKey("south", 600, 400),
]


def give(session, *verdicts, kind="", note=""):
    """Give verdicts on the first cutouts of the queue; None for no verdict."""
    for cutout, verdict in zip(QUEUE, verdicts, strict=False):
        if verdict is not None:
            session.set_label(verdict, kind, note, cutouts=[cutout])


@pytest.fixture
def disputed(survey) -> Path:
    """Have Ana and Ben differ on the first three errors; return the table."""
    with ReviewSession.open(survey, reviewer="Ana") as ana:
        give(ana, *["artifact"] * 3, kind="ghost", note="a ring")
    with ReviewSession.open(survey, reviewer="Ben") as ben:
        give(ben, *["no artifact"] * 3)
    return survey


def adjudications(session):
    """Return cutout, adjudicator, verdict, kind and note of each adjudication."""
    return [
        (one.cutout, one.reviewer, one.verdict, one.kind, one.note)
        for one in session.log
        if one.action == "adjudicate"
    ]


def own_verdicts(session):
    """Return the entries of the reviewer's own verdicts, oldest first."""
    name, log = session.reviewer, session.log
    return [one for one in log if one.reviewer == name and one.action == "decide"]
