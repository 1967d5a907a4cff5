"""Report with the results of a review, in one self-contained HTML file."""

from __future__ import annotations

import platform
import shlex
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.atomic_files import Written
from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.outcomes import OUTCOME_DISPLAY_ORDER
from napari_artifact_review.core.review.paths import find_output
from napari_artifact_review.core.review.queue_summary import queue_summary
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.core.scores.metrics import NUMBERS, Numbers, Snapshot, When
from napari_artifact_review.core.scores.pace import PAUSE, pace_of
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.user_folders import absolute_path
from napari_artifact_review.report.figures import Ink, draw_curves, draw_pace, svg
from napari_artifact_review.report.html_file import render, write_html
from napari_artifact_review.report.judged import judged_views
from napari_artifact_review.report.left_labels import left_labels
from napari_artifact_review.report.pictures import data_uri, pictures_of
from napari_artifact_review.report.reviewers import (
    MOST_DISPUTED,
    are_disputed,
    team_section,
)
from napari_artifact_review.report.texts import NAMES, number_text, range_text

#: Maximum number of pictures in each gallery: changed labels and unsure verdicts.
MOST_PICTURES = 48

_LIBRARIES = ("numpy", "pandas", "astropy", "matplotlib", "napari")


def open_for_report(
    table: str | Path,
    images: str | Path | None = None,
    reviewed: str | Path | None = None,
    store: str | None = None,
    *,
    cutout_size: int | None = None,
    mapping: TableMapping | None = None,
    hdu: int | str | None = None,
) -> ReviewSession:
    """Open a review read-only, so that other processes can still write to it.

    Parameters
    ----------
    table : path-like
        The predictions table, or a reviewed table.
    images : path-like, optional
        Folder of the full images. By default, the folder of the table, or its subfolder
        `images` if the first image is not in the folder of the table.
    store : str, optional
        SQLite file of the log, or its URL; by default `<output>.review.sqlite`.
    reviewed : path-like, optional
        The reviewed table whose log is used. By default, `table` if it has a log, or
        else the default output of the predictions.
    cutout_size : int, optional
        Side length of a cutout in pixels; by default that of the review, or inferred.
    mapping : TableMapping, optional
        Meanings of the columns and values of the table; by default that of the review.
    hdu : int or str, optional
        HDU of FITS files; by default that of the review, or the first image of each.

    Raises
    ------
    ReviewError
        If `reviewed` has no log, `store` does not exist, or the folder `images` cannot
        be listed. For other reasons, see `ReviewSession.open`.
    """
    path = absolute_path(table)
    reviewed = find_output(path, reviewed, store)
    session = ReviewSession.open(
        path,
        images,
        reviewed,
        cutout_size=cutout_size,
        mapping=mapping,
        store=store,
        read_only=True,
        hdu=hdu,
    )
    if images is not None:
        session.images.check()
    return session


def write_report(session: ReviewSession, output: Path, day: date) -> Written:
    """Write the report atomically: completely or not at all.

    Parameters
    ----------
    session : ReviewSession
        The review.
    output : Path
        Path of the HTML file.
    day : date
        Date to print in the report. The same review and date give the same bytes.

    Raises
    ------
    SaveError
        If the name of the output does not end in .html or .htm, or if the file cannot
        be written.
    """
    return write_html(make_page(session, day), output)


def make_page(session: ReviewSession, day: date) -> str:
    """Return the report as HTML; see `write_report`."""
    return render("page.html.jinja", _contents(session, day))


def _contents(session: ReviewSession, day: date) -> dict[str, Any]:
    snapshot = session.catalog.snapshot()
    metrics = snapshot.metrics()
    changed = snapshot.label_new != snapshot.label
    disputed = are_disputed(session)
    unsure = snapshot.unsure & ~changed & ~disputed
    return {
        "name": session.predictions.path.name,
        "facts": list(_facts(session, day)),
        "open_count": snapshot.open_count,
        "numbers": _number_rows(metrics),
        "confusions": [(when, _confusion(metrics[when])) for when in _SHOWN],
        "flips": [(name, snapshot.flips()[name]) for name in OUTCOME_DISPLAY_ORDER],
        "left": left_labels(session),
        "team": team_section(session),
        "plots": _plots(session, snapshot, metrics),
        "galleries": [
            _gallery(session, "Changed labels", changed, MOST_PICTURES),
            _gallery(session, "Disputed", disputed, MOST_DISPUTED),
            _gallery(session, "Unsure", unsure, MOST_PICTURES),
        ],
        "pause": f"{PAUSE / 60:g}",
    }


