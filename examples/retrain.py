"""Play whole rounds: train, score, review, export, train again, compare.

Usage: python retrain.py [--short] [--seeds 3] [--images 24] [--missed 0.2]
                         [--mistakes 0.02] [--folder FOLDER]

Read this file from top to bottom as the recipe of a round. The survey is the demo's:
some of its labels are wrong, and `spoil_labels` adds more. Its truth plays the
reviewer, and judges the result. In your own survey, replace `measure` and `fit` by your
model, `Expert.give_verdicts` by a review in the window, and the truth by held-out
images that you reviewed carefully.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import joblib  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier

from napari_artifact_review import ReviewSession, compare, export, score
from napari_artifact_review.demo import DemoSurvey, features, make_demo
from napari_artifact_review.demo.camera import GRID, SHAPE

CUTOUT = ["image_name", "grid_x", "grid_y"]  # the columns that identify a cutout
HELD_OUT = 0.4  # of the images
FOLDS = 4
THRESHOLD = 0.5  # a model that has seen wrong labels is rarely surer than that
SHARES = (0.02, 0.05, 0.1)  # of all training cutouts
ORDERS = {"mislabelled": "mislabelled first", "learned": "learned order"}

# The file of the model that `predict` uses. `score` names a function, not its weights.
MODEL = "RETRAIN_MODEL"


# 1. A model: numbers about each cutout, and a classifier.


def measure(cutouts: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Measure the demo's features of the cutouts of an image, shape (n, size, size).

    Some features compare a cutout with its image, so they need all cutouts of an image
    at once, row by row. A model of your own may look at each cutout alone.
    """
    (rows, columns), (_, size, _) = GRID, cutouts.shape
    mosaic = cutouts.reshape(rows, columns, size, size).swapaxes(1, 2)
    return features.measure(mosaic.reshape(SHAPE).astype(np.uint16)).astype(float)


def fit(
    numbers: npt.NDArray[np.float64],
    label: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    seed: int,
) -> VotingClassifier:
    """Train five classifiers, the mean of which varies less than one."""
    members = [
        HistGradientBoostingClassifier(
            max_features=0.5, early_stopping=False, random_state=5 * seed + member
        )
        for member in range(5)
    ]
    voting = VotingClassifier(
        [(f"{m.random_state}", m) for m in members], voting="soft"
    )
    return voting.fit(numbers, label, sample_weight=weight)


