"""Command line to open a review or the demo, check a table, or write a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from napari_artifact_review.core.errors import ReviewError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status, which is 2 for invalid input.

    By default, `arguments` are the command-line arguments of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ReviewError as error:
        print(_line(error), file=sys.stderr)
        return 2


def _line(fault: ReviewError) -> str:
    """Return the message of an error as one line."""
    return " ".join(str(fault).splitlines())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-artifact-review",
        description="Review and correct the labels of a classifier of artifacts.",
    )
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    _set_up_open(add("open", help="open a review in napari"))
    _set_up_demo(add("demo", help="create a small demo survey and open it in napari"))
    faults = "list every fault in a table and its images, without a window"
    _set_up_check(add("check", help=faults))
    results = "write the results of a review as an HTML file, without a window"
    _set_up_report(add("report", help=results))
    return parser


def _set_up_open(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
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
        "--team",
        metavar="URL",
        help="PostgreSQL database through which computers exchange their verdicts",
    )
    parser.set_defaults(run=_open)


def _set_up_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--images",
        metavar="N",
        type=int,
        default=3,
        help="number of images (default: 3)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=int,
        default=0,
        help="seed of the survey (default: 0)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder of the survey (default: in the user's cache)",
    )
    parser.set_defaults(run=_demo)


def _set_up_check(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    _add_reviewed(parser)
    parser.set_defaults(run=_check)


def _set_up_report(parser: argparse.ArgumentParser) -> None:
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
    _add_reviewed(parser)
    parser.add_argument("--store", metavar="FILE", help="SQLite file with the verdicts")
    parser.set_defaults(run=_report)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", type=Path, help="predictions table"
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )


def _add_reviewed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reviewed",
        type=Path,
        metavar="FILE",
        help="reviewed table whose log of verdicts is used (default: the given table "
        "if it has a log, else test_outputs.csv in the same folder)",
    )


def _open(options: argparse.Namespace) -> int:
    import napari

    from napari_artifact_review.widgets import open_review

    viewer = napari.Viewer()
    try:
        open_review(
            viewer,
            options.predictions,
            options.images,
            options.output,
            store=options.store,
            team=options.team,
        )
    except ReviewError:
        viewer.close()
        raise
    napari.run()
    return 0


def _demo(options: argparse.Namespace) -> int:
    import napari

    from napari_artifact_review.widgets import review_dock

    viewer = napari.Viewer()
    review_dock(viewer).start_demo(options.images, options.seed, options.folder)
    napari.run()
    return 0


def _check(options: argparse.Namespace) -> int:
    from napari_artifact_review.core.review.check import check_review

    summary, faults = check_review(
        options.predictions, options.images, options.reviewed
    )
    for fault in faults:
        print(_line(fault), file=sys.stderr)
    if faults:
        return 2
    _print(summary)
    return 0


def _report(options: argparse.Namespace) -> int:
    from napari_artifact_review.report.page import open_for_report, write_report

    names = (options.table, options.images, options.reviewed, options.store)
    with open_for_report(*names) as session:
        written = write_report(session, options.output, datetime.now(UTC).date())
    _print(f"Report written to {written.path}")
    return 0


def _print(text: str) -> None:
    """Print a text, with invalid Unicode (from a path) escaped."""
    print(text.encode(errors="backslashreplace").decode())
