"""The command that creates a demo survey, and opens it in napari."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.window import check_qt, check_settings, run_napari

if TYPE_CHECKING:
    import napari


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
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


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    check_qt()
    check_settings()
    from napari_artifact_review.widgets import review_dock

    def start(viewer: napari.Viewer) -> None:
        review_dock(viewer).start_demo(options.images, options.seed, options.folder)

    return run_napari(start)
