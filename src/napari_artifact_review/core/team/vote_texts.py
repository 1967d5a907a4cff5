"""The votes of reviewers on a cutout as short texts, with names or without."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.decision import Decision
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.team.consensus import Consensus
from napari_artifact_review.core.team.votes import Votes


def verdict_text(one: Decision | Entry) -> str:
    """Return a verdict with its kind, such as "artifact (ghost)"."""
    return f"{one.verdict} ({one.kind})" if one.kind else one.verdict


def with_note(one: Decision | Entry) -> str:
    """Return a verdict with its kind and note."""
    text = verdict_text(one)
    return f"{text}: {one.note}" if one.note else text


def others_text(votes: Votes, cutout: CutoutKey, reviewer: str) -> str:
    """Return the votes of others, such as "artifact (ghost) 2, unsure 1; agreed".

    Parameters
    ----------
    votes : Votes
        The votes of all reviewers.
    cutout : CutoutKey
        The cutout.
    reviewer : str
        Name of the reviewer whose own vote is left out.
    """
    counts = Counter(map(verdict_text, _others(votes, cutout, reviewer)))
    if not counts:
        return "no verdict yet"
    parts = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    text = ", ".join(f"{verdict} {count}" for verdict, count in parts)
    consensus = votes.consensus_on(cutout)
    return text if consensus is None else f"{text}; {_status_text(consensus)}"


def others_lines(votes: Votes, cutout: CutoutKey, reviewer: str) -> list[str]:
    """Return a line with name, verdict, kind and note for each other reviewer."""
    others = _others(votes, cutout, reviewer)
    return sorted(f"{one.reviewer}: {with_note(one)}" for one in others)


def vote_lines(
    votes: Votes, cutout: CutoutKey, *, has_names: bool
) -> list[tuple[str, str]]:
    """Return name and verdict of each vote, and of each earlier adjudication.

    Parameters
    ----------
    votes : Votes
        The votes of all reviewers.
    cutout : CutoutKey
        The cutout.
    has_names : bool
        Whether to name the reviewers. Otherwise they have numbers; see `numbers_on`.
    """
    on_cutout = votes.on(cutout)
    numbers = numbers_on(cutout, [one.reviewer for one in on_cutout.values()])
    lines = []
    for one in sorted(on_cutout.values(), key=lambda one: numbers[one.reviewer]):
        name = one.reviewer if has_names else f"Reviewer {numbers[one.reviewer]}"
        lines.append((name, with_note(one)))
    in_force = votes.adjudications_in_force(cutout)
    for entry in votes.adjudications_on(cutout):
        name = f"Adjudication by {entry.reviewer}" if has_names else "Adjudication"
        is_old = "" if entry in in_force else ", no longer in force"
        lines.append((name, f"{with_note(entry)}{is_old}"))
    return lines


def numbers_on(cutout: CutoutKey, names: Iterable[str]) -> dict[str, int]:
    """Return numbers from 1 for reviewers of a cutout, shuffled by the cutout.

    The numbers depend on nothing else, so that they are the same for everyone, and do
    not tell which reviewer is which on another cutout.
    """

    def lot(name: str) -> str:
        text = "\0".join((*map(str, cutout), name))
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()

    return {name: at for at, name in enumerate(sorted(set(names), key=lot), 1)}


def _others(votes: Votes, cutout: CutoutKey, reviewer: str) -> list[Decision]:
    return [one for one in votes.on(cutout).values() if one.reviewer != reviewer]


def _status_text(consensus: Consensus) -> str:
    match consensus.status:
        case "adjudicated":
            return f"adjudicated as {consensus.decision.verdict}"
        case "majority":
            return f"majority for {consensus.decision.verdict}"
        case "unanimous":
            return "agreed"
        case "unsure":
            return "all unsure"
    return "disputed"
