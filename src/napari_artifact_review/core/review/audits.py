"""Audits of a review: random samples of the cutouts without a verdict, as queues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.errors import HeldError, ReviewError
from napari_artifact_review.core.review.audit_looks import (
    Look,
    VerdictHistory,
    audit_mark,
)
from napari_artifact_review.core.review.audit_record import AuditRecord
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.review.cursor import ReviewCursor
from napari_artifact_review.core.review.journal import Journal


class Audits:
    """Draws audits, and makes their cutouts the queue for a while.

    Parameters
    ----------
    catalog : Catalog
        The cutouts.
    cursor : ReviewCursor
        The queue of the review.
    journal : Journal
        The verdicts of the review.
    reviewer : str
        Name of the reviewer.
    records : sequence of AuditRecord
        The audits that were drawn before, in the order of their numbers.

    Attributes
    ----------
    records : tuple of AuditRecord
        All audits of the review, abandoned ones too.
    """

    def __init__(
        self,
        catalog: Catalog,
        cursor: ReviewCursor,
        journal: Journal,
        reviewer: str,
        records: Sequence[AuditRecord],
    ) -> None:
        self.records = tuple(records)
        self._catalog = catalog
        self._cursor = cursor
        self._journal = journal
        self._reviewer = reviewer
        self._last_rows = self._rows_of(self.records[-1].sample if records else ())

    @property
    def history(self) -> VerdictHistory:
        """The verdicts of all reviewers at this moment.

        The finds of one reviewer are for a second look of another one.
        """
        everyone, index = self._journal.reviewers.votes.log, self._catalog.cutout_index
        return VerdictHistory(self._journal.entries, everyone.done, index.__contains__)

    @property
    def left(self) -> int:
        """Number of cutouts from which the next sample is drawn."""
        return int(np.count_nonzero(self._are_unseen()))

    @property
    def is_in_queue(self) -> bool:
        """Whether the queue has cutouts of an audit, for a first or second look."""
        return "audit" in self._cursor.purpose

    @property
    def progress(self) -> tuple[int, int]:
        """Numbers of answered cutouts and of all cutouts of the last audit."""
        rows = self._last_rows
        return int(np.count_nonzero(self._catalog.labels.reviewed[rows])), len(rows)

    def draw(self, n: int, seed: int | None = None) -> int:
        """Draw a simple random sample, queue it, and return the audit's number."""
        self._check_can_record()
        if n < 1:
            raise ReviewError(f"an audit needs at least 1 cutout, not {n}")
        rows = np.flatnonzero(self._are_unseen())
        if n > len(rows):
            raise ReviewError(
                f"{n:,} cutouts cannot be drawn, because only {len(rows):,} have no "
                "verdict",
                path=self._catalog.predictions.path,
            )
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        number = self._next_number()
        draw = np.random.default_rng([seed, number])
        sample = rows[draw.choice(len(rows), n, replace=False)]
        label = self._catalog.predictions.label
        missed, false = np.bincount(label[rows], minlength=2).tolist()
        key_of = self._catalog.cutout_index.key_of
        record = AuditRecord(
            number,
            seed,
            (missed, false),
            {key_of(row): int(label[row]) for row in sample.tolist()},
            dict(self._journal.last_numbers),
        )
        self.records += (record,)
        self._last_rows = sample
        self._cursor.begin_detour(sample, _purpose(number, 1), self._reviewer)
        return number

    def resume(self) -> bool:
        """Queue the unanswered cutouts of the last audit; return False if none is."""
        self._check_can_record()
        rows = self._last_rows[self._are_unseen()[self._last_rows]]
        if rows.size:
            purpose = _purpose(self.records[-1].number, 1)
            self._cursor.begin_detour(rows, purpose, self._reviewer)
        return bool(rows.size)

    def confirm(self) -> bool:
        """Queue the finds of the last audit for a second look, among kept cutouts.

        There are as many kept ones as finds, if the sample has enough. Those without
        a second look come first. Return False if the reviewer has no find to confirm.
        """
        self._check_can_record()
        if not self.records:
            return False
        record = self.records[-1]
        looks = self.history.looks(record.sample, record.last_numbers)
        finds = finds_to_confirm(looks, self._reviewer)
        if not finds:
            return False
        draw = np.random.default_rng([record.seed, record.number, 2])
        kept = [cutout for cutout, look in looks.items() if look.answer == "kept"]
        kept = [kept[i] for i in draw.permutation(len(kept)).tolist()]
        kept.sort(key=lambda cutout: looks[cutout].is_seen_twice)
        rows = self._rows_of([*finds, *kept[: len(finds)]])
        self._cursor.begin_detour(
            draw.permutation(rows), _purpose(record.number, 2), self._reviewer
        )
        return True

    def _are_unseen(self) -> npt.NDArray[np.bool_]:
        labels = self._catalog.labels
        return ~(labels.reviewed | labels.pending)

    def _next_number(self) -> int:
        # Marks in the log count too, because a stored position can be lost.
        marks = (audit_mark(entry).get("number") for entry in self._journal.entries)
        known = [mark for mark in marks if type(mark) is int]
        return max([*known, *(record.number for record in self.records)], default=0) + 1

    def _rows_of(self, cutouts: Iterable[CutoutKey]) -> npt.NDArray[np.int64]:
        """Return the rows of cutouts that are still in the table."""
        index = self._catalog.cutout_index
        rows = [index.row_of(cutout) for cutout in cutouts if cutout in index]
        return np.array(rows, dtype=np.int64)

    def _check_can_record(self) -> None:
        problem = self._journal.problem
        if isinstance(problem, HeldError):
            raise ReviewError(
                f"an audit cannot be recorded, because the review is read-only: "
                f"{problem.what}",
                path=problem.path,
                remedy=problem.remedy,
            )


def finds_to_confirm(looks: dict[CutoutKey, Look], reviewer: str) -> list[CutoutKey]:
    """Return the changed cutouts that a second look of a reviewer would settle.

    These are the finds without a second look, and those that only the same reviewer
    confirmed, if this is another one.
    """
    return [
        cutout
        for cutout, look in looks.items()
        if look.answer == "changed"
        and (
            look.confirmation is None
            or (look.confirmation == "same reviewer" and look.reviewer != reviewer)
        )
    ]


def _purpose(number: int, look: Literal[1, 2]) -> dict[str, Any]:
    return {"audit": {"number": number, "look": look}}
