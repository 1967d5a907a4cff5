"""The command that scores full images with a model."""

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
    from napari_artifact_review.core.training.scoring.score import ScoreResult


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="package.module:function, file.py:function, or an ONNX file",
    )
    add_images(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        required=True,
        help="table of predictions to write; its parts are in FILE.parts",
    )
    _add_cutouts(parser)
    _add_labels(parser)
    _add_onnx(parser)
    parser.add_argument(
        "--model-version",
        metavar="TEXT",
        default="",
        help="version of the model; another text scores all images again",
    )
    add_workers(
        parser,
        "score",
        "write only the parts of these images; the command for all images joins them",
    )
    parser.set_defaults(after_interrupt=GO_ON)


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.training.scoring.onnx_options import OnnxOptions
    from napari_artifact_review.core.training.scoring.score import score

    run = partial(
        score,
        options.model,
        options.images,
        options.output,
        cutout_size=options.cutout_size,
        stride=options.stride,
        labels=options.labels,
        mapping=mapping_of(options, with_stride=False),
        threshold=options.threshold,
        hdu=options.hdu,
        model_version=options.model_version,
        onnx=OnnxOptions(options.onnx_input, options.onnx_layout, options.onnx_scaling),
        root=options.root,
        scheduler=options.scheduler,
        jobs=options.jobs,
        parts_only=options.parts_only,
    )
    result = run_with_progress(lambda progress: run(listener=progress), "scored")
    print(printable(_summary(result)))
    return 1 if result.failed else 0


def _summary(result: ScoreResult) -> str:
    failed = f"; {len(result.failed):,} failed" if result.failed else ""
    current = "1 was" if result.current == 1 else f"{result.current:,} were"
    images = f"{counted(result.scored, 'image')} scored, {current} current{failed}"
    if result.output is None:
        return f"Parts written to {result.parts}: {images}"
    return f"{counted(result.rows, 'cutout')} written to {result.output}: {images}"


def _add_cutouts(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--cutout-size",
        metavar="N",
        type=int,
        default=200,
        help="side of a cutout in pixels (default: 200)",
    )
    add(
        "--stride",
        metavar="N",
        type=int,
        help="distance in pixels from one cutout to the next (default: the side)",
    )
    add(
        "--threshold",
        metavar="P",
        type=float,
        default=0.95,
        help="confidence at or above which preds is 1 (default: 0.95)",
    )
    add_image_options(parser)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--labels",
        metavar="TABLE",
        type=Path,
        help="table with the labels of the cutouts, label_new before label; cutouts "
        "without a label are left out",
    )
    add_columns(
        parser.add_argument_group(
            "a table of labels with other columns or values"
        ).add_argument
    )


def _add_onnx(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group(
        "an ONNX file", "By default, the metadata of the file say this."
    ).add_argument
    add("--onnx-input", metavar="NAME", help="name of the input")
    add(
        "--onnx-layout",
        choices=("nhw", "nchw", "nhwc"),
        help="axes of the input (default: those of its shape)",
    )
    add(
        "--onnx-scaling",
        metavar="TEXT",
        help="for example offset=100,factor=0.01,nan=0",
    )
