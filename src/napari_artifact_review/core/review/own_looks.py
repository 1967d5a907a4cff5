"""The looks of one reviewer: the reviewer's verdicts, in the order of the log."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log_state import CHOSEN_BY
from napari_artifact_review.core.review.journal import Journal
from napari_artifact_review.core.tables.cutout_index import CutoutIndex
from napari_artifact_review.core.team.ballots import is_repeat


class OwnLooks:
    """Counts the verdicts of a reviewer that are not undone, as they are recorded.

    A look is a verdict on one cutout. Looks are numbered from 0 in the order of the
    log. Labels that were adopted from another program are no looks.

    Parameters
    ----------
    journal : Journal
        The verdicts of the review.
    index : CutoutIndex
        Index of the table. Verdicts on other cutouts are no looks.
    reviewer : str
        Name of the reviewer.

    Attributes
    ----------
    count : int
        Number of looks.
    last_row : int
        Row of the last look; -1 without looks.
    """

    def __init__(self, journal: Journal, index: CutoutIndex, reviewer: str) -> None:
        self._journal = journal
        self._index = index
        self._reviewer = reviewer
        self._count_again()
        journal.appended.connect(self._on_appended)

    def repeats_from(self, number: int) -> int:
        """Return how many repeats are among the looks from a number on."""
        return len(self._repeats) - bisect_left(self._repeats, number)

    def is_repeated(self, row: int) -> bool:
        """Return whether a look at a row was a repeat."""
        return row in self._repeated

    def is_until(self, row: int, number: int) -> bool:
        """Return whether the last look at a row has at most this number.

        A row that was repeated, or has no look, has no such number.
        """
        return self._last.get(row, number + 1) <= number and not self.is_repeated(row)

    def rows_until(self, number: int) -> list[int]:
        """Return the rows for which `is_until` is true."""
        return [row for row in self._last if self.is_until(row, number)]

    def _count_again(self) -> None:
        """Count all looks from the log."""
        self.count, self.last_row = 0, -1
        # Number of the last look at each row, numbers of the repeats, and their rows.
        self._last: dict[int, int] = {}
        self._repeats: list[int] = []
        self._repeated: set[int] = set()
        self._acts: set[EntryId] = set()
        entries = self._journal.entries
        self._latest = entries[-1].order if entries else (0, "", 0)
        in_force = frozenset(self._journal.acts_in_force)
        self._count(entry for entry in entries if entry.act in in_force)
        # An undone act may be redone.
        self._acts.update(entry.act for entry in entries if self._is_look(entry))

    def _count(self, entries: Iterable[Entry]) -> None:
        for entry in filter(self._is_look, entries):
            row = self.last_row = self._index.row_of(entry.cutout)
            self._acts.add(entry.act)
            self._last[row] = self.count
            if is_repeat(entry):
                self._repeats.append(self.count)
                self._repeated.add(row)
            self.count += 1

    def _is_look(self, entry: Entry) -> bool:
        is_own = entry.action == "decide" and entry.reviewer == self._reviewer
        is_given = entry.origin == "decided" and CHOSEN_BY not in entry.context
        return is_own and is_given and entry.cutout in self._index

    def _on_appended(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        are_latest = min(entry.order for entry in entries) > self._latest
        are_reversals = any(
            entry.action in ("undo", "redo") and entry.act in self._acts
            for entry in entries
        )
        if are_reversals or not are_latest:
            # Looks among the known ones begin or end, and the others are renumbered.
            self._count_again()
            return
        self._latest = max(entry.order for entry in entries)
        self._count(entries)
