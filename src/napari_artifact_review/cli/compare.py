"""The command that compares two models on the same cutouts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.arguments import add_mapping, mapping_of
from napari_artifact_review.core.texts import counted, printable

if TYPE_CHECKING:
    from napari_artifact_review.core.atomic_files import Written
    from napari_artifact_review.core.training.comparing.comparison import Comparison


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
        help="folder of the full images, for brightness, pictures and header keys",
    )
    add(
        "--group",
        metavar="COLUMN,...",
        help="columns, or header keys of the images, whose values are the groups to "
        "leave out (default: groups of the export, else images)",
    )
    _add_outputs(add)
    _add_mapped_tables(parser)
    add_mapping(parser)


def _add_outputs(add: Callable[..., object]) -> None:
    """Add the files to write, by the function that adds one argument."""
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


def _add_mapped_tables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument_group("which tables have other columns or values").add_argument(
        "--mapping-for",
        metavar="TABLE",
        action="append",
        choices=("old", "new", "labels"),
        help="old, new or labels: a table that is read with the options below; may be "
        "repeated. Any other table is read as its review, or with the usual names and "
        "values, and with these options only if it cannot be read without them. "
        "Without --mapping-for, a table that says different things with and without "
        "them is refused",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.training.comparing.comparison import compare
    from napari_artifact_review.core.training.comparing.comparison_texts import (
        as_text,
        headline,
    )

    comparison = compare(
        options.old,
        options.new,
        options.labels,
        test=options.test,
        images=options.images,
        group=options.group,
        mapping=mapping_of(options),
        mapping_for=options.mapping_for or (),
        cutout_size=options.cutout_size,
    )
    # Write the files first, so that an error is the only output.
    written = [*_write_results(options, comparison)]
    is_short = bool(written)
    if options.to_review is not None:
        written += _write_table_to_review(options.to_review, comparison)
    text = headline(comparison) if is_short else as_text(comparison)
    print(printable(text))
    for line in (*(comparison.notices if is_short else ()), *written):
        print(printable(line))
    return 0


def _write_results(
    options: argparse.Namespace, comparison: Comparison
) -> Iterator[str]:
    """Write the JSON and the HTML file, and yield sentences about them."""
    if options.json is not None:
        from napari_artifact_review.core.training.comparing.comparison_json import (
            write_json,
        )

        yield from _written_lines("Numbers", write_json(comparison, options.json))
    if options.report is not None:
        from napari_artifact_review.report.compare_page import write_comparison

        day = datetime.now(UTC).date()
        yield from _written_lines(
            "Report", write_comparison(comparison, options.report, day)
        )


def _write_table_to_review(path: Path, comparison: Comparison) -> Iterator[str]:
    """Write the table to review, and yield a sentence about it."""
    from napari_artifact_review.core.training.comparing.differing_cutouts import (
        differing_cutouts,
        write_differing,
    )

    table = differing_cutouts(comparison)
    if table.empty:
        why = "each cutout on which the models differ has a verdict"
        if (comparison.rows["old_preds"] == comparison.rows["new_preds"]).all():
            why = "the models agree on every cutout"
        yield f"No table to review written: {why}"
        return
    cutouts = counted(len(table), "cutout")
    yield from _written_lines(
        f"{cutouts} to review", write_differing(table, comparison, path)
    )


def _written_lines(what: str, written: Written) -> Iterator[str]:
    """Yield a sentence about a file that was written, and one about its backup."""
    yield f"{what} written to {written.path}"
    if written.backup_notice:
        yield written.backup_notice
