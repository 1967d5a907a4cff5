"""The store: every decision on disk, in an append-only table of a database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from napari_artifact_review.core.decisions import Entry, utc_now
from napari_artifact_review.core.errors import HeldError, SaveError, StoreError
from napari_artifact_review.core.holder import (
    Holder,
    hold,
    let_go,
    may_live,
    this_host,
)
from napari_artifact_review.core.saving import beside, replace_file
from napari_artifact_review.core.schema import (
    DECISIONS,
    HOLDER,
    METADATA,
    MIGRATIONS,
    REVIEW,
    SAVES,
    SCHEMA_VERSION,
    Binding,
    SaveRecord,
    StoreContents,
    entry_of,
    is_sound,
    plain_values,
    row_of,
)

#: Seconds to wait for a reader of the file to let go.
_PATIENCE = 5.0

_DAMAGED = "Move it away or name another output; what it holds is not touched"
_REOPEN = "Open the review again"


class Store:
    """The decisions of one review in a database; usable from any thread.

    Each operation is one transaction on a connection of its own, so that a file that
    was moved away, put back or replaced is noticed at the next one.

    Parameters
    ----------
    place : Path or str
        An SQLite file, or the SQLAlchemy URL of a database, which then holds this one
        review.
    replaced : Store, optional
        Another one of this process that this one may take the review from.
    read_only : bool
        Whether it is only looked at: nothing is written, nobody is kept out.

    Attributes
    ----------
    place : Path or str
        As it was named.
    name : str
        The same for people: a URL without its password.

    Raises
    ------
    StoreError
        If the URL names no database that can be used.
    """

    def __init__(
        self,
        place: Path | str,
        replaced: Store | None = None,
        read_only: bool = False,
    ) -> None:
        self.place = place
        self._read_only = read_only
        self._replaced = replaced
        self._file = place if isinstance(place, Path) else _sqlite_file(place)
        if self._file is not None:
            self._engine = sa.create_engine(
                "sqlite://", creator=self._connect, poolclass=NullPool
            )
            sa.event.listen(self._engine, "begin", _begin)
            self.name = str(self._file)
        else:
            self._engine = sa.create_engine(str(place), poolclass=NullPool)
            self.name = self._engine.url.render_as_string()
        self._binding: Binding | None = None
        self._holder: Holder | None = None
        self._closed = False
        # Whether somebody else has held the review since it was read.
        self._looks_on = False
        self._log: list[Entry] = []
        self._saves: dict[str, SaveRecord] = {}

    # Opening

    def read(self) -> StoreContents:
        """Return what is in the store; nothing, if there is none yet.

        An older schema is brought up to date first; an SQLite file is kept as a dated
        backup before.

        Raises
        ------
        StoreError
            If it cannot be read, is damaged, or was made by a newer version.
        """
        if self._file is not None and not os.path.lexists(self._file):
            return StoreContents()
        with self._reading() as db:
            if not self._has_tables(db):
                return StoreContents()
            version = self._version(db)
            self._check_pages(db)
        if version < SCHEMA_VERSION:
            self._migrate()
        with self._reading() as db:
            review = db.execute(sa.select(REVIEW)).one()
            entries = db.execute(sa.select(DECISIONS).order_by(DECISIONS.c.number))
            saves = db.execute(sa.select(SAVES).order_by(SAVES.c.saved_at))
            contents = StoreContents(
                Binding(review.table_name, review.fingerprint),
                [entry_of(row) for row in entries],
                [SaveRecord(r.digest, r.path, r.last_number) for r in saves],
                review.state,
            )
        for number, entry in enumerate(contents.entries, 1):
            if not is_sound(entry, number):
                raise self._error(
                    f"entry {number} of its log is missing or damaged", _DAMAGED
                )
        if not isinstance(contents.state, dict):
            raise self._error("it does not tell where the review stood", _DAMAGED)
        self._log = list(contents.entries)
        self._saves = {save.digest: save for save in contents.saves}
        return contents

    def bind(self, binding: Binding) -> None:
        """Tell which table is under review; needed before anything is written."""
        self._binding = binding

    def take_over(self) -> None:
        """End the hold of another computer: one that is gone, as far as one knows.

        Should it be at work after all, it can write nothing more. Of this computer one
        does know, so what holds the store here goes on holding it.

        Raises
        ------
        StoreError
            If nothing can be written.
        """
        with self._writing() as db:
            db.execute(sa.delete(HOLDER).where(HOLDER.c.host != this_host()))

    # Writing. The store is made if there is none, and held from the first time on; what
    # a store that was lost, or put back from a backup, lacks is written again.

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none, and return when they are on disk.

        Parameters
        ----------
        entries : sequence of Entry
            What follows on everything that was read or appended before.

        Raises
        ------
        StoreError
            If they cannot be written, or somebody else holds the store.
        """
        with self._writing() as db:
            self._be_holder(db)
            _insert(db, entries)
        self._log.extend(entries)

    def keep_state(self, state: Mapping[str, Any]) -> None:
        """Remember where the review stands, as plain JSON; else like `append`."""
        with self._writing() as db:
            self._be_holder(db)
            db.execute(sa.update(REVIEW).values(state=dict(state)))

    def add_save(self, save: SaveRecord) -> None:
        """Note that a reviewed table is about to be written; else like `append`."""
        with self._writing() as db:
            self._be_holder(db)
            db.execute(sa.delete(SAVES).where(SAVES.c.digest == save.digest))
            _insert_saves(db, [save])
        self._saves[save.digest] = save

    def close(self, state: Mapping[str, Any] | None = None) -> None:
        """Let others have the store, and remember where the review stands.

        Raises
        ------
        StoreError
            If nothing can be written; for other processes the holding ends with this
            one then.
        """
        try:
            if self._holder is not None:
                with self._writing() as db:
                    self._be_holder(db)
                    if state is not None:
                        db.execute(sa.update(REVIEW).values(state=dict(state)))
                    db.execute(sa.delete(HOLDER))
        finally:
            self._closed = True
            if self._holder is not None:
                let_go(self._holder)
            self._holder = None

    # Inside

    def _connect(self) -> sqlite3.Connection:
        assert self._file is not None, "only an SQLite file is opened here"
        # A file that is gone is made anew only where it is known what belongs in it.
        mode = "rw" if self._binding is None else "rwc"
        return sqlite3.connect(
            f"{self._file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_PATIENCE,
            isolation_level=None,
        )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(reading=True) as db:
                yield db
        except (SQLAlchemyError, OSError, ValueError) as error:
            remedy = _DAMAGED if self._file else "Check the URL, and its server"
            raise self._error(f"cannot be read ({_reason(error)})", remedy) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._read_only:
            raise HeldError(
                "this review is only looked at here",
                remedy="Open it to decide, or to bring it up to date",
                **self._at,
            )
        try:
            with self._engine.begin() as db:
                yield db
        except (SQLAlchemyError, OSError, ValueError) as error:
            raise self._error(
                f"cannot be written ({_reason(error)})",
                "Nothing was recorded; free the disk, or choose another output",
            ) from error

    def _has_tables(self, db: sa.Connection) -> bool:
        names = sa.inspect(db).get_table_names()
        if names and REVIEW.name not in names:
            raise self._error(
                f"is a database of something else (tables {', '.join(names)})",
                "Name another output, or another database",
            )
        return bool(names)

    def _be_holder(self, db: sa.Connection) -> None:
        """Make sure that this review holds the store, and that it holds the log."""
        if self._closed:
            raise self._error("this review is closed", _REOPEN)
        if not self._has_tables(db):
            self._create(db)
        if self._version(db, lock=True) != SCHEMA_VERSION:
            raise self._error("it was put back from an older version", _REOPEN)
        ours = self._is_ours(db)
        if ours:
            # Nobody else wrote: this was refused half way, and never shown as made.
            db.execute(sa.delete(DECISIONS).where(DECISIONS.c.number > len(self._log)))
        last = db.execute(
            sa.select(DECISIONS).order_by(DECISIONS.c.number.desc()).limit(1)
        ).first()
        stored = 0 if last is None else last.number
        if last is not None:
            here = self._log[stored - 1 : stored]
            if [_bare(entry) for entry in here] != [_bare(entry_of(last))]:
                raise self._went_on()
        _insert(db, self._log[stored:])
        known = set(db.scalars(sa.select(SAVES.c.digest)))
        _insert_saves(db, [self._saves[one] for one in self._saves.keys() - known])
        if not ours:
            assert self._binding is not None, "a store is held for a table"
            # The same one again if it is not known whether it was written.
            self._holder = self._holder or hold(self)
            self._looks_on = False
            db.execute(sa.delete(HOLDER))
            db.execute(sa.insert(HOLDER), {"id": 1} | plain_values(self._holder))
            db.execute(sa.update(REVIEW), plain_values(self._binding))

    def _is_ours(self, db: sa.Connection) -> bool:
        """Tell whether this review holds the store; refuse if somebody else does."""
        row = db.execute(sa.select(*HOLDER.c[1:])).first()
        if row is None:
            return False
        held = Holder(**row._asdict())
        if self._holder is not None and held.token == self._holder.token:
            return True
        replaced = self._replaced is not None and held == self._replaced._holder
        if not replaced and may_live(held):
            raise self._held(held)
        return False

    def _create(self, db: sa.Connection) -> None:
        """Make the tables, also those of a store that was deleted behind our back."""
        assert self._binding is not None, "a store is made for a table"
        METADATA.create_all(db)
        first = {"id": 1, "schema_version": SCHEMA_VERSION, "state": {}}
        db.execute(sa.insert(REVIEW), first | plain_values(self._binding))

    def _check_pages(self, db: sa.Connection) -> None:
        """Refuse an SQLite file that is damaged somewhere, before it is written to."""
        if self._file is not None:
            told = db.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if told != "ok":
                raise self._error(f"it is damaged ({told})", _DAMAGED)

    def _version(self, db: sa.Connection, lock: bool = False) -> int:
        question = sa.select(REVIEW.c.schema_version)
        # Whoever else comes waits here, in databases that know more than one writer.
        version = db.execute(question.with_for_update() if lock else question).scalar()
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
        with self._writing() as db:
            version = self._version(db, lock=True)
            # Another process may have done it meanwhile.
            if version == SCHEMA_VERSION:
                return
            self._is_ours(db)
            self._keep_backup(db)
            for step in range(version, SCHEMA_VERSION):
                MIGRATIONS[step](db)
            db.execute(sa.update(REVIEW).values(schema_version=SCHEMA_VERSION))

    def _keep_backup(self, db: sa.Connection) -> None:
        if self._file is None:
            return
        # Through SQLite: to open and close its file would let go of its locks,
        # https://www.sqlite.org/howtocorrupt.html
        connection = db.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        contents = connection.serialize()
        backup = beside(self._file).with_suffix(f".backup{self._file.suffix}")
        try:
            replace_file(backup, lambda stream: _write_all(stream, contents))
        except SaveError as error:
            raise self._error(
                f"its backup cannot be made ({error.what})",
                "Nothing was changed; free the disk",
            ) from error

    def _held(self, other: Holder) -> HeldError:
        error = HeldError(
            f"this review is open elsewhere: {other}",
            remedy="Look at it here, as it was when it was opened; to decide, close it "
            "there and open it again here",
            **self._at,
        )
        error.far = not other.is_here
        self._looks_on = True
        return error

    def _went_on(self) -> StoreError:
        if not self._looks_on:
            return self._error("another program has written to it", _REOPEN)
        return HeldError(
            "this review went on elsewhere since it was opened here",
            remedy="Open it again to see what was decided there, and to decide",
            **self._at,
        )

    def _error(self, what: str, remedy: str) -> StoreError:
        return StoreError(what, remedy=remedy, **self._at)

    @property
    def _at(self) -> dict[str, Any]:
        """The place that an error is about."""
        return {"path": self._file, "where": None if self._file else self.name}


def _sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for another database."""
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, ImportError) as error:
        raise StoreError(
            f"{url!r} names no database that can be used ({error})",
            remedy="Name an SQLAlchemy URL, and install the driver that it needs",
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError(
            f"{url!r} is a database in memory, which ends with the program",
            remedy="Name a file",
        )
    return Path(parsed.database).absolute()


def _begin(db: sa.Connection) -> None:
    # Whoever will write is the only writer at once: what is checked holds until then.
    if db.get_execution_options().get("reading", False):
        # No more than that: it may be the database of somebody else.
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


def _insert(db: sa.Connection, entries: Sequence[Entry]) -> None:
    if entries:
        db.execute(sa.insert(DECISIONS), [row_of(entry) for entry in entries])


def _insert_saves(db: sa.Connection, saves: Sequence[SaveRecord]) -> None:
    if saves:
        now = {"saved_at": utc_now()}
        db.execute(sa.insert(SAVES), [plain_values(save) | now for save in saves])


def _bare(entry: Entry) -> Entry:
    """Return an entry without its context, where a NaN would equal nothing."""
    return replace(entry, context={})


def _write_all(stream: BinaryIO, contents: bytes) -> None:
    stream.write(contents)
