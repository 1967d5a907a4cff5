"""Simulated reviewers, and what they meet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.learning.survey import Survey
from napari_artifact_review.core.learning.order import LearnedOrder

#: Number of verdicts between two fits.
STEP = 10

Rows = NDArray[np.int64]


class Looks(NamedTuple):
    """Looks until shares of the wrong labels of a queue were met.

    Attributes
    ----------
    n90, n95 : float
        Number of looks until 90 and 95 % were met; NaN if they were not.
    changes : float
        Changes of the image until 90 % were met.
    at_a_tenth : float
        Share that was met after a tenth of the looks.
    """

    n90: float
    n95: float
    changes: float
    at_a_tenth: float


class Walk(NamedTuple):
    """A simulated review.

    Attributes
    ----------
    rows : ndarray of int64, shape (v,)
        Rows in the order of the looks.
    is_wrong : ndarray of bool, shape (v,)
        Whether each verdict contradicts the label; some verdicts are mistaken.
    recall_at_stop : float
        True share of the wrong labels met when the estimate first says 0.90, after the
        warm-up; NaN if it never does.
    stop : float
        Number of looks at that time.
    """

    rows: Rows
    is_wrong: NDArray[np.bool_]
    recall_at_stop: float
    stop: float


def walk(
    survey: Survey, queue: Rows, seed: int, mistakes: float = 0.0, most: int = 10**9
) -> Walk:
    """Review a queue in the learned order, with a fit every ten verdicts.

    Parameters
    ----------
    survey : Survey
        Table with true labels.
    queue : ndarray of int64
        Rows of the queue.
    seed : int
        Seed of the order's random cutouts and of the mistakes.
    mistakes : float
        Share of mistaken verdicts.
    most : int
        Most looks.
    """
    order = LearnedOrder(survey.inputs, survey.probability, seed)
    rng = np.random.default_rng(seed)
    wrong = survey.is_wrong
    total = np.count_nonzero(wrong[queue])
    rows, said = np.empty(0, np.int64), np.empty(0, bool)
    left, image, stop, recall = queue, None, np.nan, np.nan
    while len(left) and len(rows) < most:
        ranked = order.rank(left, rows, said, image)
        found, rest = np.count_nonzero(said), float(ranked.probability.sum())
        if np.isnan(stop) and len(rows) >= 20 and found >= 0.9 * (found + rest):
            stop, recall = len(rows), np.count_nonzero(wrong[rows]) / total
        looks, left = np.split(ranked.rows, [STEP])
        rows = np.concatenate([rows, looks])
        is_mistaken = rng.random(len(looks)) < mistakes
        said = np.concatenate([said, wrong[looks] ^ is_mistaken])
        image = int(survey.inputs.image_index[looks[-1]])
    return Walk(rows, said, recall, stop)


def count_looks(survey: Survey, queue: Rows, rows: Rows) -> Looks:
    """Count the looks of a review of a queue, in the order of `rows`."""
    wrong = survey.is_wrong
    total = np.count_nonzero(wrong[queue])
    met = np.cumsum(wrong[rows])
    reached = []
    for share in (0.9, 0.95):
        at = np.searchsorted(met, np.ceil(share * total))
        reached.append(float(at + 1) if at < len(met) else np.nan)
    changes = np.nan
    if not np.isnan(reached[0]):
        images = survey.inputs.image_index[rows[: int(reached[0])]]
        changes = float(np.count_nonzero(np.diff(images)))
    tenth = met[min(len(queue) // 10, len(met)) - 1] / total
    return Looks(*reached, changes, float(tenth))


def fixed_orders(survey: Survey, queue: Rows) -> dict[str, Rows]:
    """Return the orders that no verdict changes."""
    inputs = survey.inputs
    rng = np.random.default_rng(0)
    given = np.where(inputs.label == 1, inputs.confidence, 1 - inputs.confidence)
    oracle = queue[np.argsort(~survey.is_wrong[queue], kind="stable")]
    by_own = queue[np.argsort(_self_confidence(survey)[queue], kind="stable")]
    return {
        "random": rng.permutation(queue),
        "given: the table's own order": queue,
        "mislabelled: given self-confidence": queue[
            np.argsort(given[queue], kind="stable")
        ],
        "own self-confidence": by_own,
        "oracle": oracle,
    }


def _self_confidence(survey: Survey) -> NDArray[np.floating]:
    probability = survey.probability
    return np.where(survey.inputs.label == 1, probability, 1 - probability)
