"""A mapping in preparation: guesses on a table, questions, and the user's choices."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from napari_artifact_review.core.tables.column_contents import ColumnContents
from napari_artifact_review.core.tables.column_names import (
    IDENTIFYING,
    find_column,
    fold_name,
)
from napari_artifact_review.core.tables.mapping import (
    MEANINGS,
    NO_COLUMN,
    OPTIONAL,
    ORIGIN,
    LabelName,
    LabelValues,
    TableMapping,
    label_of,
    says_real,
)
from napari_artifact_review.core.tables.mapping_guess import (
    guess_columns,
    guess_label_values,
    named_columns,
)
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import read_table_file


@dataclass(frozen=True)
class MappingDraft:
    """A mapping in preparation, with the table that it is for.

    A draft does not change; each choice of the user gives a new draft.

    Attributes
    ----------
    path : Path
        Path of the table.
    file : TableFile
        The table.
    mapping : TableMapping
        The mapping so far.
    contents : ColumnContents
        The contents of its columns.
    guessed : frozenset of str
        Parts of the mapping that are guesses: meanings, and fields of `TableMapping`.
    """

    path: Path
    file: TableFile
    mapping: TableMapping
    contents: ColumnContents = field(repr=False)
    guessed: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path, given: TableMapping) -> MappingDraft:
        """Read a table, and guess what a given mapping leaves open.

        If the given mapping leaves nothing open, nothing is guessed.

        Raises
        ------
        TableError
            If the file cannot be read as a table.
        """
        file = read_table_file(path, given.wanted())
        names = [str(name) for name in file.values.columns]
        # A column that the table does not have is left out, to be chosen again.
        kept = {
            meaning: find_column(name, names) or name
            for meaning, name in given.columns.items()
            if find_column(name, names) is not None or name in (ORIGIN, NO_COLUMN)
        }
        columns = named_columns(names, kept)
        mapping = replace(given, columns=columns)
        draft = cls(path, file, mapping, ColumnContents(file.values))
        return draft._with_guesses() if draft.questions() else draft

    @property
    def names(self) -> list[str]:
        """Names of the table's columns."""
        return [str(name) for name in self.file.values.columns]

    @property
    def result(self) -> TableMapping:
        """The mapping with which to open the table.

        Columns that have the names of their meanings are left out. If no value of a
        column means one of the classes, the result has a word for this class, which the
        review writes.
        """
        columns = self.mapping.columns
        short = {m: n for m, n in columns.items() if find_column(m, self.names) != n}
        changes: dict[str, Any] = {
            name: _complete(values)
            for name in ("label_values", "preds_values")
            if (values := getattr(self.mapping, name)) is not None
        }
        return replace(self.mapping, columns=short, **changes)

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

    def with_meaning(self, column: str, meaning: str | None) -> MappingDraft:
        """Return the draft in which the user has chosen the meaning of a column.

        The column that had the meaning before is free. With another column for the
        labels or the confidence, their values are guessed again. A column that has the
        name of a required meaning has this meaning unless another column has it.

        Parameters
        ----------
        column : str
            Name of a column in the table.
        meaning : str or None
            One of `MEANINGS`; None for no meaning.
        """
        before = self.mapping.columns
        if meaning is not None and before.get(meaning) == column:
            return replace(self, guessed=self.guessed - {meaning})
        columns = {m: n for m, n in before.items() if n != column and m != meaning}
        if meaning is not None:
            columns[meaning] = column
        named = fold_name(column)
        if meaning != named and named in OPTIONAL:
            columns.setdefault(named, NO_COLUMN)
        if meaning in ("grid_x", "grid_y"):
            columns = {m: n for m, n in columns.items() if n != ORIGIN}
        return self._with_columns(columns)

    def with_single_cutouts(self, is_single: bool) -> MappingDraft:
        """Return the draft in which each image is one cutout, or is not.

        If it is not, the columns of the positions are guessed again.
        """
        columns = {
            meaning: name
            for meaning, name in self.mapping.columns.items()
            if meaning not in ("grid_x", "grid_y")
        }
        if is_single:
            both = {"grid_x": ORIGIN, "grid_y": ORIGIN}
            return self._with_columns(columns | both)
        guesses = {
            meaning: name
            for meaning, name in guess_columns(self.names).items()
            if meaning in ("grid_x", "grid_y") and name not in columns.values()
        }
        draft = self._with_columns(columns | guesses)
        guessed = {m for m, name in guesses.items() if fold_name(name) != m}
        return replace(draft, guessed=draft.guessed | guessed)

    def with_value(
        self, meaning: str, text: str, name: LabelName | None
    ) -> MappingDraft:
        """Return the draft in which the user has chosen the class of a value.

        In a column of 0 and 1, the other value then has the other class.

        Parameters
        ----------
        meaning : "label" or "preds"
            Meaning of the column.
        text : str
            The value.
        name : "artifact", "no artifact" or None
            The class; None if it is not chosen.
        """
        label = None if name is None else int(name == "artifact")
        texts = self.distinct(meaning)
        if self.is_binary(meaning):
            same = label_of(text, None) == 1
            ones, zeros = (
                tuple(t for t in texts if label_of(t, None) == digit) or (str(digit),)
                for digit in (1, 0)
            )
            pair = (ones, zeros) if (label == 1) == same else (zeros, ones)
            values = None if label is None else LabelValues(*pair)
        else:
            classes = {each: self.class_of(meaning, each) for each in texts}
            classes[text] = label
            values = LabelValues(
                *(tuple(t for t in texts if classes[t] == each) for each in (1, 0))
            )
        draft = self.changed(**{f"{meaning}_values": None})
        if values and all(
            draft.class_of(meaning, t) == values.label_of(t) for t in texts
        ):
            values = None
        draft = self.changed(**{f"{meaning}_values": values})
        # With words for the labels, predictions of 0 and 1 need values of their own.
        return draft._with_guessed_values({"preds"}) if meaning == "label" else draft

    def column_of(self, meaning: str) -> str | None:
        """Return the name of the column with a meaning; None if there is none."""
        name = self.mapping.columns.get(meaning)
        return find_column(name, self.names) if name else None

    @property
    def has_single_cutouts(self) -> bool:
        """Whether each image is one cutout."""
        both = [self.mapping.columns.get(name) for name in ("grid_x", "grid_y")]
        return both == [ORIGIN, ORIGIN] and ORIGIN not in self.names

    def distinct(self, meaning: str) -> tuple[str, ...]:
        """Return the distinct values of a column as strings, at most 1,000 of them."""
        column = self.column_of(meaning)
        return () if column is None else self.contents.distinct(column)

    def is_binary(self, meaning: str) -> bool:
        """Return whether the values of a column are 0 and 1, or false and true."""
        texts = self.distinct(meaning)
        return bool(texts) and all(label_of(text, None) is not None for text in texts)

    def class_of(self, meaning: str, text: str) -> int | None:
        """Return the label of a value: 1 artifact, 0 none, None if it is open.

        Parameters
        ----------
        meaning : "label" or "preds"
            Meaning of the column.
        text : str
            The value.
        """
        column, mapping = self.column_of(meaning) or "", self.mapping
        values = mapping.values_of_preds if meaning == "preds" else mapping.label_values
        if values is None:
            return None if says_real(column) else label_of(text, None)
        if meaning == "preds" and mapping.preds_values is None:
            # The label may be 1 for a real source, and the prediction for an artifact.
            is_opposite = label_of("1", values) == 0 and self.is_binary("preds")
            if is_opposite and not says_real(column):
                return None
        return values.label_of(text)

    def preview(self, rows: int = 10) -> pd.DataFrame:
        """Return the first rows of the table as strings."""
        head = self.file.values.head(rows)
        return head.astype("object").where(head.notna(), "").astype("str")

    def questions(self) -> tuple[str, ...]:
        """Return what the mapping leaves open, as sentences for the user."""
        open_columns = [
            meaning
            for meaning in IDENTIFYING
            if self.column_of(meaning) is None
            and self.mapping.columns.get(meaning) != ORIGIN
        ]
        questions = []
        if {"grid_x", "grid_y"} <= set(open_columns):
            open_columns = [m for m in open_columns if not m.startswith("grid")]
            questions.append(
                "Choose the columns for grid_x and grid_y, or choose that each image "
                "is one cutout."
            )
        questions[:0] = [f"Choose the column for {each}." for each in open_columns]
        if self.column_of("preds") is None and self.column_of("confidence") is None:
            questions.append("Choose the column for preds or for confidence.")
        for meaning in ("label", "preds"):
            questions += self._questions_on_labels(meaning)
        return (*questions, *self._questions_on_confidence())

    def _questions_on_labels(self, meaning: str) -> list[str]:
        column, texts = self.column_of(meaning), self.distinct(meaning)
        unknown = [text for text in texts if self.class_of(meaning, text) is None]
        if column is None or not unknown:
            return []
        if self.is_binary(meaning):
            return [f"Say what 1 means in the column {column}."]
        listed = ", ".join(map(repr, unknown[:3])) + (", …" if unknown[3:] else "")
        verb = "mean" if unknown[1:] else "means"
        return [f"Say what {listed} {verb} in the column {column}."]

    def _questions_on_confidence(self) -> list[str]:
        column, mapping = self.column_of("confidence"), self.mapping
        if column is None:
            return []
        if mapping.confidence_of is None and says_real(column):
            return [f"Say which class the column {column} is the probability of."]
        lowest, highest, _ = self.contents.numbers(column, mapping.decimal)
        limit = {"probability": 1.0, "percent": 100.0}.get(mapping.confidence_scale)
        if limit is not None and not 0 <= lowest <= highest <= limit:
            return [
                f"The column {column} is no {mapping.confidence_scale}; choose another "
                "scale or decimal separator."
            ]
        return []

    def _with_columns(self, columns: dict[str, str]) -> MappingDraft:
        """Return the draft with other columns, and with guesses on their values."""
        columns = named_columns(self.names, columns)
        before = self.mapping.columns
        other = {m for m in MEANINGS if before.get(m) != columns.get(m)}
        changes: dict[str, Any] = {"columns": columns}
        for meaning in other & {"label", "preds"}:
            changes[f"{meaning}_values"] = None
        if "confidence" in other:
            changes |= {"confidence_scale": "probability", "confidence_of": None}
        return self.changed(**changes)._with_guessed_values(other)

    def _with_guesses(self) -> MappingDraft:
        """Return the draft with guesses on what the mapping leaves open."""
        columns = dict(self.mapping.columns)
        for meaning, name in guess_columns(self.names).items():
            if meaning not in columns and name not in columns.values():
                columns[meaning] = name
        image = columns.get("image_name")
        has_positions = bool({"grid_x", "grid_y"} & columns.keys())
        if image is not None and not has_positions and self.contents.is_unique(image):
            columns |= {"grid_x": ORIGIN, "grid_y": ORIGIN}
        guessed = frozenset(columns.keys() - self.mapping.columns.keys())
        mapping = replace(self.mapping, columns=columns)
        draft = replace(self, mapping=mapping, guessed=guessed)
        return draft._with_guessed_values(MEANINGS)

    def _with_guessed_values(self, meanings: Collection[str]) -> MappingDraft:
        """Return the draft with guesses on the values of labels and confidences."""
        changes: dict[str, Any] = {}
        mapping = self.mapping
        labels = mapping.label_values
        if "label" in meanings and labels is None:
            labels = self._guessed_labels("label")
            if labels is not None:
                changes["label_values"] = labels
        if mapping.preds_values is None and {"label", "preds"} & set(meanings):
            preds = self._guessed_labels("preds")
            has_words = labels is not None and labels.label_of("1") is None
            if preds is None and has_words and self.is_binary("preds"):
                # With words for the labels, 0 and 1 need values of their own.
                preds = LabelValues(("1",), ("0",))
            column = self.column_of("preds") or ""
            if preds not in (None, labels) and not says_real(column):
                changes["preds_values"] = preds
        if "confidence" in meanings:
            changes |= self._guessed_confidence()
        return replace(
            self,
            mapping=replace(mapping, **changes),
            guessed=self.guessed | changes.keys(),
        )

    def _guessed_labels(self, meaning: str) -> LabelValues | None:
        if says_real(self.column_of(meaning) or ""):
            return None
        return guess_label_values(self.distinct(meaning))

    def _guessed_confidence(self) -> dict[str, Any]:
        column, mapping = self.column_of("confidence"), self.mapping
        if column is None or mapping.confidence_scale != "probability":
            return {}
        changes: dict[str, Any] = {}
        numbers = self.contents.numbers(column, mapping.decimal)
        if numbers.have_comma:
            changes["decimal"] = ","
            numbers = self.contents.numbers(column, ",")
        if "logit" in fold_name(column) or numbers.lowest < 0:
            changes["confidence_scale"] = "logit"
        elif numbers.highest > 1:
            changes["confidence_scale"] = "percent"
        return changes


def _complete(values: LabelValues) -> LabelValues:
    """Return label values in which a class without a value has a usual one."""
    if all(values):
        return values
    # The words of the other class tell the notation.
    given = (*values.artifact, *values.no_artifact)
    digits = {label_of(text, None) for text in given}
    words = ("artifact", "no artifact")
    if digits in ({0}, {1}):
        words = ("0", "0") if digits == {1} else ("1", "1")
    return LabelValues(values.artifact or words[:1], values.no_artifact or words[1:])
