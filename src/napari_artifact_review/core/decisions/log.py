"""The decisions of reviewers: an append-only log, with undo and redo as entries."""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, NamedTuple, Self, cast

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Action, Entry, EntryId, Origin
from napari_artifact_review.core.outcomes import LABEL_NAMES, Verdict

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
        1 artifact, 0 none; an unsure verdict leaves the label unchanged.
    reviewer : str
        The reviewer.
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
    def of(cls, cutout: CutoutKey, stands: LabelState) -> Self:
        """Return the decision after which something stands."""
        label, reviewer, decided_at, verdict, kind, note = stands
        return cls(
            cutout, label, reviewer, decided_at, cast(Verdict, verdict), kind, note
        )


class LabelState(NamedTuple):
    """What stands for a cutout.

    Attributes
    ----------
    label_new : int
        1 artifact, 0 none.
    reviewed_by, reviewed_at : str
        Reviewer and time of the verdict; empty without one.
    decision : str
        The verdict; empty without one.
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

    def agrees_with(self, other: LabelState) -> bool:
        """Compare label and verdict, regardless of reviewer and time.

        Where nothing was decided, that is about the label alone.
        """
        if not self.decision or not other.decision:
            return self.label_new == other.label_new
        return (self.label_new, *self[3:]) == (other.label_new, *other[3:])

    def spelt_out(self) -> Self:
        """Return it with what a table without the column `decision` leaves unsaid.

        Tables without that column come from versions without "unsure".
        """
        if self.reviewed and not self.decision:
            return self._replace(decision=LABEL_NAMES[self.label_new])
        return self

    def consistent(self) -> Self:
        """Return it with the verdict that its label means, unless it is unsure.

        A user may have edited the label alone.
        """
        if self.decision == "unsure":
            return self
        return self._replace(decision=LABEL_NAMES[self.label_new])


class DecisionLog:
    """The log of a review: every entry of its logs, and the decisions in force.

    The entries of all logs are read in the order of clock and log id, so that any order
    of arrival gives the same review. Nothing is ever removed: undo and redo are entries
    of their own.

    Parameters
    ----------
    entries : iterable of Entry, optional
        What was logged before.
    is_known : callable, optional
        Whether a cutout is in the table. Entries about others are kept; they are
        neither in force nor undone.
    log_id : str, optional
        The log that new entries go to; by default a new one.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        is_known: Callable[[CutoutKey], bool] = lambda _: True,
        log_id: str | None = None,
    ) -> None:
        self.log_id = uuid.uuid4().hex if log_id is None else log_id
        self._is_known = is_known
        self._entries: list[Entry] = []
        self._heads: dict[str, Entry] = {}
        self._clock = 0
        self._forget()
        self.add(entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries in the order of the review; grows as the log does."""
        return self._entries

    @property
    def heads(self) -> dict[str, int]:
        """The number of the last entry of each log, by log id."""
        return {log_id: entry.number for log_id, entry in self._heads.items()}

    @property
    def cutouts(self) -> Iterable[CutoutKey]:
        """The cutouts of the table that anything was ever logged about."""
        return self._standing.keys()

    @property
    def done(self) -> Sequence[EntryId]:
        """The acts in force, in the order in which undo takes them back, last first."""
        return tuple(reversed(self._done))

    @property
    def undone(self) -> Sequence[EntryId]:
        """The acts that were taken back, in the order of redo."""
        return tuple(reversed(self._undone))

    def last_entry(self, log_id: str) -> Entry | None:
        """Return the last entry of a log; None if it has none."""
        return self._heads.get(log_id)

    def decisions_of(self, act: EntryId) -> Sequence[Decision]:
        """Return the decisions that an act makes about cutouts of the table."""
        return self._acts.get(act, ())

    def is_of(self, act: EntryId, reviewer: str) -> bool:
        """Tell whether an act is a reviewer's to take back.

        That is so for acts of this log, whatever name they have, and for those that the
        same reviewer made on another computer.
        """
        return act.log_id == self.log_id or self._reviewers.get(act) == reviewer

    def in_force(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision in force for a cutout, if there is one."""
        decisions = self._standing.get(cutout)
        return next(reversed(decisions.values())) if decisions else None

    def add(self, entries: Iterable[Entry]) -> set[CutoutKey]:
        """Take entries in; return the cutouts whose decision may be another one now."""
        new = sorted(entries, key=attrgetter("order"))
        new = [entry for entry in new if self._takes(entry)]
        if not new:
            return set()
        follow = not self._entries or self._entries[-1].order < new[0].order
        self._entries += new
        self._clock = max(self._clock, *(entry.clock for entry in new))
        touched = {entry.cutout for entry in new}
        if follow:
            for entry in new:
                self._apply(entry)
                # Its act may be about more: an undo written for a smaller table.
                touched.update(one.cutout for one in self.decisions_of(entry.act))
        else:
            # Some belong before others, whose effect may depend on them.
            before = {cutout: self.in_force(cutout) for cutout in self.cutouts}
            self._entries.sort(key=attrgetter("order"))
            self._forget()
            for entry in self._entries:
                self._apply(entry)
            touched |= {
                cutout
                for cutout in before.keys() | self._standing.keys()
                if before.get(cutout) != self.in_force(cutout)
            }
        return {cutout for cutout in touched if self._is_known(cutout)}

    def _takes(self, entry: Entry) -> bool:
        """Note an entry as the last of its log, unless it is known already."""
        head = self._heads.get(entry.log_id)
        if head is not None and entry.number <= head.number:
            return False
        self._heads[entry.log_id] = entry
        return True

    def _forget(self) -> None:
        self._acts: dict[EntryId, list[Decision]] = {}
        # Ordered sets: the act that was done, or undone, last is the last one.
        self._done: dict[EntryId, None] = {}
        self._undone: dict[EntryId, None] = {}
        self._standing: dict[CutoutKey, dict[EntryId, Decision]] = {}
        self._reviewers: dict[EntryId, str] = {}

    def _apply(self, entry: Entry) -> None:
        act = entry.act
        # The rest of an act that another log, which knew a part of it, took back.
        is_late = act in self._acts and act not in self._done
        if entry.action == "decide" and not is_late:
            # What the reviewer undid before it stays undone, whatever the table; what
            # others undid is theirs to make again.
            for other in list(self._undone):
                same = self._reviewers[other] == entry.reviewer
                if same or other.log_id == entry.log_id:
                    del self._undone[other]
        if not self._is_known(entry.cutout):
            return
        if entry.action == "decide":
            decision = Decision.of(entry.cutout, LabelState.of(entry))
            self._acts.setdefault(act, []).append(decision)
            self._reviewers.setdefault(act, entry.reviewer)
            decisions = self._standing.setdefault(entry.cutout, {})
            if not is_late:
                self._done[act] = None
                decisions[act] = decision
        elif entry.action == "undo" and act in self._done:
            # The first entry of several does it for the whole act.
            del self._done[act]
            self._undone[act] = None
            for decision in self._acts[act]:
                self._standing[decision.cutout].pop(act, None)
        elif entry.action == "redo" and act in self._undone:
            del self._undone[act]
            self._done[act] = None
            for decision in self._acts[act]:
                self._standing[decision.cutout][act] = decision

    # Entries that would follow; they are in the log once they are added

    def decide(
        self,
        decisions: Sequence[Decision],
        contexts: Mapping[CutoutKey, Mapping[str, Any]],
        origin: Origin = "decided",
    ) -> list[Entry]:
        """Return the entries that make decisions, as one act.

        Parameters
        ----------
        decisions : sequence of Decision
            The decisions.
        contexts : mapping of CutoutKey to mapping
            The state in which each was made, as plain JSON.
        origin : str
            Where they come from.
        """
        said = [(d, LabelState.of(d), contexts.get(d.cutout, {})) for d in decisions]
        head = self._heads.get(self.log_id)
        act = EntryId(self.log_id, 1 if head is None else head.number + 1)
        return self._seal("decide", act, said, origin)

    def undo(
        self,
        reviewer: str,
        before: Callable[[CutoutKey], LabelState],
        act: EntryId | None = None,
    ) -> list[Entry]:
        """Return the entries that take an act back; none if it is not in force.

        Parameters
        ----------
        reviewer : str
            The reviewer that takes it back.
        before : callable
            What is in force for a cutout without a decision.
        act : EntryId, optional
            The act; by default the last one.
        """
        act = act or next(iter(self.done), None)
        if act not in self._done:
            return []

        def left(decision: Decision) -> LabelState:
            others = dict(self._standing[decision.cutout])
            del others[act]
            if others:
                return LabelState.of(next(reversed(others.values())))
            return before(decision.cutout)

        return self._turn("undo", act, reviewer, left)

    def redo(self, reviewer: str, act: EntryId | None = None) -> list[Entry]:
        """Return the entries that make an act again; none if it was not taken back.

        By default it is the act that was taken back last.
        """
        act = act or next(iter(self.undone), None)
        if act not in self._undone:
            return []
        return self._turn("redo", act, reviewer, LabelState.of)

    def _turn(
        self,
        action: Action,
        act: EntryId,
        reviewer: str,
        after: Callable[[Decision], LabelState],
    ) -> list[Entry]:
        now = utc_now()
        said: list[tuple[Decision, LabelState, Mapping[str, Any]]] = [
            (replace(decision, reviewer=reviewer, decided_at=now), after(decision), {})
            for decision in self._acts[act]
        ]
        return self._seal(action, act, said, "decided")

    def _seal(
        self,
        action: Action,
        act: EntryId,
        said: Iterable[tuple[Decision, LabelState, Mapping[str, Any]]],
        origin: Origin,
    ) -> list[Entry]:
        """Return entries of this log with their numbers, clocks and digests."""
        previous = self._heads.get(self.log_id)
        entries = []
        for clock, (decision, after, context) in enumerate(said, self._clock + 1):
            previous = Entry(
                self.log_id,
                1 if previous is None else previous.number + 1,
                clock,
                action,
                act,
                decision.cutout,
                after.label_new,
                decision.reviewer,
                decision.decided_at,
                context,
                after.decision,
                after.kind,
                after.note,
                origin,
            ).after(previous)
            entries.append(previous)
        return entries


def login_name() -> str:
    """Return the user's login name; the user's number where the system has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def utc_now() -> str:
    """Return the present time in UTC, in ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
