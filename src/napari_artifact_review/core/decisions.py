"""What reviewers decided: an append-only log, with undo and redo as entries."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Self, cast

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.outcomes import LABEL_NAMES, Verdict

Action = Literal["decide", "undo", "redo"]

#: Seconds that a window waits for the disk to take a decision, so that the next frame
#: shows it. A slower disk does not hold it up: less than this is felt as at once
#: (J. Nielsen, Usability Engineering, 1993, ch. 5).
PATIENCE = 0.1


@dataclass(frozen=True, slots=True)
class Decision:
    """One statement of one reviewer about one cutout.

    Attributes
    ----------
    cutout : CutoutKey
        What it is about.
    label_new : int
        1 artifact, 0 none; of who is unsure, as it was before.
    reviewer : str
        Who decided.
    decided_at : str
        When, in UTC (ISO 8601).
    verdict : "artifact", "no artifact" or "unsure"
        What was said.
    kind : str
        The kind of artifact; empty if none was named.
    note : str
        Anything else, in the reviewer's words.
    """

    cutout: CutoutKey
    label_new: int
    reviewer: str
    decided_at: str
    verdict: Verdict
    kind: str = ""
    note: str = ""

    @classmethod
    def of(cls, cutout: CutoutKey, stands: Standing) -> Self:
        """Return the decision after which something stands."""
        label, reviewer, decided_at, verdict, kind, note = stands
        return cls(
            cutout, label, reviewer, decided_at, cast(Verdict, verdict), kind, note
        )


class Standing(NamedTuple):
    """What stands for a cutout.

    Attributes
    ----------
    label_new : int
        1 artifact, 0 none.
    reviewed_by, reviewed_at : str
        Who decided and when; empty where nobody did.
    decision : str
        What was said: a verdict; empty where nobody said anything.
    kind, note : str
        The kind of artifact, and the reviewer's own words; mostly empty.
    """

    label_new: int
    reviewed_by: str = ""
    reviewed_at: str = ""
    decision: str = ""
    kind: str = ""
    note: str = ""

    @classmethod
    def of(cls, said: Decision | Entry) -> Self:
        """Return what stands where a decision does."""
        return cls(
            said.label_new,
            said.reviewer,
            said.decided_at,
            said.verdict,
            said.kind,
            said.note,
        )

    @property
    def reviewed(self) -> bool:
        """Whether anybody decided."""
        return bool(self.reviewed_at or self.reviewed_by or self.decision)

    def agrees_with(self, other: Standing) -> bool:
        """Tell whether two say the same, whoever said it and when.

        Where nothing was decided, that is about the label alone.
        """
        if not self.decision or not other.decision:
            return self.label_new == other.label_new
        return (self.label_new, *self[3:]) == (other.label_new, *other[3:])

    def spelt_out(self) -> Self:
        """Return it with what a table without the column `decision` leaves unsaid.

        Before there was that column, nobody could be unsure.
        """
        if self.reviewed and not self.decision:
            return self._replace(decision=LABEL_NAMES[self.label_new])
        return self

    def consistent(self) -> Self:
        """Return it with the verdict that its label means, unless it is unsure.

        Somebody may have edited the label alone.
        """
        if self.decision == "unsure":
            return self
        return self._replace(decision=LABEL_NAMES[self.label_new])


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log: a decision that is made, taken back, or made again.

    Attributes
    ----------
    number : int
        Its place in the log, from 1 without a gap.
    action : "decide", "undo" or "redo"
        What it does.
    act : int
        Number of the first entry of the act that it makes, takes back or makes again:
        decisions that were made at once are undone at once.
    cutout : CutoutKey
        What it is about.
    label_new : int
        The label that stands after it.
    reviewer, decided_at : str
        Who wrote it, and when in UTC (ISO 8601); of a decision, whose it is.
    context : mapping
        The state that it was taken in, as plain JSON.
    verdict, kind, note : str
        As for `Decision`; of what is taken back, those that stand again, if any.
    """

    number: int
    action: Action
    act: int
    cutout: CutoutKey
    label_new: int
    reviewer: str
    decided_at: str
    context: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    kind: str = ""
    note: str = ""


