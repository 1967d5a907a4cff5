"""Report of the comparison of two models, in one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.atomic_files import Written
from napari_artifact_review.core.cutout import Cutout
from napari_artifact_review.core.outcomes import LABEL_NAMES, OUTCOMES
from napari_artifact_review.core.training.comparing.comparison import Comparison
from napari_artifact_review.core.training.comparing.comparison_json import (
    model_curves,
    versions,
)
from napari_artifact_review.core.training.comparing.comparison_texts import (
    METRIC_NAMES,
    SLICES_NOTE,
    VERDICTS_ALONE,
    change_sentence,
    count_text,
    estimate_text,
    group_sentence,
    headline,
    interval_reasons,
    label_sentences,
    prediction_sentences,
    slice_sentences,
    verdict_sentences,
)
from napari_artifact_review.core.training.comparing.paired_scores import PairedScores
from napari_artifact_review.core.training.comparing.slices import Slice
from napari_artifact_review.report.figures import Ink, draw_curves, svg
from napari_artifact_review.report.html_file import render, write_html
from napari_artifact_review.report.judged import JudgedView
from napari_artifact_review.report.pictures import Picture, data_uri, pictures_of

#: Maximum number of pictures in each gallery: mended and broken cutouts.
MOST_PICTURES = 48

#: Maximum number of rows in the table of the images.
_MOST_SLICES = 60

#: Name of the program in the head of the page, and the bytes in which to look for it.
_GENERATOR, _HEAD_BYTES = "napari-artifact-review compare", 1000


def write_comparison(comparison: Comparison, output: Path, day: date) -> Written:
    """Write the report atomically: completely or not at all.

    An earlier file that is no report of a comparison gets a dated backup.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    output : Path
        Path of the HTML file.
    day : date
        Date to print in the report. The same comparison and date give the same bytes.

    Raises
    ------
    SaveError
        If the name of the output does not end in .html or .htm, or if the file cannot
        be written.
    """
    comparison.check_output(output)
    page = make_comparison_page(comparison, day)
    return write_html(page, output, is_own=_is_report(output))


def _is_report(path: Path) -> bool:
    """Return whether a file is the report of a comparison."""
    try:
        with path.open("rb") as stream:
            return f'content="{_GENERATOR}"'.encode() in stream.read(_HEAD_BYTES)
    except OSError:
        return False


def make_comparison_page(comparison: Comparison, day: date) -> str:
    """Return the report as HTML; see `write_comparison`."""
    old, new = (comparison.tables[title].path.name for title in ("old", "new"))
    verdicts = comparison.verdicts
    contents = {
        "title": f"{new} compared with {old}",
        "generator": _GENERATOR,
        "headline": headline(comparison),
        "about": [*label_sentences(comparison), *prediction_sentences(comparison)],
        "facts": list(_facts(comparison, day)),
        "scores": _scores(comparison.headline),
        "intervals": group_sentence(comparison),
        "changes": change_sentence(comparison.headline),
        "predictions": comparison.headline.agreement.as_json()["by_prediction"],
        "verdicts": None if verdicts is None else _scores(verdicts),
        "verdicts_title": VERDICTS_ALONE,
        "verdicts_note": " ".join(verdict_sentences(comparison)),
        "plot": _plot(comparison),
        "slices": list(_slice_tables(comparison)),
        "slices_note": SLICES_NOTE,
        "lower": slice_sentences(comparison),
        "galleries": [
            _gallery(comparison, "Mended", comparison.mended),
            _gallery(comparison, "Broken", comparison.broken),
        ],
        "has_images": comparison.images is not None,
        "notices": comparison.notices,
    }
    return render("compare_page.html.jinja", contents)


def _facts(comparison: Comparison, day: date) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each fact about the comparison."""
    titles = {"old": "Old", "new": "New", "labels": "Labels", "test": "Test set"}
    for title, table in comparison.tables.items():
        digest = (table.file.digest or "")[:16]
        count = len(table.cutouts)
        yield titles[title], f"{table.path} ({count:,} cutouts, SHA-256 {digest}...)"
    if comparison.images is not None:
        yield "Images", str(comparison.images.folder)
    yield "Report of", f"{day.isoformat()} (UTC)"
    yield "Made with", ", ".join(" ".join(one) for one in versions())


