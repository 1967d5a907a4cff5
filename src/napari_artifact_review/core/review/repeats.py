"""Blind repeats: unmarked second questions to a reviewer about the same cutout."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.review.assigned_work import AssignedWork
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.cursor import ReviewCursor
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.review.own_looks import OwnLooks
from napari_artifact_review.core.review.queue_order import takes_repeats
from napari_artifact_review.core.team.assignment import lots
from napari_artifact_review.core.team.repeats import MIN_DISTANCE, last_slots


class Repeats:
    """Unmarked second questions to a reviewer of a team about some cutouts.

    A repeat is drawn from the cutouts that the reviewer answered at least
    `MIN_DISTANCE` looks ago. Until its new verdict, the cutout looks everywhere as if
    it had no verdict of this round. In the queue, it follows the next cutout that needs
    a verdict. It is not counted as progress. Its labels, and what is saved, are those
    of the earlier verdict.

    The log and the rules decide which cutout comes again, and when. So another session
    of the same log, or one after an undo, asks about the same cutout. A cutout that is
    left without a verdict is asked about until other repeats are due. An answered one
    keeps its place in the queue until the queue has another rule. No cutout is repeated
    twice.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table.
    cursor : ReviewCursor
        The queue of the review.
    journal : Journal
        The verdicts of the review. An entry on a repeat is marked.
    work : AssignedWork
        The numbers of the cutouts, and the reviewer.
    """

    def __init__(
        self,
        catalog: Catalog,
        cursor: ReviewCursor,
        journal: Journal,
        work: AssignedWork,
    ) -> None:
        self._catalog = catalog
        self._hidden = catalog.hidden
        self._cursor = cursor
        self._journal = journal
        self._work = work
        self._reviewer = work.perspective.reviewer
        self._looks = OwnLooks(journal, catalog.cutout_index, self._reviewer)
        # What the last draw was for, and its result.
        self._drawn: tuple[object, int | None] = (None, None)
        # Rule of the queue in which the repeats have their places.
        self._placed_in: object = None
        # The repeat that the listeners know.
        self._shown_row = -1
        journal.reviewers.is_repeat = self.is_waiting

    def is_waiting(self, cutout: CutoutKey) -> bool:
        """Return whether a cutout comes again, and its new verdict is not given yet."""
        row = self._hidden.repeated_row
        is_repeat = row >= 0 and self._catalog.cutout_index.row_of(cutout) == row
        return is_repeat and not self._catalog.labels.pending[row]

    def update_answers(self, rows: Iterable[int]) -> None:
        """Show repeats as answered or not, after verdicts on rows have changed."""
        places = self._catalog.repeat_places
        if not places.keys().isdisjoint(rows):
            row = self._row_to_ask()
            self._hidden.set_repeat(-1 if row is None or row not in places else row)

    def update(self) -> None:
        """Begin or end a repeat, if verdicts, the queue or the rules require it."""
        places, rule = self._catalog.repeat_places, self._cursor.queue.rule
        before = dict(places), self._shown_row
        row = self._row_to_ask()
        if rule != self._placed_in:
            places.clear()
            self._placed_in = rule
        for one in [*places]:
            if one != row and not self._looks.is_repeated(one):
                del places[one]
        # Until the cutout has its place, it counts as answered.
        self._hidden.set_repeat(-1)
        if row is not None and row not in places:
            after = self._row_before(row)
            places |= {} if after is None else {row: after}
        self._hidden.set_repeat(-1 if row is None or row not in places else row)
        self._shown_row = self._hidden.repeated_row
        if (places, self._shown_row) != before:
            self._cursor.sort_again()
            self._hidden.changed.emit()

    def _row_before(self, row: int) -> int | None:
        """Return the row that a repeat follows; None if few cutouts need a verdict.

        After the last verdict of a queue, a repeat would be seen as such.
        """
        current, queue = self._cursor.row, self._cursor.queue
        if current == row:
            # An undo, or the position of an earlier session, went to the repeat.
            return self._looks.last_row
        if queue.left < 2:
            return None
        is_open, _ = self._catalog.needs(current)
        return current if is_open else queue.unreviewed_after(current)

    def _row_to_ask(self) -> int | None:
        """Return the row that the reviewer should be asked about again, or None."""
        rules, looks = self._journal.reviewers.rules, self._looks
        if not self._may_ask() or not rules.repeat_share:
            return None
        slots = last_slots(looks.count, rules.repeat_share, rules.seed, self._reviewer)
        done = looks.repeats_from(slots[0]) if slots else 0
        if done >= len(slots):
            return None
        return self._draw(slots[done], rules.seed)

    def _may_ask(self) -> bool:
        is_read_only = isinstance(self._journal.problem, HeldError)
        is_team, is_on_detour = (
            self._journal.reviewers.is_team,
            self._cursor.is_on_detour,
        )
        return is_team and not is_on_detour and not is_read_only

    def _draw(self, slot: int, seed: int) -> int | None:
        """Return a random row of the queue for the repeat that was due at a slot."""
        queue, until = self._cursor.queue, slot - MIN_DISTANCE
        drawn_for, row = self._drawn
        catalog = self._catalog
        wanted = slot, seed, queue.rule, catalog.threshold, catalog.assignment
        if drawn_for == wanted and row is not None and self._looks.is_until(row, until):
            return row
        rows = np.array(self._looks.rows_until(until), dtype=np.int64)
        if not takes_repeats(queue.rule):
            rows = rows[:0]
        rows = rows[np.isin(rows, queue.candidates)]
        numbers = self._work.numbers[rows]
        order = np.argsort(lots(numbers, seed, "repeat", self._reviewer, str(slot)))
        found = filter(catalog.needed_verdict, rows[order].tolist())
        self._drawn = wanted, next(found, None)
        return self._drawn[1]
