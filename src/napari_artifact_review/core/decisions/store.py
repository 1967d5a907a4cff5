"""The file of a log: every entry on disk, in an append-only table of SQLite."""

from __future__ import annotations

import os
import socket
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.lock import (
    LocksUnsupportedError,
    Writer,
    WriterLock,
)
from napari_artifact_review.core.decisions.log import utc_now
from napari_artifact_review.core.decisions.schema import (
    DECISIONS,
    METADATA,
    MIGRATIONS,
    REVIEW,
    SAVES,
    SCHEMA_VERSION,
    Binding,
    SaveRecord,
    StoreContents,
    entry_of,
    insert_entries,
    loaded,
    plain_values,
)
from napari_artifact_review.core.errors import HeldError, SaveError, StoreError
from napari_artifact_review.core.saving import beside, replace_file

#: Seconds to wait for a reader of the file.
_BUSY_TIMEOUT = 5.0

#: Bytes of a verdict with its context, and more: several pages of the file.
_RESERVE = 2**15

_DAMAGED = "Move it away or choose another output; its contents are not touched"
_REOPEN = "Open the review again"


class Store:
    """The log of one review in an SQLite file; usable from one thread at a time.

    Each operation is one transaction on a connection of its own, so that a file that
    was moved away, put back or replaced is noticed at the next one. The file is made at
    the first write, and locked for other processes from then on. What a file that was
    lost, or put back from a backup, lacks is written again.

    Parameters
    ----------
    path : Path
        The file.
    replaced : Store, optional
        Another one of this process, from which this one may take the file over.
    read_only : bool
        Whether nothing is written and no other process is kept out.

    Attributes
    ----------
    path : Path
        The file.
    """

    def __init__(
        self, path: Path, replaced: Store | None = None, read_only: bool = False
    ) -> None:
        self.path = path
        self._read_only = read_only
        self._engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool
        )
        sa.event.listen(self._engine, "begin", _begin)
        self._lock = WriterLock(path.with_name(f"{path.name}.lock"))
        self._shared_lock = None if replaced is None else replaced._lock
        self._binding: Binding | None = None
        self._contents = StoreContents()
        # What is known to be on disk, and what may be: its commit was not answered.
        self._log: list[Entry] = []
        self._doubtful: list[Entry] = []
        self._saves: dict[str, SaveRecord] = {}
        self._closed = False
        # Whether another process has written to the file since it was read.
        self._looks_on = False

    # Opening

    def read(self) -> StoreContents:
        """Return what is in the file; nothing, if there is none yet.

        An older schema is brought up to date first; a dated backup is made before.

        Raises
        ------
        StoreError
            If it cannot be read, is damaged, or was made by a newer version.
        """
        if not os.path.lexists(self.path):
            return self._contents
        with self._reading() as db:
            if not self._has_tables(db):
                return self._contents
            self._check_pages(db)
            version = self._version(db)
        if version < SCHEMA_VERSION:
            self._migrate()
        with self._reading() as db:
            contents = self._read_all(db)
        if contents.home not in ("", self._home):
            # A copy: both would write entries of the same log with the same numbers.
            contents = replace(contents, log_id=uuid.uuid4().hex)
        self._contents = contents
        self._log = list(contents.entries)
        self._saves = {save.digest: save for save in contents.saves}
        return contents

    def bind(self, binding: Binding) -> None:
        """Tell which table is under review; needed before anything is written."""
        self._binding = binding

    def lock(self) -> None:
        """Lock the file now, unless another process or window has it.

        A lock that cannot be acquired for another reason is told at the first write.

        Raises
        ------
        LocksUnsupportedError
            If the folder cannot lock files.
        """
        try:
            self._lock.acquire(self._shared_lock)
        except LocksUnsupportedError:
            raise
        except OSError:
            return

    def copy_to(self, path: Path) -> None:
        """Copy the file, if there is one.

        Raises
        ------
        StoreError
            If it cannot be read, or the copy cannot be written.
        """
        if os.path.lexists(self.path):
            with self._reading() as db:
                if self._has_tables(db):
                    self._write_copy(db, path)

    # Writing

    def append(self, entries: Sequence[Entry]) -> list[Entry]:
        """Write entries, all or none, and return when they are on disk.

        Parameters
        ----------
        entries : sequence of Entry
            Entries that follow on everything that was read or appended before.

        Returns
        -------
        list of Entry
            Entries that an earlier call could not tell to be on disk, and that are.
            If there are any, `entries` were not written: they follow on other ones.

        Raises
        ------
        StoreError
            If they cannot be written, or another process writes to the file.
        """
        with self._writing() as db:
            landed = self._prepare(db)
            if not landed:
                # A commit that fails may be made all the same; the next call finds out.
                self._doubtful = [*entries]
                insert_entries(db, entries, len(self._log))
        self._doubtful = []
        self._log += landed or entries
        return landed

    def save_state(self, state: Mapping[str, Any], *, reserve: bool = False) -> None:
        """Save the position of the review, as plain JSON; else like `append`.

        Parameters
        ----------
        state : mapping
            The position.
        reserve : bool
            Whether to find out first that there is room for a verdict, too; the room
            stays in the file.
        """
        if reserve:
            self.save_state({**state, "reserve": "x" * _RESERVE})
        with self._writing() as db:
            self._prepare(db)
            db.execute(sa.update(REVIEW).values(state=dict(state)))

    def add_save(self, save: SaveRecord) -> None:
        """Note that a reviewed table is about to be written; else like `append`."""
        with self._writing() as db:
            self._prepare(db)
            db.execute(sa.delete(SAVES).where(SAVES.c.digest == save.digest))
            _insert_saves(db, [save])
        self._saves[save.digest] = save

    def close_soon(self) -> None:
        """Tell that `close` follows: another window that opens it waits for that."""
        self._lock.end_soon()

    def close(self, state: Mapping[str, Any] | None = None) -> None:
        """Save the position of the review, and let other processes write.

        Raises
        ------
        StoreError
            If nothing can be written; other processes may write all the same.
        """
        try:
            if self._lock.is_held and not self._closed and state is not None:
                self.save_state(state)
        finally:
            self._closed = True
            self._lock.release()

    # Inside

    def _connect(self) -> sqlite3.Connection:
        # A file that is gone is made anew only where it is known what belongs in it.
        mode = "rw" if self._binding is None else "rwc"
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_TIMEOUT,
            isolation_level=None,
        )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(reading=True) as db:
                yield db
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(f"cannot be read ({_reason(error)})", _DAMAGED) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._read_only:
            raise HeldError(
                "this review is read-only here",
                path=self.path,
                remedy="Open it without read_only to give verdicts or migrate its log",
            )
        if self._closed:
            raise self._error("this review is closed", _REOPEN)
        was_held = self._lock.is_held
        try:
            self._acquire()
            with self._engine.begin() as db:
                yield db
            was_held = True
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(
                f"cannot be written ({_reason(error)})",
                "Nothing was recorded; free the disk, or choose another output",
            ) from error
        finally:
            # A process that could not write yet keeps no other one out.
            if not was_held:
                self._lock.release()

    def _acquire(self) -> None:
        """Acquire the lock, or refuse because another process has it."""
        try:
            writer = self._lock.acquire(self._shared_lock)
        except LocksUnsupportedError as error:
            raise self._error(
                f"the folder cannot lock files ({error.strerror})",
                "Name an output on a local disk",
            ) from error
        if writer is not None:
            self._looks_on = True
            raise self._held(writer)

    def _prepare(self, db: sa.Connection) -> list[Entry]:
        """Make sure that the file holds the log; return what landed after all."""
        if not self._has_tables(db):
            self._create(db)
        if self._version(db) != SCHEMA_VERSION:
            raise self._error("it was put back from an older version", _REOPEN)
        newest = sa.select(DECISIONS).order_by(DECISIONS.c.position.desc()).limit(1)
        last = db.execute(newest).first()
        stored = 0 if last is None else last.position
        log = self._log
        landed: list[Entry] = []
        if stored > len(log):
            log, landed = [*log, *self._doubtful], self._doubtful
        if stored > len(log) or (
            last is not None
            and (last.log_id, last.digest)
            != (log[stored - 1].log_id, log[stored - 1].digest)
        ):
            raise self._changed()
        insert_entries(db, log[stored:], stored)
        known = set(db.scalars(sa.select(SAVES.c.digest)))
        _insert_saves(db, [self._saves[one] for one in self._saves.keys() - known])
        self._looks_on = False
        if self._binding is not None:
            own = {"log_id": self._contents.log_id, "home": self._home}
            db.execute(sa.update(REVIEW), own | plain_values(self._binding))
        return landed

    def _create(self, db: sa.Connection) -> None:
        """Make the tables, also those of a file that was deleted meanwhile."""
        assert self._binding is not None, "a file is made for a table"
        METADATA.create_all(db)
        first = {
            "id": 1,
            "schema_version": SCHEMA_VERSION,
            "review_id": self._contents.review_id,
            "log_id": self._contents.log_id,
            "state": {},
        }
        db.execute(sa.insert(REVIEW), first | plain_values(self._binding))

    def _read_all(self, db: sa.Connection) -> StoreContents:
        # As bytes: a position that is no JSON is dropped, and everything else is read.
        state = sa.cast(REVIEW.c.state, sa.LargeBinary).label("position")
        review = db.execute(sa.select(*REVIEW.c[:-1], state)).one()
        rows = db.execute(sa.select(DECISIONS).order_by(DECISIONS.c.position))
        saves = db.execute(sa.select(SAVES).order_by(SAVES.c.saved_at))
        entries = []
        last: dict[str, Entry] = {}
        for position, row in enumerate(rows, 1):
            entry = entry_of(row)
            if (
                row.position != position
                or not entry.is_sound()
                or not entry.follows(last.get(entry.log_id))
            ):
                raise self._error(
                    f"entry {position} of its log is missing or damaged", _DAMAGED
                )
            last[entry.log_id] = entry
            entries.append(entry)
        return StoreContents(
            Binding(review.table_name, review.fingerprint),
            entries,
            [SaveRecord(r.digest, r.path, r.heads) for r in saves],
            loaded(review.position),
            review.review_id,
            review.log_id,
            review.home,
        )

    @cached_property
    def _home(self) -> str:
        """What a copy of the file does not have: computer and number of the file."""
        return f"{socket.gethostname()} {self.path.stat().st_ino}"

    def _has_tables(self, db: sa.Connection) -> bool:
        found = db.exec_driver_sql("SELECT type, name FROM sqlite_master").all()
        tables = [name for kind, name in found if kind == "table"]
        others = [f"{kind} {name}" for kind, name in found if kind in _FOREIGN]
        if tables and REVIEW.name not in tables:
            raise self._error(
                f"is a database of something else (tables {', '.join(tables)})",
                "Name another output",
            )
        if others:
            raise self._error(
                f"it has parts that could change decisions ({', '.join(others)})",
                "Remove them, or name another output",
            )
        return bool(tables)

    def _check_pages(self, db: sa.Connection) -> None:
        """Refuse a file that is damaged somewhere, before it is written to."""
        found = db.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found != "ok":
            raise self._error(f"it is damaged ({found})", _DAMAGED)

    def _version(self, db: sa.Connection) -> int:
        version = db.execute(sa.select(REVIEW.c.schema_version)).scalar()
        if not isinstance(version, int) or version < 1:
            raise self._error("it does not tell the version of its schema", _DAMAGED)
        if version > SCHEMA_VERSION:
            raise self._error(
                f"it was written by a newer version (schema {version}; this one knows "
                f"{SCHEMA_VERSION})",
                "Upgrade napari-artifact-review",
            )
        return version

    def _migrate(self) -> None:
        was_held = self._lock.is_held
        with self._writing() as db:
            version = self._version(db)
            # Another process may have done it meanwhile.
            if version < SCHEMA_VERSION:
                backup = beside(self.path).with_suffix(f".backup{self.path.suffix}")
                self._write_copy(db, backup)
                MIGRATIONS[version](db)
                db.execute(sa.update(REVIEW).values(schema_version=SCHEMA_VERSION))
                # A damaged log is refused before it is changed.
                self._read_all(db)
        if not was_held:
            self._lock.release()

    def _write_copy(self, db: sa.Connection, path: Path) -> None:
        # Through SQLite: to open and close its file would let go of its locks,
        # https://www.sqlite.org/howtocorrupt.html
        connection = db.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        contents = connection.serialize()
        try:
            replace_file(path, lambda stream: _write_all(stream, contents))
        except SaveError as error:
            raise self._error(
                f"its backup cannot be made ({error.what})",
                "Nothing was changed; free the disk",
            ) from error

    def _held(self, writer: Writer) -> HeldError:
        return HeldError(
            f"this review is open elsewhere: {writer}",
            path=self.path,
            remedy="Close the other window, then reopen the review for editing",
        )

    def _changed(self) -> StoreError:
        if not self._looks_on:
            return self._error("another program has written to it", _REOPEN)
        return HeldError(
            "another window continued this review after it was opened here",
            path=self.path,
            remedy="Reopen the review for editing to see its verdicts and to give more",
        )

    def _error(self, what: str, remedy: str) -> StoreError:
        return StoreError(what, path=self.path, remedy=remedy)


