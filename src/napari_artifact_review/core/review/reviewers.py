"""The reviewers of a review: all votes, and whose verdicts count on the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from psygnal import Signal

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.command import title_of
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.team.ballots import (
    REVISES,
    TEAM_FACTS,
    is_revising,
)
from napari_artifact_review.core.team.consensus import SAW
from napari_artifact_review.core.team.overview_texts import SEVERAL_PERSONS
from napari_artifact_review.core.team.rules import SET_RULES, TeamRules
from napari_artifact_review.core.team.votes import (
    Votes,
    cutouts_seen,
    names_in,
    rules_in,
)
from napari_artifact_review.core.texts import counted


class Perspective(NamedTuple):
    """The reviewer of a session, and the verdicts that the session shows.

    Attributes
    ----------
    reviewer : str
        Name of the reviewer.
    is_named : bool
        Whether the user confirmed the name. A login name that is not confirmed does not
        make a second reviewer, because the only reviewer may use another name.
    shows_consensus : bool
        Whether to show the consensus if the review has several reviewers.
    """

    reviewer: str
    is_named: bool = True
    shows_consensus: bool = False


class Reviewers:
    """The votes of all reviewers, and the log whose verdicts one of them sees.

    While a review has one reviewer, every verdict is in force, whatever its name. As
    soon as it has two, each of them sees only their own verdicts, unless the rules of
    the team are not blind. The table and the exports of the team have the consensus.

    Parameters
    ----------
    log : DecisionLog
        Log of the review. Its reviewer is set here; see `DecisionLog.set_reviewer`.
    perspective : Perspective
        The reviewer of the session, and the verdicts that it shows.
    is_known : callable
        Function that returns whether a cutout is in the table.
    label_before : callable
        Function that returns the label of a cutout before its first verdict.

    Attributes
    ----------
    reviewer : str
        Name of the reviewer whose session this is.
    votes : Votes
        The votes of all reviewers, with the rules of the team.
    changed : Signal
        Emitted when votes, adjudications or rules may have changed.
    is_assigned : callable
        Function that returns whether a cutout is assigned to the reviewer; see
        `AssignedWork`.
    is_repeat : callable
        Function that returns whether the reviewer is asked about a cutout again, which
        is unmarked; see `Repeats`.
    """

    changed = Signal()

    def __init__(
        self,
        log: DecisionLog,
        perspective: Perspective,
        is_known: Callable[[CutoutKey], bool],
        label_before: Callable[[CutoutKey], int],
    ) -> None:
        self._log = log
        self.reviewer = reviewer = perspective.reviewer
        self._is_known = is_known
        self._label_before = label_before
        self._shows_consensus = perspective.shows_consensus
        self._names = self._names_in(log.entries)
        self._names |= {reviewer} if perspective.is_named else set()
        self._has_rules = False
        # Whether reviewers could see each other's verdicts at any time.
        self._was_unblinded = False
        self._revising: set[EntryId] = set()
        # Reviewers with a verdict or an adjudication on each cutout, undone or not.
        self._reviewers_on: dict[CutoutKey, set[str]] = {}
        # Cutouts on which the reviewer saw votes of others before giving a verdict.
        self._seen: set[CutoutKey] = set()
        self.votes = Votes(log, label_before, TeamRules())
        self.is_assigned: Callable[[CutoutKey], bool] = lambda _: True
        self.is_repeat: Callable[[CutoutKey], bool] = lambda _: False
        self._count_entries(log.entries)
        self._apply_visibility()

    @property
    def rules(self) -> TeamRules:
        """The rules of the team, as they were last set."""
        return self.votes.rules

    @property
    def has_several(self) -> bool:
        """Whether the review has two reviewers or more."""
        return len(self._names) > 1

    @property
    def is_team(self) -> bool:
        """Whether the review has several reviewers, or rules for them."""
        return self.has_several or self._has_rules

    @property
    def hides_others(self) -> bool:
        """Whether verdicts of others are hidden until the reviewer gives a verdict."""
        return self.has_several and self.rules.is_blind and not self._shows_consensus

    @property
    def shown(self) -> str:
        """Name of the reviewer whose verdicts are shown; empty for all of them."""
        return self.reviewer if self.hides_others else ""

    @property
    def decisions(self) -> DecisionLog | Votes:
        """The log or the consensus from which the labels on the screen come."""
        is_consensus = self._shows_consensus and self.has_several
        return self.votes if is_consensus else self._log

    @property
    def shows_consensus(self) -> bool:
        """Whether the labels on the screen are those that all reviewers agree on."""
        return self.decisions is self.votes or not self.has_several

    def may_see(self, cutout: CutoutKey) -> bool:
        """Return whether the reviewer may see the verdicts of others on a cutout.

        While the reviewer is asked about the cutout again, others are hidden as before
        the first verdict.
        """
        has_answered = self.reviewer in self._reviewers_on.get(cutout, ())
        return not self.hides_others or (has_answered and not self.is_repeat(cutout))

    @property
    def unseen(self) -> set[CutoutKey]:
        """Cutouts with verdicts of others that the reviewer has not seen yet.

        Empty unless verdicts of others are hidden. A cutout with a verdict of the
        reviewer is not among them.
        """
        if not self.hides_others:
            return set()
        return {
            cutout
            for cutout, names in self._reviewers_on.items()
            if self.reviewer not in names and self._is_known(cutout)
        } - self._seen

    def notices(self) -> tuple[str, ...]:
        """Return notices about other reviewers, and about a name with several logs."""
        found = []
        others = sorted(self._names - {self.reviewer})
        if self.hides_others and others and self.reviewer not in self.votes.counts:
            found.append(
                f"This review has verdicts of {_listed(others)}. You see what others "
                "say about a cutout after your own verdict on it."
            )
        for name, cutouts in self.votes.differing_logs(self._revising).items():
            first = title_of(cutouts[:1])
            found.append(
                f"Several logs of {name} differ on {counted(len(cutouts), 'cutout')}, "
                f"first on {first}; the later verdicts count. {SEVERAL_PERSONS}"
            )
        return tuple(found)

    def add(self, entries: Sequence[Entry]) -> set[CutoutKey]:
        """Count entries that were added to the log.

        Return the cutouts whose decision changed because the rules changed, or because
        the review has a second reviewer now.
        """
        self._names |= self._names_in(entries)
        if self.votes.log is not self._log:
            self.votes.update(self.votes.log.add(entries))
        else:
            # An act may have more cutouts than the entries that undo it.
            acts = {entry.act for entry in entries}
            decisions = (one for act in acts for one in self._log.decisions_of(act))
            self.votes.update({one.cutout for one in decisions})
        self._count_entries(entries)
        touched = self._apply_visibility()
        if self.is_team and entries:
            self.changed.emit()
        return touched

    def facts_of(self, cutout: CutoutKey) -> dict[str, Any]:
        """Return facts about a verdict that the log records for the team.

        The result is empty without a team. A verdict is blind if its reviewer could not
        know a verdict of another reviewer on the same cutout. After the reviewer's
        first verdict, those of others may be shown, and in the queue of disputed
        cutouts they always are. The facts also tell whether the cutout is assigned to
        the reviewer, and whether the verdict is a repeat.
        """
        facts: dict[str, Any] = {}
        for act, one in self.votes.on(cutout).items():
            if one.reviewer == self.reviewer and act.log_id != self._log.log_id:
                facts[REVISES] = True
        if not self.is_team:
            return {TEAM_FACTS: facts} if facts else {}
        names = self._reviewers_on.get(cutout, set())
        has_others = bool(names - {self.reviewer})
        has_seen = self.reviewer in names or cutout in self._seen
        has_seen |= self._was_unblinded or not self.rules.is_blind
        facts["assigned"] = self.is_assigned(cutout)
        if self.is_repeat(cutout):
            facts["repeat"] = True
        return {TEAM_FACTS: {"blind": not (has_others and has_seen)} | facts}

    def seen_on(self, cutout: CutoutKey) -> dict[str, Any]:
        """Return the context of an adjudication: the acts that it saw."""
        acts = [*self.votes.on(cutout)]
        acts += [entry.act for entry in self.votes.adjudications_on(cutout)]
        return {SAW: sorted(list(act) for act in acts)}

    # Private methods

    def _names_in(self, entries: Sequence[Entry]) -> set[str]:
        """Return the names in verdicts on cutouts of the table."""
        return names_in(one for one in entries if self._is_known(one.cutout))

    def _count_entries(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.action in ("decide", "adjudicate"):
                self._reviewers_on.setdefault(entry.cutout, set()).add(entry.reviewer)
                if is_revising(entry):
                    self._revising.add(entry.act)
            elif entry.reviewer == self.reviewer:
                self._seen.update(cutouts_seen(entry))
        changes = [entry for entry in entries if entry.action == SET_RULES]
        if changes:
            self._has_rules = True
            self.votes.rules = rules_in(self._log.entries) or TeamRules()
            # Also if later rules are blind again.
            rules = [TeamRules.from_context(entry.context) for entry in changes]
            self._was_unblinded |= not all(one is None or one.is_blind for one in rules)

    def _apply_visibility(self) -> set[CutoutKey]:
        """Set whose verdicts are in force in the log."""
        if not self.hides_others:
            return self._log.set_reviewer(None)
        if self.votes.log is self._log:
            everyone = DecisionLog(self._log.entries, self._is_known)
            self.votes = Votes(everyone, self._label_before, self.rules)
        return self._log.set_reviewer(self.reviewer)


def _listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence; only the first of many."""
    shown = [*names[:3], f"{len(names) - 3} others"] if len(names) > 4 else [*names]
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
