"""A PostgreSQL database as a meeting place, on a real server with real failures."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.exchange import find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import (
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import StoreError
from tests.delay_proxy import DelayProxy
from tests.postgres import PASSWORD

REVIEW = ReviewIdentity("a" * 32, "fingerprint", "predictions.csv", "9" * 32)
LOG, OTHER, OWN = "1" * 32, "2" * 32, "9" * 32


def entries(first, last, log_id=LOG):
    return [RawEntry(log_id, n, json.dumps({"n": n})) for n in range(first, last + 1)]


class Places:
    """The meeting places of several computers in one database."""

    def __init__(self, server):
        self.server = server
        self.database = server.make_database()
        self._made = []

    def make(self, port=None, options=""):
        url = self.server.url(self.database, port) + options
        place = find_meeting_place(url)
        self._made.append(place)
        return place

    def execute(self, sql):
        return self.server.execute(sql, self.database)

    def close(self):
        for place in self._made:
            place.close()


@pytest.fixture
def places(server):
    places = Places(server)
    yield places
    places.close()


@pytest.fixture
def place(places):
    place = places.make()
    assert place.join(REVIEW).review_id == REVIEW.review_id
    return place


def test_a_number_that_no_log_has_is_refused(place):
    with pytest.raises(StoreError, match="violates check constraint"):
        place.send(entries(0, 2))
    assert place.fetch_last_numbers() == {}


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII", "LATIN1"])
def test_any_body_and_any_name_is_kept(places, encoding):
    places.database = f"review_in_{encoding.lower()}"
    places.server.execute(
        f"CREATE DATABASE {places.database} ENCODING '{encoding}' TEMPLATE template0"
    )
    place = places.make()
    body = json.dumps({"note": "\0 \ud800 é 名", "view": float("nan")})
    place.join(REVIEW._replace(table_name="a\0b\udcff.csv"))
    place.send([RawEntry(LOG, 1, body)])
    assert place.fetch([Span(LOG, 0, 1)]) == [RawEntry(LOG, 1, body)]


def test_computers_that_join_at_once_make_one_review(places):
    identities = [REVIEW._replace(review_id=f"{n:032x}") for n in range(8)]
    start = threading.Barrier(len(identities))

    def join(review):
        place = places.make()
        start.wait(20)
        return place.join(review).review_id

    with ThreadPoolExecutor(len(identities)) as threads:
        joined = set(threads.map(join, identities))
    assert len(joined) == 1
    assert places.execute("SELECT review_id FROM meeting_reviews") == [(*joined,)]


def test_a_review_that_is_made_elsewhere_at_this_moment_is_joined(places, place):
    # A transaction that is not committed yet holds the same fingerprint.
    url = read_database_url(places.server.url(places.database))
    with psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        dbname=url.database,
    ) as other:
        other.execute("INSERT INTO meeting_reviews VALUES ('first', 'new table', '')")
        with ThreadPoolExecutor(1) as thread:
            new = ReviewIdentity("second", "new table", "", OWN)
            joined = thread.submit(places.make().join, new)
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type='Lock'"
            while places.execute(waits) == [(0,)]:
                pass
            other.commit()
            assert joined.result(20) == ("first", {})


def test_a_server_that_does_not_keep_a_review_is_one_error(places, place):
    places.execute(
        "CREATE FUNCTION ignore() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER ignore BEFORE INSERT ON meeting_reviews "
        "FOR EACH ROW EXECUTE FUNCTION ignore()"
    )
    with pytest.raises(StoreError, match="did not store the review"):
        places.make().join(ReviewIdentity("b" * 32, "another table", "", OWN))


def test_a_place_of_a_newer_version_is_refused_and_left_alone(places, place):
    places.execute("UPDATE meeting_schema SET version = 9")
    there = places.make()
    with pytest.raises(StoreError, match=r"schema 9.*Upgrade"):
        there.join(ReviewIdentity("b" * 32, "another table", "", OWN))
    assert places.execute("SELECT count(*) FROM meeting_reviews") == [(1,)]


def test_an_exchange_of_500_takes_at_most_10_round_trips(places, place):
    place.send(entries(1, 500, OTHER))
    with DelayProxy(places.server.port) as proxy:
        there = places.make(proxy.port)
        assert there.join(REVIEW).last_numbers == {OTHER: 500}
        there.send(entries(1, 500))
        assert len(there.fetch([Span(OTHER, 0, 500)])) == 500
        # Encrypted, the connection takes two more (measured with PostgreSQL 15).
        assert proxy.round_trips + 2 <= 10
        assert proxy.connections == 1
    assert place.fetch_last_numbers() == {LOG: 500, OTHER: 500}


def test_one_connection_is_kept(places):
    with DelayProxy(places.server.port) as proxy:
        place = places.make(proxy.port)
        place.join(REVIEW)
        for n in range(1, 20):
            place.send(entries(n, n))
        assert proxy.connections == 1


def test_the_options_of_a_url_are_honoured(places):
    place = places.make(options="?application_name=a+team+of+ours")
    place.join(REVIEW)
    names = places.execute("SELECT application_name FROM pg_stat_activity")
    assert ("a team of ours",) in names


# Failures


@pytest.mark.parametrize("operation", ["join", "fetch_last_numbers", "send", "fetch"])
def test_a_frozen_server_ends_each_operation_with_one_error(place, server, operation):
    reported = []
    place.on_timeout = lambda error: reported.append(str(error))
    server.freeze()
    arguments = {
        "join": [REVIEW],
        "send": [entries(1, 9)],
        "fetch": [[Span(LOG, 0, 1)]],
    }
    with pytest.raises(StoreError, match="did not answer within 2 s") as caught:
        getattr(place, operation)(*arguments.get(operation, []))
    # The callback has it in time, also for an operation that could not be ended.
    assert reported == [str(caught.value)]
    server.thaw()
    place.join(REVIEW)
    assert place.fetch_last_numbers() in ({}, {LOG: 9})


def test_a_server_that_accepts_and_never_answers_is_one_error(places, server):
    place = places.make()
    server.freeze()
    with pytest.raises(StoreError, match="did not answer within 2 s"):
        place.join(REVIEW)
    server.thaw()
    assert place.join(REVIEW).review_id == REVIEW.review_id


def test_a_longer_wait_for_a_connection_is_reported_in_time(places, server):
    reported = threading.Event()
    place = places.make(options="?connect_timeout=60")
    place.on_timeout = lambda _: reported.set()
    server.freeze()
    with ThreadPoolExecutor(1) as thread:
        joined = thread.submit(place.join, REVIEW)
        assert reported.wait(20)
        assert not joined.done()
        server.thaw()
        assert joined.result(20).review_id == REVIEW.review_id


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_server_that_ends_is_one_error_and_used_again_when_it_is_back(
    place, server, end
):
    place.send(entries(1, 2))
    getattr(server, end)()
    for _ in range(2):
        with pytest.raises(StoreError, match="the server cannot be used"):
            place.send(entries(3, 3))
    server.start()
    place.send(entries(3, 3))
    assert place.fetch_last_numbers() == {LOG: 3}


class LateTimer(threading.Timer):
    """A timer that fires when it is cancelled, like one that is cancelled too late."""

    def cancel(self):
        self.function()
        super().cancel()


def test_a_watchdog_that_is_late_leaves_the_connection_to_the_next_operation(
    places, monkeypatch
):
    monkeypatch.setattr(
        "napari_artifact_review.core.decisions.postgres_place.Timer", LateTimer
    )
    reported = []
    with DelayProxy(places.server.port) as proxy:
        place = places.make(proxy.port)
        place.on_timeout = reported.append
        place.join(REVIEW)
        for _ in range(3):
            place.fetch_last_numbers()
        assert proxy.connections == 1
    assert reported == []


def test_a_wrong_password_is_told_without_it(places):
    url = places.server.url(places.database)
    wrong = url.replace("hunter2", "Tr0ub4dor")
    place = find_meeting_place(wrong)
    with pytest.raises(StoreError, match=r"\.pgpass or PGPASSWORD") as caught:
        place.join(REVIEW)
    for text in (str(caught.value), str(caught.value.__cause__), place.name):
        assert "Tr0ub4dor" not in text
    assert "password authentication failed" in str(caught.value)


def test_what_a_server_repeats_of_the_password_is_not_told(places):
    # In the name of a database, which the error of a server repeats.
    url = places.server.url(f"no-{PASSWORD}")
    place = find_meeting_place(url)
    with pytest.raises(StoreError, match="does not exist") as caught:
        place.join(REVIEW)
    assert "hunter2" not in str(caught.value).replace(place.name, "")
    assert caught.value.__cause__ is None


def test_the_password_may_come_from_the_environment(places, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    url = places.server.url(places.database)
    user, _, rest = url.partition("//ada:")
    place = find_meeting_place(f"{user}//ada@{rest.partition('@')[2]}")
    assert place.join(REVIEW).review_id == REVIEW.review_id
    place.close()


@pytest.mark.parametrize(
    "url", ["postgresql://a:%00@host/x", "postgresql://a%00@host/x"]
)
def test_a_url_that_no_server_knows_is_one_error(url):
    place = find_meeting_place(url)
    with pytest.raises(StoreError):
        place.join(REVIEW)


def test_a_user_without_rights_is_told_so(places, place):
    places.server.execute("DROP ROLE IF EXISTS guest")
    places.server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = places.server.url(places.database)
    start, _, rest = url.partition("ada:")
    guest = find_meeting_place(f"{start}guest:guest@{rest.partition('@')[2]}")
    with pytest.raises(StoreError, match="permission denied"):
        guest.join(REVIEW)


# The data of an older version

OLD = """
CREATE TABLE review (id INTEGER PRIMARY KEY, schema_version INTEGER NOT NULL,
    table_name TEXT NOT NULL, fingerprint TEXT NOT NULL, state JSON NOT NULL);
