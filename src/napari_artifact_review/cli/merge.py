"""The command that merges logs which never met."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.texts import counted, on_one_line
from napari_artifact_review.core.user_folders import expanded_path

if TYPE_CHECKING:
    from napari_artifact_review.core.team.merge import DivergedCopies, MergeSummary

#: Number of hexadecimal digits that tell logs apart in a message.
_DIGITS = 8


def set_up(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.add_argument(
        "logs",
        metavar="LOG",
        type=Path,
        nargs="+",
        help="log of a review, such as test_outputs.csv.review.sqlite; only read",
    )
    parser.add_argument(
        "--into",
        metavar="LOG",
        type=Path,
        required=True,
        help="log to write; if it exists, its entries stay",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit status."""
    from napari_artifact_review.core.team.merge import merge_logs

    paths = [*map(expanded_path, options.logs)]
    summary = merge_logs(paths, expanded_path(options.into))
    for line in _lines(summary):
        print(on_one_line(line))
    return 0


def _lines(summary: MergeSummary) -> Iterator[str]:
    for log in summary.given:
        verdicts = [
            f"{name} {counted(count, 'verdict')}"
            for name, count in log.verdicts.items()
        ]
        entries = counted(log.entries, "entry", "entries")
        counts = [*verdicts, entries, f"{log.new:,} new"]
        yield f"{log.path}: log {log.log_id[:_DIGITS]}, {', '.join(counts)}"
    for one in summary.divergences:
        yield _divergence_line(one)
    for name, log_ids in summary.logs_of.items():
        if len(log_ids) > 1:
            ids = ", ".join(log_id[:_DIGITS] for log_id in log_ids)
            yield f"{name} has {len(log_ids)} logs ({ids})"
    if summary.written.backup_notice:
        yield summary.written.backup_notice
    yield (
        f"{summary.written.path} has {counted(summary.entries, 'entry', 'entries')} of "
        f"{counted(summary.logs, 'log')} and "
        f"{counted(len(summary.logs_of), 'reviewer')}"
    )


def _divergence_line(copies: DivergedCopies) -> str:
    *names, last = map(str, copies.paths)
    files = f"{', '.join(names)} and {last}" if names else last
    where = (
        "from the first entry"
        if copies.after is None
        else f"after entry {copies.after.number} ({copies.after.decided_at})"
    )
    count = "both" if copies.branches == 2 else f"all {copies.branches}"
    return (
        f"the copies of log {copies.log_id[:_DIGITS]} in {files} diverge {where}; "
        f"{count} are kept"
    )
