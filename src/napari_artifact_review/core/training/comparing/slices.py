"""Scores of two models by parts of the cutouts, for exploration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_artifact_review.core.scores.parts import (
    BRIGHTNESS_NAMES,
    parts_by_brightness,
    parts_by_text,
)
from napari_artifact_review.core.training.comparing.leave_one_out import Sample
from napari_artifact_review.core.training.comparing.paired_scores import (
    METRICS,
    Model,
    PairedScores,
    pair_scores,
)

#: Limits of the intervals of the old model's confidence.
_CONFIDENCES = (0.05, 0.5, 0.95)

_CONFIDENCE_NAMES = ("below 0.05", "0.05 to 0.5", "0.5 to 0.95", "0.95 or above")

_POSITIONS = (
    "top left", "top", "top right", "left", "centre", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip

_Ints = npt.NDArray[np.int64]


class Slice(NamedTuple):
    """Scores of a part of the cutouts.

    Attributes
    ----------
    by : str
        Property that the cutouts have in common: "kind", "image", "position",
        "confidence" or "brightness".
    name : str
        Value of this property.
    scores : PairedScores
        The scores. Those by kind have recall only, because a cutout without an artifact
        has no kind.
    """

    by: str
    name: str
    scores: PairedScores

    def lower(self) -> list[str]:
        """Return the metrics that are lower for the new model, beyond chance.

        These are metrics whose interval for the new model lies below that for the old
        model, or whose paired difference has an interval below 0.
        """
        found = []
        for name, difference in self.scores.difference.items():
            old, new = self.scores.old[name], self.scores.new[name]
            is_apart = (
                new.high is not None and old.low is not None and new.high < old.low
            )
            if is_apart or (difference.high is not None and difference.high < 0):
                found.append(name)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the slice as plain JSON."""
        scores = self.scores.as_json()
        return {"by": self.by, "name": self.name, "lower": self.lower(), **scores}


def slice_scores(
    rows: pd.DataFrame,
    sample: Sample,
    models: tuple[Model, Model],
    brightness: npt.NDArray[np.float64] | None,
) -> list[Slice]:
    """Compute the scores by kind, image, position, confidence and brightness.

    Parameters
    ----------
    rows : DataFrame
        The cutouts, with the columns `image_name`, `grid_x`, `grid_y` and `kind`.
    sample : Sample
        Labels, weights and blocks of these cutouts.
    models : tuple of Model
        What the old and the new model say about them.
    brightness : ndarray of float64, shape (n,), or None
        Brightness of each cutout; NaN if it is unknown.
    """
    slices = []
    for by, codes, names in _parts(rows, sample, models[0], brightness):
        metrics = ("recall",) if by == "kind" else METRICS
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
        for i, name in enumerate(names):
            which = order[ends[i] : ends[i + 1]]
            if which.size:
                old, new = (model.take(which) for model in models)
                scores = pair_scores(sample.take(which), old, new, metrics)
                slices.append(Slice(by, name, scores))
    return slices


def _parts(
    rows: pd.DataFrame,
    sample: Sample,
    old: Model,
    brightness: npt.NDArray[np.float64] | None,
) -> Iterator[tuple[str, _Ints, tuple[str, ...]]]:
    """Yield each property, the part of each cutout (-1 for none), and their names."""
    kinds = rows["kind"].where(sample.label == 1, "")
    yield "kind", *parts_by_text(kinds)
    yield "image", *parts_by_text(rows["image_name"])
    x, y = (_third(rows[name].to_numpy(np.int64)) for name in ("grid_x", "grid_y"))
    yield "position", y * 3 + x, _POSITIONS
    if old.confidence is not None:
        # The intervals include their lower ends, as the threshold does.
        codes = np.digitize(old.confidence, _CONFIDENCES).astype(np.int64)
        yield (
            "confidence",
            np.where(np.isnan(old.confidence), -1, codes),
            _CONFIDENCE_NAMES,
        )
    if brightness is not None and not np.isnan(brightness).all():
        yield "brightness", parts_by_brightness(brightness), BRIGHTNESS_NAMES


def _third(positions: _Ints) -> _Ints:
    """Return in which third of the grid each position is: 0, 1 or 2."""
    first, last = int(positions.min()), int(positions.max())
    return (positions - first) * 3 // (last - first + 1)
