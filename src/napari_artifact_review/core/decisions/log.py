"""Append-only log of the reviewers' decisions, with undo and redo as entries."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeAlias

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState, utc_now
from napari_artifact_review.core.decisions.entry import Action, Entry, EntryId, Origin

#: Key in an entry's context for the reviewer that adopted a label of another one.
CHOSEN_BY = "chosen_by"

#: Cutout of an entry that belongs to no cutout, such as one that sets rules.
NO_CUTOUT = CutoutKey("", 0, 0)

#: A decision, the state of its cutout after the entry, and the entry's context.
_Change: TypeAlias = tuple[Decision, LabelState, Mapping[str, Any]]

#: What identifies a carried verdict on a cutout, in any previous round.
_VerdictId: TypeAlias = tuple[object, ...]


class DecisionLog:
    """The entries of all logs of a review, and the decisions currently in force.

    Entries are applied in the order of `Entry.order`, so the result does not depend on
    the order of arrival. Entries are never removed: undo and redo add entries. An act
    is a group of decisions that are made, undone and redone together. A verdict that
    was carried from an earlier round is in force only if the cutout has no other. An
    adjudication is never in force; see `adjudications_on`.

    Parameters
    ----------
    entries : iterable of Entry, optional
        Initial entries.
    is_known : callable, optional
        Function that returns whether a cutout is in the table. Entries for other
        cutouts stay in the log, but are never in force and cannot be undone.
    log_id : str, optional
        Id of the log to which new entries belong; by default a new id.
    reviewer : str, optional
        Name of the reviewer whose verdicts are in force, with those that this reviewer
        adopted. By default, the latest verdict of any reviewer is in force.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        is_known: Callable[[CutoutKey], bool] = lambda _: True,
        log_id: str | None = None,
        reviewer: str | None = None,
    ) -> None:
        self._reviewer = reviewer
        self.log_id = uuid.uuid4().hex if log_id is None else log_id
        self._is_known = is_known
        self._entries: list[Entry] = []
        self._last_entries: dict[str, Entry] = {}
        self._clock = 0
        self._reset()
        self.add(entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries in sort order; not a copy."""
        return self._entries

    @property
    def last_numbers(self) -> dict[str, int]:
        """Number of the last entry in each log, by log id."""
        return {log_id: entry.number for log_id, entry in self._last_entries.items()}

    @property
    def cutouts(self) -> Iterable[CutoutKey]:
        """Cutouts of the table that have decisions, including undone decisions."""
        return dict.fromkeys([*self._carried, *self._in_force])

    @property
    def done(self) -> Sequence[EntryId]:
        """Acts in force, latest first, which is the order of undo."""
        return tuple(reversed(self._done))

    @property
    def undone(self) -> Sequence[EntryId]:
        """Undone acts, last undone first, which is the order of redo."""
        return tuple(reversed(self._undone))

    def last_entry(self, log_id: str) -> Entry | None:
        """Return the last entry of a log; None if the log has no entries."""
        return self._last_entries.get(log_id)

    def decisions_of(self, act: EntryId) -> Sequence[Decision]:
        """Return the decisions of an act on cutouts of the table."""
        return self._acts.get(act, ())

    def is_of(self, act: EntryId, reviewer: str) -> bool:
        """Return whether a reviewer may undo an act.

        A reviewer may undo all acts in this computer's log, and their own acts in other
        logs.
        """
        return act.log_id == self.log_id or self._reviewers.get(act) == reviewer

    def in_force(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision in force for a cutout, or None."""
        decisions = self._in_force.get(cutout)
        if decisions:
            return next(reversed(decisions.values()))
        return self.carried(cutout)

    def verdicts_on(self, cutout: CutoutKey) -> Mapping[EntryId, Decision]:
        """Return all verdicts on a cutout that are not undone, by act, latest last.

        Verdicts of an earlier round are not among them.
        """
        return MappingProxyType(self._in_force.get(cutout, {}))

    def adjudications_on(self, cutout: CutoutKey) -> Sequence[Entry]:
        """Return the adjudications of a cutout that are not undone, latest last."""
        entries = self._adjudications.get(cutout, {})
        return tuple(entry for act, entry in entries.items() if act in self._done)

    def carried(self, cutout: CutoutKey) -> Decision | None:
        """Return the latest carried verdict on a cutout, or None.

        A decision of this round may be in force instead.
        """
        return _latest(self._carried.get(cutout, {}).values())

    def has_carried(self, decision: Decision) -> bool:
        """Return whether a verdict was carried before, even if that was undone."""
        return _verdict_id(decision) in self._carried_ids

    def is_carrying(self, act: EntryId) -> bool:
        """Return whether an act carried verdicts from an earlier round."""
        return any(decision.is_carried for decision in self.decisions_of(act))

    def add(self, entries: Iterable[Entry]) -> set[CutoutKey]:
        """Add entries; return the cutouts whose decision may have changed."""
        new = sorted(entries, key=attrgetter("order"))
        new = [entry for entry in new if self._is_next(entry)]
        if not new:
            return set()
        are_latest = not self._entries or self._entries[-1].order < new[0].order
        self._entries += new
        self._clock = max(self._clock, *(entry.clock for entry in new))
        if not are_latest:
            self._entries.sort(key=attrgetter("order"))
            if not any(map(self._has_effect, new)):
                return set()
            # Some new entries precede known entries, so apply all entries again.
            return self._apply_all_again() | self._touched(new)
        for entry in new:
            self._apply(entry)
        return self._touched(new)

    def _touched(self, new: Sequence[Entry]) -> set[CutoutKey]:
        """Return the cutouts of the acts that new entries make, undo or redo."""
        # An act may have more cutouts than the undo entries, if it was undone in a
        # review of a smaller table. Each act is visited once: it may be large.
        acts = {entry.act for entry in new}
        return {one.cutout for act in acts for one in self.decisions_of(act)}

    def _has_effect(self, entry: Entry) -> bool:
        """Return whether a new entry may change a decision in force."""
        is_undo_or_redo = entry.action in ("undo", "redo")
        return entry.act in self._acts if is_undo_or_redo else self._is_counted(entry)

    def set_reviewer(self, reviewer: str | None) -> set[CutoutKey]:
        """Set whose verdicts are in force; return the cutouts whose decision changed.

        Parameters
        ----------
        reviewer : str or None
            Name of the reviewer; None for the latest verdict of any reviewer.
        """
        if reviewer == self._reviewer:
            return set()
        self._reviewer = reviewer
        return self._apply_all_again()

    def _apply_all_again(self) -> set[CutoutKey]:
        before = {cutout: self._both(cutout) for cutout in self.cutouts}
        self._reset()
        for entry in self._entries:
            self._apply(entry)
        return {
            cutout
            for cutout in {*before, *self.cutouts}
            if before.get(cutout, (None, None)) != self._both(cutout)
        }

    def _both(self, cutout: CutoutKey) -> tuple[Decision | None, Decision | None]:
        return self.in_force(cutout), self.carried(cutout)

    def _is_next(self, entry: Entry) -> bool:
        """Return whether an entry is new; store a new entry as the last of its log."""
        last = self._last_entries.get(entry.log_id)
        if last is not None and entry.number <= last.number:
            return False
        self._last_entries[entry.log_id] = entry
        return True

    def _reset(self) -> None:
        self._acts: dict[EntryId, list[Decision]] = {}
        # Ordered sets: the latest act is last.
        self._done: dict[EntryId, None] = {}
        self._undone: dict[EntryId, None] = {}
        self._in_force: dict[CutoutKey, dict[EntryId, Decision]] = {}
        # Carried verdicts by cutout and by what identifies them. If two computers carry
        # the same verdict, the first entry counts, and an undo of either reverts it.
        self._carried: dict[CutoutKey, dict[_VerdictId, Decision]] = {}
        self._carried_ids: set[_VerdictId] = set()
        # Adjudications by cutout and act, undone or not.
        self._adjudications: dict[CutoutKey, dict[EntryId, Entry]] = {}
        # A carried act belongs to its log, not to the reviewers of its verdicts.
        self._reviewers: dict[EntryId, str] = {}

    def _apply(self, entry: Entry) -> None:
        act = entry.act
        if entry.action in ("decide", "carry", "adjudicate"):
            self._apply_decision(entry)
        elif entry.action == "undo" and act in self._done:
            # The first entry undoes the whole act.
            del self._done[act]
            self._undone[act] = None
            for decision in self._acts[act]:
                self._in_force.get(decision.cutout, {}).pop(act, None)
                if decision.is_carried:
                    self._carried[decision.cutout].pop(_verdict_id(decision), None)
        elif entry.action == "redo" and act in self._undone:
            del self._undone[act]
            self._done[act] = None
            for decision in self._acts[act]:
                self._put(act, decision)

    def _apply_decision(self, entry: Entry) -> None:
        act, is_carried = entry.act, entry.action == "carry"
        if not self._is_counted(entry):
            return
        # Another log undid this act before it had received all entries of the act.
        is_late = act in self._acts and act not in self._done
        if not is_carried and not is_late:
            # After a new decision, its reviewer cannot redo undone acts any more, even
            # if the cutout is not in the table. Other reviewers still can.
            for other in list(self._undone):
                same = self._reviewers.get(other) == entry.reviewer
                if same or other.log_id == entry.log_id:
                    del self._undone[other]
        if not self._is_known(entry.cutout):
            return
        is_adjudicated = entry.action == "adjudicate"
        state = LabelState.after(entry)
        decision = Decision.from_state(
            entry.cutout, state, is_carried=is_carried, is_adjudicated=is_adjudicated
        )
        self._acts.setdefault(act, []).append(decision)
        is_new = not self.has_carried(decision)
        if is_carried:
            self._carried_ids.add(_verdict_id(decision))
            self._carried.setdefault(entry.cutout, {})
        else:
            self._reviewers.setdefault(act, entry.reviewer)
        if is_adjudicated:
            self._adjudications.setdefault(entry.cutout, {})[act] = entry
        elif not is_carried:
            self._in_force.setdefault(entry.cutout, {})
        if not is_late:
            self._done[act] = None
            if is_new or not is_carried:
                self._put(act, decision)

    def _is_counted(self, entry: Entry) -> bool:
        """Return whether a decision was carried, or belongs to the reviewer."""
        if entry.action == "carry" or self._reviewer is None:
            return True
        return self._reviewer in (entry.reviewer, entry.context.get(CHOSEN_BY))

    def _put(self, act: EntryId, decision: Decision) -> None:
        """Add a decision of an act in force."""
        if decision.is_carried:
            self._carried[decision.cutout][_verdict_id(decision)] = decision
        elif not decision.is_adjudicated:
            self._in_force[decision.cutout][act] = decision

    # New entries, which the caller records and passes to `add`

    def decide(
        self,
        decisions: Sequence[Decision],
        contexts: Mapping[CutoutKey, Mapping[str, Any]],
        origin: Origin = "decided",
    ) -> list[Entry]:
        """Create the entries that record decisions as one act.

        Parameters
        ----------
        decisions : sequence of Decision
            The decisions.
        contexts : mapping of CutoutKey to mapping
            Circumstances of each decision, as plain JSON; empty for missing cutouts.
        origin : str
            Source of the entries; see `Origin`.
        """
        changes = [
            (d, LabelState.after(d), contexts.get(d.cutout, {})) for d in decisions
        ]
        number = self.last_numbers.get(self.log_id, 0) + 1
        action: Action = "carry" if origin == "carried" else "decide"
        return self._sealed(action, EntryId(self.log_id, number), changes, origin)

    def adjudicate(self, decision: Decision, context: Mapping[str, Any]) -> list[Entry]:
        """Create the entry that settles a cutout on which reviewers differ."""
        number = self.last_numbers.get(self.log_id, 0) + 1
        change = decision, LabelState.after(decision), context
        act = EntryId(self.log_id, number)
        return self._sealed("adjudicate", act, [change], "decided")

    def note(
        self, action: str, reviewer: str, context: Mapping[str, Any]
    ) -> list[Entry]:
        """Create an entry of another action, which belongs to no cutout."""
        number = self.last_numbers.get(self.log_id, 0) + 1
        nowhere = Decision(NO_CUTOUT, 0, reviewer, utc_now(), "unsure")
        state = LabelState.after(nowhere)._replace(decision="")
        act = EntryId(self.log_id, number)
        return self._sealed(action, act, [(nowhere, state, context)], "decided")

    def undo(
        self,
        reviewer: str,
        before: Callable[[CutoutKey], LabelState],
        act: EntryId | None = None,
    ) -> list[Entry]:
        """Create the entries that undo an act; none if the act is not in force.

        Parameters
        ----------
        reviewer : str
            Name of the reviewer.
        before : callable
            Function that returns the label state of a cutout before its first decision.
        act : EntryId, optional
            Act to undo; by default the latest act in force.
        """
        act = act or next(iter(self.done), None)
        if act not in self._done:
            return []

        gone = {_verdict_id(one) for one in self._acts[act] if one.is_carried}

        def remaining(decision: Decision) -> LabelState:
            decisions = self._in_force.get(decision.cutout, {})
            votes = [decisions[other] for other in decisions if other != act]
            carried = self._carried.get(decision.cutout, {})
            left = [carried[one] for one in carried if one not in gone]
            other = votes[-1] if votes else _latest(left)
            return before(decision.cutout) if other is None else LabelState.after(other)

        return self._entries_about("undo", act, reviewer, remaining)

    def redo(self, reviewer: str, act: EntryId | None = None) -> list[Entry]:
        """Create the entries that redo an act; none if the act is not undone.

        By default, redo the act that was undone last.
        """
        act = act or next(iter(self.undone), None)
        if act not in self._undone:
            return []
        return self._entries_about("redo", act, reviewer, LabelState.after)

    def _entries_about(
        self,
        action: Action,
        act: EntryId,
        reviewer: str,
        after: Callable[[Decision], LabelState],
    ) -> list[Entry]:
        now = utc_now()
        changes: list[_Change] = [
            (replace(decision, reviewer=reviewer, decided_at=now), after(decision), {})
            for decision in self._acts[act]
        ]
        return self._sealed(action, act, changes, "decided")

    def _sealed(
        self,
        action: str,
        act: EntryId,
        changes: Iterable[_Change],
        origin: Origin,
    ) -> list[Entry]:
        """Create entries of this log, with numbers, clocks and digests."""
        previous = self._last_entries.get(self.log_id)
        entries = []
        for clock, (decision, after, context) in enumerate(changes, self._clock + 1):
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


def _latest(decisions: Iterable[Decision]) -> Decision | None:
    """Return the latest decision, or the last of those; None without decisions."""
    return max(reversed([*decisions]), key=attrgetter("decided_at"), default=None)


def _verdict_id(decision: Decision) -> _VerdictId:
    """Return what identifies a carried verdict on a cutout, in any previous round.

    The label is omitted, because an unsure verdict has the label of the table.
    """
    return (decision.cutout, *LabelState.after(decision)[1:])