def predict(cutouts: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the probability of an artifact in each cutout; `score` calls this."""
    probabilities: npt.NDArray[np.float64] = load(os.environ[MODEL]).predict_proba(
        measure(cutouts)
    )
    return probabilities[:, 1]


@cache
def load(path: str) -> VotingClassifier:
    """Load a model that this script has written; such a file can run any code."""
    return joblib.load(path)


# 2. Train on an export.


class TrainingSet(NamedTuple):
    """The training cutouts of an export: rows of its table, and numbers about them."""

    table: pd.DataFrame
    numbers: npt.NDArray[np.float64]

    @classmethod
    def read(cls, folder: Path) -> TrainingSet:
        """Read an export, image by image, and remove its pixels to save the disk."""
        table = pd.read_parquet(folder / "cutouts.parquet")
        pixels = np.load(folder / "cutouts.npy", mmap_mode="r")
        table = table[table["split"] == "train"]
        table = table.sort_values(["image_name", "grid_y", "grid_x"])
        images = table.groupby("image_name", sort=False)
        numbers = [measure(pixels[rows.index.to_numpy()]) for _, rows in images]
        del pixels
        (folder / "cutouts.npy").unlink()
        return cls(table.reset_index(drop=True), np.concatenate(numbers))

    def train(self, path: Path, seed: int, without: tuple[str, ...] = ()) -> Path:
        """Train a model on all images but some, and write it to a file."""
        which = ~self.table["image_name"].isin(without).to_numpy()
        table = self.table[which]
        label, weight = table["label"].to_numpy(), table["weight"].to_numpy()
        joblib.dump(fit(self.numbers[which], label, weight, seed), path)
        return path


# 3. Score full images.


def score_images(
    model: Path, names: tuple[str, ...], survey: DemoSurvey, output: Path
) -> pd.DataFrame:
    """Score some images, with the labels of the survey."""
    os.environ[MODEL] = str(model)
    score(
        f"{__file__}:predict",
        [survey.images / f"{name}.fits" for name in names],
        output,
        labels=survey.predictions,
        threshold=THRESHOLD,
        # `score` compares this file, but not the file of the model.
        model_version=model.name,
        jobs=1,
    )
    return pd.read_csv(output)


def score_training_images(
    training: TrainingSet, survey: DemoSurvey, output: Path, seed: int
) -> None:
    """Score each training image with a model that was trained on the others.

    A model repeats the labels that it was trained on, the wrong ones too. So its own
    training images would hide the errors that the review is to find.
    """
    names = sorted(set(training.table["image_name"]))
    tables = []
    for fold in range(FOLDS):
        others = tuple(names[fold::FOLDS])
        path = output.with_name(f"fold_{fold}.joblib")
        training.train(path, seed, without=others)
        table = score_images(path, others, survey, path.with_suffix(".csv"))
        tables.append(table)
    pd.concat(tables).to_csv(output, index=False)


# 4. Review.


class Expert:
    """The reviewer: knows the truth, and makes mistakes.

    Parameters
    ----------
    truth : DataFrame
        The true label of each cutout.
    mistakes : float
        Share of wrong verdicts.
    seed : int
        Seed of the mistakes. A second look at a cutout gives the same verdict.
    """

    def __init__(self, truth: pd.DataFrame, mistakes: float, seed: int) -> None:
        is_wrong = np.random.default_rng(seed).random(len(truth)) < mistakes
        labels = np.where(is_wrong, 1 - truth["label"], truth["label"])
        keys = truth[CUTOUT].itertuples(index=False, name=None)
        self.labels: Mapping[tuple[str, int, int], int] = dict(
            zip(keys, labels.tolist(), strict=True)
        )

    def give_verdicts(self, session: ReviewSession, count: int) -> None:
        """Give verdicts on the next cutouts of the queue, and save the table."""
        for _ in range(count):
            cutout = session.current_cutout
            label = self.labels[cutout.image_name, cutout.grid_x, cutout.grid_y]
            session.set_label("artifact" if label else "no artifact")
            session.next_unreviewed()
        session.save()


def review(
    predictions: Path,
    images: Path,
    folder: Path,
    expert: Expert,
    shares: tuple[float, ...],
) -> Iterator[tuple[str, Path, int]]:
    """Review the errors; then, in reviews of their own, the first of all cutouts.

    Yields
    ------
    name : str
        What was reviewed.
    output : Path
        The reviewed table.
    looks : int
        Number of cutouts that were reviewed.
    """
    errors = folder / "errors.csv"
    with ReviewSession.open(predictions, images, errors, reviewer="expert") as session:
        looks = len(session.queue)  # by default, the errors
        expert.give_verdicts(session, looks)
    yield "errors reviewed", errors, looks
    for order, name in ORDERS.items():
        output = folder / f"{order}.csv"
        with ReviewSession.open(
            predictions, images, output, reviewer="expert"
        ) as session:
            session.set_queue(("FP", "FN", "TP", "TN"), order=order)
            if order == "learned":
                session.wait_until_ready()
            looks = 0
            for share in shares:
                count = round(share * len(session.table))
                expert.give_verdicts(session, count - looks)
                looks = count
                percent = f"{share:.0%}".replace("%", " %")
                yield f"{percent} reviewed, {name}", output, looks


# 5. The rounds of one survey.


def play(
    survey: DemoSurvey,
    folder: Path,
    seed: int,
    mistakes: float,
    shares: tuple[float, ...] = SHARES,
) -> pd.DataFrame:
    """Play the rounds; return a row for each set of labels, by name."""
    truth = write_truth(survey, folder / "truth.csv")
    expert = Expert(pd.read_csv(truth), mistakes, seed)
    # Split the images before anything else. Later exports keep this split.
    split = (1 - HELD_OUT, 0, HELD_OUT)
    first = folder / "noisy labels"
    table = export(
        survey.predictions, survey.images, first, split=split, seed=seed
    ).table
    held_out = tuple(sorted(set(table["image_name"][table["split"] == "test"])))
    training = TrainingSet.read(first)
    old = folder / "noisy labels.csv"
    rows = {}

    def compare_models(name: str, training: TrainingSet, looks: int) -> None:
        model = training.train(folder / f"{name}.joblib", seed)
        score_images(model, held_out, survey, folder / f"{name}.csv")
        # Both tables have the held-out images alone, and the labels are the true ones.
        # With `test=first`, they would be those of that export, which are wrong.
        found = compare(old, folder / f"{name}.csv", truth).headline
        labels = training.table.merge(
            pd.read_csv(truth), on=CUTOUT, suffixes=("", "_true")
        )
        rows[name] = {
            "looks": looks,
            "wrong labels": int((labels["label"] != labels["label_true"]).sum()),
            "average precision": found.new["average_precision"].value,
        }
        difference = found.difference["average_precision"]
        interval = ""
        if difference.has_interval:
            interval = f" (95 % interval {difference.low:.3f} to {difference.high:.3f})"
        print(f"seed {seed}, {name}: {difference.value:+.3f}{interval}", flush=True)

    compare_models("noisy labels", training, 0)
    predictions = folder / "predictions.csv"
    score_training_images(training, survey, predictions, seed)
    sources = review(predictions, survey.images, folder, expert, shares)
    for name, reviewed, looks in sources:
        export(reviewed, survey.images, folder / name, split_from=first)
        compare_models(name, TrainingSet.read(folder / name), looks)
    export(truth, survey.images, folder / "true labels", split_from=first)
    training = TrainingSet.read(folder / "true labels")
    compare_models("true labels", training, len(training.table))
    return pd.DataFrame.from_dict(rows, orient="index")


def spoil_labels(
    survey: DemoSurvey, path: Path, missed: float, seed: int
) -> DemoSurvey:
    """Return the survey with more wrong labels, at random.

    Parameters
    ----------
    survey : DemoSurvey
        The demo's survey.
    path : Path
        The table to write.
    missed : float
        Share of the artifacts to label as none. A tenth of this share of the other
        cutouts is labelled as an artifact.
    seed : int
        Seed of the choice.
    """
    table = pd.read_csv(survey.predictions)
    true = pd.read_csv(survey.truth)["true_label"]  # of the same cutouts, row by row
    chance = np.random.default_rng([seed, 1]).random(len(table))
    is_spoiled = chance < np.where(true == 1, missed, missed / 10)
    table["label"] = np.where(is_spoiled, 1 - true, table["label"])
    table.to_csv(path, index=False)
    return replace(survey, predictions=path)


def write_truth(survey: DemoSurvey, path: Path) -> Path:
    """Write a table with the true labels, as a perfect review of all cutouts."""
    table = pd.read_csv(survey.predictions)
    true = pd.read_csv(survey.truth)
    table = table.merge(true[[*CUTOUT, "true_label"]], on=CUTOUT, validate="1:1")
    table["label"] = table.pop("true_label")
    table.to_csv(path, index=False)
    return path


# 6. The result over several surveys.


def summarise(tables: list[pd.DataFrame]) -> str:
    """Return the means and standard deviations over surveys as a table in Markdown."""
    names = ("looks", "wrong labels", "average precision")
    looks, wrong, found = (pd.DataFrame([t[name] for t in tables]) for name in names)
    gain = found.sub(found["noisy labels"], axis=0)
    gap = gain["true labels"].mean()
    lines = [
        "| labels | looks | wrong labels | average precision | gain | gap closed |",
        "|---|---|---|---|---|---|",
    ]
    for name in tables[0].index:
        closed = f"{gain[name].mean() / gap:.0%}".replace("%", " %") if gap > 0 else "-"
        cells = [name, f"{looks[name].mean():.0f}", f"{wrong[name].mean():.0f}"]
        cells += [with_spread(found[name]), with_spread(gain[name]), closed]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def with_spread(numbers: pd.Series[float]) -> str:
    """Return a mean, and a standard deviation if there are several numbers."""
    if len(numbers) == 1:
        return f"{numbers.mean():.3f}"
    return f"{numbers.mean():.3f} ± {numbers.std():.3f}"


def main(arguments: list[str] | None = None) -> None:
    """Play rounds of several surveys, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="one seed, 6 images")
    parser.add_argument("--seeds", type=int, default=3, help="number of surveys")
    parser.add_argument("--images", type=int, default=24, help="images of a survey")
    parser.add_argument("--missed", type=float, default=0.2, help="more wrong labels")
    parser.add_argument("--mistakes", type=float, default=0.02, help="of the reviewer")
    parser.add_argument("--folder", type=Path, help="keep all files there")
    given = parser.parse_args(arguments)
    seeds, images = (1, 6) if given.short else (given.seeds, given.images)
    shares = SHARES[-1:] if given.short else SHARES
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        tables = []
        for seed in range(seeds):
            survey = make_demo(folder / f"survey-{seed}", images, seed)
            rounds = folder / f"rounds-{seed}"
            rounds.mkdir()
            survey = spoil_labels(survey, rounds / "labels.csv", given.missed, seed)
            tables.append(play(survey, rounds, seed, given.mistakes, shares))
            if given.folder is None:
                shutil.rmtree(folder / f"survey-{seed}")
                shutil.rmtree(rounds)
    print(summarise(tables))


if __name__ == "__main__":
    main()
