"""The exchange with a meeting place: in any order, with failures, without waiting."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_artifact_review.core.decisions.exchange import Exchange
from napari_artifact_review.core.decisions.meeting_place import (
    JoinedReview,
    RawEntry,
    ReviewIdentity,
)
from napari_artifact_review.core.errors import StoreError
from tests import exchange_thread
from tests.exchange_thread import has_ended
from tests.nightly import many

REVIEW = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv", "9" * 32)
LOG, OTHER = "1" * 32, "2" * 32


def entries(first, last, log_id=LOG):
    return [RawEntry(log_id, n, f"{n}") for n in range(first, last + 1)]


class Place:
    """A meeting place in memory, which logs its operations and can fail."""

    name = "memory"

    def __init__(self, stored=()):
        self.stored = dict.fromkeys(stored)
        self.on_timeout = None
        self.problem = None
        self.asked = []
        #: The exception that an operation raises, by its name.
        self.faults = {}
        #: Whether sent entries are stored although the operation fails.
        self.is_answer_lost = False
        #: Operations wait for this event.
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_asked = threading.Event()
        self._is_asked_again = threading.Condition()
        self.is_closed = threading.Event()
        #: The largest number of entries in one operation.
        self.limit = 10_000

    def _ask(self, operation, what=None):
        with self._is_asked_again:
            self.asked.append((operation, what))
            self._is_asked_again.notify_all()
        self.is_asked.set()
        assert self.may_answer.wait(20)
        if operation in self.faults:
            raise self.faults[operation]

    def wait_for(self, condition):
        with self._is_asked_again:
            assert self._is_asked_again.wait_for(condition, 20)

    def count(self, operation):
        return sum(asked == operation for asked, _ in self.asked)

    def sent(self):
        """Return how often each entry was sent."""
        sent = [what for asked, what in self.asked if asked == "send"]
        return Counter(entry for one in sent for entry in one)

    def join(self, review):
        self._ask("join", review)
        return JoinedReview("b" * 32, self._last_numbers())

    def fetch_last_numbers(self):
        self._ask("fetch_last_numbers")
        return self._last_numbers()

    def _last_numbers(self):
        last_numbers = {}
        for log_id, number, _ in sorted(self.stored):
            if number == last_numbers.get(log_id, 0) + 1:
                last_numbers[log_id] = number
        return last_numbers

    def send(self, sent):
        if self.is_answer_lost:
            self.stored.update(dict.fromkeys(sent))
        self._ask("send", list(sent))
        if len(sent) > self.limit:
            raise StoreError("did not answer")
        self.stored.update(dict.fromkeys(sent))

    def fetch(self, spans):
        self._ask("fetch", list(spans))
        if sum(span.last - span.after for span in spans) > self.limit:
            raise StoreError("did not answer")
        return [
            entry
            for entry in sorted(self.stored)
            if any(
                entry.log_id == span.log_id and span.after < entry.number <= span.last
                for span in spans
            )
        ]

    def close(self):
        self.is_closed.set()


class Computer:
    """An exchange with a place, and the entries and problems that it reported."""

    def __init__(self, place, known=(), **options):
        self.received = []
        self.exchange = Exchange(place, REVIEW, known, self.received.extend, **options)
        self.signalled = []
        self._changed = threading.Condition()
        self.exchange.changed.connect(self._note)

    def _note(self):
        with self._changed:
            problem = self.exchange.problem
            self.signalled.append(problem.what if problem else None)
            self._changed.notify_all()

    def until(self, condition):
        with self._changed:
            assert self._changed.wait_for(condition, 20)

    def until_sent(self):
        self.until(lambda: self.exchange.unsent == 0)


@pytest.fixture
def run():
    """Return a function that makes a computer with a running exchange."""
    made = []

    def make(place, known=(), **options):
        one = Computer(place, known, **options)
        made.append((place, one))
        one.thread = exchange_thread.start(one.exchange)
        return one

    yield make
    for place, one in made:
        place.may_answer.set()
        place.faults = {}
        one.exchange.close()
    for _, one in made:
        assert has_ended(one.thread)


def test_what_is_offered_is_sent_and_what_is_there_is_received(run):
    place = Place(entries(1, 3, OTHER))
    one = run(place, entries(1, 2))
    one.until_sent()
    one.until(lambda: one.exchange.acknowledged == {LOG: 2, OTHER: 3})
    one.exchange.offer(entries(3, 5))
    one.until_sent()
    assert set(place.stored) == {*entries(1, 5), *entries(1, 3, OTHER)}
    assert one.received == entries(1, 3, OTHER)
    assert one.exchange.review_id == "b" * 32


def test_an_offer_is_sent_at_once_and_not_when_it_is_time(run):
    one = run(Place(), interval=3600)
    one.until(lambda: one.exchange.review_id is not None)
    for number in range(1, 4):
        one.exchange.offer(entries(number, number))
        one.until_sent()


def test_what_comes_from_elsewhere_is_fetched_in_time(run):
    place = Place()
    one = run(place, interval=0.01)
    one.until(lambda: one.exchange.review_id is not None)
    place.stored.update(dict.fromkeys(entries(1, 2, OTHER)))
    one.until(lambda: one.exchange.acknowledged == {OTHER: 2})


def test_nothing_that_the_place_has_is_sent_or_fetched_again():
    place = Place(entries(1, 3) + entries(1, 2, OTHER))
    one = Computer(place, entries(1, 5) + entries(1, 2, OTHER))
    one.exchange.exchange()
    one.exchange.exchange()
    assert place.sent() == Counter(entries(4, 5))
    assert place.count("fetch") == 0
    assert one.received == []
    # Received entries are in the log, and so are offered, but not sent.
    place.stored.update(dict.fromkeys(entries(3, 4, OTHER)))
    one.exchange.exchange()
    one.exchange.offer(one.received)
    one.exchange.exchange()
    assert place.sent() == Counter(entries(4, 5))


def test_a_place_that_was_put_back_from_a_backup_gets_again_what_it_lost():
    place = Place()
    one = Computer(place, entries(1, 5))
    one.exchange.exchange()
    assert one.exchange.unsent == 0
    place.stored = dict.fromkeys(entries(1, 2))
    one.exchange.exchange()
    assert set(place.stored) == set(entries(1, 5))


def test_entries_of_a_third_computer_are_passed_on():
    first, second = Place(), Place()
    Computer(first, entries(1, 3, OTHER)).exchange.exchange()
    between = Computer(first)
    between.exchange.exchange()
    Computer(second, between.received).exchange.exchange()
    assert set(second.stored) == set(entries(1, 3, OTHER))


def test_what_is_not_sent_is_counted_also_from_one_opening_to_the_next():
    place = Place()
    place.faults["send"] = StoreError("gone")
    one = Computer(place, entries(1, 5), acknowledged={LOG: 2})
    assert one.exchange.unsent == 3
    one.exchange.offer(entries(6, 7))
    assert one.exchange.unsent == 5
    with pytest.raises(StoreError):
        one.exchange.exchange()
    # The place has reported meanwhile that it has no entries.
    assert one.exchange.unsent == 7
    place.faults = {}
    one.exchange.exchange()
    assert one.exchange.unsent == 0
    assert one.exchange.acknowledged == {LOG: 7}


def test_entries_that_leave_a_gap_are_a_fault_of_the_caller():
    one = Computer(Place(), entries(1, 2))
    with pytest.raises(ValueError, match=r"entry 4 .* does not follow on entry 2"):
        one.exchange.offer(entries(4, 4))


def test_nothing_is_signalled_while_nothing_changes(run):
    place = Place()
    one = run(place, entries(1, 2), interval=0.001)
    one.until_sent()
    place.wait_for(lambda: place.count("fetch_last_numbers") > 3)
    signalled = len(one.signalled)
    place.wait_for(lambda: place.count("fetch_last_numbers") > 10)
    assert len(one.signalled) == signalled


@pytest.mark.parametrize("fault", ["join", "fetch_last_numbers", "send", "fetch"])
def test_a_place_in_trouble_is_a_problem_until_it_is_back(run, fault):
    place = Place(entries(1, 2, OTHER))
    place.faults[fault] = StoreError("gone")
    one = run(place, entries(1, 2))
    one.until(lambda: "gone" in one.signalled)
    # The error is shown as long as the problem lasts, and must not keep frames alive.
    assert one.exchange.problem.__traceback__ is None
    one.exchange.offer(entries(3, 3))
    place.faults = {}
    one.until(lambda: one.exchange.problem is None)
    one.until_sent()
    one.until(lambda: one.exchange.acknowledged == {LOG: 3, OTHER: 2})
    # Once for its begin, once for its end.
    news = [
        a for a, b in zip(one.signalled, [None, *one.signalled], strict=False) if a != b
    ]
    assert news == ["gone", None]


def test_a_place_is_joined_anew_after_trouble():
    place = Place()
    one = Computer(place)
    for _ in range(2):
        one.exchange.exchange()
    assert place.count("join") == 1
    place.faults["fetch_last_numbers"] = StoreError("gone")
    with pytest.raises(StoreError):
        one.exchange.exchange()
    place.faults = {}
    one.exchange.exchange()
    assert place.count("join") == 2


def test_what_does_not_answer_in_time_is_a_problem_before_it_ends(run):
    place = Place()
    place.may_answer.clear()
    one = run(place, entries(1, 2))
    assert place.is_asked.wait(20)
    place.on_timeout(StoreError("did not answer"))
    assert one.exchange.problem.what == "did not answer"
    place.may_answer.set()
    one.until(lambda: one.exchange.problem is None)


def test_any_exception_is_a_problem_and_the_exchange_goes_on(run):
    place = Place()
    place.faults["fetch_last_numbers"] = ZeroDivisionError("oh")
    one = run(place, entries(1, 2))
    one.until(
        lambda: one.signalled[-1:] == ["the exchange failed (ZeroDivisionError: oh)"]
    )
    place.faults = {}
    one.until_sent()


def test_what_cannot_be_received_is_fetched_again():
    received = []

    def receive(fetched):
        received.append(fetched)
        if len(received) == 1:
            raise StoreError("disk full")

    place = Place(entries(1, 2))
    exchange = Exchange(place, REVIEW, [], receive)
    with pytest.raises(StoreError, match="disk full"):
        exchange.exchange()
    exchange.exchange()
    exchange.exchange()
    assert received == [entries(1, 2)] * 2


def test_a_place_that_no_longer_has_what_it_told_of_is_a_problem():
    place = Place(entries(1, 5))
    place.fetch = lambda _: entries(1, 2) + entries(4, 5)
    one = Computer(place)
    with pytest.raises(StoreError, match="entries that were there before are missing"):
        one.exchange.exchange()
    assert one.received == []


def test_through_a_slow_network_go_fewer_at_once():
    place = Place(entries(1, 1500, OTHER))
    one = Computer(place, entries(1, 1500))
    place.limit = 300
    for _ in range(2):
        with pytest.raises(StoreError):
            one.exchange.exchange()
    one.exchange.exchange()
    assert one.exchange.unsent == 0
    assert one.received == entries(1, 1500, OTHER)
    # Entries that arrived were not sent again; the next batch has the full size.
    tried = [len(what) for asked, what in place.asked if asked == "send"]
    assert tried == [1000, 500, *[250] * 6]
    place.limit = 10_000
    place.asked.clear()
    one.exchange.offer(entries(1501, 2400))
    one.exchange.exchange()
    assert place.count("send") == 1


# Closing


def test_closing_waits_for_nothing_and_what_was_offered_is_still_sent(run):
    place = Place()
    place.may_answer.clear()
    one = run(place, entries(1, 1))
    assert place.is_asked.wait(20)
    one.exchange.offer(entries(2, 3))
    one.exchange.close()
    signalled = len(one.signalled)
    assert not has_ended(one.thread, 0)
    place.may_answer.set()
    assert has_ended(one.thread)
    assert set(place.stored) == set(entries(1, 3))
    assert place.is_closed.is_set()
    assert len(one.signalled) == signalled


def test_what_was_offered_too_late_for_an_exchange_is_sent_in_a_last_one(run):
    place = Place(entries(1, 1, OTHER))
    is_fetching, may_go_on = threading.Event(), threading.Event()
    fetch = place.fetch

    def wait_and_fetch(spans):
        is_fetching.set()
        assert may_go_on.wait(20)
        return fetch(spans)

    place.fetch = wait_and_fetch
    one = run(place, interval=3600)
    assert is_fetching.wait(20)
    one.exchange.offer(entries(1, 1))
    one.exchange.close()
    may_go_on.set()
    assert has_ended(one.thread)
    assert set(place.stored) == {*entries(1, 1), *entries(1, 1, OTHER)}


def test_closing_with_a_place_in_trouble_tries_no_more(run):
    place = Place()
    place.faults["join"] = StoreError("gone")
    one = run(place, entries(1, 3))
    one.until(lambda: one.exchange.problem is not None)
    asked = len(place.asked)
    one.exchange.close()
    assert has_ended(one.thread)
    assert len(place.asked) <= asked + 1
    assert one.exchange.unsent == 3


def test_nothing_is_received_after_closing(run):
    place = Place(entries(1, 3))
    one = run(place)
    place.may_answer.clear()
    one.exchange.close()
    place.may_answer.set()
    assert has_ended(one.thread)
    place = Place(entries(1, 3))
    late = Computer(place)
    late.exchange.close()
    late.exchange.exchange()
    assert late.received == []


# In any order


@settings(max_examples=many(100, 3000, few=30))
@given(st.data())
def test_any_order_of_exchange_brings_every_entry_to_every_computer(data):
    place = Place()
    logs = [f"{n:032x}" for n in range(3)]
    computers = [Computer(place) for _ in logs]
    written = dict.fromkeys(logs, 0)
    steps = st.tuples(
        st.integers(0, 2),
        st.sampled_from(["write", "exchange", "fail", "reopen", "lose"]),
    )
    for index, step in data.draw(st.lists(steps, max_size=40)):
        one, log_id = computers[index], logs[index]
        if step == "write":
            written[log_id] += 1
            number = written[log_id]
            one.exchange.offer(entries(number, number, log_id))
        elif step == "exchange":
            one.exchange.exchange()
        elif step == "fail":
            place.faults[data.draw(st.sampled_from(["send", "fetch"]))] = StoreError("")
            place.is_answer_lost = data.draw(st.booleans())
            with suppress(StoreError):
                one.exchange.exchange()
            place.faults = {}
        elif step == "reopen":
            known = entries(1, written[log_id], log_id) + one.received
            acknowledged = one.exchange.acknowledged
            computers[index] = Computer(place, known, acknowledged=acknowledged)
            computers[index].received += one.received
        else:
            lost = data.draw(st.sampled_from(logs))
            place.stored = {e: None for e in place.stored if e.log_id != lost}
    for one in [*computers, *computers]:
        one.exchange.exchange()
    everything = {e for log_id in logs for e in entries(1, written[log_id], log_id)}
    assert set(place.stored) == everything
    for one, log_id in zip(computers, logs, strict=True):
        assert one.exchange.unsent == 0
        # Each entry of another computer once, and in the order of its log.
        assert sorted(one.received) == sorted(e for e in everything if e[0] != log_id)
        for other in logs:
            numbers = [e.number for e in one.received if e.log_id == other]
            assert numbers == sorted(numbers)
