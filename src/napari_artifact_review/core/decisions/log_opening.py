"""Find the file of a review's log: beside the output, or in the user's data folder."""

from __future__ import annotations

from pathlib import Path

from napari_artifact_review.core.decisions.database_url import read_database_url
from napari_artifact_review.core.decisions.lock import LocksUnsupportedError
from napari_artifact_review.core.decisions.log_paths import store_apart, store_beside
from napari_artifact_review.core.decisions.store import Store
from napari_artifact_review.core.errors import StoreError


def log_path(named: str | Path | None, output: Path) -> Path:
    """Return the file of the log, which a path or an SQLite URL may name."""
    if named is None:
        return store_beside(output)
    if isinstance(named, str) and "://" in named:
        url = read_database_url(named)
        # A server holds no log: it is a meeting place.
        return url if isinstance(url, Path) else store_beside(output)
    return Path(named).expanduser().absolute()


def locked_store(
    path: Path, output: Path, replaced: Store | None = None, read_only: bool = False
) -> tuple[Store, tuple[str, ...]]:
    """Return a log's file, locked unless another process has it; and notices.

    Where the folder of the output has no locks, the log is in the user's data folder,
    and begins there as a copy of what is beside the output.

    Parameters
    ----------
    path : Path
        The file.
    output : Path
        The output of the review.
    replaced : Store, optional
        Another one of this process, from which this one may take the file over.
    read_only : bool
        Whether nothing is written and no other process is kept out.

    Raises
    ------
    StoreError
        If a log that is not beside the output cannot be locked, or one that is cannot
        be copied.
    """
    apart = store_apart(output)
    is_beside = path == store_beside(output)
    if is_beside and apart.exists():
        path = apart
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
    """Return a locked copy of a log in the user's data folder."""
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
