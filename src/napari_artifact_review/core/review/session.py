"""Session of a review, which layers, widgets and scripts share."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Iterable, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.decisions.command import MAX_WAIT, Command
from napari_artifact_review.core.decisions.decision import LabelState
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT, Dispatcher
from napari_artifact_review.core.errors import HeldError, ReviewError, StoreError
from napari_artifact_review.core.learning.anchoring import Agreement
from napari_artifact_review.core.learning.remaining import Remaining, as_json
from napari_artifact_review.core.outcomes import (
    ERRORS,
    OUTCOMES,
    VERDICTS,
    Outcome,
    Verdict,
)
from napari_artifact_review.core.review.assigned_work import AssignedWork
from napari_artifact_review.core.review.audits import Audits
from napari_artifact_review.core.review.budget import Budget
from napari_artifact_review.core.review.carrying import CarryPlan, plan_carrying
from napari_artifact_review.core.review.closing_export import (
    ClosingExport,
    log_not_saved,
)
from napari_artifact_review.core.review.consensus_table import (
    SavedConsensus,
    consensus_path,
    write_consensus,
)
from napari_artifact_review.core.review.cursor import DEFAULT_RULE, ReviewCursor
from napari_artifact_review.core.review.cutout_descriptors import CutoutDescriptors
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.judged_images import JudgedImages
from napari_artifact_review.core.review.learned_queue import LearnedQueue, LearnedState
from napari_artifact_review.core.review.open_log import OpenLog
from napari_artifact_review.core.review.opening import (
    OpenedFiles,
    OpenRequest,
    check_log_is_beside,
    copy_log,
    opened_files,
)
from napari_artifact_review.core.review.output import OutputChoice, check_output
from napari_artifact_review.core.review.paths import notices_on
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.previous_round import (
    check_previous_round,
    read_previous_round,
)
from napari_artifact_review.core.review.queue import (
    ROUND_STATES,
    Order,
    Queue,
    QueueRule,
    State,
)
from napari_artifact_review.core.review.remaining_labels import RemainingSnapshot
from napari_artifact_review.core.review.repeats import Repeats
from napari_artifact_review.core.review.resume import (
    Disagreement,
    LabelChoice,
    decisions_in_output,
)
from napari_artifact_review.core.review.reviewed_table import OutputEncoding
from napari_artifact_review.core.review.round_summary import (
    RoundSummary,
    round_notices,
    summarise,
)
from napari_artifact_review.core.review.search import are_containing
from napari_artifact_review.core.review.table_saver import TableSaver
from napari_artifact_review.core.review.team_snapshot import (
    TeamSnapshot,
    team_agreement,
)
from napari_artifact_review.core.scores.metrics import Numbers
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.own_columns import OwnColumns
from napari_artifact_review.core.team.agreement import TeamAgreement
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.user_folders import absolute_path

#: Purpose of a queue of disputed cutouts.
ADJUDICATION = {"adjudication": True}

#: Maximum number of cutouts in one entry about votes that a reviewer saw.
_MOST_SEEN = 1000


class Metrics(TypedDict):
    """The results of a review; see `ReviewSession.metrics`.

    Attributes
    ----------
    before, after, lowest, highest : dict
        Metrics by the names in `NUMBERS`.
    remaining : dict
        How many wrong labels are left, as plain JSON; see `remaining.as_json`.
    anchoring : dict or None
        Agreement with the model if its word is shown and if not; see `Agreement`.
    """

    before: Numbers
    after: Numbers
    lowest: Numbers
    highest: Numbers
    remaining: dict[str, Any]
    anchoring: dict[str, float] | None


# Over 350 lines: this class is the interface of a review for scripts, layers and
# widgets. Other classes do the work.
class ReviewSession:
    """A review of one predictions table.

    Create a session with `ReviewSession.open`, which resumes an earlier review of the
    same table. Close the session, or use it in a `with` statement: while a session is
    open, no other process can record verdicts in the review. Each decision is on disk
    before `label_changed` is emitted.

    Attributes
    ----------
    current_changed : Signal
        Emitted without arguments when the current cutout has changed.
    label_changed : Signal
        Emitted with the row of a cutout whose verdict was given, undone or redone.
    budget_changed : Signal
        Emitted when another budget was set; see `set_budget`.
    hdu_changed : Signal
        Emitted when another HDU was chosen for all images; see `set_hdu`.
    decided : Signal
        Emitted once with all changed rows, after `label_changed` is emitted for each.
    undo_or_redo_given : Signal
        Emitted with all rows of an act, and "undo" or "redo", after that command is
        submitted. The first row is the current cutout.
    queue_changed : Signal
        Emitted when the queue or the threshold has been replaced.
    saved : Signal
        Emitted with the path after the reviewed table is written.
    problem_changed : Signal
        Emitted when `problem` has changed.
    disagreements_changed : Signal
        Emitted when disagreements have been resolved; see `disagreements`.
    hidden_changed : Signal
        Emitted when a rule that hides cutouts has changed; see `hide_predictions`.
    learning_changed : Signal
        Emitted when what the learned order is based on may have changed.
    shown_columns_changed : Signal
        Emitted when `shown_columns` has changed.
    pending_changed : Signal
        Emitted when a command is submitted, recorded or refused; see `pending`.
    reviewers_changed : Signal
        Emitted when votes of any reviewer, an adjudication or the rules of the team may
        have changed; see `reviewers`.
    refused_changed : Signal
        Emitted when `refused` has changed.
    image_names : tuple of str
        All full images of the table, in order of first appearance.
    output : Path
        Path of the reviewed table.
    store : str
        Path of the log.
    kinds : tuple of str
        Kinds of artifact to choose from; verdicts may also have other kinds.
    view_settings : dict
        Settings of the view, as plain JSON; stored with the position and with each
        decision.
    drafts : dict of CutoutKey to str
        Notes that are not yet part of a verdict, by cutout; stored with the position.
    adjudication_drafts : dict of CutoutKey to str
        Notes that are not yet part of an adjudication, by cutout; stored likewise.
    judged_images : JudgedImages
        Facts about the full images as they were read; stored with each decision.
    team : Team or None
        Exchange with other computers; None without a meeting place.
    reviewers : Reviewers
        The votes of all reviewers, and the rules of the team. The queue of a member has
        the cutouts that the rules assign to the member; see `set_team_rules`.
    own_columns : OwnColumns
        The user's own columns of the table, with their values.
    shown_columns : tuple of str
        The user's own columns that are shown with each cutout; see `show_columns`.
    audits : Audits
        The audits of the review; see `audit`.
    open_log : OpenLog
        The open log, for windows that do not wait for commands.
    saver : TableSaver
        Saver for windows that write the reviewed table in another thread.
    """

    label_changed = Signal(int)
    decided = Signal(list)
    budget_changed = Signal()
    hdu_changed = Signal()
    undo_or_redo_given = Signal(list, str)
    shown_columns_changed = Signal()
    learning_changed = Signal()

    shown_columns: tuple[str, ...]
    view_settings: dict[str, Any]

    # Function that delivers what threads compute on the caller's thread.
    _dispatch: Dispatcher | None = None

    def __init__(
        self,
        files: OpenedFiles,
        plan: CarryPlan | None = None,
        embeddings: Path | None = None,
    ) -> None:
        self.catalog = catalog = files.catalog
        self.predictions = catalog.predictions
        self.image_names = catalog.predictions.image_names
        self.cutout_index = catalog.cutout_index
        self.cutout_size = catalog.cutout_size
        self.images = files.images
        self.reviewer = files.perspective.reviewer
        self._is_named = files.perspective.is_named
        self.kinds = files.kinds
        self._output, self.output = files.output, files.output.path
        self.store = str(files.store.path)
        self._given = files.given
        position, damaged = Position.from_json(files.contents.state)
        gone = self._restore(position)
        self._journal = Journal(catalog, files.store, files.contents, files.perspective)
        self.reviewers = self._journal.reviewers
        self._work = AssignedWork(catalog, self.reviewers, files.perspective)
        self.judged_images = JudgedImages(
            self.predictions, files.store, files.contents.images
        )
        found, index = files.output.found_digest, catalog.cutout_index
        catalog.labels.mark_saved(
            decisions_in_output(found, files.contents, self.log, index)
        )
        self._cursor, reset = ReviewCursor.restored(catalog, position, files.order)
        team = self.reviewers.notices()
        self._notices = (*files.notices, *damaged, *reset, *gone, *team)
        self.open_log = OpenLog(self._journal, files.store, position.meetings)
        self.saver = TableSaver(catalog, files.output, self.open_log, position)
        self._expose_signals()
        self._prepare_learning(position, embeddings)
        self._begin_repeats()
        self._journal.changed.connect(self._on_changed)
        # Before the first verdict, check whether verdicts can be recorded.
        self._journal.recorder.lock_file(self.position.as_json())
        self._carry(plan, position.queue, files.order)
        catalog.hidden.hide_unanswered(self.hide_predictions, self.hidden_share)
        self._begin_exchange(files)
        self._learn()

    @classmethod
    def open(
        cls,
        predictions: str | Path,
        images: str | Path | None = None,
        output: str | Path | None = None,
        *,
        cutout_size: int | None = None,
        mapping: TableMapping | None = None,
        reviewer: str | None = None,
        store: str | Path | None = None,
        team: str | Path | None = None,
        replaced: ReviewSession | None = None,
        read_only: bool = False,
        order: Order = DEFAULT_RULE.order,
        previous: str | Path | None = None,
        embeddings: str | Path | None = None,
        hdu: int | str | None = None,
    ) -> Self:
        """Open a predictions table for review, or resume its review.

        Parameters
        ----------
        predictions : path-like
            The predictions table, or a reviewed table to resume its review.
        images : path-like, optional
            Folder of the full images. By default, the folder of the table, or its
            subfolder `images` if the first image is not in the folder of the table. The
            folder need not exist yet.
        output : path-like, optional
            Path of the reviewed table; by default `test_outputs.csv` in the folder of
            the predictions.
        cutout_size : int, optional
            Side length of a cutout in pixels; by default that of the resumed review,
            or else inferred from the grid, or 200 if the grid agrees with it.
        mapping : TableMapping, optional
            Meanings of the columns and values of the table; by default that of the
            resumed review, or else columns and values as the documentation names them.
        reviewer : str, optional
            Name of the reviewer, without a semicolon or control characters; by default
            the user's login name. See `check_reviewer` for how names are compared. If
            the review has several reviewers, a session shows and saves the verdicts of
            this one, and a read-only session without a name the consensus of all; see
            `TeamRules`.
        store : path-like or str, optional
            SQLite file of the log, or its URL; by default `<output>.review.sqlite`. The
            URL of a server is used as `team`.
        team : path-like or str, optional
            Shared folder, or URL of a PostgreSQL database, through which computers
            exchange the verdicts of this review in the background.
        replaced : ReviewSession, optional
            Session to replace. If both sessions use the same log, the new session gets
            the lock and the position of the old session.
        read_only : bool
            Whether to open the review without writing or locking files; verdicts and
            saves are then refused.
        order : str
            Order of the queue in a new review; see `set_queue`. A resumed review has
            its stored order.
        previous : path-like, optional
            The previous round: a reviewed table, a predictions table with a log of its
            review, or a log. Its verdicts are carried to this table, each once; see
            `round_summary`. The default queue then has the new errors first, and then
            the cutouts whose verdict the model contradicts.
        embeddings : path-like, optional
            The user's own embeddings, or a folder of `describe`, for the learned order
            and for similar cutouts; see `read_embeddings`. By default those of the
            resumed review, or else descriptors that the plugin computes.
        hdu : int or str, optional
            Index or name of the HDU of FITS files, such as ``"SCI"`` or ``"SCI,2"``,
            unless `image_name` has one. By default that of the resumed review, or else
            the first image of each file.

        Raises
        ------
        MappingNeededError
            If the table can only be read with another `mapping` or `cutout_size`.
        TableError
            If the table cannot be read for another reason.
        SaveError
            If `output` is not a valid path for a table, or cannot be read.
        StoreError
            If the log cannot be read or belongs to another table, or a URL is invalid.
        ReviewError
            If the name of the reviewer is not valid, the previous round cannot be read,
            or is this review, or there are no embeddings at this path.
        """
        given = None if embeddings is None else absolute_path(embeddings)
        if given is not None and not given.exists():
            raise ReviewError("there are no embeddings here", path=given)
        request = OpenRequest(
            predictions,
            images,
            output,
            cutout_size,
            mapping,
            reviewer,
            store,
            team,
            read_only,
            order,
            hdu,
        )
        if previous is not None:
            check_previous_round(previous, request)
        with opened_files(request, replaced) as files:
            if previous is None:
                return cls(files, embeddings=given)
            earlier = read_previous_round(previous, files.given)
            return cls(files, plan_carrying(files, earlier), given)

    def open_read_only(self) -> Self:
        """Open this review in another session, which writes nothing, on any thread.

        The other session has what is recorded, and the consensus if there are several
        reviewers. Close it. The errors are those of `open`.
        """
        return type(self).open(
            self.predictions.path,
            self.images.folder,
            self.output,
            cutout_size=self.cutout_size,
            mapping=self.predictions.mapping,
            store=self.store,
            read_only=True,
        )

    def with_output(self, output: str | Path) -> Self:
        """Open a new session of this review with another output and all decisions.

        This session stays open. Afterwards, do not give verdicts in it, but close it.

        Raises
        ------
        SaveError
            If `output` is not a valid path for a table.
        StoreError
            If the new output already has decisions, if its log cannot be written, or if
            the log of this session is not at a default path.
        """
        path = absolute_path(output)
        check_output(path)
        check_log_is_beside(Path(self.store), self.output)
        with self.open_log.paused():
            # A dated copy belongs to this output.
            position = replace(self.position, dated_copy=None)
            copy_log(self.log, self.predictions, path, position.as_json())
            return self._open_again(path)

    def reopen(self, images: Path | None = None) -> Self:
        """Open a new session of this review, and read its files again.

        Pending commands are recorded first. This session stays open; close it
        afterwards. By default, `images` is the current folder. The errors are those of
        `open`.
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
            reviewer=self.reviewer if self._is_named else None,
            team=self.open_log.team_place,
            previous=self._unrecorded_round,
            **options,
        )

    def close(
        self,
        *,
        save: bool = False,
        spreadsheet_safe: bool = False,
        wait: bool = True,
        lost: Callable[[Sequence[Command]], object] | None = None,
        not_saved: Callable[[Exception], object] | None = None,
        timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Record the pending commands, and release the review for other processes.

        The reviewed table is not written, unless `save` is True. The dock passes
        `save=True` by default.

        Parameters
        ----------
        save : bool
            Whether to write the reviewed table if the output lacks a decision. The user
            is not asked, and no file of another program is overwritten. If the
            predictions or the output changed on disk, a file with a dated name is
            written, and the next session has a notice.
        spreadsheet_safe : bool
            Whether `save` also writes the copy for spreadsheet programs.
        wait : bool
            Whether to wait until the review is released. If not, a separate thread does
            the work.
        lost : callable, optional
            Called with the commands that could not be recorded, if there are any. If
            `wait` is False, it is called in the separate thread. By default, these
            commands are logged as errors.
        not_saved : callable, optional
            Called with the error if `save` fails, in the same thread as `lost`. By
            default, the error is raised at the end if `wait` is True, and logged
            otherwise.
        timeout : float
            Time in seconds after which pending commands are refused.

        Raises
        ------
        ReviewError
            If `save` fails, `wait` is True and there is no `not_saved`. The review is
            closed nevertheless.
        """
        self.descriptors.close()
        self.learned_queue.close()
        errors: list[Exception] = []
        failed = not_saved or (errors.append if wait else log_not_saved)
        export = ClosingExport(self.saver, failed, spreadsheet_safe)
        self.open_log.close(
            lambda: self.position.as_json(),
            wait=wait,
            lost=lost,
            timeout=timeout,
            last_job=export.run if save else None,
        )
        if errors:
            raise errors[0]

    def set_dispatcher(self, dispatch: Dispatcher | None) -> None:
        """Deliver what threads compute on the caller's thread.

        Parameters
        ----------
        dispatch : callable or None
            Function that schedules its argument to run on the session's thread. It is
            called from any thread. None removes the dispatcher.
        """
        self.open_log.set_dispatcher(dispatch)
        self.learned_queue.set_dispatcher(dispatch)
        self._dispatch = dispatch

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Wait until what the queue's order needs is computed; for scripts.

        The learned order needs descriptors of all images, which take about 0.3 s an
        image, and a model. Without the dispatcher of a window, the queue is then sorted
        again.

        Parameters
        ----------
        timeout : float, optional
            Longest time to wait, in seconds; unlimited by default.

        Returns
        -------
        bool
            Whether everything is computed.

        Raises
        ------
        ReviewError
            If the user's own embeddings cannot be used.
        """
        is_ready = self.descriptors.wait(timeout)
        if self.descriptors.embeddings is not None and self.descriptors.faults:
            raise self.descriptors.faults[0].without_traceback()
        self._learn()
        return self.learned_queue.wait(timeout) and is_ready

    def wait_until_recorded(self, timeout: float | None = None) -> bool:
        """Wait until all commands are recorded or refused; return False on timeout.

        Parameters
        ----------
        timeout : float, optional
            Longest time to wait, in seconds; unlimited by default.
        """
        return self._journal.recorder.wait(timeout)

    def __enter__(self) -> Self:
        """Return the session."""
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
        """Copy of the table with the current outcomes and labels.

        The columns are those of the file, with known columns converted to their types,
        and `preds`, `outcome`, `error_id`, `label_new`, `reviewed_by`, `reviewed_at`,
        `decision`, `kind` and `note`.
        """
        return self.catalog.table

    @property
    def errors(self) -> pd.DataFrame:
        """Rows of `table` that are errors, sorted by image."""
        return self.table.iloc[self.catalog.errors]

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices for the reviewer about the table, the output and the log."""
        on_files = notices_on(self.predictions, self._output)
        of_parts = *self.saver.notices, *self._work.notices
        return (*self._notices, *on_files, *of_parts)

    def add_notice(self, notice: str) -> None:
        """Add a notice, for example about a view that cannot be restored."""
        self._notices += (notice,)

    # The current cutout

    @property
    def current(self) -> pd.Series[Any]:
        """Row of `table` for the current cutout."""
        return self.table.iloc[self._cursor.row]

    @property
    def current_cutout(self) -> Cutout:
        """The current cutout."""
        return self.catalog.cutout(self._cursor.row)

    def next(self, *, skip: Container[int] = ()) -> bool:
        """Go to the next cutout of the queue; return False if there is none.

        Parameters
        ----------
        skip : container of int
            Rows of cutouts to skip.
        """
        return self._cursor.next(skip)

    def previous(self) -> bool:
        """Go to the previous cutout of the queue; return False if there is none."""
        return self._cursor.previous()

    def next_unreviewed(self) -> bool:
        """Go to the next unreviewed cutout of the queue; return False if there is none.

        The search wraps around at the end of the queue. A cutout with a pending verdict
        counts as reviewed.
        """
        rows = (
            self.cutout_index.row_of(cutout)
            for command in self.pending
            for cutout in command.new_states
        )
        return self._cursor.next_unreviewed(skip=set(rows))

    def first(self) -> bool:
        """Go to the first cutout of the queue; return False if the queue is empty."""
        return self._cursor.first()

    def last(self) -> bool:
        """Go to the last cutout of the queue; return False if the queue is empty."""
        return self._cursor.last()

    def step(self, across: int, down: int) -> bool:
        """Go to the image's nearest cutout in a direction, regardless of the queue.

        Parameters
        ----------
        across, down : int
            Direction along `grid_x` and `grid_y`: -1, 0 or 1.

        Returns
        -------
        bool
            Whether there is a cutout in this direction.
        """
        row = self.cutout_index.neighbour_of(
            self._cursor.row, across, down, self.cutout_size
        )
        return row is not None and self._cursor.jump(row)

    def back(self) -> bool:
        """Go back to the cutout before the last jump; a second call reverses this.

        A jump is any move that does not follow the queue. Return False if there was no
        jump.
        """
        return self._cursor.back()

    def go_to(self, error_id: int) -> None:
        """Go to the classifier error with the number `error_id`.

        Raises
        ------
        ReviewError
            If no error has this number.
        """
        try:
            row = self.cutout_index.row_of_error(error_id)
        except KeyError:
            raise self._not_found(f"no error has the number {error_id}") from None
        self._cursor.jump(row)

    def select(self, image_name: str, grid_x: int, grid_y: int) -> None:
        """Go to any cutout of the table.

        Raises
        ------
        ReviewError
            If the cutout is not in the table.
        """
        self._cursor.jump(self._row_of(CutoutKey(image_name, grid_x, grid_y)))

    def select_image(self, image_name: str) -> None:
        """Go to the first cutout of an image in the queue, or else in the table.

        Raises
        ------
        ReviewError
            If the image is not in the table.
        """
        if image_name not in self.image_names:
            raise self._not_found(f"no image {image_name} is in the table")
        rows = self.review_queue.rows_of(image_name)
        if not len(rows):
            rows = self.cutout_index.cutouts_of(image_name)
        self._cursor.jump(int(rows[0]))

    # The user's own columns

    def show_columns(self, *names: str) -> None:
        """Choose the user's own columns to show with each cutout and to search.

        Raises
        ------
        ReviewError
            If a column is not in the table, or is not the user's own.
        """
        for name in names:
            self.own_columns.check(name)
        if names != self.shown_columns:
            self.shown_columns = tuple(dict.fromkeys(names))
            self.shown_columns_changed.emit()

    def find(self, text: str) -> bool:
        """Go to the next cutout of the queue that contains a text.

        The search ignores case, and examines `image_name`, the note and
        `shown_columns`. It wraps around, and ends with the current cutout. Return False
        if no cutout in the queue contains the text, or if the text is empty.
        """
        if not text:
            return False
        which = are_containing(text, self.catalog, self.shown_columns, self.drafts)
        row = self.review_queue.matching_after(self._cursor.row, which)
        return row is not None and self._cursor.jump(row)

    # The queue

    @property
    def queue(self) -> pd.DataFrame:
        """Rows of `table` in the queue, in queue order."""
        return self.table.iloc[self.review_queue.rows]

    @property
    def review_queue(self) -> Queue:
        """The queue as row numbers and counts, without a copy of the table."""
        return self._cursor.queue

    @property
    def rule_queue(self) -> Queue:
        """The queue of the rule, also while other cutouts are queued for a while."""
        return self._cursor.rule_queue

    @property
    def progress(self) -> tuple[int, int]:
        """Numbers of reviewed cutouts and of all cutouts; see `Queue.progress`."""
        return self.review_queue.progress

    def set_queue(
        self,
        outcomes: Sequence[Outcome] | None = None,
        state: State = "all",
        images: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        order: Order = "table",
        seed: int = 0,
        columns: Iterable[Sequence[Any]] | None = None,
    ) -> None:
        """Choose the cutouts to review, and their order.

        Go to the first unreviewed cutout of the new queue, or to the first cutout if
        all are reviewed. If the queue is empty, or the rule is the same as before, the
        current cutout does not change.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN", optional
            Outcomes to include, at the current threshold. By default the errors, or all
            outcomes for a state of the next round.
        state : "all", "unreviewed", "reviewed", "changed" or "unsure"
            Review state to include. Later decisions add or remove cutouts. With a
            previous round also "new errors", "contradicted", "settled" or "next round";
            see `QueueRule`.
        images, kinds : sequence of str, optional
            Full images and kinds of artifact to include; by default all.
        order : str
            "table", "image", "confident", "uncertain", "mislabelled" or "random"; see
            `QueueRule`.
        seed : int
            Seed for the random order.
        columns : iterable of (str, str, str or float), optional
            Conditions on the user's own columns, such as ``("mag", "<", 20)`` and
            ``("artifact_class", "is", "ghost")``; see `ColumnCondition`. A cutout must
            satisfy all of them. By default none.

        Raises
        ------
        ValueError
            If an outcome, the state, the order or an operator is unknown, or the seed
            is negative.
        ReviewError
            If an image or a column is not in the table, if the order needs a confidence
            and the table has none, or if the value of a numeric condition is not a
            number.
        """
        if outcomes is None:
            outcomes = OUTCOMES if state in ROUND_STATES else ERRORS
        rule = QueueRule.of(outcomes, state, images, kinds, order, seed, columns)
        if rule.order == "learned":
            if rule.seed != self.learned_queue.seed:
                # Another seed begins a new order.
                self.learned_queue.seed = rule.seed
                self._cursor.shown.clear()
            # The first cutout is then the first of the learned order.
            self.learned_queue.update(Queue(self.catalog, rule), at_once=True)
        self._cursor.set_queue(rule)
        self._learn()

    # Images

    @property
    def hdu(self) -> int | str | None:
        """HDU of all FITS files; None for the first image of each file.

        An HDU in `image_name`, and one that was chosen for a single image, have
        precedence.
        """
        return self.images.hdu

    def set_hdu(self, hdu: int | str | None) -> None:
        """Choose the HDU of all FITS files, also of those with another choice."""
        self.images.hdu = hdu
        self.images.hdus.clear()
        self.view_settings = self.view_settings | {"hdu": hdu, "hdus": {}}
        self.hdu_changed.emit()

    # Hidden predictions

    @property
    def hide_predictions(self) -> bool:
        """Whether cutouts show no prediction or label before the verdict of this round.

        Cutouts with a verdict of this round look as usual; a carried verdict does not
        count. The choice is stored in `view_settings`, and so with each verdict. The
        tables of this class, such as `table` and `queue`, are never hidden.
        """
        return self.view_settings.get("hide_predictions") is True

    @hide_predictions.setter
    def hide_predictions(self, on: bool) -> None:
        self.view_settings = self.view_settings | {"hide_predictions": bool(on)}
        self.catalog.hidden.hide_unanswered(bool(on), self.hidden_share)

    @property
    def hidden_share(self) -> float:
        """Share of the cutouts that `hide_predictions` hides, above 0 and at most 1.

        A share of less than 1 is drawn at random from the table, so that `anchoring`
        can compare the verdicts on hidden cutouts with those on the others.

        Raises
        ------
        ValueError
            If a share that is set is not above 0 and at most 1.
        """
        share: Any = self.view_settings.get("hidden_share")
        is_share = type(share) in (int, float) and 0 < share <= 1
        return float(share) if is_share else 1.0

    @hidden_share.setter
    def hidden_share(self, share: float) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share is above 0 and at most 1, not {share:g}")
        self.view_settings = self.view_settings | {"hidden_share": float(share)}
        self.catalog.hidden.hide_unanswered(self.hide_predictions, float(share))

    @property
    def anchoring(self) -> Agreement | None:
        """How often verdicts agree with the model if its word is shown, and if not.

        None without verdicts of both sorts; see `hidden_share` and `agreement_of`.
        """
        return self.remaining_snapshot().anchoring()

    def hide_until_verdict(self, rows: Iterable[int]) -> None:
        """Ask about rows again: hide each of them until it has a new verdict.

        Until then, such a cutout counts as unreviewed in the queue, and a verdict that
        is the same as before is recorded again. These rows replace those of an earlier
        call.

        Parameters
        ----------
        rows : iterable of int
            Rows of the table.
        """
        self.catalog.hidden.ask(rows, self.reviewer)
        self._cursor.sort_again()

    def reveal(self) -> None:
        """Show the rows of `hide_until_verdict` that have no new verdict."""
        self.hide_until_verdict(())

    # Similar cutouts

    def similar(
        self,
        n: int = 20,
        cutouts: Sequence[CutoutKey] | None = None,
        *,
        other_images: bool = False,
    ) -> pd.DataFrame:
        """Return the cutouts of the table that look most like given ones.

        The cutouts are compared by their descriptors, as far as these are computed; see
        `wait_until_ready`.

        Parameters
        ----------
        n : int
            Most cutouts to return.
        cutouts : sequence of CutoutKey, optional
            Cutouts to compare with; by default the current one.
        other_images : bool
            Whether to leave out the images of the given cutouts.

        Returns
        -------
        DataFrame
            Rows of `table` with the column `similarity` (cosine, at most 1), nearest
            first; empty without descriptors of the given cutouts.

        Raises
        ------
        ReviewError
            If a cutout is not in the table.
        """
        rows, similarity = self._similar(n, cutouts, other_images)
        return self.table.iloc[rows].assign(similarity=similarity)

    def show_similar(
        self,
        n: int = 100,
        cutouts: Sequence[CutoutKey] | None = None,
        *,
        other_images: bool = False,
    ) -> bool:
        """Queue the given cutouts and those that look most like them, for a while.

        The queue has the given cutouts first. `end_similar` returns to the previous
        queue and cutout. The arguments are those of `similar`. Return False, and change
        nothing, without descriptors of the given cutouts.
        """
        rows, _ = self._similar(n, cutouts, other_images)
        if not len(rows):
            return False
        self._cursor.begin_detour(np.concatenate([self._rows_of(cutouts), rows]))
        return True

    def end_similar(self) -> bool:
        """Return to the queue before `show_similar`; return False if it is in use."""
        return self.shows_similar and self._end_detour()

    @property
    def shows_similar(self) -> bool:
        """Whether the queue has similar cutouts; see `show_similar`."""
        return self._cursor.is_on_detour and not self._cursor.purpose

    def _end_detour(self) -> bool:
        is_over = self._cursor.end_detour()
        self._learn()
        return is_over

    def _similar(
        self, n: int, cutouts: Sequence[CutoutKey] | None, other_images: bool
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        rows = self._rows_of(cutouts)
        self._start_describing()
        search, image = self.descriptors.similar, self.predictions.image_index
        if search is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        allowed = ~np.isin(image, image[rows]) if other_images else None
        return search.nearest(rows, n, allowed)

    def _rows_of(self, cutouts: Sequence[CutoutKey] | None) -> npt.NDArray[np.int64]:
        rows = [self._cursor.row] if cutouts is None else [*map(self._row_of, cutouts)]
        return np.array(rows, dtype=np.int64)

    # Audits and second looks

    def audit(self, n: int, seed: int | None = None) -> int:
        """Draw a random sample of the cutouts without a verdict, and queue it.

        The verdicts on the sample give an exact interval for the number of wrong labels
        that are left; see `remaining`. The sample is on record, and is the queue until
        `end_audit`. An audit counts even if it is abandoned.

        Parameters
        ----------
        n : int
            Size of the sample.
        seed : int, optional
            Seed of the random sample; by default a new one, which is on record.

        Returns
        -------
        int
            Number of the audit in this review, from 1.

        Raises
        ------
        ReviewError
            If `n` is less than 1 or larger than the number of cutouts without a
            verdict, or if the review is read-only.
        """
        number = self.audits.draw(n, seed)
        # Before the first verdict, so that each verdict finds its audit on record.
        self.save_position()
        return number

    def continue_audit(self) -> bool:
        """Queue the cutouts of the last audit that have no verdict yet.

        Return False, and change nothing, if there are none.

        Raises
        ------
        ReviewError
            If the review is read-only.
        """
        return self.audits.resume()

    def confirm_audit(self) -> bool:
        """Queue the finds of the last audit for a second look, until `end_audit`.

        As many cutouts whose labels were kept are among them, shuffled, so that the
        second look is blind. Finds that another reviewer confirms count fully. Those
        that only the same reviewer confirms are marked as weaker, and are queued again
        for another reviewer. Return False, and change nothing, without finds to
        confirm.

        Raises
        ------
        ReviewError
            If the review is read-only.
        """
        return self.audits.confirm()

    def end_audit(self) -> bool:
        """Return to the queue before the audit; return False if it is in use."""
        return self.audits.is_in_queue and self._end_detour()

    def find_surprising(self) -> Callable[[], npt.NDArray[np.int64]]:
        """Return a function for any thread, which finds rows for `show_surprising`."""
        return self.learned_queue.find_surprising(self.reviewer)

    def show_surprising(
        self, n: int = 50, rows: npt.NDArray[np.int64] | None = None
    ) -> bool:
        """Queue the reviewer's own most surprising verdicts for a second look.

        A model of all verdicts says how surprising each is; the most surprising come
        first. Each cutout needs another verdict, which may be the same. The queue lasts
        until `end_surprising`. Return False, and change nothing, without verdicts of
        this reviewer in this round.

        Parameters
        ----------
        n : int
            Most verdicts to queue.
        rows : ndarray of int64, optional
            What the function of `find_surprising` has returned; by default it is
            called here.
        """
        rows = (self.find_surprising()() if rows is None else rows)[:n]
        if not len(rows):
            return False
        self._cursor.begin_detour(rows, {"second_look": True}, self.reviewer)
        return True

    def end_surprising(self) -> bool:
        """Return to the queue before `show_surprising`; return False if in use."""
        return self.shows_surprising and self._end_detour()

    @property
    def shows_surprising(self) -> bool:
        """Whether the queue has verdicts for a second look; see `show_surprising`."""
        return "second_look" in self._cursor.purpose

    def is_asked_again(self, cutout: CutoutKey) -> bool:
        """Return whether a cutout awaits the second verdict for which it is queued."""
        return bool(self.catalog.hidden.asked[self._row_of(cutout)])

    @property
    def budget(self) -> Budget | None:
        """Number of looks after which the reviewer stops; None without a limit."""
        return self._budget

    def set_budget(self, looks: int | None) -> None:
        """Set a number of looks, counted from now; None for no limit.

        In the viewer, the verdict that uses the last look does not go on to another
        cutout.

        Raises
        ------
        ValueError
            If the number is less than 1.
        """
        self._budget = None if looks is None else Budget(looks, self._looked_at)
        self.budget_changed.emit()

    @property
    def looks_left(self) -> int | None:
        """Number of looks that the budget has left; None without a budget."""
        return None if self._budget is None else self._budget.left(self._looked_at)

    @property
    def _looked_at(self) -> int:
        labels = self.catalog.labels
        return int(np.count_nonzero(labels.answered | labels.pending))

    @property
    def remaining(self) -> Remaining:
        """How many wrong labels are left, by the learned order and by audits."""
        return self.remaining_snapshot().remaining()

    def remaining_snapshot(self) -> RemainingSnapshot:
        """Return what `remaining` depends on, to compute it in another thread."""
        labels, queue = self.catalog.labels, self._cursor.rule_queue
        return RemainingSnapshot(
            label=self.predictions.label,
            preds=self.catalog.preds,
            label_new=labels.label_new.copy(),
            reviewed=labels.reviewed.copy(),
            queue_rows=queue.rows,
            rule=queue.rule,
            ranked=self.learned_queue.ranked,
            history=self.audits.history,
            records=self.audits.records,
            cutout_index=self.cutout_index,
            initial_state=labels.initial_state,
        )

    @property
    def threshold(self) -> float | None:
        """Confidence threshold in use; None if the table's own `preds` are used."""
        return self.catalog.threshold

    def set_threshold(self, value: float | None) -> None:
        """Set the threshold, and update outcomes and queue; decisions do not change.

        If the current cutout is not in the new queue, go to the next queued cutout, or
        else to the previous one.

        The saved table has its original `preds` and `error_id`.

        Parameters
        ----------
        value : float or None
            Confidence from 0 to 1, at or above which an artifact is predicted; None to
            use the table's own `preds`.

        Raises
        ------
        ValueError
            If the value is not between 0 and 1.
        ReviewError
            If the table has no column `confidence`.
        """
        self._cursor.set_threshold(value)
        self._learn()

    # Decisions

    @property
    def log(self) -> tuple[Entry, ...]:
        """All entries of the log, oldest first."""
        return self._journal.entries

    @property
    def last_decided_at(self) -> str:
        """Time of the last shown decision (UTC, ISO 8601); empty if there is none.

        A verdict that was carried from an earlier round does not count.
        """
        shown = self.reviewers.shown
        given = (
            one.decided_at
            for one in reversed(self.log)
            if one.action != "carry" and shown in ("", one.reviewer)
        )
        return next(given, "")

    @property
    def pending(self) -> tuple[Command, ...]:
        """Commands that are not recorded or refused yet, in the order of submission."""
        return self._journal.pending

    @property
    def last_command(self) -> Command | None:
        """Last verdict, undo or redo of this session, even if refused; or None."""
        return self._journal.last_command

    @property
    def refused(self) -> tuple[Command, ...]:
        """Refused commands that have not been retried, dismissed or replaced."""
        return self._journal.refused.commands

    @property
    def problem(self) -> StoreError | None:
        """Error that currently prevents recording; None if there is none.

        Each new command tries again to write to the log.
        """
        return self._journal.problem

    @property
    def patience(self) -> float:
        """Longest time in seconds that a window may wait for a command to be recorded.

        The time is 0 if the last write was slow or commands are pending.
        """
        return 0.0 if self._journal.recorder.is_slow else MAX_WAIT

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Cutouts whose label state in the table contradicts the recorded decision.

        Use `settle` to resolve disagreements.
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
        """Give a verdict on the current cutout; a verdict may also confirm the label.

        Parameters
        ----------
        value : "artifact", "no artifact" or "unsure"
            The verdict; "unsure" leaves the label unchanged.
        kind, note : str, optional
            Kind of artifact, and a note; by default empty.
        cutouts : sequence of CutoutKey, optional
            Cutouts that get the verdict instead of the current one. A single undo
            reverts all of them.
        wait : bool or float
            True: return when the decision is on disk. False: do not wait. A number:
            longest wait in seconds. If the caller does not wait, a dispatcher delivers
            the result; see `OpenLog.set_dispatcher`.

        Returns
        -------
        bool or Command
            If `wait` is True: True if a verdict was recorded, and False if the reviewer
            had already given the same verdict. Otherwise: the command, which is
            pending, recorded or refused.

        Raises
        ------
        ValueError
            If the value is not a verdict.
        ReviewError
            If a cutout is not in the table.
        StoreError
            If `wait` is True and the decision cannot be recorded; nothing is changed.
            Otherwise, the command has the error as its attribute `error`.
        """
        if value not in VERDICTS:
            raise ValueError(f"a verdict is one of {VERDICTS}, not {value!r}")
        rows = [self._cursor.row] if cutouts is None else [*map(self._row_of, cutouts)]
        self.open_log.await_earlier(wait)
        images = self.judged_images.facts_of_all(map(self.cutout_index.image_of, rows))
        view = self.view_settings
        if self._is_learned:
            view = view | {"order": self.learned_queue.facts}
        view = view | dict(self._cursor.purpose_of(rows))
        command = self._journal.decide(
            rows, value, kind or "", note or "", view, images
        )
        return self.open_log.await_answer(command, wait)

    @overload
    def undo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def undo(self, *, wait: float) -> Command | None: ...

    def undo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Undo the last act, recorded or pending, and go to its first cutout.

        An act is a verdict on one or more cutouts, or an adoption of labels.
        If there is no act to undo, return False, or None if `wait` is not True.
        Otherwise, see `set_label` for `wait`, the result and the errors.
        """
        self.open_log.await_earlier(wait)
        return self._go_to_act(self._journal.undo(), wait)

    @overload
    def redo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def redo(self, *, wait: float) -> Command | None: ...

    def redo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Redo the act that was undone last; see `undo` for details."""
        self.open_log.await_earlier(wait)
        return self._go_to_act(self._journal.redo(), wait)

    def _go_to_act(
        self, command: Command | None, wait: bool | float
    ) -> bool | Command | None:
        """Wait for an undo or redo, and go to its first cutout."""
        if command is None:
            return False if wait is True else None
        answer = self.open_log.await_answer(command, wait)
        # Move now, because a move after a late result would surprise the reviewer.
        if command.state != "refused":
            rows = [self.cutout_index.row_of(cutout) for cutout in command.cutouts]
            for cutout, note in command.notes.items():
                # The note of an undone verdict becomes the draft for the next verdict.
                if note and not self.expected_state(cutout).note:
                    self.drafts.setdefault(cutout, note)
            self._cursor.jump(rows[0])
            self.undo_or_redo_given.emit(rows, command.kind)
        return answer

    def expected_state(self, cutout: CutoutKey) -> LabelState:
        """Return the label state of a cutout after all pending commands are recorded.

        The label may be wrong while an undo or an unsure verdict is pending.
        """
        return self._journal.expected_state(cutout)

    def shown_state(self, cutout: CutoutKey) -> LabelState:
        """Return the label state of a cutout as far as the reviewer may see it.

        It is the state of `expected_state`. For a hidden cutout, it is the last pending
        verdict, or else empty, with -1 as `label_new`. For a cutout that is asked about
        again, it is the last pending verdict, or else the state without the verdicts of
        this round; see `Repeats`.
        """
        row, hidden = self._row_of(cutout), self.catalog.hidden
        if not hidden.mask[row] and row != hidden.repeated_row:
            return self.expected_state(cutout)
        given = [c.new_states for c in self.pending if cutout in c.new_states]
        if given:
            return given[-1][cutout]
        return LabelState(-1) if hidden.mask[row] else self.catalog.shown_state(row)[0]

    # Several reviewers

    @property
    def team_rules(self) -> TeamRules:
        """The rules of the reviewers, as they were last set in the log."""
        return self.reviewers.rules

    def set_team_rules(self, *, wait: bool | float = True, **changes: Any) -> Command:
        """Change rules of the team, such as ``is_blind=False``; the log records them.

        If the rules assign cutouts to members, the queue of each member has the
        assigned ones, with the common ones spread evenly over it. The reviewer can
        still go to any other cutout; a verdict on it is recorded as not assigned. The
        queue of a reviewer that is not a member has all cutouts.

        Parameters
        ----------
        wait : bool or float
            True: return when the rules are on disk. False: do not wait. A number:
            longest wait in seconds.
        **changes
            New values of attributes of `TeamRules`; the others are kept.

        Raises
        ------
        ReviewError
            If a value is out of its range.
        StoreError
            If the rules cannot be recorded.
        """
        command = self._journal.set_rules(changes)
        self.open_log.await_answer(command, wait)
        return command

    def agreement(
        self, brightness: npt.NDArray[np.float64] | None = None
    ) -> TeamAgreement:
        """Measure how well the reviewers agree, by their first independent verdicts.

        A verdict counts if it was given blind on an assigned cutout, and is not undone.
        Repeats measure how well reviewers agree with their own verdicts. Intervals go
        by full image. The functions `sentences` and `as_json` of the module
        `agreement_texts` make texts and plain JSON of the result.

        Parameters
        ----------
        brightness : ndarray of float64, shape (n,), optional
            Brightness of each cutout of the table, for the parts by brightness.
        """
        votes, index = self.reviewers.votes, self.cutout_index
        return team_agreement(votes, index, self.predictions, brightness)

    def team_snapshot(self, outcomes: Sequence[Outcome] = ()) -> TeamSnapshot:
        """Return the verdicts of all reviewers so far, for another thread.

        Its `overview` has the work of each reviewer, and what is disputed and open.
        The result has the verdicts of all reviewers; show none to a blind reviewer.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN", optional
            Outcomes of the cutouts under review; by default those of the queue.
        """
        return TeamSnapshot(
            self.log,
            self.team_rules,
            self.cutout_index,
            self.predictions,
            self.catalog.are(*(outcomes or self.review_queue.rule.outcomes)),
            self.catalog.labels.initial_state,
        )

    @property
    def disputed(self) -> pd.DataFrame:
        """Rows of `table` on which reviewers differ.

        A cutout is disputed if no majority settles it, and no adjudication that saw all
        verdicts; see `agree`. The rows say nothing about the verdicts of others.
        """
        return self.table.iloc[self._disputed_rows()]

    def show_disputed(self) -> bool:
        """Queue the disputed cutouts for adjudication, until `end_disputed`.

        The log records on which of them the reviewer has no verdict: a later one is not
        blind. Return False, and change nothing, if there are none.

        Raises
        ------
        HeldError
            If the review is read-only, and votes of others are hidden.
        """
        rows = self._disputed_rows()
        if len(rows):
            keys = map(self.cutout_index.key_of, rows.tolist())
            self.record_seen_votes(self.reviewers.unseen.intersection(keys))
            self._cursor.begin_detour(rows, ADJUDICATION)
        return bool(len(rows))

    def record_seen_votes(self, cutouts: Iterable[CutoutKey]) -> None:
        """Record that the reviewer sees votes of others on cutouts.

        A later verdict of the reviewer on them is not blind. Return without waiting for
        the disk.

        Raises
        ------
        HeldError
            If there is a cutout, and the review is read-only.
        """
        keys = sorted(cutouts)
        if keys and isinstance(self.problem, HeldError):
            raise self.problem.without_traceback()
        for first in range(0, len(keys), _MOST_SEEN):
            self._journal.record_seen_votes(keys[first : first + _MOST_SEEN])

    def _disputed_rows(self) -> npt.NDArray[np.int64]:
        disputed = self.reviewers.votes.disputed
        return np.array(sorted(map(self.cutout_index.row_of, disputed)), np.int64)

    def end_disputed(self) -> bool:
        """Return to the queue before `show_disputed`; return False if it is in use."""
        return self.is_adjudicating and self._end_detour()

    @property
    def is_adjudicating(self) -> bool:
        """Whether the queue has disputed cutouts; see `show_disputed`."""
        return self._cursor.purpose == ADJUDICATION

    @property
    def still_disputed(self) -> int:
        """Number of cutouts in the queue that are disputed.

        A pending adjudication does not settle a cutout yet.
        """
        queue = self.review_queue
        return sum(row in queue for row in self._disputed_rows().tolist())

    def next_disputed(self) -> bool:
        """Go to the next disputed cutout of the queue; return False if there is none.

        The search wraps around at the end of the queue. A cutout with a pending
        adjudication counts as settled.
        """
        which = np.zeros(len(self.predictions.label), dtype=bool)
        which[self._disputed_rows()] = True
        for command in self.pending:
            which[[*map(self.cutout_index.row_of, command.adjudications)]] = False
        return self._cursor.next_matching(which)

    def adjudication_of(self, cutout: CutoutKey) -> LabelState | None:
        """Return the verdict that settles a cutout, pending or in force, or None.

        The label and the time of a pending one are not known yet.
        """
        return self._journal.adjudications.of(cutout)

    def adjudicate(
        self,
        value: Verdict,
        kind: str = "",
        note: str = "",
        *,
        cutout: CutoutKey | None = None,
        wait: bool | float = True,
    ) -> Command:
        """Settle a cutout on which reviewers differ.

        An adjudication is no verdict of the reviewer: it decides the consensus only.
        It has no effect once a later verdict differs from what it saw. `undo` reverts
        it like a verdict. Nothing is recorded if the reviewer's same adjudication is in
        force.

        Parameters
        ----------
        value : "artifact", "no artifact" or "unsure"
            Label of the consensus; "unsure" keeps the label from before the review.
        kind, note : str
            Kind of artifact, and note.
        cutout : CutoutKey, optional
            The cutout; by default the current one.
        wait : bool or float
            See `set_team_rules`.

        Raises
        ------
        ValueError
            If `value` is not one of the verdicts.
        ReviewError
            If the cutout is not in the table, or has no verdict of a reviewer.
        StoreError
            If the adjudication cannot be recorded.
        """
        if value not in VERDICTS:
            raise ValueError(f"{value!r} is none of {', '.join(VERDICTS)}")
        row = self._cursor.row if cutout is None else self._row_of(cutout)
        key = self.cutout_index.key_of(row)
        if not self.reviewers.votes.on(key):
            raise self._not_found("no reviewer has given a verdict on this cutout")
        command = self._journal.adjudications.submit(key, value, kind, note)
        self.open_log.await_answer(command, wait)
        return command

    def retry_refused(self) -> tuple[Command, ...]:
        """Retry all refused commands in order, and return the new commands."""
        return self._journal.refused.retry_all()

    def dismiss_refused(self) -> None:
        """Discard the refused commands."""
        self._journal.refused.dismiss(self.refused)

    def settle(
        self,
        keep: LabelChoice,
        cutouts: Sequence[CutoutKey] | None = None,
        *,
        wait: bool | float = True,
    ) -> None:
        """Resolve disagreements between table and recorded decisions, as one act.

        Parameters
        ----------
        keep : "table" or "decision"
            Source of the labels to use from now on.
        cutouts : sequence of CutoutKey, optional
            Cutouts whose disagreements are resolved; by default all.
        wait : bool or float
            True: return when the choice is on disk. False: do not wait. A number:
            longest wait in seconds.

        Raises
        ------
        StoreError
            If the choice cannot be recorded; nothing is changed.
        """
        self.open_log.await_earlier(wait)
        self.open_log.await_answer(self._journal.settle(keep, cutouts), wait)

    @property
    def round_summary(self) -> RoundSummary | None:
        """Summary of the carried verdicts, and of the errors of both models.

        None if no verdict was carried and the review was opened without `previous`.
        """
        return summarise(self.catalog, self._plan)

    def metrics(self, outcomes: Sequence[Outcome] = ERRORS) -> Metrics:
        """Return the results: metrics before and after review, and what is left.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            Outcomes under review. A cutout is open if it has one of these outcomes and
            no verdict, or if its verdict is "unsure"; see `Catalog.snapshot`.

        Returns
        -------
        dict
            Metrics ``before`` and ``after`` review, and their ``lowest`` and
            ``highest`` values over all possible labels of the open cutouts. Each item
            is a dict with the keys ``tp, fp, fn, tn, precision, recall, f1,
            average_precision``. An undefined metric is None. See `Snapshot.metrics`.
            The item ``remaining`` says how many wrong labels are left, as plain JSON:
            a ``sentence``, the model's ``estimate`` for ``queue`` and ``table``, the
            exact intervals of the ``audits``, and looks and seconds to the target. See
            `remaining.as_json`. The item ``anchoring`` has the numbers of `Agreement`,
            or is None.

        Raises
        ------
        ValueError
            If an outcome is unknown.
        """
        numbers = self.catalog.snapshot(outcomes).metrics()
        return Metrics(
            before=numbers["before"],
            after=numbers["after"],
            lowest=numbers["lowest"],
            highest=numbers["highest"],
            remaining=as_json(self.remaining),
            anchoring=None if (shown := self.anchoring) is None else asdict(shown),
        )

    # Saving

    @property
    def unsaved(self) -> int:
        """Number of cutouts whose decision is not yet in the output."""
        return self.catalog.labels.unsaved

    @property
    def stored(self) -> int:
        """Number of cutouts with a decision of this round in the log."""
        return self.catalog.labels.decided

    def save(
        self,
        keep: OutputChoice | None = None,
        *,
        encoding: OutputEncoding = None,
        spreadsheet_safe: bool = False,
    ) -> Path:
        """Write the reviewed table to `output` and return its path.

        Pending commands are recorded first.

        Parameters
        ----------
        keep : "theirs", "ours", "beside" or "read", optional
            Resolution if another program changed the output: "theirs" adopts its labels
            and writes nothing, "ours" replaces the file after a dated backup, and
            "beside" writes the review to a file with a dated name. If the predictions
            table changed on disk, "read" writes its cells as they were read; `reopen`
            reads the new cells.
        encoding : "utf-8", optional
            Encoding of a text table, also for later saves; by default that of the table
            as read, which may lack a character of a note.
        spreadsheet_safe : bool
            Whether to also write a copy for spreadsheet programs beside the output,
            `<output>_spreadsheet.csv`. In the copy, strings that such a program would
            run as formulas are prefixed with an apostrophe, as OWASP recommends.

        Raises
        ------
        EncodingError
            If the encoding of the table lacks a character; nothing was written.
        TableChangedError
            If the predictions table changed on disk after it was read.
        OutputChangedError
            If another program changed the output and `keep` does not resolve this.
        SaveError
            If there are `disagreements`, or the file cannot be written. The old file is
            unchanged.
        StoreError
            If the review is read-only, or open for editing in another process.
        """
        self.open_log.await_earlier(True)
        job = self.saver.prepare(keep, encoding=encoding, spreadsheet=spreadsheet_safe)
        saved = job()
        self.saver.finish(saved)
        if saved.spreadsheet_error is not None:
            raise saved.spreadsheet_error
        return saved.path

    def save_consensus(
        self,
        output: str | Path | None = None,
        *,
        encoding: OutputEncoding = None,
        spreadsheet_safe: bool = False,
    ) -> SavedConsensus:
        """Write the consensus of all reviewers, and every verdict beside it.

        Pending commands are recorded first. The session keeps its own verdicts.

        Parameters
        ----------
        output : path-like, optional
            Path of the table; by default `<output>_consensus` with the same suffix.
            `votes.csv` is written into its folder. Different files of these names are
            first copied to dated names.
        encoding : "utf-8", optional
            See `save`; by default the encoding that was chosen for the output.
        spreadsheet_safe : bool
            Whether to write a copy of both tables for spreadsheet programs; see `save`.

        Returns
        -------
        SavedConsensus
            The paths, and the number of cutouts that are still disputed.

        Raises
        ------
        SaveError
            If a file cannot be written; see `write_consensus`.
        StoreError
            If the log cannot be read.
        """
        path = consensus_path(self.output) if output is None else absolute_path(output)
        write = partial(
            write_consensus,
            output=path,
            encoding=encoding or self.saver.encoding,
            spreadsheet_safe=spreadsheet_safe,
        )
        if self.reviewers.shows_consensus:
            return write(self)
        self.open_log.await_earlier(True)
        with self.open_read_only() as everyone:
            return write(everyone)

    def save_position(self) -> None:
        """Save the position of the review, without waiting for the disk.

        If there is a dispatcher, `problem` is updated after the attempt.

        Raises
        ------
        StoreError
            If the review is closed.
        """
        self._journal.recorder.save_state(self.position.as_json())

    @property
    def position(self) -> Position:
        """Copy of the current position, which `save_position` saves."""
        return Position(
            self.cutout_index.key_of(self._cursor.row_to_resume),
            deepcopy(self.view_settings),
            self.review_queue.rule,
            self.threshold,
            dict(self.drafts),
            self.open_log.meetings,
            self.saver.dated_copy,
            self.saver.encoding,
            self.shown_columns,
            self._given.mapping,
            self._given.cutout_size,
            LearnedState(self.learned_queue.seed, tuple(self._cursor.shown)),
            str(place) if (place := self.descriptors.embeddings) else None,
            self.audits.records,
            self._budget,
            dict(self.adjudication_drafts),
        )

    # Private methods

    def _begin_exchange(self, files: OpenedFiles) -> None:
        """Exchange the log with the meeting place, unless another process writes it."""
        if files.meeting_place is not None and not isinstance(self.problem, HeldError):
            self.open_log.begin_exchange(
                files.meeting_place, files.team_place, files.identity
            )
        self.team = self.open_log.team

    def _begin_repeats(self) -> None:
        """Ask about earlier cutouts again, as the rules of the team say."""
        self._repeats = Repeats(self.catalog, self._cursor, self._journal, self._work)
        self.reviewers.changed.connect(self._on_reviewers_changed)

    @property
    def _is_learned(self) -> bool:
        queue = self.review_queue
        return queue.rule.order == "learned" and queue.listed is None

    def _on_described(self) -> None:
        """Learn from further descriptors; called from a thread."""
        if self._dispatch is not None:
            self._dispatch(self._learn)

    def _restore(self, position: Position) -> tuple[str, ...]:
        """Restore the view, drafts and columns; return notices for the user."""
        self.view_settings = position.view
        if self.images.hdu is not None:
            self.view_settings = position.view | {"hdu": self.images.hdu}
        self.drafts = position.drafts
        self.adjudication_drafts = position.adjudication_drafts
        self._budget = position.budget
        self.own_columns = self.catalog.own_columns
        self.shown_columns, gone = _columns_to_show(position, self.own_columns)
        return gone

    def _expose_signals(self) -> None:
        """Make the signals of the parts attributes of the session."""
        self.current_changed = self._cursor.moved
        self.hidden_changed = self.catalog.hidden.changed
        self.queue_changed = self._cursor.queue_changed
        self.saved = self.saver.saved
        self.problem_changed = self._journal.problem_changed
        self.disagreements_changed = self._journal.disagreements_changed
        self.pending_changed = self._journal.pending_changed
        self.refused_changed = self._journal.refused.changed
        self.reviewers_changed = self.reviewers.changed

    def _prepare_learning(self, position: Position, embeddings: Path | None) -> None:
        stored = None if position.embeddings is None else Path(position.embeddings)
        self.descriptors = CutoutDescriptors(
            self.catalog, self.images, self.judged_images, embeddings or stored
        )
        # The computation ends with a session that is dropped without `close`.
        weakref.finalize(self, self.descriptors.close)
        journal = self._journal
        self.learned_queue = LearnedQueue(
            self.catalog,
            self.descriptors,
            lambda: journal.last_numbers,
            self._cursor.shown,
            position.learned.seed,
        )
        self.descriptors.progressed.connect(self._on_described)
        self.learned_queue.changed.connect(self._cursor.sort_again)
        self.audits = Audits(
            self.catalog, self._cursor, self._journal, self.reviewer, position.audits
        )

    def _start_describing(self) -> None:
        name = self.cutout_index.image_of(self._cursor.row)
        self.descriptors.start([name])

    def _learn(self) -> None:
        """Learn the order of the queue again, if the queue has the learned order.

        It is also learned while other cutouts are in the queue for a while, because
        the estimates of what is left depend on it. At the end, begin or end a repeat.
        """
        if self.review_queue.rule.order == "learned":
            self._start_describing()
            self.learned_queue.update(self._cursor.rule_queue)
            self.learning_changed.emit()
        self._repeats.update()

    def _carry(
        self, plan: CarryPlan | None, queue: QueueRule | None, order: Order
    ) -> None:
        """Carry the verdicts of a previous round, and set the queue of a new round."""
        self._plan = plan
        if plan is None:
            return
        is_first = not self.catalog.labels.carried_decisions
        if plan.decisions:
            self._journal.carry(plan.decisions, plan.contexts)
            self._journal.recorder.wait(ANSWER_TIMEOUT)
        self._notices += round_notices(self.catalog, plan)
        has_default = queue in (None, DEFAULT_RULE, replace(DEFAULT_RULE, order=order))
        if is_first and has_default and self.catalog.labels.carried_decisions:
            self._cursor.begin_round(order)
        else:
            self._cursor.update_queue(())
        if not isinstance(self.problem, HeldError):
            self._journal.recorder.save_state(self.position.as_json())

    @property
    def _unrecorded_round(self) -> Path | None:
        """The previous round, if its verdicts could not be recorded here."""
        is_refused = any(command.kind == "carry" for command in self.refused)
        if self._plan is None or not (
            is_refused or isinstance(self.problem, HeldError)
        ):
            return None
        return self._plan.path

    def _row_of(self, cutout: CutoutKey) -> int:
        try:
            return self.cutout_index.row_of(cutout)
        except KeyError:
            what = f"no cutout {cutout.title} is in the table"
            raise self._not_found(what) from None

    def _not_found(self, what: str) -> ReviewError:
        return ReviewError(what, path=self.predictions.path)

    def _on_changed(self, rows: list[int]) -> None:
        self._repeats.update_answers(rows)
        self.catalog.hidden.update(rows)
        self._cursor.update_queue(rows)
        self.learned_queue.note_labels(rows)
        for row in rows:
            key = self.cutout_index.key_of(row)
            # A draft with another text is for a later verdict.
            if self.drafts.get(key) == self.catalog.labels.state_of(row).note:
                del self.drafts[key]
            if key in self.adjudication_drafts:
                settled = self.reviewers.votes.adjudication_in_force(key)
                if settled and settled.note == self.adjudication_drafts[key]:
                    del self.adjudication_drafts[key]
        for row in rows:
            self.label_changed.emit(row)
        self.decided.emit(rows)
        self._learn()

    def _on_reviewers_changed(self) -> None:
        if self._work.update():
            self._cursor.sort_again()
            self._learn()


def _columns_to_show(
    position: Position, own_columns: OwnColumns
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the stored columns that the table has, and notices about the others."""
    stored, names = position.shown_columns, own_columns.names
    gone = tuple(name for name in stored if name not in names)
    notices = (
        f"The table no longer has the column {name}, which was shown with the cutouts."
        for name in gone
    )
    return tuple(name for name in stored if name in names), tuple(notices)
