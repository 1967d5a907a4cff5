"""Command-line interface, with a module for each command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from napari_artifact_review.cli import (
    check,
    compare,
    demo,
    describe,
    export,
    merge,
    report,
    save,
    score,
)
from napari_artifact_review.cli import open as opening
from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.texts import on_one_line

#: Name, module and help of each command.
_COMMANDS = (
    ("open", opening, "open a review in napari"),
    ("demo", demo, "create a small demo survey and open it in napari"),
    (
        "check",
        check,
        "list every fault in a table and its images, without a window",
    ),
    (
        "report",
        report,
        "write the results of a review as an HTML file, without a window",
    ),
    ("save", save, "write the reviewed table of a review, without a window"),
    ("merge", merge, "merge logs of one review that never met into one log"),
    ("score", score, "score full images with a model, and write a table to review"),
    (
        "describe",
        describe,
        "describe cutouts by numbers, for the learned order of a review",
    ),
    ("compare", compare, "compare two models on the same cutouts, without a window"),
    (
        "export",
        export,
        "write cutouts and labels as a data set for training, without a window",
    ),
)


#: Exit statuses after an interrupt from the keyboard, and if the output is no longer
#: read, as shells define them: 128 and the number of the signal.
_INTERRUPTED, _PIPE_CLOSED = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 2 if it reports an error.

    The status of `score` and `describe` is 1 if some images could not be used. After an
    interrupt from the keyboard it is 130, and if the output is no longer read, 141.

    By default, `arguments` are the command-line arguments of the process.
    """
    hint = ""
    try:
        options = _parser().parse_args(arguments)
        hint = options.after_interrupt
        status = int(options.run(options))
        # Otherwise, Python reports a closed pipe when it ends.
        sys.stdout.flush()
        return status
    except ReviewError as error:
        print(on_one_line(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"{str(interrupt) or 'Stopped'}. {hint}".rstrip(), file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer goes nowhere when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    except OSError as error:
        # An error of the operating system that no module has converted.
        print(on_one_line(_reason(error)), file=sys.stderr)
        return 2


def _reason(error: OSError) -> str:
    """Return the file and the reason of an error as a sentence."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{reason}." if error.filename is None else f"{error.filename}: {reason}."


class _Version(argparse.Action):
    """The option that prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"napari-artifact-review {metadata.version('napari-artifact-review')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="napari-artifact-review",
        description="Review and correct the labels of a classifier of artifacts.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="print the version, and exit"
    )
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    for name, module, help_text in _COMMANDS:
        command = add(name, help=help_text)
        command.set_defaults(run=module.run, after_interrupt="")
        module.set_up(command)
    return parser
