"""SQLite file of a log: transactions, checks, migration, reading and copies."""

from __future__ import annotations

import os
import socket
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from napari_artifact_review.core.atomic_files import beside, replace_file
from napari_artifact_review.core.decisions.entry import Entry
from napari_artifact_review.core.decisions.schema import (
    DECISIONS,
    METADATA,
    MIGRATIONS,
    REVIEW,
    SAVES,
    SCHEMA_VERSION,
    TEAM_VERSION,
    Binding,
    SaveRecord,
    StoreContents,
    entry_of,
    loaded,
    plain_values,
    read_images,
)
from napari_artifact_review.core.errors import SaveError, StoreError

#: Seconds to wait while another process reads the file.
_BUSY_TIMEOUT = 5.0

#: Types of database objects that could change or fake decisions.
_ACTIVE_OBJECTS = ("trigger", "view")

#: The position as bytes, because damaged JSON would raise an error.
_STATE = sa.cast(REVIEW.c.state, sa.LargeBinary).label("position")

_DAMAGED = "Move it away or choose another output; its contents are not touched"


class LogFile:
    """An SQLite file with the tables of a log.

    Each transaction opens a new connection, to detect that the file was moved, restored
    or replaced. `Store` locks the file.

    Parameters
    ----------
    path : Path
        Path of the file.

    Attributes
    ----------
    path : Path
        Path of the file.
    may_create : bool
        Whether `writing` may create a missing file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.may_create = False
        self._engine = sa.create_engine(
            "sqlite://", creator=self._connect, poolclass=NullPool
        )
        sa.event.listen(self._engine, "begin", _begin)

    @property
    def exists(self) -> bool:
        """Whether a file or link exists at the path."""
        return os.path.lexists(self.path)

    @cached_property
    def home(self) -> str:
        """Host name and inode, which distinguish the file from its copies."""
        return home_of(self.path.stat())

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a read transaction.

        Raises
        ------
        StoreError
            If the file cannot be read.
        """
        try:
            with self._engine.connect().execution_options(reading=True) as db:
                yield db
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(f"cannot be read ({_reason(error)})", _DAMAGED) from error

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a write transaction, whose changes are on disk when the context ends.

        Raises
        ------
        StoreError
            If the file cannot be written.
        """
        try:
            with self._engine.begin() as db:
                yield db
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise self.write_error(error) from error

    def write_error(self, error: Exception) -> StoreError:
        """Convert an exception of a failed write to an error for the reviewer."""
        return self._error(
            f"cannot be written ({_reason(error)})",
            "Nothing was recorded; free the disk, or choose another output",
        )

    def has_tables(self, db: sa.Connection) -> bool:
        """Return whether the file contains a log.

        Raises
        ------
        StoreError
            If the file is a database of another program, or has triggers or views.
        """
        found = db.exec_driver_sql("SELECT type, name FROM sqlite_master").all()
        tables = [name for kind, name in found if kind == "table"]
        active = [f"{kind} {name}" for kind, name in found if kind in _ACTIVE_OBJECTS]
        if tables and REVIEW.name not in tables:
            raise self._error(
                f"is a database of another program (tables {', '.join(tables)})",
                "Name another output",
            )
        if active:
            raise self._error(
                f"it has parts that could change decisions ({', '.join(active)})",
                "Remove them, or name another output",
            )
        return bool(tables)

    def create_tables(
        self, db: sa.Connection, contents: StoreContents, binding: Binding
    ) -> None:
        """Create the tables in an empty file, and insert the row of the review."""
        METADATA.create_all(db)
        first = {
            "id": 1,
            "schema_version": SCHEMA_VERSION,
            "review_id": contents.review_id,
            "log_id": contents.log_id,
            "state": {},
        }
        db.execute(sa.insert(REVIEW), first | plain_values(binding))

    def check_pages(self, db: sa.Connection) -> None:
        """Check the pages of the file; raise a StoreError if the file is damaged."""
        found = db.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if found != "ok":
            raise self._error(f"it is damaged ({found})", _DAMAGED)

    def is_current(self, db: sa.Connection) -> bool:
        """Return True for a current schema version, and False for an older one.

        Raises
        ------
        StoreError
            If the schema version is newer or unknown.
        """
        return self._version(db) >= SCHEMA_VERSION

    def migrate(self, db: sa.Connection) -> None:
        """Migrate an older schema to the current version, after a dated backup."""
        version = self._version(db)
        # Another process may have migrated the file meanwhile.
        if version < SCHEMA_VERSION:
            backup = beside(self.path).with_suffix(f".backup{self.path.suffix}")
            self._write_copy(db, backup)
            MIGRATIONS[version](db)
            db.execute(sa.update(REVIEW).values(schema_version=SCHEMA_VERSION))
            # Raise an error for a damaged log before the transaction is committed.
            self.read_all(db)

    def read_state(self, db: sa.Connection) -> Any:
        """Read the last position of the review as plain JSON; None if it is damaged."""
        return loaded(db.execute(sa.select(_STATE)).scalar_one())

    def read_table_name(self, db: sa.Connection) -> str:
        """Read the path of the table under review."""
        return str(db.execute(sa.select(REVIEW.c.table_name)).scalar_one())

    def read_reviewers(self, db: sa.Connection) -> tuple[str, ...]:
        """Read the names of reviewers with a verdict, the last to record one first."""
        # Older schemas have no column `position`, but each table has row ids.
        rows = db.exec_driver_sql(
            "SELECT reviewer FROM decisions WHERE action = 'decide' AND reviewer != '' "
            "GROUP BY reviewer ORDER BY max(rowid) DESC"
        )
        return tuple(rows.scalars())

    def read_all(self, db: sa.Connection) -> StoreContents:
        """Read the contents of the file, and check each entry against its digest.

        Raises
        ------
        StoreError
            If an entry is missing or damaged.
        """
        review = db.execute(sa.select(*REVIEW.c[:-1], _STATE)).one()
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
            [*map(SaveRecord.from_row, saves)],
            loaded(review.position),
            review.review_id,
            review.log_id,
            review.home,
            read_images(db),
        )

    def with_own_log_id(self, contents: StoreContents) -> StoreContents:
        """Return contents of this file, with a new log id if the file is a copy.

        With the same log id, both files would give the same numbers to different
        entries.
        """
        if contents.home in ("", self.home):
            return contents
        return replace(contents, log_id=uuid.uuid4().hex)

    def copy_to(self, path: Path) -> None:
        """Copy the file to `path`, if it exists and contains a log.

        Raises
        ------
        StoreError
            If the file cannot be read, or the copy cannot be written.
        """
        if self.exists:
            with self.reading() as db:
                if self.has_tables(db):
                    self._write_copy(db, path)

    # Private methods

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self.may_create else "rw"
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_TIMEOUT,
            isolation_level=None,
        )

    def _version(self, db: sa.Connection) -> int:
        version = db.execute(sa.select(REVIEW.c.schema_version)).scalar()
        if not isinstance(version, int) or version < 1:
            raise self._error("it has no schema version", _DAMAGED)
        if version > TEAM_VERSION:
            raise self._error(
                f"it was written by a newer version (schema {version}; this one knows "
                f"{TEAM_VERSION})",
                "Upgrade napari-artifact-review",
            )
        return version

    def _write_copy(self, db: sa.Connection, path: Path) -> None:
        # Copy through SQLite: a direct copy would open and close the file, which
        # releases SQLite's locks. See https://www.sqlite.org/howtocorrupt.html.
        connection = db.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        contents = connection.serialize()
        try:
            replace_file(path, lambda stream: stream.write(contents))
        except SaveError as error:
            raise self._error(
                f"its backup cannot be made ({error.what})",
                "Nothing was changed; free the disk",
            ) from error

    def _error(self, what: str, remedy: str) -> StoreError:
        return StoreError(what, path=self.path, remedy=remedy)


def home_of(status: os.stat_result) -> str:
    """Return the host name and the inode, by the status of a file on this computer."""
    return f"{socket.gethostname()} {status.st_ino}"


def _begin(db: sa.Connection) -> None:
    # Do not run SQL functions in a schema that another program may have written.
    db.exec_driver_sql("PRAGMA trusted_schema = OFF")
    if db.get_execution_options().get("reading", False):
        # Change no other setting: the file may be a database of another program.
        db.exec_driver_sql("BEGIN")
        return
    # A rollback journal, unlike a write-ahead log, also works on a network folder:
    # https://www.sqlite.org/wal.html
    db.exec_driver_sql("PRAGMA journal_mode = DELETE")
    # EXTRA also syncs the folder after the journal is deleted. With FULL, the journal
    # may reappear after a power cut, and SQLite would then undo the last decision.
    db.exec_driver_sql("PRAGMA synchronous = EXTRA")
    db.exec_driver_sql("BEGIN IMMEDIATE")


def _reason(error: Exception) -> str:
    """Return the error message of the database or the operating system."""
    return str(error.orig if isinstance(error, DBAPIError) else error)
