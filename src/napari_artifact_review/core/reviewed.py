"""The reviewed table: the predictions as they were read, and what the review adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.decisions import Decision
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.predictions import Predictions
from napari_artifact_review.core.saving import keep_backup, replace_file
from napari_artifact_review.core.tablefile import TableFile
from napari_artifact_review.core.tablefiles import convert, format_for

#: Spellings of 0 and 1 that belong together.
_SPELLINGS = (("0.0", "1.0"), ("0", "1"), ("false", "true"))


@dataclass(frozen=True)
class ReviewedTable:
    """What a review has come to at one moment; can be written on any thread.

    Attributes
    ----------
    path : Path
        Where it is written; the suffix decides the format.
    keeps_previous : bool
        Whether a file that is there already is kept as a dated backup.
    predictions : Predictions
        The table as it was read.
    label_new : ndarray of int8, shape (n,)
        The labels after review.
    decisions : mapping of int to Decision
        The decision of this review that stands for a row.
    """

    path: Path
    keeps_previous: bool
    predictions: Predictions
    label_new: npt.NDArray[np.int8]
    decisions: Mapping[int, Decision]

    def write(self) -> Path | None:
        """Write the table, whole or not at all.

        Returns
        -------
        Path or None
            The backup of what was there before, if one was made.

        Raises
        ------
        SaveError
            If it cannot be written; what was there is untouched.
        """
        backup = keep_backup(self.path) if self.keeps_previous else None

        def write(stream: BinaryIO) -> None:
            table = self.predictions
            file = convert(table.file, typed_values(table), self.path)
            file.write(stream, self._edits(file))

        try:
            replace_file(self.path, write)
        except SaveError:
            # What it is a copy of is still there.
            if backup is not None:
                backup.unlink(missing_ok=True)
            raise
        return backup

    def _edits(self, file: TableFile) -> dict[str, pd.Series[Any]]:
        """Return the columns that differ from the file's, as cells, in their order."""
        edits = {}
        if "error_id" not in file.values:
            edits["error_id"] = self._error_ids(file)
        edits["label_new"] = self._labels(file)
        by = {row: decision.reviewer for row, decision in self.decisions.items()}
        at = {row: decision.decided_at for row, decision in self.decisions.items()}
        edits["reviewed_by"] = self._words(file, "reviewed_by", by)
        edits["reviewed_at"] = self._words(file, "reviewed_at", at)
        return edits

    def _error_ids(self, file: TableFile) -> pd.Series[Any]:
        ids = pd.Series(self.predictions.error_id, dtype="Int64")
        return file.new_column(ids.where(ids > 0))

    def _labels(self, file: TableFile) -> pd.Series[Any]:
        """Keep each cell as it was read; spell what was changed as the table does."""
        resumed = "label_new" in file.values
        cells = file.column("label_new" if resumed else "label")
        before = self.predictions.label_new if resumed else self.predictions.label
        for value in (0, 1):
            rows = np.flatnonzero((self.label_new == value) & (before != value))
            if rows.size:
                cells.iloc[rows] = self._spelling(file, value)
        return cells

    def _spelling(self, file: TableFile, value: int) -> Any:
        """Spell a label as the table spells it: 1, 1.0, True, "1"."""
        # A cell of label_new may be empty; it is no spelling then.
        table = self.predictions
        for name, labels in (("label_new", table.label_new), ("label", table.label)):
            if name in file.values:
                known = file.values[name].astype("str").str.strip().fillna("") != ""
                same = np.flatnonzero(known & (labels == value))
                if same.size:
                    return file.column(name).iloc[same[0]]
        other = file.column("label").iloc[0]
        return _opposite(other, value) if isinstance(other, str) else type(other)(value)

    def _words(
        self, file: TableFile, name: str, words: Mapping[int, str]
    ) -> pd.Series[Any]:
        if name in file.values:
            cells = file.column(name)
        else:
            empty = pd.Series("", index=range(len(file.values)), dtype="str")
            cells = file.new_column(empty)
        cells.iloc[list(words)] = [file.spell(text) for text in words.values()]
        return cells


def _opposite(cell: str, value: int) -> str:
    """Spell a label like a cell that holds the other one."""
    pair = next(pair for pair in _SPELLINGS if pair[1 - value] in cell.lower())
    old, new = pair[1 - value], pair[value]
    if old.upper() in cell:
        new = new.upper()
    elif old not in cell:
        new = new.title()
    return re.sub(re.escape(old), new, cell, flags=re.IGNORECASE)


def check_output(path: Path) -> None:
    """Refuse an output before anybody works for it.

    Raises
    ------
    SaveError
        If its suffix names no table format, its folder is not there, or it is no
        file.
    """
    format_for(path)
    folder = path.resolve().parent
    if not folder.is_dir():
        raise SaveError(
            "the folder is not there",
            path=path.parent,
            remedy="Make it, or name another",
        )
    if path.exists() and not path.is_file():
        raise SaveError("this is no file", path=path, remedy="Name another output")


def typed_values(predictions: Predictions) -> pd.DataFrame:
    """Return the columns that were read, those of the design with their types."""
    typed: dict[str, Any] = {
        "grid_x": predictions.grid_x,
        "grid_y": predictions.grid_y,
        "label": predictions.label,
        "preds": predictions.preds,
        "confidence": predictions.confidence,
        "error_id": pd.Series(predictions.error_id, dtype="Int64").where(
            predictions.error_id > 0
        ),
        "label_new": predictions.label_new,
    }
    values = predictions.file.values
    return values.assign(**{k: v for k, v in typed.items() if k in values})
