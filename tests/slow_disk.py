"""A disk that takes its time, or fails, whenever SQLite commits."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest


class SlowDisk:
    """What becomes of each commit.

    Attributes
    ----------
    seconds : float
        The time that each takes.
    faults : list of Exception or None
        What the next ones raise; afterwards each raises `fault`.
    fault : Exception or None
        What each raises after it took its time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.faults: list[Exception | None] = []
        self.fault: Exception | None = None
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    def hold(self) -> None:
        """Let no commit come to its end."""
        self._may_go_on.clear()

    def release(self) -> None:
        """Let commits come to their end again."""
        self._may_go_on.set()

    def commit(self) -> None:
        """Take as long as a commit takes, and fail as it does."""
        time.sleep(self.seconds)
        assert self._may_go_on.wait(60), "the disk was held for good"
        fault = self.faults.pop(0) if self.faults else self.fault
        if fault is not None:
            raise fault


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    """Have every commit of SQLite take as long as this disk says."""
    disk, connect = SlowDisk(), sqlite3.connect

    class Connection(sqlite3.Connection):
        def commit(self) -> None:
            disk.commit()
            super().commit()

    def connect_slowly(*args: Any, **named: Any) -> sqlite3.Connection:
        return connect(*args, factory=Connection, **named)

    monkeypatch.setattr(sqlite3, "connect", connect_slowly)
    yield disk
    disk.seconds = 0.0
    disk.release()
