"""Surveys with known true labels: the demo, and frames with planted mistakes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_artifact_review.core.images.folder import ImageFolder, read_image
from napari_artifact_review.core.learning.artifact_model import (
    MODEL_VERSION,
    artifact_probability,
)
from napari_artifact_review.core.learning.descriptors import (
    NAMES,
    VERSION,
    describe_cutouts,
)
from napari_artifact_review.core.learning.neighbours import grid_neighbours
from napari_artifact_review.core.learning.order import OrderInputs
from napari_artifact_review.demo import make_demo

SIZE = 200

#: Shares of the demo's mistakes: missed artifacts, and other cutouts called artifacts.
MISSED, FALSE = 0.12, 0.008


@dataclass(frozen=True, eq=False)
class Survey:
    """A table with true labels.

    Attributes
    ----------
    name : str
        Name for the cache.
    inputs : OrderInputs
        The table; its labels have the mistakes.
    truth : ndarray of int8, shape (n,)
        True labels.
    kind : ndarray of str, shape (n,)
        Kind of the artifact in each cutout; empty if unknown.
    probability : ndarray of float32, shape (n,), or None
        Out-of-fold probability of an artifact.
    seconds : float
        Seconds an image for the descriptors; NaN if they came from the cache.
    """

    name: str
    inputs: OrderInputs
    truth: NDArray[np.int8]
    kind: NDArray[np.str_]
    probability: NDArray[np.float32] | None = None
    seconds: float = float("nan")

    @property
    def is_wrong(self) -> NDArray[np.bool_]:
        """Mask of the wrong labels."""
        return self.inputs.label != self.truth

    @property
    def errors(self) -> NDArray[np.int64]:
        """Rows of the queue of errors."""
        return np.flatnonzero(self.inputs.label != self.inputs.preds)

    def without_images(self) -> Survey:
        """Return the survey as it is without descriptors."""
        return replace(
            self, inputs=self.inputs._replace(descriptors=None), probability=None
        )

    def with_labels(self, name: str, label: NDArray[np.int8], cache: Path) -> Survey:
        """Return the survey with other labels, and the model that they train."""
        inputs = self.inputs._replace(label=label.astype(np.int8))
        file = cache / f"{self.name}-{name}-model{MODEL_VERSION}.npy"
        if not file.exists():
            np.save(file, artifact_probability(inputs, seed=0))
        return replace(self, inputs=inputs, probability=np.load(file))


def demo_survey(seed: int, images: int, cache: Path) -> Survey:
    """Make or read a demo survey, with descriptors and the model of its labels."""
    name = f"demo-{images}-{seed}"
    made = make_demo(cache / name, images, seed)
    table, true = pd.read_csv(made.predictions), pd.read_csv(made.truth)
    survey = _survey(name, table, made.images, cache)
    survey = replace(
        survey,
        truth=true["true_label"].to_numpy(np.int8),
        kind=true["kind"].to_numpy(str),
    )
    return survey.with_labels("as drawn", survey.inputs.label, cache)


def frames_survey(folder: Path, cache: Path) -> Survey:
    """Read real frames, whose labels count as true; frames of one field are a group."""
    table = pd.read_csv(folder / "predictions.csv")
    survey = _survey("frames", table, folder / "images", cache)
    field = table["image_name"].str.split("-", n=2).str[2]
    groups = pd.factorize(field)[0].astype(np.int64)
    return replace(survey, inputs=survey.inputs._replace(groups=groups))


def _survey(name: str, table: pd.DataFrame, images: Path, cache: Path) -> Survey:
    image = pd.factorize(table["image_name"])[0].astype(np.int64)
    x, y = (table[column].to_numpy(np.int64) for column in ("grid_x", "grid_y"))
    file = cache / f"{name}-descriptors{VERSION}.npy"
    seconds = float("nan")
    if not file.exists():
        described, seconds = _describe(table, images, image, x, y)
        np.save(file, described)
    label = table["label"].to_numpy(np.int8)
    inputs = OrderInputs(
        label,
        table["preds"].to_numpy(np.int8),
        table["confidence"].to_numpy(np.float64),
        np.load(file),
        image,
        image,
        x,
        y,
        SIZE,
    )
    kind = np.full(len(label), "")
    return Survey(name, inputs, label, kind, seconds=seconds)


def _describe(
    table: pd.DataFrame,
    images: Path,
    image: NDArray[np.int64],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
) -> tuple[NDArray[np.float16], float]:
    """Return the descriptors of all cutouts, and seconds an image."""
    described = np.empty((len(table), len(NAMES)), np.float16)
    folder = ImageFolder(images, table["image_name"].unique())
    seconds = 0.0
    for index, name in enumerate(table["image_name"].unique()):
        pixels = read_image(folder.find(name), sky=False).pixels
        rows = np.flatnonzero(image == index)
        start = time.perf_counter()
        described[rows] = describe_cutouts(pixels, x[rows], y[rows], SIZE)
        seconds += time.perf_counter() - start
    return described, seconds / (image.max() + 1)


def planted_mistakes(kind: str, survey: Survey, seed: int) -> NDArray[np.int8]:
    """Return labels with mistakes of a kind, as many as in the demo.

    Parameters
    ----------
    kind : str
        One of `MISTAKES`.
    survey : Survey
        Survey with true labels.
    seed : int
        Seed of the mistakes.
    """
    rng = np.random.default_rng(seed)
    return MISTAKES[kind](survey, rng).astype(np.int8)


def _flip(
    truth: NDArray[np.int8],
    weight: NDArray[np.float64],
    shares: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """Flip shares of the artifacts and of the others, drawn by weight."""
    label = truth.copy()
    for value, count in (
        (1, round(shares[0] * np.count_nonzero(truth))),
        (0, round(shares[1] * len(truth))),
    ):
        # The earliest of exponential arrival times (Efraimidis & Spirakis 2006).
        rate = np.where(truth == value, weight, 0).clip(1e-12)
        arrival = rng.standard_exponential(len(truth)) / rate
        label[np.argsort(arrival)[:count]] = 1 - value
    return label


def _uniform(survey: Survey, rng: np.random.Generator) -> NDArray[np.int8]:
    return _flip(survey.truth, np.ones(len(survey.truth)), (MISSED, FALSE), rng)


def _bad_images(survey: Survey, rng: np.random.Generator) -> NDArray[np.int8]:
    """Make mistakes twenty times as frequent in a fifth of the images."""
    image = survey.inputs.image_index
    bad = rng.permutation(image.max() + 1) < (image.max() + 1) / 5
    weight = np.where(bad[image], 20.0, 1.0)
    return _flip(survey.truth, weight, (MISSED, FALSE), rng)


def _shifted(survey: Survey, rng: np.random.Generator) -> NDArray[np.int8]:
    """Shift labels of artifacts to a neighbour without one."""
    inputs, truth = survey.inputs, survey.truth
    near = grid_neighbours(
        inputs.image_index, inputs.grid_x, inputs.grid_y, inputs.size
    )
    label = truth.copy()
    for row in rng.permutation(np.flatnonzero(truth)).tolist():
        free = [n for n in near[row] if n >= 0 and not truth[n] and not label[n]]
        if free:
            label[row], label[rng.choice(free)] = 0, 1
        if np.count_nonzero(label != truth) >= 2 * FALSE * len(truth):
            break
    return label


def _hard(survey: Survey, rng: np.random.Generator) -> NDArray[np.int8]:
    """Make mistakes where the given model has them, too."""
    confidence = survey.inputs.confidence
    weight = np.where(survey.truth == 1, 1 - confidence, confidence) ** 2
    return _flip(survey.truth, weight, (MISSED, FALSE), rng)


def planted_in_frames(survey: Survey, seed: int) -> NDArray[np.int8]:
    """Miss 30 % of the artifacts, hard ones first, and call 4 % of the rest artifacts.

    Of the rest, the brightest cutouts are the most probable.
    """
    rng = np.random.default_rng(seed)
    bright = survey.inputs.descriptors[:, NAMES.index("quantile 0.999")]
    rank = np.argsort(np.argsort(bright.astype(np.float64))) / len(bright)
    weight = np.where(survey.truth == 1, 1 - survey.inputs.confidence, rank**8)
    others = 0.04 * np.mean(survey.truth == 0)
    return _flip(survey.truth, weight, (0.3, others), rng)


#: Kinds of label mistakes in the demo.
MISTAKES: dict[str, Callable[[Survey, np.random.Generator], NDArray[np.int8]]] = {
    "as drawn": lambda survey, _: survey.inputs.label,
    "uniform": _uniform,
    "bad images": _bad_images,
    "shifted to a neighbour": _shifted,
    "hard for the model": _hard,
}
