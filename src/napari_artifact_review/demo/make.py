"""Create the demo survey: a folder with predictions, images and true labels."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from napari_artifact_review.core.errors import ReviewError
from napari_artifact_review.core.user_folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    from sklearn.ensemble import GradientBoostingClassifier

    from .exposure import Exposure

    Progress: TypeAlias = Callable[[int, int, str], object]

GENERATOR = 1  # version number; increase it when the same seed gives another survey
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
        Table with the true label and the content of each cutout, and a mark for each
        wrong label.
    notice : str
        Notice for the user if the survey is in a temporary folder; otherwise empty.
    """

    predictions: Path
    images: Path
    truth: Path
    notice: str = ""

    @classmethod
    def in_folder(cls, folder: Path) -> DemoSurvey:
        """Return the paths of the survey in a folder, without checking that they exist.

        Parameters
        ----------
        folder : pathlib.Path
            Folder of the survey.

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
    """Create a small survey in which some labels are wrong.

    Each image depends only on the seed and on its own number, not on the number of
    images. An existing demo in the folder is reused, and no other file is overwritten.
    If the creation fails, no files remain.

    Parameters
    ----------
    folder : path-like
        A new or empty folder, or a demo with the same images and seed.
    images : int, optional
        Number of full images, with 210 cutouts each.
    seed : int, optional
        Seed of the survey. The same seed gives the same files, byte for byte.
    progress : callable, optional
        Called with ``(done, total, what)`` before each step and at the end; ``what``
        describes the step. If it raises an exception, the creation is cancelled.

    Returns
    -------
    DemoSurvey
        Paths of the survey.

    Raises
    ------
    ReviewError
        If the folder contains other files, or the files cannot be written.
    ValueError
        If `images` is less than 1 or `seed` is negative.
    """
    if images < 1 or seed < 0:
        raise ValueError("a demo needs at least one image and a seed of at least 0")
    folder = Path(folder)
    record = {"generator": GENERATOR, "images": images, "seed": seed}
    if _is_complete(folder, record):
        return DemoSurvey.in_folder(folder)
    partial = folder.with_name(f".{folder.name}-{uuid4().hex[:8]}.partial")
    try:
        _check_vacant(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_in(partial, images, seed, progress or _ignore_progress)
        (partial / RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()  # empty; some systems cannot rename onto a folder
        partial.rename(folder)
    except OSError as error:
        if error.errno is None:
            # The function `progress` raised this error, not the system.
            raise
        raise ReviewError(
            f"the demo cannot be written ({error.strerror or error})",
            path=folder,
            remedy="Name a folder on a disk with space, to which you may write",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return DemoSurvey.in_folder(folder)


def make_demo_in_cache(
    images: int = 3, seed: int = 0, progress: Progress | None = None
) -> DemoSurvey:
    """Create the demo in the user's cache, or else in a new temporary folder.

    The parameters, the result and the errors are those of `make_demo`. If the folder is
    temporary, the result has a notice.
    """
    folder = default_folder(images, seed)
    try:
        survey = make_demo(folder, images, seed, progress)
        _check_writable(folder)
    except ReviewError as error:
        new = Path(tempfile.mkdtemp(prefix="napari-artifact-review-"))
        survey = make_demo(new / folder.name, images, seed, progress)
        notice = (
            f"The user's cache cannot be used ({error.path}: {error.what}). The demo "
            f"and its verdicts are in {new}, which the system may remove."
        )
        return replace(survey, notice=notice)
    return survey


def _check_writable(folder: Path) -> None:
    """Raise a ReviewError if no file can be created in a folder."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise ReviewError(
            f"the folder cannot be written ({error.strerror or error})", path=folder
        ) from error


def default_folder(images: int = 3, seed: int = 0) -> Path:
    """Return the default folder of a demo, in the user's cache."""
    return cache_folder() / f"demo-{GENERATOR}-{images}-{seed}"


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
    """Do nothing; this is the default of `progress`."""


def _is_complete(folder: Path, record: dict[str, int]) -> bool:
    """Return whether a folder contains the complete demo that a record describes."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    survey = DemoSurvey.in_folder(folder)
    files = [survey.predictions, survey.truth]
    files += [_image_file(survey, index) for index in range(record["images"])]
    return found == record and all(file.is_file() for file in files)


def _check_vacant(folder: Path) -> None:
    """Raise a ReviewError if the path exists and is not an empty folder."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    raise ReviewError(
        "the folder contains something other than this demo",
        path=folder,
        remedy="Name a new or an empty folder",
    )


def _image_file(survey: DemoSurvey, index: int) -> Path:
    return survey.images / f"{image_name(index)}.fits"


def _make_in(folder: Path, images: int, seed: int, progress: Progress) -> None:
    """Create all files of the demo, except the record, in a new folder."""
    # Import here, because these imports are slow and only a demo needs them.
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
    """Return a table with the labels, predictions and true labels of an image."""
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
    """Write the predictions and the true labels to separate files."""
    cutout = ["image_name", "grid_x", "grid_y"]
    predicted = [*cutout, "label", "preds", "confidence"]
    true = [*cutout, "true_label", "kind", "wrong_label"]
    for columns, path in ((predicted, survey.predictions), (true, survey.truth)):
        table[columns].to_csv(
            path, index=False, float_format="%.4f", lineterminator="\n"
        )
