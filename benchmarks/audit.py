"""Compute how often the intervals of an audit hold the true number of wrong labels.

    python -m benchmarks.audit              with 200 simulated orders a row
    python -m benchmarks.audit --orders 20  a shorter form

All tables but the last are enumerated exactly, over all samples. The last one simulates
orders of a review, and counts how often the retrospective rule stops before its target.
docs/stopping.md has the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import stats

from napari_artifact_review.core.learning.audit_interval import (
    audit_alpha,
    hypergeometric_interval,
)
from napari_artifact_review.core.learning.stopping import retrospective_stop

#: Sizes of populations and samples.
SIZES = [
    (100, 10),
    (100, 50),
    (1_000, 30),
    (1_000, 400),
    (9_288, 100),
    (9_288, 400),
    (9_288, 1_000),
    (1_000_000, 400),
    (10_000_000, 1_000),
]

#: Shares of wrong labels in a population.
SHARES = (0.001, 0.01, 0.05)

#: Cutouts of the demo with 47 images once its errors are reviewed.
DEMO = 9_288

#: Sizes of samples of these cutouts, and numbers of finds.
EXAMPLES = ((100, 400, 1_000), (0, 1, 3, 10))

#: Sizes of samples of these cutouts, and numbers of wrong labels among them: those of
#: the demo, and a large audit of a survey with 5 % wrong labels.
AUDITS = ((400, 88), (2_000, 464))

#: Shares of a reviewer's verdicts that are mistakes.
MISTAKES = (0.0, 0.01, 0.03, 0.05)

#: Assumed largest shares of right labels that count as finds.
FALSE_ALARMS = (0.0, 0.01)


@cache
def intervals(n: int, population: int, false_alarms: float = 0.0) -> np.ndarray:
    """Return the intervals for all numbers of finds, shape (n + 1, 2)."""
    return np.array(
        [
            hypergeometric_interval(k, n, population, false_alarms=false_alarms)
            for k in range(n + 1)
        ]
    )


def coverage(n: int, population: int, wrong: int) -> tuple[float, float]:
    """Return the exact coverage of the interval, and its mean width."""
    mean, reach = n * wrong / population, 40 + 12 * np.sqrt(n * wrong / population)
    # Less than 1e-20 of the probability is outside.
    counts = np.arange(max(0, int(mean - reach)), min(n, int(mean + reach)) + 1)
    low, high = intervals(n, population)[counts].T
    probability = stats.hypergeom.pmf(counts, population, wrong, n)
    held = probability[(low <= wrong) & (wrong <= high)].sum()
    return float(held), float(probability @ (high - low))


def lowest_coverage(n: int, population: int) -> float:
    """Return the smallest coverage over all numbers of wrong labels.

    Between two neighbouring ends of intervals, the numbers of finds whose intervals
    hold K are the same run. The probability of a run has one maximum in K, since the
    hypergeometric distribution has a monotone likelihood ratio (S. Karlin, Total
    Positivity, 1968), so the smallest coverage is at an end or beside it.
    """
    low, high = intervals(n, population).T
    ends = np.unique(np.concatenate([[0, population], low, low - 1, high, high + 1]))
    ends = ends[(ends >= 0) & (ends <= population)]
    return min(coverage(n, population, wrong)[0] for wrong in ends.tolist())


class Finds(NamedTuple):
    """Probabilities that a wrong, and a right, label of a sample counts as a find."""

    wrong: float
    right: float


def confirmations(mistakes: float) -> Iterator[tuple[str, Finds]]:
    """Yield ways to confirm a find, for a share of verdicts that are mistakes."""
    yield "as the reviewer says", Finds(1 - mistakes, mistakes)
    yield "second reviewer", Finds((1 - mistakes) ** 2, mistakes**2)
    again = mistakes * (0.5 + 0.5 * mistakes)
    yield "same reviewer, half recurs", Finds((1 - mistakes) ** 2, again)


def coverage_with_mistakes(
    n: int, population: int, wrong: int, finds: Finds, false_alarms: float
) -> float:
    """Return the exact coverage if labels count as finds with these probabilities."""
    low, high = intervals(n, population, false_alarms).T
    is_held = (low <= wrong) & (wrong <= high)
    counts = np.arange(min(n, wrong) + 1)
    in_sample = stats.hypergeom.pmf(counts, population, wrong, n)
    total = 0.0
    for count, probability in zip(counts.tolist(), in_sample, strict=True):
        if probability < 1e-12:
            continue
        true = stats.binom.pmf(np.arange(count + 1), count, finds.wrong)
        false = stats.binom.pmf(np.arange(n - count + 1), n - count, finds.right)
        total += probability * np.convolve(true, false)[is_held].sum()
    return float(total)


class Order(NamedTuple):
    """An order of a review: the odds of wrong labels against right ones, at each look.

    Attributes
    ----------
    name : str
        Name for the table.
    seen, unseen : float
        Odds of the wrong labels that the model sees, and of those that it does not see.
    share : float
        Share of the wrong labels that the model does not see.
    """

    name: str
    seen: float
    unseen: float = 1.0
    share: float = 0.0


ORDERS = (
    Order("random", 1),
    Order("good: odds 10", 10),
    Order("good, but 30 % of the wrong labels at random", 10, 1, 0.3),
    Order("wrong assumption: 30 % of them last, odds 0.1", 10, 0.1, 0.3),
)


def play(order: Order, population: int, wrong: int, every: int, seed: int) -> tuple:
    """Return recall and looks when the retrospective rule stops a simulated review."""
    rng = np.random.default_rng(seed)
    odds = np.ones(population)
    odds[:wrong] = order.seen
    odds[: round(wrong * order.share)] = order.unseen
    # The smallest of exponential variables with these rates comes first.
    found = np.argsort(rng.exponential(size=population) / odds) < wrong
    for looks in range(every, population + 1, every):
        if retrospective_stop(found[:looks], population - looks).may_stop:
            return found[:looks].sum() / wrong, looks
    return 1.0, population


def print_sizes() -> None:
    """Print the coverage without mistakes."""
    print("| cutouts | sample | lowest, all K |", end="")
    print(*(f" K = {share:.1%} |" for share in SHARES), " mean width at 1.0% |", sep="")
    print("|---|---|---|---|---|---|---|")
    for population, n in SIZES:
        at = [coverage(n, population, round(population * share)) for share in SHARES]
        cells = [f"{population:,}", f"{n:,}", f"{lowest_coverage(n, population):.4f}"]
        cells += [f"{held:.3f}" for held, _ in at] + [f"{at[1][1]:,.0f}"]
        print("|", " | ".join(cells), "|")


def print_examples() -> None:
    """Print the intervals of a first audit."""
    samples, finds = EXAMPLES
    print("| sample |", *(f" {k} found |" for k in finds), sep="")
    print("|---|" + "---|" * len(finds))
    for n in samples:
        ends = [hypergeometric_interval(k, n, DEMO, audit_alpha(1)) for k in finds]
        print(f"| {n:,} |", *(f" {low:,} to {high:,} |" for low, high in ends), sep="")


def print_mistakes() -> None:
    """Print the coverage with mistakes of the reviewers."""
    heads = (f" {mistakes:.0%} |" for mistakes in MISTAKES)
    print("| sample, wrong labels | a find counts | interval |", *heads, sep="")
    print("|---|---|---|" + "---|" * len(MISTAKES))
    columns = [dict(confirmations(mistakes)) for mistakes in MISTAKES]
    for (n, wrong), name, rate in product(AUDITS, columns[0], FALSE_ALARMS):
        cells = [
            f"{coverage_with_mistakes(n, DEMO, wrong, column[name], rate):.3f}"
            for column in columns
        ]
        case = f"{n:,}, {wrong}"
        print("|", " | ".join([case, name, f"{rate:.0%} recur", *cells]), "|")


def print_orders(orders: int) -> None:
    """Print how often the retrospective rule stops short of recall 0.9."""
    print("| order | cutouts, wrong labels | stops short | mean recall | mean looks |")
    print("|---|---|---|---|---|")
    for population, wrong, every in ((582, 175, 10), (9_870, 263, 100)):
        for order in ORDERS:
            ends = [
                play(order, population, wrong, every, seed) for seed in range(orders)
            ]
            recall, looks = np.array(ends).T
            cells = [order.name, f"{population:,}, {wrong}"]
            cells += [f"{np.mean(recall < 0.9):.3f}", f"{recall.mean():.3f}"]
            print("|", " | ".join([*cells, f"{looks.mean():,.0f}"]), "|")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=200)
    options = parser.parse_args()
    print_sizes()
    print()
    print_examples()
    print()
    print_mistakes()
    print()
    print_orders(options.orders)


if __name__ == "__main__":
    main()
