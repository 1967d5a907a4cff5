"""Simulate how often the intervals of `compare` hold the true number.

    python -m benchmarks.coverage                2,000 surveys a number of images
    python -m benchmarks.coverage --surveys 200  a shorter form

Each survey has a number of images with cutouts. The images differ in their share of
artifacts and in how hard they are, so the cutouts of an image resemble each other. Two
models see the same cutouts, and a part of their errors is common. The true numbers are
those of a survey of 20,000 images. docs/rounds.md has the table.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from napari_artifact_review.core.training.comparing.leave_one_out import Sample
from napari_artifact_review.core.training.comparing.paired_scores import (
    METRICS,
    Model,
    PairedScores,
    pair_scores,
)

#: Numbers of images.
GROUPS = (6, 12, 47, 100)


class Coverage(NamedTuple):
    """Shares of surveys by the position of the true number.

    Attributes
    ----------
    held : float
        Share of the intervals that hold the true number.
    missing : float
        Share of the surveys without an interval.
    """

    held: float
    missing: float


def make_survey(
    groups: int, rng: np.random.Generator, cutouts: int = 210
) -> tuple[Sample, Model, Model]:
    """Return the labels of a survey, and what an old and a better model say."""
    block = np.repeat(np.arange(groups), cutouts)
    rate = rng.beta(1.5, 12, groups)[block]
    label = (rng.random(len(block)) < rate).astype(np.int8)
    # Effects of the image, and of the cutout, that both models see.
    common = rng.normal(0, 0.8, groups)[block] + rng.normal(0, 1, len(block))
    models = []
    for signal in (4.2, 4.8):
        own = rng.normal(0, 0.4, groups)[block] + rng.normal(0, 0.8, len(block))
        confidence = 1 / (1 + np.exp(-(signal * label - 2.5 + common + own)))
        models.append(Model((confidence >= 0.5).astype(np.int8), confidence))
    return Sample(label, np.ones(len(block)), block), models[0], models[1]


def coverage(
    groups: int, surveys: int, truth: PairedScores, seed: int = 0
) -> dict[tuple[str, str], Coverage]:
    """Return the coverage of each interval, by metric and by "new" or "difference"."""
    rng = np.random.default_rng([seed, groups])
    held = {(name, what): [] for name in METRICS for what in ("new", "difference")}
    for _ in range(surveys):
        scores = pair_scores(*make_survey(groups, rng))
        for (name, what), found in held.items():
            estimate = getattr(scores, what)[name]
            true = getattr(truth, what)[name].value
            if estimate.has_interval:
                found.append(estimate.low <= true <= estimate.high)
    return {
        key: Coverage(float(np.mean(found)), 1 - len(found) / surveys)
        for key, found in held.items()
    }


def true_scores(groups: int = 20_000) -> PairedScores:
    """Return the scores for a very large survey."""
    sample, old, new = make_survey(groups, np.random.default_rng(1))
    # The numbers are needed without intervals, so all images are one block.
    return pair_scores(sample._replace(block=np.zeros_like(sample.block)), old, new)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surveys", type=int, default=2000)
    options = parser.parse_args()
    truth = true_scores()
    print("| number | interval of | true |", *(f"{n} images |" for n in GROUPS))
    print("|---|---|---|" + "---|" * len(GROUPS))
    found = {groups: coverage(groups, options.surveys, truth) for groups in GROUPS}
    for name in METRICS:
        for what in ("new", "difference"):
            true = getattr(truth, what)[name].value
            cells = (f"{found[n][name, what].held:.3f} |" for n in GROUPS)
            title = name.replace("_", " ")
            print(f"| {title} | {what} | {true:.3f} |", *cells)
    lost = max(one.missing for each in found.values() for one in each.values())
    print(f"\nSurveys without an interval: at most {lost:.1%} of them.")


if __name__ == "__main__":
    main()
