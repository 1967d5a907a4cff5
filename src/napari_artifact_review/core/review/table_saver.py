"""Save the reviewed table in three steps: prepare, write, finish."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from psygnal import Signal

from napari_artifact_review.core.decisions.schema import SaveRecord
from napari_artifact_review.core.errors import HeldError, SaveError, StoreError
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.output import Output, OutputChoice, Saved
from napari_artifact_review.core.review.position import DatedCopy, Position
from napari_artifact_review.core.review.reviewed_table import (
    OutputEncoding,
    ReviewedTable,
)
from napari_artifact_review.core.review.spreadsheet import (
    spreadsheet_path,
    write_spreadsheet,
)

#: Function that writes a table. It calls its second argument with the digest of the new
#: file before the old file is replaced.
_Write: TypeAlias = Callable[[ReviewedTable, Callable[[str], None]], Saved]


class TableSaver:
    """A saver that splits saving into three steps, so that a window need not wait.

    Call `prepare` and `finish` on the session's thread. Run the job that `prepare`
    returns on any thread. `ReviewSession.save` does all three steps.

    Parameters
    ----------
    catalog : Catalog
        The cutouts with their labels.
    output : Output
        File for the reviewed table.
    log : OpenLog
        Log of the review.
    position : Position
        Position of the review at opening.

    Attributes
    ----------
    saved : Signal
        Emitted with the path of the file at the end of a save.
    dated_copy : DatedCopy or None
        File that was written instead of the output since the last save. Its reason is
        empty if the user chose the dated file.
    encoding : "utf-8" or None
        Encoding that the user chose for the output.
    """

    saved = Signal(object)

    def __init__(
        self, catalog: Catalog, output: Output, log: OpenLog, position: Position
    ) -> None:
        self._catalog = catalog
        self._output = output
        self._log = log
        self.dated_copy = position.dated_copy
        self.encoding: OutputEncoding = position.encoding
        self._numbers_at_opening = log.journal.last_numbers
        # A written table that has not been passed to `finish`.
        self._unfinished: Saved | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices for the reviewer about a dated file."""
        if self.dated_copy is None or not self.dated_copy.reason:
            return ()
        name, copy = self._output.path.name, self.dated_copy
        return (
            f"{name} was not written: {copy.reason}. The verdicts were exported to "
            f"{copy.path} instead.",
        )

    def prepare(
        self,
        keep: OutputChoice | None = None,
        *,
        encoding: OutputEncoding = None,
        spreadsheet: bool = False,
    ) -> Callable[[], Saved]:
        """Return a job that writes a snapshot of the current labels.

        Pass the result of the job to `finish`. See `ReviewSession.save` for the
        parameters (`spreadsheet` is its `spreadsheet_safe`), and for the errors of
        this method and of the job.
        """
        if encoding not in (None, "utf-8"):
            raise ValueError(f"an output is in UTF-8 or as its table, not {encoding!r}")
        self._check()
        self.encoding = encoding or self.encoding
        return self._job(
            lambda table, note: self._output.save(table, note, keep), spreadsheet
        )

    def prepare_export(
        self, *, spreadsheet: bool = False
    ) -> Callable[[], Saved] | None:
        """Return a job that writes a snapshot of the labels without asking the user.

        If a save would need a choice, the job writes a dated file. Return None if the
        review is read-only, if the output or a dated file already has every decision,
        or if there are disagreements and no new entries.

        Raises
        ------
        SaveError
            If there are disagreements and new entries; see `ReviewSession.settle`.
        """
        journal, labels = self._log.journal, self._catalog.labels
        if self._unfinished is not None:
            # A window that was closed during a save does not call `finish`.
            labels.mark_saved(self._unfinished.table.decisions)
        copied = None if self.dated_copy is None else self.dated_copy.last_numbers
        is_held = isinstance(journal.problem, HeldError)
        if is_held or not labels.unsaved or copied == journal.last_numbers:
            return None
        if journal.disagreements and journal.last_numbers == self._numbers_at_opening:
            # Nothing was decided, so the next session can ask the reviewer again.
            return None
        self._check()
        return self._job(self._output.export, spreadsheet)

    def finish(self, saved: Saved, *, wait: bool | float = True) -> None:
        """Mark the written decisions as saved, or adopt the accepted labels.

        Parameters
        ----------
        saved : Saved
            Result of the job.
        wait : bool or float
            True: return when adopted labels are on disk. False: do not wait. A number:
            longest wait in seconds.
        """
        self._unfinished = None
        self.set_dated_copy(saved)
        if saved.taken_over is not None:
            self._log.await_earlier(wait)
            self._log.await_answer(self._log.journal.adopt(saved.taken_over), wait)
        elif saved.path == self._output.path:
            self._catalog.labels.mark_saved(saved.table.decisions)
        self.saved.emit(saved.path)

    def set_dated_copy(self, saved: Saved) -> None:
        """Set `dated_copy` to the written file; None if that file is the output."""
        copy = DatedCopy(str(saved.path), saved.reason, saved.table.last_numbers)
        self.dated_copy = None if saved.path == self._output.path else copy

    def _check(self) -> None:
        """Raise an error if the table must not be written now."""
        journal = self._log.journal
        if isinstance(journal.problem, HeldError):
            raise journal.problem.without_traceback()
        if journal.disagreements:
            count = len(journal.disagreements)
            raise SaveError(
                f"the table and the recorded verdicts differ in {count} "
                f"{'label' if count == 1 else 'labels'}",
                path=self._output.path,
                remedy="Choose first which labels to keep",
            )

    def _job(self, write: _Write, spreadsheet: bool) -> Callable[[], Saved]:
        """Return a job that calls `write` with a snapshot of the current labels."""
        journal, labels = self._log.journal, self._catalog.labels
        table = ReviewedTable(
            self._catalog.predictions,
            labels.label_new.copy(),
            labels.changed_states(),
            labels.decisions,
            labels.states_in_output(),
            self.encoding,
            journal.last_numbers,
        )
        reviewer = journal.reviewers.shown

        def note(digest: str) -> None:
            path = str(self._output.path)
            record = SaveRecord(digest, path, table.last_numbers, reviewer)
            # A log that cannot be written must not prevent the saving of the table.
            with suppress(StoreError):
                journal.recorder.add_save(record)

        def save() -> Saved:
            # If the review is closed meanwhile, the log is closed after the save.
            with journal.recorder.staying_open():
                saved = write(table, note)
                if saved.path == self._output.path and saved.taken_over is None:
                    self._unfinished = saved
                if spreadsheet and saved.taken_over is None:
                    saved = _with_spreadsheet(saved, self._output)
                return saved

        return save


def _with_spreadsheet(saved: Saved, output: Output) -> Saved:
    """Also write the copy for spreadsheet programs; return the extended result."""
    try:
        cells = saved.table.as_written(spreadsheet_path(output.path))
        path = write_spreadsheet(cells, output.path)
    except SaveError as error:
        # Return the error, because the reviewed table itself was written.
        return replace(saved, spreadsheet_error=error)
    return replace(saved, spreadsheet=path)
