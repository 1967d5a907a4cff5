"""Output of a review, and checks for changes on disk before each save."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_artifact_review.core.atomic_files import beside, digest_of, keep_backup
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.log import LabelState
from napari_artifact_review.core.errors import SaveError
from napari_artifact_review.core.review.reviewed_table import ReviewedTable
from napari_artifact_review.core.review.table_differences import (
    Changes,
    Difference,
    compare_output,
    compare_table,
    count_of,
)
from napari_artifact_review.core.tables.predictions import Predictions
from napari_artifact_review.core.tables.table_formats import format_for

#: How to resolve a conflict: "theirs", "ours" or "beside" for an output that another
#: program changed; "read" for a changed predictions table, to write its cells as read.
OutputChoice = Literal["theirs", "ours", "beside", "read"]


class OutputChangedError(SaveError):
    """Error for an output that changed on disk; nothing was written.

    Parameters
    ----------
    path : Path
        The output.
    changes : Changes
        The changes.
    """

    def __init__(self, path: Path, changes: Changes) -> None:
        count = count_of(changes.differences)
        super().__init__(
            f"another program changed it ({count} from this review)",
            path=path,
            remedy="Nothing was overwritten; keep theirs, keep ours, or save a copy",
        )
        self.changes = changes


class TableChangedError(SaveError):
    """Error for a predictions table that changed on disk; nothing was written.

    Parameters
    ----------
    path : Path
        The predictions table.
    differences : list of Difference
        All differences, at least one.
    """

    def __init__(self, path: Path, differences: list[Difference]) -> None:
        super().__init__(
            "the table changed on disk after this review read it "
            f"({count_of(differences)})",
            path=path,
            remedy="Nothing was written; reopen the review with the table as "
            "it is now, or save its cells as they were read",
        )
        self.differences = differences


@dataclass(frozen=True)
class Saved:
    """The result of a save.

    Attributes
    ----------
    table : ReviewedTable
        The saved table.
    path : Path
        The written file, or the unchanged file of another program.
    backup : Path or None
        Copy of the previous file, if one was made.
    taken_over : dict of CutoutKey to LabelState, or None
        Labels of another program, if they were accepted and nothing was written.
    """

    table: ReviewedTable
    path: Path
    backup: Path | None = None
    taken_over: dict[CutoutKey, LabelState] | None = None


class Output:
    """The output file of a review; used from one thread at a time.

    Parameters
    ----------
    path : Path
        The file; it may not exist yet.
    written : iterable of str
        Digests of all files that this review has written.
    predictions : Predictions
        The table as read, which may be the same file.

    Raises
    ------
    SaveError
        If the file cannot be read.
    """

    def __init__(
        self, path: Path, written: Iterable[str], predictions: Predictions
    ) -> None:
        self.path = path
        self._written = set(written)
        self._written_now: set[str] = set()
        self._is_table = os.path.realpath(path) == os.path.realpath(predictions.path)
        self._found = predictions.file.digest if self._is_table else digest_of(path)
        self._table_check = _TableCheck(predictions)
        # Digest of the file in the last question to the user.
        self._asked: str | None = None

    @property
    def found_digest(self) -> str | None:
        """Digest of the file when the review was opened; None if it did not exist."""
        return self._found

    @property
    def is_foreign(self) -> bool:
        """Whether the output existed at opening and was not written by this review.

        False after this session has replaced it.
        """
        ours = self._found is None or self._found in self._written
        return not ours and not self._written_now

    def save(
        self,
        table: ReviewedTable,
        note: Callable[[str], None],
        keep: OutputChoice | None = None,
    ) -> Saved:
        """Write the reviewed table.

        A file of an earlier session or another program is saved as a dated backup.

        Parameters
        ----------
        table : ReviewedTable
            The table to write.
        note : callable
            Called with the digest of the new file before the old file is replaced, so
            that the next session recognises the file even after a crash.
        keep : "theirs", "ours", "beside" or "read", optional
            Resolution if another program changed the file: accept the file and write
            nothing, replace it, or write another file beside it. "read" writes the
            cells of the predictions table as read, even if the table changed.

        Raises
        ------
        TableChangedError
            If the predictions table changed and the user has not chosen yet.
        OutputChangedError
            If another program changed the file and `keep` is not given.
        SaveError
            If the file cannot be written; the old file is unchanged.
        """
        # If the table is the output, it is checked below.
        if keep != "theirs" and not self._is_table:
            self._table_check.run(accept=keep == "read")
        if keep == "beside":
            written = table.write(beside(self.path), lambda _: None)
            return Saved(table, written.path)
        if self._asked is not None and digest_of(self.path) != self._asked:
            # The file changed again after the user was asked.
            self._check(table)
        self._asked = None
        if keep == "theirs":
            changes = compare_output(self.path, table)
            if not changes.readable:
                raise OutputChangedError(self.path, changes)
            self._found = digest_of(self.path)
            return Saved(table, self.path, taken_over=changes.labels)
        return self._replace(table, note, check=keep in (None, "read"))

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
            # The old file still exists, so its copy is not needed.
            if backup is not None and digest_of(self.path) not in self._written_now:
                backup.unlink(missing_ok=True)
            raise
        return Saved(table, written.path, backup)

    def _check(self, table: ReviewedTable) -> None:
        digest = digest_of(self.path)
        if digest is None or digest == self._found or digest in self._written:
            return
        changes = compare_output(self.path, table)
        if changes.differences:
            self._asked = digest
            raise OutputChangedError(self.path, changes)


class _TableCheck:
    """A check before each save that the predictions table has not changed on disk."""

    def __init__(self, table: Predictions) -> None:
        self._table = table
        # Digests of the table in the last question to the user, and as accepted.
        self._asked: str | None = None
        self._accepted: str | None = None

    def run(self, accept: bool) -> None:
        """Raise `TableChangedError` for a change that the user has not accepted."""
        table = self._table
        try:
            digest = digest_of(table.path) or table.file.digest
        except SaveError as error:
            digest = error.what
        if digest in (table.file.digest, self._accepted):
            return
        if accept and self._asked in (None, digest):
            self._accepted = digest
            return
        self._asked = digest
        raise TableChangedError(table.path, compare_table(table))


def check_output(path: Path) -> None:
    """Check that a path is suitable for the output.

    Raises
    ------
    SaveError
        If the suffix is not that of a table format, the folder does not exist, or the
        path is not a file.
    """
    format_for(path)
    # Unlike `resolve`, this does not fail on circular links.
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise SaveError(
            "the folder does not exist",
            path=path.parent,
            remedy="Create it, or choose another",
        )
    if path.exists() and not path.is_file():
        raise SaveError("this is not a file", path=path, remedy="Choose another output")
