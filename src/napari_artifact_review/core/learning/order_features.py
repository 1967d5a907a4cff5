"""Features of the learned order, computed once for all cutouts of a table."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning.logistic import logit
from napari_artifact_review.core.learning.neighbours import (
    grid_neighbours,
    neighbour_maximum,
    neighbour_mean,
)
from napari_artifact_review.core.learning.whitening import Whitening

_Floats = NDArray[np.float32]

#: Number of principal components of the descriptors.
COMPONENTS = 16

#: Number of features from the table, which come before the components.
_TABLE_COLUMNS = 18

#: Number of features, the first ones, that have one weight for both labels.
_COMMON = 3


class OrderInputs(NamedTuple):
    """What the learned order knows of the cutouts of a table.

    Attributes
    ----------
    label, preds : ndarray of int8, shape (n,)
        Original labels and predictions: 1 artifact, 0 no artifact.
    confidence : ndarray of float64, shape (n,), or None
        The model's probability of an artifact; NaN where the table has none.
    descriptors : ndarray of float16 or float32, shape (n, d), or None
        Descriptors of the pixels; NaN in rows without descriptors.
    groups : ndarray of int64, shape (n,)
        Group of each cutout for folds: its exposure, field or image.
    image_index : ndarray of int64, shape (n,)
        Index of the image of each cutout.
    grid_x, grid_y : ndarray of int64, shape (n,)
        Column and row of the top left pixel of each cutout.
    size : int
        Side length of a cutout in pixels.
    """

    label: NDArray[np.int8]
    preds: NDArray[np.int8]
    confidence: NDArray[np.float64] | None
    descriptors: NDArray[Any] | None
    groups: NDArray[np.int64]
    image_index: NDArray[np.int64]
    grid_x: NDArray[np.int64]
    grid_y: NDArray[np.int64]
    size: int


class OrderFeatures(NamedTuple):
    """Standardized features of all cutouts.

    The first three are the log-odds that the two models give to the label, and the
    label. The other features count twice in the regression: once for both labels, and
    once more with the sign of the label, so that each label has weights of its own.
    Only one copy is in memory.

    Attributes
    ----------
    plain : ndarray of float32, shape (n, p)
        Features from the table, then the components of the descriptors, if any.
    sign : ndarray of float32, shape (n,)
        1 for the label "artifact", -1 for "no artifact".
    """

    plain: _Floats
    sign: _Floats

    @classmethod
    def of(cls, inputs: OrderInputs, probability: _Floats | None) -> Self:
        """Compute the features of a table.

        Parameters
        ----------
        inputs : OrderInputs
            Labels, predictions, descriptors and positions.
        probability : ndarray of float32, shape (n,), or None
            Probability of an artifact of a model of the descriptors; may be NaN.
        """
        sign = np.where(inputs.label == 1, 1, -1).astype(np.float32)
        given = given_probability(inputs)
        own = _own_probability(inputs, probability)
        near = grid_neighbours(
            inputs.image_index, inputs.grid_x, inputs.grid_y, inputs.size
        )
        columns = [
            np.stack([sign * logit(own), sign * logit(given), sign], axis=1),
            np.stack([own, given, own**2, inputs.preds], axis=1),
            _surroundings(inputs.label, own, near),
        ]
        if inputs.descriptors is not None:
            whitening = Whitening.fit(inputs.descriptors, COMPONENTS)
            # Components that are all 0 would change the last digits of a fit.
            if whitening.components.any():
                columns.append(whitening.project(inputs.descriptors))
        plain = np.concatenate(columns, axis=1).astype(np.float32)
        return cls(_standardize(plain), sign)

    def design(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the columns of the regression for some rows.

        Returns
        -------
        ndarray of float64, shape (m, d)
            Plain features, then those with a weight of their own for each label, times
            the sign of the label.
        """
        plain = self.plain[rows].astype(np.float64)
        signed = plain[:, _COMMON:] * self.sign[rows, None]
        return np.concatenate([plain, signed], axis=1)

    def log_odds(self, weights: NDArray[np.float64], intercept: float) -> _Floats:
        """Return the log-odds of all rows for the weights of a regression."""
        width = self.plain.shape[1]
        signed = np.zeros(width)
        signed[_COMMON:] = weights[width:]
        both = np.stack([weights[:width], signed], axis=1).astype(np.float32)
        parts = self.plain @ both
        log_odds: _Floats = (
            parts[:, 0] + self.sign * parts[:, 1] + np.float32(intercept)
        )
        return log_odds

    def similarity(self, row: int, others: NDArray[np.int64]) -> _Floats:
        """Return the cosine between the components of a row and those of others.

        Returns
        -------
        ndarray of float32, shape (m,)
            Cosines; NaN where a row has no descriptors.
        """
        one = self.plain[row, _TABLE_COLUMNS:]
        many = self.plain[others][:, _TABLE_COLUMNS:]
        length = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
        cosine: _Floats = np.divide(
            many @ one,
            length,
            out=np.full(len(many), np.nan, np.float32),
            where=length > 0,
        )
        return cosine


def given_probability(inputs: OrderInputs) -> _Floats:
    """Return the given probability of an artifact, for every row.

    Without a confidence, it is the share of the label "artifact" among the rows with
    the same prediction, with one artifact and one other row added.
    """
    artifacts = np.bincount(inputs.preds, inputs.label, 2)
    share = (artifacts + 1) / (np.bincount(inputs.preds, minlength=2) + 2)
    by_prediction: _Floats = share[inputs.preds].astype(np.float32)
    if inputs.confidence is None:
        return by_prediction
    confidence = inputs.confidence.astype(np.float32)
    return np.where(np.isnan(confidence), by_prediction, confidence)


def prior_probability(inputs: OrderInputs, probability: _Floats | None) -> _Floats:
    """Return the probability that each label is wrong, before any verdict.

    It is 1 minus the self-confidence: the probability that the model of the descriptors
    gives to the label, or else the given one.
    """
    own = _own_probability(inputs, probability)
    return np.where(inputs.label == 1, 1 - own, own)


def _own_probability(inputs: OrderInputs, probability: _Floats | None) -> _Floats:
    """Return the model's probability of an artifact, or else the given one."""
    given = given_probability(inputs)
    if probability is None:
        return given
    return np.where(np.isnan(probability), given, probability)


def _surroundings(
    label: NDArray[np.int8], own: _Floats, near: NDArray[np.int32]
) -> _Floats:
    """Return features of the cutouts around each cutout, shape (n, 11).

    They are means and extremes of probability, label and their difference, and
    products with the probability of the cutout itself: an artifact alone is something
    else than one of many along a trail.
    """
    surplus = label - own
    values = np.stack([own, label, surplus, -surplus], axis=1).astype(np.float32)
    mean = neighbour_mean(values[:, :3], near)
    highest = neighbour_maximum(values, near)
    p_mean, p_highest = mean[:, 0], highest[:, 0]
    products = [own * p_mean, own * p_highest, p_mean * p_highest, p_mean**2]
    return np.concatenate([mean, highest, np.stack(products, axis=1)], axis=1)


def _standardize(features: _Floats) -> _Floats:
    """Scale columns to mean 0 and variance 1, in place; unknown values become 0."""
    for column in features.T:
        known = np.isfinite(column)
        values = column[known].astype(np.float64)
        scale = float(values.std()) if values.size else 0.0
        column -= float(values.mean()) if values.size else 0.0
        column /= scale if scale > 1e-6 else 1.0
        column[~known] = 0
    return features
