"""The command that writes the reviewed table of a review."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.arguments import add_mapping, add_review, mapping_of
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import counted, printable
from napari_artifact_review.core.user_folders import absolute_path

if TYPE_CHECKING:
    from napari_artifact_review.core.review.consensus_table import SavedConsensus
    from napari_artifact_review.core.review.session import ReviewSession


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "table",
        metavar="REVIEW",
        type=Path,
        help="predictions table, or a reviewed table",
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )
    add_review(parser)
    add_mapping(parser)
    parser.add_argument("--store", metavar="FILE", help="SQLite file with the verdicts")
    parser.add_argument(
        "--keep",
        choices=("theirs", "ours", "beside", "read"),
        help="if another program changed the reviewed table: use its labels, replace "
        "it after a backup, or write a dated file beside it; if it changed the "
        "predictions: write their cells as they were read",
    )
    parser.add_argument(
        "--encoding",
        choices=("utf-8",),
        help="encoding of a text table (default: that of the predictions)",
    )
    _add_team(parser)
    parser.add_argument(
        "--spreadsheet-safe",
        action="store_true",
        help="also write NAME_spreadsheet.csv, in which no text is a formula",
    )


def _add_team(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reviewer",
        metavar="NAME",
        help="reviewer whose verdicts are saved (default: your login name)",
    )
    parser.add_argument(
        "--consensus",
        action="store_true",
        help="write the labels that all reviewers agree on, and votes.csv beside them",
    )
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="table to write with --consensus (default: NAME_consensus beside the "
        "reviewed table)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.review.paths import find_output
    from napari_artifact_review.core.review.session import ReviewSession

    table = absolute_path(options.table)
    output = find_output(table, options.reviewed, options.store)
    _check_options(options)
    with ReviewSession.open(
        table,
        options.images,
        output,
        cutout_size=options.cutout_size,
        mapping=mapping_of(options),
        reviewer=None if options.consensus else options.reviewer,
        store=options.store,
        read_only=options.consensus,
    ) as review:
        if options.consensus:
            saved = review.save_consensus(
                options.output,
                encoding=options.encoding,
                spreadsheet_safe=options.spreadsheet_safe,
            )
            _print_consensus(saved)
            if options.spreadsheet_safe:
                _print_copies(saved.table, saved.votes)
            for notice in review.reviewers.notices():
                print(printable(notice))
            return 0
        _check_reviewer(review)
        written = review.save(
            options.keep,
            encoding=options.encoding,
            spreadsheet_safe=options.spreadsheet_safe,
        )
        print(printable(f"Reviewed table written to {written}"))
        if options.spreadsheet_safe:
            _print_copies(review.output)
    return 0


def _check_options(options: argparse.Namespace) -> None:
    """Raise an error if an option has no effect."""
    if options.output is not None and not options.consensus:
        raise ReviewError(
            "--output names the table of --consensus",
            remedy="Add --consensus, or name the reviewed table with --reviewed",
        )
    for name in ("reviewer", "keep"):
        if options.consensus and getattr(options, name) is not None:
            raise ReviewError(
                f"--{name} has no effect on the consensus", remedy="Leave it out"
            )


def _print_copies(*outputs: Path) -> None:
    from napari_artifact_review.core.review.spreadsheet import spreadsheet_path

    for output in outputs:
        copy = spreadsheet_path(output)
        print(printable(f"Copy for spreadsheets written to {copy}"))


def _check_reviewer(review: ReviewSession) -> None:
    """Raise an error rather than save a table without any verdict of a team."""
    reviewers = review.reviewers
    counts = reviewers.votes.counts
    if reviewers.hides_others and review.reviewer not in counts:
        raise ReviewError(
            f"the review has verdicts of {', '.join(counts)}, and none of "
            f"{review.reviewer}",
            path=review.store,
            remedy="Save all with --consensus, or those of one with --reviewer NAME",
        )


def _print_consensus(saved: SavedConsensus) -> None:
    print(printable(f"Consensus written to {saved.table}"))
    print(printable(f"Verdicts of all reviewers written to {saved.votes}"))
    if saved.disputed:
        cutouts = counted(saved.disputed, "cutout")
        print(f"{cutouts} still disputed, with the label from before the review")
