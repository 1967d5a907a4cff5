"""What is decided in a review: on record first, then in the labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psygnal import Signal

from napari_artifact_review.core.catalog import Catalog
from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions import (
    Decision,
    DecisionLog,
    Entry,
    Standing,
    utc_now,
)
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.outcomes import (
    LABEL_NAMES,
    Verdict,
)
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
        Emitted with the rows that were decided about, and with what was done: an
        `Action`.
    problem_changed, disagreements_changed : Signal
        Those of the session.
    """

    changed = Signal(list, str)
    problem_changed = Signal()
    disagreements_changed = Signal()

    def __init__(
        self, catalog: Catalog, store: Store, contents: StoreContents, reviewer: str
    ) -> None:
        self._catalog = catalog
        self._walk = catalog.walk
        self._labels = catalog.labels
        self._reviewer = reviewer
        self._log = DecisionLog(contents.entries, self._walk.__contains__)
        self._disagreements = restore(self._labels, self._log, self._walk)
        self.recorder = Recorder(store, self._log)
        self.recorder.recorded.connect(self._take)
        self.recorder.problem_changed.connect(self._tell_problem)

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
        self,
        rows: Sequence[int],
        verdict: Verdict,
        kind: str,
        note: str,
        view: Mapping[str, Any],
        *,
        wait: bool | float,
    ) -> bool:
        """Decide about rows as one act; what the same reviewer said already is left."""
        kind, note = _storable(kind), _storable(note)
        rows = list(dict.fromkeys(rows))
        decided_at = utc_now()
        state = self._state(view)
        contexts = {self._walk.key_of(row): state | self._said_of(row) for row in rows}

        def make() -> list[Entry]:
            decisions = []
            open_questions = {d.cutout for d in self._disagreements}
            for row, cutout in zip(rows, contexts, strict=True):
                stands = self._labels.standing(row)
                label = stands.label_new
                if verdict != "unsure":
                    label = LABEL_NAMES.index(verdict)
                said = Standing(label, self._reviewer, decided_at, verdict, kind, note)
                if (
                    stands._replace(reviewed_at=decided_at) != said
                    or cutout in open_questions
                ):
                    decisions.append(Decision.of(cutout, said))
            entries = self._log.decide(decisions, {})
            return [replace(e, context=contexts[e.cutout]) for e in entries]

        return self._record(make, wait)

    def undo(self, *, wait: bool | float) -> bool:
        """Take back the last act."""

        def before(cutout: CutoutKey) -> Standing:
            return self._labels.before(self._walk.row_of(cutout))

        return self._record(lambda: self._log.undo(self._reviewer, before), wait)

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
                confirmed = replace(one.decision, reviewer="", decided_at="")
                chosen = one.table if keep == "table" else Standing.of(confirmed)
                labels[one.cutout] = chosen
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
        state = self._state({}) | chosen

        def make() -> list[Entry]:
            known = {(e.cutout, e.reviewer, e.decided_at) for e in self._log.entries}
            decisions = []
            for cutout, theirs in labels.items():
                by, at = theirs.reviewed_by, theirs.reviewed_at
                own = not (by or at) or (cutout, by, at) in known
                by, at = (self._reviewer, now) if own else (by, at)
                stands = theirs._replace(
                    reviewed_by=by or self._reviewer, reviewed_at=at or now
                )
                decisions.append(Decision.of(cutout, stands.consistent()))
            return [
                replace(
                    entry,
                    context=state | self._said_of(self._walk.row_of(entry.cutout)),
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

    def _state(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state in which an act is done, as plain JSON."""
        state = {"threshold": self._catalog.threshold_in_force, "view": view}
        plain: dict[str, Any] = json.loads(json.dumps(state))
        return plain

    def _said_of(self, row: int) -> dict[str, Any]:
        """Return what the table said of a cutout, to be kept with its decision."""
        return {TABLE: list(self._labels.read(row))}

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

    def _tell_problem(self) -> None:
        self.problem_changed.emit()

    def _take(self, entries: Sequence[Entry]) -> None:
        """Show what is on disk now."""
        rows = [self._walk.row_of(entry.cutout) for entry in entries]
        for row, entry in zip(rows, entries, strict=True):
            self._labels.put(row, self._log.standing(entry.cutout))
        settled = {entry.cutout for entry in entries}
        left = [d for d in self._disagreements if d.cutout not in settled]
        fewer = len(left) < len(self._disagreements)
        self._disagreements = left
        self.changed.emit(rows, entries[0].action)
        if fewer:
            self.disagreements_changed.emit()


def _storable(text: str) -> str:
    """Return what every format gives back of a text: FITS keeps no space at its end."""
    return text.replace("\0", "").encode(errors="replace").decode().strip()
