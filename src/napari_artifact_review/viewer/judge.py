"""Takes verdicts: about what is on the screen, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psygnal import Signal

from napari_artifact_review.core.decisions import PATIENCE
from napari_artifact_review.core.outcomes import Verdict
from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.viewer.picks import Picks
from napari_artifact_review.viewer.status import end_of_queue


class Said(NamedTuple):
    """A verdict, and the kind of artifact that went with it."""

    verdict: Verdict
    kind: str


@dataclass
class _Pending:
    """A verdict about rows that may not be on disk yet."""

    rows: frozenset[int]
    goes_on: bool
    kept: bool = False


class Judge:
    """Decides about the current cutout, or those that are picked, and goes on.

    Parameters
    ----------
    session : ReviewSession
        The review.
    picks : Picks
        What is picked; it is let go of once it is judged.
    refusal : callable
        Says why nothing on the screen can be judged now; empty if it can.
    note_view : callable
        Called before a decision, to keep with it how it was looked at.

    Attributes
    ----------
    goes_on : bool
        Whether a verdict goes on to the next cutout of the queue.
    last : Said or None
        The verdict that was given last.
    said : Signal
        Emitted with a sentence for the reviewer.
    """

    said = Signal(str)

    def __init__(
        self,
        session: ReviewSession,
        picks: Picks,
        refusal: Callable[[], str],
        note_view: Callable[[], object],
    ) -> None:
        self._session = session
        self._picks = picks
        self._refusal = refusal
        self._note_view = note_view
        self.goes_on = True
        self.last: Said | None = None
        self._pending: _Pending | None = None
        self._is_asking = False

    def decide(
        self, verdict: Verdict, kind: str = "", note: str = "", *, go_on: bool = False
    ) -> None:
        """Decide; with `go_on` also go on, if that is wished, once it is on disk."""
        refusal = self._refusal()
        if refusal:
            self.said.emit(f"{refusal} Nothing was decided.")
            return
        self._note_view()
        self.last = Said(verdict, kind)
        session = self._session
        cutouts = self._picks.cutouts or [session.current_cutout.key]
        rows = self._picks.rows or (session.current_cutout.row,)
        self._pending = _Pending(frozenset(rows), go_on and self.goes_on)
        self._is_asking = True
        made = session.set_label(verdict, kind, note, cutouts=cutouts, wait=PATIENCE)
        self._is_asking = False
        if not made or self._pending.kept:
            self._finish(self._pending)

    def repeat(self) -> None:
        """Give the last verdict again."""
        if self.last is None:
            self.said.emit("There is no verdict yet to give again.")
        else:
            self.decide(*self.last, go_on=True)

    def take_kept(self, rows: Sequence[int]) -> None:
        """Note that decisions about rows are on disk, perhaps later than one waits."""
        if self._pending is not None and not self._pending.rows.isdisjoint(rows):
            self._pending.kept = True
            if not self._is_asking:
                self._finish(self._pending)

    def _finish(self, done: _Pending) -> None:
        self._pending = None
        for row in done.rows:
            self._session.drafts.pop(self._session.walk.key_of(row), None)
        self._picks.clear()
        if done.goes_on and not self._session.next(skip=done.rows):
            self.said.emit(end_of_queue(self._session, "last"))
