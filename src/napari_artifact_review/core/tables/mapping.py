"""Mapping of a table's columns and values to their meanings in a review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple, Self, get_args

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.tables.column_names import (
    IDENTIFYING,
    find_column,
    fold_name,
)

Meaning = Literal[
    "image_name", "grid_x", "grid_y", "label", "preds", "confidence", "error_id"
]
ConfidenceScale = Literal["probability", "percent", "logit"]
LabelName = Literal["artifact", "no artifact"]

#: Meanings that a column of the table can have for a review.
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
SCALES: tuple[ConfidenceScale, ...] = get_args(ConfidenceScale)
LABEL_CLASSES: tuple[LabelName, ...] = get_args(LabelName)

#: Meanings that a table need not have a column for.
OPTIONAL: tuple[Meaning, ...] = ("preds", "confidence", "error_id")

#: Name for an optional meaning, if the column with the name of the meaning has another.
NO_COLUMN = ""

#: Value of `grid_x` and `grid_y` for tables in which each image is one cutout.
ORIGIN = "0"

_LABELS = {"0": 0, "1": 1, "false": 0, "true": 1}

#: Pattern of a number. It excludes notations that only Python reads, such as 1_000.
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

#: Names such as is_real, rb and drb (the real-bogus scores of ZTF), and p_real.
_REAL = re.compile(r"(?:^|_)(?:real|rb|drb|realbogus|braai|good)(?:_|\d|$)")


class LabelValues(NamedTuple):
    """Values of a column that mean an artifact, and values that mean none.

    A value is compared as a string, ignoring case and surrounding spaces, and as a
    number.

    Attributes
    ----------
    artifact, no_artifact : tuple of str
        The values of each class; at least one each.
    """

    artifact: tuple[str, ...]
    no_artifact: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, str | int | Sequence[str | int]]) -> Self:
        """Create label values from a mapping with "artifact" and "no artifact".

        Raises
        ------
        ReviewError
            If a class is missing or unknown, or a value belongs to both classes.
        """
        if set(values) != set(LABEL_CLASSES):
            raise ReviewError(
                "label values need the two names artifact and no artifact, not "
                f"{', '.join(map(repr, values)) or 'none'}",
                remedy="Write, for example, artifact=bogus,no artifact=real",
            )
        classes = []
        for name in LABEL_CLASSES:
            given = values[name]
            several = [given] if isinstance(given, str | int) else given
            texts = tuple(dict.fromkeys(str(value).strip() for value in several))
            if not all(texts) or not texts:
                raise ReviewError(
                    f"the label values of {name} are empty",
                    remedy="Name the value in the table that means this class",
                )
            classes.append(texts)
        found = cls(*classes)
        for value in found.no_artifact:
            if any(_is_same(value, other) for other in found.artifact):
                raise ReviewError(
                    f"the label value {value!r} belongs to both classes",
                    remedy="Name it for one class only",
                )
        return found

    def label_of(self, value: str) -> int | None:
        """Return 1 for an artifact, 0 for none, and None for an unknown value."""
        for label, values in ((1, self.artifact), (0, self.no_artifact)):
            if any(_is_same(value, other) for other in values):
                return label
        return None

    @property
    def text(self) -> str:
        """The values in the notation of the command line."""
        artifact, no_artifact = ("|".join(values) for values in self)
        return f"artifact={artifact},no artifact={no_artifact}"


@dataclass(frozen=True)
class TableMapping:
    """Meanings of the columns and values in a predictions table.

    By default, the columns have the names of their meanings, labels are 0 and 1, and
    the confidence is the probability of an artifact.

    Parameters
    ----------
    columns : mapping of str to str
        Name of the column for each meaning of `MEANINGS`, if the name differs. `ORIGIN`
        for `grid_x` and `grid_y` means that each image is one cutout. `NO_COLUMN` means
        that no column has the meaning; this is allowed for `OPTIONAL` meanings.
    label_values : LabelValues or mapping, optional
        Values of the columns `label` and `label_new`; see `LabelValues.of`.
    preds_values : LabelValues or mapping, optional
        Values of the column `preds`; by default `label_values`.
    confidence_scale : "probability", "percent" or "logit"
        Scale of the confidence. A logit is the natural logarithm of the odds.
    confidence_of : "artifact" or "no artifact", optional
        Class whose probability the confidence is; by default the artifact.
    decimal : "." or ","
        Decimal separator of numbers.
    stride : int, optional
        Distance in pixels from one cutout to the next. If the table counts tiles, their
        numbers are multiplied by this distance.

    Raises
    ------
    ReviewError
        If a meaning, a scale or another value is unknown.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    label_values: LabelValues | None = None
    preds_values: LabelValues | None = None
    confidence_scale: ConfidenceScale = "probability"
    confidence_of: LabelName | None = None
    decimal: Literal[".", ","] = "."
    stride: int | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.columns if name not in MEANINGS]
        if unknown:
            raise ReviewError(
                f"no meaning of a column is named {', '.join(map(repr, unknown))}",
                remedy=f"The meanings are {', '.join(MEANINGS)}",
            )
        for name, column in self.columns.items():
            if column == NO_COLUMN and name not in OPTIONAL:
                raise ReviewError(f"a table needs a column for {name}")
        for name in ("label_values", "preds_values"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, LabelValues):
                object.__setattr__(self, name, LabelValues.of(given))
        object.__setattr__(self, "columns", dict(self.columns))
        for name, choices in (
            ("confidence_scale", SCALES),
            ("confidence_of", (None, *LABEL_CLASSES)),
            ("decimal", (".", ",")),
        ):
            if getattr(self, name) not in choices:
                raise ReviewError(
                    f"{name} is {getattr(self, name)!r}",
                    remedy=f"Choose one of {', '.join(map(repr, choices))}",
                )
        if self.stride is not None and self.stride < 1:
            raise ReviewError(
                f"a stride is a whole number of pixels from 1, not {self.stride}"
            )

    @property
    def values_of_preds(self) -> LabelValues | None:
        """Values of the column `preds`; None for 0 and 1."""
        return self.preds_values or self.label_values

    def find_columns(self, names: Sequence[str]) -> dict[str, str]:
        """Return the name of the column for each meaning that the table has.

        Parameters
        ----------
        names : sequence of str
            Names of the table's columns.

        Raises
        ------
        ReviewError
            If a column of the mapping does not exist.
        """
        found = {}
        for meaning, name in self.columns.items():
            if name == NO_COLUMN:
                continue
            column = find_column(name, names)
            if column is not None:
                found[meaning] = column
            elif not (meaning in ("grid_x", "grid_y") and name == ORIGIN):
                raise ReviewError(
                    f"no column {name}, which is mapped to {meaning}; the columns are "
                    f"{', '.join(map(repr, names))}",
                    remedy="Choose one of these columns",
                )
        for meaning in MEANINGS:
            column = find_column(meaning, names)
            if (
                meaning not in self.columns
                and column is not None
                and column not in found.values()
            ):
                found[meaning] = column
        return found

    def wanted(self) -> tuple[str, ...]:
        """Return the column names by which the table is recognised in a file."""
        names = dict.fromkeys(IDENTIFYING, "") | dict(self.columns)
        return tuple(names[meaning] or meaning for meaning in names)

    def keeps(self, meaning: str) -> bool:
        """Return whether the cells of a column are read without a change."""
        if meaning in ("grid_x", "grid_y"):
            return self.stride is None and self.decimal == "."
        if meaning in ("label", "label_new"):
            return self.label_values is None
        if meaning == "preds":
            return self.values_of_preds is None
        plain = self.confidence_scale == "probability" and self.decimal == "."
        return plain and self.confidence_of != "no artifact"

    def as_options(self) -> tuple[str, ...]:
        """Return the mapping as options of a command and their values.

        Defaults are left out.
        """
        values = {
            "--columns": ",".join(f"{m}={name}" for m, name in self.columns.items()),
            "--label-values": self.label_values and self.label_values.text,
            "--preds-values": self.preds_values and self.preds_values.text,
            "--confidence-scale": self.confidence_scale,
            "--confidence-of": self.confidence_of,
            "--decimal": self.decimal,
            "--stride": self.stride,
        }
        defaults = (None, "", "probability", ".")
        return tuple(
            word
            for option, value in values.items()
            if value not in defaults
            for word in (option, str(value))
        )

    def as_json(self) -> dict[str, Any]:
        """Return the mapping as plain JSON, which `from_json` can read."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("label_values", "preds_values"):
            if values[name] is not None:
                artifact, no_artifact = map(list, values[name])
                values[name] = {"artifact": artifact, "no artifact": no_artifact}
        return values

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Create a mapping from stored JSON.

        Raises
        ------
        TypeError, ValueError
            If the JSON does not describe a mapping.
        """
        if not isinstance(values, dict):
            raise TypeError(values)
        columns, stride = values.get("columns", {}), values.get("stride")
        if not isinstance(columns, dict) or not isinstance(stride, int | None):
            raise TypeError(values)
        if not all(isinstance(name, str) for name in columns.values()):
            raise TypeError(columns)
        try:
            return cls(**values)
        except ReviewError as error:
            raise ValueError(str(error)) from error


