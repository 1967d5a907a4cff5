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
        log = log_path_beside(output)
        if not (log.exists() or log_path_in_user_data(output).exists()):
            continue
        # Import here, because most tables have no log.
        from napari_artifact_review.core.decisions.log_opening import stored_table
        from napari_artifact_review.core.review.table_opening import (
            Given,
            what_was_given,
        )

        table = stored_table(log, output)
        if table is not None and (output == path or table.name == path.name):
            return what_was_given(Given(None, None), output)
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
