"""Small tables for the learned order, in which descriptors show the artifacts."""

from __future__ import annotations

import numpy as np

from napari_artifact_review.core.learning.order import OrderInputs

SIZE = 200


def toy_table(images=12, columns=8, rows=6, seed=0, mistakes=0.15):
    """Return the inputs of a table, and the mask of its wrong labels.

    The given confidence is poor. The descriptors see artifacts well, and one of them
    sees the bright stars that are mistaken for artifacts.
    """
    rng = np.random.default_rng(seed)
    cell = np.indices((images, rows, columns)).reshape(3, -1)
    image, y, x = cell.astype(np.int64)
    count = image.size
    truth = (rng.random(count) < 0.2).astype(np.int8)
    is_star = (truth == 0) & (rng.random(count) < 0.15)
    is_wrong = rng.random(count) < np.where(
        truth == 1, mistakes, is_star * mistakes * 2
    )
    label = np.where(is_wrong, 1 - truth, truth).astype(np.int8)
    log_odds = rng.normal(np.where(truth == 1, 1.0, -1.5), 1.5)
    confidence = 1 / (1 + np.exp(-log_odds))
    descriptors = rng.normal(size=(count, 10))
    descriptors[:, 0] += 3 * truth
    descriptors[:, 1] += 3 * is_star
    inputs = OrderInputs(
        label,
        (confidence > 0.6).astype(np.int8),
        confidence,
        descriptors.astype(np.float16),
        image,
        image,
        x * SIZE,
        y * SIZE,
        SIZE,
    )
    return inputs, is_wrong
