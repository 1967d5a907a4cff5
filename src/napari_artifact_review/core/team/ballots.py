"""Every verdict of a review as a table, and the independent ones among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.log import DecisionLog
from napari_artifact_review.core.decisions.log_state import CHOSEN_BY

#: Key in the context of a verdict for what a team needs to know about it: whether it
#: was blind, whether its cutout was assigned to the reviewer, and whether it repeats an
#: earlier verdict of the same reviewer.
TEAM_FACTS = "team"

#: Key among these facts: the verdict revises one that another log of its reviewer has.
REVISES = "revises"


class Ballot(NamedTuple):
    """A verdict or an adjudication in the log, with what a team needs to know about it.

    Attributes
    ----------
    entry : Entry
        The entry of the log.
    is_undone : bool
        Whether it is undone.
    is_blind : bool
        Whether its reviewer could not know a verdict of another one on the cutout.
    is_assigned : bool
        Whether the cutout was assigned to the reviewer.
    is_repeat : bool
        Whether it repeats an earlier verdict of the same reviewer.
    """

    entry: Entry
    is_undone: bool
    is_blind: bool
    is_assigned: bool
    is_repeat: bool

    @property
    def is_independent(self) -> bool:
        """Whether it can count for the agreement of reviewers.

        It is a verdict on an assigned cutout that was given blind, is not undone, and
        is neither adopted from another program nor a repeat.
        """
        is_verdict = self.entry.action == "decide" and self.entry.origin == "decided"
        is_own = CHOSEN_BY not in self.entry.context
        is_planned = self.is_blind and self.is_assigned and not self.is_repeat
        return is_verdict and is_own and is_planned and not self.is_undone


def is_repeat(entry: Entry) -> bool:
    """Return whether a verdict repeats an earlier one of the same reviewer."""
    return _facts_of(entry).get("repeat", False) is True


def _facts_of(entry: Entry) -> Mapping[str, Any]:
    stored = entry.context.get(TEAM_FACTS)
    return stored if isinstance(stored, Mapping) else {}


def is_revising(entry: Entry) -> bool:
    """Return whether a verdict revises a known one in another log of its reviewer."""
    return _facts_of(entry).get(REVISES) is True


def ballots_of(log: DecisionLog) -> Iterator[Ballot]:
    """Yield all verdicts and adjudications of all reviewers, in the order of the log.

    A verdict of an earlier version, or of a reviewer alone, does not say whether it was
    blind. It was, unless its writer knew a verdict of another reviewer on the cutout:
    an earlier one of the same log, or of another log if the writer had received any.
    Until then, the logical clock of each entry of a log equals its number.

    Parameters
    ----------
    log : DecisionLog
        Log in which the verdicts of all reviewers are in force.
    """
    done = set(log.done)
    names: dict[CutoutKey, set[str]] = defaultdict(set)
    names_in_log: dict[tuple[str, CutoutKey], set[str]] = defaultdict(set)
    for entry in log.entries:
        if entry.action not in ("decide", "adjudicate"):
            continue
        here = names_in_log[entry.log_id, entry.cutout]
        known = here if entry.clock == entry.number else names[entry.cutout]
        facts = _facts_of(entry)
        yield Ballot(
            entry,
            entry.act not in done,
            facts.get("blind", known <= {entry.reviewer}) is True,
            facts.get("assigned", True) is True,
            is_repeat(entry),
        )
        here.add(entry.reviewer)
        names[entry.cutout].add(entry.reviewer)


def first_votes(ballots: Iterable[Ballot]) -> Iterator[Entry]:
    """Yield the first independent verdict of each reviewer on each cutout."""
    seen: set[tuple[CutoutKey, str]] = set()
    for ballot in ballots:
        key = ballot.entry.cutout, ballot.entry.reviewer
        if ballot.is_independent and key not in seen:
            seen.add(key)
            yield ballot.entry


def votes_table(
    log: DecisionLog, is_known: Callable[[CutoutKey], bool] = lambda _: True
) -> pd.DataFrame:
    """Return a table with a row for each verdict and each adjudication.

    Parameters
    ----------
    log : DecisionLog
        Log in which the verdicts of all reviewers are in force.
    is_known : callable, optional
        Function that returns whether a cutout is in the table.

    Returns
    -------
    DataFrame
        The columns ``image_name, grid_x, grid_y``, ``reviewer``, ``verdict``, ``kind``,
        ``note``, ``decided_at`` (UTC, ISO 8601), ``action`` ("decide" or
        "adjudicate"), ``undone``, ``blind``, ``assigned``, ``repeat`` and
        ``predictions_hidden`` (1 or 0), and ``log_id`` and ``number``, which identify
        the entry. The rows are in the order of the log.
    """
    rows = [_row(one) for one in ballots_of(log) if is_known(one.entry.cutout)]
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = (
    *CutoutKey._fields,
    *("reviewer", "verdict", "kind", "note", "decided_at", "action", "undone"),
    *("blind", "assigned", "repeat", "predictions_hidden", *EntryId._fields),
)


def _row(ballot: Ballot) -> tuple[Any, ...]:
    one = ballot.entry
    marks = (
        ballot.is_undone,
        ballot.is_blind,
        ballot.is_assigned,
        ballot.is_repeat,
        one.context.get("hidden") is True,
    )
    texts = one.reviewer, one.verdict, one.kind, one.note, one.decided_at, one.action
    return (*one.cutout, *texts, *map(int, marks), *one.id)