#: What runs by itself in a database, and could show or write something else.
_FOREIGN = ("trigger", "view")


def _begin(db: sa.Connection) -> None:
    # Functions of a schema that another program wrote are not run.
    db.exec_driver_sql("PRAGMA trusted_schema = OFF")
    if db.get_execution_options().get("reading", False):
        # No more than that: it may be the database of something else.
        db.exec_driver_sql("BEGIN")
        return
    # A rollback journal, unlike a write-ahead log, also works on a network folder:
    # https://www.sqlite.org/wal.html
    db.exec_driver_sql("PRAGMA journal_mode = DELETE")
    # FULL, and the folder too when the journal is gone: with FULL alone a power cut
    # may bring it back, and undo the last decision.
    db.exec_driver_sql("PRAGMA synchronous = EXTRA")
    db.exec_driver_sql("BEGIN IMMEDIATE")


def _reason(error: Exception) -> str:
    """Say in a few words what the database, or the system, said."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def _insert_saves(db: sa.Connection, saves: Sequence[SaveRecord]) -> None:
    if saves:
        now = {"saved_at": utc_now()}
        db.execute(sa.insert(SAVES), [plain_values(save) | now for save in saves])


def _write_all(stream: BinaryIO, contents: bytes) -> None:
    stream.write(contents)
