"""The command that opens a review in napari."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.arguments import (
    add_hdu,
    add_inputs,
    add_mapping,
    add_previous,
    mapping_of,
)
from napari_artifact_review.cli.window import (
    check_display,
    check_qt,
    check_settings,
    has_display,
    run_napari,
)
from napari_artifact_review.core.decisions.reviewer_names import check_reviewer
from napari_artifact_review.core.texts import printable

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.widgets import ReviewWidget


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_inputs(parser)
    add_mapping(parser)
    parser.add_argument(
        "--output",
        type=Path,
        help="reviewed table to save (default: test_outputs.csv in the folder of "
        "PREDICTIONS)",
    )
    parser.add_argument(
        "--store",
        metavar="FILE",
        help="SQLite file for the verdicts, or its URL (default: OUTPUT.review.sqlite)",
    )
    parser.add_argument(
        "--reviewer",
        metavar="NAME",
        help="name that is stored with each verdict (default: the login name; if "
        "others have given verdicts here, the window asks)",
    )
    parser.add_argument(
        "--team",
        metavar="PLACE",
        help="shared folder, or URL of a PostgreSQL database, through which computers "
        "exchange their verdicts",
    )
    add_hdu(parser.add_argument)
    add_previous(parser)
    parser.add_argument(
        "--embeddings",
        metavar="PLACE",
        type=Path,
        help="own embeddings of the cutouts, or a folder of `describe`, for the "
        "learned order and for similar cutouts (default: computed when needed)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    check_qt()
    mapping = mapping_of(options)
    if options.reviewer is not None:
        # Refuse a name before a window opens.
        check_reviewer(options.reviewer)
    if not has_display():
        _check_table(options.predictions)
    check_display()
    check_settings()
    from napari_artifact_review.widgets import open_review

    def start(viewer: napari.Viewer) -> None:
        widget = open_review(
            viewer,
            options.predictions,
            options.images,
            options.output,
            cutout_size=options.cutout_size,
            mapping=mapping,
            reviewer=options.reviewer,
            store=options.store,
            team=options.team,
            previous=options.previous,
            embeddings=options.embeddings,
            hdu=options.hdu,
            ask_reviewer=options.reviewer is None,
        )
        if options.previous is not None:
            _print_summary(widget)

    return run_napari(start)


def _check_table(path: Path) -> None:
    """Raise a TableError if there is no such table; its contents are not read."""
    from napari_artifact_review.core.tables.table_formats import check_table_file
    from napari_artifact_review.core.user_folders import absolute_path

    check_table_file(absolute_path(path))


def _print_summary(widget: ReviewWidget) -> None:
    """Print one line about the round that is open in a dock."""
    summary = None if widget.session is None else widget.session.round_summary
    if summary is not None:
        print(printable(summary.text))
