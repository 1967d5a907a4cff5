"""Order of a queue's cutouts, and the cutouts in the states of a next round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.review.catalog import Catalog

if TYPE_CHECKING:
    from napari_artifact_review.core.review.queue import QueueRule, State


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


def sort_keys(catalog: Catalog, rule: QueueRule) -> npt.NDArray[Any] | None:
    """Return the sort key of each row of the table; None for table order.

    Raises
    ------
    ReviewError
        If the rule needs a confidence and the table has none.
    """
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
    if order == "learned" and catalog.learned_places is not None:
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
