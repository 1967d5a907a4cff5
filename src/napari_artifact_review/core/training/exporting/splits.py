"""Assign groups of images to the splits train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.training.exporting.export_options import SPLITS


@dataclass(frozen=True)
class Group:
    """A group of images that share a split.

    Attributes
    ----------
    name : str
        Name of the group.
    artifacts, others : int
        Numbers of its exported cutouts with the labels 1 and 0.
    """

    name: str
    artifacts: int
    others: int


def joined_groups(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Join groups that share an image.

    Parameters
    ----------
    links : iterable of (str, str)
        Group and identity of each image.

    Returns
    -------
    dict of str to str
        For each group, the first name, in alphabetical order, of all groups that are
        connected to it through images with the same identity.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[str, str] = {}
    for group, identity in links:
        one, other = sorted((root(group), root(first.setdefault(identity, group))))
        parent[other] = one
    return {name: root(name) for name in [*parent]}


def assign_splits(
    groups: Sequence[Group],
    shares: tuple[float, float, float],
    seed: int,
    frozen: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Assign each group to a split, so that each split has its share of both labels.

    The result depends neither on the order of the groups nor on the names of files.

    The method is greedy, like that of scikit-learn's StratifiedGroupKFold. Groups with
    many artifacts come first. Within a factor of two, their order is random, and the
    seed determines it. Each group gets the split for which the chi-square distance
    between the numbers of cutouts and the shares, summed over both labels, becomes
    least. (scikit-learn uses the standard deviation, because its folds have equal
    shares.) If groups are scarce, each split gets one with artifacts, and then one of
    any kind.

    Parameters
    ----------
    groups : sequence of Group
        The groups.
    shares : tuple of float
        Shares of train, validation and test; their sum is 1.
    seed : int
        Seed of the random order.
    frozen : mapping of str to str, optional
        Splits of groups in an earlier export. If it is given, all other groups get
        train or validation.

    Returns
    -------
    dict of str to str
        The split of each group.

    Raises
    ------
    ReviewError
        If `frozen` is given and the shares of train and validation are both 0.
    """
    wanted = np.array(shares)
    found = dict(frozen or {})
    new = [group for group in groups if group.name not in found]
    if frozen is not None:
        wanted[SPLITS.index("test")] = 0
        if new and not wanted.sum():
            raise ReviewError(
                "new images get train or validation, and both have the share 0",
                remedy="Give one of them a share",
            )
    filled = np.zeros((len(SPLITS), 2))
    for group in groups:
        if group.name in found:
            filled[SPLITS.index(found[group.name])] += group.artifacts, group.others
    new.sort(key=lambda one: (-one.artifacts.bit_length(), _chance(seed, one.name)))
    usable = np.flatnonzero(wanted).tolist()
    counts = np.array([(one.artifacts, one.others) for one in groups])
    total = counts.sum(axis=0) if len(groups) else np.zeros(2)
    if frozen is not None:
        total = total - filled[SPLITS.index("test")]
    wanted = wanted / (wanted.sum() or 1)
    with_artifacts = sum(group.artifacts > 0 for group in new)
    for position, group in enumerate(new):
        added = np.array((group.artifacts, group.others))
        left = with_artifacts if group.artifacts else len(new)
        empty = [
            index
            for index in usable
            if not (filled[index, 0] if group.artifacts else filled[index].any())
        ]
        # Keep the last groups for splits that have none.
        choices = empty if left - position <= len(empty) else usable
        best = _best_split(filled, added, wanted, total, choices)
        filled[best] += added
        found[group.name] = SPLITS[best]
    return found


def _best_split(
    filled: npt.NDArray[np.float64],
    added: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    choices: Iterable[int],
) -> int:
    """Return the split whose filling brings the shares closest to the wanted ones."""

    def distance(index: int) -> float:
        after = filled.copy()
        after[index] += added
        share = after / np.maximum(total, 1)
        aim = wanted[:, None]
        used = wanted > 0
        return float((((share - aim) ** 2)[used] / aim[used]).sum())

    return min(choices, key=distance)


def _chance(seed: int, name: str) -> bytes:
    """Return bytes in an order that only the seed and the name determine."""
    return hashlib.sha256(f"{seed} {name}".encode(errors="surrogatepass")).digest()
