"""Candidates of a queue, and their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.catalog import Catalog
from napari_artifact_review.core.team.assignment import interleaved

if TYPE_CHECKING:
    from napari_artifact_review.core.review.queue import QueueRule, State

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def are_in_round(catalog: Catalog, state: State) -> npt.NDArray[np.bool_]:
    """Return the mask of cutouts in a state of the next round, shape (n,).

    Decisions of this round do not matter.
    """
    if state == "settled":
        return catalog.are_settled()
    if state == "contradicted":
        return catalog.are_contradicted()
    new = catalog.are_new_errors()
    return new if state == "new errors" else new | catalog.are_contradicted()


def are_candidates(catalog: Catalog, rule: QueueRule) -> Mask:
    """Return the mask of the cutouts with the outcomes, images and columns of a rule.

    Cutouts that the rules of the team assign to others are not among them.

    Raises
    ------
    ReviewError
        If the rule names an image or a column that is not in the table, or has a
        numeric condition whose value is not a number.
    """
    which = catalog.are(*rule.outcomes) & are_assigned(catalog)
    if rule.images is not None:
        images = _image_indices(catalog, rule.images)
        which &= np.isin(catalog.predictions.image_index, images)
    for condition in rule.columns:
        which &= catalog.own_columns.are(condition)
    return which


def are_assigned(catalog: Catalog) -> Mask:
    """Return the mask of the cutouts that the rules of the team let in a queue."""
    if catalog.assignment is None:
        return np.ones(len(catalog.preds), dtype=bool)
    return catalog.assignment.in_queue


def _image_indices(catalog: Catalog, names: Iterable[str]) -> list[int]:
    try:
        return [catalog.cutout_index.position_of_image(name) for name in names]
    except KeyError as missing:
        raise ReviewError(
            f"no image {missing.args[0]} is in the table",
            path=catalog.predictions.path,
        ) from None


def sort_keys(
    catalog: Catalog, rule: QueueRule, candidates: Mask
) -> npt.NDArray[Any] | None:
    """Return the sort key of each row of the table; None for table order.

    Cutouts that all members of a team review are spread evenly over the candidates, in
    a random order that is the same for all members.

    Parameters
    ----------
    catalog : Catalog
        The cutouts of the table.
    rule : QueueRule
        The rule with the order.
    candidates : ndarray of bool, shape (n,)
        Mask of the cutouts to sort.

    Raises
    ------
    ReviewError
        If the rule needs a confidence and the table has none.
    """
    keys = _keys_of_round(catalog, rule)
    common = common_among(catalog, np.flatnonzero(candidates))
    if not len(common) or _has_learned_places(catalog, rule):
        # The learned order has the common cutouts already.
        return keys
    return _interleaved_keys(keys, candidates, common)


def common_among(catalog: Catalog, rows: Rows) -> Rows:
    """Return the cutouts of rows that all members of a team review, in random order.

    The order is the same for all members; see `Assignment`.
    """
    assignment = catalog.assignment
    if assignment is None:
        return np.empty(0, dtype=np.int64)
    common = rows[assignment.common[rows]]
    return common[np.argsort(assignment.draw[common])]


def _has_learned_places(catalog: Catalog, rule: QueueRule) -> bool:
    return rule.order == "learned" and catalog.learned_places is not None


def _interleaved_keys(
    keys: npt.NDArray[Any] | None, candidates: Mask, common: Rows
) -> npt.NDArray[np.float64]:
    """Return keys that spread the common candidates evenly."""
    count = len(candidates)
    order = np.arange(count) if keys is None else np.argsort(keys, kind="stable")
    ranks = np.empty(count, dtype=np.int64)
    ranks[order] = np.arange(count)
    others = candidates.copy()
    others[common] = False
    rows = order[others[order]]
    merged = interleaved(rows, common)
    places = np.empty(count)
    places[merged] = np.arange(len(merged))
    # Any other row is before the next candidate, so that a search from it finds that.
    ends = np.append(places[rows], len(merged))
    outside = ~candidates
    places[outside] = ends[np.searchsorted(ranks[rows], ranks[outside])] - 0.5
    return places


def _keys_of_round(catalog: Catalog, rule: QueueRule) -> npt.NDArray[Any] | None:
    keys = _keys_of_order(catalog, rule)
    if rule.state != "next round":
        return keys
    # New errors first, each group in the order of the rule.
    known = ~catalog.are_new_errors()
    places = np.arange(len(known)) if keys is None else keys
    ranks = np.empty(len(known), dtype=np.int64)
    ranks[np.lexsort((places, known))] = np.arange(len(known))
    return ranks


def _keys_of_order(catalog: Catalog, rule: QueueRule) -> npt.NDArray[Any] | None:
    table, order = catalog.predictions, rule.order
    if order == "table":
        return None
    if order == "image":
        return table.image_index
    if _has_learned_places(catalog, rule):
        return catalog.learned_places
    if order == "random":
        return np.random.default_rng(rule.seed).permutation(len(table.label))
    if table.confidence is None and order == "learned":
        return None
    if table.confidence is None:
        raise ReviewError(
            "the table has no column confidence to order the cutouts by",
            path=table.path,
            remedy="Choose another order",
        )
    # Until an order is learned, the labels decide as for "mislabelled".
    uses_label = order in ("mislabelled", "learned")
    given = table.label if uses_label else catalog.preds
    # NaN sorts last with either sign.
    probability = np.where(given == 1, table.confidence, 1 - table.confidence)
    return -probability if order == "confident" else probability
