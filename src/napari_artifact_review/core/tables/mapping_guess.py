"""Guess the mapping of a table from the names and values of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.tables.column_names import (
    IDENTIFYING,
    find_column,
    fold_name,
)
from napari_artifact_review.core.tables.mapping import (
    MEANINGS,
    ORIGIN,
    LabelValues,
    TableMapping,
    label_of,
    says_real,
)
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import read_table_file

#: Usual names of columns by meaning, the most specific first.
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "image_name": (
        "filename", "file_name", "image", "image_file", "file", "path", "filepath",
        "file_path", "fits", "fits_file", "frame", "exposure", "candid", "objectid",
        "subject_id", "transientid", "img", "name", "id",
    ),
    "grid_x": ("x", "x0", "xmin", "x_min", "tile_x", "x_tile", "left", "col", "column"),
    "grid_y": ("y", "y0", "ymin", "y_min", "tile_y", "y_tile", "top", "row"),
    "label": (
        "y_true", "true_label", "truth", "ground_truth", "gt", "target", "class",
        "is_artifact", "artifact", "consensus", "majority", "is_real", "real", "true",
    ),
    "preds": (
        "y_pred", "pred", "prediction", "predicted", "predicted_label", "pred_label",
        "pred_class", "model",
    ),
    "confidence": (
        "prob", "proba", "probability", "p_artifact", "prob_artifact", "y_prob",
        "prob_1", "p1", "y_score", "score", "artifact_score", "fraction", "p_bogus",
        "prob_bogus", "drb", "rb", "rb_score", "real_bogus", "p_real", "prob_real",
        "logit", "logits",
    ),
    "error_id": (),
}  # fmt: skip

#: Usual words for the two classes.
_USUAL_VALUES = {
    1: {"artifact", "artefact", "bogus", "bad", "yes", "y", "t", "true", "1"},
    0: {"no artifact", "no artefact", "none", "real", "good", "clean", "no", "n", "f",
        "false", "0", "-1"},
}  # fmt: skip


def guess_columns(names: Sequence[str]) -> dict[str, str]:
    """Guess the column of each meaning from the usual names of such columns.

    A column with the name of a meaning is not a guess, but is part of the result.

    Parameters
    ----------
    names : sequence of str
        Names of the columns in a table.

    Returns
    -------
    dict of str to str
        Names of columns, by meaning. A meaning without a column is missing.
    """
    found: dict[str, str] = {}
    for meaning in MEANINGS:
        column = find_column(meaning, names)
        if column is not None:
            found[meaning] = column
    for meaning in MEANINGS:
        if meaning in found:
            continue
        for usual in _USUAL_NAMES[meaning]:
            column = find_column(usual, names)
            if column is not None and column not in found.values():
                found[meaning] = column
                break
    return found


@dataclass(frozen=True)
class MappingDraft:
    """A mapping in preparation, with the table that it is for.

    Attributes
    ----------
    path : Path
        Path of the table.
    file : TableFile
        The table.
    mapping : TableMapping
        The mapping so far.
    guessed : frozenset of str
        Parts of the mapping that are guesses: meanings, and fields of `TableMapping`.
    """

    path: Path
    file: TableFile
    mapping: TableMapping
    guessed: frozenset[str]
    _distinct: dict[str, tuple[str, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def read(cls, path: Path, given: TableMapping) -> MappingDraft:
        """Read a table, and guess what a given mapping leaves open.

        Raises
        ------
        TableError
            If the file cannot be read as a table.
        """
        file = read_table_file(path)
        names = [str(name) for name in file.values.columns]
        # A column that the table does not have is left out, to be chosen again.
        kept = {
            meaning: name
            for meaning, name in given.columns.items()
            if find_column(name, names) is not None or name == ORIGIN
        }
        columns = {
            meaning: name
            for meaning, name in guess_columns(names).items()
            if name not in kept.values()
        } | kept
        guessed = {
            meaning
            for meaning, name in columns.items()
            if meaning not in kept and fold_name(name) != meaning
        }
        draft = cls(path, file, replace(given, columns=columns), frozenset(guessed))
        return draft._with_guessed_values()

    @property
    def names(self) -> list[str]:
        """Names of the table's columns."""
        return [str(name) for name in self.file.values.columns]

    def changed(self, **changes: Any) -> MappingDraft:
        """Return the draft with other fields of the mapping, which are no guesses.

        Raises
        ------
        ReviewError
            If a value is invalid; see `TableMapping`.
        """
        guessed = self.guessed - changes.keys()
        if "columns" in changes:
            before, after = self.mapping.columns, changes["columns"]
            guessed -= {m for m in MEANINGS if before.get(m) != after.get(m)}
        return replace(self, mapping=replace(self.mapping, **changes), guessed=guessed)

    def column_of(self, meaning: str) -> str | None:
        """Return the name of the column with a meaning; None if there is none."""
        name = self.mapping.columns.get(meaning)
        return None if name is None else find_column(name, self.names)

    def distinct(self, meaning: str) -> tuple[str, ...]:
        """Return the distinct values of a column as strings, at most 1,000 of them."""
        column = self.column_of(meaning)
        if column is None:
            return ()
        if column not in self._distinct:
            values = self._values(column)
            texts = pd.unique(values)[:1000]
            self._distinct[column] = tuple(str(text).strip() for text in texts)
        return tuple(text for text in self._distinct[column] if text)

    def preview(self, rows: int = 10) -> pd.DataFrame:
        """Return the first rows of the table as strings."""
        head = self.file.values.head(rows)
        return head.astype("object").where(head.notna(), "").astype("str")

    def questions(self) -> tuple[str, ...]:
        """Return what the mapping leaves open, as sentences for the user."""
        questions = [
            f"Choose the column for {meaning}."
            for meaning in IDENTIFYING
            if self.column_of(meaning) is None
            and self.mapping.columns.get(meaning) != ORIGIN
        ]
        if self.column_of("preds") is None and self.column_of("confidence") is None:
            questions.append("Choose the column for preds or for confidence.")
        for meaning in ("label", "preds"):
            questions += self._questions_on_labels(meaning)
        return (*questions, *self._questions_on_confidence())

    def _questions_on_labels(self, meaning: str) -> list[str]:
        column, values = self.column_of(meaning), self._label_values(meaning)
        if column is None:
            return []
        if values is None and says_real(column):
            return [f"Say what 1 means in the column {column}."]
        unknown = [t for t in self.distinct(meaning) if label_of(t, values) is None]
        if not unknown:
            return []
        listed = ", ".join(map(repr, unknown[:3])) + (", …" if unknown[3:] else "")
        return [f"Say what {listed} means in the column {column}."]

    def _questions_on_confidence(self) -> list[str]:
        column, mapping = self.column_of("confidence"), self.mapping
        if column is None:
            return []
        if mapping.confidence_of is None and says_real(column):
            return [f"Say which class the column {column} is the probability of."]
        numbers = self._numbers(column)
        highest = {"probability": 1.0, "percent": 100.0}.get(mapping.confidence_scale)
        if highest is not None and not np.all((numbers >= 0) & (numbers <= highest)):
            return [
                f"The column {column} is no {mapping.confidence_scale}; choose another "
                "scale or decimal separator."
            ]
        return []

    def _label_values(self, meaning: str) -> LabelValues | None:
        mapping = self.mapping
        return mapping.values_of_preds if meaning == "preds" else mapping.label_values

    def _with_guessed_values(self) -> MappingDraft:
        """Return the draft with guesses on the values of labels and confidences."""
        changes: dict[str, Any] = {}
        mapping = self.mapping
        labels = _guess_label_values(self.distinct("label"))
        if mapping.label_values is None and labels is not None:
            changes["label_values"] = labels
        preds = _guess_label_values(self.distinct("preds"))
        if mapping.values_of_preds is None and preds not in (None, labels):
            changes["preds_values"] = preds
        elif labels is not None and preds is None and self.column_of("preds"):
            values = ("0", "1")
            if all(label_of(text, None) is not None for text in self.distinct("preds")):
                changes["preds_values"] = LabelValues(values[1:], values[:1])
        changes |= self._guessed_confidence()
        return replace(
            self,
            mapping=replace(mapping, **changes),
            guessed=self.guessed | changes.keys(),
        )

    def _guessed_confidence(self) -> dict[str, Any]:
        column, mapping = self.column_of("confidence"), self.mapping
        if column is None or mapping.confidence_scale != "probability":
            return {}
        texts = self._values(column)
        changes: dict[str, Any] = {}
        if mapping.decimal == "." and texts.str.fullmatch(r"[+-]?\d*,\d+ *%?").any():
            changes["decimal"] = ","
        numbers = self._numbers(column, changes.get("decimal", mapping.decimal))
        if "logit" in fold_name(column) or np.any(numbers < 0):
            changes["confidence_scale"] = "logit"
        elif np.any(numbers > 1):
            changes["confidence_scale"] = "percent"
        return changes

    def _values(self, column: str) -> pd.Series[str]:
        values = self.file.values.iloc[:, self.names.index(column)]
        cells = values.astype("object")
        return cells.where(cells.notna(), "").map(str).astype("str").str.strip()

    def _numbers(
        self, column: str, decimal: str | None = None
    ) -> npt.NDArray[np.float64]:
        """Return the numbers in a column, without the cells that are no numbers."""
        texts = self._values(column).str.removesuffix("%")
        if (decimal or self.mapping.decimal) == ",":
            texts = texts.str.replace(",", ".", regex=False)
        parsed = pd.to_numeric(texts, errors="coerce")
        return np.array(parsed.dropna(), dtype=np.float64)


def _guess_label_values(texts: Sequence[str]) -> LabelValues | None:
    """Guess the classes of words; None for 0 and 1, and for unknown words."""
    if all(label_of(text, None) is not None for text in texts):
        return None
    classes = {
        label: tuple(text for text in texts if text.casefold() in words)
        for label, words in _USUAL_VALUES.items()
    }
    if not classes[0] or not classes[1]:
        return None
    return LabelValues(classes[1], classes[0])
