"""Times of the learned order and of the search for similar cutouts."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.learning.survey import Survey
from napari_artifact_review.core.learning.order import LearnedOrder
from napari_artifact_review.core.learning.similar import SimilarCutouts


def refit_times(survey: Survey, count: int) -> tuple[float, float]:
    """Time the precomputed features, and a refit with its new order.

    Parameters
    ----------
    survey : Survey
        Survey whose rows are repeated, with new images each time.
    count : int
        Number of rows.

    Returns
    -------
    built, refitted : float
        Seconds to build the order, and median seconds for a refit on 400 verdicts.
    """
    inputs = survey.inputs
    rows = np.arange(count) % len(inputs.label)
    image = inputs.image_index[rows]
    image = image + np.arange(count) // len(inputs.label) * (image.max() + 1)
    many = inputs._replace(
        **{
            name: getattr(inputs, name)[rows]
            for name in (
                "label",
                "preds",
                "confidence",
                "descriptors",
                "grid_x",
                "grid_y",
            )
        },
        groups=image,
        image_index=image,
    )
    start = time.perf_counter()
    order = LearnedOrder(many, survey.probability[rows])
    built = time.perf_counter() - start
    verdicts = np.random.default_rng(0).permutation(survey.errors)[:400]
    is_wrong = survey.is_wrong[verdicts]
    left = np.setdiff1d(np.arange(count), verdicts)
    return built, _median(lambda: order.rank(left, verdicts, is_wrong, 0))


def query_times(survey: Survey, count: int) -> tuple[float, float]:
    """Time building the search over rows that are repeated, and one query."""
    rng = np.random.default_rng(0)
    descriptors = survey.inputs.descriptors
    many = np.empty((count, descriptors.shape[1]), np.float16)
    for start in range(0, count, 100_000):
        part = many[start : start + 100_000]
        part[:] = descriptors[rng.integers(len(descriptors), size=len(part))]
        # No two cutouts are equal.
        part += rng.normal(0, 0.01, part.shape).astype(np.float16)
    begin = time.perf_counter()
    similar = SimilarCutouts(many)
    built = time.perf_counter() - begin
    return built, _median(lambda: similar.nearest(np.array([17]), 100))


def _median(action: Callable[[], object]) -> float:
    times = []
    for _ in range(7):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return float(np.median(times))
