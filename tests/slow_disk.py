"""A disk that is slow or fails, for every SQLite file; at the database's driver."""

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
    """Lets writes wait, or fail.

    Attributes
    ----------
    seconds : float
        The time that every write takes.
    fault : Exception or None
        What every write meets.
    faults : deque of Exception or None
        What the next writes of entries meet, one after the other.
    late_faults : deque of Exception or None
        The same, but met once they are on disk: the end of their commit is unknown.
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
        """Let writes wait."""
        with self._change:
            self._is_held, self._allowed = True, 0

    def go_on(self) -> None:
        """Let writes go on, those that wait and those that follow."""
        with self._change:
            self._is_held = False
            self._change.notify_all()

    def go_on_once(self) -> None:
        """Let one write go on."""
        with self._change:
            self._allowed += 1
            self._change.notify_all()

    def begin(self) -> None:
        """Wait, or fail, at the begin of a write."""
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
        """Fail where entries are written, if that is planned."""
        fault = self.faults.popleft() if self.faults else None
        if fault is not None:
            raise fault

    def committed(self, has_entries: bool) -> None:
        """Fail once entries are on disk, if that is planned."""
        fault = None
        if has_entries and self.late_faults:
            fault = self.late_faults.popleft()
        if fault is not None:
            raise fault


def full() -> sqlite3.OperationalError:
    """Return what SQLite tells of a full disk."""
    return sqlite3.OperationalError("database or disk is full")


def connection_to(disk: SlowDisk) -> type[sqlite3.Connection]:
    """Return the class of connections to a disk."""

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
    """Put every SQLite file on a slow disk, which is quick at first and at the end."""
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
