"""The output: where a review is saved, and whether somebody else changed it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import Standing
from napari_artifact_review.core.errors import SaveError, TableError
from napari_artifact_review.core.predictions import (
    REVIEW_TEXTS,
    Predictions,
    read_predictions,
)
from napari_artifact_review.core.reviewed import ReviewedTable
from napari_artifact_review.core.saving import beside, digest_of, keep_backup
from napari_artifact_review.core.tablefiles import format_for

#: Whose output is kept where somebody else changed it.
OutputChoice = Literal["theirs", "ours", "beside"]

#: Cells that are compared by their meaning, not by their spelling.
_REVIEW = ["label_new", *REVIEW_TEXTS]

#: Those of them that say what was decided, not by whom.
_SAID = ("label_new", "decision", "kind", "note")


@dataclass(frozen=True)
class Difference:
    """A place where the output on disk is not what the review would write.

    Attributes
    ----------
    where : str
        The cutout and column, or what else differs.
    theirs, ours : str
        What stands on disk, and what the review would write.
    """

    where: str
    theirs: str
    ours: str


@dataclass(frozen=True)
class Changes:
    """What somebody else did to the output.

    Attributes
    ----------
    differences : list of Difference
        All of them; empty if the file only looks different.
    labels : dict of CutoutKey to Standing
        What the file says of the cutouts about which it says something else.
    readable : bool
        Whether the file is a table at all.
    """

    differences: list[Difference]
    labels: dict[CutoutKey, Standing]
    readable: bool = True


class OutputChangedError(SaveError):
    """The output changed on disk, and nothing was written.

    Parameters
    ----------
    path : Path
        The output.
    changes : Changes
        What differs.
    """

    def __init__(self, path: Path, changes: Changes) -> None:
        count = len(changes.differences)
        super().__init__(
            f"somebody else changed it ({count} "
            f"{'difference' if count == 1 else 'differences'} to this review)",
            path=path,
            remedy="Nothing was overwritten; choose: keep theirs, keep ours, or save "
            "beside it",
        )
        self.changes = changes


@dataclass(frozen=True)
class Saved:
    """What came of a save.

    Attributes
    ----------
    table : ReviewedTable
        What was to be written.
    path : Path
        Where it is, or what was kept.
    backup : Path or None
        The copy of what was there before, if one was made.
    taken_over : dict of CutoutKey to Standing, or None
        The labels that are theirs, if nothing was written for their sake.
    """

    table: ReviewedTable
    path: Path
    backup: Path | None = None
    taken_over: dict[CutoutKey, Standing] | None = None


class Output:
    """The file that a review is saved to; used from any one thread at a time.

    Parameters
    ----------
    path : Path
        The file, which need not be there yet.
    written : iterable of str
        Digests of all that this review ever wrote.

    Raises
    ------
    SaveError
        If the file cannot be read.
    """

    def __init__(self, path: Path, written: Iterable[str]) -> None:
        self.path = path
        self._written = set(written)
        self._written_now: set[str] = set()
        self._found = digest_of(path)
        # Of the file that the user was last asked about.
        self._asked: str | None = None

    @property
    def found_digest(self) -> str | None:
        """Digest of the file when the review was opened; None if there was none."""
        return self._found

    @property
    def is_strange(self) -> bool:
        """Whether what this review did not write was there at opening, and still is."""
        ours = self._found is None or self._found in self._written
        return not ours and not self._written_now

    def save(
        self,
        table: ReviewedTable,
        note: Callable[[str], None],
        keep: OutputChoice | None = None,
    ) -> Saved:
        """Write the reviewed table.

        What an earlier session, or anybody else, left there is kept as a dated backup.

        Parameters
        ----------
        table : ReviewedTable
            What to write.
        note : callable
            Is given the digest of the new file before it takes its place, so that
            it is known again if the program ends there.
        keep : "theirs", "ours" or "beside", optional
            What to do about a file that somebody else changed: accept it and write
            nothing, replace it all the same, or write beside it.

        Raises
        ------
        OutputChangedError
            If the file is neither as this review wrote nor as it found it, and `keep`
            says nothing.
        SaveError
            If it cannot be written; what was there is untouched.
        """
        if keep == "beside":
            written = table.write(beside(self.path), lambda _: None)
            return Saved(table, written.path)
        if self._asked is not None and digest_of(self.path) != self._asked:
            # What the user chose about is not what is there now.
            self._check(table)
        self._asked = None
        if keep == "theirs":
            changes = _compare(self.path, table)
            if not changes.readable:
                raise OutputChangedError(self.path, changes)
            self._found = digest_of(self.path)
            return Saved(table, self.path, taken_over=changes.labels)
        return self._replace(table, note, check=keep is None)

    def _replace(
        self, table: ReviewedTable, note: Callable[[str], None], check: bool
    ) -> Saved:
        backup = None

        def about_to_replace(digest: str) -> None:
            nonlocal backup
            if check:
                self._check(table)
            if digest_of(self.path) not in self._written_now:
                backup = keep_backup(self.path)
            note(digest)
            self._written |= {digest}
            self._written_now |= {digest}

        try:
            written = table.write(self.path, about_to_replace)
        except SaveError:
            # What it is a copy of is still there.
            if backup is not None and digest_of(self.path) not in self._written_now:
                backup.unlink(missing_ok=True)
            raise
        return Saved(table, written.path, backup)

    def _check(self, table: ReviewedTable) -> None:
        digest = digest_of(self.path)
        if digest is None or digest == self._found or digest in self._written:
            return
        changes = _compare(self.path, table)
        if changes.differences:
            self._asked = digest
            raise OutputChangedError(self.path, changes)


def check_output(path: Path) -> None:
    """Refuse an output before anybody works for it.

    Raises
    ------
    SaveError
        If its suffix names no table format, its folder is not there, or it is no
        file.
    """
    format_for(path)
    # Unlike `resolve`, this does not fail at links that go in a circle.
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise SaveError(
            "the folder is not there",
            path=path.parent,
            remedy="Make it, or name another",
        )
    if path.exists() and not path.is_file():
        raise SaveError("this is no file", path=path, remedy="Name another output")


def _compare(path: Path, table: ReviewedTable) -> Changes:
    """Compare the file at `path` with a reviewed table, cutout by cutout.

    Where the file shows what this review wrote or read before its last decision,
    nobody else changed anything.
    """
    ours = table.predictions
    try:
        theirs = read_predictions(path)
    except TableError as error:
        what = error.what if error.where is None else f"{error.where}: {error.what}"
        return Changes([Difference("the file", what, "a sound table")], {}, False)
    mine, other = _cutouts(ours), _cutouts(theirs)
    found = other.get_indexer(mine)
    differences = [
        Difference(_name(key), "no such row", "a row") for key in mine[found < 0]
    ] + [
        Difference(_name(key), "a row", "no such row")
        for key in other[mine.get_indexer(other) < 0]
    ]
    here = np.flatnonzero(found >= 0)
    there = found[here]
    if (np.diff(there) < 0).any():
        words = ("another one", "that of the predictions")
        differences.append(Difference("the order of the rows", *words))
    left = _cells(table, table.as_written(path)).iloc[here]
    right = _cells(_as_read(theirs), theirs.file.values).iloc[there]
    for column in left.columns.symmetric_difference(right.columns):
        words = ("a column", "no such column")
        differences.append(
            Difference(f"column {column}", *words[:: 1 if column in right else -1])
        )
    only_older = np.array(
        [
            table.shown.get(row) == standing
            for row, standing in zip(here.tolist(), _standings(right), strict=True)
        ],
        dtype=bool,
    )
    labels = {}
    for column in left.columns.intersection(right.columns):
        a, b = left[column].to_numpy(object), right[column].to_numpy(object)
        differs = (a != b) & ~(only_older & (column in _REVIEW))
        for at in np.flatnonzero(differs).tolist():
            key = mine[here[at]]
            place = f"{_name(key)}, {column}"
            differences.append(Difference(place, str(b[at]), str(a[at])))
            if column in _SAID:
                labels[_key(key)] = _standings(right.iloc[[at]])[0]
    return Changes(differences, labels)


def _cutouts(table: Predictions) -> pd.MultiIndex:
    names = pd.Index(table.image_names, dtype=object).take(table.image_index)
    return pd.MultiIndex.from_arrays([names, table.grid_x, table.grid_y])


def _key(cutout: tuple[str, int, int]) -> CutoutKey:
    return CutoutKey(cutout[0], int(cutout[1]), int(cutout[2]))


def _name(cutout: tuple[str, int, int]) -> str:
    return f"{cutout[0]} ({cutout[1]}, {cutout[2]})"


def _as_read(table: Predictions) -> ReviewedTable:
    return ReviewedTable(table, table.label_new, {}, {})


def _cells(table: ReviewedTable, values: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table as objects that can be compared."""
    texts = {}
    for name in REVIEW_TEXTS:
        read = getattr(table.predictions, name)
        texts[name] = (
            np.full(len(values), "", dtype=object) if read is None else read.copy()
        )
        for row, standing in table.reviews.items():
            texts[name][row] = getattr(standing, name)
    return values.astype("str").fillna("").assign(label_new=table.label_new, **texts)


def _standings(cells: pd.DataFrame) -> list[Standing]:
    rows = cells[_REVIEW].itertuples(index=False)
    return [
        Standing(int(label), *map(str, texts)).spelt_out() for label, *texts in rows
    ]
