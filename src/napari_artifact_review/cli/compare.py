"""The command that compares two models on the same cutouts."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from napari_artifact_review.cli.arguments import add_mapping, mapping_of
from napari_artifact_review.core.texts import printable


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add = parser.add_argument
    add("old", metavar="OLD", type=Path, help="predictions of the old model")
    add("new", metavar="NEW", type=Path, help="predictions of the new model")
    add(
        "--labels",
        metavar="REVIEWED",
        type=Path,
        help="reviewed table with the true labels (default: label_new, else label, in "
        "NEW or OLD)",
    )
    add(
        "--test",
        metavar="EXPORT",
        type=Path,
        help="folder of an export, whose test set is compared (default: all common "
        "cutouts)",
    )
    add(
        "--images",
        metavar="DIR",
        type=Path,
        help="folder of the full images, for brightness and pictures",
    )
    add(
        "--group",
        metavar="COLUMN,...",
        help="columns whose values are the groups to leave out (default: groups of the "
        "export, else images)",
    )
    add(
        "--json", metavar="FILE", type=Path, help="JSON file to write, with all numbers"
    )
    add("--report", metavar="FILE", type=Path, help="HTML file to write")
    add(
        "--to-review",
        metavar="FILE",
        type=Path,
        help="predictions table to write, with the cutouts that have no verdict and on "
        "which the models differ",
    )
    add_mapping(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.training.comparison import Comparison, compare
    from napari_artifact_review.core.training.comparison_texts import (
        as_text,
        headline,
    )

    comparison: Comparison = compare(
        options.old,
        options.new,
        options.labels,
        test=options.test,
        images=options.images,
        group=options.group,
        mapping=mapping_of(options),
        cutout_size=options.cutout_size,
    )
    written = []
    if options.json is not None:
        from napari_artifact_review.core.training.comparison_json import write_json

        path = write_json(comparison, options.json).path
        written.append(f"Numbers written to {path}")
    if options.report is not None:
        from napari_artifact_review.report.compare_page import write_comparison

        day = datetime.now(UTC).date()
        path = write_comparison(comparison, options.report, day).path
        written.append(f"Report written to {path}")
    is_short = bool(written)
    if options.to_review is not None:
        from napari_artifact_review.core.training.differing_cutouts import (
            differing_cutouts,
            write_differing,
        )

        table = differing_cutouts(comparison)
        if table.empty:
            written.append(
                "No table to review written: each cutout on which the models differ "
                "has a verdict"
            )
        else:
            path = write_differing(table, comparison, options.to_review).path
            written.append(f"{len(table):,} cutouts to review written to {path}")
    text = headline(comparison) if is_short else as_text(comparison)
    for line in (*text.split("\n"), *written):
        print(printable(line))
    return 0
