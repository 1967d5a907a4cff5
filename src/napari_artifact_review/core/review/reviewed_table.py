"""Reviewed table: the predictions as read, and the columns that a review adds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.atomic_files import Written, replace_file
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.errors import EncodingError, SaveError
from napari_artifact_review.core.tables.column_names import unique_names
from napari_artifact_review.core.tables.delimited import DelimitedFile
from napari_artifact_review.core.tables.mapping import NUMBER, label_of
from napari_artifact_review.core.tables.predictions import (
    REVIEW_TEXTS,
    Predictions,
)
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import convert, format_for

#: Encoding of the output; None for the encoding of the table as read.
OutputEncoding: TypeAlias = Literal["utf-8"] | None

#: Pairs of spellings of 0 and 1.
_SPELLINGS = (("0.0", "1.0"), ("0", "1"), ("false", "true"))


@dataclass(frozen=True)
class ReviewedTable:
    """Snapshot of the labels of a review, which any thread can write.

    Attributes
    ----------
    predictions : Predictions
        The table as read.
    label_new : ndarray of int8, shape (n,)
        Labels after review.
    states : mapping of int to LabelState
        Label states that may differ from the table as read, by row.
    decisions : mapping of int to Decision
        Decisions in force, by row.
    states_in_output : mapping of int to LabelState
        Label states in the output for rows with unsaved decisions, by row.
    encoding : "utf-8", optional
        Encoding of a text table; by default that of the table as read.
    last_numbers : mapping of str to int
        Number of the last entry that the table includes, by log id.
    added : mapping of str to Series
        Further columns by name, with a value for each row, after those of a review.
    """

    predictions: Predictions
    label_new: npt.NDArray[np.int8]
    states: Mapping[int, LabelState]
    decisions: Mapping[int, Decision]
    states_in_output: Mapping[int, LabelState] = field(default_factory=dict)
    encoding: OutputEncoding = None
    last_numbers: dict[str, int] = field(default_factory=dict)
    added: Mapping[str, pd.Series[Any]] = field(default_factory=dict)

    def as_utf8(self) -> ReviewedTable:
        """Return a copy that is written as UTF-8 if the output is a text table."""
        return replace(self, encoding="utf-8")

    def write(self, path: Path, about_to_replace: Callable[[str], None]) -> Written:
        """Write the table atomically, in the format for the suffix of `path`.

        See `replace_file` for the parameters, the result and the errors.
        """
        try:
            return replace_file(
                path, lambda stream: self._write(stream, path), about_to_replace
            )
        except EncodingError as error:
            if issubclass(format_for(path), DelimitedFile):
                raise
            # The strings of a FITS table are ASCII by definition.
            raise SaveError(
                error.what,
                path=path,
                remedy="Nothing was overwritten; choose an output that ends in .csv",
            ) from error

    def as_written(self, path: Path) -> pd.DataFrame:
        """Return the cells as they would be read from a file written to `path`."""
        buffer = io.BytesIO()
        # The values do not depend on the encoding, and UTF-8 has every character.
        self.as_utf8()._write(buffer, path)
        wanted = self.predictions.mapping.wanted()
        return format_for(path).from_bytes(buffer.getvalue(), wanted).values

    def _write(self, stream: BinaryIO, path: Path) -> None:
        table = self.predictions
        file = convert(table.file, partial(typed_values, table), path)
        if self.encoding is not None and isinstance(file, DelimitedFile):
            file = file.as_utf8()
        file.write(stream, self._edits(file))

    def _edits(self, file: TableFile) -> dict[str, pd.Series[Any]]:
        """Return the columns to replace or add, by name, in table order."""
        name_of = self.predictions.column_name
        edits = {}
        if "error_id" not in self.predictions.columns:
            edits[name_of("error_id")] = self._error_ids(file)
        edits[name_of("label_new")] = self._labels(file)
        for meaning in REVIEW_TEXTS:
            texts = {row: getattr(one, meaning) for row, one in self.states.items()}
            edits[name_of(meaning)] = self._texts(file, meaning, texts)
        edits |= {name: file.new_column(cells) for name, cells in self.added.items()}
        # Omit unchanged columns, which keep their cells in the file.
        return {
            name: cells
            for name, cells in edits.items()
            if name not in file.values or not cells.equals(file.column(name))
        }

    def _error_ids(self, file: TableFile) -> pd.Series[Any]:
        ids = pd.Series(self.predictions.error_id, dtype="Int64")
        return file.new_column(ids.where(ids > 0))

    def _labels(self, file: TableFile) -> pd.Series[Any]:
        """Return the column label_new, with new labels in the table's spelling."""
        columns = self.predictions.columns
        resumed = "label_new" in columns
        name = columns["label_new" if resumed else "label"]
        cells = file.column(name)
        before = self.predictions.label_new if resumed else self.predictions.label
        written = self.label_new != before
        if resumed:
            # If the cell is empty, also write a label that a decision confirmed.
            empty = ~_is_filled(file.values[name])
            decided = list(self.decisions)
            written[decided] |= empty[decided]
        for value in (0, 1):
            rows = np.flatnonzero(written & (self.label_new == value))
            if rows.size:
                cells.iloc[rows] = self._spelling(file, value)
        return cells

    def _spelling(self, file: TableFile, value: int) -> Any:
        """Return a label in the table's spelling, such as 1, 1.0, True or "bogus"."""
        # Use the first filled cell with this label.
        table = self.predictions
        for meaning, labels in (("label_new", table.label_new), ("label", table.label)):
            name = table.columns.get(meaning)
            if name is not None:
                same = np.flatnonzero(_is_filled(file.values[name]) & (labels == value))
                if same.size:
                    return file.column(name).iloc[same[0]]
        other = file.column(table.columns["label"]).iloc[0]
        words = table.mapping.label_values
        if words is not None:
            word = (words.artifact if value else words.no_artifact)[0]
            return file.spell(word) if isinstance(other, str) else type(other)(word)
        return _opposite(other, value) if isinstance(other, str) else type(other)(value)

    def _texts(
        self, file: TableFile, meaning: str, changed: Mapping[int, str]
    ) -> pd.Series[Any]:
        name = self.predictions.columns.get(meaning)
        cells = None if name is None else file.column(name)
        # Create a missing column, and replace a column that cannot store strings.
        if cells is None or (changed and not pd.api.types.is_string_dtype(cells.dtype)):
            read = getattr(self.predictions, meaning)
            texts = "" if read is None else read
            column = pd.Series(texts, index=range(len(file.values)), dtype="str")
            cells = file.new_column(column)
        cells.iloc[list(changed)] = [file.spell(text) for text in changed.values()]
        return cells


