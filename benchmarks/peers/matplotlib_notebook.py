"""matplotlib as in a notebook: it draws each cutout into a picture for the browser."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.surveys import CUTOUT

from . import PeerImages, print_time, read, zscale

#: Side of the part of the image that is shown, in cutouts, as in the review.
_SPAN = 2


def main(predictions: Path, steps: int, switches: int) -> None:
    """Time steps and switches."""
    survey = PeerImages(predictions)
    file, marked = survey.images[0]
    pixels = read(file)
    limits = zscale(pixels)
    errors = marked[marked.error]
    for i in range(steps + 2):
        error = errors.iloc[i % len(errors)]
        begin = time.perf_counter()
        _draw(pixels, limits, marked, error)
        if i > 1:
            print_time(1, time.perf_counter() - begin)
    memory = [(read(file), marked) for file, marked in survey.images]
    for i in range(switches + 1):
        pixels, marked = memory[i % len(memory)]
        begin = time.perf_counter()
        _draw(pixels, zscale(pixels), marked, marked[marked.error].iloc[0])
        if i:
            print_time(2, time.perf_counter() - begin)
    for i in range(switches + 1):
        file, marked = survey.images[i % len(survey.images)]
        begin = time.perf_counter()
        pixels = read(file)
        _draw(pixels, zscale(pixels), marked, marked[marked.error].iloc[0])
        if i:
            print_time(3, time.perf_counter() - begin)


def _draw(pixels, limits, marked, error) -> bytes:
    figure = Figure()  # the default size, smaller than the windows of the others
    axes = figure.add_subplot()
    half = CUTOUT * (_SPAN - 1) // 2
    x, y = int(error.grid_x), int(error.grid_y)
    left, top = max(x - half, 0), max(y - half, 0)
    right, bottom = x + CUTOUT + half, y + CUTOUT + half
    part = pixels[top:bottom, left:right]
    axes.imshow(
        part,
        cmap="gray",
        vmin=limits[0],
        vmax=limits[1],
        extent=(left, left + part.shape[1], top + part.shape[0], top),
    )
    for cutout in marked.itertuples():
        if (
            left - CUTOUT < cutout.grid_x < right
            and top - CUTOUT < cutout.grid_y < bottom
        ):
            color = "purple" if cutout.preds else "blue"
            axes.add_patch(
                Rectangle(
                    (cutout.grid_x, cutout.grid_y),
                    CUTOUT,
                    CUTOUT,
                    fill=False,
                    edgecolor=color,
                )
            )
            text = f"{cutout.confidence:.2f}"
            axes.text(cutout.grid_x, cutout.grid_y, text, color=color, clip_on=True)
    axes.add_patch(
        Rectangle((x, y), CUTOUT, CUTOUT, fill=False, edgecolor="yellow", lw=3)
    )
    axes.set_title(f"{error.image_name} ({x}, {y})")
    target = io.BytesIO()
    FigureCanvasAgg(figure).print_png(target)
    return target.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
