"""Groups of cutouts by image, outcome or kind of artifact."""

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

#: Name of the group of cutouts without a kind.
NO_KIND = "no kind"

#: Name of the group of cutouts whose outcomes are hidden.
HIDDEN = "predictions hidden"

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """A group of consecutive cutouts.

    Attributes
    ----------
    name : str
        Image, outcome or kind that the cutouts share; empty if they are not grouped.
    size : int
        Number of cutouts.
    """

    name: str
    size: int


def in_groups(
    catalog: Catalog, rows: Rows, by: Grouping
) -> tuple[Rows, tuple[Group, ...]]:
    """Sort cutouts into groups, and preserve their order within each group.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table.
    rows : ndarray of int64, shape (n,)
        Rows of the cutouts to sort.
    by : "none", "image", "outcome" or "kind"
        Property that the cutouts of a group share. Images are in the order of their
        first cutout in `rows`, and outcomes are in the order of
        `OUTCOME_DISPLAY_ORDER`. Kinds are in alphabetical order, and cutouts without a
        kind are last. Hidden cutouts have no kind and are the last group by outcome.

    Returns
    -------
    rows : ndarray of int64, shape (n,)
        The same rows, sorted by group.
    groups : tuple of Group
        The non-empty groups, in order.
    """
    if by == "none" or not len(rows):
        return rows, (Group("", len(rows)),) if len(rows) else ()
    codes, names = _codes(catalog, rows, by)
    sizes = np.bincount(codes, minlength=len(names)).tolist()
    groups = (Group(*group) for group in zip(names, sizes, strict=True))
    ordered = rows[np.argsort(codes, kind="stable")]
    return ordered, tuple(group for group in groups if group.size)


def _codes(catalog: Catalog, rows: Rows, by: Grouping) -> tuple[Rows, Sequence[str]]:
    """Return the group index of each cutout, and the names of all groups."""
    if by == "outcome":
        codes = np.array([OUTCOME_DISPLAY_ORDER.index(name) for name in OUTCOMES])
        groups = codes[catalog.outcomes[rows]]
        groups[catalog.hidden.mask[rows]] = len(OUTCOMES)
        return groups, (*OUTCOME_DISPLAY_ORDER, HIDDEN)
    if by == "image":
        index = catalog.predictions.image_index[rows]
        images, first = np.unique(index, return_index=True)
        order = np.argsort(first)
        codes = np.empty(len(catalog.predictions.image_names), dtype=np.int64)
        codes[images[order]] = np.arange(len(images))
        names = [catalog.predictions.image_names[i] for i in images[order]]
        return codes[index], names
    kinds = catalog.shown_kinds
    known = sorted(set(kinds.values()))
    code = {kind: at for at, kind in enumerate(known)}
    codes = np.full(len(catalog.outcomes), len(known), dtype=np.int64)
    for row, kind in kinds.items():
        codes[row] = code[kind]
    return codes[rows], [*known, NO_KIND]
