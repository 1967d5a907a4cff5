"""The command that creates a demo survey, and opens it in napari."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.cli.window import (
    check_display,
    check_qt,
    check_settings,
    run_napari,
)
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import printable

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
    parser.add_argument(
        "--no-window",
        action="store_true",
        help="create the survey, print its folder, and open no window",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    if options.no_window:
        return _create(options)
    check_qt()
    check_display()
    check_settings()
    from napari_artifact_review.widgets import review_dock

    def start(viewer: napari.Viewer) -> None:
        review_dock(viewer).start_demo(options.images, options.seed, options.folder)

    return run_napari(start)


def _create(options: argparse.Namespace) -> int:
    """Create the survey, print its folder, and return the exit status."""
    # Import the demo only here, because it imports scikit-learn and scipy.
    from napari_artifact_review.demo import make_demo, make_demo_in_cache

    make = partial(make_demo, options.folder) if options.folder else make_demo_in_cache
    try:
        survey = make(options.images, options.seed)
    except ValueError as error:
        raise ReviewError(str(error)) from error
    if survey.notice:
        print(printable(survey.notice), file=sys.stderr)
    print(printable(str(survey.predictions.parent)))
    return 0
