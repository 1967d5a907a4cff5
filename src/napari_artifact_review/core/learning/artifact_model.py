"""A model of artifact against none, trained on the labels of the table itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_artifact_review.core.learning.neighbours import (
    grid_neighbours,
    neighbour_mean,
)
from napari_artifact_review.core.learning.order_features import OrderInputs
from napari_artifact_review.core.learning.whitening import Whitening, known_rows

#: Version of the model; it changes when the same inputs give other probabilities.
MODEL_VERSION = "1"

#: Most rows that the model is trained on.
MAX_ROWS = 50_000

#: Number of folds; each probability comes from a model that was trained without the
#: group of its cutout.
_FOLDS = 5

#: Number of principal components of the neighbours' descriptors.
_NEIGHBOUR_COMPONENTS = 12

#: Fewest rows of each label for training a model.
_FEWEST = 5

#: Number of rows to predict at once.
_AT_ONCE = 65_536


def artifact_probability(
    inputs: OrderInputs,
    seed: int,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Compute the probability of an artifact in each cutout, out of fold by group.

    The model is histogram gradient boosting (G. Ke et al., NeurIPS 2017) on the
    descriptors of a cutout and on the mean principal components of the cutouts around
    it. It is trained on the labels as they are. A wrong label can only be seen by a
    model that was trained without it, so the probability of a cutout comes from the
    models of other groups.

    Parameters
    ----------
    inputs : OrderInputs
        Labels, predictions, descriptors, groups and positions.
    seed : int
        Seed of folds and of the sample; the same inputs and seed give the same result.
    is_cancelled : callable
        Function that returns whether the computation should be cancelled. It is called
        before the training of each fold.

    Returns
    -------
    ndarray of float32, shape (n,)
        Probability of an artifact. It is NaN without descriptors, and everywhere if
        there are fewer than two groups, or too few rows of one label to train on.

    Raises
    ------
    CancelledError
        If the computation was cancelled.
    """
    probability = np.full(len(inputs.label), np.nan, np.float32)
    if inputs.descriptors is None:
        return probability
    rows = known_rows(inputs.descriptors)
    around = _around(inputs, inputs.descriptors)
    rng = np.random.default_rng(seed)
    fold = _assign_folds(inputs.groups, rows, rng)
    training, weight = _sample(inputs, rows, rng)
    for index in range(_FOLDS):
        if is_cancelled():
            raise CancelledError
        held_out = rows[fold[rows] == index]
        is_used = fold[training] != index
        used = training[is_used]
        counts = np.bincount(inputs.label[used], minlength=2)
        if held_out.size and counts.min() >= _FEWEST:
            features = _features(inputs.descriptors, around, used)
            model = _fit(features, inputs.label[used], weight[is_used], seed)
            # All features at once would need gigabytes for millions of cutouts.
            for start in range(0, len(held_out), _AT_ONCE):
                part = held_out[start : start + _AT_ONCE]
                probability[part] = model(_features(inputs.descriptors, around, part))
    return probability


def _around(inputs: OrderInputs, descriptors: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean principal components of the cutouts around each cutout."""
    whitening = Whitening.fit(descriptors, _NEIGHBOUR_COMPONENTS)
    near = grid_neighbours(
        inputs.image_index, inputs.grid_x, inputs.grid_y, inputs.size
    )
    return neighbour_mean(whitening.project(descriptors), near)


def _features(
    descriptors: NDArray[Any], around: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the columns of the model for some rows."""
    return np.concatenate([descriptors[rows].astype(np.float32), around[rows]], axis=1)


def _assign_folds(
    groups: NDArray[np.int64], rows: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the fold of each row: whole groups, dealt out in a random order."""
    names, member = np.unique(groups, return_inverse=True)
    # Groups without descriptors would leave folds empty.
    is_used = np.zeros(len(names), bool)
    is_used[member[rows]] = True
    used = rng.permutation(np.flatnonzero(is_used))
    fold_of_group = np.zeros(len(names), np.int64)
    fold_of_group[used] = np.arange(len(used)) % _FOLDS
    return fold_of_group[member]


def _sample(
    inputs: OrderInputs, rows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Choose at most `MAX_ROWS` rows to train on, with weights.

    All errors are chosen if they fit, because labels and predictions differ where
    learning is worth most. The weights of the others make up for those left out.
    """
    if len(rows) <= MAX_ROWS:
        return rows, np.ones(len(rows))
    is_error = inputs.label[rows] != inputs.preds[rows]
    errors, others = rows[is_error], rows[~is_error]
    errors_used = rng.permutation(errors)[: MAX_ROWS // 2]
    others_used = rng.permutation(others)[: MAX_ROWS - len(errors_used)]
    chosen = np.concatenate([errors_used, others_used])
    weight = np.concatenate(
        [
            np.full(len(errors_used), len(errors) / max(len(errors_used), 1)),
            np.full(len(others_used), len(others) / max(len(others_used), 1)),
        ]
    )
    order = np.argsort(chosen)
    return chosen[order], weight[order]


def _fit(
    features: NDArray[np.float32],
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    seed: int,
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Train a model, and return its function of probabilities."""
    # The import takes a second, which only this model should cost.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=200,
        max_leaf_nodes=15,
        max_features=0.3,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    # More threads than idle cores wait for each other, and make this ten times slower.
    with threadpool_limits(1):
        # Equal weights change nothing, but they make the fit several times slower.
        is_equal = np.all(weight == weight[0])
        model.fit(features, label, sample_weight=None if is_equal else weight)

    def predict(others: NDArray[np.float32]) -> NDArray[np.float64]:
        with threadpool_limits(1):
            probability: NDArray[np.float64] = model.predict_proba(others)[:, 1]
        return probability

    return predict
