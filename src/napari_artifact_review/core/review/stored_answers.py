"""What the user said about a table in its review, for commands that only read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.review.paths import default_output
from napari_artifact_review.core.tables.mapping import TableMapping

if TYPE_CHECKING:
    from napari_artifact_review.core.review.table_opening import Given


def stored_answers(path: Path) -> Given | None:
    """Return what the user said about a table when its review began.

    The review is that of the table's own log, or that of the default output if its log
    names the table. The result is None without a review.

    Parameters
    ----------
    path : Path
        Path of a predictions table or of a reviewed table.

    Raises
    ------
    StoreError
        If a log cannot be read.
    """
    for output in (path, default_output(path)):
        for log in (log_path_in_user_data(output), log_path_beside(output)):
            if log.exists() and (output == path or _names_table(log, path)):
                # Import here, because most tables have no log.
                from napari_artifact_review.core.review import table_opening

                nothing = table_opening.Given(None, None)
                return table_opening.what_was_given(nothing, output)
    return None


def stored_mapping(path: Path) -> TableMapping | None:
    """Return the mapping of a table's review, if there is one; see `stored_answers`."""
    answers = stored_answers(path)
    return None if answers is None else answers.mapping


def mapping_text(mapping: TableMapping | None) -> str:
    """Return a mapping as it is written on the command line; empty without one."""
    return "" if mapping is None else " ".join(mapping.as_options())


def review_notice(path: Path, mapping: TableMapping | None) -> tuple[str, ...]:
    """Return the notice that a table was read with the mapping of its review."""
    text = mapping_text(mapping)
    return (f"{path}: read with the mapping of its review ({text}).",) if text else ()


def _names_table(log: Path, table: Path) -> bool:
    """Return whether a log of the default output is that of a table."""
    from napari_artifact_review.core.decisions.store import Store

    binding = Store(log, read_only=True).read().binding
    return binding is not None and Path(binding.table_name).name == table.name
