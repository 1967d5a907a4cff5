"""Output of a review, with checks for changes on disk before each save."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_artifact_review.core.atomic_files import beside, digest_of, keep_backup
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.errors import EncodingError, SaveError
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

#: Resolution of a conflict. If another program changed the output: accept the file
#: ("theirs"), replace it ("ours"), or write a second file ("beside"). If the
#: predictions table changed: write its cells as they were read ("read").
OutputChoice = Literal["theirs", "ours", "beside", "read"]


class OutputChangedError(SaveError):
    """Error raised if another program changed the output; nothing was written.

    Parameters
    ----------
    path : Path
        Path of the output.
    changes : Changes
        Differences between the output and this review.
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
    """Error raised if the predictions table changed on disk; nothing was written.

    Parameters
    ----------
    path : Path
        Path of the predictions table.
    differences : list of Difference
        All differences from the table as read; at least one.
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
        Path of the written file, or of the accepted file of another program.
    backup : Path or None
        Path of the backup of the previous file; None if there is no backup.
    taken_over : dict of CutoutKey to LabelState, or None
        Label states in the file of another program, if the user accepted that file and
        nothing was written; otherwise None.
    reason : str
        Reason why `export` wrote a dated file instead of the output, as a phrase; empty
        otherwise.
    spreadsheet : Path or None
        Path of the copy for spreadsheet programs; None if no copy was written.
    spreadsheet_error : SaveError or None
        Error if the copy for spreadsheet programs could not be written.
    """

    table: ReviewedTable
    path: Path
    backup: Path | None = None
    taken_over: dict[CutoutKey, LabelState] | None = None
    reason: str = ""
    spreadsheet: Path | None = None
    spreadsheet_error: SaveError | None = None


class Output:
    """The output file of a review, used from one thread at a time.

    Parameters
    ----------
    path : Path
        Path of the file, which may not exist yet.
    written : iterable of str
        SHA-256 digests of all files that this review has written.
    predictions : Predictions
        The predictions table as read; it may be the same file as the output.

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
        # Digest of the changed file about which the user was last asked.
        self._asked: str | None = None

    @property
    def found_digest(self) -> str | None:
        """SHA-256 of the file when the review was opened; None if there was no file."""
        return self._found

    @property
    def is_foreign(self) -> bool:
        """Whether the file found at opening is from another program or review.

        The value is False after this session has replaced the file.
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

        A file from an earlier session or another program is first backed up under a
        dated name.

        Parameters
        ----------
        table : ReviewedTable
            The table to write.
        note : callable
            Called with the digest of the new file before the old file is replaced, so
            that the next session recognises the file even after a crash.
        keep : "theirs", "ours", "beside" or "read", optional
            Resolution if another program changed the file: "theirs" accepts the file
            and writes nothing, "ours" replaces the file, and "beside" writes another
            file with a dated name. "read" writes the cells of the predictions table as
            they were read, even if the table changed on disk.

        Raises
        ------
        TableChangedError
            If the predictions table changed on disk and the user has not accepted this.
        OutputChangedError
            If another program changed the file and `keep` does not resolve this, or if
            the file changed again after the user was asked.
        EncodingError
            If the encoding of the table lacks a character; nothing was written.
        SaveError
            If the file cannot be written; the old file is unchanged.
        """
        # If the table is also the output, the check of the output below is sufficient.
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

    def export(self, table: ReviewedTable, note: Callable[[str], None]) -> Saved:
        """Write the reviewed table without asking the user.

        If `save` would need a choice, write a dated file in the same folder instead.
        The result contains the reason: the predictions or the output changed on disk,
        the output is not a file of this review, or the encoding lacks a character.

        Parameters
        ----------
        table : ReviewedTable
            The table to write.
        note : callable
            Called with the digest of the new file before the old file is replaced.

        Raises
        ------
        SaveError
            If the file cannot be written.
        """
        if self.is_foreign and not self._is_table:
            return self._copy(table, "it is not a file of this review")
        asked = self._asked
        try:
            return self.save(table, note)
        except EncodingError as error:
            return self._copy(table.as_utf8(), error.what)
        except (OutputChangedError, TableChangedError) as error:
            # The user has not seen these differences.
            self._asked = asked
            return self._copy(table, error.what)

    def _copy(self, table: ReviewedTable, reason: str) -> Saved:
        try:
            written = table.write(beside(self.path), lambda _: None)
        except EncodingError:
            written = table.as_utf8().write(beside(self.path), lambda _: None)
        return Saved(table, written.path, reason=reason)

    def _replace(
        self, table: ReviewedTable, note: Callable[[str], None], check: bool
    ) -> Saved:
        backup = None

        def about_to_replace(digest: str) -> None:
            nonlocal backup
            if check:
                self._check(table)
            # A file with the same bytes is not lost.
            if digest_of(self.path) not in (digest, *self._written_now):
                backup = keep_backup(self.path)
            note(digest)
            self._written |= {digest}
            self._written_now |= {digest}

        try:
            written = table.write(self.path, about_to_replace)
        except SaveError:
            # The old file still exists, so its backup is not needed.
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
    """A check for changes of the predictions table on disk, made before each save."""

    def __init__(self, table: Predictions) -> None:
        self._table = table
        # Digest of the table about which the user was last asked, and digest of the
        # table that the user accepted.
        self._asked: str | None = None
        self._accepted: str | None = None

    def run(self, accept: bool) -> None:
        """Raise `TableChangedError` for a change that the user has not accepted.

        If `accept` is True, accept the change about which the user was last asked.
        """
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
    """Check that the output can be written to a path.

    Raises
    ------
    SaveError
        If the suffix is not that of a table format, the folder does not exist, or the
        path exists and is not a file.
    """
    format_for(path)
    # Unlike `Path.resolve`, `realpath` does not fail on circular links.
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise SaveError(
            "the folder does not exist",
            path=path.parent,
            remedy="Create it, or choose another",
        )
    if path.exists() and not path.is_file():
        raise SaveError("this is not a file", path=path, remedy="Choose another output")
