"""Cutouts in groups: by image, by outcome, or by the kind of artifact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.outcomes import OUTCOME_DISPLAY_ORDER, OUTCOMES
from napari_artifact_review.core.review.catalog import Catalog

Grouping = Literal["none", "image", "outcome", "kind"]

GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

#: The name of the group of cutouts without a kind.
NO_KIND = "no kind"

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """A group of cutouts that follow one another.

    Attributes
    ----------
    name : str
        The image, outcome or kind of its cutouts; empty if there is only this group.
    size : int
        Number of its cutouts.
    """

    name: str
    size: int


def in_groups(
    catalog: Catalog, rows: Rows, by: Grouping
) -> tuple[Rows, tuple[Group, ...]]:
    """Sort cutouts into groups; in a group they keep their order.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table.
    rows : ndarray of int64, shape (n,)
        The rows of the cutouts to be sorted.
    by : "none", "image", "outcome" or "kind"
        What the cutouts of a group have in common. Images are in the order of their
        first cutout in `rows`, outcomes in that of `OUTCOME_DISPLAY_ORDER`, kinds in
        alphabetical order, before the cutouts without one.

    Returns
    -------
    rows : ndarray of int64, shape (n,)
        The same rows, group after group.
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
        codes = np.array([OUTCOME_DISPLAY_ORDER.index(name) for name in OUTCOMES])
        return codes[catalog.outcomes[rows]], OUTCOME_DISPLAY_ORDER
    if by == "image":
        index = catalog.predictions.image_index[rows]
        images, first = np.unique(index, return_index=True)
        order = np.argsort(first)
        codes = np.empty(len(catalog.predictions.image_names), dtype=np.int64)
        codes[images[order]] = np.arange(len(images))
        names = [catalog.predictions.image_names[i] for i in images[order]]
        return codes[index], names
    kinds = catalog.labels.kinds
    known = sorted(set(kinds.values()))
    code = {kind: at for at, kind in enumerate(known)}
    codes = np.full(len(catalog.outcomes), len(known), dtype=np.int64)
    for row, kind in kinds.items():
        codes[row] = code[kind]
    return codes[rows], [*known, NO_KIND]
