"""A next round in the dock: what was carried is shown as such."""

from __future__ import annotations

import pytest

from napari_artifact_review import ReviewSession, open_review
from napari_artifact_review.viewer.layers import OWNER


@pytest.fixture
def widget(viewer, survey, tmp_path):
    """Open the survey with a round before it, in which one error was reviewed."""
    path = tmp_path / "round 1" / "predictions.csv"
    path.parent.mkdir()
    path.write_text(survey.read_text())
    with ReviewSession.open(path, survey.parent, reviewer="ada") as session:
        session.set_label("no artifact", note="a star")
    return open_review(viewer, survey, reviewer="eve", previous=path)


def test_a_carried_verdict_is_shown_as_such(widget, qtbot):
    session = widget.session
    assert session.round_summary.text in widget.panel.notices.value
    session.select("north", 200, 0)
    qtbot.waitUntil(lambda: widget.is_shown)
    text = widget.history.value
    assert text.startswith("Carried: no artifact by ada")
    [tags] = [one for one in widget.viewer.layers if one.metadata.get(OWNER) == "tags"]
    mark = "(→ 0)" if session.current_cutout.changed else "(✓)"
    assert f"{session.current_cutout.outcome} {mark}" in tags.text.values
    assert widget.panel.go_to.error_id.native.currentText().endswith(mark)
    assert "0 of 3 reviewed" in widget.panel.progress.progress.native.format()
    session.set_label("artifact")
    qtbot.waitUntil(lambda: "by eve" in widget.history.value)
    assert not any("(" in tag for tag in tags.text.values)


def test_the_queue_offers_the_states_of_a_next_round(widget):
    queue, session = widget.panel.queue, widget.session
    assert queue.state.value == "next round"
    queue.state.value = "settled"
    # The verdicts of a previous round may be on cutouts with any outcome.
    assert len(session.queue) == 1
    assert all(box.value for box in queue.outcomes.values())
    queue.state.value = "all"
    assert session.review_queue.rule.outcomes == ("FN", "FP")
    queue.outcomes["FN"].value = False
    assert session.review_queue.rule.outcomes == ("FP",)


def test_a_review_without_a_previous_round_has_no_such_states(viewer, survey):
    widget = open_review(viewer, survey)
    assert "settled" not in widget.panel.queue.state.choices
