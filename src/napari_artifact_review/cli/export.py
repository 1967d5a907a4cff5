"""The command that writes the cutouts and labels of a review for training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.arguments import (
    GO_ON,
    add_hdu,
    add_mapping,
    add_review,
    mapping_of,
)
from napari_artifact_review.core.texts import counted, on_one_line, printable

if TYPE_CHECKING:
    from napari_artifact_review.core.training.exporting.export import Exported


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    add = parser.add_argument
    add(
        "table",
        metavar="REVIEWED",
        type=Path,
        help="predictions table, or a reviewed table",
    )
    add("--images", metavar="DIR", type=Path, help="folder of the full images")
    add(
        "--to",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="folder to write to: new, empty, or with an earlier export",
    )
    _add_cutouts(parser)
    _add_splits(parser)
    add_review(parser)
    add_mapping(parser)
    add("--store", metavar="FILE", help="SQLite file with the verdicts")
    add(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler whose workers write the arrays of a large export, such as "
        "tcp://host:8786 (extra cluster)",
    )
    parser.set_defaults(after_interrupt=GO_ON)


def _add_cutouts(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("cutouts").add_argument
    add(
        "--context",
        metavar="PX",
        type=int,
        default=0,
        help="width of the surroundings to include on each side (default: 0)",
    )
    add(
        "--unsure",
        choices=("drop", "keep", "0.5"),
        default="drop",
        help="cutouts with an unsure verdict: leave them out, or keep their label with "
        "weight 1 or 0.5 (default: drop)",
    )
    add(
        "--only",
        choices=("all", "reviewed"),
        default="all",
        help="cutouts to export (default: all, since a model that is trained on "
        "reviewed cutouts alone is worse)",
    )
    add_hdu(add)
    add(
        "--skip-bad-images",
        action="store_true",
        help="leave out images that cannot be used (default: export nothing)",
    )


def _add_splits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("train, validation and test").add_argument
    add(
        "--split",
        metavar="SHARES",
        default="0.8,0.1,0.1",
        help="shares of train, validation and test (default: 0.8,0.1,0.1)",
    )
    add(
        "--group",
        metavar="COLUMN-or-KEYS",
        help="column of the table, or header keys separated by commas: images with the "
        "same value share a split (default: each image is a group)",
    )
    add("--seed", type=int, default=0, help="seed of the splits (default: 0)")
    add(
        "--split-from",
        metavar="EARLIER",
        type=Path,
        help="folder of an earlier export, whose splits stay as they are",
    )
    add(
        "--image-key",
        metavar="KEYS",
        default="",
        help="header keys that identify an image, separated by commas (default: the "
        "column image_id, else the pixels)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.training.exporting.array_parts import (
        BadImagesError,
    )
    from napari_artifact_review.core.training.exporting.export import export
    from napari_artifact_review.core.training.exporting.export_options import (
        parse_keys,
        parse_shares,
    )

    try:
        done = export(
            options.table,
            options.images,
            options.to,
            split_from=options.split_from,
            output=options.reviewed,
            store=options.store,
            cutout_size=options.cutout_size,
            mapping=mapping_of(options),
            scheduler=options.scheduler,
            on_image=_print_progress,
            context=options.context,
            split=parse_shares(options.split),
            group=options.group,
            seed=options.seed,
            unsure=options.unsure,
            only=options.only,
            hdu=options.hdu,
            image_key=parse_keys(options.image_key),
            skip_bad_images=options.skip_bad_images,
        )
    except BadImagesError as error:
        for fault in error.faults:
            print(on_one_line(str(fault)), file=sys.stderr)
        print("Nothing was exported; see --skip-bad-images.", file=sys.stderr)
        return 2
    _print_result(done)
    return 0


def _print_progress(done: int, of: int) -> None:
    """Print the number of finished images on one line of a terminal."""
    if sys.stderr.isatty():
        end = "\n" if done == of else ""
        text = f"\r{done:,} of {counted(of, 'image')}"
        print(text, end=end, file=sys.stderr, flush=True)


def _print_result(done: Exported) -> None:
    for error in done.skipped:
        print(on_one_line(f"Left out: {error}"), file=sys.stderr)
    for notice in done.notices:
        print(on_one_line(notice), file=sys.stderr)
    splits = ", ".join(
        f"{name} {count['cutouts']:,} ({counted(count['artifacts'], 'artifact')})"
        for name, count in done.counts["split"].items()
    )
    cutouts = counted(len(done.table), "cutout")
    print(printable(f"{cutouts} written to {done.folder}: {splits}"))