class DecisionLog:
    """Append-only log of decisions, and what follows from it.

    Nothing is ever removed: undo and redo are entries of their own.

    Parameters
    ----------
    entries : iterable of Entry, optional
        What was logged before, oldest first.
    is_known : callable, optional
        Whether a cutout is in the table. Entries about others are kept, and neither
        stand nor are undone.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        is_known: Callable[[CutoutKey], bool] = lambda _: True,
    ) -> None:
        self._is_known = is_known
        self._entries: list[Entry] = []
        self._acts: dict[int, list[Decision]] = {}
        # Ordered sets: the act that was done, or undone, last is the last one.
        self._done: dict[int, None] = {}
        self._undone: dict[int, None] = {}
        self._standing: dict[CutoutKey, dict[int, Decision]] = {}
        self.add(entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """Everything that was ever logged, oldest first; grows as the log does."""
        return self._entries

    @property
    def next_number(self) -> int:
        """The number of the next entry."""
        return self._entries[-1].number + 1 if self._entries else 1

    @property
    def cutouts(self) -> Iterable[CutoutKey]:
        """The cutouts of the table that anything was ever logged about."""
        return self._standing.keys()

    def standing(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision that stands for a cutout, if there is one."""
        decisions = self._standing.get(cutout)
        return next(reversed(decisions.values())) if decisions else None

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in entries that follow on the last one."""
        for entry in entries:
            self._entries.append(entry)
            if self._is_known(entry.cutout):
                self._apply(entry)
            elif entry.action == "decide":
                # What was undone before it stays undone, whatever the table.
                self._undone.clear()

    def _apply(self, entry: Entry) -> None:
        act = entry.act
        if entry.action == "decide":
            decision = Decision.of(entry.cutout, Standing.of(entry))
            self._undone.clear()
            self._done[act] = None
            self._acts.setdefault(act, []).append(decision)
            self._standing.setdefault(entry.cutout, {})[act] = decision
        elif entry.action == "undo" and act in self._done:
            # The first entry of several does it for the whole act.
            del self._done[act]
            self._undone[act] = None
            for decision in self._acts[act]:
                del self._standing[decision.cutout][act]
        elif entry.action == "redo" and act in self._undone:
            del self._undone[act]
            self._done[act] = None
            for decision in self._acts[act]:
                self._standing[decision.cutout][act] = decision

    # Entries that would follow; they are in the log once they are added

    def decide(
        self, decisions: Sequence[Decision], context: Mapping[str, Any]
    ) -> list[Entry]:
        """Return the entries that make decisions, as one act."""
        first = self.next_number
        return [
            Entry(
                first + i,
                "decide",
                first,
                decision.cutout,
                decision.label_new,
                decision.reviewer,
                decision.decided_at,
                context,
                decision.verdict,
                decision.kind,
                decision.note,
            )
            for i, decision in enumerate(decisions)
        ]

    def undo(
        self, reviewer: str, before: Callable[[CutoutKey], Standing]
    ) -> list[Entry]:
        """Return the entries that take back the last act; none if there is none.

        Parameters
        ----------
        reviewer : str
            Who takes it back.
        before : callable
            What stands for a cutout that no decision stands for.
        """
        if not self._done:
            return []
        act = next(reversed(self._done))

        def left(decision: Decision) -> Standing:
            others = dict(self._standing[decision.cutout])
            del others[act]
            if others:
                return Standing.of(next(reversed(others.values())))
            return before(decision.cutout)

        return self._turn("undo", act, reviewer, left)

    def redo(self, reviewer: str) -> list[Entry]:
        """Return the entries that make the act undone last again; none without one."""
        if not self._undone:
            return []
        act = next(reversed(self._undone))
        return self._turn("redo", act, reviewer, Standing.of)

    def _turn(
        self,
        action: Action,
        act: int,
        reviewer: str,
        after: Callable[[Decision], Standing],
    ) -> list[Entry]:
        first, now = self.next_number, utc_now()
        return [
            Entry(
                first + i,
                action,
                act,
                decision.cutout,
                stands.label_new,
                reviewer,
                now,
                {},
                stands.decision,
                stands.kind,
                stands.note,
            )
            for i, decision in enumerate(self._acts[act])
            for stands in [after(decision)]
        ]


def login_name() -> str:
    """Return the user's login name; the user's number where the system has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def utc_now() -> str:
    """Return the present time in UTC, in ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
