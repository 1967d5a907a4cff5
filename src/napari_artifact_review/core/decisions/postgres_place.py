"""Meeting place in a PostgreSQL database."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any, LiteralString

import psycopg
import sqlalchemy as sa
from psycopg.errors import UndefinedTable
from sqlalchemy.schema import CreateTable

from napari_artifact_review.core.decisions.database_url import (
    POSTGRESQL,
    safe_name,
    without_secrets,
)
from napari_artifact_review.core.decisions.meeting_place import (
    JoinedReview,
    OldStore,
    RawEntry,
    ReviewIdentity,
    Span,
)
from napari_artifact_review.core.errors import StoreError

#: Longest wait for a server response, in seconds, measured by the client. If the server
#: process hangs, its kernel still acknowledges all packets. Neither keepalives nor
#: tcp_user_timeout end the connection then.
DEADLINE = 2.0

SCHEMA_VERSION = 1

_METADATA = sa.MetaData()

_SCHEMA = sa.Table(
    "meeting_schema",
    _METADATA,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)
_REVIEWS = sa.Table(
    "meeting_reviews",
    _METADATA,
    sa.Column("review_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
    sa.Column("table_name", sa.Text, nullable=False),
)
_ENTRIES = sa.Table(
    "meeting_entries",
    _METADATA,
    sa.Column("review_id", sa.ForeignKey(_REVIEWS.c.review_id), primary_key=True),
    sa.Column("log_id", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.CheckConstraint("number > 0"),
)

# The statements use PostgreSQL's own SQL, so that each of them takes one round trip.

#: If a number equals its rank, no smaller number is missing.
_LAST_NUMBERS = """
    SELECT log_id, max(number) AS last_number FROM (
        SELECT log_id, number,
            row_number() OVER (PARTITION BY log_id ORDER BY number) AS rank
        FROM meeting_entries WHERE review_id = %(review_id)s
    ) AS numbered
    WHERE number = rank GROUP BY log_id
"""
#: The review id is NULL if another computer creates the review at the same time: a
#: statement does not see rows that are committed after its start.
_JOIN = f"""
    WITH made AS (
        INSERT INTO meeting_reviews (review_id, fingerprint, table_name)
        SELECT %(own_id)s, %(fingerprint)s, %(table_name)s
        FROM meeting_schema WHERE version = %(version)s
        ON CONFLICT DO NOTHING
        RETURNING review_id
    ), known AS (
        SELECT review_id FROM made
        UNION ALL
        SELECT review_id FROM meeting_reviews
        WHERE review_id = %(own_id)s OR fingerprint = %(fingerprint)s
    ), joined AS (
        SELECT review_id FROM known ORDER BY review_id = %(own_id)s DESC LIMIT 1
    )
    SELECT version, (SELECT review_id FROM joined), (
        SELECT json_object_agg(log_id, last_number)
        FROM ({_LAST_NUMBERS % {"review_id": "(SELECT review_id FROM joined)"}}) AS last
    )
    FROM meeting_schema
"""
_SEND = """
    INSERT INTO meeting_entries (review_id, log_id, number, body)
    SELECT %(review_id)s, * FROM unnest(
        %(log_ids)s::text[], %(numbers)s::bigint[], %(bodies)s::text[]
    )
    ON CONFLICT DO NOTHING
"""
_FETCH = """
    SELECT log_id, number, body FROM meeting_entries JOIN unnest(
        %(log_ids)s::text[], %(afters)s::bigint[], %(lasts)s::bigint[]
    ) AS span (log_id, after, last) USING (log_id)
    WHERE review_id = %(review_id)s AND number > after AND number <= last
    ORDER BY log_id, number
"""
_OLD_REVIEW = "SELECT to_json(old) FROM review AS old"
_OLD_DECISIONS = """
    SELECT to_json(old) FROM decisions AS old
    WHERE number > %(after)s ORDER BY number LIMIT 500
