"""Consensus of the reviewers of a cutout, recomputed from the log by a policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Literal, NamedTuple

from napari_artifact_review.core.decisions.decision import Decision, LabelState
from napari_artifact_review.core.decisions.entry import Entry, EntryId
from napari_artifact_review.core.decisions.reviewer_names import NAME_SEPARATOR
from napari_artifact_review.core.outcomes import LABEL_NAMES, UNSURE

#: How a cutout was settled, or that it was not.
Status = Literal["adjudicated", "unanimous", "majority", "disputed", "unsure"]

#: Key in the context of an adjudication for the acts that it saw, as pairs of log id
#: and number: the verdicts and the adjudications that were in force.
SAW = "saw"


class Consensus(NamedTuple):
    """Consensus of the reviewers of one cutout.

    Attributes
    ----------
    status : str
        How the cutout was settled. If it is "disputed", or all reviewers are unsure
        ("unsure"), the label stays as before the review.
    decision : Decision
        The verdict of all; "unsure" if the label stays as it was. Its reviewer names
        all reviewers, joined by semicolons. Its kind is the most frequent kind among
        the equal verdicts.
    n_reviewers : int
        Number of reviewers with a verdict, also an unsure one.
    agreement : float or None
        Share of the sure verdicts with the label of the consensus, or with the more
        frequent label if the cutout is disputed or adjudicated as unsure; None without
        a sure verdict.
    adjudicated_by : str
        Name of the adjudicator; empty without an adjudication in force.
    """

    status: Status
    decision: Decision
    n_reviewers: int
    agreement: float | None
    adjudicated_by: str = ""


def agree(
    votes: Mapping[EntryId, Decision],
    adjudications: Sequence[Entry],
    majority: int,
    label_before: int,
) -> Consensus:
    """Return the consensus on a cutout.

    Adjudications in force that agree decide; see `adjudications_in_force`. Otherwise,
    an unsure verdict abstains, equal verdicts are unanimous, and a label decides that
    more than half of the sure verdicts, and at least `majority` of them, have. Else, or
    if adjudications in force differ, the cutout is disputed.

    Parameters
    ----------
    votes : mapping of EntryId to Decision
        The latest verdict of each reviewer, by act; at least one.
    adjudications : sequence of Entry
        Adjudications of the cutout that are not undone.
    majority : int
        Least number of equal verdicts that decide if reviewers differ.
    label_before : int
        Label without any verdict: 1 artifact, 0 no artifact.
    """
    sure = Counter(one.label_new for one in votes.values() if one.verdict != UNSURE)
    in_force = adjudications_in_force(adjudications, votes)
    if len({entry.verdict for entry in in_force}) == 1:
        return _adjudicated(votes, in_force[-1], sure)
    label, count = max(sure.items(), key=itemgetter(1), default=(label_before, 0))
    status = _status(sure, count, majority) if not in_force else "disputed"
    if status not in ("unanimous", "majority"):
        state = _combined(votes, votes.values())._replace(label_new=label_before)
        return _consensus(status, votes, state._replace(decision=UNSURE), count, sure)
    verdict = LABEL_NAMES[label]
    winners = [one for one in votes.values() if one.verdict == verdict]
    state = _combined(votes, winners)._replace(
        label_new=label, decision=verdict, kind=_frequent_kind(winners)
    )
    return _consensus(status, votes, state, count, sure)


def _status(sure: Counter[int], count: int, majority: int) -> Status:
    if len(sure) <= 1:
        return "unanimous" if sure else "unsure"
    is_settled = count > sure.total() / 2 and count >= majority
    return "majority" if is_settled else "disputed"


def adjudications_in_force(
    adjudications: Sequence[Entry], votes: Iterable[EntryId]
) -> list[Entry]:
    """Return the adjudications in force, latest last.

    An adjudication is in force if it saw every verdict in force, and if no other
    adjudication in force saw it. If two of them differ, the cutout is disputed again.

    Parameters
    ----------
    adjudications : sequence of Entry
        Adjudications of the cutout that are not undone, latest last.
    votes : iterable of EntryId
        Acts of the verdicts in force.
    """
    saw = {entry.act: acts_seen(entry) for entry in adjudications}
    valid = [entry for entry in adjudications if saw[entry.act].issuperset(votes)]
    superseded = {act for entry in valid for act in saw[entry.act]}
    return [entry for entry in valid if entry.act not in superseded]


def acts_seen(adjudication: Entry) -> set[EntryId]:
    """Return the acts that an adjudication saw; those in an odd form are ignored."""
    stored = adjudication.context.get(SAW)
    seen = set()
    for pair in stored if isinstance(stored, list) else ():
        match pair:
            case [str(log_id), int(number)]:
                seen.add(EntryId(log_id, number))
    return seen


def with_moved_acts(
    adjudication: Entry, moved: Mapping[EntryId, Sequence[EntryId]]
) -> Entry:
    """Return an adjudication that also names the acts it saw by their new ids.

    Of several copies of an act in diverged logs, it saw the one in its own log. If none
    of them is there, it is not known which one it saw.

    Parameters
    ----------
    adjudication : Entry
        An adjudication.
    moved : mapping of EntryId to sequence of EntryId
        New ids of the acts that a merge moved, by original id.
    """
    seen = acts_seen(adjudication)
    found = set(seen)
    for act in seen:
        copies = moved.get(act, ())
        own = [copy for copy in copies if copy.log_id == adjudication.log_id]
        found.update(own or (copies if len(copies) == 1 else ()))
    if found == seen:
        return adjudication
    context = {**adjudication.context, SAW: [list(act) for act in sorted(found)]}
    return replace(adjudication, context=context)


def _adjudicated(
    votes: Mapping[EntryId, Decision], judge: Entry, sure: Counter[int]
) -> Consensus:
    equal = [one for one in votes.values() if one.verdict == judge.verdict]
    combined = _combined(votes, equal)
    state = LabelState(
        judge.label_new,
        combined.reviewed_by,
        judge.decided_at,
        judge.verdict,
        judge.kind or _frequent_kind(equal),
        judge.note or combined.note,
    )
    count = sure[judge.label_new]
    if judge.verdict == UNSURE:
        count = max(sure.values(), default=0)
    return _consensus("adjudicated", votes, state, count, sure, judge)


def _consensus(
    status: Status,
    votes: Mapping[EntryId, Decision],
    state: LabelState,
    count: int,
    sure: Counter[int],
    judge: Entry | None = None,
) -> Consensus:
    cutout = next(iter(votes.values())).cutout
    return Consensus(
        status,
        Decision.from_state(cutout, state),
        len(votes),
        count / sure.total() if sure else None,
        "" if judge is None else judge.reviewer,
    )


def _combined(
    votes: Mapping[EntryId, Decision], with_notes: Iterable[Decision]
) -> LabelState:
    """Return names and latest time of all votes, and the notes of some of them."""
    names = sorted({one.reviewer for one in votes.values()})
    notes = sorted((one.reviewer, one.note) for one in with_notes if one.note)
    texts = [note if len(names) == 1 else f"{name}: {note}" for name, note in notes]
    return LabelState(
        0,
        NAME_SEPARATOR.join(names),
        max(one.decided_at for one in votes.values()),
        note="; ".join(texts),
    )


def _frequent_kind(decisions: Sequence[Decision]) -> str:
    """Return the most frequent kind; of equally frequent ones, the first by name."""
    counts = Counter(one.kind for one in decisions if one.kind)
    return min(counts, key=lambda kind: (-counts[kind], kind), default="")
