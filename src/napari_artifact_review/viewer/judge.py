"""Takes verdicts: about what is on the screen, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psygnal import Signal

from napari_artifact_review.core.decisions import PATIENCE
from napari_artifact_review.core.outcomes import Verdict
from napari_artifact_review.core.session import ReviewSession
from napari_artifact_review.viewer.status import end_of_queue


class Said(NamedTuple):
    """A verdict, and the kind of artifact that went with it."""

    verdict: Verdict
    kind: str


@dataclass(frozen=True)
class Subject:
    """What a verdict is about.

    Attributes
    ----------
    rows : tuple of int
        The rows of the cutouts, as they are to be judged at once.
    refusal : callable
        Says why they cannot be judged now; empty if they can.
    let_go : callable
        Called once they are judged.
    go_on : callable
        Goes on to what comes after them; False if nothing does.
    """

    rows: tuple[int, ...]
    refusal: Callable[[], str]
    let_go: Callable[[], object]
    go_on: Callable[[], bool]


@dataclass
class _Pending:
    """A verdict about rows that may not be on disk yet."""

    subject: Subject
    note: str
    goes_on: bool
    kept: bool = False


class Judge:
    """Decides about what is looked at, and goes on.

    Parameters
    ----------
    session : ReviewSession
        The review.
    subject : callable
        Returns the `Subject` that a verdict is about now.
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
        subject: Callable[[], Subject],
        note_view: Callable[[], object],
    ) -> None:
        self._session = session
        self._subject = subject
        self._note_view = note_view
        self.goes_on = True
        self.last: Said | None = None
        self._pending: _Pending | None = None
        self._is_asking = False

    def decide(
        self, verdict: Verdict, kind: str = "", note: str = "", *, go_on: bool = False
    ) -> None:
        """Decide; with `go_on` also go on, if that is wished, once it is on disk."""
        subject = self._subject()
        refusal = subject.refusal()
        if refusal:
            self.said.emit(f"{refusal} Nothing was decided.")
            return
        self._note_view()
        self.last = Said(verdict, kind)
        session = self._session
        cutouts = [session.walk.key_of(row) for row in subject.rows]
        self._pending = _Pending(subject, note, go_on and self.goes_on)
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
        pending = self._pending
        if pending is not None and not set(pending.subject.rows).isdisjoint(rows):
            pending.kept = True
            if not self._is_asking:
                self._finish(pending)

    def _finish(self, done: _Pending) -> None:
        self._pending = None
        drafts = self._session.drafts
        for key in map(self._session.walk.key_of, done.subject.rows):
            # One about another cutout of them waits for a verdict of its own.
            if drafts.get(key) == done.note:
                del drafts[key]
        done.subject.let_go()
        if done.goes_on and not done.subject.go_on():
            self.said.emit(end_of_queue(self._session, "last"))
