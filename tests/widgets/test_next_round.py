"""A next round in the dock: what was carried is shown as such."""

from __future__ import annotations

import pytest

from napari_artifact_review import ReviewSession, open_review


@pytest.fixture
def widget(viewer, survey, tmp_path):
    """Open the survey with a round before it, in which one error was reviewed."""
    path = tmp_path / "round 1" / "predictions.csv"
    path.parent.mkdir()
    path.write_text(survey.read_text())
    with ReviewSession.open(path, survey.parent, reviewer="ada") as session:
        session.set_label("no artifact", note="a star")
    return open_review(viewer, survey, reviewer="eve", previous=path)


def test_a_carried_verdict_is_shown_as_such(widget):
    panel, session = widget.panel, widget.session
    assert session.round_summary.text in panel.review.notices.value
    assert panel.queue.state.value == "next round"
    session.select("north", 200, 0)
    text = panel.verdict.history.value
    assert text.startswith("Carried from the previous round: no artifact by ada")
    widget.undo()
