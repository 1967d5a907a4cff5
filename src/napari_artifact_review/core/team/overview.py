"""What each reviewer of a team has done, and what is disputed and open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import EntryId
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.team.ballots import Ballot, ballots_of, is_revising
from napari_artifact_review.core.team.rules import TeamRules
from napari_artifact_review.core.team.votes import Votes, names_in, rules_entry_in

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReviewerWork:
    """What one reviewer has done.

    Attributes
    ----------
    name : str
        Name of the reviewer.
    verdicts : int
        Number of cutouts with a vote of the reviewer, anywhere in the table.
    assigned, done : int
        Number of cutouts under review that are assigned to the reviewer, and of those
        with a vote.
    unsure : int
        Number of cutouts on which the vote is unsure.
    repeats : int
        Number of verdicts that repeat an earlier one, to compare both.
    adjudications : int
        Number of adjudications.
    last_verdict : str
        Recorded time of the last verdict, in UTC (ISO 8601); empty without a verdict.
        The order of the log decides, not the clocks of the computers.
    logs : int
        Number of logs with a verdict of the reviewer.
    differing : tuple of CutoutKey
        Cutouts on which these logs differ; see `Votes.differing_logs`.
    """

    name: str
    verdicts: int
    assigned: int
    done: int
    unsure: int
    repeats: int
    adjudications: int
    last_verdict: str
    logs: int
    differing: tuple[CutoutKey, ...]


@dataclass(frozen=True)
class TeamOverview:
    """What the reviewers of a review have done, and what is left.

    Attributes
    ----------
    reviewers : tuple of ReviewerWork
        Each reviewer, in the order of the names.
    cutouts : int
        Number of cutouts under review.
    by_votes : tuple of int
        Number of these cutouts with 0, 1, 2, ... votes, up to the number of reviewers.
    open : int
        Number of these cutouts without a vote, or without that of a reviewer to whom
        they are assigned.
    disputed, adjudicated : int
        Number of cutouts on which reviewers differ, and of those that an adjudication
        settled, anywhere in the table.
    rules : TeamRules
        The rules in force.
    rules_set_by, rules_set_at : str
        Name of the reviewer that set the rules, and the time in UTC (ISO 8601); empty
        for rules that were never set.
    """

    reviewers: tuple[ReviewerWork, ...]
    cutouts: int
    by_votes: tuple[int, ...]
    open: int
    disputed: int
    adjudicated: int
    rules: TeamRules
    rules_set_by: str
    rules_set_at: str


def reviewers_of(votes: Votes) -> list[str]:
    """Return the sorted names of the members and of all reviewers with a verdict."""
    return sorted({*names_in(votes.entries), *votes.rules.members})


def overview_of(
    votes: Votes,
    row_of: Callable[[CutoutKey], int],
    under_review: _Mask,
    assigned: Mapping[str, _Mask],
) -> TeamOverview:
    """Return what each reviewer has done, and what is left.

    Parameters
    ----------
    votes : Votes
        The votes of all reviewers.
    row_of : callable
        Function that returns the row of a cutout in the table.
    under_review : ndarray of bool, shape (n,)
        Mask of the rows about which the review asks.
    assigned : mapping of str to ndarray of bool, shape (n,)
        Mask of the rows that are assigned to each reviewer, by name; see
        `reviewers_of`.
    """
    names = sorted(assigned)
    has_vote, unsure, statuses = _count_votes(votes, row_of, names, len(under_review))
    is_assigned = np.zeros_like(has_vote)
    for i, name in enumerate(names):
        is_assigned[:, i] = assigned[name] & under_review
    is_missing, has_any = is_assigned > has_vote, has_vote.any(axis=1)
    per_cutout = has_vote[under_review].sum(axis=1)
    counts = _EntryCounts(votes)
    rules_entry = rules_entry_in(votes.entries)
    return TeamOverview(
        tuple(
            ReviewerWork(
                name,
                verdicts=int(has_vote[:, i].sum()),
                assigned=int(is_assigned[:, i].sum()),
                done=int((is_assigned[:, i] & has_vote[:, i]).sum()),
                unsure=unsure[name],
                repeats=counts.repeats[name],
                adjudications=counts.adjudications[name],
                last_verdict=counts.last_verdicts.get(name, ""),
                logs=len(counts.logs[name]),
                differing=tuple(counts.differing.get(name, ())),
            )
            for i, name in enumerate(names)
        ),
        cutouts=len(per_cutout),
        by_votes=tuple(np.bincount(per_cutout, minlength=len(names) + 1).tolist()),
        open=int((is_missing.any(axis=1) | (under_review > has_any)).sum()),
        disputed=statuses["disputed"],
        adjudicated=statuses["adjudicated"],
        rules=votes.rules,
        rules_set_by="" if rules_entry is None else rules_entry.reviewer,
        rules_set_at="" if rules_entry is None else rules_entry.decided_at,
    )


def _count_votes(
    votes: Votes, row_of: Callable[[CutoutKey], int], names: Sequence[str], rows: int
) -> tuple[_Mask, Counter[str], Counter[str]]:
    """Return the voters of each row, unsure votes by name, and cutouts by status.

    The status is counted only where it may be "disputed" or "adjudicated".
    """
    column = {name: i for i, name in enumerate(names)}
    has_vote = np.zeros((rows, len(names)), dtype=bool)
    unsure, statuses = Counter[str](), Counter[str]()
    for cutout in votes.cutouts:
        row, given = row_of(cutout), votes.on(cutout).values()
        for one in given:
            has_vote[row, column[one.reviewer]] = True
            unsure[one.reviewer] += one.verdict == UNSURE
        # Equal votes without an adjudication are the most frequent by far.
        if len({one.verdict for one in given}) > 1 or votes.adjudications_on(cutout):
            consensus = votes.consensus_on(cutout)
            statuses["" if consensus is None else consensus.status] += 1
    return has_vote, unsure, statuses


class _EntryCounts:
    """Counts from the entries of a log, by the name of the reviewer."""

    def __init__(self, votes: Votes) -> None:
        self.repeats, self.adjudications = Counter[str](), Counter[str]()
        self.last_verdicts: dict[str, str] = {}
        self.logs: dict[str, set[str]] = defaultdict(set)
        self._revising: set[EntryId] = set()
        for ballot in ballots_of(votes.log):
            self._add(ballot)
        self.differing = votes.differing_logs(self._revising)

    def _add(self, ballot: Ballot) -> None:
        entry, name = ballot.entry, ballot.entry.reviewer
        if entry.action == "adjudicate":
            self.adjudications[name] += not ballot.is_undone
            return
        self.logs[name].add(entry.log_id)
        if is_revising(entry):
            self._revising.add(entry.act)
        if not ballot.is_undone:
            self.repeats[name] += ballot.is_repeat
            self.last_verdicts[name] = entry.decided_at
