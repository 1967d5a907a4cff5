"""Row 14: the exchange with a PostgreSQL server that is 40 ms away."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan
from napari_artifact_review.core.decisions.exchange import Exchange, find_meeting_place
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity
from napari_artifact_review.core.review.session import ReviewSession
from tests import postgres
from tests.delay_proxy import DelayProxy

#: Seconds in one direction; a round trip takes twice as long.
_DELAY = 0.02
#: Number of entries in each direction.
_COUNT = 500
#: An entry of the length of a verdict with its context.
_BODY = '{"context": "' + "x" * 500 + '"}'


class Setup(NamedTuple):
    """The plan and the server; None if none is installed."""

    plan: Plan
    server: postgres.PostgresServer | None


@contextmanager
def prepare(plan: Plan) -> Iterator[Setup]:
    """Start a server, if one is installed."""
    server = postgres.PostgresServer() if postgres.can_run() else None
    try:
        yield Setup(plan, server)
    finally:
        if server is not None:
            server.close()


def exchange(setup: Setup) -> Iterable[Line]:
    """Row 14: exchange 500 entries with a server."""
    work = f"send {_COUNT} entries and receive {_COUNT}, 40 ms away"
    server = setup.server
    if server is None:
        yield Line(14, work, note="no PostgreSQL server here")
        return
    timings = Timings()
    most = 0
    for _ in range(setup.plan.pick(1, 3, 10)):
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
    yield from _verdicts(setup.plan, server)


def _verdicts(plan: Plan, server: postgres.PostgresServer) -> Iterator[Line]:
    """Compare verdicts with a distant or frozen server with those without a server."""
    work = "a verdict with a server {}, beside one without"
    with (
        tempfile.TemporaryDirectory() as folder,
        DelayProxy(server.port, _DELAY) as proxy,
    ):
        url = server.url(server.make_database(), proxy.port)
        with _review(Path(folder, "alone")) as alone:
            for name, freeze in (("40 ms away", False), ("that is frozen", True)):
                with _review(Path(folder, name), url) as met:
                    met.team.synchronize(60)
                    if freeze:
                        server.freeze()
                    ours, baseline = Timings(), Timings()
                    for _ in range(plan.pick(2, 30, 100)):
                        _decide(alone, baseline)
                        _decide(met, ours)
                    server.thaw()
                yield from compare(14, work.format(name), ours, baseline, 1.1)


@contextmanager
def _review(folder: Path, team: str | None = None) -> Iterator[ReviewSession]:
    """Open a review of five hundred errors in its own folder."""
    folder.mkdir()
    table = folder / "predictions.csv"
    rows = (f"a,{x * 200},{y * 200},0,1" for y in range(20) for x in range(25))
    header = "image_name,grid_x,grid_y,label,preds"
    table.write_text("\n".join([header, *rows]) + "\n")
    with ReviewSession.open(table, folder, reviewer="bench", team=team) as session:
        yield session


def _decide(session: ReviewSession, timings: Timings) -> None:
    """Time ten verdicts about successive cutouts of the queue."""
    for _ in range(10):
        verdict = "no artifact" if session.current_cutout.label_new else "artifact"
        begin = time.perf_counter()
        session.set_label(verdict)
        timings.add(time.perf_counter() - begin)
        if not session.next():
            session.go_to(1)


ROWS = {14: exchange}


def _exchange(url: str, log_id: str) -> None:
    """Exchange a log of `_COUNT` entries once."""
    place = find_meeting_place(url)
    review = ReviewIdentity(log_id, "fingerprint", "predictions.csv", log_id)
    log = [RawEntry(log_id, number, _BODY) for number in range(1, _COUNT + 1)]
    Exchange(place, review, log, lambda _: None).exchange()
    place.close()
