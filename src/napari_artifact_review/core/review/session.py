"""A review: the single truth that layers, widgets and scripts show and change."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, overload

import pandas as pd
from psygnal import Signal

from napari_artifact_review.core.cutout import Cutout, CutoutKey
from napari_artifact_review.core.decisions.command import Command
from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.entry import Entry, plain_json
from napari_artifact_review.core.decisions.exchange import find_meeting_place
from napari_artifact_review.core.decisions.log import MAX_WAIT, LabelState, login_name
from napari_artifact_review.core.decisions.log_opening import find_log_path, open_log
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.meeting_place import (
    MeetingPlace,
    ReviewIdentity,
)
from napari_artifact_review.core.decisions.recorder import ANSWER_TIMEOUT, Recorder
from napari_artifact_review.core.decisions.schema import (
    Binding,
    SaveRecord,
    StoreContents,
)
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import (
    HeldError,
    ReviewError,
    SaveError,
    StoreError,
)
from napari_artifact_review.core.grid import DEFAULT_CUTOUT_SIZE, infer_cutout_size
from napari_artifact_review.core.images.folder import ImageFolder
from napari_artifact_review.core.kinds import DEFAULT_KINDS, kinds_beside
from napari_artifact_review.core.outcomes import (
    ERRORS,
    VERDICTS,
    Outcome,
    Verdict,
)
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.output import (
    Output,
    OutputChoice,
    Saved,
    check_output,
)
from napari_artifact_review.core.review.paths import (
    default_images,
    default_output,
    notices_on,
)
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.queue import Order, Queue, QueueRule, State
from napari_artifact_review.core.review.resume import (
    Disagreement,
    LabelChoice,
    binding_of,
    match,
)
from napari_artifact_review.core.review.reviewed import ReviewedTable
from napari_artifact_review.core.review.team import Team
from napari_artifact_review.core.scores.metrics import Numbers, When
from napari_artifact_review.core.tables.predictions import read_predictions

#: The default order: image by image, as the table names them.
_FIRST_RULE = QueueRule(order="image")


class ReviewSession:
    """A review of one predictions table.

    Make one with `ReviewSession.open`, and close it, or use it in a `with` statement:
    until then no other process can decide in this review. Each decision is on disk
    before `label_changed` tells of it; an earlier review of the same table goes on
    where it was left.

    Attributes
    ----------
    current_changed : Signal
        Emitted without arguments when another cutout is the current one.
    label_changed : Signal
        Emitted with the row whose `label_new` was decided, undone or redone.
    decided : Signal
        Emitted with all rows of an act at once, after `label_changed` for each.
    turned : Signal
        Emitted with all rows of an act that is taken back ("undo") or made again
        ("redo"), and with which of both, when that is asked for and the first of them
        is the current one.
    queue_changed : Signal
        Emitted when there is another queue, or another threshold.
    saved : Signal
        Emitted with the path once the reviewed table is written.
    problem_changed : Signal
        Emitted when decisions cannot be kept any more, or can be again: see `problem`.
    disagreements_changed : Signal
        Emitted when there are fewer `disagreements`.
    pending_changed : Signal
        Emitted when a command was given, recorded or refused: see `pending`.
    refused_changed : Signal
        Emitted when there are other commands in `refused`.
    team : Team or None
        The exchange with other computers, if a meeting place was named.
    kinds : tuple of str
        The kinds of artifact that are offered; others can be given as well.
    view_settings : dict
        How the review is looked at, as plain JSON; kept with it and with each decision.
    drafts : dict of CutoutKey to str
        Unfinished notes about cutouts without a later verdict; kept with the review.
    """

    current_changed = Signal()
    label_changed = Signal(int)
    decided = Signal(list)
    turned = Signal(list, str)
    queue_changed = Signal()
    saved = Signal(Path)
    problem_changed = Signal()
    disagreements_changed = Signal()
    pending_changed = Signal()
    refused_changed = Signal()

    def __init__(
        self,
        catalog: Catalog,
        images: ImageFolder,
        output: Output,
        store: Store,
        contents: StoreContents,
        notices: Sequence[str],
        reviewer: str,
    ) -> None:
        self.catalog = catalog
        self.predictions = catalog.predictions
        self.cutout_index = catalog.cutout_index
        self.cutout_size = catalog.cutout_size
        self.images = images
        self.reviewer = reviewer
        self.kinds = DEFAULT_KINDS
        self._notices = tuple(notices)
        self._store = store
        position, notices = Position.from_json(contents.state)
        self._meetings = position.meetings
        self.team: Team | None = None
        # With its password, for another opening; never shown.
        self._team_url: str | None = None
        self._notices = (*self._notices, *notices)
        self.view_settings = position.view
        self.drafts = position.drafts
        self._output = output
        self._journal = Journal(catalog, store, contents, reviewer)
        self._journal.mark_saved(contents.saves, output.found_digest)
        self._journal.changed.connect(self._take_changes)
        # A signal that is a slot psygnal keeps for good, with all that listens to it;
        # and a function would keep this session until Python looks for garbage.
        self._journal.problem_changed.connect(self._tell_problem)
        self._journal.disagreements_changed.connect(self._tell_disagreements)
        self._journal.pending_changed.connect(self._tell_pending)
        self._journal.refused_changed.connect(self._tell_refused)
        self._queue = self._first_queue(position)
        self._row = self._first_row(position)
        self._left_row: int | None = None
        # A session that is not closed is closed with its last user, or with Python.
        self._release = weakref.finalize(self, _release, self._journal.recorder)

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
        """Open a predictions table for review, or go on with its review.

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
            Side of a cutout in pixels; by default what the grid tells, else 200.
        reviewer : str, optional
            Name of the reviewer; by default the user's login name.
        store : path-like or str, optional
            The SQLite file of the log, or its URL; by default
            `<output>.review.sqlite`. The URL of a server means `team`.
        team : str, optional
            The URL of a PostgreSQL database in which this review meets those of other
            computers. Verdicts are exchanged in the background.
        replaced : ReviewSession, optional
            A session that this one takes the place of, should it be the same review.
        read_only : bool
            Whether it is only looked at: no file is made or written, nobody is kept
            out, and nothing can be decided or saved.

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
        path = Path(predictions).expanduser().absolute()
        where = Path(output).expanduser().absolute() if output else default_output(path)
        file = find_log_path(store, where)
        if team is None and replaced is not None and file == replaced._store.path:
            # The same review goes on meeting the others.
            team = replaced._team_url
        # Refused before anything is read or made.
        place = _meeting_place(store, team)
        if read_only and place is not None:
            raise StoreError(
                "a meeting place cannot be read without a log on this computer",
                where=place.name,
                remedy="Open the review with it once; then leave it out here",
            )
        check_output(where)
        table = read_predictions(path)
        if images is None:
            folder = default_images(path, table.image_names[0])
        else:
            folder = ImageFolder(Path(images).expanduser().absolute())
        size = cutout_size or infer_cutout_size(table.grid_x, table.grid_y)
        catalog = Catalog(table, size or DEFAULT_CUTOUT_SIZE)
        kinds = DEFAULT_KINDS
        faults: tuple[str, ...] = ()
        try:
            kinds = kinds_beside(path)
        except ReviewError as error:
            # A list that is only offered stops no review.
            faults = (f"The default kinds of artifact are used: {error}",)
        with nullcontext() if replaced is None else replaced._at_rest():
            former = None if replaced is None else replaced._store
            log, notices = open_log(file, where, former, read_only)
            try:
                contents, binding = log.read(), binding_of(table)
                if replaced is not None and replaced._store.path == log.path:
                    # It goes on where that one is, also if that could not be saved.
                    contents = replace(contents, state=plain_json(replaced._state()))
                notices += (*match(contents, binding, catalog.cutout_index), *faults)
                log.bind(binding)
                known = Output(where, [save.digest for save in contents.saves], table)
                session = cls(
                    catalog,
                    folder,
                    known,
                    log,
                    contents,
                    notices,
                    reviewer or login_name(),
                )
            except BaseException:
                log.close()
                raise
            # Whether anything can be recorded is known before the first verdict.
            session._journal.recorder.begin(session._state())
            session.kinds = kinds
        if place is not None and not isinstance(session.problem, HeldError):
            session._meet(place, team or str(store), contents.review_id, binding)
        return session

    def with_output(self, output: str | Path) -> Self:
        """Return this review with another output; nothing is to be decided meanwhile.

        What was decided goes with it. This session stays as it is, to be closed.

        Raises
        ------
        SaveError
            If no table can be written to `output`.
        StoreError
            If decisions are kept beside that output already, or cannot be written.
        """
        where = Path(output).expanduser().absolute()
        check_output(where)
        if self._store.path not in (
            log_path_beside(self.output),
            log_path_in_user_data(self.output),
        ):
            raise StoreError(
                f"the decisions are kept in {self._store.path}, not beside the output",
                remedy="Close the review, and open the table with the other output",
            )
        with self._at_rest():
            self._copy_log_beside(where)
            return self._opened_again(where)

    def _copy_log_beside(self, where: Path) -> None:
        fresh, _ = open_log(log_path_beside(where), where)
        try:
            there = fresh.read()
            if there.entries:
                raise StoreError(
                    f"a review with {len(there.entries)} entries is beside that output",
                    path=fresh.path,
                    remedy="Open the table with that output to resume it, or choose "
                    "another output",
                )
            fresh.bind(binding_of(self.predictions))
            fresh.append(self.log)
        finally:
            fresh.close(self._state())

    def reopened(self, images: Path | None = None) -> Self:
        """Return this review as it is now, also where another process went on with it.

        What is pending is recorded first. This session stays as it is, to be closed.
        Parameters and errors are those of `open`; images are looked for where they
        were unless another folder is named.
        """
        return self._opened_again(
            self.output, images, store=self._store.path, replaced=self
        )

    def _opened_again(
        self, output: Path, images: Path | None = None, **named: Any
    ) -> Self:
        return type(self).open(
            self.predictions.path,
            images or self.images.folder,
            output,
            cutout_size=self.cutout_size,
            reviewer=self.reviewer,
            team=self._team_url,
            **named,
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
            Seconds after which what is still pending is given up.
        """
        if self._release.detach():
            if self.team is not None:
                self.team.close()
            for emits in (self._journal.changed, self._journal.pending_changed):
                emits.block()
            for tells in (self._journal.problem_changed, self._journal.refused_changed):
                tells.block()
            self._journal.disagreements_changed.block()
            self._journal.recorder.close(
                self._state(), wait=wait, lost=lost, timeout=timeout
            )

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Record what is pending, and nothing new, while another session reads the log.

        Raises
        ------
        StoreError
            If the disk does not answer.
        """
        if self.team is not None:
            self.team.suspend()
        try:
            self._drain()
            yield
        except BaseException:
            if self.team is not None:
                self.team.resume()
            raise

    def _drain(self) -> None:
        if not self.wait_until_recorded(ANSWER_TIMEOUT):
            titles = "; ".join(command.title for command in self.pending)
            raise StoreError(
                f"some verdicts are not recorded yet ({titles})",
                path=self._store.path,
                remedy="Try again once the disk answers, or close the review",
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

    def _meet(
        self, place: MeetingPlace, url: str, review_id: str, binding: Binding
    ) -> None:
        """Exchange the log with a meeting place from now on."""
        identity = ReviewIdentity(review_id, binding.fingerprint, binding.table_name)
        earlier = self._meetings.get(place.name)
        self._team_url = url
        self.team = Team(place, self._journal, identity, earlier)
        # The finalizer must not keep the session.
        self._release.detach()
        recorder = self._journal.recorder
        self._release = weakref.finalize(self, _release, recorder, self.team)
        self.team.start()

    # What is in the review

    @property
    def table(self) -> pd.DataFrame:
        """The table with its outcomes and labels as they now are (a copy).

        The columns that were read, those of the design with their types, with
        `outcome`, `error_id`, `label_new`, `reviewed_by`, `reviewed_at`, `decision`,
        `kind` and `note`.
        """
        return self.catalog.table

    @property
    def errors(self) -> pd.DataFrame:
        """The rows of `table` that are errors, image by image."""
        return self.table.iloc[self.catalog.errors]

    @property
    def output(self) -> Path:
        """Where the reviewed table is saved."""
        return self._output.path

    @property
    def store(self) -> str:
        """The file of the log."""
        return str(self._store.path)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reviewer should know of table and output, in sentences."""
        return (*self._notices, *notices_on(self.predictions, self._output))

    def add_notice(self, notice: str) -> None:
        """Add a sentence to `notices`, such as about a view that cannot be restored."""
        self._notices += (notice,)

    @property
    def image_names(self) -> tuple[str, ...]:
        """Every full image of the table, in the order of its first cutout."""
        return self.predictions.image_names

    @property
    def progress(self) -> tuple[int, int]:
        """How many have been reviewed of the cutouts that the queue is about."""
        return self._queue.progress

    @property
    def unsaved(self) -> int:
        """How many cutouts have decisions that the output does not show yet."""
        return self.catalog.labels.unsaved

    # Where the review stands

    @property
    def current(self) -> pd.Series[Any]:
        """The row of `table` that is looked at."""
        return self.table.iloc[self._row]

    @property
    def current_cutout(self) -> Cutout:
        """The cutout that is looked at."""
        return self.catalog.cutout(self._row)

    def next(self, *, skip: Container[int] = ()) -> bool:
        """Go to the next cutout of the queue; return False, and stay, if none.

        Parameters
        ----------
        skip : container of int
            Rows that are passed by.
        """
        row = self._queue.after(self._row)
        while row is not None and row in skip:
            row = self._queue.after(row)
        return self._move_to(row, jumps=False)

    def previous(self) -> bool:
        """Go to the previous cutout of the queue; return False, and stay, if none."""
        return self._move_to(self._queue.before(self._row), jumps=False)

    def next_unreviewed(self) -> bool:
        """Go to the next unreviewed cutout of the queue; return False if none.

        After the last one it begins with the first. A pending verdict counts as a
        review.
        """
        pending = {
            self.cutout_index.row_of(cutout)
            for command in self.pending
            for cutout in command.new_states
        }
        first = row = self._queue.unreviewed_after(self._row)
        while row in pending:
            row = self._queue.unreviewed_after(row)
            if row == first:
                return False
        return self._move_to(row, jumps=False)

    def back(self) -> bool:
        """Go back to where one was before the last jump; again, and one is here again.

        A jump is any move that does not follow the queue. False if there was none.
        """
        return self._move_to(self._left_row)

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
            raise ReviewError(
                f"no error has the number {error_id}", path=self.predictions.path
            ) from None
        self._move_to(row)

    def select(self, image_name: str, grid_x: int, grid_y: int) -> None:
        """Go to any cutout, error or not.

        Raises
        ------
        ReviewError
            If the table has no such cutout.
        """
        self._move_to(self._row_of(CutoutKey(image_name, grid_x, grid_y)))

    def _row_of(self, cutout: CutoutKey) -> int:
        try:
            return self.cutout_index.row_of(cutout)
        except KeyError:
            raise ReviewError(
                f"no cutout {cutout.image_name} ({cutout.grid_x}, {cutout.grid_y}) is "
                "in the table",
                path=self.predictions.path,
            ) from None

    def select_image(self, image_name: str) -> None:
        """Go to an image's first cutout of the queue, or else of the table.

        Raises
        ------
        ReviewError
            If the table has no such image.
        """
        if image_name not in self.image_names:
            raise ReviewError(
                f"no image {image_name} is in the table", path=self.predictions.path
            )
        rows = self._queue.rows_of(image_name)
        if not len(rows):
            rows = self.cutout_index.cutouts_of(image_name)
        self._move_to(int(rows[0]))

    def _move_to(self, row: int | None, *, jumps: bool = True) -> bool:
        if row is None:
            return False
        if row != self._row:
            if jumps:
                self._left_row = self._row
            self._row = row
            self.current_changed.emit()
        return True

    # What is to be looked at

    @property
    def queue(self) -> pd.DataFrame:
        """The rows of `table` that are to be looked at, in their order."""
        return self.table.iloc[self._queue.rows]

    @property
    def review_queue(self) -> Queue:
        """The queue as rows and counts, without a copy of the table."""
        return self._queue

    def set_queue(
        self,
        outcomes: Sequence[Outcome] = ERRORS,
        state: State = "all",
        images: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
        order: Order = "table",
        seed: int = 0,
    ) -> None:
        """Choose what is to be looked at, and in which order.

        The current cutout stays where it is in the queue; else the first one that
        follows is the current one.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            The outcomes, at the threshold in force.
        state : "all", "unreviewed", "reviewed", "changed" or "unsure"
            What of the review; what is decided later lets a cutout in or out.
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
        self._take_queue(Queue(self.catalog, rule))

    @property
    def threshold(self) -> float | None:
        """The confidence from which the model says "artifact"; None: its `preds`."""
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
        self.catalog.set_threshold(value)
        self._take_queue(Queue(self.catalog, self._queue.rule))

    def _take_queue(self, queue: Queue) -> None:
        self._queue = queue
        row = self._row
        if row not in queue:
            others = queue.after(row), queue.before(row), row
            row = next(other for other in others if other is not None)
        # A listener to one signal finds the other change made.
        moved, self._row = row != self._row, row
        self.queue_changed.emit()
        if moved:
            self.current_changed.emit()

    # What is decided

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
        """The reason why nothing can be recorded, if so; each try finds out anew."""
        return self._journal.problem

    @property
    def patience(self) -> float:
        """Seconds that a window may wait for a command to be recorded.

        Zero if the disk was slow the last time, or is still busy.
        """
        return 0.0 if self._journal.recorder.is_slow else MAX_WAIT

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Where `label_new` of the table is not what was decided; see `settle`."""
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
            The kind of artifact, and anything else; by default empty.
        cutouts : sequence of CutoutKey, optional
            Decide about these instead, as one act, which is undone as one.
        wait : bool or float
            True: return when the decision is on disk. False: do not wait. A number:
            wait at most so many seconds. `set_dispatcher` says how the answer comes to
            a caller that does not wait.

        Returns
        -------
        bool or Command
            After waiting: False if the same reviewer said the same before. Else the
            command, which is pending, recorded or refused.

        Raises
        ------
        ValueError
            If the value is none of them.
        ReviewError
            If the table has no such cutout.
        StoreError
            If the decision cannot be recorded; then it is not made. Only a caller that
            waits gets it; the command tells it to others.
        """
        if value not in VERDICTS:
            raise ValueError(f"a verdict is one of {VERDICTS}, not {value!r}")
        rows = [self._row] if cutouts is None else [*map(self._row_of, cutouts)]
        self._await_earlier(wait)
        command = self._journal.decide(
            rows, value, kind or "", note or "", self.view_settings
        )
        return self._answer(command, wait)

    @overload
    def undo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def undo(self, *, wait: float) -> Command | None: ...

    def undo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Take back the last command and go to its cutout; False or None without one.

        The last one is taken back, whether it is recorded or still pending. `wait`,
        results and errors are those of `set_label`.
        """
        self._await_earlier(wait)
        return self._turn(self._journal.undo(), wait)

    @overload
    def redo(self, *, wait: Literal[True] = ...) -> bool: ...

    @overload
    def redo(self, *, wait: float) -> Command | None: ...

    def redo(self, *, wait: bool | float = True) -> bool | Command | None:
        """Make the command undone last again; as `undo`."""
        self._await_earlier(wait)
        return self._turn(self._journal.redo(), wait)

    def _turn(
        self, command: Command | None, wait: bool | float
    ) -> bool | Command | None:
        if command is None:
            return False if wait is True else None
        answer = self._answer(command, wait)
        # The reviewer is taken there now: a late answer does not.
        if command.state != "refused":
            rows = [self.cutout_index.row_of(cutout) for cutout in command.cutouts]
            self._keep_notes(command.notes)
            self._move_to(rows[0])
            self.turned.emit(rows, command.kind)
        return answer

    def given(self, cutout: CutoutKey) -> LabelState:
        """Return the last verdict about a cutout, also one that is still pending.

        The label of a pending one has no meaning.
        """
        return self._journal.given(cutout)

    def _keep_notes(self, notes: Mapping[CutoutKey, str]) -> None:
        """Keep the notes of a verdict that is taken back, for the right one."""
        for cutout, note in notes.items():
            if note and not self.given(cutout).note:
                self.drafts.setdefault(cutout, note)

    def give_again(self) -> tuple[Command, ...]:
        """Give the refused commands again, in their order; return the new ones."""
        return self._journal.give_again()

    def dismiss_refused(self) -> None:
        """Forget the refused commands."""
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
            Whose label is in force from now on.
        cutouts : sequence of CutoutKey, optional
            Which disagreements are settled; by default all.
        wait : bool or float
            As for `set_label`.

        Raises
        ------
        StoreError
            If that cannot be recorded; then nothing is settled.
        """
        self._await_earlier(wait)
        self._answer(self._journal.settle(keep, cutouts), wait)

    def _await_earlier(self, wait: bool | float) -> None:
        """Wait for all that was given before, for a caller that waits anyway."""
        if wait is True:
            if self.team is not None:
                self.team.take_received()
            self._journal.recorder.wait()

    def _answer(self, command: Command, wait: bool | float) -> bool | Command:
        self._journal.recorder.wait(None if wait is True else float(wait))
        if wait is not True:
            return command
        if command.error is not None:
            # The caller has the error itself.
            self._journal.dismiss_refused([command])
            raise command.error.again()
        return bool(command.entries)

    def set_dispatcher(
        self, dispatch: Callable[[Callable[[], object]], None] | None
    ) -> None:
        """Deliver the answers to commands on the caller's thread.

        Parameters
        ----------
        dispatch : callable or None
            Called from any thread; runs the function that it is given in the thread
            that this session is used in, soon.
        """
        self._journal.recorder.set_dispatcher(dispatch)

    def save_position(self) -> None:
        """Save the current cutout and the view; it does not wait for the disk.

        Where decisions could not be recorded, it finds out whether they can be now.
        """
        self._journal.recorder.save_state(self._state())

    def _take_changes(self, rows: list[int], _: str) -> None:
        for row in rows:
            self._queue.update(row)
            self._forget_draft(row)
        for row in rows:
            self.label_changed.emit(row)
        self.decided.emit(rows)

    def _forget_draft(self, row: int) -> None:
        """Forget a draft that is recorded; another one waits for its own verdict."""
        key = self.cutout_index.key_of(row)
        if self.drafts.get(key) == self.catalog.labels.state_of(row).note:
            del self.drafts[key]

    def _tell_pending(self) -> None:
        self.pending_changed.emit()

    def _tell_refused(self) -> None:
        self.refused_changed.emit()

    def _tell_problem(self) -> None:
        self.problem_changed.emit()

    def _tell_disagreements(self) -> None:
        self.disagreements_changed.emit()

    # What has changed

    def metrics(self, outcomes: Sequence[Outcome] = ERRORS) -> dict[When, Numbers]:
        """Return how good the predictions are by the labels before and after.

        Parameters
        ----------
        outcomes : sequence of "FP", "FN", "TP", "TN"
            The outcomes that are under review: what of them nobody has reviewed is
            open, as is all that somebody is unsure about; see `Catalog.snapshot`.

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

    # What is saved

    def save(self, keep: OutputChoice | None = None) -> Path:
        """Write the reviewed table to `output` and return where it is.

        What is pending is recorded first.

        Parameters
        ----------
        keep : "theirs", "ours", "beside" or "read", optional
            What to do about an output that another program changed: take its labels
            over and write nothing, write ours and keep theirs as a dated backup, or
            write ours to a dated name beside it. What to do about a predictions table
            that changed on disk: "read" writes its cells as they were read;
            `reopened` is the way to its new cells.

        Raises
        ------
        TableChangedError
            If the predictions table changed on disk since it was read.
        OutputChangedError
            If another program changed the output and `keep` says nothing.
        SaveError
            If it cannot be written; what was there is untouched.
        StoreError
            If another process holds the review.
        """
        self._await_earlier(True)
        return self.take_saved(self.saving(keep)()).path

    def saving(self, keep: OutputChoice | None = None) -> Callable[[], Saved]:
        """Return the job that `save` does, to be run in any thread.

        What it returns is for `take_saved`; parameters and errors are those of `save`.
        """
        if isinstance(self.problem, HeldError):
            raise self.problem.again()
        if self.disagreements:
            count = len(self.disagreements)
            raise SaveError(
                f"the table and the recorded verdicts differ in {count} "
                f"{'label' if count == 1 else 'labels'}",
                path=self.output,
                remedy="Choose first which labels to keep",
            )
        table = ReviewedTable(
            self.predictions,
            self.catalog.labels.label_new.copy(),
            self.catalog.labels.differing(),
            self.catalog.labels.decisions,
            self.catalog.labels.shown(),
        )
        heads = self._journal.last_numbers

        def note(digest: str) -> None:
            record = SaveRecord(digest, str(self.output), heads)
            # A store that cannot be written must not stop the other copy from it.
            with suppress(StoreError):
                self._journal.recorder.add_save(record)

        def save() -> Saved:
            # Who closes the review meanwhile closes it when the output is noted.
            with self._journal.recorder.staying_open():
                return self._output.save(table, note, keep)

        return save

    def take_saved(self, saved: Saved, *, wait: bool | float = True) -> Saved:
        """Note what came of a save; `wait` is that of `set_label`."""
        if saved.taken_over is not None:
            self._await_earlier(wait)
            self._answer(self._journal.adopt(saved.taken_over), wait)
        elif saved.path == self.output:
            self.catalog.labels.mark_saved(saved.table.decisions)
        self.saved.emit(saved.path)
        return saved

    # Inside

    def _state(self) -> dict[str, Any]:
        # A copy: it is written in another thread, while this one may change it.
        position = Position(
            self.cutout_index.key_of(self._row),
            deepcopy(self.view_settings),
            self._queue.rule,
            self.threshold,
            dict(self.drafts),
            dict(self._meetings),
        )
        if self.team is not None and self.team.meeting is not None:
            position.meetings[self.team.name] = self.team.meeting
        return position.as_json()

    def _first_queue(self, position: Position) -> Queue:
        """Return the queue that the review was left with, or else all errors."""
        try:
            self.catalog.set_threshold(position.threshold)
            return Queue(self.catalog, position.queue or _FIRST_RULE)
        except ReviewError as error:
            # An image or the confidence was in the table then.
            self._notices += (f"The queue was reset to all errors: {error.what}.",)
            self.catalog.set_threshold(None)
            return Queue(self.catalog, _FIRST_RULE)

    def _first_row(self, position: Position) -> int:
        """Return where the review was left, or else the first of the queue."""
        if position.cutout is not None and position.cutout in self.cutout_index:
            return self.cutout_index.row_of(position.cutout)
        rows = self._queue.rows
        return int(rows[0]) if len(rows) else 0


def _release(recorder: Recorder, team: Team | None = None) -> None:
    recorder.close(None)
    if team is not None:
        team.close()


def _meeting_place(store: str | Path | None, team: str | None) -> MeetingPlace | None:
    """Return the meeting place that a review names, which `store` may do as well."""
    if team is not None:
        return find_meeting_place(team)
    is_url = isinstance(store, str) and "://" in store
    if is_url and not isinstance(read_database_url(str(store)), Path):
        return find_meeting_place(str(store))
    return None
