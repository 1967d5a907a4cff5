"""Thread that runs the write operations on the log, one after another."""

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
        Sequence number of the job in its thread, counted from 1.
    future : Future
        Future result or exception of the job.
    """

    number: int
    future: Future[Any]


class WriterThread:
    """A daemon thread that runs jobs in order.

    A daemon thread does not keep the process alive while it waits for a disk.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = count(1)
        threading.Thread(
            target=_work, args=(self._jobs,), name="artifact-review-log", daemon=True
        ).start()

    def submit(self, function: Callable[..., Any], *args: Any) -> Job:
        """Queue a function call, and return its job immediately."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(function(*args))
            # Store any exception in the future, so that the thread continues.
            except BaseException as error:  # noqa: BLE001
                future.set_exception(error)

        job = Job(next(self._numbers), future)
        self._jobs.put(run)
        return job

    def end(self) -> None:
        """End the thread after all submitted jobs have run."""
        self._jobs.put(_stop)


def _work(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    # The thread refers only to the queue, so that an unused recorder can be freed.
    while (job := jobs.get()) is not _stop:
        job()
        del job


def _stop() -> None:
    """Do nothing; this function marks the end of the queue."""
