"""The exchange over a real server that is killed, frozen, stopped, slow and shared."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity
from tests import exchange_thread
from tests.core.decisions import exchange_child
from tests.delay_proxy import DelayProxy
from tests.exchange_thread import has_ended

REVIEW = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv", "9" * 32)
LOG, OTHER = "1" * 32, "2" * 32
TIMEOUT = 60


def entries(first, last, log_id=LOG):
    body = '{"digest": "' + "0" * 200 + '"}'
    return [RawEntry(log_id, n, body) for n in range(first, last + 1)]


class Computer:
    """A running exchange, and the entries that it received."""

    def __init__(self, url, known=()):
        self.received = []
        self._changed = threading.Condition()
        self.exchange = Exchange(find_meeting_place(url), REVIEW, known, self._receive)
        self.exchange.changed.connect(self._note)
        self.thread = exchange_thread.start(self.exchange)

    def _receive(self, fetched):
        with self._changed:
            self.received += fetched
            self._changed.notify_all()

    def _note(self):
        with self._changed:
            self._changed.notify_all()

    def until(self, condition):
        with self._changed:
            assert self._changed.wait_for(condition, TIMEOUT)

    def until_problem(self):
        self.until(lambda: self.exchange.problem is not None)

    def until_no_problem(self):
        self.until(lambda: self.exchange.problem is None)

    def until_sent(self):
        self.until(lambda: self.exchange.unsent == 0)


@pytest.fixture
def database(server):
    return server.make_database()


@pytest.fixture
def run(server, database):
    """Return a function that makes a computer with a running exchange."""
    computers = []

    def make(known=(), port=None):
        computers.append(Computer(server.url(database, port), known))
        return computers[-1]

    yield make
    for one in computers:
        one.exchange.close()
    for one in computers:
        assert has_ended(one.thread)


@pytest.fixture
def start_process(server, database):
    """Return a function that starts a process with an exchange."""
    processes = []

    def start(log_id, count, end):
        command = [sys.executable, exchange_child.__file__, server.url(database)]
        command += [log_id, str(count), end]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "offered\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def stored_counts(server, database):
    """Return the number of entries of each log on the server, without gaps."""
    rows = server.execute(
        "SELECT log_id, count(*), max(number) FROM meeting_entries GROUP BY log_id",
        database,
    )
    for _, count, last in rows:
        assert count == last
    return {log_id: count for log_id, count, _ in rows}


def test_two_computers_in_turn_have_the_same(run, server, database):
    first = run()
    for number in range(1, 4):
        first.exchange.offer(entries(number, number))
    first.until_sent()
    first.exchange.close()
    second = run()
    second.until(lambda: second.received == entries(1, 3))
    second.exchange.offer(entries(1, 2, OTHER))
    second.until_sent()
    again = run(entries(1, 3))
    again.until(lambda: again.received == entries(1, 2, OTHER))
    assert stored_counts(server, database) == {LOG: 3, OTHER: 2}


def test_two_computers_at_once_have_the_same(run, server, database):
    first, second = run(), run()
    for number in range(1, 40):
        first.exchange.offer(entries(number, number))
        second.exchange.offer(entries(number, number, OTHER))
    first.until(lambda: first.received == entries(1, 39, OTHER))
    second.until(lambda: second.received == entries(1, 39))
    assert stored_counts(server, database) == {LOG: 39, OTHER: 39}


@pytest.mark.parametrize(
    ("end", "begin"), [("kill", "start"), ("stop", "start"), ("freeze", "thaw")]
)
def test_a_server_in_trouble_holds_nothing_up_and_gets_all_when_it_is_back(
    run, server, database, end, begin
):
    one = run(entries(1, 5))
    one.until_sent()
    getattr(server, end)()
    for number in range(6, 30):
        one.exchange.offer(entries(number, number))
    one.until_problem()
    assert one.exchange.unsent > 0
    assert "hunter2" not in str(one.exchange.problem)
    getattr(server, begin)()
    one.until_no_problem()
    one.until_sent()
    assert stored_counts(server, database) == {LOG: 29}


def test_a_server_that_is_away_from_the_start_is_found_when_it_comes(
    run, server, database
):
    server.stop()
    one = run(entries(1, 5))
    one.until_problem()
    one.exchange.offer(entries(6, 6))
    server.start()
    one.until_no_problem()
    one.until_sent()
    assert stored_counts(server, database) == {LOG: 6}


def test_what_could_not_be_sent_is_sent_at_the_next_opening(run, server, database):
    server.freeze()
    one = run(entries(1, 5))
    one.until_problem()
    acknowledged = one.exchange.acknowledged
    one.exchange.close()
    server.thaw()
    again = Exchange(
        find_meeting_place(server.url(database)),
        REVIEW,
        entries(1, 5),
        print,
        acknowledged,
    )
    assert again.unsent == 5
    again.exchange()
    assert again.unsent == 0
    assert stored_counts(server, database) == {LOG: 5}
    thread = exchange_thread.start(again)
    again.close()
    assert has_ended(thread)


@pytest.mark.parametrize("state", ["freeze", "stop"])
def test_a_process_ends_though_its_server_does_not_answer(start_process, server, state):
    process = start_process(LOG, 1, "sent")
    assert process.wait(TIMEOUT) == 0
    getattr(server, state)()
    for end in ("now", "problem"):
        process = start_process(LOG, 20, end)
        assert process.wait(TIMEOUT) == 0, process.stdout.read()
        assert process.stdout.read() == "closed\n"


def test_killed_in_the_midst_of_the_exchange_nothing_is_lost_or_doubled(
    start_process, run, server, database
):
    for number in range(4):
        process = start_process(LOG, 3000, "never")
        # From its very first message to far into its exchange.
        threading.Event().wait(0.02 * number)
        process.kill()
        process.wait(TIMEOUT)
    body = [RawEntry(LOG, n, f'{{"n": {n}}}') for n in range(1, 3001)]
    one = run(body)
    one.until_sent()
    there = run()
    there.until(lambda: there.received == body)
    assert stored_counts(server, database) == {LOG: 3000}


def test_the_server_killed_in_the_midst_of_the_exchange_loses_and_doubles_nothing(
    run, server, database
):
    one = run()
    for round_ in range(4):
        first = round_ * 500
        for number in range(first + 1, first + 501):
            one.exchange.offer(entries(number, number))
        server.kill()
        server.start()
    one.until_sent()
    there = run()
    there.until(lambda: there.received == entries(1, 2000))
    assert stored_counts(server, database) == {LOG: 2000}


def test_through_a_slow_network_all_gets_there(run, server, database):
    # A thousand of these entries take six seconds.
    with DelayProxy(server.port, 0.02, bytes_per_second=40_000) as proxy:
        one = run(entries(1, 1000), proxy.port)
        one.until_problem()
        one.until_sent()
        one.until_no_problem()
        one.exchange.close()
        assert has_ended(one.thread)
    assert stored_counts(server, database) == {LOG: 1000}


def test_500_entries_are_exchanged_in_at_most_10_round_trips(run, server):
    there = run(entries(1, 500, OTHER))
    there.until_sent()
    with DelayProxy(server.port, 0.001) as proxy:
        one = run(entries(1, 500), proxy.port)
        one.until_sent()
        one.until(lambda: len(one.received) == 500)
        # An encrypted connection takes two more.
        assert proxy.round_trips + 2 <= 10
        one.exchange.close()
        assert has_ended(one.thread)