_SHOWN: tuple[When, When] = ("before", "after")


def _facts(session: ReviewSession, day: date) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each fact about the review."""
    table, labels = session.predictions, session.catalog.labels
    yield "Table", str(table.path)
    options = table.mapping.as_options()
    if options:
        yield "Read with", shlex.join(options)
    if table.file.notice:
        yield "File", table.file.notice
    yield "Images", f"{len(table.image_names):,} in {session.images.folder}"
    reviewed = int(np.count_nonzero(labels.answered))
    yield (
        "Cutouts",
        f"{len(table.label):,}, {session.cutout_size} px each; {reviewed:,} reviewed",
    )
    if session.round_summary is not None:
        yield "Previous round", session.round_summary.text
    yield "Reviewers", _reviewers(session) or "none yet"
    yield "Queue", queue_summary(session.review_queue.rule)
    threshold = session.catalog.threshold_in_force
    yield (
        "Threshold",
        "the table's own predictions"
        if threshold is None
        else f"predicted artifact at a confidence of {threshold:g} or above",
    )
    yield "Report of", f"{day.isoformat()} (UTC)"
    yield "Made with", ", ".join(_versions())


def _reviewers(session: ReviewSession) -> str:
    """Return a text with each reviewer's number of verdicts, highest number first."""
    labels = session.catalog.labels
    rows = np.flatnonzero(labels.answered).tolist()
    counts = Counter(labels.state_of(row).reviewed_by or "unnamed" for row in rows)
    if session.reviewers.has_several:
        # The label of the consensus names several reviewers.
        counts = Counter(session.reviewers.votes.counts)
    by_count = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} ({count:,})" for name, count in by_count)


def _versions() -> Iterator[str]:
    """Yield the versions of this package, of Python and of the installed libraries."""
    yield f"napari-artifact-review {metadata.version('napari-artifact-review')}"
    yield f"Python {platform.python_version()}"
    for name in _LIBRARIES:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            # napari may not be installed, because a report needs no window.
            continue


def _number_rows(metrics: dict[When, Numbers]) -> list[tuple[str, str, str, str]]:
    """Return a table row for each metric, with the ratios first."""
    return [
        (
            NAMES[name],
            number_text(metrics["before"][name]),
            number_text(metrics["after"][name]),
            range_text(metrics["lowest"][name], metrics["highest"][name]),
        )
        for name in (*NUMBERS[4:], *NUMBERS[:4])
    ]


def _confusion(numbers: Numbers) -> dict[str, str]:
    return {name: number_text(numbers[name]) for name in NUMBERS[:4]}


def _plots(
    session: ReviewSession, snapshot: Snapshot, metrics: dict[When, Numbers]
) -> list[tuple[str, str]]:
    """Return the caption and the data URI of each plot."""
    numbers = (metrics["before"], metrics["after"])
    pace = pace_of(session.log)
    curves = partial(draw_curves, curves=snapshot.curves(), numbers=numbers, ink=Ink())
    return [
        (
            "Precision and recall at each threshold; dots mark the current threshold.",
            data_uri("image/svg+xml", svg(curves)),
        ),
        (
            f"Time per verdict: {len(pace.seconds):,} of {pace.verdicts:,} recorded "
            f"verdicts came within {PAUSE / 60:g} minutes of the previous action.",
            data_uri("image/svg+xml", svg(partial(draw_pace, pace=pace, ink=Ink()))),
        ),
    ]


def _gallery(
    session: ReviewSession,
    title: str,
    which: npt.NDArray[np.bool_],
    most: int,
) -> dict[str, Any]:
    """Return at most `most` pictures and texts, least probable labels first."""
    rows, table = np.flatnonzero(which), session.predictions
    first = "come first in the table"
    if table.confidence is not None:
        first = "have the labels to which the model gives the least probability"
        # Cutouts without a confidence (NaN) are sorted last.
        given = np.where(table.label == 1, table.confidence, 1 - table.confidence)
        rows = rows[np.argsort(given[rows], kind="stable")]
    cutouts: list[Cutout] = [
        session.catalog.revealed_cutout(row) for row in rows[:most].tolist()
    ]
    return {
        "title": title,
        "count": len(rows),
        "more": len(rows) - len(cutouts),
        "first": first,
        "pictures": pictures_of(
            cutouts, session.images, judged_views(cutouts, session.log)
        ),
    }
