"""Blind repeats: verdicts of a reviewer on cutouts that came again, unmarked."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from napari_artifact_review.core.cutout import CutoutKey
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.team.assignment import fractions
from napari_artifact_review.core.team.ballots import Ballot

#: Least number of looks from a verdict to its repeat.
MIN_DISTANCE = 50


def repeats_of(ballots: Iterable[Ballot]) -> dict[str, list[tuple[Entry, Entry]]]:
    """Return the pairs of verdicts that show how well reviewers agree with themselves.

    Parameters
    ----------
    ballots : iterable of Ballot
        All verdicts, in the order of the log; see `ballots_of`. Undone ones do not
        count.

    Returns
    -------
    dict of str to list of (Entry, Entry)
        For each reviewer with repeats, pairs of the verdict before the repeat and the
        repeat, in the order of the repeats. The verdict before is the reviewer's last
        one on the cutout.
    """
    last: dict[tuple[str, CutoutKey], Entry] = {}
    pairs: dict[str, list[tuple[Entry, Entry]]] = {}
    for ballot in ballots:
        entry = ballot.entry
        if entry.action != "decide" or ballot.is_undone:
            continue
        before = last.get((entry.reviewer, entry.cutout))
        if before is not None and ballot.is_repeat:
            pairs.setdefault(entry.reviewer, []).append((before, entry))
        last[entry.reviewer, entry.cutout] = entry
    return pairs


def last_slots(looks: int, share: float, seed: int, reviewer: str) -> list[int]:
    """Return the last two numbers of looks at which a repeat was due, smaller first.

    From `MIN_DISTANCE` looks on, each run of 1 / `share` looks has one such number, at
    a random place, so that the reviewer cannot know when a repeat comes.

    Parameters
    ----------
    looks : int
        Number of the reviewer's looks so far, repeats among them.
    share : float
        Share of repeats among the looks, above 0 and at most 0.5.
    seed, reviewer : int, str
        Seed of the draw, and name of the reviewer.
    """
    last = math.floor((looks - MIN_DISTANCE) * share)
    runs = np.arange(max(last - 2, 0), last + 1)
    places = fractions(runs.astype(np.uint64), seed, "repeat", reviewer)
    slots = MIN_DISTANCE + np.floor((runs + places) / share).astype(np.int64)
    return [slot for slot in slots.tolist() if slot <= looks][-2:]
