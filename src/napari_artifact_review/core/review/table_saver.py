"""Save the reviewed table in three steps: prepare, write, finish."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from psygnal import Signal

from napari_artifact_review.core.decisions.schema import SaveRecord
from napari_artifact_review.core.errors import HeldError, SaveError, StoreError
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.output import Output, OutputChoice, Saved
from napari_artifact_review.core.review.reviewed_table import ReviewedTable


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

    Attributes
    ----------
    saved : Signal
        Emitted with the path of the file at the end of a save.
    """

    saved = Signal(object)

    def __init__(self, catalog: Catalog, output: Output, log: OpenLog) -> None:
        self._catalog = catalog
        self._output = output
        self._log = log

    def prepare(self, keep: OutputChoice | None = None) -> Callable[[], Saved]:
        """Return a job that writes a snapshot of the current labels.

        Pass the result of the job to `finish`. See `ReviewSession.save` for the
        parameter, and for the errors of this method and of the job.
        """
        journal = self._log.journal
        if isinstance(journal.problem, HeldError):
            raise journal.problem.again()
        if journal.disagreements:
            count = len(journal.disagreements)
            raise SaveError(
                f"the table and the recorded verdicts differ in {count} "
                f"{'label' if count == 1 else 'labels'}",
                path=self._output.path,
                remedy="Choose first which labels to keep",
            )
        labels = self._catalog.labels
        table = ReviewedTable(
            self._catalog.predictions,
            labels.label_new.copy(),
            labels.changed_states(),
            labels.decisions,
            labels.states_in_output(),
        )
        heads = journal.last_numbers

        def note(digest: str) -> None:
            record = SaveRecord(digest, str(self._output.path), heads)
            # Save the table even if the log cannot be written.
            with suppress(StoreError):
                journal.recorder.add_save(record)

        def save() -> Saved:
            # If the review is closed during the save, the log is closed after the save.
            with journal.recorder.staying_open():
                return self._output.save(table, note, keep)

        return save

    def finish(self, saved: Saved, *, wait: bool | float = True) -> None:
        """Mark the written decisions as saved, or adopt the accepted labels.

        Parameters
        ----------
        saved : Saved
            Result of the job.
        wait : bool or float
            See `ReviewSession.set_label`.
        """
        if saved.taken_over is not None:
            self._log.await_earlier(wait)
            self._log.await_answer(self._log.journal.adopt(saved.taken_over), wait)
        elif saved.path == self._output.path:
            self._catalog.labels.mark_saved(saved.table.decisions)
        self.saved.emit(saved.path)
