"""Cursor of a review: the current cutout, and moves through the queue."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.outcomes import OUTCOMES
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.position import Position
from napari_artifact_review.core.review.queue import Order, Queue, QueueRule, Rows

#: Rule of the default queue: all errors, sorted by image.
DEFAULT_RULE = QueueRule(order="image")

#: Rule of the default queue after verdicts of an earlier round were carried.
NEXT_ROUND_RULE = QueueRule(OUTCOMES, "next round", order="image")


class ReviewCursor:
    """The current cutout and the queue of a review.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table.
    queue : Queue
        The cutouts to review.
    row : int
        Row of the current cutout.

    Attributes
    ----------
    moved : Signal
        Emitted when the current cutout has changed.
    queue_changed : Signal
        Emitted when the queue or the threshold has been replaced.
    queue : Queue
        The cutouts to review, in order.
    row : int
        Row of the current cutout.
    shown : dict of int to None
        Rows that were current in a queue with the learned order, in that order.
    purpose : mapping
        What the verdicts on listed cutouts are for, as plain JSON; see `begin_detour`.
    """

    moved = Signal()
    queue_changed = Signal()

    def __init__(self, catalog: Catalog, queue: Queue, row: int) -> None:
        self.queue = queue
        self.row = row
        self.shown: dict[int, None] = {}
        self._catalog = catalog
        self._carried_changes = catalog.labels.carried_changes
        # The row from which the last jump started.
        self._jumped_from: int | None = None
        # The row at which a detour began, and the queue of the rule meanwhile.
        self._left_at: int | None = None
        self._rule_queue: Queue | None = None
        self.purpose: Mapping[str, Any] = {}

    @classmethod
    def restored(
        cls, catalog: Catalog, position: Position, order: Order = DEFAULT_RULE.order
    ) -> tuple[Self, tuple[str, ...]]:
        """Create a cursor at a stored position; return it with notices for the user.

        Without a stored queue, the queue has all errors in the given order. Without a
        stored cutout, the current cutout is the first of the queue.
        """
        notices: tuple[str, ...] = ()
        try:
            catalog.set_threshold(position.threshold)
            rule = position.queue or replace(DEFAULT_RULE, order=order)
            queue = Queue(catalog, rule)
        except ReviewError as error:
            # The table no longer has an image or the confidences that the position
            # needs, or it has no confidences for the wanted order.
            notices = (f"The queue was reset to all errors: {error.what}.",)
            catalog.set_threshold(None)
            queue = Queue(catalog, DEFAULT_RULE)
        if position.cutout is not None and position.cutout in catalog.cutout_index:
            row = catalog.cutout_index.row_of(position.cutout)
        else:
            row = int(queue.rows[0]) if len(queue) else 0
        cursor = cls(catalog, queue, row)
        rows = len(catalog.preds)
        cursor.shown = dict.fromkeys(n for n in position.learned.shown if n < rows)
        cursor.note_shown()
        return cursor, notices

    def begin_round(self, order: Order) -> None:
        """Replace the queue by the default queue of a next round, in an order.

        Move to the first cutout that needs a verdict.
        """
        try:
            self.set_queue(replace(NEXT_ROUND_RULE, order=order))
        except ReviewError:
            # The table has no confidences for the wanted order.
            self.set_queue(NEXT_ROUND_RULE)
        self._jumped_from = None

    def update_queue(self, rows: Iterable[int]) -> None:
        """Update the queue after the labels of rows have changed.

        If verdicts of an earlier round have changed, the queue is created again,
        because other cutouts may be candidates.
        """
        if self._carried_changes != self._catalog.labels.carried_changes:
            self._replace_queue(self._queue_again(), self.row)
        for row in rows:
            self.queue.update(row)
            if self._rule_queue is not None:
                self._rule_queue.update(row)

    def next(self, skip: Container[int] = ()) -> bool:
        """Move to the next cutout of the queue whose row is not in `skip`.

        Return True if there is such a cutout. Otherwise, return False and do not move.
        """
        row = self.queue.after(self.row)
        while row is not None and row in skip:
            row = self.queue.after(row)
        return self._move(row)

    def previous(self) -> bool:
        """Move to the previous cutout of the queue; return False if there is none."""
        return self._move(self.queue.before(self.row))

    def next_unreviewed(self, skip: Container[int] = ()) -> bool:
        """Move to the next unreviewed cutout of the queue whose row is not in `skip`.

        The search wraps around at the end of the queue. Return False, and do not move,
        if there is no such cutout.
        """
        first = row = self.queue.unreviewed_after(self.row)
        while row is not None and row in skip:
            row = self.queue.unreviewed_after(row)
            if row == first:
                return False
        return self._move(row)

    def next_matching(self, which: npt.NDArray[np.bool_]) -> bool:
        """Move to the next cutout of the queue that a mask of rows selects.

        The search wraps around at the end of the queue. Return False, and do not move,
        if there is no such cutout.
        """
        return self._move(self.queue.matching_after(self.row, which))

    def first(self) -> bool:
        """Jump to the first cutout of the queue; return False if the queue is empty."""
        return self._jump_to_index(0)

    def last(self) -> bool:
        """Jump to the last cutout of the queue; return False if the queue is empty."""
        return self._jump_to_index(-1)

    def _jump_to_index(self, index: int) -> bool:
        return bool(len(self.queue)) and self.jump(int(self.queue.rows[index]))

    def back(self) -> bool:
        """Jump to the cutout that was current before the last jump.

        Return False if there was no jump.
        """
        return self._jumped_from is not None and self.jump(self._jumped_from)

    def jump(self, row: int) -> bool:
        """Move to any row, even outside the queue, and return True.

        `back` reverses the move.
        """
        if row != self.row:
            self._jumped_from = self.row
        return self._move(row)

    def set_queue(self, rule: QueueRule) -> None:
        """Replace the queue; raise the same errors as `Queue`.

        If the rule is new, jump to the first unreviewed cutout, or to the first cutout
        if all are reviewed. If the queue is empty, the cursor does not move.
        """
        queue = Queue(self._catalog, rule)
        if self.is_on_detour:
            # Cutouts that were asked again need no verdict in the queue of the rule.
            self._end_purpose()
            queue = Queue(self._catalog, rule)
        self._left_at = None
        row = self.row
        if rule != self.queue.rule and len(queue):
            first = queue.first_unreviewed()
            row = int(queue.rows[0]) if first is None else first
        self._replace_queue(queue, row)

    def sort_again(self) -> None:
        """Sort the queue again, after the learned order has changed."""
        self._replace_queue(self._queue_again(), self.row)

    def set_threshold(self, value: float | None) -> None:
        """Set the threshold, and update the outcomes and the queue.

        If the current cutout is no longer in the queue, move to the next queued cutout,
        or else to the previous one. The errors are those of `Catalog.set_threshold`.
        """
        self._catalog.set_threshold(value)
        queue, row = self._queue_again(), self.row
        if row not in queue:
            others = queue.after(row), queue.before(row), row
            row = next(other for other in others if other is not None)
        self._replace_queue(queue, row)

    @property
    def is_on_detour(self) -> bool:
        """Whether the queue has listed cutouts; see `begin_detour`."""
        return self.queue.listed is not None

    @property
    def row_to_resume(self) -> int:
        """The row at which the queue of the rule goes on."""
        return self.row if self._left_at is None else self._left_at

    @property
    def rule_queue(self) -> Queue:
        """The queue of the rule, also while the queue has listed cutouts."""
        return self.queue if self._rule_queue is None else self._rule_queue

    def purpose_of(self, rows: Iterable[int]) -> Mapping[str, Any]:
        """Return what verdicts on rows are for; empty if one is not in a detour."""
        return self.purpose if all(row in self.queue for row in rows) else {}

    def begin_detour(
        self,
        rows: Rows,
        purpose: Mapping[str, Any] | None = None,
        hidden_from: str | None = None,
    ) -> None:
        """Replace the queue by listed rows for a while, and move to the first one.

        The rule of the queue does not change, and `end_detour` returns to it.

        Parameters
        ----------
        rows : ndarray of int64, shape (m,)
            Table rows, in the order of the queue.
        purpose : mapping, optional
            What the verdicts on these rows are for, as plain JSON.
        hidden_from : str, optional
            Reviewer whose new verdict each of these rows needs, whatever verdict it
            has. Until then, the row is hidden; see `HiddenCutouts.ask`.
        """
        if self._left_at is None:
            self._left_at, self._rule_queue = self.row, self.queue
        self.purpose = purpose or {}
        asked = () if hidden_from is None else rows.tolist()
        self._catalog.hidden.set_repeat(-1)
        self._catalog.hidden.ask(asked, hidden_from or "")
        queue = Queue(self._catalog, self.queue.rule, rows)
        self._replace_queue(queue, int(rows[0]) if len(rows) else self.row)

    def end_detour(self) -> bool:
        """Return to the previous queue and cutout; False without a detour."""
        if self._left_at is None:
            return False
        row, self._left_at = self._left_at, None
        self._end_purpose()
        self._replace_queue(Queue(self._catalog, self.queue.rule), row)
        return True

    def _end_purpose(self) -> None:
        self._rule_queue, self.purpose = None, {}
        self._catalog.hidden.ask((), "")

    def _queue_again(self) -> Queue:
        if self._rule_queue is not None:
            self._rule_queue = Queue(self._catalog, self.queue.rule)
        return Queue(self._catalog, self.queue.rule, self.queue.listed)

    def _replace_queue(self, queue: Queue, row: int) -> None:
        self._carried_changes = self._catalog.labels.carried_changes
        has_moved = row != self.row
        if has_moved:
            self._jumped_from = self.row
        # Set both before the first signal, so that all listeners see both changes.
        self.queue, self.row = queue, row
        self.note_shown()
        self.queue_changed.emit()
        if has_moved:
            self.moved.emit()

    def _move(self, row: int | None) -> bool:
        if row is None:
            return False
        if row != self.row:
            self.row = row
            self.note_shown()
            self.moved.emit()
        return True

    def note_shown(self) -> None:
        """Note that the current cutout is shown, if the queue has the learned order."""
        is_learned = self.queue.rule.order == "learned" and self.queue.listed is None
        if is_learned and self.row in self.queue:
            self.shown.setdefault(self.row)
