"""Read a predictions table, and check it for faults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.errors import (
    MappingNeededError,
    ReviewError,
    TableError,
)
from napari_artifact_review.core.grid import cutout_numbers, in_pixels
from napari_artifact_review.core.outcomes import (
    DEFAULT_THRESHOLD,
    LABEL_NAMES,
    VERDICTS,
)
from napari_artifact_review.core.tables.column_names import IDENTIFYING
from napari_artifact_review.core.tables.column_reader import ColumnReader
from napari_artifact_review.core.tables.mapping import (
    ORIGIN,
    Meaning,
    TableMapping,
    says_real,
)
from napari_artifact_review.core.tables.mapping_guess import guess_columns
from napari_artifact_review.core.tables.predictions import (
    REVIEW_TEXTS,
    Predictions,
    have_text,
    review_columns,
)
from napari_artifact_review.core.tables.table_file import TableFile
from napari_artifact_review.core.tables.table_formats import read_table_file
from napari_artifact_review.core.texts import counted

#: Finds the image names that mean the same file as an earlier name.
FindAliases = Callable[[Sequence[str]], Mapping[str, str]]

_AS_NAMED = TableMapping()


def _no_aliases(names: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG001
    return {}


@dataclass(frozen=True)
class Inspection:
    """The result of reading a predictions table, which may have faults.

    Attributes
    ----------
    predictions : Predictions or None
        The table; None if it has any fault.
    faults : tuple of TableError
        All faults, first those of the file, then of the columns, then of the cells.
    file : TableFile or None
        The table in its file format; None if the file cannot be read.
    cutouts : callable
        Function that returns a DataFrame with the columns `image_name`, `grid_x` and
        `grid_y`, indexed by row. Rows with an invalid image name are omitted, and
        invalid positions are NA. The DataFrame is empty if there are no rows.
    columns : mapping of str to str
        Name in the file of each column with a meaning.
    """

    predictions: Predictions | None
    faults: tuple[TableError, ...]
    file: TableFile | None
    cutouts: Callable[[], pd.DataFrame]
    columns: Mapping[str, str] = field(default_factory=dict)


def read_predictions(
    path: Path,
    mapping: TableMapping = _AS_NAMED,
    find_aliases: FindAliases = _no_aliases,
    optional: Collection[Meaning] = (),
) -> Predictions:
    """Read a predictions table.

    Parameters
    ----------
    path : Path
        Path of the file.
    mapping : TableMapping
        Meanings of the columns and values.
    find_aliases : callable
        Returns an earlier name for each of the image names that means the same file.
    optional : collection of str
        Columns that may be missing: label or preds. Missing labels equal the
        predictions, and missing predictions equal the labels.

    Raises
    ------
    MappingNeededError
        If the table has only faults that another mapping may resolve.
    TableError
        If the table has other faults. Each of these errors describes the first fault
        and gives the number of the others.
    """
    found = inspect_predictions(path, mapping, find_aliases, optional)
    if found.predictions is None:
        # Faults that no mapping resolves come first.
        faults = sorted(found.faults, key=lambda e: isinstance(e, MappingNeededError))
        first, others = faults[0], sum(fault.count for fault in faults[1:])
        if not others:
            raise first
        raise type(first)(
            f"{first.what} (and {counted(others, 'more fault')})",
            path=first.path,
            where=first.where,
            remedy=first.remedy,
        )
    return found.predictions


def read_again(table: Predictions, path: Path) -> Predictions:
    """Read a table with the mapping and the aliases of another table.

    Raises
    ------
    TableError
        If the table has faults.
    """
    return read_predictions(path, table.mapping, lambda _: table.aliases)


def inspect_predictions(
    path: Path,
    mapping: TableMapping = _AS_NAMED,
    find_aliases: FindAliases = _no_aliases,
    optional: Collection[Meaning] = (),
) -> Inspection:
    """Read a predictions table, and collect all its faults in the result.

    The parameters are those of `read_predictions`.
    """
    try:
        file = read_table_file(path, mapping.wanted())
    except TableError as error:
        return Inspection(None, (error,), None, pd.DataFrame)
    names = list(file.values.columns)
    try:
        columns = mapping.find_columns(names)
    except ReviewError as error:
        fault = MappingNeededError(error.what, path=path, remedy=error.remedy)
        return Inspection(None, (fault,), file, pd.DataFrame)
    columns |= review_columns(file.values)
    reader = _PredictionsReader(path, file, columns, mapping)
    reader.optional = frozenset(optional)
    return reader.inspect(find_aliases)


class _PredictionsReader(ColumnReader):
    """A reader of all the columns of a predictions table.

    Attributes
    ----------
    optional : frozenset of str
        Columns that may be missing; see `read_predictions`.
    """

    optional: frozenset[Meaning] = frozenset()

    def inspect(self, find_aliases: FindAliases) -> Inspection:
        """Read all columns, and return the table and its faults."""
        self._check_columns()
        if self.values.empty:
            if not self.faults:
                self.add_fault(
                    "the table has a header but no rows", "Choose another table"
                )
            return Inspection(None, tuple(self.faults), self.file, pd.DataFrame)
        predictions = self._read(find_aliases)
        sound = None if self.faults else predictions
        cutouts = partial(self._cutouts, predictions)
        return Inspection(sound, tuple(self.faults), self.file, cutouts, self.columns)

    def _read(self, find_aliases: FindAliases) -> Predictions:
        index, names, aliases = self._images(find_aliases)
        grid_x, grid_y = self._grid()
        self._find_repeated(index, grid_x, grid_y, names)
        label, preds, confidence = self._classes()
        label_new = self.labels("label_new", self.mapping.label_values, label)
        self._ask_for_classes()
        error_id = self._error_ids(label != preds)
        by, at, decision, kind, note = map(self.texts, REVIEW_TEXTS)
        decision = self._decisions(decision, (by, at), label_new)
        return Predictions(
            self.path, self.file, names, index, grid_x, grid_y, label, preds,
            confidence, error_id, label_new, by, at, decision, kind, note,
            self.mapping, self.columns, aliases,
        )  # fmt: skip

    def _classes(
        self,
    ) -> tuple[
        npt.NDArray[np.int8], npt.NDArray[np.int8], npt.NDArray[np.float64] | None
    ]:
        """Return labels, predictions and confidences.

        Labels or predictions that are optional and missing equal each other.
        """
        label = preds = confidence = None
        if "label" in self.values:
            label = self.labels("label", self.mapping.label_values)
        if "confidence" in self.values:
            confidence = self.probabilities("confidence")
        if "preds" in self.values:
            preds = self.labels("preds", self.mapping.values_of_preds)
        elif confidence is not None:
            preds = self._thresholded(confidence)
        if label is None:
            assert preds is not None, "checked in _check_columns"
            return preds.copy(), preds, confidence
        return label, label.copy() if preds is None else preds, confidence

    def _images(
        self, find_aliases: FindAliases
    ) -> tuple[npt.NDArray[np.int64], tuple[str, ...], Mapping[str, str]]:
        """Return the index of each row's image, the image names, and their aliases."""
        index, names = self.names("image_name")
        aliases = {a: n for a, n in find_aliases(names).items() if a in names}
        if not aliases:
            return index, names, aliases
        merged = pd.Index([aliases.get(name, name) for name in names])
        codes, first = pd.factorize(merged)
        return codes.astype(np.int64)[index], tuple(map(str, first)), aliases

    def _grid(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        grid_x, grid_y = (
            self.whole_numbers(name, "a whole number of pixels", "Correct that cell")
            for name in ("grid_x", "grid_y")
        )
        if self.mapping.stride is None or self.faults:
            return grid_x, grid_y
        try:
            return in_pixels(grid_x, grid_y, self.mapping.stride)
        except ValueError as error:
            self.add_fault(
                str(error),
                "Give the distance in pixels from one cutout to the next (--stride)",
                kind=MappingNeededError,
            )
            return grid_x, grid_y

    def _ask_for_classes(self) -> None:
        """Record a fault for each column in which 1 may mean a real source."""
        mapping = self.mapping
        remedy = "Say what the values mean, for example {} artifact=0,no artifact=1"
        for meaning, known, option in (
            ("label", mapping.label_values, "--label-values"),
            ("preds", mapping.values_of_preds, "--preds-values"),
        ):
            name = self.columns.get(meaning, "")
            if known is None and says_real(name):
                self.add_fault(
                    f"1 in the column {name} may mean a real source, which is the "
                    "opposite of an artifact",
                    remedy.format(option),
                    kind=MappingNeededError,
                )
        name = self.columns.get("confidence", "")
        if mapping.confidence_of is None and says_real(name):
            self.add_fault(
                f"the column {name} may be the probability of a real source, which is "
                "the opposite of an artifact",
                "Say which class it belongs to: --confidence-of artifact, or no "
                "artifact",
                kind=MappingNeededError,
            )

    def _cutouts(self, table: Predictions) -> pd.DataFrame:
        """Return the cutouts of a table that may have faults; see `Inspection`."""
        grid = {"grid_x": table.grid_x, "grid_y": table.grid_y}
        cutouts = pd.DataFrame(
            {
                name: pd.Series(pixels, dtype="Int64").where(self.are_sound(name))
                for name, pixels in grid.items()
            }
        )
        names = np.asarray(table.image_names, dtype=object)[table.image_index]
        cutouts.insert(0, "image_name", names)
        return cutouts[self.are_sound("image_name")]

    def _check_columns(self) -> None:
        columns = list(self.file.values.columns)
        repeated = sorted(
            {name for name in self.columns.values() if columns.count(name) > 1}
        )
        if repeated:
            self.add_fault(
                f"more than one column is named {', '.join(map(repr, repeated))}",
                "Rename or remove one of them",
            )
        for name in ("grid_x", "grid_y"):
            if name not in self.values and self.mapping.columns.get(name) == ORIGIN:
                self.values = self.values.assign(**{name: ORIGIN})
        needed = [name for name in IDENTIFYING if name not in self.optional]
        missing = [name for name in needed if name not in self.values]
        reported = list(missing)
        has_preds = "preds" in self.values or "confidence" in self.values
        is_labelled = "label" in (*missing, *self.values)
        if not has_preds and not ("preds" in self.optional and is_labelled):
            missing.append("preds")
            reported.append("preds (or confidence)")
        if not missing:
            return
        guess = {
            meaning: name
            for meaning, name in guess_columns(columns).items()
            if meaning not in self.values
        }
        example = ",".join(f"{meaning}={name}" for meaning, name in guess.items())
        self.add_fault(
            f"no column {', '.join(reported)}; {self.file.describe_unusable(missing)}"
            f"the columns are {', '.join(map(repr, columns))}",
            "Choose the table that has them, or say which columns these are"
            + (f", perhaps --columns {example}" if example else ""),
            kind=MappingNeededError,
        )
        # Fill missing columns with valid values, so that not every row is reported.
        self.values = self.values.assign(**dict.fromkeys(missing, "0"))
        for name in missing:
            self.at_fault[name][:] = True

    def _thresholded(self, confidence: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
        self.add_common_fault(
            np.flatnonzero(np.isnan(confidence)),
            "confidence",
            "no confidence, and there is no column preds",
            "Give each row a confidence, or the table a column preds",
        )
        return (confidence >= DEFAULT_THRESHOLD).astype(np.int8)

    def _error_ids(self, is_error: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        if "error_id" not in self.values:
            return np.where(is_error, np.cumsum(is_error), 0)
        ids = self.whole_numbers(
            "error_id",
            "a whole number",
            "Number the errors from 1, or leave the column out",
            empty=0,
        )
        by = "preds" if "preds" in self.values else "confidence"
        numbered = is_error & self.are_sound("label", by, "error_id")
        remedy = "Give each error its own number from 1, or leave the column out"
        self.add_common_fault(
            np.flatnonzero(numbered & (ids <= 0)),
            "error_id",
            "the error has no error_id",
            remedy,
        )
        again, firsts = self.repeats(numbered & (ids > 0), id=ids)
        self.add_cell_faults(
            again,
            "error_id",
            lambda row: (f"{ids[row]} is already used in {firsts(row)}", remedy),
        )
        ids[~is_error] = 0
        return ids

    def _find_repeated(
        self,
        index: npt.NDArray[np.int64],
        grid_x: npt.NDArray[np.int64],
        grid_y: npt.NDArray[np.int64],
        names: tuple[str, ...],
    ) -> None:
        sound = self.are_sound("image_name", "grid_x", "grid_y")
        numbers = cutout_numbers(index, grid_x, grid_y)
        if numbers is not None and np.diff(np.sort(numbers, kind="stable")).all():
            return
        again, firsts = self.repeats(sound, image=index, x=grid_x, y=grid_y)
        texts = self.values["image_name"]

        def describe(row: int) -> tuple[str, str]:
            written, name = str(texts.iloc[row]), names[index[row]]
            also = "" if written == name else f", which is the same file as {name}"
            what = (
                f"the cutout {written} ({grid_x[row]}, {grid_y[row]}) is already in "
                f"{firsts(row)}{also}"
            )
            return what, "Keep one row for each cutout"

        self.add_cell_faults(again, "image_name", describe)

    def _decisions(
        self,
        texts: npt.NDArray[np.object_] | None,
        reviews: Iterable[npt.NDArray[np.object_] | None],
        label_new: npt.NDArray[np.int8],
    ) -> npt.NDArray[np.object_] | None:
        """Check the verdicts; derive them from the labels if the column is missing."""
        if texts is None:
            reviewed = have_text(reviews, len(label_new))
            # Early versions of the program had neither this column nor "unsure".
            names = np.array(LABEL_NAMES, dtype=object)[label_new]
            return np.where(reviewed, names, "") if reviewed.any() else None
        remedy = (
            f"Write {', '.join(VERDICTS)} or nothing, or rename the column if it is "
            "another one"
        )
        self.add_cell_faults(
            np.flatnonzero(~np.isin(texts, ["", *VERDICTS])),
            "decision",
            lambda row: (f"{texts[row]!r} is no decision", remedy),
        )
        return texts