def _scores(scores: PairedScores) -> dict[str, Any]:
    """Return the tables of the scores."""
    return {
        "cutouts": f"{scores.cutouts:,}",
        "artifacts": f"{scores.artifacts:,}",
        "numbers": [
            (
                title,
                estimate_text(scores.old[name]),
                estimate_text(scores.new[name]),
                estimate_text(scores.difference[name]),
            )
            for name, title in METRIC_NAMES.items()
        ],
        "confusions": [
            (title, {name: count_text(count) for name, count in counts.items()})
            for title, counts in (
                ("old", scores.old_counts),
                ("new", scores.new_counts),
            )
        ],
        "reasons": [*interval_reasons(scores), *scores.notes],
    }


def _plot(comparison: Comparison) -> str:
    """Return the precision-recall curves as a data URI."""
    scores = comparison.headline
    old, new = (
        {name: one.value for name, one in estimates.items()}
        for estimates in (scores.old, scores.new)
    )
    draw = partial(
        draw_curves,
        curves=model_curves(comparison),
        numbers=(old, new),
        ink=Ink(),
        names=("old", "new"),
    )
    return data_uri("image/svg+xml", svg(draw))


def _slice_tables(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Yield a table for each property; of images, the most different ones."""
    titles = {
        "kind": "By kind of artifact (recall)",
        "image": "By image",
        "position": "By position on the detector (row 0 at the top)",
        "confidence": "By confidence of the old model",
        "brightness": "By brightness (median pixel value of the cutout)",
    }
    for by, title in titles.items():
        parts = [part for part in comparison.slices if part.by == by]
        if not parts:
            continue
        metrics = [name for name in METRIC_NAMES if name in parts[0].scores.old]
        # A table of the differences of all metrics would be too wide for the page.
        shown = [name for name in metrics if name in ("recall", "precision")]
        more = len(parts) - _MOST_SLICES
        if more > 0:
            parts = sorted(parts, key=_size_of_change, reverse=True)[:_MOST_SLICES]
        yield {
            "title": title,
            "more": max(more, 0),
            "metrics": [METRIC_NAMES[name] for name in shown],
            "rows": [_slice_row(part, shown) for part in parts],
        }


def _size_of_change(part: Slice) -> float:
    values = (part.scores.difference[name].value for name in ("recall", "precision"))
    return max(abs(value or 0.0) for value in values)


def _slice_row(part: Slice, metrics: list[str]) -> list[str]:
    scores = part.scores
    row = [part.name, f"{scores.cutouts:,}", f"{scores.artifacts:,}"]
    for name in metrics:
        row += [
            estimate_text(scores.old[name]._replace(low=None)),
            estimate_text(scores.new[name]._replace(low=None)),
            estimate_text(scores.difference[name]),
        ]
    return row


def _gallery(
    comparison: Comparison, title: str, which: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Return the pictures of cutouts, those with the largest change first."""
    rows = comparison.rows
    change = (rows["new_confidence"] - rows["old_confidence"]).abs().to_numpy(float)
    ordered = which[np.argsort(-change[which], kind="stable")][:MOST_PICTURES]
    cutouts = [_cutout(comparison, row) for row in ordered.tolist()]
    pictures: list[Picture] = []
    if comparison.images is not None:
        # Each cutout has the default display: ZScale, with limits of its own pixels.
        views = {cutout.key: JudgedView() for cutout in cutouts}
        pictures = pictures_of(cutouts, comparison.images, views)
    return {
        "title": title,
        "count": len(which),
        "more": len(which) - len(cutouts),
        "pictures": [
            (picture, *_captions(comparison, picture.cutout)) for picture in pictures
        ],
    }


def _cutout(comparison: Comparison, position: int) -> Cutout:
    row = comparison.rows.iloc[position]
    label, preds = int(row["label"]), int(row["new_preds"])
    confidence = float(row["new_confidence"])
    return Cutout(
        position, row["image_name"], int(row["grid_x"]), int(row["grid_y"]),
        comparison.cutout_size, label, preds, label, OUTCOMES[label + 2 * preds],
        None if np.isnan(confidence) else confidence, None,
        decision=row["decision"], kind=row["kind"],
    )  # fmt: skip


def _captions(comparison: Comparison, cutout: Cutout) -> tuple[str, str]:
    """Return the label with its origin, and the confidences of both models."""
    reviewed = "reviewed" if cutout.decision else "not reviewed"
    row = comparison.rows.iloc[cutout.row]
    label = f"label {LABEL_NAMES[int(row['label'])]}, {reviewed}"
    parts = []
    for title in ("old", "new"):
        confidence = float(row[f"{title}_confidence"])
        said = LABEL_NAMES[int(row[f"{title}_preds"])]
        number = "" if np.isnan(confidence) else f" ({confidence:.4f})"
        parts.append(f"{title}: {said}{number}")
    return label, ", ".join(parts)
