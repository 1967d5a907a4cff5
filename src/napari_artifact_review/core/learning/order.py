"""The learned order: the cutouts whose labels are most probably wrong come first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning.logistic import (
    fit_logistic,
    is_mixed,
    logit,
    sigmoid,
)
from napari_artifact_review.core.learning.order_features import (
    OrderFeatures,
    OrderInputs,
    prior_probability,
)

__all__ = ["WARM_UP", "LearnedOrder", "OrderInputs", "Ranked"]

#: Number of verdicts before the first fit.
WARM_UP = 20

#: How many of them follow the self-confidence. The others are about random cutouts, so
#: that the fit also knows cutouts that no model suspects.
_BY_CONFIDENCE = 15

#: Inverse of the penalty of the logistic regression.
_STRENGTH = 0.1

#: Number of the most promising cutouts that are put together by image. Larger numbers
#: save few more changes of the image, and cost looks.
_TOGETHER = 30

#: Number of parts of the verdicts, each of which the others predict.
_FOLDS = 5


class Ranked(NamedTuple):
    """Cutouts in the learned order.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Rows of the table, most promising first.
    probability : ndarray of float32, shape (m,)
        Probability that the label of each of these rows is wrong. It is an estimate
        from a model, and guarantees nothing.
    of_table : ndarray of float32, shape (n,), or None
        The same probability for every row of the table; None during the warm-up, and
        while no regression can be fitted.
    """

    rows: NDArray[np.int64]
    probability: NDArray[np.float32]
    of_table: NDArray[np.float32] | None = None


class LearnedOrder:
    """Order of cutouts by the probability that a verdict would change the label.

    The order has three stages (learning from a table's own verdicts; compare D. Lewis &
    W. Gale, SIGIR 1994, and C. Northcutt et al., JAIR 70, 1373, 2021):

    1. The first 15 verdicts follow the self-confidence: the probability that a model
       gives to the label, lowest first.
    2. The next 5 verdicts are about random cutouts.
    3. Then a logistic regression on all verdicts predicts which labels are wrong, from
       the models' probabilities, label, prediction, the cutouts around, and the
       principal components of the descriptors. While all verdicts agree with the
       labels, or none does, the order remains that of self-confidence.

    All methods return the same result for the same inputs, seed and verdicts.

    Parameters
    ----------
    inputs : OrderInputs
        Labels, predictions, descriptors and positions of all cutouts of a table.
    probability : ndarray of float32, shape (n,), or None
        Probability of an artifact from `artifact_probability`; NaN or None where it is
        not known (yet). The given confidence then takes its place.
    seed : int
        Seed of the random cutouts.
    """

    def __init__(
        self,
        inputs: OrderInputs,
        probability: NDArray[np.float32] | None = None,
        seed: int = 0,
    ) -> None:
        self._features = OrderFeatures.of(inputs, probability)
        self._prior = prior_probability(inputs, probability)
        self._image = inputs.image_index
        self._groups = inputs.groups
        self._lot = np.random.default_rng(seed).random(len(inputs.label), np.float32)

    def rank(
        self,
        rows: NDArray[np.int64],
        verdict_rows: NDArray[np.int64],
        is_wrong: NDArray[np.bool_],
        near_image: int | None = None,
    ) -> Ranked:
        """Order cutouts that are still to be looked at.

        The thirty most promising cutouts are of nearly equal promise. Among them, those
        of the image at hand come first, and then those of one image after another.

        Parameters
        ----------
        rows : ndarray of int64, shape (m,)
            Rows of the table to order.
        verdict_rows : ndarray of int64, shape (v,)
            Rows with verdicts, in the order in which the verdicts were given. Unsure
            verdicts are left out.
        is_wrong : ndarray of bool, shape (v,)
            Whether each verdict contradicts the label of the table.
        near_image : int, optional
            Index of the image at hand.

        Returns
        -------
        Ranked
            The rows in the new order, with the probability that each label is wrong.
        """
        given = len(verdict_rows)
        if given < WARM_UP or not is_mixed(is_wrong):
            promise = logit(self._prior[rows]).astype(np.float32)
            order = self._warm_up(rows, promise, given)
            return Ranked(rows[order], sigmoid(promise[order]).astype(np.float32))
        log_odds = self._fitted(verdict_rows, is_wrong)
        order = self._by_promise(rows, log_odds[rows], near_image)
        of_table = sigmoid(log_odds).astype(np.float32)
        return Ranked(rows[order], of_table[rows[order]], of_table)

    def surprise(
        self, verdict_rows: NDArray[np.int64], is_wrong: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Compute how much each verdict surprises a model of the other verdicts.

        The verdicts with the highest surprise are worth a second look. The model is
        that of `rank`; it is fitted without the verdicts about the same group (C.
        Northcutt et al., JAIR 70, 1373, 2021, find wrong labels so).

        Parameters
        ----------
        verdict_rows : ndarray of int64, shape (v,)
            Rows with verdicts, as for `rank`.
        is_wrong : ndarray of bool, shape (v,)
            Whether each verdict contradicts the label of the table.

        Returns
        -------
        ndarray of float32, shape (v,)
            Probability of the opposite verdict.
        """
        probability = self._prior[verdict_rows]
        fold = np.unique(self._groups[verdict_rows], return_inverse=True)[1] % _FOLDS
        design = self._features.design(verdict_rows)
        for index in range(_FOLDS):
            used, held_out = fold != index, fold == index
            if not is_mixed(is_wrong[used]):
                continue
            weights, intercept = fit_logistic(design[used], is_wrong[used], _STRENGTH)
            log_odds = design[held_out] @ weights + intercept
            probability[held_out] = sigmoid(log_odds)
        return np.where(is_wrong, 1 - probability, probability)

    def explain(self, row: int, verdict_rows: NDArray[np.int64]) -> int | None:
        """Return the reviewed cutout that looks most like a given one.

        Parameters
        ----------
        row : int
            Row of the table.
        verdict_rows : ndarray of int64, shape (v,)
            Rows with verdicts.

        Returns
        -------
        int or None
            Row with a verdict whose whitened descriptors are the nearest by cosine;
            None without descriptors or without another row.
        """
        others = verdict_rows[verdict_rows != row]
        similarity = self._features.similarity(row, others)
        if np.isnan(similarity).all():
            return None
        return int(others[np.nanargmax(similarity)])

    def _fitted(
        self, verdict_rows: NDArray[np.int64], is_wrong: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Return the log-odds that each label of the table is wrong."""
        design = self._features.design(verdict_rows)
        weights, intercept = fit_logistic(design, is_wrong, _STRENGTH)
        return self._features.log_odds(weights, intercept)

    def _warm_up(
        self, rows: NDArray[np.int64], promise: NDArray[np.float32], given: int
    ) -> NDArray[np.int64]:
        """Return the order of the warm-up: by self-confidence, at random, the rest."""
        order = np.lexsort((self._lot[rows], -promise))
        first, rest = np.split(order, [max(_BY_CONFIDENCE - given, 0)])
        number = min(max(WARM_UP - max(given, _BY_CONFIDENCE), 0), len(rest))
        lot = np.argsort(self._lot[rows[rest]], kind="stable")[:number]
        return np.concatenate([first, rest[lot], np.delete(rest, lot)])

    def _by_promise(
        self,
        rows: NDArray[np.int64],
        promise: NDArray[np.float32],
        near_image: int | None,
    ) -> NDArray[np.int64]:
        """Return the order by promise, with few changes of the image at its start."""
        order = np.argsort(-promise, kind="stable")
        top = order[:_TOGETHER]
        image = self._image[rows[top]]
        # Images follow in the order of their most promising cutout.
        _, first, member = np.unique(image, return_index=True, return_inverse=True)
        order[:_TOGETHER] = top[np.lexsort((first[member], image != near_image))]
        return order
