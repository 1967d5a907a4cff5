"""Tables of two models on the same cutouts, for tests of comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

#: Columns that identify a cutout.
KEY = ["image_name", "grid_x", "grid_y"]


class TwoModels(NamedTuple):
    """The paths of two predictions tables, and the true labels."""

    old: Path
    new: Path
    truth: pd.DataFrame

    def rewrite(self, name: str, **columns: object) -> None:
        """Replace columns of a table; a value None removes the column."""
        path = getattr(self, name)
        table = pd.read_csv(path)
        gone = [column for column, value in columns.items() if value is None]
        given = {c: value for c, value in columns.items() if value is not None}
        table.assign(**given).drop(columns=gone).to_csv(path, index=False)


def write_models(
    folder: Path,
    images: int = 12,
    signals: tuple[float, float] = (1.5, 4.0),
    seed: int = 0,
) -> TwoModels:
    """Write tables of 20 cutouts an image; by default, the new model is better."""
    rng = np.random.default_rng(seed)
    grid = [(x, y) for y in range(0, 800, 200) for x in range(0, 1000, 200)]
    keys = pd.DataFrame(
        [(f"image{i:03}", x, y) for i in range(images) for x, y in grid], columns=KEY
    )
    truth = keys.assign(label=(rng.random(len(keys)) < 0.3).astype(int))
    paths = []
    for name, signal in zip(("old", "new"), signals, strict=True):
        logit = signal * (2 * truth["label"] - 1) + rng.normal(0, 1.5, len(keys))
        # Two decimals, so that some confidences are equal.
        confidence = (1 / (1 + np.exp(-logit))).round(2)
        table = truth.assign(
            preds=(confidence >= 0.5).astype(int), confidence=confidence
        )
        paths.append(folder / f"{name}.csv")
        table.to_csv(paths[-1], index=False)
    return TwoModels(*paths, truth)


def write_export(
    folder: Path, truth: pd.DataFrame, test_images: list[str], **columns: object
) -> Path:
    """Write the table of an export whose test set has some images."""
    folder.mkdir()
    is_test = truth["image_name"].isin(test_images)
    texts = truth["image_name"] + "_" + truth["grid_x"].astype(str)
    table = truth.assign(
        id=texts, label_old=truth["label"], decision="", kind="", note="",
        weight=1.0, split=np.where(is_test, "test", "train"),
    ).assign(**columns)  # fmt: skip
    table.to_csv(folder / "cutouts.csv", index=False)
    return folder
