"""Row 11: start napari with and without the plugin, and open the dock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from benchmarks import fresh
from benchmarks.measures import Line, Timings, compare
from benchmarks.plan import Plan


@contextmanager
def prepare(plan: Plan) -> Iterator[Plan]:
    """Return the plan; these rows need no more."""
    yield plan


def start(plan: Plan) -> Iterable[Line]:
    """Row 11: start napari, and open the dock."""
    ours, base, dock = Timings(unit="s"), Timings(unit="s"), Timings()
    rounds = plan.pick(1, 2, 8)
    for i in range(rounds + 1):
        seconds = fresh.run("start", "with")["seconds"]
        other = fresh.run("start", "without")["seconds"]
        opened = fresh.run("dock")["seconds"]
        # The first round fills the system's caches.
        if i:
            ours.add(seconds)
            base.add(other)
            dock.add(opened)
    yield from compare(11, "start napari", ours, base, 1.05)
    yield Line(11, "open the dock", dock, None, dock.median, 400, "ms")


ROWS = {11: start}
