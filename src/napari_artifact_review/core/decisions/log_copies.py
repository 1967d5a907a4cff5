"""Logs as whole files: read without a change to the file, and written at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import sqlalchemy as sa

from napari_artifact_review.core.atomic_files import Written, replace_or_back_up
from napari_artifact_review.core.decisions.entry import NO_DIGEST, Entry, EntryId
from napari_artifact_review.core.decisions.log_file import LogFile, home_of
from napari_artifact_review.core.decisions.schema import (
    REVIEW,
    StoreContents,
    insert_entries,
    insert_images,
    insert_saves,
)
from napari_artifact_review.core.errors import StoreError

_REMEDY = "Name the log of a review, such as test_outputs.csv.review.sqlite"


def read_log(path: Path) -> StoreContents:
    """Read a log, and leave its file as it is.

    An older schema is migrated in a temporary copy. The log id then follows from the
    first entry, so that two readings, or two copies of the file, give the same log.

    Raises
    ------
    StoreError
        If the file does not exist, is not a log, is damaged or from a newer version.
    """
    file = LogFile(path)
    if not file.exists:
        raise StoreError("there is no such file", path=path, remedy=_REMEDY)
    with file.reading() as db:
        if not file.has_tables(db):
            raise StoreError("it is empty", path=path, remedy=_REMEDY)
        file.check_pages(db)
        if file.is_current(db):
            return file.with_own_log_id(file.read_all(db))
    with TemporaryDirectory() as folder:
        copy = LogFile(Path(folder) / "log.sqlite")
        file.copy_to(copy.path)
        with _errors_about(path), copy.writing() as db:
            copy.migrate(db)
            contents = copy.read_all(db)
    return _with_repeatable_id(contents)


def write_log(path: Path, contents: StoreContents) -> Written:
    """Write a log to a file, whole or not at all; the caller holds the file's lock.

    An earlier file is replaced. If it has an older schema, a dated backup is kept.

    Parameters
    ----------
    path : Path
        The file to write.
    contents : StoreContents
        Contents of the log, with a binding. The new file is the home of its log.

    Raises
    ------
    ReviewError
        If the file cannot be written; an earlier file is unchanged.
    """
    assert contents.binding is not None, "a log belongs to a table"
    with TemporaryDirectory() as folder:
        file = LogFile(Path(folder) / "log.sqlite")
        file.may_create = True
        with _errors_about(path), file.writing() as db:
            file.create_tables(db, contents, contents.binding)
            db.execute(sa.update(REVIEW).values(state=contents.state))
            insert_entries(db, contents.entries, 0)
            insert_saves(db, contents.saves)
            insert_images(db, contents.images)

        def write(stream: BinaryIO) -> None:
            # The stream is the file that will be at `path`, with its inode.
            home = home_of(os.fstat(stream.fileno()))
            with _errors_about(path), file.writing() as db:
                db.execute(sa.update(REVIEW).values(home=home))
            stream.write(file.path.read_bytes())

        return replace_or_back_up(path, write, is_own=not _is_older(path))


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Name a file in errors about its temporary copy."""
    try:
        yield
    except StoreError as error:
        raise StoreError(error.what, path=path, remedy=error.remedy) from error


def _is_older(path: Path) -> bool:
    """Return whether a file is a log with an older schema."""
    file = LogFile(path)
    if not file.exists:
        return False
    with file.reading() as db:
        return file.has_tables(db) and not file.is_current(db)


def _with_repeatable_id(contents: StoreContents) -> StoreContents:
    """Return the contents of a migrated log, with an id that its first entry gives."""
    if not contents.entries:
        return contents
    first = _renamed(contents.entries[:1], "")[0].digest
    log_id = hashlib.sha256(first.encode()).hexdigest()[:32]
    saves = [
        replace(save, last_numbers={log_id: max(save.last_numbers.values(), default=0)})
        for save in contents.saves
    ]
    entries = _renamed(contents.entries, log_id)
    return replace(contents, entries=entries, saves=saves, log_id=log_id)


def _renamed(entries: Iterable[Entry], log_id: str) -> list[Entry]:
    """Return the entries of one log with another log id."""
    renamed: list[Entry] = []
    for entry in entries:
        act = EntryId(log_id, entry.act.number)
        other = replace(entry, log_id=log_id, act=act, digest=NO_DIGEST)
        renamed.append(other.after(renamed[-1] if renamed else None))
    return renamed
