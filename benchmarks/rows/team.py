"""Row 17: a verdict of a reviewer in a team, beside one alone."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan
from napari_artifact_review.core.review.session import ReviewSession
from tests import postgres

#: Seconds of each file operation on the slow disk.
_SLOW = 0.3

#: Seconds between two verdicts; a reviewer needs longer.
_PAUSE = 0.05


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


def team(setup: Setup) -> Iterable[Line]:
    """Row 17: verdicts in a team, at meeting places of several kinds."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _verdicts(setup, Path(folder))


ROWS = {17: team}


# A verdict beside one alone


def _verdicts(setup: Setup, folder: Path) -> Iterator[Line]:
    place = folder / "shared"
    place.mkdir()
    places: list[tuple[str, str, AbstractContextManager[object]]] = [
        ("a folder", str(place), nullcontext()),
        ("a folder on a slow disk", str(place), _disturbed(place, _sleep)),
        ("a folder that hangs", str(place), _disturbed(place, _hang)),
    ]
    server = setup.server
    if server is not None:
        url = server.url(server.make_database())
        places.append(("PostgreSQL", url, nullcontext()))
        places.append(("a frozen PostgreSQL", url, _frozen(server)))
    for number, (name, where, disturbance) in enumerate(places):
        alone = _review(folder / f"alone{number}")
        met = _review(folder / f"met{number}", where)
        with alone as one, met as other:
            assert other.team is not None
            other.team.synchronize(60)
            with disturbance:
                yield from _compare(setup.plan, f"in a team with {name}", one, other)


def _compare(
    plan: Plan, what: str, alone: ReviewSession, met: ReviewSession
) -> Iterator[Line]:
    ours, baseline = Timings(), Timings()
    pairs = [(alone, baseline), (met, ours)]
    for _ in range(plan.pick(10, 150, 1000)):
        for session, timings in pairs:
            _decide(session, timings)
            # Else the exchange of one verdict would delay that of the other session.
            time.sleep(_PAUSE)
        # Neither of them always follows the other.
        pairs.reverse()
    yield from compare(17, f"a verdict {what}, beside one alone", ours, baseline, 1.1)
    note = f"{ours.p99:.2f} and {baseline.p99:.2f} ms"
    ratio = ours.p99 / baseline.p99
    yield Line(17, "of it, 99th percentiles", value=ratio, note=note)


@contextmanager
def _review(folder: Path, team: str | None = None) -> Iterator[ReviewSession]:
    """Open a review of five hundred errors; with `team`, it has a second reviewer."""
    folder.mkdir()
    table = folder / "predictions.csv"
    rows = (f"a,{x * 200},{y * 200},0,1" for y in range(20) for x in range(25))
    header = "image_name,grid_x,grid_y,label,preds"
    table.write_text("\n".join([header, *rows]) + "\n")
    if team is not None:
        with ReviewSession.open(table, reviewer="Ben") as session:
            for _ in range(50):
                session.set_label("artifact")
                session.next()
    with ReviewSession.open(table, reviewer="Ana", team=team) as session:
        yield session


def _decide(session: ReviewSession, timings: Timings) -> None:
    """Time a verdict, and go on to the next cutout of the queue."""
    verdict = "no artifact" if session.current_cutout.label_new else "artifact"
    begin = time.perf_counter()
    session.set_label(verdict)
    timings.add(time.perf_counter() - begin)
    if not session.next():
        session.go_to(1)


@contextmanager
def _disturbed(
    folder: Path, delay: Callable[[threading.Event], object]
) -> Iterator[None]:
    """Delay each file operation in a folder until the context ends."""
    is_over = threading.Event()

    def delayed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **named: Any) -> Any:
            if str(path).startswith(str(folder)):
                delay(is_over)
            return function(path, *args, **named)

        return call

    with (
        patch.object(os, "scandir", delayed(os.scandir)),
        patch.object(os, "replace", delayed(os.replace)),
    ):
        yield
        is_over.set()


def _sleep(_: threading.Event) -> None:
    time.sleep(_SLOW)


def _hang(is_over: threading.Event) -> None:
    is_over.wait()


@contextmanager
def _frozen(server: postgres.PostgresServer) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()
