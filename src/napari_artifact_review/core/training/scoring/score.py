"""Score the cutouts of full images with a model, and write a table to review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from napari_artifact_review.core.atomic_files import (
    digest_of,
    replace_or_back_up,
)
from napari_artifact_review.core.errors import ImageError, ReviewError, SaveError
from napari_artifact_review.core.grid import DEFAULT_CUTOUT_SIZE
from napari_artifact_review.core.images.identity import ImageFile
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.review.output import check_output
from napari_artifact_review.core.tables.binary_tables import FitsTableFile
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.table_formats import format_for
from napari_artifact_review.core.training.scoring.image_files import (
    ImageList,
    NamedImage,
    list_images,
)
from napari_artifact_review.core.training.scoring.labels import join_labels, read_labels
from napari_artifact_review.core.training.scoring.models import find_model
from napari_artifact_review.core.training.scoring.onnx_options import OnnxOptions
from napari_artifact_review.core.training.scoring.parts import PartsFolder
from napari_artifact_review.core.training.scoring.score_listener import ScoreListener
from napari_artifact_review.core.training.scoring.tasks import ScoreSettings, ScoreTask
from napari_artifact_review.core.training.scoring.workers import run_tasks


@dataclass(frozen=True)
class ScoreResult:
    """The result of a score.

    Attributes
    ----------
    output : Path or None
        The table that was written; None if only parts were written.
    parts : Path
        The folder of the parts.
    scored, current : int
        Number of images that were scored now, and of those whose part was current.
    failed : tuple of ImageError
        The errors of images that could not be scored.
    rows : int
        Number of rows of the table; 0 if only parts were written.
    """

    output: Path | None
    parts: Path
    scored: int
    current: int
    failed: tuple[ImageError, ...] = ()
    rows: int = 0


def score(
    model: str | Path,
    images: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    cutout_size: int = DEFAULT_CUTOUT_SIZE,
    stride: int | None = None,
    labels: str | Path | None = None,
    mapping: TableMapping | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    hdu: int | str | None = None,
    model_version: str = "",
    onnx: OnnxOptions | None = None,
    root: str | Path | None = None,
    scheduler: str | None = None,
    jobs: int | None = None,
    parts_only: bool = False,
    listener: ScoreListener | None = None,
) -> ScoreResult:
    """Score all whole cutouts of full images, and write a table of predictions.

    The scores of each image are a file in the folder ``OUTPUT.parts``. If it is
    current, the image is not scored again, so a run that was ended goes on where it
    was.

    Parameters
    ----------
    model : str or path-like
        "package.module:function" or "file.py:function", a function that takes cutouts
        as a float32 array of shape (n, size, size), with NaN where there is no pixel,
        and returns n probabilities of an artifact; or the path of an ONNX file.
    images : path-like or iterable of path-like
        Folders, image files, and texts such as "@files.txt" with a path on each line.
    output : path-like
        The table to write, in the format of its suffix.
    cutout_size, stride : int
        Side length of a cutout, and distance from one to the next, in pixels. The
        default of `stride` is `cutout_size`.
    labels : path-like, optional
        A table with the labels of the cutouts, of which `label_new` comes before
        `label`. The output then has only cutouts with a label.
    mapping : TableMapping, optional
        Meanings of the columns and values of `labels`.
    threshold : float
        Confidence at or above which the prediction is an artifact.
    hdu : int or str, optional
        Index or name of the HDU of FITS files; by default the first image.
    model_version : str
        Text for a version of the model that the digest of its file does not show.
    onnx : OnnxOptions, optional
        Options of an ONNX file.
    root : path-like, optional
        Folder to which the image names are relative; by default the given folder, and
        for a file the folder that holds it.
    scheduler : str, optional
        Address of a dask scheduler, whose workers score the images. They need the same
        files under the same paths.
    jobs : int, optional
        Number of local processes; by default one for each core. With 1, this process
        scores the images itself.
    parts_only : bool
        Whether to write only parts, of which a later call for all images makes the
        table. `labels` and `threshold` are then not used.
    listener : ScoreListener, optional
        Receives messages and the progress.

    Returns
    -------
    ScoreResult
        The paths that were written, and the images that could not be scored.

    Raises
    ------
    ReviewError
        If the model, the labels or an option is wrong, or a file cannot be written.
        Parts that are written stay.
    """
    listener = listener or ScoreListener()
    output = Path(output).expanduser().absolute()
    table_labels = None if labels is None else Path(labels).expanduser().absolute()
    stride = cutout_size if stride is None else stride
    _check_numbers(cutout_size, stride, threshold, jobs)
    source = find_model(str(model), onnx or OnnxOptions())
    settings = ScoreSettings(source, cutout_size, stride, hdu, model_version)
    without = [path for path in (output, table_labels) if path is not None]
    given = [images] if isinstance(images, str | Path) else list(images)
    found = list_images(given, root, without)
    _check_output(output, table_labels, found.images)
    frame = None
    if table_labels is not None and not parts_only:
        frame = read_labels(table_labels, found, mapping)
    run = _ScoreRun(PartsFolder(output), settings, found, listener)
    run.score(jobs, scheduler)
    if parts_only:
        return run.result(None)
    table = run.join(threshold)
    if frame is not None and table_labels is not None:
        table, notices = join_labels(table, frame, table_labels)
        for notice in notices:
            listener.notice(notice)
    run.write(table, output)
    return run.result(output, len(table))


class _ScoreRun:
    """A score of some images: parts, then the table."""

    def __init__(
        self,
        parts: PartsFolder,
        settings: ScoreSettings,
        images: ImageList,
        listener: ScoreListener,
    ) -> None:
        self._parts = parts
        self._settings = settings
        self._images = images
        self._listener = listener
        self._failed: dict[str, ImageError] = {}
        self._scored = self._current = 0
        self._has_all_parts = True

    def score(self, jobs: int | None, scheduler: str | None) -> None:
        """Write the parts that are not current."""
        self._parts.prepare()
        for notice in self._images.notices:
            self._listener.notice(notice)
        tasks = self._tasks()
        count = len(self._images.images)
        self._current = count - len(tasks) - len(self._failed)
        self._listener.begin(count, self._current)
        for _ in self._failed:
            self._listener.advance()
        if not tasks:
            return
        with closing(run_tasks(self._settings, tasks, jobs, scheduler)) as outcomes:
            for outcome in outcomes:
                if not outcome.kind:
                    # The first outcome is that of loading the model.
                    self._scored += bool(outcome.name)
                elif outcome.kind == "image":
                    self._fail(outcome.name, outcome.as_error())
                else:
                    raise outcome.as_error()
                if outcome.name:
                    self._listener.advance()

    def join(self, threshold: float) -> pd.DataFrame:
        """Join the parts of all images that could be scored.

        Raises
        ------
        ReviewError
            If there are none, or one cannot be read.
        """
        names = [i.name for i in self._images.images if i.name not in self._failed]
        if not names:
            raise ReviewError(
                f"none of the images ({len(self._failed):,}) could be scored",
                remedy="The lines above say why",
            )
        # The part of an image that fails now is in the earlier table.
        self._has_all_parts = not self._parts.others(names)[0]
        others, foreign = self._parts.others([i.name for i in self._images.images])
        if others:
            belong = "part belongs" if others == 1 else "parts belong"
            self._listener.notice(
                f"{self._parts.path}: {others:,} {belong} to images that are not "
                "scored now; nothing is changed there."
            )
        if foreign:
            named = ", ".join(foreign[:5]) + (" and others" if foreign[5:] else "")
            self._listener.notice(
                f"{self._parts.path}: {named}: not written by score, and left alone."
            )
        table = pa.concat_tables([self._parts.read(name) for name in names])
        frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
        preds = (frame["confidence"] >= threshold).astype(np.int8)
        frame.insert(3, "preds", preds)
        return frame

    def write(self, table: pd.DataFrame, output: Path) -> None:
        """Write the table atomically, with a backup of one that it cannot replace.

        It replaces a table that the same model wrote with the same options, unless some
        of its images are missing now.
        """
        kind = format_for(output)
        is_own = self._has_all_parts and self._parts.is_output(
            digest_of(output), self._settings.key
        )

        def write(stream: BinaryIO) -> None:
            kind.from_values(table).suited_to(output.name).write(stream, {})

        written = replace_or_back_up(output, write, is_own=is_own)
        if written.backup_notice:
            self._listener.notice(written.backup_notice)
        if written.path != output:
            self._listener.notice(
                f"{output}: another program has it open; the table is {written.path}."
            )
        if "label" not in table.columns:
            self._listener.notice(
                f"{output}: it has no labels, which check, open and export need; give "
                "a table that has them (--labels)."
            )
        self._parts.remember_output(written.digest, self._settings.key)

    def result(self, output: Path | None, rows: int = 0) -> ScoreResult:
        """Return the result."""
        failed = tuple(self._failed[name] for name in sorted(self._failed))
        return ScoreResult(
            output, self._parts.path, self._scored, self._current, failed, rows
        )

    def _tasks(self) -> list[ScoreTask]:
        """Return the tasks of the images whose parts are not current."""
        tasks = []
        for image in self._images.images:
            try:
                file = ImageFile.at(image.path)
                image.name.encode()
            except OSError as error:
                what = f"cannot be read ({error.strerror or error})"
                remedy = "Check the path and your rights to it"
                wrong = ImageError(what, path=image.path, remedy=remedy)
                self._fail(image.name, wrong)
                continue
            except UnicodeEncodeError:
                what, remedy = "its name is not Unicode", "Rename the file"
                wrong = ImageError(what, path=image.path, remedy=remedy)
                self._fail(image.name, wrong)
                continue
            key = self._settings.key_of(image.name, file)
            if not self._parts.is_current(image.name, key):
                part = self._parts.path_of(image.name)
                tasks.append(ScoreTask(image, part, self._settings))
        return tasks

    def _fail(self, name: str, error: ReviewError) -> None:
        assert isinstance(error, ImageError)
        self._failed[name] = error
        self._listener.fault(error)


def _check_numbers(
    cutout_size: int, stride: int, threshold: float, jobs: int | None
) -> None:
    for name, value in (
        ("cutout size", cutout_size),
        ("stride", stride),
        ("number of jobs", 1 if jobs is None else jobs),
    ):
        if value < 1:
            raise ReviewError(
                f"the {name} is {value}", remedy="Choose a whole number from 1"
            )
    if not 0 <= threshold <= 1:
        raise ReviewError(
            f"the threshold is {threshold}", remedy="Choose a number from 0 to 1"
        )


def _check_output(
    output: Path, labels: Path | None, images: Sequence[NamedImage]
) -> None:
    """Raise an error if the table cannot be written at the end.

    Raises
    ------
    SaveError
        If the suffix is not that of a table, or the path cannot be a new file.
    """
    kind = format_for(output)
    check_output(output)
    digest_of(output)
    # The reader of the labels tells a table that does not exist.
    both_exist = labels is not None and labels.exists() and output.exists()
    if labels is not None and both_exist and output.samefile(labels):
        raise SaveError(
            "the output would replace the table with the labels",
            path=output,
            remedy="Choose another output",
        )
    if issubclass(kind, FitsTableFile):
        for image in images:
            if not image.name.isascii():
                raise SaveError(
                    f"a FITS table cannot hold the image name {image.name!r}",
                    path=output,
                    remedy="Choose an output that ends in .csv",
                )
