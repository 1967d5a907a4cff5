"""The table of a run as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .measures import Line, Point, Timings

_HEAD = ("row", "work", "this project", "baseline", "", "at most", "")


def as_text(lines: Sequence[Line], peers: Mapping[str, Mapping[int, object]]) -> str:
    """Return the table as text for a terminal."""
    cells = [_cells(line, peers) for line in lines]
    return _align([_head(peers), *cells])


def as_markdown(
    lines: Sequence[Line], peers: Mapping[str, Mapping[int, object]]
) -> str:
    """Return the table as Markdown for the docs."""
    head = _head(peers)
    rows = [head, ["---"] * len(head), *(_cells(line, peers) for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def as_json(
    about: Mapping[str, Any],
    lines: Sequence[Line],
    points: Sequence[Point],
    peers: Mapping[str, Mapping[int, object]],
) -> dict[str, Any]:
    """Return all results of a run as plain JSON."""
    return {
        "machine": dict(about),
        "lines": [line.as_json() for line in lines],
        "points": [asdict(point) for point in points],
        "peers": {
            name: {
                row: asdict(answer) if isinstance(answer, Timings) else answer
                for row, answer in rows.items()
            }
            for name, rows in peers.items()
        },
    }


def _head(peers: Mapping[str, object]) -> list[str]:
    return [*_HEAD, *peers]


def _cells(line: Line, peers: Mapping[str, Mapping[int, object]]) -> list[str]:
    cells = [
        str(line.row),
        line.work + (f" ({line.note})" if line.note else ""),
        _times(line.ours),
        _times(line.baseline),
        _value(line.value, line.unit),
        _value(line.limit, line.unit),
        {True: "holds", False: "DOES NOT HOLD", None: ""}[line.holds],
    ]
    if line.error:
        cells[2] = f"not measured: {line.error}"
    for rows in peers.values():
        # Print the peers' times once a row, in the line with this project's own time.
        answer = rows.get(line.row) if line.limit is not None and line.ours else None
        cells.append(
            _times(answer) if isinstance(answer, Timings) else str(answer or "")
        )
    return cells


def _times(times: Timings | None) -> str:
    return f"{times} {times.unit}" if times and times.values else ""


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.2f} x" if unit == "x" else f"{value:,.4g} {unit}".strip()


def _align(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    # A long message must not push the other columns off the screen.
    widths[2] = min(widths[2], 26)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.insert(1, "-" * min(len(lines[0]), 200))
    return "\n".join(line.rstrip() for line in lines)
