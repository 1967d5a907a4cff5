"""The panel with all votes on a disputed cutout."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_artifact_review import ReviewSession
from napari_artifact_review.widgets.panels.adjudication import AdjudicationPanel
from tests.disputes import QUEUE, disputed, give

__all__ = ["disputed"]


@pytest.fixture
def panel(qtbot):
    panel = AdjudicationPanel()
    qtbot.addWidget(panel.native)
    return panel


@pytest.fixture
def eva(disputed):
    with ReviewSession.open(disputed, reviewer="Dan") as dan:
        give(dan, None, "unsure")
    with ReviewSession.open(disputed, reviewer="Eva") as session:
        assert session.show_disputed()
        yield session


def lines(panel):
    return [line for line in panel.votes.lines if any(line)]


def click_names(panel):
    QTest.mouseClick(panel.names.native, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))


def test_votes_are_side_by_side_without_names_until_they_are_asked_for(panel, eva):
    panel.show_adjudication(eva)
    panel.native.show()
    assert panel.heading.value == "Adjudication: 3 disputed cutouts"
    assert [name for name, _ in lines(panel)] == ["Reviewer 1", "Reviewer 2"]
    verdicts = {"artifact (ghost): a ring", "no artifact"}
    assert {verdict for _, verdict in lines(panel)} == verdicts
    click_names(panel)
    assert sorted(lines(panel)) == [
        ("Ana", "artifact (ghost): a ring"),
        ("Ben", "no artifact"),
    ]
    eva.next()
    panel.show_adjudication(eva)
    assert {name for name, _ in lines(panel)} == {"Ana", "Ben", "Dan"}
    click_names(panel)
    assert {name[:9] for name, _ in lines(panel)} == {"Reviewer "}


def test_names_are_hidden_again_in_the_next_adjudication(panel, eva):
    panel.show_adjudication(eva)
    panel.native.show()
    click_names(panel)
    eva.end_disputed()
    panel.show_adjudication(eva)
    assert not panel.visible
    eva.show_disputed()
    panel.show_adjudication(eva)
    assert panel.visible
    assert [name for name, _ in lines(panel)] == ["Reviewer 1", "Reviewer 2"]


def test_earlier_adjudications_are_among_the_votes(panel, eva):
    eva.adjudicate("unsure", note="too faint")
    panel.show_adjudication(eva)
    assert lines(panel)[-1] == ("Adjudication", "unsure: too faint")
    assert panel.heading.value == "Adjudication: 2 disputed cutouts"
    for key in QUEUE[1:3]:
        eva.adjudicate("artifact", cutout=key)
    panel.show_adjudication(eva)
    assert panel.heading.value == "Adjudication: all settled"


def test_a_cutout_beside_the_queue_shows_no_vote(panel, eva, disputed):
    give(eva, None, None, None, "artifact")
    eva.select(*QUEUE[3])
    panel.show_adjudication(eva)
    assert lines(panel) == [("", "This cutout is not in the adjudication")]


def test_the_height_is_the_same_for_two_votes_three_and_an_adjudication(panel, eva):
    heights = set()
    for change in (eva.first, eva.next, eva.last, lambda: eva.adjudicate("unsure")):
        change()
        panel.show_adjudication(eva)
        heights.add(panel.native.sizeHint().height())
    assert len(heights) == 1
    assert len(panel.votes.lines) == 4
