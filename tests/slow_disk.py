"""A slow or failing disk for every SQLite file, simulated in the database's driver."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest


class SlowDisk:
    """A disk that delays writes or makes them fail.

    Attributes
    ----------
    seconds : float
        The duration of every write.
    fault : Exception or None
        The error of every write.
    faults : deque of Exception or None
        The errors of the next writes of entries, in order.
    late_faults : deque of Exception or None
        Errors that follow after the entries are on disk: the caller does not know
        whether the commit succeeded.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.fault: Exception | None = None
        self.faults: deque[Exception | None] = deque()
        self.late_faults: deque[Exception | None] = deque()
        self._change = threading.Condition()
        self._is_held = False
        self._allowed = 0

    def hold(self) -> None:
        """Hold all writes."""
        with self._change:
            self._is_held, self._allowed = True, 0

    def go_on(self) -> None:
        """Release the waiting writes and those that follow."""
        with self._change:
            self._is_held = False
            self._change.notify_all()

    def go_on_once(self) -> None:
        """Release one write."""
        with self._change:
            self._allowed += 1
            self._change.notify_all()

    def begin(self) -> None:
        """Wait or fail at the start of a write."""
        time.sleep(self.seconds)
        with self._change:
            may_go_on = self._change.wait_for(
                lambda: self._allowed or not self._is_held, 30
            )
            assert may_go_on, "the disk was never let go on"
            self._allowed = max(0, self._allowed - 1)
        if self.fault is not None:
            raise self.fault

    def insert_entries(self) -> None:
        """Raise the next planned error of a write of entries."""
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise fault

    def committed(self, has_entries: bool) -> None:
        """Raise the next planned error after entries are on disk."""
        fault = None
        if has_entries and self.late_faults:
            fault = self.late_faults.popleft()
        if fault is not None:
            raise fault


def full() -> sqlite3.OperationalError:
    """Return SQLite's error for a full disk."""
    return sqlite3.OperationalError("database or disk is full")


def connection_to(disk: SlowDisk) -> type[sqlite3.Connection]:
    """Return a class of connections to a slow disk."""

    class Cursor(sqlite3.Cursor):
        def execute(self, statement, *args):
            self._tell(statement)
            return super().execute(statement, *args)

        def executemany(self, statement, *args):
            self._tell(statement)
            return super().executemany(statement, *args)

        def _tell(self, statement):
            if statement.startswith("BEGIN IMMEDIATE"):
                disk.begin()
            elif statement.startswith("INSERT INTO decisions"):
                self.connection.has_entries = True
                disk.insert_entries()

    class Connection(sqlite3.Connection):
        has_entries = False

        def cursor(self, *_):
            return super().cursor(Cursor)

        def commit(self):
            super().commit()
            disk.committed(self.has_entries)

    return Connection


@contextmanager
def sqlite_on_a_slow_disk() -> Iterator[SlowDisk]:
    """Put every SQLite file on a slow disk, which has no delay at first."""
    disk = SlowDisk()
    slow = partial(sqlite3.connect, factory=connection_to(disk))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", slow)
        yield disk
        disk.seconds, disk.fault = 0.0, None
        disk.go_on()


@pytest.fixture
def slow_disk() -> Iterator[SlowDisk]:
    """Put every SQLite file on a slow disk; see `sqlite_on_a_slow_disk`."""
    with sqlite_on_a_slow_disk() as disk:
        yield disk
