"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.images.image_names import read_hdu

if TYPE_CHECKING:
    from napari_artifact_review.core.tables.mapping import TableMapping

#: Hint after an interrupt of a command that keeps what is done.
GO_ON = "Run the same command again to go on."


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the predictions table and the folder of images."""
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", type=Path, help="predictions table"
    )
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="folder of the full images"
    )


def add_hdu(
    add: Callable[..., object],
    default: str = "that of the review, or the first image",
) -> None:
    """Add the HDU of the images, by the function that adds one argument."""
    add(
        "--hdu",
        metavar="NAME",
        type=read_hdu,
        help=f"name or number of the HDU of FITS files (default: {default})",
    )


def add_previous(parser: argparse.ArgumentParser) -> None:
    """Add the previous round, whose verdicts are carried."""
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="OLD",
        help="previous round, whose verdicts are carried: a reviewed table, a "
        "predictions table with a log of its review, or a log",
    )


def add_review(parser: argparse.ArgumentParser) -> None:
    """Add the reviewed table, whose log of verdicts is used."""
    parser.add_argument(
        "--reviewed",
        type=Path,
        metavar="FILE",
        help="reviewed table whose log of verdicts is used (default: the given table "
        "if it has a log, else test_outputs.csv in the same folder)",
    )


def add_mapping(parser: argparse.ArgumentParser) -> None:
    """Add options for a table whose columns and values have other names.

    By default, a review keeps the mapping and the grid with which it began.
    """
    add = parser.add_argument_group(
        "a table with other columns, values or positions",
        "A review keeps these options, so they are given once. Options that are given "
        "later replace all of them, except the cutout size.",
    ).add_argument
    add_columns(add)
    _add_grid(add)


def add_columns(add: Callable[..., object]) -> None:
    """Add the options about columns and values, by the function that adds one."""
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


def _add_grid(add: Callable[..., object]) -> None:
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


def mapping_of(
    options: argparse.Namespace, *, with_stride: bool = True
) -> TableMapping | None:
    """Return the mapping in the options; None if no option of a mapping is given.

    Parameters
    ----------
    options : argparse.Namespace
        The options of the command line.
    with_stride : bool, optional
        Whether the option `--stride` is about the table.
    """
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
        "stride": options.stride if with_stride else None,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return TableMapping(**given) if given else None