def _is_filled(cells: pd.Series[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(cells.astype("str").str.strip().fillna("") != "", dtype=bool)


def _opposite(cell: str, value: int) -> str:
    """Return the label `value` in the spelling of a cell with the other label."""
    pair = next(pair for pair in _SPELLINGS if pair[1 - value] in cell.lower())
    old, new = pair[1 - value], pair[value]
    if old.upper() in cell:
        new = new.upper()
    elif old not in cell:
        new = new.title()
    opposite = re.sub(re.escape(old), new, cell, flags=re.IGNORECASE)
    number = re.search(NUMBER, opposite)
    if number is None or label_of(number[0], None) == value:
        return opposite
    # Some digits of a number such as 0e+00 are not the label.
    return re.sub(NUMBER, str(value), cell, count=1)


def canonical_values(predictions: Predictions) -> pd.DataFrame:
    """Return the table as read, with typed columns named by their meanings.

    A mapped column keeps its own name too. Repeated names are numbered.
    """
    values = predictions.file.values
    names = unique_names([str(name) for name in values.columns])
    typed = _typed_columns(predictions)
    known = {name: typed[name] for name in typed if name in predictions.columns}
    texts = np.asarray(predictions.image_names, dtype=object)
    known |= {
        # Positions that are not in the table are zeros.
        name: typed[name]
        for name in ("grid_x", "grid_y")
    }
    column = predictions.columns["image_name"]
    # Names are read without blanks around them, and aliases as the first name.
    are_read = {*map(str, values[column].unique())} <= {*predictions.image_names}
    if column != "image_name" or not are_read:
        known["image_name"] = pd.Series(texts[predictions.image_index], dtype="str")
    return values.set_axis(names, axis=1).assign(**known)


def typed_values(predictions: Predictions) -> pd.DataFrame:
    """Return the table as read, with columns of numbers converted to their types.

    A column that a mapping changes keeps its cells.
    """
    values = predictions.file.values
    names = list(values.columns)
    columns = [values.iloc[:, position] for position in range(len(names))]
    for meaning, typed in _typed_columns(predictions).items():
        name = predictions.columns.get(meaning)
        if name is not None and predictions.mapping.keeps(meaning):
            columns[names.index(name)] = pd.Series(typed, index=values.index)
    table = pd.concat(columns, axis=1)
    table.columns = values.columns
    return table


def _typed_columns(predictions: Predictions) -> dict[str, Any]:
    ids = pd.Series(predictions.error_id, dtype="Int64")
    return {
        "grid_x": predictions.grid_x,
        "grid_y": predictions.grid_y,
        "label": predictions.label,
        "preds": predictions.preds,
        "confidence": predictions.confidence,
        "error_id": ids.where(predictions.error_id > 0),
        "label_new": predictions.label_new,
    }
