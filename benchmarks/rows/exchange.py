"""Row 14: a team's server 40 ms away; how often a review waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.measures import Line, Timings
from benchmarks.plan import Plan
from napari_artifact_review.core.exchange import Exchange
from napari_artifact_review.core.meeting_place import (
    RawEntry,
    ReviewIdentity,
    find_meeting_place,
)
from tests import postgres
from tests.delay_proxy import DelayProxy

#: Seconds to the server; the round trip takes twice as long.
_DELAY = 0.02
_COUNT = 500
#: As long as a verdict with its context.
_BODY = '{"context": "' + "x" * 500 + '"}'


class Stage(NamedTuple):
    """The server, where one is installed, and how much is measured."""

    plan: Plan
    server: postgres.PostgresServer | None


@contextmanager
def stage(plan: Plan) -> Iterator[Stage]:
    """Start a server, where one is installed."""
    server = postgres.PostgresServer() if postgres.can_run() else None
    try:
        yield Stage(plan, server)
    finally:
        if server is not None:
            server.close()


def exchange(stage: Stage) -> Iterable[Line]:
    """Row 14: exchange 500 entries with a server."""
    work = f"send {_COUNT} entries and receive {_COUNT}, 40 ms away"
    server = stage.server
    if server is None:
        yield Line(14, work, note="no PostgreSQL server here")
        return
    timings = Timings()
    most = 0
    for _ in range(stage.plan.pick(1, 3, 10)):
        database = server.make_database()
        _exchange(server.url(database), "there")
        with DelayProxy(server.port, _DELAY) as proxy:
            begin = time.perf_counter()
            _exchange(server.url(database, proxy.port), "here")
            timings.add(time.perf_counter() - begin)
            most = max(most, proxy.round_trips)
    yield Line(14, work, timings, None, timings.median, None, "ms")
    trips = "of it, round trips, with the connection"
    yield Line(14, trips, value=most, limit=10, unit="")


ROWS = {14: exchange}


def _exchange(url: str, log_id: str) -> None:
    """Open a review that has a log of its own, and exchange once."""
    place = find_meeting_place(url)
    review = ReviewIdentity(log_id, "fingerprint", "predictions.csv")
    log = [RawEntry(log_id, number, _BODY) for number in range(1, _COUNT + 1)]
    Exchange(place, review, log, lambda _: None).exchange()
    place.close()
