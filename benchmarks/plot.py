"""The plot of a run: cost against size. The slope matters more than single points."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .measures import Point

_TITLES = {
    "cutouts": "cutouts in the image",
    "rows": "rows of the table",
    "megapixels": "megapixels of the image",
}
_STYLES = {
    "this project": {"color": "#c2410c", "marker": "o"},
    "baseline": {"color": "#475569", "marker": "s", "linestyle": "--"},
}


def draw(points: Sequence[Point], path: Path) -> None:
    """Draw a small plot for each action, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for axis in _TITLES:
        for point in points:
            if point.axis == axis:
                panels[axis, point.work].append(point)
    if not panels:
        return
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.9 * rows), layout="constrained")
    all_axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, ((axis, work), found) in zip(all_axes, panels.items(), strict=False):
        for series, style in _STYLES.items():
            line = sorted((p.size, p.cost) for p in found if p.who == series)
            if line:
                axes.plot(*zip(*line, strict=True), label=series, markersize=5, **style)
        axes.set_xscale("log")
        axes.set_yscale("log")
        # The axis spans at least two decades, so that noise does not look like a slope.
        low = min(p.cost for p in found)
        high = max(p.cost for p in found)
        middle = (low * high) ** 0.5
        axes.set_ylim(min(low / 1.5, middle / 10), max(high * 1.5, middle * 10))
        axes.set_title(work, fontsize=10)
        axes.set_xlabel(_TITLES[axis], fontsize=9)
        axes.set_ylabel(
            {"ms": "milliseconds", "s": "seconds"}[found[0].unit], fontsize=9
        )
        axes.tick_params(labelsize=8)
        axes.grid(True, which="major", color="#e2e8f0")
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    all_axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(str(path), dpi=110)
