"""The command that writes the results of a review as an HTML file."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from napari_artifact_review.cli.arguments import (
    add_hdu,
    add_mapping,
    add_review,
    mapping_of,
)
from napari_artifact_review.core.texts import printable


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "table",
        metavar="TABLE",
        type=Path,
        help="predictions table, or a reviewed table",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=Path, required=True, help="HTML file to write"
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )
    add_hdu(parser.add_argument)
    add_review(parser)
    add_mapping(parser)
    parser.add_argument("--store", metavar="FILE", help="SQLite file with the verdicts")


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.learning.remaining import sentence
    from napari_artifact_review.core.team.agreement_texts import main_sentence
    from napari_artifact_review.report.page import open_for_report, write_report

    with open_for_report(
        options.table,
        options.images,
        options.reviewed,
        options.store,
        cutout_size=options.cutout_size,
        mapping=mapping_of(options),
        hdu=options.hdu,
    ) as session:
        written = write_report(session, options.output, datetime.now(UTC).date())
        print(printable(f"{sentence(session.remaining)}."))
        if session.reviewers.has_several:
            print(printable(main_sentence(session.agreement())))
    print(printable(f"Report written to {written.path}"))
    return 0
