"""The creation of the demo survey: a folder with predictions, images and truth."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from platformdirs import user_cache_path

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    from sklearn.ensemble import GradientBoostingClassifier

    from .exposure import Exposure

    Progress: TypeAlias = Callable[[int, int, str], object]

GENERATOR = 1  # increase it when the survey of a seed changes
RECORD = "demo.json"
THRESHOLD = 0.95


@dataclass(frozen=True)
class DemoSurvey:
    """Paths of a demo survey.

    Attributes
    ----------
    predictions : pathlib.Path
        Table to review: a label, a prediction and a confidence for each cutout.
    images : pathlib.Path
        Folder of the full images.
    truth : pathlib.Path
        Table of each cutout's true content, and of the wrong labels.
    """

    predictions: Path
    images: Path
    truth: Path

    @classmethod
    def in_folder(cls, folder: Path) -> DemoSurvey:
        """Return the paths of the survey in a folder, whether they exist or not.

        Parameters
        ----------
        folder : pathlib.Path
            The survey's folder.

        Returns
        -------
        DemoSurvey
            The paths.
        """
        return cls(folder / "predictions.csv", folder / "images", folder / "truth.csv")


def make_demo(
    folder: str | Path,
    images: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> DemoSurvey:
    """Make a small survey with wrong labels to review.

    An image depends on the seed and its number only, not on the number of images. A
    demo in the folder is used again, and no other file is overwritten. An unfinished
    demo leaves no files.

    Parameters
    ----------
    folder : path-like
        A new or empty folder, or a demo with the same images and seed.
    images : int, optional
        Number of full images, 210 cutouts each.
    seed : int, optional
        The same seed makes the same survey, byte for byte.
    progress : callable, optional
        Called with ``(done, total, what)`` before each step and at the end; an
        exception in it cancels the creation.

    Returns
    -------
    DemoSurvey
        The survey's paths.

    Raises
    ------
    ReviewError
        If the folder contains other files.
    ValueError
        If `images` is less than 1 or `seed` is negative.
    """
    if images < 1 or seed < 0:
        raise ValueError("a demo needs at least one image, and a seed from 0 on")
    folder = Path(folder)
    record = {"generator": GENERATOR, "images": images, "seed": seed}
    if _is_complete(folder, record):
        return DemoSurvey.in_folder(folder)
    _check_vacant(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex[:8]}.partial")
    try:
        _make_in(partial, images, seed, progress or _ignore_progress)
        (partial / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()  # empty; some systems cannot rename onto a folder
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return DemoSurvey.in_folder(folder)


def default_folder(images: int = 3, seed: int = 0) -> Path:
    """Return the default folder of a demo, in the user's cache."""
    cache = user_cache_path("napari-artifact-review", appauthor=False)
    return cache / f"demo-{GENERATOR}-{images}-{seed}"


def image_name(index: int) -> str:
    """Return the name of an image of the demo.

    Parameters
    ----------
    index : int
        Number of the image, from 0.

    Returns
    -------
    str
        Stem of the image's file name.
    """
    return f"demo_{index + 1:04d}"


def _ignore_progress(done: int, total: int, what: str) -> None:
    """Do nothing, as the default of `progress`."""


def _is_complete(folder: Path, record: dict[str, int]) -> bool:
    """Return whether a folder contains the complete demo of this record."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    survey = DemoSurvey.in_folder(folder)
    files = [survey.predictions, survey.truth]
    files += [_image_file(survey, index) for index in range(record["images"])]
    return found == record and all(file.is_file() for file in files)


def _check_vacant(folder: Path) -> None:
    """Raise an error if a folder contains other files, such as a review."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    from napari_artifact_review.core.errors import ReviewError

    raise ReviewError(
        "the folder holds something else than this demo",
        path=folder,
        remedy="Name a new or an empty folder",
    )


def _image_file(survey: DemoSurvey, index: int) -> Path:
    return survey.images / f"{image_name(index)}.fits"


def _make_in(folder: Path, images: int, seed: int, progress: Progress) -> None:
    """Create the demo, except its record, in a new folder."""
    # Import here, because only a demo needs these slow imports.
    import numpy as np
    import pandas as pd

    from .classifier import TRAINING_FIELDS, train
    from .exposure import expose, write_fits

    total = TRAINING_FIELDS + images
    survey = DemoSurvey.in_folder(folder)
    survey.images.mkdir(parents=True)
    classifier = train(lambda done: progress(done, total, "Training the classifier"))
    tables = []
    for index in range(images):
        what = f"Image {index + 1} of {images}"
        progress(TRAINING_FIELDS + index, total, what)
        rng = np.random.default_rng([GENERATOR, seed, index])
        exposure = expose(rng)
        write_fits(exposure, _image_file(survey, index), index + 1, rng)
        tables.append(_tabulate(exposure, image_name(index), classifier, rng))
    _write_tables(pd.concat(tables), survey)
    progress(total, total, "Done")


def _tabulate(
    exposure: Exposure,
    name: str,
    classifier: GradientBoostingClassifier,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return a table with label, prediction and truth of each cutout of an image."""
    import numpy as np
    import pandas as pd

    from .camera import CUTOUT
    from .classifier import confidence
    from .labels import label_by_eye, name_kinds

    label = label_by_eye(exposure, rng)
    truth = exposure.has_artifact.astype(int)
    row, column = np.indices(label.shape)
    sure = confidence(classifier, exposure.pixels).round(4)
    return pd.DataFrame(
        {
            "image_name": name,
            "grid_x": column.ravel() * CUTOUT,
            "grid_y": row.ravel() * CUTOUT,
            "label": label.ravel(),
            "preds": (sure >= THRESHOLD).astype(int),
            "confidence": sure,
            "true_label": truth.ravel(),
            "kind": name_kinds(exposure, label),
            "wrong_label": (label != truth).ravel().astype(int),
        }
    )


def _write_tables(table: pd.DataFrame, survey: DemoSurvey) -> None:
    """Write the predictions and the truth into separate files."""
    cutout = ["image_name", "grid_x", "grid_y"]
    predicted = [*cutout, "label", "preds", "confidence"]
    true = [*cutout, "true_label", "kind", "wrong_label"]
    for columns, path in ((predicted, survey.predictions), (true, survey.truth)):
        table[columns].to_csv(
            path, index=False, float_format="%.4f", lineterminator="\n"
        )
