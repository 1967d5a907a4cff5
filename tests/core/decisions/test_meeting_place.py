"""What holds for every meeting place: a shared folder and a PostgreSQL server."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import (
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import StoreError

LOG, OTHER = "1" * 32, "2" * 32
#: The same review on two computers, as before their first contact.
HERE = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv", LOG)
THERE = ReviewIdentity("b" * 32, "fingerprint", "copy.csv", OTHER)


def entries(first, last, log_id=LOG):
    return [RawEntry(log_id, n, json.dumps({"n": n})) for n in range(first, last + 1)]


@pytest.fixture
def make(meeting_place):
    """Return a function that makes the meeting place of one more computer."""
    places = []

    def make_place():
        places.append(find_meeting_place(meeting_place))
        return places[-1]

    yield make_place
    for place in places:
        place.close()


@pytest.fixture
def place(make):
    place = make()
    place.join(HERE)
    return place


def test_what_one_computer_sends_another_fetches(make, place):
    place.send(entries(1, 3) + entries(1, 2, OTHER))
    there = make()
    assert there.join(THERE).last_numbers == {LOG: 3, OTHER: 2}
    assert there.fetch_last_numbers() == {LOG: 3, OTHER: 2}
    spans = [Span(LOG, 1, 3), Span(OTHER, 0, 1)]
    assert there.fetch(spans) == [*entries(2, 3), *entries(1, 1, OTHER)]


def test_what_is_sent_twice_is_there_once_and_as_it_was(place):
    place.send(entries(1, 3))
    place.send([RawEntry(LOG, 2, "something else"), *entries(3, 4)])
    assert place.fetch_last_numbers() == {LOG: 4}
    assert place.fetch([Span(LOG, 0, 9)]) == entries(1, 4)


def test_a_last_number_does_not_go_past_a_gap(place):
    place.send(entries(1, 2) + entries(4, 5))
    place.send(entries(2, 3, OTHER))
    assert place.fetch_last_numbers() == {LOG: 2}
    place.send(entries(3, 3))
    assert place.fetch_last_numbers() == {LOG: 5}
    assert place.fetch([Span(LOG, 0, 5)]) == entries(1, 5)


def test_any_body_and_any_name_is_kept(make):
    place = make()
    body = json.dumps({"note": "\0 \ud800 é 名", "view": float("nan")})
    place.join(HERE._replace(table_name="a\0b\udcff.csv"))
    place.send([RawEntry(LOG, 1, body)])
    assert place.fetch([Span(LOG, 0, 1)]) == [RawEntry(LOG, 1, body)]


def test_more_entries_than_one_file_holds_are_the_same_in_any_batches(make, place):
    for first, last in [(1, 700), (701, 1800), (1801, 1801), (1802, 3500)]:
        place.send(entries(first, last))
    there = make()
    assert there.join(THERE).last_numbers == {LOG: 3500}
    assert there.fetch([Span(LOG, 0, 3500)]) == entries(1, 3500)
    assert there.fetch([Span(LOG, 999, 1001)]) == entries(1000, 1001)


def test_reviews_of_other_tables_do_not_see_each_other(make, place):
    place.send(entries(1, 3))
    other = make()
    assert other.join(THERE._replace(fingerprint="another")).last_numbers == {}
    assert other.fetch_last_numbers() == {}
    assert other.fetch([Span(LOG, 0, 3)]) == []


def test_the_same_table_is_one_review_on_every_computer(make, place):
    place.send(entries(1, 1))
    joined = [make().join(identity) for identity in (HERE, THERE)]
    assert joined[0] == joined[1]
    assert joined[0].last_numbers == {LOG: 1}


def test_a_review_is_found_again_by_its_id_after_its_table_changed(make, place):
    place.send(entries(1, 1))
    make().join(THERE._replace(fingerprint="changed"))
    joined = make().join(HERE)
    for review_id in (HERE.review_id, joined.review_id):
        changed = HERE._replace(review_id=review_id, fingerprint="changed")
        assert make().join(changed) == joined


def test_computers_that_join_at_once_make_one_review(make):
    identities = [
        ReviewIdentity(f"{n:032x}", "fingerprint", "a.csv", f"{n + 100:032x}")
        for n in range(8)
    ]
    start = threading.Barrier(len(identities))

    def join(review):
        place = make()
        start.wait(20)
        joined = place.join(review)
        place.send(entries(1, 2, review.log_id))
        return joined.review_id

    with ThreadPoolExecutor(len(identities)) as threads:
        joined = set(threads.map(join, identities))
    assert len(joined) == 1
    assert make().join(HERE).last_numbers == {each.log_id: 2 for each in identities}


# A log that was replaced by an older copy


def exchange(make, known, review=HERE):
    received = []
    return Exchange(make(), review, known, received.extend), received


@pytest.mark.parametrize(("last", "fork"), [(7, 6), (12, 6), (3, 1), (1, 1), (2, 2)])
def test_a_diverged_log_is_named_with_the_entry(make, place, last, fork):
    place.send(entries(1, 10))
    other = [RawEntry(LOG, n, "other") for n in range(fork, last + 1)]
    one, received = exchange(make, entries(1, fork - 1) + other)
    with pytest.raises(StoreError, match=f"from entry {fork} on.*verdicts stay") as e:
        one.exchange()
    assert "restore" in str(e.value)
    assert received == []
    assert place.fetch_last_numbers() == {LOG: 10}
    assert one.unsent == last - fork + 1


def test_a_log_that_is_only_older_gets_its_entries_back(make, place):
    place.send(entries(1, 10))
    one, received = exchange(make, entries(1, 4))
    one.exchange()
    assert received == entries(5, 10)


def test_the_log_of_another_computer_is_not_compared(make, place):
    place.send(entries(1, 3, OTHER))
    one, _ = exchange(make, [RawEntry(OTHER, 1, "other")])
    one.exchange()
    assert one.unsent == 0
