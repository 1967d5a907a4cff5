"""File operations in a thread, so that a disk that hangs delays no caller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from napari_artifact_review.core.errors import StoreError

_Result = TypeVar("_Result")


class WatchedDisk:
    """A disk whose operations end within a deadline, as far as the caller sees.

    A network disk can hang for hours, and an operation on it cannot be cancelled. Each
    operation runs in a daemon thread, and only one thread runs at a time. An operation
    that exceeds the deadline goes on in its thread; the next operation waits for it.

    Parameters
    ----------
    name : str
        Name of the disk or folder, shown in messages.
    deadline : float
        Longest time between two steps of an operation, in seconds.
    """

    def __init__(self, name: str, deadline: float) -> None:
        self._name = name
        self._deadline = deadline
        self._running: _Operation[Any] | None = None

    def run(self, function: Callable[[], _Result]) -> _Result:
        """Run a function in the thread of the disk, and return its result.

        Raises
        ------
        StoreError
            If this or an earlier operation makes no step within the deadline.
        Exception
            Any exception of the function.
        """
        if self._running is not None:
            self._wait(self._running)
        operation = _Operation(function)
        self._running = operation
        operation.start()
        self._wait(operation)
        self._running = None
        return operation.result()

    def step(self) -> None:
        """Report from inside an operation that it makes progress."""
        if self._running is not None:
            self._running.steps.release()

    def _wait(self, operation: _Operation[_Result]) -> None:
        while not operation.has_ended:
            if not operation.steps.acquire(timeout=self._deadline):
                raise StoreError(
                    f"the folder did not answer within {self._deadline:g} s",
                    where=self._name,
                    remedy="Check the network and the disk",
                )


class _Operation(Generic[_Result]):
    """A function call in a daemon thread, which does not keep the process alive."""

    def __init__(self, function: Callable[[], _Result]) -> None:
        self.steps = threading.Semaphore(0)
        self.has_ended = False
        self._function = function
        self._results: list[_Result] = []
        self._error: BaseException | None = None

    def start(self) -> None:
        threading.Thread(
            target=self._run, name="artifact-review-folder", daemon=True
        ).start()

    def result(self) -> _Result:
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._function())
        # The caller raises any exception.
        except BaseException as error:  # noqa: BLE001
            self._error = error
        self.has_ended = True
        self.steps.release()
