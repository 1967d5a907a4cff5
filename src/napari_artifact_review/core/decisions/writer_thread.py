"""A thread that writes to the log's file, one job after another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, NamedTuple


class Job(NamedTuple):
    """A job of the thread.

    Attributes
    ----------
    number : int
        Its number among all jobs of the thread, from 1.
    future : Future
        Holds its result or its exception.
    """

    number: int
    future: Future[Any]


class WriterThread:
    """A daemon thread that does jobs in order.

    As a daemon, a thread that waits for a frozen disk does not keep the process alive.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = count(1)
        threading.Thread(
            target=_work, args=(self._jobs,), name="artifact-review-log", daemon=True
        ).start()

    def submit(self, function: Callable[..., Any], *args: Any) -> Job:
        """Call a function after the jobs before it, and return at once."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function(*args))
            # The reviewer sees every fault; the thread continues.
            except BaseException as error:  # noqa: BLE001
                future.set_exception(error)

        job = Job(next(self._numbers), future)
        self._jobs.put(run)
        return job

    def end(self) -> None:
        """End the thread after the jobs that were submitted."""
        self._jobs.put(_stop)


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    # Refers to the queue alone, so that a recorder without a user is freed at once.
    while (job := jobs.get()) is not _stop:
        job()
        del job


def _stop() -> None:
    """Mark the end of the jobs in the queue."""
