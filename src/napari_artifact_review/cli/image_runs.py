"""Arguments, progress and interrupts of commands that run over many images."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from napari_artifact_review.cli.arguments import add_hdu
from napari_artifact_review.cli.progress import PrintedProgress

R = TypeVar("R")


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the images."""
    parser.add_argument(
        "images",
        metavar="IMAGES",
        nargs="+",
        help="folders of full images, image files, or @FILE with a path on each line",
    )


def add_image_options(parser: argparse.ArgumentParser) -> None:
    """Add the HDU, and the folder to which image names are relative."""
    add_hdu(parser.add_argument, "the first image")
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="folder to which image names are relative (default: the given folder, and "
        "for a file its own)",
    )


def add_workers(parser: argparse.ArgumentParser, verb: str, parts_only: str) -> None:
    """Add the options about workers.

    Parameters
    ----------
    parser : ArgumentParser
        Parser of the command.
    verb : str
        What the workers do with images: "score".
    parts_only : str
        Help of the option `--parts-only`.
    """
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help=f"dask scheduler whose workers {verb} the images, such as tcp://host:8786",
    )
    where.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        help="number of local processes (default: one for each core)",
    )
    parser.add_argument("--parts-only", action="store_true", help=parts_only)


def run_with_progress(run: Callable[[PrintedProgress], R], done: str) -> R:
    """Run over many images, and print the progress.

    Parameters
    ----------
    run : callable
        Function that receives a listener, and returns the result.
    done : str
        What is done with an image, as a participle: "scored".

    Returns
    -------
    object
        The result.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt from the keyboard, with what was done until then.
    """
    progress = PrintedProgress(done=done)
    try:
        return run(progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Stopped after {progress.text}") from None
    finally:
        progress.end()
