"""Plots of a review in matplotlib figures, for the report and the dock."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_artifact_review.viewer.style import STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_artifact_review.core.scores.metrics import Numbers
    from napari_artifact_review.core.scores.pace import Pace
    from napari_artifact_review.core.scores.ranking import Curve

#: Maximum number of points in a plot, about its width in pixels.
_MOST_POINTS = 2000

#: Pixels per inch, which determines the size of texts.
_DPI = 96

#: Lower end of the time axis, in seconds.
_QUICKEST = 0.1


class Ink(NamedTuple):
    """The colours of a plot, in matplotlib's notation.

    Attributes
    ----------
    text, paper : str
        Colour of texts and axes, and colour of the background ("none" for a transparent
        background).
    before, after : str
        Colours of the curves for the labels before and after review.
    """

    text: str = "black"
    paper: str = "white"
    before: str = "#8c8c8c"
    after: str = STYLE.false_negative


def draw_curves(
    figure: Figure,
    curves: tuple[Curve | None, Curve | None],
    numbers: tuple[Numbers, Numbers],
    ink: Ink,
    names: tuple[str, str] = ("before", "after"),
) -> None:
    """Draw two precision-recall curves, such as those before and after review.

    Parameters
    ----------
    figure : Figure
        The figure, which is cleared first.
    curves : tuple of two Curve or None
        The curves; None for an undefined curve.
    numbers : tuple of two dict
        Metrics of each curve, at the current threshold.
    ink : Ink
        The colours.
    names : tuple of two str
        Names of the curves.
    """
    axes = _axes(figure, ink, "recall", "precision")
    styles = ((ink.before, "--"), (ink.after, "-"))
    for name, style, curve, number in zip(names, styles, curves, numbers, strict=True):
        if curve is None:
            continue
        color, line = style
        recall, precision = _drawable(curve)
        score = number["average_precision"]
        axes.plot(
            recall,
            precision,
            # Up to each recall, draw the precision at this recall, as in the definition
            # of the average precision.
            drawstyle="steps-pre",
            color=color,
            linestyle=line,
            label=name if score is None else f"{name}: average precision {score:.3f}",
        )
        if number["recall"] is not None and number["precision"] is not None:
            axes.plot(number["recall"], number["precision"], "o", color=color)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.05)
    if curves == (None, None):
        _show_message(
            axes, ink, "No curve: no cutout with a confidence is labelled artifact"
        )
    else:
        _legend(axes, ink)


def draw_pace(figure: Figure, pace: Pace, ink: Ink) -> None:
    """Draw the time of each verdict, and the median time.

    Parameters
    ----------
    figure : Figure
        The figure, which is cleared first.
    pace : Pace
        Times of the verdicts.
    ink : Ink
        The colours.
    """
    # Import here, because matplotlib is slow to import and only plots need it.
    from matplotlib.ticker import MaxNLocator, NullFormatter

    axes = _axes(figure, ink, "verdict", "seconds")
    median = pace.median
    if median is None:
        _show_message(axes, ink, "No times: fewer than two verdicts are recorded")
        return
    seconds, run = pace.thinned(_MOST_POINTS // 2)
    number = np.arange(len(seconds)) * run + 1
    name = "verdicts" if run == 1 else f"medians of {run} verdicts"
    # Draw quicker verdicts at the lower end of the axis.
    shown = np.maximum(seconds, _QUICKEST)
    axes.semilogy(number, shown, ".", color=ink.after, label=name)
    line = max(median, _QUICKEST)
    axes.axhline(line, color=ink.text, lw=1, label=f"median {median:.1f} s")
    axes.set_ylim(_QUICKEST * 0.9, max(10.0, 1.5 * float(shown.max())))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes, ink)


def svg(draw: Callable[[Figure], None]) -> bytes:
    """Render a plot as SVG; the same plot always gives the same bytes.

    Parameters
    ----------
    draw : callable
        Function that draws the plot in a given figure.
    """
    # Import here, because matplotlib is slow to import and only plots need it.
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "", "svg.fonttype": "path"}):
        figure = Figure((6.3, 3.4), layout="constrained")
        draw(figure)
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def picture(
    draw: Callable[[Figure], None], width: int, height: int, ratio: float
) -> NDArray[np.uint8]:
    """Render a plot as an array of pixels, in any thread.

    Parameters
    ----------
    draw : callable
        Function that draws the plot in a given figure.
    width, height : int
        Size of the plot in logical pixels of 1/96 inch.
    ratio : float
        Number of array pixels per logical pixel.

    Returns
    -------
    ndarray of uint8
        RGBA values from 0 to 255, shape (rows, columns, 4).
    """
    # Import here, because matplotlib is slow to import and only plots need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    inches = (width / _DPI, height / _DPI)
    figure = Figure(inches, dpi=_DPI * ratio, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def _axes(figure: Figure, ink: Ink, across: str, up: str) -> Axes:
    figure.clear()
    figure.set_facecolor(ink.paper)
    axes = figure.add_subplot()
    axes.set_facecolor(ink.paper)
    axes.set_xlabel(across, color=ink.text)
    axes.set_ylabel(up, color=ink.text)
    axes.tick_params(which="both", colors=ink.text)
    axes.spines[:].set_color(ink.text)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _legend(axes: Axes, ink: Ink) -> None:
    axes.legend(frameon=False, labelcolor=ink.text, fontsize="small", loc="best")


def _show_message(axes: Axes, ink: Ink, text: str) -> None:
    """Show a message in place of the plot."""
    axes.text(
        0.5, 0.5, text, color=ink.text, ha="center", va="center", wrap=True,
        transform=axes.transAxes,
    )  # fmt: skip


def _drawable(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return recall and precision by ascending recall, thinned for a plot."""
    recall, precision = curve.recall[::-1], curve.precision[::-1]
    steps = np.diff(np.floor(recall * _MOST_POINTS), prepend=-1) > 0
    steps[[0, -1]] = True
    return recall[steps], precision[steps]
