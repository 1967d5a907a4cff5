"""The command that lists all faults of a table and its images."""

from __future__ import annotations

import argparse
import sys

from napari_artifact_review.cli.arguments import (
    add_hdu,
    add_inputs,
    add_mapping,
    add_previous,
    add_review,
    mapping_of,
)
from napari_artifact_review.core.texts import on_one_line, printable


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_inputs(parser)
    add_mapping(parser)
    add_review(parser)
    add_hdu(parser.add_argument)
    add_previous(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.review.check import check_review

    summary, faults = check_review(
        options.predictions,
        options.images,
        options.reviewed,
        mapping=mapping_of(options),
        cutout_size=options.cutout_size,
        previous=options.previous,
        hdu=options.hdu,
    )
    for fault in faults:
        print(on_one_line(str(fault)), file=sys.stderr)
    if faults:
        return 2
    for line in summary.splitlines():
        print(printable(line))
    return 0