"""

#: Key of the advisory lock for creating the tables; an arbitrary number.
_CREATION_LOCK = 0x6E6172


class PostgresPlace:
    """A meeting place in a PostgreSQL database; see `MeetingPlace`.

    The first operation opens a connection. The first operation after an error opens a
    new connection.

    Parameters
    ----------
    url : sqlalchemy.URL
        URL of the database, as returned by `read_database_url`.
    deadline : float
        Longest wait for a server response, in seconds.

    Attributes
    ----------
    name : str
        The URL without password and options.
    on_timeout : callable or None
        Called from another thread with the error if the server does not respond in
        time.
    problem : None
        A database has no files that could be faulty.
    """

    problem = None

    def __init__(self, url: sa.URL, deadline: float = DEADLINE) -> None:
        self.name = safe_name(url)
        self.on_timeout: Callable[[StoreError], object] | None = None
        self._url = url
        self._deadline = deadline
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._review_id: str | None = None
        self._is_late = False

    def join(self, review: ReviewIdentity) -> JoinedReview:
        """Find or create the review; create the tables if they are missing."""
        values = {
            "own_id": review.review_id,
            "fingerprint": review.fingerprint,
            "table_name": _storable(review.table_name),
            "version": SCHEMA_VERSION,
        }
        with self._errors_explained():
            try:
                rows = self._run(_JOIN, values)
            except UndefinedTable:
                self._run(_creation())
                rows = self._run(_JOIN, values)
            if rows == [(SCHEMA_VERSION, None, None)]:
                rows = self._run(_JOIN, values)
        versions = [row[0] for row in rows]
        if versions != [SCHEMA_VERSION]:
            raise StoreError(
                "this meeting place was made by another version of this program "
                f"(schema {', '.join(map(str, versions)) or 'unknown'}; this one knows "
                f"{SCHEMA_VERSION})",
                where=self.name,
                remedy="Upgrade napari-artifact-review",
            )
        _, self._review_id, last_numbers = rows[0]
        if self._review_id is None:
            raise StoreError(
                "the server did not store the review",
                where=self.name,
                remedy="Check the rights of its user, and the triggers, of the table "
                f"{_REVIEWS.name}",
            )
        return JoinedReview(self._joined, last_numbers or {})

    def fetch_last_numbers(self) -> dict[str, int]:
        """Return, for each log id, the number up to which all entries are stored."""
        with self._errors_explained():
            return dict(self._run(_LAST_NUMBERS, {"review_id": self._joined}))

    def send(self, entries: Sequence[RawEntry]) -> None:
        """Store all of the entries or none; entries already stored are not changed."""
        columns = {
            "log_ids": [entry.log_id for entry in entries],
            "numbers": [entry.number for entry in entries],
            "bodies": [entry.body for entry in entries],
        }
        with self._errors_explained():
            self._run(_SEND, {"review_id": self._joined, **columns})

    def fetch(self, spans: Sequence[Span]) -> list[RawEntry]:
        """Return the stored entries of the spans, sorted by log id and number."""
        columns = {
            "log_ids": [span.log_id for span in spans],
            "afters": [span.after for span in spans],
            "lasts": [span.last for span in spans],
        }
        with self._errors_explained():
            rows = self._run(_FETCH, {"review_id": self._joined, **columns})
        return [RawEntry(*row) for row in rows]

    def read_old_store(self) -> OldStore | None:
        """Return the data that an older version stored, or None; change nothing."""
        with self._errors_explained():
            try:
                reviews = [row[0] for row in self._run(_OLD_REVIEW)]
            except UndefinedTable:
                return None
            if len(reviews) != 1 or reviews[0].get("schema_version") not in (1, 2):
                # The table belongs to another program.
                return None
            decisions: list[dict[str, Any]] = []
            after = 0
            while rows := self._run(_OLD_DECISIONS, {"after": after}):
                decisions += [row[0] for row in rows]
                after = decisions[-1]["number"]
        return OldStore(reviews[0], decisions)

    def close(self) -> None:
        """Close the connection; the next operation opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # Private methods

    @property
    def _joined(self) -> str:
        assert self._review_id is not None, "a review is joined before it is used"
        return self._review_id

    def _run(
        self, statement: LiteralString | bytes, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run a statement within the deadline, and return its rows."""
        connection = self._connection or self._connect()
        with self._watched(lambda: _shut_down(connection)):
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        _, arguments = self._url.get_dialect()().create_connect_args(self._url)
        # Options in the URL override these defaults.
        defaults: dict[str, Any] = {
            # psycopg ends the attempt after this time, later than the watchdog reports.
            "connect_timeout": int(self._deadline) + 1,
            "application_name": "napari-artifact-review",
            # Without this, a database without an encoding returns strings as bytes.
            "client_encoding": "UTF8",
        }
        with self._watched():
            self._connection = psycopg.connect(
                **{**defaults, **arguments},
                # Each statement is its own transaction, which saves round trips.
                autocommit=True,
                # Prepared statements need more round trips, and some connection poolers
                # do not support them.
                prepare_threshold=None,
            )
        return self._connection

    @contextmanager
    def _watched(self, cancel: Callable[[], None] | None = None) -> Iterator[None]:
        """Report and cancel an operation that exceeds the deadline."""
        self._is_late = False
        # The watchdog must not act after the operation has ended, because the next
        # operation may already use the connection.
        lock = Lock()
        has_ended = False

        def expire() -> None:
            with lock:
                if has_ended:
                    return
                self._is_late = True
                if cancel is not None:
                    cancel()
                if self.on_timeout is not None:
                    self.on_timeout(self._no_answer())

        watchdog = Timer(self._deadline, expire)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            with lock:
                has_ended = True
            watchdog.cancel()

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Convert an error of the driver to a StoreError, and close the connection."""
        try:
            yield
        except psycopg.Error as error:
            self.close()
            if self._is_late:
                raise self._no_answer() from error
            message = str(error) or type(error).__name__
            reason = without_secrets(message, self._url)
            raise StoreError(
                f"the server cannot be used ({reason.splitlines()[0]})",
                where=self.name,
                remedy="Check the URL, the password (.pgpass or PGPASSWORD) and the "
                "server",
                # A traceback would show the original message with the secrets.
            ) from (error if reason == message else None)

    def _no_answer(self) -> StoreError:
        return StoreError(
            f"the server did not answer within {self._deadline:g} s",
            where=self.name,
            remedy="Check the network and the server",
        )


def _shut_down(connection: psycopg.Connection[Any]) -> None:
    """Shut down the socket of a connection, from any thread."""
    with suppress(psycopg.OperationalError, OSError):
        connected = socket.socket(fileno=connection.fileno())
        try:
            connected.shutdown(socket.SHUT_RDWR)
        finally:
            # The connection will close the socket.
            connected.detach()


def _creation() -> bytes:
    """Return the statements that create the tables in one transaction."""
    dialect = sa.make_url(POSTGRESQL + "://").get_dialect()()
    tables = [
        str(CreateTable(table, if_not_exists=True).compile(dialect=dialect))
        for table in _METADATA.sorted_tables
    ]
    statements = [
        # CREATE TABLE IF NOT EXISTS can fail if two clients run it simultaneously.
        f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})",
        *tables,
        f"INSERT INTO {_SCHEMA.name} SELECT {SCHEMA_VERSION} "
        f"WHERE NOT EXISTS (SELECT FROM {_SCHEMA.name})",
    ]
    return ";".join(statements).encode()


def _storable(text: str) -> str:
    """Escape the characters that PostgreSQL cannot store."""
    escaped = text.encode(errors="backslashreplace").decode()
    return escaped.replace("\0", r"\x00")
