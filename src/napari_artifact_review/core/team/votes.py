"""The verdicts of all reviewers of a review, and their consensus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.team.consensus import (
    Consensus,
    adjudications_in_force,
    agree,
    with_moved_acts,
)
from napari_artifact_review.core.team.rules import SET_RULES, TeamRules

#: Action of a log entry: a reviewer saw the verdicts of others on the `cutouts` in its
#: context before giving a verdict. The entry itself belongs to no cutout.
SEE_VOTES: Final = "see votes"


def names_in(entries: Iterable[Entry]) -> set[str]:
    """Return the names of all reviewers with a verdict, undone or not."""
    return {entry.reviewer for entry in entries if entry.action == "decide"}


def cutouts_seen(entry: Entry) -> Iterator[CutoutKey]:
    """Yield the cutouts of a `SEE_VOTES` entry; those in an odd form are left out."""
    stored = entry.context.get("cutouts") if entry.action == SEE_VOTES else None
    for one in stored if isinstance(stored, list) else ():
        match one:
            case [str(image_name), int(grid_x), int(grid_y)]:
                yield CutoutKey(image_name, grid_x, grid_y)


def rules_entry_in(entries: Iterable[Entry]) -> Entry | None:
    """Return the last entry with valid rules of a team, or None."""
    changes = [entry for entry in entries if entry.action == SET_RULES]
    for entry in sorted(changes, key=lambda entry: entry.order, reverse=True):
        if TeamRules.from_context(entry.context) is not None:
            return entry
    return None


def rules_in(entries: Iterable[Entry]) -> TeamRules | None:
    """Return the rules that the last valid entry set; None if there is none."""
    entry = rules_entry_in(entries)
    return None if entry is None else TeamRules.from_context(entry.context)


def consensus_of(
    log: DecisionLog, label_before: Callable[[CutoutKey], int]
) -> DecisionLog | Votes:
    """Return the votes of a log with several reviewers; otherwise the log itself.

    See `Votes` for the parameters.
    """
    if len(names_in(log.entries)) < 2:
        return log
    return Votes(log, label_before, rules_in(log.entries) or TeamRules())


class Votes:
    """The verdicts of all reviewers of a review, and their consensus.

    A vote is the latest verdict of a reviewer on a cutout that is not undone. A verdict
    that was carried from an earlier round, and an adjudication, are no votes.

    Parameters
    ----------
    log : DecisionLog
        Log in which the verdicts of all reviewers are in force. After entries were
        added to it, call `update`.
    label_before : callable
        Function that returns the label of a cutout before its first verdict.
    rules : TeamRules
        Rules of the team; assign the attribute to change them.
    """

    def __init__(
        self,
        log: DecisionLog,
        label_before: Callable[[CutoutKey], int],
        rules: TeamRules,
    ) -> None:
        self._log = log
        self._label_before = label_before
        self._rules = rules
        self._reviewers: dict[CutoutKey, tuple[str, ...]] = {}
        self._counts: Counter[str] = Counter()
        self._disputed: set[CutoutKey] = set()
        # Cutouts whose votes or rules have changed since `disputed` was asked for.
        self._unsettled: set[CutoutKey] = set()
        self.update(log.cutouts)

    @property
    def rules(self) -> TeamRules:
        """Rules of the team."""
        return self._rules

    @rules.setter
    def rules(self, rules: TeamRules) -> None:
        self._rules = rules
        self._unsettled |= self._reviewers.keys()

    @property
    def log(self) -> DecisionLog:
        """The log in which the verdicts of all reviewers are in force."""
        return self._log

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries in sort order; not a copy."""
        return self._log.entries

    @property
    def cutouts(self) -> Iterable[CutoutKey]:
        """Cutouts of the table that have decisions, including undone decisions."""
        return self._log.cutouts

    @property
    def counts(self) -> Mapping[str, int]:
        """Number of cutouts with a vote of each reviewer, by name."""
        return {name: self._counts[name] for name in sorted(self._counts)}

    @property
    def disputed(self) -> list[CutoutKey]:
        """Cutouts on which reviewers differ, without an adjudication in force."""
        for cutout in self._unsettled:
            has_several = len(self._reviewers.get(cutout, ())) > 1
            may_differ = has_several or len(self.adjudications_on(cutout)) > 1
            found = self.consensus_on(cutout) if may_differ else None
            if found is not None and found.status == "disputed":
                self._disputed.add(cutout)
            else:
                self._disputed.discard(cutout)
        self._unsettled.clear()
        return sorted(self._disputed)

    def differing_logs(
        self, revising: Container[EntryId] = ()
    ) -> dict[str, list[CutoutKey]]:
        """Return the cutouts on which several logs of one reviewer differ, by name.

        Each log is of one computer, so two persons may use one name. The latest verdict
        is the vote.

        Parameters
        ----------
        revising : container of EntryId
            Acts that revise a known verdict of another log, which may well differ.
        """
        found: dict[str, list[CutoutKey]] = {}
        for cutout in self._reviewers:
            last: dict[tuple[str, str], str] = {}
            for act, one in self._log.verdicts_on(cutout).items():
                if act in revising:
                    last = {key: last[key] for key in last if key[0] != one.reviewer}
                last[one.reviewer, act.log_id] = one.verdict
            verdicts: dict[str, set[str]] = {}
            for (name, _), verdict in last.items():
                verdicts.setdefault(name, set()).add(verdict)
            for name, several in verdicts.items():
                if len(several) > 1:
                    found.setdefault(name, []).append(cutout)
        return found

    def update(self, cutouts: Iterable[CutoutKey]) -> None:
        """Count the votes on cutouts again, after entries were added to the log."""
        for cutout in cutouts:
            self._unsettled.add(cutout)
            before = self._reviewers.pop(cutout, ())
            names = tuple(one.reviewer for one in self.on(cutout).values())
            if names:
                self._reviewers[cutout] = names
            for name in before:
                self._counts[name] -= 1
            for name in names:
                self._counts[name] += 1

    def on(self, cutout: CutoutKey) -> Mapping[EntryId, Decision]:
        """Return the votes on a cutout, by act, latest last."""
        verdicts = self._log.verdicts_on(cutout)
        latest = {one.reviewer: act for act, one in verdicts.items()}
        return {act: verdicts[act] for act in latest.values()}

    def adjudications_on(self, cutout: CutoutKey) -> Sequence[Entry]:
        """Return the adjudications of a cutout that are not undone, latest last.

        If a merge moved acts that they saw, they name the acts where they are now.
        """
        found = self._log.adjudications_on(cutout)
        return [with_moved_acts(one, self._log.moved_acts) for one in found]

    def adjudications_in_force(self, cutout: CutoutKey) -> Sequence[Entry]:
        """Return the adjudications in force on a cutout, latest last.

        If two of them differ, the cutout is disputed again.
        """
        votes = self.on(cutout)
        adjudications = self.adjudications_on(cutout) if votes else ()
        return adjudications_in_force(adjudications, votes)

    def adjudication_in_force(self, cutout: CutoutKey) -> Entry | None:
        """Return the adjudication that settles a cutout, or None."""
        found = self.adjudications_in_force(cutout)
        is_settled = len({entry.verdict for entry in found}) == 1
        return found[-1] if is_settled else None

    def consensus_on(self, cutout: CutoutKey) -> Consensus | None:
        """Return the consensus on a cutout; None without a vote."""
        votes = self.on(cutout)
        if not votes:
            return None
        adjudications = self.adjudications_on(cutout)
        before = self._label_before(cutout)
        return agree(votes, adjudications, self.rules.majority, before)

    def in_force(self, cutout: CutoutKey) -> Decision | None:
        """Return the decision of the consensus, or else the carried verdict, or None.

        With `carried`, a `Votes` can replace a `DecisionLog` where a review applies
        the decisions in force.
        """
        consensus = self.consensus_on(cutout)
        return self.carried(cutout) if consensus is None else consensus.decision

    def carried(self, cutout: CutoutKey) -> Decision | None:
        """Return the latest verdict that was carried from an earlier round, or None."""
        return self._log.carried(cutout)
