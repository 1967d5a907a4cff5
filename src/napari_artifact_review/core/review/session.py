"""A review: the single truth that layers, widgets and scripts show and change."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import pandas as pd
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.log import MAX_WAIT, LabelState
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT
from napari_artifact_review.core.errors import HeldError, ReviewError, StoreError
from napari_artifact_review.core.outcomes import ERRORS, VERDICTS, Outcome, Verdict
from napari_artifact_review.core.review.cursor import ReviewCursor
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.opening import (
    OpenedFiles,
    OpenRequest,
    check_log_is_beside,
    copy_log,
    opened_files,
)
from napari_artifact_review.core.review.output import OutputChoice, check_output
from napari_artifact_review.core.review.paths import absolute_path, notices_on
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.queue import Order, Queue, QueueRule, State
from napari_artifact_review.core.review.resume import (
    Disagreement,
    LabelChoice,
    decisions_in_output,
)
from napari_artifact_review.core.review.table_saver import TableSaver
from napari_artifact_review.core.scores.metrics import Numbers, When


# Over 350 lines: all that scripts, layers and widgets use of a review is listed here.
# The work is done by the parts.
class ReviewSession:
    """A review of one predictions table.

    `ReviewSession.open` makes a session. Close it, or use it in a `with` statement:
    until then no other process can decide in this review. Each decision is on disk
    before `label_changed` is emitted. An earlier review of the same table is resumed.

    Attributes
    ----------
    current_changed : Signal
        Emitted without arguments when another cutout is the current one.
    label_changed : Signal
        Emitted with the row whose `label_new` was decided, undone or redone.
    decided : Signal
        Emitted with all rows of an act at once, after `label_changed` for each.
    undo_or_redo_given : Signal
        Emitted with all rows of the act and "undo" or "redo" when that command is
        given. The first of the rows is the current one then.
    queue_changed : Signal
        Emitted when there is another queue, or another threshold.
    saved : Signal
        Emitted with the path once the reviewed table is written.
    problem_changed : Signal
        Emitted when decisions cannot be recorded any more, or can be again: see
        `problem`.
    disagreements_changed : Signal
        Emitted when there are fewer `disagreements`.
    pending_changed : Signal
        Emitted when a command was given, recorded or refused: see `pending`.
    refused_changed : Signal
        Emitted when there are other commands in `refused`.
    image_names : tuple of str
        Every full image of the table, in the order of its first cutout.
    output : Path
        The file that the reviewed table is saved to.
    store : str
        The file of the log.
    kinds : tuple of str
        The kinds of artifact that are offered; others can be given as well.
    view_settings : dict
        The settings of the view, as plain JSON; stored with the position and with each
        decision.
    drafts : dict of CutoutKey to str
        Unfinished notes about cutouts without a later verdict; stored with the
        position.
    team : Team or None
        The exchange with other computers; None without a meeting place.
    open_log : OpenLog
        The log while it is open; for a window, which does not wait for commands.
    saver : TableSaver
        Saves in three steps; for a window, which writes in another thread.
    """

    label_changed = Signal(int)
    decided = Signal(list)
    undo_or_redo_given = Signal(list, str)

    def __init__(self, files: OpenedFiles) -> None:
        self.catalog = catalog = files.catalog
        self.predictions = catalog.predictions
        self.image_names = catalog.predictions.image_names
        self.cutout_index = catalog.cutout_index
        self.cutout_size = catalog.cutout_size
        self.images = files.images
        self.reviewer = files.reviewer
        self.kinds = files.kinds
        self.output = files.output.path
        self.store = str(files.store.path)
        position, damaged = Position.from_json(files.contents.state)
        self.view_settings = position.view
        self.drafts = position.drafts
        self._journal = Journal(catalog, files.store, files.contents, files.reviewer)
        shown = decisions_in_output(
            files.output.found_digest, files.contents, self.log, catalog.cutout_index
        )
        catalog.labels.mark_saved(shown)
        self._cursor, reset = ReviewCursor.restored(catalog, position)
        self._notices = (*files.notices, *damaged, *reset)
        self._output = files.output
        self.open_log = OpenLog(self._journal, files.store, position.meetings)
        self.saver = TableSaver(catalog, files.output, self.open_log)
        # The other signals are those of the parts.
        self.current_changed = self._cursor.moved
        self.queue_changed = self._cursor.queue_changed
        self.saved = self.saver.saved
        self.problem_changed = self._journal.problem_changed
        self.disagreements_changed = self._journal.disagreements_changed
        self.pending_changed = self._journal.pending_changed
        self.refused_changed = self._journal.refused_changed
        self._journal.changed.connect(self._on_changed)
        # Whether anything can be recorded is known before the first verdict.
        self._journal.recorder.begin(self.position.as_json())
        if files.meeting_place is not None and not isinstance(self.problem, HeldError):
            self.open_log.begin_exchange(
                files.meeting_place, files.team_url, files.identity
            )
        self.team = self.open_log.team

    @classmethod
    def open(
        cls,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
        *,
        cutout_size: int | None = None,
        reviewer: str | None = None,
        store: str | Path | None = None,
        team: str | None = None,
        replaced: ReviewSession | None = None,
        read_only: bool = False,
    ) -> Self:
        """Open a predictions table for review, or resume its review.

        Parameters
        ----------
        predictions : path-like
            The table; a reviewed table resumes its review.
        images : path-like, optional
            The folder of the full images; by default the table's own folder, or
            `images` beside the table where the first image is not in it.
        output : path-like, optional
            Where the reviewed table is saved; by default `test_outputs.csv` beside
            the predictions.
        cutout_size : int, optional
            Side of a cutout in pixels; by default inferred from the grid, else 200.
        reviewer : str, optional
            Name of the reviewer; by default the user's login name.
        store : path-like or str, optional
            The SQLite file of the log, or its URL; by default
            `<output>.review.sqlite`. The URL of a server means `team`.
        team : str, optional
            The URL of a PostgreSQL database through which computers exchange the
            verdicts of this review, in the background.
        replaced : ReviewSession, optional
            A session that the new one replaces. If both are the same review, the new
            one takes over its lock and its position.
        read_only : bool
            If True, no file is written or locked, and nothing can be decided or saved.

        Raises
        ------
        TableError
            If the table cannot be read.
        ImageError
            If there is no such folder of images.
        SaveError
            If no table can be written to `output`.
        StoreError
            If the decisions on record cannot be read, or belong to another table.
        """
        request = OpenRequest(
            predictions, images, output, cutout_size, reviewer, store, team, read_only
        )
        with opened_files(request, replaced) as files:
            return cls(files)

    def with_output(self, output: str | Path) -> Self:
        """Return this review with another output, and with all its decisions.

        Nothing may be decided meanwhile. This session stays as it is; close it.

        Raises
        ------
        SaveError
            If no table can be written to `output`.
        StoreError
            If there are decisions beside that output already, or none can be written.
        """
        path = absolute_path(output)
        check_output(path)
        check_log_is_beside(Path(self.store), self.output)
        with self.open_log.paused():
            copy_log(self.log, self.predictions, path, self.position.as_json())
            return self._open_again(path)

    def reopen(self, images: Path | None = None) -> Self:
        """Return this review as its files are now, also after another process decided.

        What is pending is recorded first. This session stays as it is; close it.
        Parameters and errors are those of `open`; by default the folder of images is
        the same.
        """
        return self._open_again(
            self.output, images, store=Path(self.store), replaced=self
        )

    def _open_again(
        self, output: Path, images: Path | None = None, **options: Any
    ) -> Self:
        return type(self).open(
            self.predictions.path,
            images or self.images.folder,
            output,
            cutout_size=self.cutout_size,
            reviewer=self.reviewer,
            team=self.open_log.team_url,
            **options,
        )

    def close(
        self,
        *,
        wait: bool = True,
        lost: Callable[[Sequence[Command]], object] | None = None,
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Record what is pending, and let other processes decide.

        Parameters
        ----------
        wait : bool
            Whether to return only when that is done; else it is done in a thread, and
            this session emits nothing more.
        lost : callable, optional
            Called with the commands that could not be recorded, if there are any, in
            the thread that waits. By default they are logged as an error.
        timeout : float
            Seconds after which commands that are still pending are given up.
        """
        self.open_log.close(
            lambda: self.position.as_json(), wait=wait, lost=lost, timeout=timeout
        )

    def wait_until_recorded(self, timeout: float | None = None) -> bool:
        """Wait until every command is recorded or refused; False if some still are not.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.
        """
        return self._journal.recorder.wait(timeout)

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()

    # The table

    @property
    def table(self) -> pd.DataFrame:
        """The table with its outcomes and labels as they now are (a copy).

        The columns that were read, those with a meaning with their types, and
        `outcome`, `error_id`, `label_new`, `reviewed_by`, `reviewed_at`, `decision`,
        `kind` and `note`.
        """
        return self.catalog.table

    @property
    def errors(self) -> pd.DataFrame:
        """The rows of `table` that are errors, image by image."""
        return self.table.iloc[self.catalog.errors]

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reviewer should know about table, output and log, in sentences."""
        return (*self._notices, *notices_on(self.predictions, self._output))

    def add_notice(self, notice: str) -> None:
        """Add a sentence to `notices`, such as about a view that cannot be restored."""
        self._notices += (notice,)

    # The current cutout

    @property
    def current(self) -> pd.Series[Any]:
        """The row of `table` with the current cutout."""
        return self.table.iloc[self._cursor.row]

    @property
    def current_cutout(self) -> Cutout:
        """The current cutout."""
        return self.catalog.cutout(self._cursor.row)

    def next(self, *, skip: Container[int] = ()) -> bool:
        """Go to the next cutout of the queue; return False, and stay, if none.

        Parameters
        ----------
        skip : container of int
            Rows that are left out.
        """
        return self._cursor.next(skip)

    def previous(self) -> bool:
        """Go to the previous cutout of the queue; return False, and stay, if none."""
        return self._cursor.previous()

    def next_unreviewed(self) -> bool:
        """Go to the next unreviewed cutout of the queue; return False if none.

        After the last one the search begins with the first. A pending verdict counts
        as a review.
        """
        rows = (
            self.cutout_index.row_of(cutout)
            for command in self.pending
            for cutout in command.new_states
        )
        return self._cursor.next_unreviewed(skip=set(rows))

    def back(self) -> bool:
        """Go back to the cutout before the last jump; the next call returns from there.

        A jump is any move that does not follow the queue. False if there was none.
        """
        return self._cursor.back()

    def go_to(self, error_id: int) -> None:
        """Go to an error by its number.

        Raises
        ------
        ReviewError
            If no error has that number.
        """
        try:
            row = self.cutout_index.row_of_error(error_id)
        except KeyError:
            raise self._not_found(f"no error has the number {error_id}") from None
        self._cursor.jump(row)

    def select(self, image_name: str, grid_x: int, grid_y: int) -> None:
        """Go to any cutout, error or not.

        Raises
        ------
        ReviewError
            If the table has no such cutout.
        """
        self._cursor.jump(self._row_of(CutoutKey(image_name, grid_x, grid_y)))

    def select_image(self, image_name: str) -> None:
        """Go to an image's first cutout of the queue, or else of the table.

        Raises
        ------
        ReviewError
            If the table has no such image.
        """
        if image_name not in self.image_names:
            raise self._not_found(f"no image {image_name} is in the table")
        rows = self.review_queue.rows_of(image_name)
        if not len(rows):
            rows = self.cutout_index.cutouts_of(image_name)
        self._cursor.jump(int(rows[0]))

    # The queue

    @property
    def queue(self) -> pd.DataFrame:
        """The rows of `table` that are to be reviewed, in the order of the queue."""
        return self.table.iloc[self.review_queue.rows]

    @property
    def review_queue(self) -> Queue:
        """The queue as rows and counts, without a copy of the table."""
        return self._cursor.queue

    @property
    def progress(self) -> tuple[int, int]:
        """Number of reviewed cutouts, and of all that the queue is about."""
        return self.review_queue.progress

    def set_queue(
        self,
        outcomes: Sequence[Outcome] = ERRORS,
        state: State = "all",
        images: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        order: Order = "table",
        seed: int = 0,
    ) -> None:
        """Choose the cutouts that are to be reviewed, and their order.

        If the current cutout is not in the new queue, the next one that is becomes the
        current one.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            The outcomes, at the threshold in force.
        state : "all", "unreviewed", "reviewed", "changed" or "unsure"
            The review state; a later decision adds a cutout or removes it.
        images, kinds : sequence of str, optional
            The full images, and the kinds of artifact; by default all.
        order : str
            "table", "image", "confident", "uncertain", "mislabelled" or "random"; see
            `QueueRule`.
        seed : int
            For the random order.

        Raises
        ------
        ValueError
            If there is no such outcome, state or order.
        ReviewError
            If there is no such image, or no confidence to order by.
        """
        rule = QueueRule.of(outcomes, state, images, kinds, order, seed)
        self._cursor.set_queue(rule)

    @property
    def threshold(self) -> float | None:
        """The confidence from which a cutout is a predicted artifact; None: `preds`."""
        return self.catalog.threshold

    def set_threshold(self, value: float | None) -> None:
        """Compute outcomes and queue for another threshold; decisions stay.

        The saved table keeps its own `preds` and `error_id`.

        Parameters
        ----------
        value : float or None
            From 0 to 1; None for the table's own `preds`.

        Raises
        ------
        ValueError
            If it is no number from 0 to 1.
        ReviewError
            If the table has no confidence.
        """
        self._cursor.set_threshold(value)

    # Decisions

    @property
    def log(self) -> tuple[Entry, ...]:
        """Everything that was ever decided, undone and redone, oldest first."""
        return self._journal.entries

    @property
    def pending(self) -> tuple[Command, ...]:
        """The commands that are neither recorded nor refused, in their order."""
        return self._journal.pending

    @property
    def refused(self) -> tuple[Command, ...]:
        """The commands that could not be recorded and were not given again since."""
        return self._journal.refused

    @property
    def problem(self) -> StoreError | None:
        """The reason why nothing can be recorded, if so; each command tries again."""
        return self._journal.problem

    @property
    def patience(self) -> float:
        """Seconds that a window may wait for a command to be recorded.

        Zero if the disk was slow the last time, or is still busy.
        """
        return 0.0 if self._journal.recorder.is_slow else MAX_WAIT

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """The cutouts whose `label_new` in the table differs from the decision.

        See `settle`.
        """
        return self._journal.disagreements

    @overload
    def set_label(
        self,
        value: Verdict,
        kind: str | None = ...,
        note: str | None = ...,
        *,
        cutouts: Sequence[CutoutKey] | None = ...,
        wait: Literal[True] = ...,
    ) -> bool: ...

    @overload
    def set_label(
        self,
        value: Verdict,
        kind: str | None = ...,
        note: str | None = ...,
        *,
        cutouts: Sequence[CutoutKey] | None = ...,
        wait: float,
    ) -> Command: ...

    def set_label(
        self,
        value: Verdict,
        kind: str | None = None,
        note: str | None = None,
        *,
        cutouts: Sequence[CutoutKey] | None = None,
        wait: bool | float = True,
    ) -> bool | Command:
        """Decide about the current cutout; to confirm a label is a decision too.

        Parameters
        ----------
        value : "artifact", "no artifact" or "unsure"
            The label after review; "unsure" leaves it unchanged.
        kind, note : str, optional
            The kind of artifact, and a remark; by default empty.
        cutouts : sequence of CutoutKey, optional
            Decide about these instead, as one act, which is undone as one.
        wait : bool or float
            True: return when the decision is on disk. False: do not wait. A number:
            wait at most so many seconds. `OpenLog.set_dispatcher` delivers the result
            to a caller that does not wait.

        Returns
        -------
        bool or Command
            After waiting: False if the reviewer gave the same verdict before. Else the
            command, which is pending, recorded or refused.

        Raises
        ------
        ValueError
            If the value is none of them.
        ReviewError
            If the table has no such cutout.
        StoreError
            If the decision cannot be recorded; then it is not made. It is raised only
            if the caller waits; else the command has it.
        """
        if value not in VERDICTS:
            raise ValueError(f"a verdict is one of {VERDICTS}, not {value!r}")
        rows = [self._cursor.row] if cutouts is None else [*map(self._row_of, cutouts)]
        self.open_log.await_earlier(wait)
        command = self._journal.decide(
            rows, value, kind or "", note or "", self.view_settings
        )
        return self.open_log.await_answer(command, wait)

    @overload
    def undo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def undo(self, *, wait: float) -> Command | None: ...

    def undo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Undo the last command and go to its cutout; False or None without one.

        The last command may be recorded or still pending. `wait`, results and errors
        are those of `set_label`.
        """
        self.open_log.await_earlier(wait)
        return self._go_to_act(self._journal.undo(), wait)

    @overload
    def redo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def redo(self, *, wait: float) -> Command | None: ...

    def redo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Redo the command that was undone last; as `undo`."""
        self.open_log.await_earlier(wait)
        return self._go_to_act(self._journal.redo(), wait)

    def _go_to_act(
        self, command: Command | None, wait: bool | float
    ) -> bool | Command | None:
        """Await an undo or redo, and go to its first cutout."""
        if command is None:
            return False if wait is True else None
        answer = self.open_log.await_answer(command, wait)
        # The move is made now: a late result does not move the reviewer.
        if command.state != "refused":
            rows = [self.cutout_index.row_of(cutout) for cutout in command.cutouts]
            for cutout, note in command.notes.items():
                # The note of an undone verdict is a draft for the next one.
                if note and not self.expected_state(cutout).note:
                    self.drafts.setdefault(cutout, note)
            self._cursor.jump(rows[0])
            self.undo_or_redo_given.emit(rows, command.kind)
        return answer

    def expected_state(self, cutout: CutoutKey) -> LabelState:
        """Return a cutout's label state once all pending commands are recorded.

        If a pending command is an undo or unsure, ignore the label of the state.
        """
        return self._journal.expected_state(cutout)

    def give_again(self) -> tuple[Command, ...]:
        """Give the refused commands again, in their order; return the new ones."""
        return self._journal.give_again()

    def dismiss_refused(self) -> None:
        """Drop the refused commands."""
        self._journal.dismiss_refused(self.refused)

    def settle(
        self,
        keep: LabelChoice,
        cutouts: Sequence[CutoutKey] | None = None,
        *,
        wait: bool | float = True,
    ) -> None:
        """Choose between the table and the decisions on record, as one act.

        Parameters
        ----------
        keep : "table" or "decision"
            Which label is in force from now on.
        cutouts : sequence of CutoutKey, optional
            Which disagreements are settled; by default all.
        wait : bool or float
            As for `set_label`.

        Raises
        ------
        StoreError
            If that cannot be recorded; then nothing is settled.
        """
        self.open_log.await_earlier(wait)
        self.open_log.await_answer(self._journal.settle(keep, cutouts), wait)

    def metrics(self, outcomes: Sequence[Outcome] = ERRORS) -> dict[When, Numbers]:
        """Return how good the predictions are by the labels before and after.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            The outcomes that are under review. Their cutouts without a verdict are
            open, and so are all with the verdict "unsure"; see `Catalog.snapshot`.

        Returns
        -------
        dict
            ``before``, ``after``, and ``lowest`` and ``highest`` that the open cutouts
            still allow; each a dict of ``tp, fp, fn, tn, precision, recall, f1,
            average_precision``, None where undefined. See `Snapshot.metrics`.

        Raises
        ------
        ValueError
            If there is no such outcome.
        """
        return self.catalog.snapshot(outcomes).metrics()

    # Saving

    @property
    def unsaved(self) -> int:
        """Number of cutouts with decisions that the output does not show yet."""
        return self.catalog.labels.unsaved

    def save(self, keep: OutputChoice | None = None) -> Path:
        """Write the reviewed table to `output` and return its path.

        What is pending is recorded first.

        Parameters
        ----------
        keep : "theirs", "ours", "beside" or "read", optional
            What to do about an output that another program changed: take its labels
            over and write nothing, write ours and keep theirs as a dated backup, or
            write ours to a dated name beside it. What to do about a predictions table
            that changed on disk: "read" writes its cells as they were read; `reopen`
            reads the new cells.

        Raises
        ------
        TableChangedError
            If the predictions table changed on disk since it was read.
        OutputChangedError
            If another program changed the output and `keep` is not given.
        SaveError
            If it cannot be written; the file that was there is untouched.
        StoreError
            If another process holds the review.
        """
        self.open_log.await_earlier(True)
        saved = self.saver.prepare(keep)()
        self.saver.finish(saved)
        return saved.path

    def save_position(self) -> None:
        """Save the current cutout, the queue and the view; do not wait for the disk.

        If decisions could not be recorded, that also tests whether they can be now.
        """
        self._journal.recorder.save_state(self.position.as_json())

    @property
    def position(self) -> Position:
        """The position of the review, as `save_position` saves it (a copy)."""
        return Position(
            self.cutout_index.key_of(self._cursor.row),
            deepcopy(self.view_settings),
            self.review_queue.rule,
            self.threshold,
            dict(self.drafts),
            self.open_log.meetings,
        )

    # Parts of the methods above

    def _row_of(self, cutout: CutoutKey) -> int:
        try:
            return self.cutout_index.row_of(cutout)
        except KeyError:
            name = f"{cutout.image_name} ({cutout.grid_x}, {cutout.grid_y})"
            raise self._not_found(f"no cutout {name} is in the table") from None

    def _not_found(self, what: str) -> ReviewError:
        return ReviewError(what, path=self.predictions.path)

    def _on_changed(self, rows: list[int], _: str) -> None:
        for row in rows:
            self.review_queue.update(row)
            key = self.cutout_index.key_of(row)
            # Another draft is for a later verdict.
            if self.drafts.get(key) == self.catalog.labels.state_of(row).note:
                del self.drafts[key]
        for row in rows:
            self.label_changed.emit(row)
        self.decided.emit(rows)
