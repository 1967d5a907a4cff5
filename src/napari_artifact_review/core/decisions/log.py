"""Append-only log of the reviewers' decisions, with undo and redo as entries."""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeAlias

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState, utc_now
from napari_artifact_review.core.decisions.entry import Action, Entry, EntryId, Origin
from napari_artifact_review.core.decisions.log_state import (
    LogState,
    order_of,
    verdict_id,
)
from napari_artifact_review.core.decisions.merging import original_of
from napari_artifact_review.core.outcomes import UNSURE

#: Cutout of an entry that belongs to no cutout, such as one that sets rules.
NO_CUTOUT = CutoutKey("", 0, 0)

#: A decision, the state of its cutout after the entry, and the entry's context.
_Change: TypeAlias = tuple[Decision, LabelState, Mapping[str, Any]]


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
        self._moved_acts: dict[EntryId, list[EntryId]] = {}
        self._state = LogState(is_known, reviewer)
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
        return dict.fromkeys([*self._state.carried, *self._state.votes])

    @property
    def done(self) -> Sequence[EntryId]:
        """Acts in force, latest first, which is the order of undo."""
        return tuple(reversed(self._state.done))

    @property
    def undone(self) -> Sequence[EntryId]:
        """Undone acts, last undone first, which is the order of redo."""
        return tuple(reversed(self._state.undone))

    @property
    def moved_acts(self) -> Mapping[EntryId, Sequence[EntryId]]:
        """Acts that a merge of diverged copies moved, by their original id."""
        return self._moved_acts

    def last_entry(self, log_id: str) -> Entry | None:
        """Return the last entry of a log; None if the log has no entries."""
        return self._last_entries.get(log_id)

    def decisions_of(self, act: EntryId) -> Sequence[Decision]:
        """Return the decisions of an act on cutouts of the table."""
        return self._state.acts.get(act, ())

    def is_of(self, act: EntryId, reviewer: str) -> bool:
        """Return whether a reviewer may undo an act.

        A reviewer may undo all acts in this computer's log, and their own acts in other
        logs.
        """
        return act.log_id == self.log_id or self._state.reviewers.get(act) == reviewer

    def in_force(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision in force for a cutout, or None."""
        votes = self._state.votes.get(cutout)
        if votes:
            return next(reversed(votes.values())).decision
        return self.carried(cutout)

    def verdicts_on(self, cutout: CutoutKey) -> Mapping[EntryId, Decision]:
        """Return all verdicts on a cutout that are not undone, by act, latest last.

        Verdicts of an earlier round are not among them.
        """
        votes = self._state.votes.get(cutout, {})
        return {act: vote.decision for act, vote in votes.items()}

    def adjudications_on(self, cutout: CutoutKey) -> Sequence[Entry]:
        """Return the adjudications of a cutout that are not undone, latest last."""
        entries = self._state.adjudications.get(cutout, {})
        in_force = [entry for act, entry in entries.items() if act in self._state.done]
        return sorted(in_force, key=order_of)

    def carried(self, cutout: CutoutKey) -> Decision | None:
        """Return the latest carried verdict on a cutout, or None.

        A decision of this round may be in force instead.
        """
        return _latest(self._state.carried.get(cutout, {}).values())

    def has_carried(self, decision: Decision) -> bool:
        """Return whether a verdict was carried before, even if that was undone."""
        return verdict_id(decision) in self._state.carried_ids

    def is_carrying(self, act: EntryId) -> bool:
        """Return whether an act carried verdicts from an earlier round."""
        return self._state.is_carrying(act)

    def add(self, entries: Iterable[Entry]) -> set[CutoutKey]:
        """Add entries; return the cutouts whose decision may have changed."""
        new = sorted(entries, key=order_of)
        new = [entry for entry in new if self._is_next(entry)]
        if not new:
            return set()
        self._note_moved(new)
        known, first = self._entries, new[0].order
        position = bisect_left(known, first, key=order_of)
        are_latest = position == len(known)
        known[position:] = sorted([*known[position:], *new], key=order_of)
        self._clock = max(self._clock, *(entry.clock for entry in new))
        for entry in new:
            if not are_latest and self._state.affects_later(entry):
                return self._apply_all_again() | self._touched(new)
            self._state.apply(entry)
        touched = self._touched(new)
        if not are_latest:
            self._state.restore_order(first, touched)
        return touched

    def _note_moved(self, new: Sequence[Entry]) -> None:
        for entry in new:
            original = original_of(entry) if entry.id == entry.act else None
            if original is not None:
                self._moved_acts.setdefault(original.act, []).append(entry.act)

    def _touched(self, new: Sequence[Entry]) -> set[CutoutKey]:
        """Return the cutouts of the acts that new entries make, undo or redo."""
        # An act may have more cutouts than the undo entries, if it was undone in a
        # review of a smaller table. Each act is visited once: it may be large.
        acts = {entry.act for entry in new}
        return {one.cutout for act in acts for one in self.decisions_of(act)}

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
        self._state = LogState(self._is_known, self._reviewer)
        for entry in self._entries:
            self._state.apply(entry)
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
        action: Action = "carry" if origin == "carried" else "decide"
        return self._sealed(action, self._next_act(), changes, origin)

    def adjudicate(self, decision: Decision, context: Mapping[str, Any]) -> list[Entry]:
        """Create the entry that settles a cutout on which reviewers differ."""
        change = decision, LabelState.after(decision), context
        return self._sealed("adjudicate", self._next_act(), [change], "decided")

    def record_event(
        self, action: str, reviewer: str, context: Mapping[str, Any]
    ) -> list[Entry]:
        """Create an entry with another action and no cutout."""
        nowhere = Decision(NO_CUTOUT, 0, reviewer, utc_now(), UNSURE)
        state = LabelState.after(nowhere)._replace(decision="")
        change = nowhere, state, context
        return self._sealed(action, self._next_act(), [change], "decided")

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
        if act not in self._state.done:
            return []

        gone = {verdict_id(one) for one in self._state.acts[act] if one.is_carried}

        def remaining(decision: Decision) -> LabelState:
            verdicts = self.verdicts_on(decision.cutout)
            votes = [verdicts[other] for other in verdicts if other != act]
            carried = self._state.carried.get(decision.cutout, {})
            left = [carried[one] for one in carried if one not in gone]
            other = votes[-1] if votes else _latest(left)
            return before(decision.cutout) if other is None else LabelState.after(other)

        return self._entries_about("undo", act, reviewer, remaining)

    def redo(self, reviewer: str, act: EntryId | None = None) -> list[Entry]:
        """Create the entries that redo an act; none if the act is not undone.

        By default, redo the act that was undone last.
        """
        act = act or next(iter(self.undone), None)
        if act not in self._state.undone:
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
            for decision in self._state.acts[act]
        ]
        return self._sealed(action, act, changes, "decided")

    def _next_act(self) -> EntryId:
        """Return the id of the next entry of this log, for an act that it begins."""
        last = self.last_entry(self.log_id)
        return EntryId(self.log_id, 1 if last is None else last.number + 1)

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
