"""Default paths of a review's files, and notices about the table and the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_artifact_review.core.decisions.log_paths import LOG_SUFFIX, log_path_beside
from napari_artifact_review.core.errors import ImageError, StoreError
from napari_artifact_review.core.outcomes import DEFAULT_THRESHOLD
from napari_artifact_review.core.user_folders import absolute_path

if TYPE_CHECKING:
    from napari_artifact_review.core.images.folder import ImageFolder
    from napari_artifact_review.core.review.output import Output
    from napari_artifact_review.core.tables.predictions import Predictions

DEFAULT_OUTPUT_NAME = "test_outputs.csv"

#: Notice about a table whose predictions and confidences contradict each other.
_OPPOSED = (
    "Each predicted artifact has a lower confidence than each other cutout. Perhaps "
    'the confidence is that of "no artifact"; then say so in Columns..., or with '
    '--confidence-of "no artifact".'
)


def default_output(predictions: Path) -> Path:
    """Return the default path of the reviewed table."""
    return predictions.with_name(DEFAULT_OUTPUT_NAME)


def find_output(
    path: Path, reviewed: str | Path | None, store: str | None = None
) -> str | Path | None:
    """Return the path of the reviewed table, or None for the default path.

    Parameters
    ----------
    path : Path
        Path of the predictions table or of a reviewed table.
    reviewed : path-like, optional
        Path of the reviewed table. By default, `path` if that table has a log, and
        otherwise None, for the default output of the predictions.
    store : str, optional
        File of the log, or its URL, if the user names it.

    Raises
    ------
    StoreError
        If `reviewed` has no log in its folder, `store` is no file, or only logs of
        other outputs belong to the table.
    ReviewError
        If a file name is too long.
    """
    if store is not None:
        _check_store(store, path)
    if reviewed is None and log_path_beside(path).exists():
        return path
    if reviewed is None and store is None:
        _check_other_outputs(path)
    if reviewed is not None and not log_path_beside(absolute_path(reviewed)).exists():
        raise StoreError(
            "there is no log of verdicts beside it",
            path=reviewed,
            remedy="Name the output that was used in the review",
        )
    return reviewed


def _check_other_outputs(path: Path) -> None:
    """Raise an error if a table was reviewed, but not with the default output."""
    # Import here, because the dock's form needs only the other functions.
    from napari_artifact_review.core.decisions.log_opening import log_in_use

    output = default_output(path)
    if log_in_use(log_path_beside(output), output).exists():
        return
    others = [
        log.name.removesuffix(LOG_SUFFIX)
        for log in sorted(path.parent.glob(f"*{LOG_SUFFIX}"))
        if _table_of(log) == path
    ]
    if others:
        raise StoreError(
            f"its review has another output: {' or '.join(others)}",
            path=path,
            remedy="Name that table, or give it with --reviewed",
        )


def _table_of(log: Path) -> Path | None:
    from napari_artifact_review.core.decisions.log_opening import stored_table

    try:
        return stored_table(log, log)
    except StoreError:
        # A damaged log of another review does not concern this one.
        return None


def _check_store(store: str, path: Path) -> None:
    # Import here, because the dock's form needs only the other functions.
    from napari_artifact_review.core.decisions.log_opening import find_log_path

    log = find_log_path(store, default_output(path))
    is_server = "://" in store and log == log_path_beside(default_output(path))
    # A server is no log, and an error says so when the review is opened.
    if not is_server and not log.exists():
        raise StoreError(
            "there is no such file",
            path=log,
            remedy="Name the file with the verdicts of the review",
        )


def image_folder(
    named: str | Path | None,
    predictions: Path,
    names: Sequence[str],
    hdu: int | str | None = None,
    hdus: Mapping[str, int | str] | None = None,
) -> ImageFolder:
    """Return the folder of the full images, without checking that it exists.

    Parameters
    ----------
    named : path-like, optional
        Path of the folder. By default, the folder of the table, or its subfolder
        `images` if the first image is not in the folder of the table.
    predictions : Path
        Path of the table.
    names : sequence of str
        All distinct image names of the table, in order of appearance.
    hdu : int or str, optional
        HDU to read in FITS files; by default the first image.
    hdus : mapping of str to int or str, optional
        HDUs that the user chose for single images.
    """
    # Import here, because the dock's form needs only the other functions above.
    from napari_artifact_review.core.images.folder import ImageFolder

    def folder_at(path: Path) -> ImageFolder:
        folder = ImageFolder(path, names, hdu)
        folder.hdus.update(hdus or {})
        return folder

    if named is not None:
        return folder_at(absolute_path(named))
    own = folder_at(predictions.parent)
    beside = predictions.parent / "images"
    if not beside.is_dir():
        return own
    try:
        own.find(names[0])
    except ImageError:
        return folder_at(beside)
    return own


def table_notices(predictions: Predictions) -> list[str]:
    """Return notices about what a table may mean, for `check` and the reviewer."""
    notices = [predictions.file.notice] if predictions.file.notice else []
    return [*notices, _OPPOSED] if predictions.are_opposed else notices


def notices_on(predictions: Predictions, output: Output) -> tuple[str, ...]:
    """Return notices for the reviewer about the table and the output."""
    notices = table_notices(predictions)
    if "preds" not in predictions.columns:
        notices.append(
            "The table has no preds: cutouts with a confidence of "
            f"{DEFAULT_THRESHOLD} or above are predicted artifacts."
        )
    if output.is_foreign and output.path != predictions.path:
        notices.append(
            f"{output.path.name} exists already; saving keeps it as a dated backup. "
            "To resume that review, open it instead."
        )
    return tuple(notices)
