"""Row 17: a verdict of a reviewer in a team, and a log with entries of four."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks import memory
from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.folder_place import FolderPlace
from napari_artifact_review.core.decisions.log_copies import read_log, write_log
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity
from napari_artifact_review.core.review.session import ReviewSession
from tests import postgres

_NAMES = ("Ana", "Ben", "Cem", "Eva")

#: Seconds of each file operation on the slow disk.
_SLOW = 0.3

#: Received verdicts, and the known entries that are later.
_RECEIVED, _LATER = 10, 20

#: What the entry of a verdict usually says beside the verdict.
_CONTEXT = {"threshold": None, "view": {"stretch": "asinh"}, "team": {"blind": True}}


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
    """Row 17: verdicts in a team, and what a large log costs."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _verdicts(setup, Path(folder))
        yield from _large_log(setup.plan, Path(folder))


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
    for _ in range(plan.pick(2, 30, 100)):
        _decide(alone, baseline)
        _decide(met, ours)
    yield from compare(17, f"a verdict {what}, beside one alone", ours, baseline, 1.1)
    note = f"{ours.p99:.2f} and {baseline.p99:.2f} ms"
    ratio = ours.p99 / baseline.p99
    yield Line(17, "of it, 99th percentiles", value=ratio, note=note)


@contextmanager
def _review(folder: Path, team: str | None = None) -> Iterator[ReviewSession]:
    """Open a review of five hundred errors; with `team`, it has a second reviewer."""
    folder.mkdir()
    table = folder / "predictions.csv"
    table.write_text(_table(500))
    if team is not None:
        with ReviewSession.open(table, reviewer="Ben") as session:
            for _ in range(50):
                session.set_label("artifact")
                session.next()
    with ReviewSession.open(table, reviewer="Ana", team=team) as session:
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


# A log with many entries


def _large_log(plan: Plan, folder: Path) -> Iterator[Line]:
    count = plan.pick(400, 50_000, 50_000)
    work = f"with {count:,} entries of four reviewers"
    table, logs = _make_log(folder / "large", count)
    place = folder / "place"
    place.mkdir()
    before = memory.current()
    begin = time.perf_counter()
    with ReviewSession.open(table, reviewer="Ana", team=str(place)) as session:
        seconds = time.perf_counter() - begin
        yield Line(17, f"open a log {work}", value=seconds, unit="s")
        used = (memory.current() - before) / 1e6
        yield Line(17, "of it, memory", value=used, unit="MB")
        assert session.team is not None
        if not session.team.synchronize(300):
            raise TimeoutError("the log was not sent within 300 s")
        timings = Timings()
        for _ in range(plan.pick(1, 10, 10)):
            timings.add(_receive(session, place, logs))
        what = f"receive {_RECEIVED} verdicts {work}, on the main thread"
        yield Line(17, what, timings, None, timings.median, 50, "ms")


def _make_log(folder: Path, count: int) -> tuple[Path, dict[str, Entry]]:
    """Make a review with entries of four reviewers; return the last of each name."""
    folder.mkdir()
    table = folder / "predictions.csv"
    table.write_text(_table(count // 4))
    with ReviewSession.open(table, reviewer="Ana") as session:
        session.set_label("artifact")
        store, keys = Path(session.store), session.cutout_index.key_of
    contents = read_log(store)
    last: dict[str, Entry] = {}
    entries = []
    for clock in range(1, count + 1):
        name, row = _NAMES[clock % 4], clock // 4 % (count // 4)
        log_id = name.encode().hex().ljust(32, "0")
        entry = _verdict(log_id, last.get(name), clock, keys(row), name, clock % 7 > 2)
        last[name] = entry
        entries.append(entry)
    store.unlink()
    write_log(store, replace(contents, entries=entries))
    return table, last


def _verdict(
    log_id: str,
    previous: Entry | None,
    clock: int,
    cutout: CutoutKey,
    reviewer: str,
    is_artifact: bool,
) -> Entry:
    """Return the entry of a verdict that follows another one in its log."""
    number = 1 if previous is None else previous.number + 1
    return Entry(
        log_id,
        number,
        clock,
        "decide",
        EntryId(log_id, number),
        cutout,
        int(is_artifact),
        reviewer,
        "2026-01-01T00:00:00.000Z",
        _CONTEXT,
        "artifact" if is_artifact else "no artifact",
    ).after(previous)


def _receive(session: ReviewSession, place: Path, last: dict[str, Entry]) -> float:
    """Send verdicts of Ben to a review; return the seconds of its main thread."""
    for row in range(_LATER + 1):
        key = session.cutout_index.key_of(row)
        session.set_label("unsure", note=f"{time.monotonic()}", cutouts=[key])
    newest = session.log[-1].clock
    sent = []
    for i in range(_RECEIVED):
        key, clock = session.cutout_index.key_of(i), newest - _LATER + i
        before = last["Ben"]
        last["Ben"] = _verdict(before.log_id, before, clock, key, "Ben", bool(i % 2))
        sent.append(last["Ben"])
    _send(session, place, sent)
    posted: deque[Callable[[], object]] = deque()
    session.set_dispatcher(posted.append)
    seconds, known = 0.0, len(session.log)
    end = time.monotonic() + 60
    while len(session.log) < known + _RECEIVED or posted:
        if time.monotonic() > end:
            raise TimeoutError("the verdicts did not arrive within 60 s")
        time.sleep(0.005)
        while posted:
            begin = time.thread_time()
            posted.popleft()()
            seconds += time.thread_time() - begin
    session.set_dispatcher(None)
    return seconds


def _send(session: ReviewSession, place: Path, entries: Sequence[Entry]) -> None:
    contents = read_log(Path(session.store))
    assert contents.binding is not None
    fingerprint = contents.binding.fingerprint
    folder = FolderPlace(place)
    folder.join(ReviewIdentity(contents.review_id, fingerprint, "", entries[0].log_id))
    folder.send([RawEntry(*one.id, one.as_json()) for one in entries])


def _table(count: int) -> str:
    positions = itertools.islice(itertools.product(range(count), range(25)), count)
    rows = (f"a,{x * 200},{y * 200},0,1" for y, x in positions)
    return "\n".join(["image_name,grid_x,grid_y,label,preds", *rows]) + "\n"
