"""The first independent verdicts of a team's reviewers, to measure their agreement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.outcomes import UNSURE
from napari_artifact_review.core.scores.pace import pace_of
from napari_artifact_review.core.team.ballots import Ballot, ballots_of, first_votes
from napari_artifact_review.core.team.ratings import NO_VOTE, Ratings
from napari_artifact_review.core.team.repeats import repeats_of
from napari_artifact_review.core.team.votes import Votes


def ratings_of(
    votes: Votes,
    row_of: Callable[[CutoutKey], int],
    groups: npt.NDArray[np.int64],
    brightness: npt.NDArray[np.float64] | None = None,
) -> Ratings:
    """Return the first independent verdict of each reviewer on each cutout.

    The kind of a cutout is that of the consensus.

    Parameters
    ----------
    votes : Votes
        The votes of all reviewers.
    row_of : callable
        Function that returns the row of a cutout in the table.
    groups : ndarray of int64, shape (n,)
        Group of each row of the table, such as the number of its image.
    brightness : ndarray of float64, shape (n,), optional
        Brightness of each row, NaN if it is unknown.
    """
    known = set(votes.cutouts)
    ballots = [one for one in ballots_of(votes.log) if one.entry.cutout in known]
    entries = list(first_votes(ballots))
    names = tuple(sorted({entry.reviewer for entry in entries}))
    column = {name: i for i, name in enumerate(names)}
    place = {one: i for i, one in enumerate(dict.fromkeys(e.cutout for e in entries))}
    rows = np.array([row_of(cutout) for cutout in place], dtype=np.int64)
    labels = np.full((len(place), len(names)), NO_VOTE, dtype=np.int8)
    unsure = np.zeros(labels.shape, dtype=bool)
    for entry in entries:
        at = place[entry.cutout], column[entry.reviewer]
        labels[at], unsure[at] = _label(entry), entry.verdict == UNSURE
    pairs = _repeats(ballots, names)
    return Ratings(
        names,
        labels,
        unsure,
        groups[rows],
        np.array([_kind(votes, cutout) for cutout in place], dtype=object),
        np.full(len(rows), np.nan) if brightness is None else brightness[rows],
        {
            name: np.array([labels for _, labels in found], dtype=np.int8)
            for name, found in pairs.items()
        },
        {
            name: groups[[row_of(cutout) for cutout, _ in found]]
            for name, found in pairs.items()
        },
        _seconds(votes.entries, names),
    )


def _label(entry: Entry) -> int:
    return NO_VOTE if entry.verdict == UNSURE else entry.label_new


def _kind(votes: Votes, cutout: CutoutKey) -> str:
    consensus = votes.consensus_on(cutout)
    return "" if consensus is None else consensus.decision.kind


def _repeats(
    ballots: Iterable[Ballot], names: Iterable[str]
) -> dict[str, list[tuple[CutoutKey, tuple[int, int]]]]:
    """Return each repeat of a reviewer with the label before it, by name."""
    wanted = set(names)
    return {
        name: [(again.cutout, (_label(first), _label(again))) for first, again in pairs]
        for name, pairs in repeats_of(ballots).items()
        if name in wanted
    }


def _seconds(
    entries: Iterable[Entry], names: Iterable[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the times of each reviewer's verdicts in seconds, by name."""
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_name[entry.reviewer].append(entry)
    return {name: pace_of(by_name[name]).seconds for name in names}
