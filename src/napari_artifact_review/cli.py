"""Command-line interface with the commands open, demo, check, report and save."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import on_one_line, printable
from napari_artifact_review.core.user_folders import settings_folder

if TYPE_CHECKING:
    import napari

    from napari_artifact_review.core.tables.mapping import TableMapping


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 2 if it reports an error.

    By default, `arguments` are the command-line arguments of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ReviewError as error:
        print(on_one_line(str(error)), file=sys.stderr)
        return 2


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
    saving = "write the reviewed table of a review, without a window"
    _set_up_save(add("save", help=saving))
    return parser


def _set_up_open(parser: argparse.ArgumentParser) -> None:
    _add_inputs(parser)
    _add_mapping(parser)
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
        help="name that is stored with each verdict (default: the login name)",
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
    _add_mapping(parser)
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
    _add_mapping(parser)
    parser.add_argument("--store", metavar="FILE", help="SQLite file with the verdicts")
    parser.set_defaults(run=_report)


def _set_up_save(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "table",
        metavar="REVIEW",
        type=Path,
        help="predictions table, or a reviewed table",
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )
    _add_reviewed(parser)
    _add_mapping(parser)
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
    parser.add_argument(
        "--spreadsheet-safe",
        action="store_true",
        help="also write NAME_spreadsheet.csv, in which no text is a formula",
    )
    parser.set_defaults(run=_save)


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", type=Path, help="predictions table"
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )


def _add_mapping(parser: argparse.ArgumentParser) -> None:
    """Add options for a table whose columns and values have other names.

    By default, a review keeps the mapping and the grid with which it began.
    """
    add = parser.add_argument_group(
        "a table with other columns, values or positions",
        "A review keeps these options, so they are given once.",
    ).add_argument
    add(
        "--columns",
        action="append",
        metavar="MEANING=NAME,...",
        help="columns with other names, for example image_name=filename,grid_x=x; "
        "grid_x=0,grid_y=0 if each image is one cutout",
    )
    add(
        "--label-values",
        metavar="artifact=VALUE,no artifact=VALUE",
        help="values of the labels; several values of a class are separated by |",
    )
    add(
        "--preds-values",
        metavar="artifact=VALUE,no artifact=VALUE",
        help="values of preds (default: those of the labels)",
    )
    add(
        "--confidence-scale",
        choices=("probability", "percent", "logit"),
        help="scale of the confidence (default: probability)",
    )
    add(
        "--confidence-of",
        choices=("artifact", "no artifact"),
        help="class that the confidence belongs to (default: artifact)",
    )
    add("--decimal", choices=(".", ","), help="decimal separator (default: .)")
    add(
        "--cutout-size",
        metavar="N",
        type=int,
        help="side of a cutout in pixels (default: inferred from the grid)",
    )
    add(
        "--stride",
        metavar="N",
        type=int,
        help="distance in pixels from one cutout to the next; tile numbers in grid_x "
        "and grid_y are multiplied by it",
    )


def _mapping(options: argparse.Namespace) -> TableMapping | None:
    """Return the mapping in the options; None if no option of a mapping is given."""
    from napari_artifact_review.core.tables.mapping import (
        TableMapping,
        parse_columns,
        parse_label_values,
    )

    values = {
        "columns": options.columns and parse_columns(options.columns),
        "label_values": options.label_values
        and parse_label_values(options.label_values),
        "preds_values": options.preds_values
        and parse_label_values(options.preds_values),
        "confidence_scale": options.confidence_scale,
        "confidence_of": options.confidence_of,
        "decimal": options.decimal,
        "stride": options.stride,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return TableMapping(**given) if given else None


def _add_reviewed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reviewed",
        type=Path,
        metavar="FILE",
        help="reviewed table whose log of verdicts is used (default: the given table "
        "if it has a log, else test_outputs.csv in the same folder)",
    )


def _open(options: argparse.Namespace) -> int:
    _check_qt()
    _check_settings()
    from napari_artifact_review.widgets import open_review

    mapping = _mapping(options)

    def start(viewer: napari.Viewer) -> None:
        open_review(
            viewer,
            options.predictions,
            options.images,
            options.output,
            cutout_size=options.cutout_size,
            mapping=mapping,
            reviewer=options.reviewer,
            store=options.store,
            team=options.team,
        )

    return _run_napari(start)


def _demo(options: argparse.Namespace) -> int:
    _check_qt()
    _check_settings()
    from napari_artifact_review.widgets import review_dock

    def start(viewer: napari.Viewer) -> None:
        review_dock(viewer).start_demo(options.images, options.seed, options.folder)

    return _run_napari(start)


def _run_napari(start: Callable[[napari.Viewer], None]) -> int:
    """Open a viewer, start a review in it, and return 0 when the viewer is closed."""
    import napari

    viewer = napari.Viewer()
    try:
        start(viewer)
    except ReviewError:
        viewer.close()
        raise
    napari.run()
    return 0


def _check_settings() -> None:
    """Make napari keep its settings in memory if their folder is not writable.

    Otherwise, napari would not start. Call this function before napari is imported.
    """
    folder = settings_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        os.environ.setdefault("NAPARI_CONFIG", "")
        reason = error.strerror or error
        print(f"{folder}: settings are not saved ({reason}).", file=sys.stderr)


def _check_qt() -> None:
    """Raise a ReviewError if Qt, which napari needs for its windows, is missing."""
    try:
        import qtpy  # noqa: F401
    except ImportError as error:
        raise ReviewError(
            'a window needs Qt; pip install "napari-artifact-review[all]" installs it'
        ) from error


def _check(options: argparse.Namespace) -> int:
    from napari_artifact_review.core.review.check import check_review

    summary, faults = check_review(
        options.predictions,
        options.images,
        options.reviewed,
        mapping=_mapping(options),
        cutout_size=options.cutout_size,
    )
    for fault in faults:
        print(on_one_line(str(fault)), file=sys.stderr)
    if faults:
        return 2
    print(printable(summary))
    return 0


def _save(options: argparse.Namespace) -> int:
    from napari_artifact_review.core.review.paths import find_output
    from napari_artifact_review.core.review.session import ReviewSession
    from napari_artifact_review.core.review.spreadsheet import spreadsheet_path

    table = options.table.expanduser().absolute()
    output = find_output(table, options.reviewed)
    with ReviewSession.open(
        table,
        options.images,
        output,
        cutout_size=options.cutout_size,
        mapping=_mapping(options),
        store=options.store,
    ) as review:
        written = review.save(
            options.keep,
            encoding=options.encoding,
            spreadsheet_safe=options.spreadsheet_safe,
        )
        print(printable(f"Reviewed table written to {written}"))
        if options.spreadsheet_safe:
            copy = spreadsheet_path(review.output)
            print(printable(f"Copy for spreadsheets written to {copy}"))
    return 0


def _report(options: argparse.Namespace) -> int:
    from napari_artifact_review.report.page import open_for_report, write_report

    with open_for_report(
        options.table,
        options.images,
        options.reviewed,
        options.store,
        cutout_size=options.cutout_size,
        mapping=_mapping(options),
    ) as session:
        written = write_report(session, options.output, datetime.now(UTC).date())
    print(printable(f"Report written to {written.path}"))
    return 0
