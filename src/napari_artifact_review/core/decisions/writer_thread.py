"""A thread that runs the write operations on the log, one after another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any, NamedTuple


class Job(NamedTuple):
    """A job of the writer thread.

    Attributes
    ----------
    number : int
        Sequence number of the job in its thread, from 1.
    future : Future
        Result or exception of the job.
    """

    number: int
    future: Future[Any]


class WriterThread:
    """A daemon thread that runs jobs in order.

    A daemon thread that waits for an unresponsive disk does not keep the process alive.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = count(1)
        threading.Thread(
            target=_work, args=(self._jobs,), name="artifact-review-log", daemon=True
        ).start()

    def submit(self, function: Callable[..., Any], *args: Any) -> Job:
        """Queue a function call as a job, and return immediately."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function(*args))
            # The future passes every error to the reviewer; the thread continues.
            except BaseException as error:  # noqa: BLE001
                future.set_exception(error)

        job = Job(next(self._numbers), future)
        self._jobs.put(run)
        return job

    def end(self) -> None:
        """End the thread after all submitted jobs."""
        self._jobs.put(_stop)


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    # Refer only to the queue, so that an unused recorder is freed immediately.
    while (job := jobs.get()) is not _stop:
        job()
        del job


def _stop() -> None:
    """Mark the end of the jobs in the queue."""
