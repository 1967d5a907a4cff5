"""Score the cutouts of full images with a model, and write a table to review."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
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
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.review.output import check_output
from napari_artifact_review.core.tables.fits_tables import FitsTableFile
from napari_artifact_review.core.tables.mapping import TableMapping
from napari_artifact_review.core.tables.table_formats import format_for
from napari_artifact_review.core.training.running.image_files import (
    NamedImage,
    list_images,
)
from napari_artifact_review.core.training.running.image_run import (
    ImageRun,
    check_numbers,
)
from napari_artifact_review.core.training.running.parts import PartsFolder
from napari_artifact_review.core.training.running.run_listener import RunListener
from napari_artifact_review.core.training.scoring.labels import join_labels, read_labels
from napari_artifact_review.core.training.scoring.models import find_model
from napari_artifact_review.core.training.scoring.onnx_options import OnnxOptions
from napari_artifact_review.core.training.scoring.tasks import (
    SCORE,
    ScoreSettings,
    ScoreTask,
)
from napari_artifact_review.core.user_folders import absolute_path


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
    listener: RunListener | None = None,
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
        Meanings of the columns and values of `labels`; by default those of the review
        of that table, if there is one. If its positions may be tile numbers, `stride`
        must be given, and they are multiplied by it.
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
    listener : RunListener, optional
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
    listener = listener or RunListener()
    output = absolute_path(output)
    table_labels = None if labels is None else absolute_path(labels)
    given_stride, stride = stride, cutout_size if stride is None else stride
    check_numbers(cutout_size, stride, jobs)
    _check_threshold(threshold)
    source = find_model(str(model), onnx or OnnxOptions())
    settings = ScoreSettings(source, cutout_size, stride, hdu, model_version)
    without = [path for path in (output, table_labels) if path is not None]
    found = list_images(images, root, without)
    _check_output(output, table_labels, found.images)
    frame = None
    if table_labels is not None and not parts_only:
        frame = read_labels(
            table_labels, found, mapping, cutout_size, given_stride, listener.notice
        )
    parts = PartsFolder(output.with_name(f"{output.name}.parts"), SCORE)
    run = ImageRun(parts, found, listener)
    run.run(partial(ScoreTask, settings=settings), jobs, scheduler)
    counts = run.done, run.current, run.failed
    if parts_only:
        return ScoreResult(None, parts.path, *counts)
    table = _ScoreTable(run, settings, output, listener)
    rows = table.write(table.join(threshold, frame, table_labels))
    return ScoreResult(output, parts.path, *counts, rows)


class _ScoreTable:
    """The table that is joined from the parts of a run."""

    def __init__(
        self,
        run: ImageRun,
        settings: ScoreSettings,
        output: Path,
        listener: RunListener,
    ) -> None:
        self._run = run
        self._settings = settings
        self._output = output
        self._listener = listener
        # Whether no part is of an image that is missing now.
        self._has_all_parts = True

    def join(
        self, threshold: float, labels: pd.DataFrame | None, path: Path | None
    ) -> pd.DataFrame:
        """Join the parts of all images that could be scored, and the labels.

        Parameters
        ----------
        threshold : float
            Confidence at or above which the prediction is an artifact.
        labels : DataFrame or None
            The labels, from `read_labels`.
        path : Path or None
            Their table, for messages.

        Raises
        ------
        ReviewError
            If there are none, one cannot be read, or no cutout has a label.
        """
        names = self._run.finished()
        # The part of an image that fails now is in the earlier table.
        self._has_all_parts = not self._run.parts.others(names)[0]
        self._run.report_others()
        table = pa.concat_tables([self._run.parts.read(name) for name in names])
        frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas()
        preds = (frame["confidence"] >= threshold).astype(np.int8)
        frame.insert(3, "preds", preds)
        if labels is None or path is None:
            return frame
        frame, notices = join_labels(frame, labels, path)
        for notice in notices:
            self._listener.notice(notice)
        return frame

    def write(self, table: pd.DataFrame) -> int:
        """Write the table atomically, and return its number of rows.

        A backup is kept of a table that it cannot replace: it replaces one that the
        same model wrote with the same options, unless some of its images are missing
        now.
        """
        output, parts = self._output, self._run.parts
        kind = format_for(output)
        is_own = self._has_all_parts and parts.is_output(
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
        parts.remember_output(written.digest, self._settings.key)
        return len(table)


def _check_threshold(threshold: float) -> None:
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