CREATE TABLE decisions (number BIGINT PRIMARY KEY, action TEXT NOT NULL,
    act BIGINT NOT NULL, image_name TEXT NOT NULL, grid_x BIGINT NOT NULL,
    grid_y BIGINT NOT NULL, label_new SMALLINT NOT NULL, reviewer TEXT NOT NULL,
    decided_at TEXT NOT NULL, context JSON NOT NULL);
INSERT INTO review VALUES (1, 1, 'predictions.csv', 'fingerprint', '{"image": "a"}');
INSERT INTO decisions SELECT n, 'decide', n, 'a', n * 200, 0, 1, 'ada',
    '2026-11-22T23:12:17.001Z', '{"view": {"stretch": "log"}}'
    FROM generate_series(1, 1203) AS n;
"""


@pytest.mark.parametrize("version", [1, 2])
def test_what_an_older_version_kept_is_read_and_left_alone(places, version):
    places.execute(OLD)
    if version == 2:
        columns = ("verdict TEXT DEFAULT 'artifact'", "kind TEXT", "note TEXT")
        for column in columns:
            places.execute(f"ALTER TABLE decisions ADD COLUMN {column}")
        places.execute("UPDATE review SET schema_version = 2")
    before = places.execute("SELECT * FROM decisions ORDER BY number")
    old = places.make().read_old_store()
    assert old.review["fingerprint"] == "fingerprint"
    assert old.review["state"] == {"image": "a"}
    assert [row["number"] for row in old.decisions] == list(range(1, 1204))
    last = old.decisions[-1]
    assert (last["image_name"], last["grid_x"]) == ("a", 1203 * 200)
    assert last["context"] == {"view": {"stretch": "log"}}
    assert last.get("verdict") == ("artifact" if version == 2 else None)
    assert places.execute("SELECT * FROM decisions ORDER BY number") == before


def test_a_database_without_one_or_with_another_review_table_has_none(places):
    place = places.make()
    assert place.read_old_store() is None
    places.execute("CREATE TABLE review (stars INTEGER)")
    assert place.read_old_store() is None
    places.execute("INSERT INTO review VALUES (5)")
    assert place.read_old_store() is None
