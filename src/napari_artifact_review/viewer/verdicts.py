"""Commands that give a verdict on one or several cutouts and go to the next cutout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psygnal import Signal

from napari_artifact_review.core.errors import HeldError
from napari_artifact_review.core.outcomes import Verdict
from napari_artifact_review.core.review.session import ReviewSession
from napari_artifact_review.viewer.preferences import AdvanceTo
from napari_artifact_review.viewer.status import end_of_queue

_END_OF_BUDGET = (
    "The looks that you wanted to spend are done. “Results” says how many wrong labels "
    "are left."
)


class GivenVerdict(NamedTuple):
    """A verdict, and the kind of artifact; the kind may be empty."""

    verdict: Verdict
    kind: str


@dataclass(frozen=True)
class VerdictTarget:
    """The cutouts of one verdict, with functions to call before and after it.

    Attributes
    ----------
    rows : tuple of int
        Rows of the cutouts in the table. All get the verdict in one command.
    refusal : callable
        Returns the reason why no verdict can be given, or an empty string.
    release : callable
        Called after the verdict has been given, for example to clear the selection.
    advance : callable
        Goes to another cutout after the verdict; returns False if there is none. The
        parameter is "next in queue" or "next unreviewed".
    """

    rows: tuple[int, ...]
    refusal: Callable[[], str]
    release: Callable[[], object]
    advance: Callable[[AdvanceTo], bool]


def read_only_reason(session: ReviewSession) -> str:
    """Return why a review is read-only, with a remedy; empty if it is not."""
    problem = session.problem
    if not isinstance(problem, HeldError):
        return ""
    return f"This review is read-only: {problem.what}. {problem.remedy}."


class Verdicts:
    """The commands that give verdicts on a target.

    The next cutout becomes current when a verdict is given, before it is recorded.

    Parameters
    ----------
    session : ReviewSession
        The review.
    target : callable
        Returns the current `VerdictTarget`.
    note_view : callable
        Called before a verdict, so that the view settings are recorded with it.

    Attributes
    ----------
    auto_advance : bool
        Whether another cutout becomes current after a verdict.
    advance_to : str
        The cutout that becomes current: "next unreviewed" or "next in queue".
    last : GivenVerdict or None
        The last verdict; None before the first verdict.
    said : Signal
        Emitted with a message for the reviewer.
    """

    said = Signal(str)

    def __init__(
        self,
        session: ReviewSession,
        target: Callable[[], VerdictTarget],
        note_view: Callable[[], object],
    ) -> None:
        self._session = session
        self._target = target
        self._note_view = note_view
        self.auto_advance = True
        self.advance_to: AdvanceTo = "next unreviewed"
        self.last: GivenVerdict | None = None

    def give(
        self, verdict: Verdict, kind: str = "", note: str = "", *, advance: bool = False
    ) -> None:
        """Give a verdict on the target.

        With `advance`, also go to the next cutout if auto-advance is on and the verdict
        is not refused. While disputed cutouts are adjudicated, the verdict settles the
        current one, and is no verdict of the reviewer.
        """
        target = self._target()
        if self._session.is_adjudicating:
            self._adjudicate(target, GivenVerdict(verdict, kind), note, advance)
            return
        refusal = read_only_reason(self._session) or target.refusal()
        if refusal:
            self.said.emit(f"{refusal} No verdict was given.")
            return
        self._note_view()
        session = self._session
        looks_left = session.looks_left or 0
        command = session.set_label(
            verdict,
            kind,
            note,
            cutouts=[session.cutout_index.key_of(row) for row in target.rows],
            wait=session.patience,
        )
        self.last = GivenVerdict(verdict, kind)
        if command.state == "refused":
            return
        target.release()
        if looks_left > 0 >= (session.looks_left or 0):
            self.said.emit(_END_OF_BUDGET)
        elif advance and self.auto_advance and not target.advance(self.advance_to):
            self.said.emit(end_of_queue(session, "last"))

    def _adjudicate(
        self, target: VerdictTarget, given: GivenVerdict, note: str, advance: bool
    ) -> None:
        session = self._session
        refusal = (
            read_only_reason(session)
            or _no_adjudication_reason(session, target.rows)
            or target.refusal()
        )
        if refusal:
            self.said.emit(f"{refusal} Nothing was adjudicated.")
            return
        command = session.adjudicate(*given, note, wait=session.patience)
        self.last = given
        is_done = command.state != "refused" and advance and self.auto_advance
        if is_done and not session.next_disputed():
            self.said.emit(end_of_queue(session, "last"))

    def repeat(self, note: str = "") -> None:
        """Repeat the last verdict and kind on the current target, with a new note."""
        if self.last is None:
            self.said.emit("There is no verdict to repeat yet.")
        else:
            self.give(*self.last, note, advance=True)


def _no_adjudication_reason(session: ReviewSession, rows: Sequence[int]) -> str:
    """Return why a target cannot be adjudicated; empty if it can."""
    if len(rows) > 1:
        # Reviewers differ on each of them for reasons of its own.
        return "Disputed cutouts are adjudicated one by one; clear the selection."
    current = session.current_cutout
    if rows != (current.row,):
        return ""
    is_known = current.row in session.review_queue
    if not is_known or not session.reviewers.votes.on(current.key):
        return (
            "This cutout is not disputed. “Back from adjudication” returns to your "
            "queue."
        )
    return ""


def advance_from(session: ReviewSession, rows: Sequence[int], to: AdvanceTo) -> bool:
    """Go to another cutout after a verdict on `rows`; return False if none is left.

    `to` is "next in queue" or "next unreviewed".
    """
    if to == "next unreviewed":
        return session.next_unreviewed()
    return session.next(skip=frozenset(rows))
