"""Write the table and the plot of docs/speed.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import plot, report
from .measures import Line, Point

_DOCS = Path(__file__).parents[1] / "docs"

#: The table is between these two lines.
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def update(
    about: str,
    lines: Sequence[Line],
    peers: Mapping[str, Mapping[int, object]],
) -> None:
    """Replace the table of docs/speed.md."""
    page = _DOCS / "speed.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    table = report.as_markdown(lines, peers)
    page.write_text(
        f"{before}{BEGIN}\n\n{about}\n\n{table}\n\n{END}{after}", encoding="utf-8"
    )


def draw(points: Sequence[Point]) -> None:
    """Draw the plot of docs/speed.md."""
    plot.draw(points, _DOCS / "images/speed.png")
