"""Small classifier that is trained on simulated images and makes real errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from .exposure import expose
from .features import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TRAINING_SEED = 20_240_209_001  # unlikely to be the seed of a demo
TRAINING_FIELDS = 3
RICHNESS = 3  # artifacts are usually more frequent in training sets than in surveys


def train(step: Callable[[int], object]) -> GradientBoostingClassifier:
    """Train a classifier with true labels, on fields that the demo does not use.

    Parameters
    ----------
    step : callable
        Called before each training field with the number of finished fields. It may
        raise an error to cancel the training.

    Returns
    -------
    sklearn.ensemble.GradientBoostingClassifier
        The trained classifier, which is the same for every call.
    """
    features, labels = [], []
    for field in range(TRAINING_FIELDS):
        step(field)
        exposure = expose(np.random.default_rng([TRAINING_SEED, field]), RICHNESS)
        features.append(measure(exposure.pixels))
        labels.append(exposure.has_artifact.ravel())
    # Gradient boosting trains trees in sequence, so the result does not depend on the
    # number of cores.
    classifier = GradientBoostingClassifier(
        n_estimators=300, subsample=0.5, max_features=5, random_state=0
    )
    return classifier.fit(np.concatenate(features), np.concatenate(labels))


def confidence(
    classifier: GradientBoostingClassifier, pixels: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Return the probability of an artifact in each cutout.

    Parameters
    ----------
    classifier : sklearn.ensemble.GradientBoostingClassifier
        The classifier that `train` returned.
    pixels : numpy.ndarray
        Full image in adu, shape `SHAPE`.

    Returns
    -------
    numpy.ndarray
        Probabilities, shape ``(cutouts,)``, in row-major order of the grid.
    """
    probabilities: NDArray[np.float64] = classifier.predict_proba(measure(pixels))
    return probabilities[:, 1]
