"""Votes of reviewers, made for tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_artifact_review.core.team.ratings import Ratings


def ratings_of(labels, groups=None, **others) -> Ratings:
    """Return the ratings of reviewers A, B, ..., each cutout a group by default."""
    labels = np.asarray(labels, dtype=np.int8)
    count, reviewers = labels.shape
    given = {
        "names": tuple("ABCDEFGHIJ"[:reviewers]),
        "labels": labels,
        "unsure": np.zeros(labels.shape, dtype=bool),
        "groups": np.arange(count) if groups is None else np.asarray(groups),
        "kinds": np.full(count, "", dtype=object),
        "brightness": np.full(count, np.nan),
    }
    return Ratings(**given | others)


def meercrab(shared_data) -> Ratings:
    """Return ten volunteers' votes on 5,000 candidates; 1 is a real one."""
    table = pd.read_csv(shared_data / "votes" / "meercrab.csv")
    volunteers = [name for name in table if name.startswith("volunteer")]
    names = tuple(name.replace("volunteer_", "Volunteer ") for name in volunteers)
    return ratings_of(table[volunteers], names=names)


def simulated(rng, groups, size, sensitivity, specificity=0.97):
    """Return labels (n, m) and groups (n,) of images that differ from each other.

    Images differ in their share of artifacts and in how hard the artifacts are.
    """
    share = rng.beta(2, 8, groups)
    ease = rng.normal(0, 0.7, groups)
    group = np.repeat(np.arange(groups), size)
    truth = rng.random(len(group)) < share[group]
    odds = np.log(sensitivity / (1 - np.asarray(sensitivity)))
    found = 1 / (1 + np.exp(-(odds + ease[group, np.newaxis])))
    chance = np.where(truth[:, np.newaxis], found, 1 - specificity)
    return (rng.random(chance.shape) < chance).astype(np.int8), group
