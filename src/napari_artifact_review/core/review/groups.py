"""Cutouts in groups: by image, by outcome, or by the kind of artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import OUTCOMES, Outcome
from napari_artifact_review.core.review.catalog import Catalog

Grouping = Literal["none", "image", "outcome", "kind"]

GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

#: The name of the group of cutouts without a kind.
NO_KIND = "no kind"

#: Errors first.
_OUTCOMES: tuple[Outcome, ...] = ("FP", "FN", "TP", "TN")

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Some cutouts that follow one another.

    Attributes
    ----------
    name : str
        What they have in common; empty if they are all there are.
    size : int
        How many they are.
    """

    name: str
    size: int


def in_groups(
    catalog: Catalog, rows: Rows, by: Grouping
) -> tuple[Rows, tuple[Group, ...]]:
    """Put cutouts into groups; in a group they keep their order.

    Parameters
    ----------
    catalog : Catalog
        What is known of them.
    rows : ndarray of int64, shape (n,)
        Their rows in the table, in some order.
    by : "none", "image", "outcome" or "kind"
        What those of a group have in common. Images come in the order of their first
        cutout in `rows`, errors before other outcomes, kinds by the alphabet, and
        then those without one.

    Returns
    -------
    rows : ndarray of int64, shape (n,)
        The same, group after group.
    groups : tuple of Group
        The groups that are not empty, in this order.
    """
    if by == "none" or not len(rows):
        return rows, (Group("", len(rows)),) if len(rows) else ()
    codes, names = _codes(catalog, rows, by)
    sizes = np.bincount(codes, minlength=len(names)).tolist()
    groups = (Group(*group) for group in zip(names, sizes, strict=True))
    ordered = rows[np.argsort(codes, kind="stable")]
    return ordered, tuple(group for group in groups if group.size)


def _codes(catalog: Catalog, rows: Rows, by: Grouping) -> tuple[Rows, Sequence[str]]:
    """Return the number of each cutout's group, and the names of the groups."""
    if by == "outcome":
        place = np.array([_OUTCOMES.index(name) for name in OUTCOMES])
        return place[catalog.outcomes[rows]], _OUTCOMES
    if by == "image":
        index = catalog.predictions.image_index[rows]
        images, first = np.unique(index, return_index=True)
        order = np.argsort(first)
        place = np.empty(len(catalog.predictions.image_names), dtype=np.int64)
        place[images[order]] = np.arange(len(images))
        names = [catalog.predictions.image_names[i] for i in images[order]]
        return place[index], names
    kinds = catalog.labels.kinds
    known = sorted(set(kinds.values()))
    code = {kind: at for at, kind in enumerate(known)}
    codes = np.full(len(catalog.outcomes), len(known), dtype=np.int64)
    for row, kind in kinds.items():
        codes[row] = code[kind]
    return codes[rows], [*known, NO_KIND]
