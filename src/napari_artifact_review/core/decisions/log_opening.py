"""Open the log of a review in the output folder or in the user's data folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.lock import LocksUnsupportedError
from napari_artifact_review.core.decisions.log_file import LogFile
from napari_artifact_review.core.decisions.log_paths import (
    log_path_beside,
    log_path_in_user_data,
)
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError
from napari_artifact_review.core.user_folders import absolute_path

_Stored = TypeVar("_Stored")


def find_log_path(named: str | Path | None, output: Path) -> Path:
    """Return the path of a review's log.

    Parameters
    ----------
    named : path-like, optional
        Path or SQLite URL of the log. By default, or for the URL of a server, the log
        is in the output folder.
    output : Path
        Output of the review.

    Raises
    ------
    StoreError
        If a URL is invalid or not supported.
    """
    if named is None:
        return log_path_beside(output)
    if isinstance(named, str) and "://" in named:
        url = read_database_url(named)
        # A server is a meeting place, not the log of this computer.
        return url if isinstance(url, Path) else log_path_beside(output)
    return absolute_path(named)


def stored_state(path: Path, output: Path) -> Any:
    """Return the last position of a review as plain JSON, without opening its log.

    The result is None if there is no log.

    Parameters
    ----------
    path : Path
        File of the log.
    output : Path
        Output of the review.

    Raises
    ------
    StoreError
        If the log cannot be read.
    """
    return _read(path, output, LogFile.read_state)


def stored_table(path: Path, output: Path) -> Path | None:
    """Return the path of the table of a review, without opening its log.

    The result is None if there is no log. The arguments and the errors are those of
    `stored_state`.
    """
    found = _read(path, output, LogFile.read_table_name)
    return None if found is None else Path(found)


def stored_reviewers(path: Path, output: Path) -> tuple[str, ...]:
    """Return the names of the reviewers in a log, without opening the log.

    The log has a verdict of each of them, which may have been undone or received from
    another computer. Reviewers of earlier rounds, whose verdicts were carried, are not
    included. The reviewer of the verdict that was recorded last comes first. The result
    is empty if there is no log.

    Parameters
    ----------
    path : Path
        File of the log.
    output : Path
        Output of the review.

    Raises
    ------
    StoreError
        If the log cannot be read.
    """
    return _read(path, output, LogFile.read_reviewers) or ()


def _read(
    path: Path, output: Path, read: Callable[[LogFile, Connection], _Stored]
) -> _Stored | None:
    """Return what `read` finds in a log; None if there is no log."""
    file = LogFile(log_in_use(path, output))
    if not file.exists:
        return None
    with file.reading() as db:
        return read(file, db) if file.has_tables(db) else None


def log_in_use(path: Path, output: Path) -> Path:
    """Return the path of the log, which may be in the user's data folder."""
    apart = log_path_in_user_data(output)
    return apart if path == log_path_beside(output) and apart.exists() else path


def open_log(
    path: Path, output: Path, replaced: Store | None = None, read_only: bool = False
) -> tuple[Store, tuple[str, ...]]:
    """Open a log, and return it with notices for the reviewer.

    The log is locked, unless another process holds the lock. If the output folder does
    not support locks, the log in it is copied to the user's data folder, and the copy
    is used.

    Parameters
    ----------
    path : Path
        File of the log.
    output : Path
        Output of the review.
    replaced : Store, optional
        Open log of this process. If it has the same file, both logs share the lock.
    read_only : bool
        Whether to open the log without locking or writing.

    Raises
    ------
    StoreError
        If the folder of the log does not support locks and the log cannot be copied.
    """
    apart = log_path_in_user_data(output)
    is_beside = path == log_path_beside(output)
    path = log_in_use(path, output)
    store = Store(path, replaced, read_only)
    if not read_only:
        try:
            store.lock()
        except LocksUnsupportedError as error:
            if path == apart or not is_beside:
                raise _without_locks(path, error) from error
            store = _copied_apart(store, apart, replaced)
    if store.path != apart:
        return store, ()
    return store, (
        f"The folder of the output cannot lock files: decisions are kept in {apart}.",
    )


def _without_locks(path: Path, error: LocksUnsupportedError) -> StoreError:
    return StoreError(
        f"its folder cannot lock files ({error.strerror})",
        path=path,
        remedy="Name an output, or a file of the log, on a local disk",
    )


def _copied_apart(beside: Store, apart: Path, replaced: Store | None) -> Store:
    """Copy a log to the user's data folder, lock the copy, and return it."""
    try:
        apart.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder cannot be made ({error.strerror})",
            path=apart.parent,
            remedy="Name an output on a local disk",
        ) from error
    beside.copy_to(apart)
    store = Store(apart, replaced)
    try:
        store.lock()
    except LocksUnsupportedError as error:
        raise _without_locks(apart, error) from error
    return store
