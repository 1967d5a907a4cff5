"""The command that opens a table with a mapping."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.mapping import (
    TableMapping,
    parse_columns,
    parse_label_values,
)


def command_of(
    path: Path, mapping: TableMapping, options: Sequence[str] = ()
) -> str | None:
    """Return the command that opens a table with a mapping.

    Parameters
    ----------
    path : Path
        Path of the table.
    mapping : TableMapping
        Meanings of the columns and values.
    options : sequence of str
        Further options and their values.

    Returns
    -------
    str or None
        The command for a POSIX shell; None if a name or a value of the table cannot be
        written in it.
    """
    parts = ["napari-artifact-review", "open", str(path.absolute())]
    words = mapping.as_options()
    for option, value in zip(words[::2], words[1::2], strict=True):
        if not _can_be_read(option, value, mapping):
            return None
        parts += [option, value]
    command = shlex.join([*parts, *options])
    return command if command.isprintable() else None


def _can_be_read(option: str, value: str, mapping: TableMapping) -> bool:
    """Return whether the command line would read an option as it is meant."""
    try:
        if option == "--columns":
            return parse_columns([value]) == mapping.columns
        if option == "--label-values":
            return parse_label_values(value) == mapping.label_values
        if option == "--preds-values":
            return parse_label_values(value) == mapping.preds_values
    except ReviewError:
        return False
    return True
