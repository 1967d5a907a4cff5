"""Row 18: a log with many entries of four reviewers."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks import memory
from benchmarks.measures import Line, Timings
from benchmarks.plan import Plan
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.folder_place import FolderPlace
from napari_artifact_review.core.decisions.log_copies import read_log, write_log
from napari_artifact_review.core.decisions.meeting_place import RawEntry, ReviewIdentity
from napari_artifact_review.core.review.session import ReviewSession

_NAMES = ("Ana", "Ben", "Cem", "Eva")

#: Received verdicts, and the known entries that are later.
_RECEIVED, _LATER = 10, 20

#: What the entry of a verdict usually says beside the verdict.
_CONTEXT = {"threshold": None, "view": {"stretch": "asinh"}, "team": {"blind": True}}


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan."""
    yield plan


def large_log(plan: Plan) -> Iterator[Line]:
    """Row 18: open a large log, and receive verdicts in it."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure(plan, Path(folder))


ROWS = {18: large_log}


def _measure(plan: Plan, folder: Path) -> Iterator[Line]:
    count = plan.pick(400, 50_000, 50_000)
    work = f"with {count:,} entries of four reviewers"
    table, logs = _make_log(folder / "large", count)
    place = folder / "place"
    place.mkdir()
    before = memory.current()
    begin = time.perf_counter()
    with ReviewSession.open(table, reviewer="Ana", team=str(place)) as session:
        seconds = time.perf_counter() - begin
        yield Line(18, f"open a log {work}", value=seconds, unit="s")
        used = (memory.current() - before) / 1e6
        yield Line(18, "of it, memory", value=used, unit="MB")
        assert session.team is not None
        if not session.team.synchronize(300):
            raise TimeoutError("the log was not sent within 300 s")
        timings = Timings()
        for _ in range(plan.pick(1, 10, 10)):
            timings.add(_receive(session, place, logs))
        what = f"receive {_RECEIVED} verdicts {work}, on the main thread"
        yield Line(18, what, timings, None, timings.median, 50, "ms")


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
