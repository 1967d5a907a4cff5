"""What is measured: times, and lines of the table that hold or do not."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Timings:
    """Repeated measurements of one thing.

    Attributes
    ----------
    values : list of float
        As they were measured, in `unit`.
    unit : str
        What they are counted in.
    """

    values: list[float] = field(default_factory=list)
    unit: str = "ms"

    def add(self, seconds: float) -> None:
        """Add a time, given in seconds."""
        self.values.append(seconds * {"ms": 1e3, "s": 1.0}[self.unit])

    @property
    def least(self) -> float:
        """The smallest one."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The 95th percentile."""
        if len(self.values) == 1:
            return self.values[0]
        return statistics.quantiles(self.values, n=20, method="inclusive")[-1]

    def __str__(self) -> str:
        median = self.median
        digits = (
            0 if median >= 100 else 1 if median >= 10 else 2 if median >= 0.1 else 4
        )
        parts = (self.least, self.median, self.p95)
        return " / ".join(f"{part:.{digits}f}" for part in parts)


@dataclass
class Line:
    """One line of the table: what it took, what it may take, and whether it holds.

    Attributes
    ----------
    row : int
        The row of the table of promises; see docs/speed.md.
    work : str
        What was done.
    ours, baseline : Timings or None
        This project, and what it is compared with.
    value : float or None
        What is compared with the limit: a ratio, or a number in `unit`.
    limit : float or None
        The most that `value` may be; None for what is only shown.
    unit : str
        Of `value`: "x" for a ratio.
    note : str
        What else is to be known.
    error : str
        Why it was not measured.
    """

    row: int
    work: str
    ours: Timings | None = None
    baseline: Timings | None = None
    value: float | None = None
    limit: float | None = None
    unit: str = "x"
    note: str = ""
    error: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the limit holds, where there is one."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, with the figures that are derived."""
        data = asdict(self) | {"holds": self.holds}
        for name in ("ours", "baseline"):
            timings = getattr(self, name)
            if timings is not None and timings.values:
                data[name] |= {
                    "min": timings.least,
                    "median": timings.median,
                    "p95": timings.p95,
                }
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Line:
        """Make it anew from what `as_json` returned."""
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        for name in ("ours", "baseline"):
            if known.get(name) is not None:
                known[name] = Timings(known[name]["values"], known[name]["unit"])
        return cls(**known)


def compare(
    row: int,
    work: str,
    ours: Timings,
    baseline: Timings,
    limit: float | None,
    tail_limit: float | None = None,
    note: str = "",
) -> list[Line]:
    """Return the line of a ratio of medians, and one for the 95th percentiles."""
    ratio = ours.median / baseline.median
    lines = [Line(row, work, ours, baseline, ratio, limit, note=note)]
    if tail_limit is not None:
        ratio = ours.p95 / baseline.p95
        lines.append(
            Line(row, f"{work}: 95th percentiles", None, None, ratio, tail_limit)
        )
    return lines


@dataclass(frozen=True)
class Point:
    """A point of the plot: what something costs at a size.

    Attributes
    ----------
    axis : str
        What the size counts: "cutouts", "rows" or "megapixels".
    size : float
        The size.
    work : str
        What was done.
    who : str
        This project, or what it is compared with.
    cost : float
        The median.
    unit : str
        Of the cost.
    """

    axis: str
    size: float
    work: str
    who: str
    cost: float
    unit: str


def points(
    axis: str, size: float, work: str, ours: Timings, baseline: Timings | None = None
) -> list[Point]:
    """Return the points of one size."""
    named: Sequence[tuple[str, Timings | None]] = (
        ("this project", ours),
        ("baseline", baseline),
    )
    return [
        Point(axis, size, work, who, timings.median, timings.unit)
        for who, timings in named
        if timings is not None and timings.values
    ]
