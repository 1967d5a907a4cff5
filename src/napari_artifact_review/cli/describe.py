"""The command that describes the cutouts of full images by numbers."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.arguments import GO_ON, add_columns, mapping_of
from napari_artifact_review.cli.image_runs import (
    add_image_options,
    add_images,
    add_workers,
    run_with_progress,
)
from napari_artifact_review.core.texts import counted, printable

if TYPE_CHECKING:
    from napari_artifact_review.core.training.describing.describe import (
        DescribeResult,
    )


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add_images(parser)
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="folder to write, with a Parquet file for each image",
    )
    parser.add_argument(
        "--cutout-size",
        metavar="N",
        type=int,
        help="side of a cutout in pixels (default: 200, or inferred from the table)",
    )
    parser.add_argument(
        "--stride",
        metavar="N",
        type=int,
        help="distance in pixels from one cutout to the next (default: the side); with "
        "a table, tile numbers in grid_x and grid_y are multiplied by it",
    )
    add_image_options(parser)
    parser.add_argument(
        "--predictions",
        metavar="TABLE",
        type=Path,
        help="table whose cutouts are described (default: all whole cutouts)",
    )
    add_columns(
        parser.add_argument_group("a table with other columns or values").add_argument
    )
    add_workers(
        parser,
        "describe",
        "these images are a part of all; the command for all images writes about.json",
    )
    parser.set_defaults(after_interrupt=GO_ON)


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.training.describing.describe import describe

    run = partial(
        describe,
        options.images,
        options.output,
        predictions=options.predictions,
        mapping=mapping_of(options, with_stride=False),
        cutout_size=options.cutout_size,
        stride=options.stride,
        hdu=options.hdu,
        root=options.root,
        scheduler=options.scheduler,
        jobs=options.jobs,
        parts_only=options.parts_only,
    )
    result = run_with_progress(lambda progress: run(listener=progress), "described")
    print(printable(_summary(result)))
    return 1 if result.failed else 0


def _summary(result: DescribeResult) -> str:
    failed = f"; {len(result.failed):,} failed" if result.failed else ""
    what = "Parts" if result.cutouts is None else counted(result.cutouts, "cutout")
    current = "1 was" if result.current == 1 else f"{result.current:,} were"
    return (
        f"{what} written to {result.output}: {counted(result.described, 'image')} "
        f"described, {current} current{failed}"
    )
