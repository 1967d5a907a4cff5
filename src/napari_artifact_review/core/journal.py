"""What is decided in a review: on record first, then in the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psygnal import Signal

from napari_artifact_review.core.catalog import Catalog
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import Decision, DecisionLog, Entry, utc_now
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.labels import Standing
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.recorder import Recorder
from napari_artifact_review.core.resume import TABLE, Disagreement, LabelChoice, restore
from napari_artifact_review.core.schema import SaveRecord, StoreContents
from napari_artifact_review.core.store import Store


class Journal:
    """Decides, takes back and makes again; nothing shows before it is on disk.

    Every method that decides has `wait`. True: it returns when that is on disk, and
    raises `StoreError` if it cannot be; nothing is decided then. A number: it returns
    after so many seconds at most. It returns False if it is known that there is nothing
    to do.

    Parameters
    ----------
    catalog : Catalog
        The cutouts; what is on record is put into its labels.
    store : Store
        Where the record is kept.
    contents : StoreContents
        What it holds.
    reviewer : str
        Who decides.

    Attributes
    ----------
    changed : Signal
        Emitted with the rows that were decided about, and whether the reviewer is to be
        taken to them: after an undo or a redo.
    problem_changed, disagreements_changed : Signal
        Those of the session.
    """

    changed = Signal(list, bool)
    problem_changed = Signal()
    disagreements_changed = Signal()

    def __init__(
        self, catalog: Catalog, store: Store, contents: StoreContents, reviewer: str
    ) -> None:
        self._walk = catalog.walk
        self._labels = catalog.labels
        self._reviewer = reviewer
        given = "preds" in catalog.predictions.file.values
        self._threshold = None if given else DEFAULT_THRESHOLD
        self._log = DecisionLog(contents.entries, self._walk.__contains__)
        self._disagreements = restore(self._labels, self._log, self._walk)
        self.recorder = Recorder(store, self._log)
        self.recorder.recorded.connect(self._take)
        self.recorder.problem_changed.connect(self.problem_changed)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything on record, oldest first."""
        return tuple(self._log.entries)

    @property
    def problem(self) -> StoreError | None:
        """Why nothing can be decided now, if so."""
        return self.recorder.problem

    @property
    def disagreements(self) -> tuple[Disagreement, ...]:
        """Where the table's `label_new` is not what was decided."""
        return tuple(self._disagreements)

    def decide(
        self, row: int, label: int, view: Mapping[str, Any], *, wait: bool | float
    ) -> bool:
        """Decide about a row; again by the same reviewer, it is the same decision."""
        cutout = self._walk.key_of(row)
        decided_at, context = utc_now(), self._context(row, view)

        def make() -> list[Entry]:
            stands = int(self._labels.label_new[row]), self._labels.review(row)[0]
            open_question = any(d.cutout == cutout for d in self._disagreements)
            if stands == (label, self._reviewer) and not open_question:
                return []
            decision = Decision(cutout, label, self._reviewer, decided_at)
            return self._log.decide([decision], context)

        return self._record(make, wait)

    def undo(self, *, wait: bool | float) -> bool:
        """Take back the last act."""

        def label_of(cutout: CutoutKey) -> int:
            return self._labels.before(self._walk.row_of(cutout)).label_new

        return self._record(lambda: self._log.undo(self._reviewer, label_of), wait)

    def redo(self, *, wait: bool | float) -> bool:
        """Make the act that was undone last again."""
        return self._record(lambda: self._log.redo(self._reviewer), wait)

    def settle(
        self,
        keep: LabelChoice,
        cutouts: Sequence[CutoutKey] | None,
        *,
        wait: bool | float,
    ) -> bool:
        """Let the table's label, or the decision, stand where they disagree."""
        labels = {}
        for one in self._disagreements:
            if cutouts is None or one.cutout in cutouts:
                confirmed = Standing(one.decision.label_new, "", "")
                labels[one.cutout] = one.table if keep == "table" else confirmed
        return self.adopt(labels, wait=wait)

    def adopt(
        self, labels: Mapping[CutoutKey, Standing], *, wait: bool | float
    ) -> bool:
        """Decide as somebody else did, as one act.

        In their name, where they left one. A name and time that belong to another
        decision do not: somebody edited the label alone.
        """
        now = utc_now()
        chosen = {"chosen_by": self._reviewer, "chosen_at": now}

        def make() -> list[Entry]:
            known = {(e.cutout, e.reviewer, e.decided_at) for e in self._log.entries}
            decisions = []
            for cutout, (label, by, at) in labels.items():
                own = not (by or at) or (cutout, by, at) in known
                by, at = (self._reviewer, now) if own else (by, at)
                decisions.append(
                    Decision(cutout, label, by or self._reviewer, at or now)
                )
            return [
                replace(
                    entry,
                    context=self._context(self._walk.row_of(entry.cutout), {}) | chosen,
                )
                for entry in self._log.decide(decisions, {})
            ]

        return self._record(make, wait)

    def mark_saved(self, saves: Sequence[SaveRecord], digest: str | None) -> None:
        """Find out which decisions the output shows, if this review wrote it."""
        for save in saves:
            if save.digest == digest:
                shown = DecisionLog(
                    self._log.entries[: save.last_number], self._walk.__contains__
                )
                decisions = {
                    self._walk.row_of(cutout): decision
                    for cutout in shown.cutouts
                    if (decision := shown.standing(cutout)) is not None
                }
                self._labels.mark_saved(decisions)

    # Inside

    def _context(self, row: int, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state in which a decision is taken, as plain JSON."""
        context = {
            "threshold": self._threshold,
            "view": view,
            TABLE: self._labels.read(row),
        }
        plain: dict[str, Any] = json.loads(json.dumps(context))
        return plain

    def _record(self, make: Callable[[], Sequence[Entry]], wait: bool | float) -> bool:
        made: list[Sequence[Entry]] = []

        def make_and_look() -> Sequence[Entry]:
            made.append(make())
            return made[0]

        if wait is True:
            self.recorder.wait()
        self.recorder.put(make_and_look)
        self.recorder.wait(None if wait is True else wait)
        if wait is True and made[0] and self.problem is not None:
            raise self.problem.again()
        return not made or bool(made[0])

    def _take(self, entries: Sequence[Entry]) -> None:
        """Show what is on disk now."""
        rows = [self._walk.row_of(entry.cutout) for entry in entries]
        for row, entry in zip(rows, entries, strict=True):
            self._labels.put(row, self._log.standing(entry.cutout))
        settled = {entry.cutout for entry in entries}
        left = [d for d in self._disagreements if d.cutout not in settled]
        fewer = len(left) < len(self._disagreements)
        self._disagreements = left
        self.changed.emit(rows, entries[0].action != "decide")
        if fewer:
            self.disagreements_changed.emit()