def parse_columns(texts: Iterable[str]) -> dict[str, str]:
    """Parse columns such as "image_name=filename,grid_x=x" from the command line.

    Raises
    ------
    ReviewError
        If a part is not a meaning with the name of a column, or a meaning is repeated.
    """
    names = "|".join(MEANINGS)
    columns: dict[str, str] = {}
    for text in texts:
        # A name may contain commas, so only commas before a meaning separate.
        for part in re.split(rf",\s*(?=(?:{names})\s*=)", text):
            meaning, equals, name = part.partition("=")
            meaning = meaning.strip()
            is_named = bool(name.strip()) or meaning in OPTIONAL
            if not equals or meaning not in MEANINGS or not is_named:
                raise ReviewError(
                    f"{part!r} is not a meaning and the name of a column",
                    remedy="Write, for example, image_name=filename,grid_x=x; the "
                    f"meanings are {', '.join(MEANINGS)}",
                )
            if meaning in columns:
                raise ReviewError(
                    f"{meaning} is named twice: {columns[meaning]!r} and "
                    f"{name.strip()!r}",
                    remedy="Name one column for it",
                )
            columns[meaning] = name.strip()
    return columns


def parse_label_values(text: str) -> LabelValues:
    """Parse values such as "artifact=bogus|ghost,no artifact=real".

    Raises
    ------
    ReviewError
        If the text is not in this notation.
    """
    parts = re.split(r",\s*(?=(?:no )?artifact\s*=)", text)
    pairs = [part.partition("=")[::2] for part in parts]
    return LabelValues.of({name.strip(): value.split("|") for name, value in pairs})


def label_of(value: str, values: LabelValues | None) -> int | None:
    """Return the label of a value: 1 artifact, 0 none, None if it is unknown.

    Without `values`, the labels are false, true, and any notation of the numbers 0 and
    1, such as 1.0 and 1e0.
    """
    if values is not None:
        return values.label_of(value)
    text = value.strip().casefold()
    if text not in _LABELS and re.fullmatch(NUMBER, text):
        with suppress(InvalidOperation):
            number = Decimal(text)
            return int(number) if number in (0, 1) else None
    return _LABELS.get(text)


def says_real(name: str) -> bool:
    """Return whether a column name suggests that 1 means a real source.

    In sets of real and bogus detections, 1 often means real, which is the opposite of
    an artifact.
    """
    return _REAL.search(fold_name(name)) is not None


def _is_same(value: str, other: str) -> bool:
    value, other = value.strip().casefold(), other.strip().casefold()
    if value == other:
        return True
    try:
        return float(value) == float(other)
    except ValueError:
        return False
