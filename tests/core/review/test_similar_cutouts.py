"""Cutouts that look like the current one, as a table and as a queue for a while."""

from __future__ import annotations

import pytest

from napari_artifact_review import ReviewSession
from tests.described import describe_all


@pytest.fixture
def session(demo, tmp_path):
    with ReviewSession.open(
        demo.predictions, demo.images, tmp_path / "out.csv", reviewer="ada"
    ) as session:
        session.set_queue(order="image")
        describe_all(session)
        yield session


def test_the_nearest_come_first_and_their_images_can_be_left_out(session):
    found = session.similar(50)
    assert len(found) == 50
    assert found["similarity"].is_monotonic_decreasing
    assert session.current_cutout.row not in found.index
    name = session.current_cutout.image_name
    assert name in set(found["image_name"])
    others = session.similar(50, other_images=True)
    assert name not in set(others["image_name"])
    key = session.cutout_index.key_of(found.index[0])
    assert session.similar(1, [key])["similarity"].iloc[0] > 0.3


def test_similar_cutouts_are_the_queue_for_a_while(session):
    rule, current = session.review_queue.rule, session.current_cutout
    rows = session.review_queue.rows.tolist()
    expected = session.similar(12)
    assert session.show_similar(12)
    assert session.shows_similar
    assert session.review_queue.rows.tolist() == [current.row, *expected.index]
    assert session.current_cutout.row == current.row
    keys = [session.cutout_index.key_of(row) for row in expected.index]
    session.next()
    assert session.current_cutout.key == keys[0]
    session.set_label("artifact", cutouts=keys[:3])
    # A verdict removes nothing from this queue.
    assert len(session.review_queue) == 13
    assert session.review_queue.left == 13 - 3
    # More of another one, still with the way back.
    assert session.show_similar(5)
    assert session.current_cutout.key == keys[0]
    assert session.end_similar()
    assert not session.shows_similar
    assert session.review_queue.rule == rule
    assert session.current_cutout.row == current.row
    assert session.review_queue.rows.tolist() == rows
    assert not session.end_similar()


def test_a_review_goes_on_in_its_own_queue(session, demo, tmp_path):
    session.next()
    current = session.current_cutout.key
    assert session.show_similar(10)
    session.last()
    session.close()
    with ReviewSession.open(
        demo.predictions, demo.images, tmp_path / "out.csv", reviewer="ada"
    ) as again:
        assert again.current_cutout.key == current
        assert not again.shows_similar


def test_another_queue_ends_the_detour(session):
    session.show_similar(10)
    session.set_queue(["FP"])
    assert not session.shows_similar
    assert not session.end_similar()


def test_a_threshold_keeps_the_listed_cutouts(session):
    session.show_similar(10)
    rows = session.review_queue.rows.tolist()
    session.set_threshold(0.99)
    assert session.review_queue.rows.tolist() == rows


def test_without_descriptors_nothing_is_similar(survey):
    (survey.parent / "north.fits").unlink()
    with ReviewSession.open(survey) as session:
        assert session.similar().empty
        session.wait_until_ready()
        session.select("north", 0, 0)
        assert session.similar().empty
        assert not session.show_similar()
        session.select("south", 0, 0)
        assert len(session.similar(3)) == 3
