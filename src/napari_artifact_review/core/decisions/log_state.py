"""The acts and decisions in force after the entries of a log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from operator import attrgetter
from typing import NamedTuple, TypeAlias, TypeVar

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import Entry, EntryId

#: Key in an entry's context for the reviewer that adopted a label of another one.
CHOSEN_BY = "chosen_by"

#: What identifies a carried verdict on a cutout, in any previous round.
VerdictId: TypeAlias = tuple[object, ...]

#: Sort key of an entry; see `Entry.order`.
Order: TypeAlias = tuple[int, str, int]

#: Kind and name of an owner of an act: its reviewer, or its log.
_Owner: TypeAlias = tuple[str, str]

#: Order before all entries.
_NEVER: Order = (0, "", 0)

_Value = TypeVar("_Value")

#: Get the sort key of an entry.
order_of = attrgetter("order")


class Vote(NamedTuple):
    """A verdict that is not undone, and the entry that gave it or redid it."""

    decision: Decision
    entry: Entry


class LogState:
    """The acts and decisions in force after entries that are applied in order.

    An entry may also be applied after later ones, unless `affects_later` says that
    those depend on it; `restore_order` must then follow.

    Parameters
    ----------
    is_known : callable
        Function that returns whether a cutout is in the table.
    reviewer : str or None
        Name of the reviewer whose verdicts are in force; None for all reviewers.

    Attributes
    ----------
    acts : dict of EntryId to list of Decision
        The decisions of each act on cutouts of the table.
    done, undone : dict of EntryId to Entry
        Acts with the entry that did or undid them; the latest act is last.
    votes : dict of CutoutKey to dict of EntryId to Vote
        Verdicts that are not undone, by cutout and act; the latest is last.
    carried : dict of CutoutKey to dict of VerdictId to Decision
        Carried verdicts, by cutout and by what identifies them. If two computers carry
        the same verdict, the first entry counts, and an undo of either reverts it.
    carried_ids : set of VerdictId
        All carried verdicts, also those that are undone.
    adjudications : dict of CutoutKey to dict of EntryId to Entry
        Adjudications by cutout and act, undone or not.
    reviewers : dict of EntryId to str
        Reviewer of each act; a carried act belongs to its log, not to reviewers.
    """

    def __init__(
        self, is_known: Callable[[CutoutKey], bool], reviewer: str | None
    ) -> None:
        self._is_known = is_known
        self._reviewer = reviewer
        self.acts: dict[EntryId, list[Decision]] = {}
        self.done: dict[EntryId, Entry] = {}
        self.undone: dict[EntryId, Entry] = {}
        self.votes: dict[CutoutKey, dict[EntryId, Vote]] = {}
        self.carried: dict[CutoutKey, dict[VerdictId, Decision]] = {}
        self.carried_ids: set[VerdictId] = set()
        self.adjudications: dict[CutoutKey, dict[EntryId, Entry]] = {}
        self.reviewers: dict[EntryId, str] = {}
        # Order of the last verdict, and of the last undo or redo, of each owner.
        self._verdicts: dict[_Owner, Order] = {}
        self._reversals: dict[_Owner, Order] = {}

    def is_carrying(self, act: EntryId) -> bool:
        """Return whether an act carried verdicts from an earlier round."""
        return any(decision.is_carried for decision in self.acts.get(act, ()))

    def apply(self, entry: Entry) -> None:
        """Apply an entry."""
        act = entry.act
        if entry.action in ("decide", "carry", "adjudicate"):
            self._apply_decision(entry)
            return
        self._update_last_orders(entry, self._reversals)
        if entry.action == "undo" and act in self.done:
            # The first entry undoes the whole act.
            del self.done[act]
            self.undone[act] = entry
            for decision in self.acts[act]:
                self.votes.get(decision.cutout, {}).pop(act, None)
                if decision.is_carried:
                    self.carried[decision.cutout].pop(verdict_id(decision), None)
        elif entry.action == "redo" and act in self.undone:
            del self.undone[act]
            self.done[act] = entry
            for decision in self.acts[act]:
                self._put(entry, decision)

    # Entries that are not the latest

    def affects_later(self, entry: Entry) -> bool:
        """Return whether later entries, which are applied, depend on a new entry.

        A verdict ends the redo of its reviewer and of its log. It therefore depends on
        the order of undo and redo by the same owner, but not on that of other verdicts.
        The same carried verdict counts once, so the first entry with it matters.
        """
        if not self._has_effect(entry):
            return False
        owners = self._owners(entry)
        if any(entry.order < self._reversals.get(one, _NEVER) for one in owners):
            return True
        if entry.action in ("decide", "adjudicate"):
            return self._is_odd(entry)
        if any(entry.order < self._verdicts.get(one, _NEVER) for one in owners):
            return True
        return entry.action == "carry" or self.is_carrying(entry.act)

    def restore_order(self, first: Order, cutouts: Iterable[CutoutKey]) -> None:
        """Sort acts and votes after entries were applied after later ones.

        Parameters
        ----------
        first : tuple
            Order of the first of these entries.
        cutouts : iterable of CutoutKey
            Cutouts of the acts that these entries make, undo or redo.
        """
        _sort_from(first, self.done, order_of)
        _sort_from(first, self.undone, order_of)
        for cutout in cutouts:
            votes = self.votes.get(cutout, {})
            _sort_from(first, votes, lambda vote: vote.entry.order)

    # Private methods

    def _apply_decision(self, entry: Entry) -> None:
        act, is_carried = entry.act, entry.action == "carry"
        if not self._is_counted(entry):
            return
        is_odd = self._is_odd(entry)
        self._update_last_orders(entry, self._reversals if is_odd else self._verdicts)
        # Another log undid this act before it had received all entries of the act.
        is_late = act in self.acts and act not in self.done
        if not is_carried and not is_late:
            # After a new decision, its reviewer cannot redo undone acts any more, even
            # if the cutout is not in the table. Other reviewers still can.
            for other in list(self.undone):
                same = self.reviewers.get(other) == entry.reviewer
                if same or other.log_id == entry.log_id:
                    del self.undone[other]
        if not self._is_known(entry.cutout):
            return
        is_adjudicated = entry.action == "adjudicate"
        state = LabelState.after(entry)
        decision = Decision.from_state(
            entry.cutout, state, is_carried=is_carried, is_adjudicated=is_adjudicated
        )
        self.acts.setdefault(act, []).append(decision)
        is_new = verdict_id(decision) not in self.carried_ids
        if is_carried:
            self.carried_ids.add(verdict_id(decision))
            self.carried.setdefault(entry.cutout, {})
        else:
            self.reviewers.setdefault(act, entry.reviewer)
        if is_adjudicated:
            self.adjudications.setdefault(entry.cutout, {})[act] = entry
        elif not is_carried:
            self.votes.setdefault(entry.cutout, {})
        if not is_late:
            self.done.setdefault(act, entry)
            if is_new or not is_carried:
                self._put(entry, decision)

    def _has_effect(self, entry: Entry) -> bool:
        """Return whether an entry may change a decision in force."""
        if entry.action in ("undo", "redo"):
            return entry.act in self.acts
        is_verdict = entry.action in ("decide", "carry", "adjudicate")
        return is_verdict and self._is_counted(entry)

    def _is_counted(self, entry: Entry) -> bool:
        """Return whether a decision was carried, or belongs to the reviewer."""
        if entry.action == "carry" or self._reviewer is None:
            return True
        return self._reviewer in (entry.reviewer, entry.context.get(CHOSEN_BY))

    def _put(self, entry: Entry, decision: Decision) -> None:
        """Put a decision in force, whose act an entry makes or redoes."""
        act = entry.act
        if decision.is_carried:
            self.carried[decision.cutout][verdict_id(decision)] = decision
        elif not decision.is_adjudicated:
            votes = self.votes[decision.cutout]
            # An act that names a cutout twice has the order of the first time.
            first = votes[act].entry if act in votes else entry
            votes[act] = Vote(decision, first)

    def _owners(self, entry: Entry) -> tuple[_Owner, ...]:
        """Return the reviewer and the logs whose acts an entry may change."""
        log = "log", entry.act.log_id
        if entry.action in ("undo", "redo"):
            return ("reviewer", self.reviewers.get(entry.act, "")), log
        return ("reviewer", entry.reviewer), log, ("log", entry.log_id)

    def _update_last_orders(self, entry: Entry, latest: dict[_Owner, Order]) -> None:
        """Update the order of the last entry of its reviewer and its logs."""
        for owner in self._owners(entry):
            latest[owner] = max(entry.order, latest.get(owner, _NEVER))

    def _is_odd(self, entry: Entry) -> bool:
        """Return whether a verdict is part of an act of another log or of carrying.

        No version writes such a verdict. Its place among other verdicts matters.
        """
        if entry.act.log_id != entry.log_id:
            return True
        is_first = entry.act.number == entry.number
        return not is_first and entry.action != "carry" and self.is_carrying(entry.act)


def verdict_id(decision: Decision) -> VerdictId:
    """Return what identifies a carried verdict on a cutout, in any previous round.

    The label is omitted, because an unsure verdict has the label of the table.
    """
    return (decision.cutout, *LabelState.after(decision)[1:])


def _sort_from(
    first: Order, items: dict[EntryId, _Value], order: Callable[[_Value], Order]
) -> None:
    """Sort a dict in which all items from an order on are at the end."""
    last = takewhile(lambda item: order(item[1]) >= first, reversed(items.items()))
    for key, value in sorted(last, key=lambda item: order(item[1])):
        del items[key]
        items[key] = value
