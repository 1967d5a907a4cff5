"""Print tables on the learned order, as Markdown."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks import audit, machine
from benchmarks.learning.reviewer import Looks, count_looks, fixed_orders, walk
from benchmarks.learning.speed import query_times, refit_times
from benchmarks.learning.survey import (
    MISTAKES,
    Survey,
    demo_survey,
    frames_survey,
    planted_in_frames,
    planted_mistakes,
)
from napari_artifact_review.core.learning.order import LearnedOrder
from napari_artifact_review.core.learning.similar import SimilarCutouts

#: Numbers of simulated reviewers, of plantings, and of second looks.
REVIEWERS, PLANTINGS, SECOND_LOOKS = 5, 5, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 7])
    parser.add_argument("--images", type=int, default=47)
    parser.add_argument("--sdss", type=Path, help="folder of frames with labels")
    parser.add_argument("--cache", type=Path, help="folder for surveys and models")
    parser.add_argument("--quick", action="store_true", help="without large tables")
    options = parser.parse_args()
    if options.cache is None:
        with tempfile.TemporaryDirectory() as folder:
            print_tables(options, Path(folder))
    else:
        options.cache.mkdir(parents=True, exist_ok=True)
        print_tables(options, options.cache)


def print_tables(options: argparse.Namespace, cache: Path) -> None:
    print(machine.as_sentence(machine.describe()), flush=True)
    surveys = [demo_survey(seed, options.images, cache) for seed in options.seeds]
    print_models(surveys)
    for survey in surveys:
        print_orders(f"{survey.name}", survey, [survey])
    print_reviewers(surveys)
    print_mistakes(surveys, cache)
    if options.sdss is not None:
        frames = frames_survey(options.sdss, cache)
        planted = [
            frames.with_labels(
                f"planted {seed}", planted_in_frames(frames, seed), cache
            )
            for seed in range(PLANTINGS)
        ]
        print_orders("Frames, mean of five plantings", frames, planted)
    print_second_looks(surveys)
    print_similar(surveys)
    print_times(surveys[0], options.quick)
    if not options.quick:
        print("\n### Audits: how often the interval at 95 % holds the true number\n")
        audit.print_sizes()
        print()
        audit.print_mistakes()


def print_models(surveys: list[Survey]) -> None:
    rows = []
    for survey in surveys:
        scores = (survey.probability, survey.inputs.confidence)
        own, given = (average_precision_score(survey.truth, p) for p in scores)
        rows.append(
            [survey.name, f"{own:.3f}", f"{given:.3f}", f"{survey.seconds:.2f}"]
        )
    head = ["survey", "model of the descriptors", "given confidence", "s an image"]
    print_table("Average precision by true labels", head, rows)


def print_orders(title: str, whole: Survey, surveys: list[Survey]) -> None:
    """Print looks in each order; with several surveys, means over them."""
    rows = []
    for queue_name in ("errors", "all"):
        fixed, learned, blind = {}, [], []
        for survey in surveys:
            queue = queue_of(survey, queue_name)
            for name, order in fixed_orders(survey, queue).items():
                fixed.setdefault(name, []).append(count_looks(survey, queue, order))
            for seed in range(REVIEWERS if len(surveys) == 1 else 1):
                learned.append(learned_looks(survey, queue, seed))
                blind.append(learned_looks(survey.without_images(), queue, seed))
        oracle = fixed.pop("oracle")
        looks = {**fixed, "learned, without images": blind, "learned": learned}
        for name, results in (looks | {"oracle": oracle}).items():
            rows.append([queue_name, name, *texts(results)])
    wrong = np.mean([np.count_nonzero(survey.is_wrong) for survey in surveys])
    errors = np.mean([len(survey.errors) for survey in surveys])
    title += f": {len(whole.truth)} cutouts, {errors:.0f} errors, {wrong:.0f} wrong"
    head = ["queue", "order", "n90", "n95", "image changes to n90", "met at a tenth"]
    print_table(title, head, rows)


def print_reviewers(surveys: list[Survey]) -> None:
    rows = []
    for survey in surveys:
        for queue_name in ("errors", "all"):
            queue = queue_of(survey, queue_name)
            for mistakes in (0.0, 0.03, 0.05):
                results = [
                    learned_looks(survey, queue, seed, mistakes)
                    for seed in range(REVIEWERS)
                ]
                start = [survey.name, queue_name, f"{mistakes:.0%}"]
                rows.append([*start, *texts(results)])
    head = ["survey", "queue", "mistaken verdicts", "n90", "n95", "image changes"]
    print_table("Reviewers with mistakes", [*head, "met at a tenth"], rows)


def print_mistakes(surveys: list[Survey], cache: Path) -> None:
    rows = []
    for survey in surveys:
        for kind in MISTAKES:
            label = planted_mistakes(kind, survey, seed=0)
            planted = survey.with_labels(kind, label, cache)
            rows += [
                [survey.name, kind, *mistakes_row(planted, queue_name)]
                for queue_name in ("errors", "all")
            ]
    head = ["survey", "mistakes", "queue", "wrong labels", "mislabelled n90"]
    head += ["learned n90", "oracle n90", "estimate says 0.90 at", "true recall there"]
    print_table("Kinds of label mistakes, and the estimate", head, rows)


def mistakes_row(survey: Survey, queue_name: str) -> list[str]:
    queue = queue_of(survey, queue_name)
    fixed = fixed_orders(survey, queue)
    walks = [walk(survey, queue, seed) for seed in range(2)]
    learned = [count_looks(survey, queue, one.rows) for one in walks]
    names = ("mislabelled: given self-confidence", "oracle")
    given, oracle = (count_looks(survey, queue, fixed[name]) for name in names)
    return [
        queue_name,
        str(np.count_nonzero(survey.is_wrong[queue])),
        f"{given.n90:.0f}",
        f"{np.mean([one.n90 for one in learned]):.0f}",
        f"{oracle.n90:.0f}",
        f"{np.mean([one.stop for one in walks]):.0f}",
        f"{np.min([one.recall_at_stop for one in walks]):.2f}",
    ]


def print_second_looks(surveys: list[Survey]) -> None:
    rows = []
    for survey in surveys:
        for mistakes in (0.03, 0.05):
            shares = [caught(survey, mistakes, seed) for seed in range(REVIEWERS)]
            mean, least = np.mean(shares), np.min(shares)
            rows.append([survey.name, f"{mistakes:.0%}", f"{mean:.2f}", f"{least:.2f}"])
    head = ["survey", "mistaken verdicts", "share met, mean", "least"]
    print_table(f"{SECOND_LOOKS} second looks after a tenth of all", head, rows)


def caught(survey: Survey, mistakes: float, seed: int) -> float:
    """Return the share of the mistakes among the most surprising verdicts."""
    queue = queue_of(survey, "all")
    tenth = len(queue) // 10
    one = walk(survey, queue, seed, mistakes, most=tenth)
    rows, said = one.rows[:tenth], one.is_wrong[:tenth]
    order = LearnedOrder(survey.inputs, survey.probability, seed)
    second = np.argsort(-order.surprise(rows, said), kind="stable")[:SECOND_LOOKS]
    is_mistaken = said != survey.is_wrong[rows]
    return float(np.count_nonzero(is_mistaken[second]) / np.count_nonzero(is_mistaken))


def print_similar(surveys: list[Survey]) -> None:
    rows = []
    for survey in surveys:
        similar = SimilarCutouts(survey.inputs.descriptors)
        image = survey.inputs.image_index
        queries = np.random.default_rng(0).permutation(np.flatnonzero(survey.truth))
        hits: dict[str, list[float]] = {"any": []}
        for row in queries[:500].tolist():
            nearest, _ = similar.nearest(np.array([row]), 10, image != image[row])
            hits["any"].append(float(survey.truth[nearest].mean()))
            kind = survey.kind[row]
            if "+" not in kind:
                same = [kind in other for other in survey.kind[nearest]]
                hits.setdefault(kind, []).append(float(np.mean(same)))
        chance = survey.truth.mean()
        rows += [[survey.name, k, f"{np.mean(h):.2f}"] for k, h in sorted(hits.items())]
        rows.append([survey.name, "any, by chance", f"{chance:.2f}"])
    head = ["survey", "kind", "of the nearest ten in other images"]
    print_table("Similar cutouts", head, rows)


def print_times(survey: Survey, is_quick: bool) -> None:
    rows = []
    for count in (10_000,) if is_quick else (10_000, 1_000_000):
        built, refitted = refit_times(survey, count)
        what = f"refit and rank {count:,} rows"
        rows.append([what, f"{built:.2f} s", f"{1000 * refitted:.0f} ms"])
    count = 100_000 if is_quick else 2_000_000
    built, queried = query_times(survey, count)
    rows.append(
        [f"similar among {count:,}", f"{built:.2f} s", f"{1000 * queried:.0f} ms"]
    )
    print_table("Times", ["work", "prepared once", "each time"], rows)


def queue_of(survey: Survey, name: str) -> np.ndarray:
    return survey.errors if name == "errors" else np.arange(len(survey.truth))


def learned_looks(
    survey: Survey, queue: np.ndarray, seed: int, mistakes: float = 0.0
) -> Looks:
    # A fifth of a large queue is enough to meet 95 % of its wrong labels.
    most = len(queue) if len(queue) < 2000 else len(queue) // 5
    return count_looks(survey, queue, walk(survey, queue, seed, mistakes, most).rows)


def texts(results: Iterable[Looks]) -> list[str]:
    """Return means as texts; a number that was not reached is a dash."""
    n90, n95, changes, tenth = np.mean(list(results), axis=0)
    counts = ("-" if np.isnan(n) else f"{n:.0f}" for n in (n90, n95, changes))
    return [*counts, f"{tenth:.1%}"]


def print_table(title: str, head: list[str], rows: list[list[str]]) -> None:
    print(f"\n### {title}\n")
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    print(end="", flush=True)


if __name__ == "__main__":
    main()
