"""Measured times, lines of the table with their limits, and points of the plot."""

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
        The measurements, in `unit`.
    unit : str
        "ms", "s" or "MB".
    """

    values: list[float] = field(default_factory=list)
    unit: str = "ms"

    def add(self, seconds: float) -> None:
        """Add a time, given in seconds."""
        self.values.append(seconds * {"ms": 1e3, "s": 1.0}[self.unit])

    @property
    def least(self) -> float:
        """The minimum."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The 95th percentile."""
        return self._quantile(95)

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return self._quantile(99)

    def _quantile(self, percent: int) -> float:
        if len(self.values) == 1:
            return self.values[0]
        quantiles = statistics.quantiles(self.values, n=100, method="inclusive")
        return quantiles[percent - 1]

    def __str__(self) -> str:
        median = self.median
        digits = (
            0 if median >= 100 else 1 if median >= 10 else 2 if median >= 0.1 else 4
        )
        parts = (self.least, self.median, self.p95)
        return " / ".join(f"{part:.{digits}f}" for part in parts)


@dataclass
class Line:
    """One line of the table: the measured value, its limit, and whether it holds.

    Attributes
    ----------
    row : int
        The number of the row; see docs/speed.md.
    work : str
        The measured action.
    ours, baseline : Timings or None
        The times of this project and of its baseline.
    value : float or None
        The value to compare with the limit: a ratio, or a number in `unit`.
    limit : float or None
        The maximum of `value`; None if the line has no limit.
    unit : str
        The unit of `value`: "x" for a ratio.
    note : str
        A remark to print with the line.
    error : str
        The reason why there is no measurement.
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
        """Whether the limit holds; None without a limit."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain JSON, with the derived figures."""
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
        """Return the line that `as_json` returned as JSON."""
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
    """Return a line with the ratio of medians, and one for the 95th percentiles."""
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
    """A point of the plot: the cost of an action at a size.

    Attributes
    ----------
    axis : str
        The unit of the size: "cutouts", "rows" or "megapixels".
    size : float
        The size.
    work : str
        The measured action.
    who : str
        "this project" or "baseline".
    cost : float
        The median, in `unit`.
    unit : str
        "ms" or "s".
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
        Point(axis, size, work, series, timings.median, timings.unit)
        for series, timings in named
        if timings is not None and timings.values
    ]
